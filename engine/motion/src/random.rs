//! Seeded chance: one PCG stream for each thing that moves, and smooth noise
//! that can be asked at any time without state (so nothing drifts).

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Streams draw independently, so that a change in one leaves the others.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum Stream {
    Blink = 1,
    Gaze,
    Head,
    Brow,
    Breath,
    Sway,
    Face,
    Arms,
}

/// SplitMix64 (Steele, Lea, Flood 2014): a well-mixed hash of 64 bits.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seeded generator with the few draws that life needs.
pub struct Chance(Pcg64Mcg);

impl Chance {
    pub fn new(seed: u64, stream: Stream) -> Self {
        Self(Pcg64Mcg::seed_from_u64(mix(seed ^ mix(stream as u64))))
    }

    /// Evenly in `low..high`.
    pub fn even(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// True with probability `p`.
    pub fn happens(&mut self, p: f64) -> bool {
        self.0.random::<f64>() < p
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let u = 1.0 - self.0.random::<f64>();
        let v = self.0.random::<f64>();
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Log-normal with this median and spread, within `low..=high`.
    pub fn log_normal(&mut self, median: f64, sigma: f64, low: f64, high: f64) -> f64 {
        (median * (sigma * self.normal()).exp()).clamp(low, high)
    }

    /// +1 or −1.
    pub fn sign(&mut self) -> f64 {
        if self.happens(0.5) { 1.0 } else { -1.0 }
    }
}

/// Smooth noise of two octaves, about ±1, with most of its power near `hz`.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    key: u64,
    hz: f64,
}

impl Noise {
    pub fn new(seed: u64, stream: Stream, channel: u64, hz: f64) -> Self {
        Self {
            key: mix(seed ^ mix((stream as u64) << 32 | channel)),
            hz,
        }
    }

    /// Twice continuously differentiable in `secs`.
    pub fn at(&self, secs: f64) -> f64 {
        let x = secs * self.hz * 2.0;
        // The irrational ratio keeps the octaves from ever lining up again.
        0.75 * self.lattice(x, 0) + 0.35 * self.lattice(x * 2.236_067_977, 1)
    }

    fn lattice(&self, x: f64, octave: u64) -> f64 {
        let i = x.floor();
        let t = crate::curve::min_jerk(x - i);
        let value = |k: i64| {
            let h = mix(self.key ^ mix(octave << 56 ^ k as u64));
            (h >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        let (a, b) = (value(i as i64), value(i as i64 + 1));
        a + (b - a) * t
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_bounded_centred_and_the_same_again() {
        let n = Noise::new(7, Stream::Sway, 0, 0.3);
        let all: Vec<f64> = (0..20_000).map(|i| n.at(f64::from(i) * 0.05)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        assert!(mean.abs() < 0.06, "{mean}");
        assert!(all.iter().all(|v| v.abs() <= 1.1));
        assert_eq!(n.at(3599.5), Noise::new(7, Stream::Sway, 0, 0.3).at(3599.5));
        assert_ne!(n.at(3599.5), Noise::new(8, Stream::Sway, 0, 0.3).at(3599.5));
    }
}
