//! Brows: raised on accents, never quite still.

use huashen_core::{ArkitShape as A, ArkitWeights};

use crate::curve::{Spring, bump};
use crate::random::{Chance, Noise, Stream};
use crate::score::Score;

#[derive(Clone, Copy, Debug)]
struct Raise {
    start: f64,
    secs: f64,
    size: f64,
}

pub struct Brows {
    chance: Chance,
    next_accent: usize,
    raise: Option<Raise>,
    inner: Noise,
    outer: Noise,
    follow: Spring,
    liveliness: f64,
}

impl Brows {
    pub fn new(seed: u64, liveliness: f64) -> Self {
        Self {
            chance: Chance::new(seed, Stream::Brow),
            next_accent: 0,
            raise: None,
            inner: Noise::new(seed, Stream::Brow, 0, 0.22),
            outer: Noise::new(seed, Stream::Brow, 1, 0.17),
            follow: Spring::default(),
            liveliness,
        }
    }

    pub fn step(&mut self, at: f64, dt: f64, score: &Score, w: &mut ArkitWeights) {
        // A raise leads its syllable by about 100 ms (Flecha-Garcia 2010).
        while let Some(a) = score.accents.get(self.next_accent) {
            if a.at - 0.3 > at {
                break;
            }
            self.next_accent += 1;
            let free = self.raise.is_none_or(|r| at > r.start + r.secs + 0.5);
            let odds = (a.strength - 0.25) * 0.9 * self.liveliness;
            if free && (a.strength >= 0.95 || self.chance.happens(odds.clamp(0.0, 0.8))) {
                self.raise = Some(Raise {
                    start: a.at - 0.3,
                    secs: self.chance.even(0.45, 0.75),
                    size: (0.16 + 0.3 * a.strength) * self.chance.even(0.8, 1.2),
                });
            }
        }
        let raised = self
            .raise
            .map_or(0.0, |r| r.size * bump((at - r.start) / r.secs));
        // Brows rise and sink a little with pitch.
        let pitch = self.follow.step(score.pitch_at(at) / 6.0, 9.0, dt);
        let level = self.liveliness * (raised + 0.05 * pitch + 0.025 * self.inner.at(at)) + 0.02;
        let skew = 0.1 * self.outer.at(at);
        let up = level.max(0.0);
        let down = (-level).max(0.0) as f32;
        w[A::BrowInnerUp] += (0.8 * up) as f32;
        w[A::BrowOuterUpLeft] += (0.65 * up * (1.0 + skew)) as f32;
        w[A::BrowOuterUpRight] += (0.65 * up * (1.0 - skew)) as f32;
        w[A::BrowDownLeft] += down;
        w[A::BrowDownRight] += down;
        w[A::EyeWideLeft] += (0.12 * raised) as f32;
        w[A::EyeWideRight] += (0.12 * raised) as f32;
    }
}
