//! Levels of a few speech bands, one row every 10 ms, in bounded memory.

use std::sync::Arc;

use huashen_core::Prosody;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::AudioMouth;
use crate::MotionError;

/// Edges of the bands in Hz. Below 450 lies the first formant of close vowels
/// and nasals, up to 1100 that of open ones; 1100–1700 holds the second
/// formant of back vowels' neighbours, 1700–2900 that of front vowels; above
/// 3000 sibilants hiss.
const BANDS_HZ: [(f32, f32); BANDS] = [
    (150.0, 450.0),
    (500.0, 1100.0),
    (1100.0, 1700.0),
    (1700.0, 2900.0),
    (3000.0, 7600.0),
];
pub(super) const BANDS: usize = 5;
const WINDOW_SECS: f64 = 0.032;
const SILENCE_DB: f32 = -100.0;

/// One hop's levels in dB re full scale.
pub(super) type Levels = [f32; BANDS];

/// Measures a recording piece by piece; an hour keeps about 7 MB.
pub struct AudioFeatures {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    bins: [(usize, usize); BANDS],
    rate_hz: u32,
    /// Samples not yet behind every window, and the index of the first.
    held: Vec<f32>,
    held_from: i64,
    received: i64,
    rows: Vec<Levels>,
}

impl AudioFeatures {
    /// For mono PCM at `rate_hz`.
    ///
    /// # Errors
    /// A rate outside 8–192 kHz.
    pub fn new(rate_hz: u32) -> Result<Self, MotionError> {
        if !(8_000..=192_000).contains(&rate_hz) {
            return Err(MotionError::Options(format!(
                "a sample rate of {rate_hz} Hz is out of range: give 8000 to 192000 Hz"
            )));
        }
        let rate = f64::from(rate_hz);
        let len = ((rate * WINDOW_SECS / 2.0).round() as usize) * 2;
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(len);
        let window = (0..len)
            .map(|i| {
                let x = std::f64::consts::TAU * (i as f64 + 0.5) / len as f64;
                (0.5 - 0.5 * x.cos()) as f32
            })
            .collect();
        let bin = |hz: f32| (f64::from(hz) * len as f64 / rate).round() as usize;
        let last = len / 2;
        Ok(Self {
            input: fft.make_input_vec(),
            output: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
            window,
            bins: BANDS_HZ.map(|(a, b)| (bin(a).min(last - 1), bin(b).clamp(1, last))),
            rate_hz,
            // The first window is centred on 0 s: half of it is silence.
            held: vec![0.0; len / 2],
            held_from: -(len as i64 / 2),
            received: 0,
            rows: Vec::new(),
        })
    }

    /// Takes the next samples, any number at a time. What is not finite counts as 0.
    pub fn push(&mut self, samples: &[f32]) {
        // In pieces, so that a caller's one huge slice is not copied whole.
        for piece in samples.chunks(65_536) {
            self.received += piece.len() as i64;
            self.held.extend(piece.iter().map(|s| plain(*s)));
            self.drain(false);
        }
    }

    /// The mouth of what was pushed.
    pub fn finish(mut self) -> AudioMouth {
        let tail = self.held.len() + self.window.len();
        self.held.resize(tail, 0.0);
        self.drain(true);
        let secs = self.received as f64 / f64::from(self.rate_hz);
        AudioMouth::new(&self.rows, secs)
    }

    fn hop_start(&self) -> i64 {
        let centre = self.rows.len() as f64 * Prosody::HOP_SECS * f64::from(self.rate_hz);
        centre.round() as i64 - self.window.len() as i64 / 2
    }

    fn drain(&mut self, last: bool) {
        let len = self.window.len();
        loop {
            let start = self.hop_start();
            let past_end = start + len as i64 / 2 > self.received;
            let at = (start - self.held_from) as usize;
            if (last && past_end) || at + len > self.held.len() {
                break;
            }
            for (x, (s, w)) in self
                .input
                .iter_mut()
                .zip(self.held[at..at + len].iter().zip(&self.window))
            {
                *x = s * w;
            }
            let done =
                self.fft
                    .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
            debug_assert!(done.is_ok(), "buffers come from the plan");
            self.rows.push(self.bins.map(|(a, b)| self.level(a, b)));
        }
        let keep = (self.hop_start() - self.held_from).clamp(0, self.held.len() as i64) as usize;
        self.held.drain(..keep);
        self.held_from += keep as i64;
    }

    fn level(&self, a: usize, b: usize) -> f32 {
        let energy: f32 = self.output[a..b.max(a + 1)]
            .iter()
            .map(|c| c.norm_sqr())
            .sum();
        // Hann window: a full-scale sine has amplitude len / 4 in its bin.
        let full = self.window.len() as f32 / 4.0;
        (10.0 * (energy / (full * full)).max(1e-12).log10()).max(SILENCE_DB)
    }
}

/// Within reason, so that a broken sample cannot make an infinite level.
fn plain(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-8.0, 8.0)
    } else {
        0.0
    }
}
