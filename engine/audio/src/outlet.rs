//! What empties the player's ring: a device's callback, or a timer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtrb::Consumer;

use crate::clock::Reading;
use crate::device::Open;
use crate::player::Shared;
use crate::tap::TapWriter;

/// The callback's end of the ring.
pub(crate) struct Outlet {
    ring: Consumer<f32>,
    shared: Arc<Shared>,
    rate_hz: f64,
    /// Content before this ring's first sample.
    base_secs: f64,
    taken: u64,
    flushed: u64,
    tap: TapWriter,
}

impl Outlet {
    pub fn new(ring: Consumer<f32>, shared: Arc<Shared>, rate_hz: f64, base_secs: f64) -> Self {
        Self {
            ring,
            tap: shared.taps.connect(rate_hz, shared.clock.start()),
            flushed: shared.flush.load(Ordering::Acquire),
            shared,
            rate_hz,
            base_secs,
            taken: 0,
        }
    }

    /// Its device's rate.
    pub fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    /// Gives up to `frames` samples, the first of which is heard in `delay_secs`.
    pub fn fill(&mut self, frames: usize, delay_secs: f64, put: &mut dyn FnMut(usize, f32)) {
        let shared = &*self.shared;
        let flush = shared.flush.load(Ordering::Acquire);
        if flush != self.flushed {
            self.flushed = flush;
            if let Ok(chunk) = self.ring.read_chunk(self.ring.slots()) {
                self.taken += chunk.len() as u64;
                chunk.commit_all();
            }
        }
        let before = self.taken;
        let paused = shared.paused.load(Ordering::Relaxed);
        let ready = if paused {
            0
        } else {
            self.ring.slots().min(frames)
        };
        let heard_secs = shared.clock.now_secs() + delay_secs;
        let mut tap = shared
            .taps
            .is_on()
            .then(|| self.tap.begin(heard_secs, frames));
        let mut peak = 0.0_f32;
        if let Ok(chunk) = self.ring.read_chunk(ready) {
            for (i, sample) in chunk.into_iter().enumerate() {
                put(i, sample);
                peak = peak.max(sample.abs());
                if let Some(tap) = &mut tap {
                    tap.push(sample);
                }
            }
        }
        for i in ready..frames {
            put(i, 0.0);
            if let Some(tap) = &mut tap {
                tap.push(0.0);
            }
        }
        // Positive floats are ordered as their bits are.
        shared.peak.fetch_max(peak.to_bits(), Ordering::Relaxed);
        if ready < frames && !paused && shared.active.load(Ordering::Acquire) {
            shared.starved.fetch_add(1, Ordering::Relaxed);
        }
        self.taken += ready as u64;
        shared.taken.fetch_add(frames as u64, Ordering::Relaxed);
        shared.clock.publish(Reading {
            before_secs: self.base_secs + before as f64 / self.rate_hz,
            in_buffer_secs: ready as f64 / self.rate_hz,
            heard_secs,
        });
    }
}

/// Where an outlet waits while no device has it.
pub(crate) type Shelf = Arc<Mutex<Option<Outlet>>>;

/// An outlet in a device's hands; when the stream lets go of it, it is back on
/// its shelf, with the sound that was not played yet.
pub(crate) struct Lent {
    outlet: Option<Outlet>,
    shelf: Shelf,
}

impl Lent {
    pub fn new(outlet: Outlet, shelf: &Shelf) -> Self {
        Self {
            outlet: Some(outlet),
            shelf: Arc::clone(shelf),
        }
    }

    fn rate_hz(&self) -> f64 {
        self.outlet.as_ref().map_or(0.0, Outlet::rate_hz)
    }

    pub fn fill(&mut self, frames: usize, delay_secs: f64, put: &mut dyn FnMut(usize, f32)) {
        if let Some(outlet) = &mut self.outlet {
            outlet.fill(frames, delay_secs, put);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.shelf.lock().unwrap_or_else(PoisonError::into_inner) = self.outlet.take();
    }
}

/// What empties the ring.
pub(crate) enum Drain {
    Device(Open),
    /// A timer in place of a device.
    Silence(Arc<AtomicBool>, Option<JoinHandle<()>>),
}

impl Drain {
    pub fn silence(mut outlet: Lent) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("huashen-silence".to_owned())
            .spawn(move || {
                let rate_hz = outlet.rate_hz();
                let (start, mut done) = (Instant::now(), 0_u64);
                while !stopped.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(10));
                    let due = (start.elapsed().as_secs_f64() * rate_hz) as u64;
                    outlet.fill((due - done) as usize, 0.0, &mut |_, _| {});
                    done = due;
                }
            })
            .map_err(|e| tracing::error!("no thread for silence: {e}"))
            .ok();
        Self::Silence(stop, thread)
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Self::Silence(stop, thread) = self {
            stop.store(true, Ordering::Release);
            if let Some(thread) = thread.take() {
                thread.join().ok();
            }
        }
    }
}
