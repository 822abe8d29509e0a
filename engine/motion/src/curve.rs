//! Small curves that everything that moves is built from.

use std::f64::consts::PI;

/// Minimum-jerk step (Flash and Hogan 1985): 0 for t ≤ 0, 1 for t ≥ 1, with
/// zero velocity and acceleration at both ends.
pub fn min_jerk(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * t * (10.0 + t * (6.0 * t - 15.0))
}

/// [`min_jerk`] from `a` to `b` seconds.
pub fn ramp(at: f64, a: f64, b: f64) -> f64 {
    if b <= a {
        return if at >= b { 1.0 } else { 0.0 };
    }
    min_jerk((at - a) / (b - a))
}

/// A smooth pulse: 0 outside `start..end`, 1 between `start + rise` and `end - fall`.
pub fn pulse(at: f64, start: f64, end: f64, rise: f64, fall: f64) -> f64 {
    ramp(at, start, start + rise) * (1.0 - ramp(at, end - fall, end))
}

/// Raised cosine over 0…1, zero outside.
pub fn bump(t: f64) -> f64 {
    if (0.0..=1.0).contains(&t) {
        0.5 - 0.5 * (2.0 * PI * t).cos()
    } else {
        0.0
    }
}

/// Critically damped second-order follower, stepped exactly, so that any step
/// length is stable.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spring {
    pub at: f64,
    velocity: f64,
}

impl Spring {
    /// At rest at `at`.
    pub const fn resting(at: f64) -> Self {
        Self { at, velocity: 0.0 }
    }

    /// Moves towards `target` for `dt` seconds; `omega` in rad/s (about
    /// 4 / omega seconds to arrive).
    pub fn step(&mut self, target: f64, omega: f64, dt: f64) -> f64 {
        let offset = self.at - target;
        let drive = self.velocity + omega * offset;
        let decay = (-omega * dt).exp();
        self.at = target + (offset + drive * dt) * decay;
        self.velocity = (self.velocity - omega * drive * dt) * decay;
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spring_arrives_without_overshoot_at_any_step() {
        for dt in [0.004, 0.0167, 0.2] {
            let mut s = Spring::default();
            let mut top = 0.0f64;
            for _ in 0..(3.0 / dt) as usize {
                top = top.max(s.step(1.0, 8.0, dt));
            }
            assert!((s.at - 1.0).abs() < 1e-6 && top <= 1.0 + 1e-9, "{dt}");
        }
    }
}
