//! Log-mel spectra of sound at any sample rate, piece by piece.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::MotionError;

/// Bands a hop.
pub const MELS: usize = 64;
/// Hops a second.
pub const HOPS_PER_SEC: f64 = 100.0;
const WINDOW_SECS: f64 = 0.025;
/// Bands reach up to here: what speech recorded at 16 kHz still holds.
const TOP_HZ: f64 = 7600.0;
const BOTTOM_HZ: f64 = 60.0;
/// Levels are told between these, in dB re a full-scale sine.
const FLOOR_DB: f32 = -80.0;

/// Turns sound into rows of [`MELS`] levels, scaled so that −40 dB is 0 and
/// 20 dB are 1.
///
/// Row `k` hears the 25 ms that end at `(k + 1)` × 10 ms: nothing later.
/// Windows are measured in seconds and bands in hertz, so that every sample
/// rate gives the same rows (bands above the sound's own range read the floor).
pub struct MelMeter {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    /// Of each band: first bin and the weights from there.
    bands: Vec<(usize, Vec<f32>)>,
    rate_hz: f64,
    /// The last window's worth of samples and what came after.
    held: Vec<f32>,
    /// Index of `held[0]`, counted from the sound's start.
    held_from: i64,
    rows: u64,
}

impl MelMeter {
    /// For mono PCM at `rate_hz`.
    ///
    /// # Errors
    /// A rate outside 4–400 kHz.
    pub fn new(rate_hz: f64) -> Result<Self, MotionError> {
        if !(4_000.0..=400_000.0).contains(&rate_hz) {
            return Err(MotionError::Options(format!(
                "a sample rate of {rate_hz} Hz is out of range: give 8000 to 192000 Hz"
            )));
        }
        let len = ((rate_hz * WINDOW_SECS / 2.0).round() as usize) * 2;
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(len);
        let window: Vec<f32> = (0..len)
            .map(|i| {
                let x = std::f64::consts::TAU * (i as f64 + 0.5) / len as f64;
                (0.5 - 0.5 * x.cos()) as f32
            })
            .collect();
        Ok(Self {
            input: fft.make_input_vec(),
            output: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
            window,
            bands: bands(len, rate_hz),
            rate_hz,
            held: vec![0.0; len],
            held_from: -(len as i64),
            rows: 0,
        })
    }

    /// Takes the next samples and calls `row` with each hop that they
    /// complete. What is not finite counts as 0.
    pub fn push(&mut self, samples: &[f32], row: &mut dyn FnMut(&[f32; MELS])) {
        for piece in samples.chunks(16_384) {
            self.held.extend(piece.iter().map(|s| {
                if s.is_finite() {
                    s.clamp(-8.0, 8.0)
                } else {
                    0.0
                }
            }));
            self.drain(row);
        }
    }

    fn drain(&mut self, row: &mut dyn FnMut(&[f32; MELS])) {
        let len = self.window.len();
        loop {
            let end = ((self.rows + 1) as f64 * self.rate_hz / HOPS_PER_SEC).round() as i64;
            let from = end - len as i64 - self.held_from;
            let from = usize::try_from(from).unwrap_or(0);
            if from + len > self.held.len() {
                // Keep what later windows need, no more.
                let spent = from.min(self.held.len());
                self.held.drain(..spent);
                self.held_from += spent as i64;
                return;
            }
            for ((x, s), w) in self
                .input
                .iter_mut()
                .zip(&self.held[from..from + len])
                .zip(&self.window)
            {
                *x = s * w;
            }
            let done =
                self.fft
                    .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
            debug_assert!(done.is_ok(), "buffers come from the plan");
            // Hann window: a full-scale sine has amplitude len / 4 in its bin.
            let full = (len as f32 / 4.0).powi(2);
            let mut levels = [0.0; MELS];
            for (level, (first, weights)) in levels.iter_mut().zip(&self.bands) {
                let energy: f32 = weights
                    .iter()
                    .zip(&self.output[*first..])
                    .map(|(w, c)| w * c.norm_sqr())
                    .sum();
                let db = 10.0 * (energy / full).max(1e-12).log10();
                *level = (db.max(FLOOR_DB) + 40.0) / 20.0;
            }
            row(&levels);
            self.rows += 1;
        }
    }
}

fn mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn hz(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// Triangles, evenly spaced on the mel scale, each of area 1 in bins of the
/// common 40 Hz so that rates agree; at least one bin wide.
fn bands(len: usize, rate_hz: f64) -> Vec<(usize, Vec<f32>)> {
    let step = rate_hz / len as f64;
    let (low, high) = (mel(BOTTOM_HZ), mel(TOP_HZ));
    let edge = |i: usize| hz(low + (high - low) * i as f64 / (MELS + 1) as f64);
    let last = len / 2;
    (0..MELS)
        .map(|b| {
            let (from, peak, to) = (edge(b), edge(b + 1), edge(b + 2));
            let weight = |bin: usize| {
                let f = bin as f64 * step;
                let up = (f - from) / (peak - from).max(step);
                let down = (to - f) / (to - peak).max(step);
                up.min(down).max(0.0)
            };
            let first = ((from / step).floor() as usize).min(last);
            let end = ((to / step).ceil() as usize + 1).min(last + 1);
            let mut weights: Vec<f32> = (first..end).map(|b| weight(b) as f32).collect();
            if peak > rate_hz / 2.0 {
                weights.fill(0.0);
            } else if weights.iter().sum::<f32>() < 0.5 {
                // Narrower than a bin: the nearest one stands for it.
                let near = ((peak / step).round() as usize).min(last);
                return (near, vec![1.0]);
            }
            (first, weights)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(samples: &[f32], rate: f64, piece: usize) -> Vec<[f32; MELS]> {
        let mut meter = MelMeter::new(rate).unwrap();
        let mut all = Vec::new();
        for p in samples.chunks(piece) {
            meter.push(p, &mut |r| all.push(*r));
        }
        all
    }

    fn tone(hz: f64, rate: f64, secs: f64) -> Vec<f32> {
        (0..(secs * rate) as usize)
            .map(|i| (0.1 * (std::f64::consts::TAU * hz * i as f64 / rate).sin()) as f32)
            .collect()
    }

    #[test]
    fn any_cut_of_the_sound_gives_the_same_rows() {
        let sound = tone(440.0, 24_000.0, 0.5);
        let whole = rows(&sound, 24_000.0, usize::MAX);
        assert_eq!(whole.len(), 50);
        for piece in [1, 7, 480, 1000] {
            assert_eq!(rows(&sound, 24_000.0, piece), whole);
        }
    }

    #[test]
    fn every_rate_hears_the_same_tone() {
        let loudest = |rate: f64| {
            let all = rows(&tone(1000.0, rate, 0.3), rate, 4096);
            let row = all[20];
            let band = (0..MELS)
                .max_by(|a, b| row[*a].total_cmp(&row[*b]))
                .unwrap();
            (band, row[band])
        };
        let (band, level) = loudest(16_000.0);
        for rate in [8_000.0, 24_000.0, 44_100.0, 48_000.0, 192_000.0] {
            let (b, l) = loudest(rate);
            assert_eq!(b, band, "{rate}");
            assert!((l - level).abs() < 0.1, "{rate}: {l} and {level}");
        }
    }

    #[test]
    fn broken_samples_do_no_harm() {
        let bad = [f32::NAN, f32::INFINITY, -1e30, 0.5].repeat(1000);
        for row in rows(&bad, 16_000.0, 333) {
            assert!(row.iter().all(|v| v.is_finite()));
        }
    }
}
