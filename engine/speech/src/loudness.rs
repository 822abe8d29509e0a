//! Loudness as its place of use expects it; the web's when nobody says.
//!
//! Two passes, since loudness is known only at the end: a [`LoudnessMeter`]
//! hears everything (EBU R 128 by the `ebur128` crate), then a [`Leveller`]
//! applies the gain, with a look-ahead limiter where peaks would go over.

use std::collections::VecDeque;

use ebur128::{EbuR128, Mode};

use crate::SpeechError;

/// How loud sound comes out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Integrated, in LUFS; as it came in when none.
    pub lufs: Option<f64>,
    /// The highest true peak, in dBTP.
    pub peak_db: f64,
}

impl Loudness {
    /// Of the web, and of podcasts.
    pub const WEB: Self = Self {
        lufs: Some(-16.0),
        peak_db: -1.0,
    };

    /// Factor for what measures `lufs`; 1 for silence (−∞).
    pub fn gain_for(self, lufs: f64) -> f32 {
        match self.lufs {
            Some(target) if lufs.is_finite() => {
                let db = (target - lufs).min(MAX_GAIN_DB);
                10_f64.powf(db / 20.0) as f32
            }
            _ => 1.0,
        }
    }
}

impl Default for Loudness {
    fn default() -> Self {
        Self::WEB
    }
}

/// The limiter stays this far below: the encoder and resampling may add a
/// little, and the true peak may lie between samples.
const MARGIN_DB: f64 = 0.6;
/// Gain beyond this would only raise noise.
const MAX_GAIN_DB: f64 = 30.0;

/// Hears a stream.
pub struct LoudnessMeter {
    meter: EbuR128,
}

impl LoudnessMeter {
    /// For mono sound.
    pub fn new(sample_rate_hz: u32) -> Result<Self, SpeechError> {
        Self::with(1, sample_rate_hz)
    }

    /// For left and right that take turns.
    pub fn stereo(sample_rate_hz: u32) -> Result<Self, SpeechError> {
        Self::with(2, sample_rate_hz)
    }

    fn with(channels: u32, sample_rate_hz: u32) -> Result<Self, SpeechError> {
        Ok(Self {
            meter: EbuR128::new(channels, sample_rate_hz, Mode::I | Mode::TRUE_PEAK)?,
        })
    }

    pub fn push(&mut self, samples: &[f32]) -> Result<(), SpeechError> {
        Ok(self.meter.add_frames_f32(samples)?)
    }

    /// Integrated loudness in LUFS; −∞ for silence.
    pub fn lufs(&self) -> Result<f64, SpeechError> {
        Ok(self.meter.loudness_global()?)
    }

    /// True peak in dBTP, of the channel that goes higher.
    pub fn true_peak_db(&self) -> Result<f64, SpeechError> {
        let mut peak = 1e-9_f64;
        for channel in 0..self.meter.channels() {
            peak = peak.max(self.meter.true_peak(channel)?);
        }
        Ok(20.0 * peak.log10())
    }
}

/// Applies a gain; peaks over the ceiling are turned down smoothly, ahead of time.
pub struct Leveller {
    gain: f32,
    ceiling: f32,
    look_ahead: usize,
    release: f32,
    /// Samples waiting for their gain to be known.
    delay: VecDeque<f32>,
    /// Smallest gain wanted in the look-ahead, newest last: (age, gain), rising.
    wanted: VecDeque<(u64, f32)>,
    /// Sum for the moving average that makes the gain ramp linear.
    ramp: VecDeque<f32>,
    ramp_sum: f64,
    held: f32,
    n: u64,
}

impl Leveller {
    /// For sound that measures `lufs` before.
    pub fn new(loudness: Loudness, lufs: f64, sample_rate_hz: u32) -> Self {
        // 5 ms ahead, 80 ms to let go.
        let look_ahead = (sample_rate_hz as usize / 200).max(1);
        Self {
            gain: loudness.gain_for(lufs),
            ceiling: 10_f64.powf((loudness.peak_db - MARGIN_DB) / 20.0) as f32,
            look_ahead,
            release: 1.0 - (-1.0 / (0.08 * sample_rate_hz as f32)).exp(),
            delay: VecDeque::with_capacity(look_ahead + 1),
            wanted: VecDeque::new(),
            ramp: std::iter::repeat_n(1.0, look_ahead).collect(),
            ramp_sum: look_ahead as f64,
            held: 1.0,
            n: 0,
        }
    }

    /// Levels the next samples; gives as many as came in so far less the
    /// look-ahead. [`Leveller::finish`] gives the rest.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for &s in samples {
            let loud = s * self.gain;
            let wanted = (self.ceiling / loud.abs().max(1e-9)).min(1.0);
            while self.wanted.back().is_some_and(|(_, g)| *g >= wanted) {
                self.wanted.pop_back();
            }
            self.wanted.push_back((self.n, wanted));
            while self
                .wanted
                .front()
                .is_some_and(|(at, _)| at + self.look_ahead as u64 <= self.n)
            {
                self.wanted.pop_front();
            }
            let lowest = self.wanted.front().map_or(1.0, |(_, g)| *g);
            self.held = match lowest < self.held {
                true => lowest,
                false => self.held + (lowest - self.held) * self.release,
            };
            self.ramp.push_back(self.held);
            self.ramp_sum += f64::from(self.held);
            if let Some(old) = self.ramp.pop_front() {
                self.ramp_sum -= f64::from(old);
            }
            let gain = (self.ramp_sum / self.look_ahead as f64) as f32;
            self.delay.push_back(loud);
            if self.delay.len() > self.look_ahead
                && let Some(ready) = self.delay.pop_front()
            {
                out.push(ready * gain.min(1.0));
            }
            self.n += 1;
        }
    }

    /// The samples still inside.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let inside = self.delay.len();
        let before = out.len();
        self.process(&vec![0.0; self.look_ahead], out);
        out.truncate(before + inside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech_like(rate: u32, gain: f32) -> Vec<f32> {
        (0..rate * 6)
            .map(|n| {
                let t = n as f32 / rate as f32;
                let syllable = (t * 4.0 * std::f32::consts::TAU).sin().max(0.0);
                let spike = if n % 9001 == 0 { 3.0 } else { 1.0 };
                gain * spike * syllable * (t * 180.0 * std::f32::consts::TAU).sin()
            })
            .collect()
    }

    #[test]
    fn any_level_comes_to_the_target_below_the_ceiling() {
        let quiet = Loudness {
            lufs: Some(-24.0),
            peak_db: -2.0,
        };
        let web = Loudness::WEB;
        for (gain, loudness) in [(0.02, web), (0.2, web), (0.33, web), (0.33, quiet)] {
            let sound = speech_like(24_000, gain);
            let mut meter = LoudnessMeter::new(24_000).unwrap();
            meter.push(&sound).unwrap();
            let mut leveller = Leveller::new(loudness, meter.lufs().unwrap(), 24_000);
            let mut out = Vec::new();
            for block in sound.chunks(1000) {
                leveller.process(block, &mut out);
            }
            leveller.finish(&mut out);
            assert_eq!(out.len(), sound.len());
            let mut after = LoudnessMeter::new(24_000).unwrap();
            after.push(&out).unwrap();
            let (lufs, peak) = (after.lufs().unwrap(), after.true_peak_db().unwrap());
            assert!((lufs - loudness.lufs.unwrap()).abs() < 0.7, "{lufs} LUFS");
            assert!(peak < loudness.peak_db, "{peak} dBTP");
        }
    }

    #[test]
    fn silence_stays_silence() {
        let mut meter = LoudnessMeter::new(24_000).unwrap();
        meter.push(&[0.0; 24_000]).unwrap();
        assert_eq!(Loudness::WEB.gain_for(meter.lufs().unwrap()), 1.0);
    }
}
