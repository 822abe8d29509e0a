//! How far the listener is: published by the device's callback, read by anyone.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Instant;

/// What the callback knows about the buffer that it just filled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Seconds of content before the buffer.
    pub before_secs: f64,
    /// Seconds of content in the buffer; 0 where it is silence.
    pub in_buffer_secs: f64,
    /// When its first sample is heard, in seconds since the clock's start.
    pub heard_secs: f64,
}

/// One writer, any readers; nobody waits (a sequence lock).
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    /// Odd while a reading is being written.
    version: AtomicU64,
    fields: [AtomicU64; 3],
    /// The latest answer, so that none is smaller.
    latest: AtomicU64,
}

impl Clock {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            version: AtomicU64::new(0),
            fields: Default::default(),
            latest: AtomicU64::new(0),
        }
    }

    /// When the clock was made.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Seconds since the clock was made.
    pub fn now_secs(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Only ever called by one thread at a time.
    pub fn publish(&self, reading: Reading) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        let values = [
            reading.before_secs,
            reading.in_buffer_secs,
            reading.heard_secs,
        ];
        for (field, value) in self.fields.iter().zip(values) {
            field.store(value.to_bits(), Ordering::Relaxed);
        }
        self.version.store(version + 2, Ordering::Release);
    }

    fn reading(&self) -> Reading {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let [a, b, c] =
                [0, 1, 2].map(|i| f64::from_bits(self.fields[i].load(Ordering::Relaxed)));
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return Reading {
                    before_secs: a,
                    in_buffer_secs: b,
                    heard_secs: c,
                };
            }
            std::hint::spin_loop();
        }
    }

    /// Seconds of content that were heard up to now; never goes back.
    pub fn heard_secs(&self) -> f64 {
        let at = position(self.reading(), self.now_secs());
        // Positive floats are ordered as their bits are.
        let before = self.latest.fetch_max(at.to_bits(), Ordering::Relaxed);
        at.max(f64::from_bits(before))
    }
}

/// Where in the content a listener is at `now_secs`, by the last reading.
fn position(reading: Reading, now_secs: f64) -> f64 {
    let since = now_secs - reading.heard_secs;
    // Before its first sample, what came before it is still being heard.
    (reading.before_secs + since.min(reading.in_buffer_secs))
        .clamp(0.0, reading.before_secs + reading.in_buffer_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_buffers_time_goes_on_and_then_waits() {
        let reading = Reading {
            before_secs: 2.0,
            in_buffer_secs: 0.01,
            heard_secs: 5.0,
        };
        assert!((position(reading, 4.98) - 1.98).abs() < 1e-12);
        assert!((position(reading, 5.004) - 2.004).abs() < 1e-12);
        assert_eq!(position(reading, 9.0), 2.01);
        let silence = Reading {
            in_buffer_secs: 0.0,
            ..reading
        };
        assert_eq!(position(silence, 5.5), 2.0);
    }

    #[test]
    fn what_is_read_was_written_together_and_never_goes_back() {
        let clock = Clock::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..20_000 {
                    let at = f64::from(i);
                    clock.publish(Reading {
                        before_secs: at,
                        in_buffer_secs: at,
                        heard_secs: at,
                    });
                }
            });
            let mut last = 0.0;
            for _ in 0..20_000 {
                let r = clock.reading();
                assert!(r.before_secs == r.in_buffer_secs && r.before_secs == r.heard_secs);
                let heard = clock.heard_secs();
                assert!(heard >= last);
                last = heard;
            }
        });
    }
}
