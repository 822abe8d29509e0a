//! Whisper's view of sound: the logarithm of 80 mel bands, 100 times a second.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use super::SAMPLE_RATE_HZ;
use crate::SpeechError;

/// Bands of a frame.
pub(super) const BANDS: usize = 80;
/// Samples between frames: 10 ms.
pub(super) const HOP: usize = 160;
/// Samples of a frame: 25 ms.
const WINDOW: usize = 400;
const BINS: usize = WINDOW / 2 + 1;
/// Frames of a window of 30 s.
pub(super) const FRAMES: usize = 3000;
/// Samples of a window of 30 s.
pub(super) const WINDOW_SAMPLES: usize = FRAMES * HOP;
/// What is quieter than this, or than the loudest by 8 decades, is the same.
const LEAST_POWER: f32 = 1e-10;
const DECADES: f32 = 8.0;

/// Sound → mel bands.
pub(super) struct Mel {
    fft: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    /// Of every band, the first bin that it hears and how much of each.
    filters: Vec<(usize, Vec<f32>)>,
}

impl Mel {
    pub fn new() -> Self {
        let hann = (0..WINDOW)
            .map(|n| {
                // Periodic: as if one more sample closed it.
                let phase = std::f64::consts::TAU * n as f64 / WINDOW as f64;
                (0.5 - 0.5 * phase.cos()) as f32
            })
            .collect();
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW),
            hann,
            filters: filters(),
        }
    }

    /// `samples` at 16 kHz, at most 30 s, with silence after → `[80, 3000]`,
    /// band after band, about −1 to 1.
    pub fn run(&self, samples: &[f32]) -> Result<Vec<f32>, SpeechError> {
        let samples = &samples[..samples.len().min(WINDOW_SAMPLES)];
        let mut out = vec![LEAST_POWER.log10(); BANDS * FRAMES];
        let mut input = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        // Later frames hear only silence.
        let heard = (samples.len() + WINDOW / 2).div_ceil(HOP).min(FRAMES);
        for frame in 0..heard {
            for (n, (value, weight)) in input.iter_mut().zip(&self.hann).enumerate() {
                *value = at(samples, frame * HOP + n) * weight;
            }
            self.fft
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                .map_err(|e| candle_core::Error::Msg(e.to_string()))?;
            let power: Vec<f32> = spectrum.iter().map(|c| c.norm_sqr()).collect();
            for (band, (first, weights)) in self.filters.iter().enumerate() {
                let heard: f32 = power[*first..]
                    .iter()
                    .zip(weights)
                    .map(|(p, w)| p * w)
                    .sum();
                out[band * FRAMES + frame] = heard.max(LEAST_POWER).log10();
            }
        }
        let loudest = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for value in &mut out {
            *value = (value.max(loudest - DECADES) + 4.0) / 4.0;
        }
        Ok(out)
    }
}

/// Sample `i` of the padded window: frames are centred on their time, so half a
/// frame lies before the first sample and after the last; there it is mirrored.
fn at(samples: &[f32], i: usize) -> f32 {
    let i = i.abs_diff(WINDOW / 2);
    let last = WINDOW_SAMPLES - 1;
    let i = if i > last { 2 * last - i } else { i };
    samples.get(i).copied().unwrap_or(0.0)
}

/// Slaney's mel scale: linear up to 1 kHz, then 27 steps to each factor of 6.4.
fn hz(mel: f64) -> f64 {
    const KNEE_MEL: f64 = 15.0;
    if mel < KNEE_MEL {
        mel * 200.0 / 3.0
    } else {
        1000.0 * (6.4_f64.ln() / 27.0 * (mel - KNEE_MEL)).exp()
    }
}

/// Triangles between neighbouring centres from 0 Hz to half the sample rate,
/// each of area 1 (in 1/Hz).
fn filters() -> Vec<(usize, Vec<f32>)> {
    let half_hz = f64::from(SAMPLE_RATE_HZ) / 2.0;
    let most_mel = 15.0 + (half_hz / 1000.0).ln() * 27.0 / 6.4_f64.ln();
    let edge = |i: usize| hz(most_mel * i as f64 / (BANDS + 1) as f64);
    (0..BANDS)
        .map(|band| {
            let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let at = half_hz * bin as f64 / (BINS - 1) as f64;
                let up = (at - low) / (centre - low);
                let down = (high - at) / (high - centre);
                (up.min(down).max(0.0) * 2.0 / (high - low)) as f32
            };
            let first = (0..BINS).find(|b| weight(*b) > 0.0).unwrap_or(0);
            let weights = (first..BINS).map(weight).take_while(|w| *w > 0.0).collect();
            (first, weights)
        })
        .collect()
}
