//! Keeps what is heard for a recorder, without ever making the callback wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};

/// What a recorder may be late by before sound is lost to it.
const KEPT_SECS: f64 = 4.0;
/// Buffers that may wait: at the smallest that devices take, 2 ms.
const KEPT_BUFFERS: usize = 2048;

/// One buffer as it was heard: mono, silence too.
#[derive(Clone, Debug, PartialEq)]
pub struct Tapped {
    /// When its first sample was heard.
    pub at: Instant,
    pub rate_hz: u32,
    pub samples: Vec<f32>,
}

/// The readers' side of the taps; the callback only asks whether they are on.
#[derive(Default)]
pub(crate) struct Taps {
    on: AtomicBool,
    /// Of the device that plays now.
    reader: Mutex<Option<TapReader>>,
}

struct TapReader {
    samples: Consumer<f32>,
    buffers: Consumer<(f64, usize)>,
    rate_hz: u32,
    start: Instant,
}

/// The callback's side.
pub(crate) struct TapWriter {
    samples: Producer<f32>,
    buffers: Producer<(f64, usize)>,
}

/// Room for one buffer; none where it would not fit whole.
pub(crate) struct TapBuffer<'a>(Option<&'a mut Producer<f32>>);

impl Taps {
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub fn set(&self, on: bool) {
        // What an earlier recorder left behind is nobody's.
        self.on.store(false, Ordering::Relaxed);
        self.read(&mut Vec::new());
        self.on.store(on, Ordering::Relaxed);
    }

    /// A fresh tap, for a device that begins to play.
    pub fn connect(&self, rate_hz: f64, start: Instant) -> TapWriter {
        let (samples, from) = RingBuffer::new((rate_hz * KEPT_SECS) as usize);
        let (buffers, each) = RingBuffer::new(KEPT_BUFFERS);
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(TapReader {
            samples: from,
            buffers: each,
            rate_hz: rate_hz as u32,
            start,
        });
        TapWriter { samples, buffers }
    }

    pub fn read(&self, out: &mut Vec<Tapped>) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(reader) = &mut *reader else {
            return;
        };
        while let Ok((heard_secs, frames)) = reader.buffers.peek().copied() {
            // Its samples may still be on their way.
            let Ok(chunk) = reader.samples.read_chunk(frames) else {
                return;
            };
            out.push(Tapped {
                at: reader.start + Duration::from_secs_f64(heard_secs.max(0.0)),
                rate_hz: reader.rate_hz,
                samples: chunk.into_iter().collect(),
            });
            reader.buffers.pop().ok();
        }
    }
}

impl TapWriter {
    /// Room for a buffer of `frames`, the first heard at `heard_secs` of the clock.
    pub fn begin(&mut self, heard_secs: f64, frames: usize) -> TapBuffer<'_> {
        let fits =
            self.samples.slots() >= frames && self.buffers.push((heard_secs, frames)).is_ok();
        TapBuffer(fits.then_some(&mut self.samples))
    }
}

impl TapBuffer<'_> {
    pub fn push(&mut self, sample: f32) {
        if let Some(ring) = &mut self.0 {
            ring.push(sample).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_out_whole_and_those_without_room_are_left_out() {
        let taps = Taps::default();
        let start = Instant::now();
        let mut writer = taps.connect(1000.0, start);
        let mut write = |at: f64, n: usize| {
            let mut buffer = writer.begin(at, n);
            (0..n).for_each(|i| buffer.push(i as f32));
        };
        write(0.5, 3000);
        // Four seconds are kept.
        write(3.5, 2000);
        write(5.5, 1000);
        let mut out = Vec::new();
        taps.read(&mut out);
        let told: Vec<(Duration, usize)> = out
            .iter()
            .map(|t| (t.at - start, t.samples.len()))
            .collect();
        let secs = Duration::from_secs_f64;
        assert_eq!(told, [(secs(0.5), 3000), (secs(5.5), 1000)]);
        assert_eq!(out[1].samples[999], 999.0);
        out.clear();
        write(6.5, 10);
        taps.set(true);
        taps.read(&mut out);
        assert!(out.is_empty() && taps.is_on());
    }
}
