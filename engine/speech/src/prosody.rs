//! Pitch and loudness of sound, as it comes.

use huashen_core::Prosody;

/// Analysis rate: speech pitch needs no more.
const RATE_HZ: f32 = 8_000.0;
/// Two periods of the lowest voice.
const WINDOW: usize = 320;
const LOWEST_HZ: f32 = 60.0;
const HIGHEST_HZ: f32 = 500.0;
/// Clarity (0–1) below which a hop is unvoiced (McLeod & Wyvill 2005).
const VOICED: f32 = 0.55;
const QUIETEST_DB: f32 = -100.0;

/// Measures [`Prosody`] of a stream of samples; keeps a window only.
pub struct ProsodyMeter {
    decimation: usize,
    rate_hz: f32,
    partial: (f32, usize),
    window: Vec<f32>,
    /// Position of the next hop's centre and of the newest sample, both at the analysis rate.
    next_hop: f64,
    seen: f64,
    hop: f64,
    out: Prosody,
}

impl ProsodyMeter {
    pub fn new(sample_rate_hz: u32) -> Self {
        let decimation = ((sample_rate_hz as f32 / RATE_HZ) as usize).max(1);
        let rate_hz = sample_rate_hz as f32 / decimation as f32;
        Self {
            decimation,
            rate_hz,
            partial: (0.0, 0),
            window: Vec::new(),
            next_hop: 0.0,
            seen: 0.0,
            hop: f64::from(rate_hz) * Prosody::HOP_SECS,
            out: Prosody::default(),
        }
    }

    /// Takes samples in order.
    pub fn push(&mut self, samples: &[f32]) {
        for &s in samples {
            // A mean over the block is low-pass enough for pitch.
            self.partial.0 += s;
            self.partial.1 += 1;
            if self.partial.1 == self.decimation {
                self.sample(self.partial.0 / self.decimation as f32);
                self.partial = (0.0, 0);
            }
        }
    }

    fn sample(&mut self, s: f32) {
        self.window.push(s);
        self.seen += 1.0;
        // A hop is measured when half a window after its centre is here.
        while self.seen >= self.next_hop + WINDOW as f64 / 2.0 {
            self.measure();
            self.next_hop += self.hop;
        }
        if self.window.len() > 4 * WINDOW {
            self.window.drain(..2 * WINDOW);
        }
    }

    fn measure(&mut self) {
        let newest = self.window.len() as f64;
        let end = (newest - (self.seen - self.next_hop - WINDOW as f64 / 2.0)).round();
        let end = (end.max(0.0) as usize).min(self.window.len());
        let frame = &self.window[end.saturating_sub(WINDOW)..end];
        let power = frame.iter().map(|s| s * s).sum::<f32>() / WINDOW as f32;
        self.out
            .level_db
            .push((10.0 * (power + 1e-10).log10()).max(QUIETEST_DB));
        self.out.f0_hz.push(match power > 1e-6 {
            true => pitch(frame, self.rate_hz),
            false => 0.0,
        });
    }

    /// The rest of the sound, as if silence followed.
    pub fn finish(mut self) -> Prosody {
        let hops = (self.seen / self.hop).ceil() as usize;
        while self.out.level_db.len() < hops {
            self.sample(0.0);
            self.seen = self.seen.max(0.0);
        }
        self.out.level_db.truncate(hops);
        self.out.f0_hz.truncate(hops);
        self.out
    }
}

/// Fundamental frequency of one frame in Hz, 0 when it has none.
fn pitch(frame: &[f32], rate_hz: f32) -> f32 {
    let first = (rate_hz / HIGHEST_HZ) as usize;
    let last = ((rate_hz / LOWEST_HZ) as usize).min(frame.len().saturating_sub(2));
    if first + 2 >= last {
        return 0.0;
    }
    // Normalised square difference, 1 at a perfect period.
    let nsdf: Vec<f32> = (first..=last)
        .map(|lag| {
            let (a, b) = (&frame[..frame.len() - lag], &frame[lag..]);
            let (mut product, mut energy) = (0.0, 1e-9);
            for (x, y) in a.iter().zip(b) {
                product += x * y;
                energy += x * x + y * y;
            }
            2.0 * product / energy
        })
        .collect();
    let best = nsdf.iter().copied().fold(0.0, f32::max);
    if best < VOICED {
        return 0.0;
    }
    // The first peak nearly as high as the highest: the others are multiples.
    let peak = (1..nsdf.len() - 1)
        .find(|&i| nsdf[i] >= 0.9 * best && nsdf[i] >= nsdf[i - 1] && nsdf[i] >= nsdf[i + 1]);
    match peak {
        Some(i) => {
            let (l, c, r) = (nsdf[i - 1], nsdf[i], nsdf[i + 1]);
            let curve = l - 2.0 * c + r;
            let shift = if curve < 0.0 {
                0.5 * (l - r) / curve
            } else {
                0.0
            };
            rate_hz / ((first + i) as f32 + shift)
        }
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_like_tone_has_its_pitch_and_level() {
        for (rate, f0) in [(24_000, 110.0_f32), (48_000, 220.0), (16_000, 330.0)] {
            let tone: Vec<f32> = (0..rate)
                .map(|n| {
                    let phase = n as f32 * f0 / rate as f32 * std::f32::consts::TAU;
                    0.2 * (phase.sin() + 0.6 * (2.0 * phase).sin() + 0.4 * (3.0 * phase).sin())
                })
                .collect();
            let mut meter = ProsodyMeter::new(rate);
            for block in tone.chunks(777) {
                meter.push(block);
            }
            meter.push(&vec![0.0; rate as usize / 2]);
            let prosody = meter.finish();
            assert!(
                prosody.f0_hz.len().abs_diff(150) <= 1,
                "{}",
                prosody.f0_hz.len()
            );
            assert_eq!(prosody.f0_hz.len(), prosody.level_db.len());
            for hop in 10..90 {
                assert!(
                    (prosody.f0_hz[hop] - f0).abs() < f0 * 0.02,
                    "{} Hz",
                    prosody.f0_hz[hop]
                );
                assert!(
                    (prosody.level_db[hop] + 15.2).abs() < 1.5,
                    "{} dB",
                    prosody.level_db[hop]
                );
            }
            assert!(prosody.f0_hz[115..].iter().all(|f| *f == 0.0));
        }
    }
}
