//! A planner, which only goes forward, sampled at any time around now.

use std::collections::VecDeque;

use huashen_core::Pose;
use huashen_motion::Planner;

/// Poses kept behind the newest one: readers of slightly different times.
const KEPT: usize = 32;

pub(super) struct Stepper {
    planner: Planner,
    kept: VecDeque<Pose>,
    /// Poses taken from the planner.
    taken: u64,
}

impl Stepper {
    pub fn new(planner: Planner) -> Self {
        Self {
            planner,
            kept: VecDeque::with_capacity(KEPT),
            taken: 0,
        }
    }

    /// Up to where poses were planned.
    pub fn newest_secs(&self) -> f64 {
        self.taken as f64 / self.planner.rate_hz()
    }

    /// The pose at `secs`; held at both ends of what is kept and planned.
    pub fn at(&mut self, secs: f64) -> Pose {
        let at = secs.max(0.0) * self.planner.rate_hz();
        while self.taken < at as u64 + 2 {
            let Some(pose) = self.planner.next() else {
                break;
            };
            if self.kept.len() == KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(pose);
            self.taken += 1;
        }
        let first = self.taken - self.kept.len() as u64;
        let Some(last) = self.kept.len().checked_sub(1) else {
            return Pose::default();
        };
        let at = (at - first as f64).clamp(0.0, last as f64);
        let i = at as usize;
        self.kept[i].lerp(&self.kept[(i + 1).min(last)], at.fract() as f32)
    }
}
