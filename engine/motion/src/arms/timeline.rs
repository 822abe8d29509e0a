//! The places of one hand over time, and how fast it may go from one to the next.

use super::clips::REST;
use super::limb::Arm;
use crate::curve::min_jerk;

/// No joint of the arm turns faster, rad/s …
const MOST_RAD_PER_SEC: f32 = 5.5;
/// … and no wrist moves faster, lengths of the arm a second (about 2 m/s).
const MOST_PER_SEC: f32 = 3.8;
/// Peak speed of a minimum-jerk step over its mean.
const PEAK: f32 = 1.875;
const SAMPLES: usize = 12;

/// A place where the hand stops.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    pub secs: f64,
    pub arm: Arm,
    /// Holds and ways back may be cut short; preparations and strokes may not.
    pub firm: bool,
}

/// Stops in time order; the hand goes from each to the next in one
/// minimum-jerk step.
#[derive(Clone, Debug)]
pub struct Timeline {
    stops: Vec<Stop>,
}

impl Timeline {
    /// An arm that hangs.
    pub fn resting() -> Self {
        Self {
            stops: vec![Stop {
                secs: 0.0,
                arm: Arm::from(&REST),
                firm: true,
            }],
        }
    }

    /// Where the hand is at `secs`.
    pub fn at(&self, secs: f64) -> Arm {
        let next = self.stops.partition_point(|s| s.secs <= secs);
        let Some(from) = next.checked_sub(1).map(|i| &self.stops[i]) else {
            return self.stops[0].arm;
        };
        match self.stops.get(next) {
            Some(to) => {
                let t = min_jerk((secs - from.secs) / (to.secs - from.secs));
                from.arm.lerp(&to.arm, t as f32)
            }
            None => from.arm,
        }
    }

    /// The last stop so far.
    pub fn last(&self) -> &Stop {
        &self.stops[self.stops.len() - 1]
    }

    /// The hand is at `arm` at `secs`, which comes after [`last`](Self::last).
    pub fn push(&mut self, secs: f64, arm: Arm, firm: bool) {
        if secs > self.last().secs {
            self.stops.push(Stop { secs, arm, firm });
        }
    }

    /// Stays where it is until `secs`.
    pub fn hold(&mut self, secs: f64) {
        self.push(secs, self.last().arm, false);
    }

    /// The last stop that cannot be taken back.
    pub fn firm(&self) -> &Stop {
        let firm = self.stops.iter().rposition(|s| s.firm);
        &self.stops[firm.unwrap_or(0)]
    }

    /// Takes back what may be cut short, until the hand can be at `arm` at `secs`.
    pub fn make_room(&mut self, secs: f64, arm: &Arm) {
        while !self.last().firm && self.last().secs + least_secs(&self.last().arm, arm) > secs {
            self.stops.pop();
        }
    }
}

/// The least time that a hand needs from `a` to `b`, seconds.
pub fn least_secs(a: &Arm, b: &Arm) -> f64 {
    let (mut turn, mut way) = (0.0f32, 0.0f32);
    let mut last = *a;
    for i in 1..=SAMPLES {
        let t = i as f32 / SAMPLES as f32;
        let next = a.lerp(b, t);
        let (turned, moved) = last.farthest(&next);
        // The speed of min_jerk at this part of the way, never under the true one.
        let middle = t - 0.5 / SAMPLES as f32;
        let pace = (4.0 * middle * (1.0 - middle)).powf(0.55);
        turn = turn.max(turned * pace);
        way = way.max(moved * pace);
        last = next;
    }
    let per_sec = |most: f32| f64::from(PEAK * SAMPLES as f32 / most);
    let secs =
        (f64::from(turn) * per_sec(MOST_RAD_PER_SEC)).max(f64::from(way) * per_sec(MOST_PER_SEC));
    secs.max(0.12)
}
