//! Listens to a microphone that may come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::AudioError;
use crate::device::{Open, Take, open_input};
use crate::player::Notice;

/// What a reader may be late by before sound is left out.
const RING_SECS: f64 = 0.5;
/// Between two tries to find a microphone again.
const RETRY: Duration = Duration::from_secs(2);

/// A microphone, read by one thread.
pub struct Microphone {
    wanted: Option<String>,
    notice: Notice,
    open: Option<Open>,
    ring: Consumer<f32>,
    /// Nanoseconds that the newest sample was old when it came.
    age: Arc<AtomicU64>,
    tried: Instant,
}

impl Microphone {
    /// Listens to the microphone called `wanted`, or to the desktop's own.
    /// Where there is none it is looked for again and again; `notice` hears of it.
    pub fn new(wanted: Option<String>, notice: Notice) -> Self {
        let mut microphone = Self {
            wanted,
            notice,
            open: None,
            ring: RingBuffer::new(1).1,
            age: Arc::default(),
            tried: Instant::now(),
        };
        if let Err(error) = microphone.open() {
            (microphone.notice)(&format!("no microphone: {error}; still looking"));
        }
        microphone
    }

    fn open(&mut self) -> Result<(), AudioError> {
        self.tried = Instant::now();
        let mut reader = None;
        let age = Arc::clone(&self.age);
        let open = open_input(self.wanted.as_deref(), |rate_hz| {
            let (mut ring, drain) = RingBuffer::new((f64::from(rate_hz) * RING_SECS) as usize);
            reader = Some(drain);
            let take: Take = Box::new(move |samples, age_secs| {
                keep(&mut ring, samples);
                age.store((age_secs * 1e9) as u64, Ordering::Relaxed);
            });
            take
        })?;
        if let Some(reader) = reader {
            self.ring = reader;
        }
        (self.notice)(&format!("microphone: {}, {} Hz", open.name, open.rate_hz));
        self.open = Some(open);
        Ok(())
    }

    /// Its rate; none while there is no microphone.
    pub fn rate_hz(&self) -> Option<u32> {
        self.open.as_ref().map(|o| o.rate_hz)
    }

    /// How old a sample is when it can be read, as the device tells.
    pub fn age_secs(&self) -> f64 {
        self.age.load(Ordering::Relaxed) as f64 * 1e-9
    }

    /// Appends the samples that came since the last call; none is no error.
    pub fn read(&mut self, out: &mut Vec<f32>) {
        if self.open.as_ref().is_some_and(|o| o.lost.is_lost()) {
            self.open = None;
            self.wanted = None;
            (self.notice)("the microphone is gone; looking for another");
        }
        if self.open.is_none() && self.tried.elapsed() >= RETRY {
            // Said once already.
            self.open().ok();
        }
        if let Ok(chunk) = self.ring.read_chunk(self.ring.slots()) {
            out.extend(chunk);
        }
    }
}

/// Keeps what there is room for.
fn keep(ring: &mut Producer<f32>, samples: &mut dyn Iterator<Item = f32>) {
    for sample in samples {
        if ring.push(sample).is_err() {
            return;
        }
    }
}
