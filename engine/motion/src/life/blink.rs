//! Blinks: log-normal intervals, drawn to phrase ends and large gaze shifts.
//!
//! Rates after Bentivoglio et al. (1997): about 17 a minute at rest, more when
//! speaking; durations and the asymmetry of closing and opening after VanderWerf
//! et al. (2003).

use huashen_core::{ArkitShape as A, ArkitWeights};

use crate::curve::ramp;
use crate::random::{Chance, Stream};
use crate::score::Score;

/// Nothing blinks again sooner than this, double blinks apart.
const MIN_GAP_SECS: f64 = 0.9;

#[derive(Clone, Copy, Debug)]
struct Blink {
    start: f64,
    secs: f64,
    depth: f64,
}

impl Blink {
    /// Lid closure 0…1: a fast fall, a short hold, a slower rise.
    fn at(&self, at: f64) -> f64 {
        let t = at - self.start;
        let close = 0.38 * self.secs;
        let hold = 0.14 * self.secs;
        self.depth * ramp(t, 0.0, close) * (1.0 - ramp(t, close + hold, self.secs))
    }
}

/// The lids.
pub struct Blinks {
    chance: Chance,
    /// The one under way or last seen, and one that follows it.
    now: Option<Blink>,
    second: Option<Blink>,
    due: f64,
    rate: f64,
}

impl Blinks {
    /// `rate` scales how often (1 is usual).
    pub fn new(seed: u64, rate: f64) -> Self {
        let mut chance = Chance::new(seed, Stream::Blink);
        let due = chance.even(0.8, 3.2);
        Self {
            chance,
            now: None,
            second: None,
            due,
            rate,
        }
    }

    /// Adds the lids at `at` to `w`. `gaze_shift`: a large saccade just began.
    pub fn step(&mut self, at: f64, gaze_shift: bool, score: &Score, w: &mut ArkitWeights) {
        let since = self.now.map_or(f64::INFINITY, |b| at - b.start);
        if gaze_shift && since > MIN_GAP_SECS && self.chance.happens(0.45) {
            self.due = self.due.min(at);
        }
        if at >= self.due && since > MIN_GAP_SECS {
            self.begin(at, score);
        }
        let lid = |b: Option<Blink>, late: f64| b.map_or(0.0, |b| b.at(at - late));
        // The two lids are a few milliseconds and a hair of depth apart.
        let left = lid(self.now, 0.0).max(lid(self.second, 0.0));
        let right = lid(self.now, 0.003).max(lid(self.second, 0.003)) * 0.985;
        for (lid, blink, squint, cheek, brow) in [
            (
                left,
                A::EyeBlinkLeft,
                A::EyeSquintLeft,
                A::CheekSquintLeft,
                A::BrowDownLeft,
            ),
            (
                right,
                A::EyeBlinkRight,
                A::EyeSquintRight,
                A::CheekSquintRight,
                A::BrowDownRight,
            ),
        ] {
            let v = lid as f32;
            w[blink] = (w[blink] + v).min(1.0);
            w[squint] += 0.14 * v;
            w[cheek] += 0.05 * v;
            w[brow] += 0.04 * v;
        }
    }

    fn begin(&mut self, at: f64, score: &Score) {
        let depth = if self.chance.happens(0.1) {
            self.chance.even(0.75, 0.9)
        } else {
            1.0
        };
        let blink = Blink {
            start: at,
            secs: self.chance.even(0.125, 0.18),
            depth,
        };
        self.second = self.chance.happens(0.08).then(|| Blink {
            start: at + blink.secs + self.chance.even(0.06, 0.16),
            secs: self.chance.even(0.12, 0.15),
            depth: self.chance.even(0.85, 1.0),
        });
        self.now = Some(blink);
        let speaking = score.phrase_at(at).is_some();
        let median = if speaking { 2.9 } else { 3.6 } / self.rate;
        let wanted = at + self.chance.log_normal(median, 0.5, 1.2, 9.0);
        self.due = self.drawn_to_phrase_end(wanted, at, score);
    }

    /// A blink that falls near the end of a phrase moves there.
    fn drawn_to_phrase_end(&mut self, wanted: f64, now: f64, score: &Score) -> f64 {
        let first = score.phrases.partition_point(|p| p.end < now + 1.0);
        let nearest = score.phrases[first..]
            .iter()
            .take_while(|p| p.end < wanted + 0.9)
            .map(|p| p.end)
            .min_by(|a, b| (a - wanted).abs().total_cmp(&(b - wanted).abs()));
        match nearest {
            Some(end) if (end - wanted).abs() < 0.9 && self.chance.happens(0.75) => {
                end + self.chance.even(-0.06, 0.12)
            }
            _ => wanted,
        }
    }
}
