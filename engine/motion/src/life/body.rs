//! Breathing and the slow sway of a standing body.

use glam::Quat;
use huashen_core::{Joint, Pose};

use crate::curve::{Spring, ramp};
use crate::random::{Chance, Noise, Stream};
use crate::score::Score;

pub struct Body {
    chance: Chance,
    lungs: Spring,
    /// Quiet breathing: phase in cycles and its present rate.
    phase: f64,
    rate_hz: f64,
    sway: [Noise; 3],
    phrase: usize,
}

impl Body {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed, Stream::Breath);
        let phase = chance.even(0.0, 1.0);
        let noise = |channel, hz| Noise::new(seed, Stream::Sway, channel, hz);
        Self {
            chance,
            lungs: Spring::resting(0.5),
            phase,
            rate_hz: 0.25,
            sway: [noise(0, 0.06), noise(1, 0.08), noise(2, 0.07)],
            phrase: 0,
        }
    }

    /// Sets the torso joints of `pose`; returns how full the lungs are, 0…1.
    /// `shrug` lifts the shoulders, `bow` leans forward (radians).
    pub fn step(
        &mut self,
        at: f64,
        dt: f64,
        score: &Score,
        shrug: f64,
        bow: f64,
        pose: &mut Pose,
    ) -> f64 {
        let breath = self.breathe(at, dt, score);
        let [x, y, z] = std::array::from_fn(|i| self.sway[i].at(at));
        // Positive rotation about +X leans forward, about +Z to the person's right.
        let mut set = |joint, pitch: f64, yaw: f64, roll: f64| {
            let q = Quat::from_euler(glam::EulerRot::YXZ, yaw as f32, pitch as f32, roll as f32);
            pose.set_joint(joint, q);
        };
        set(Joint::Hips, 0.0, 0.006 * y, 0.004 * z);
        set(Joint::Spine, 0.006 * x + 0.45 * bow, 0.008 * y, 0.007 * z);
        set(
            Joint::Chest,
            0.005 * x - 0.02 * (breath - 0.5) + 0.35 * bow,
            0.004 * y,
            -0.005 * z,
        );
        set(
            Joint::UpperChest,
            -0.016 * (breath - 0.5) + 0.2 * bow,
            0.0,
            0.0,
        );
        let lift = 0.024 * (breath - 0.5) + shrug;
        set(Joint::LeftShoulder, 0.0, 0.0, lift + 0.004 * y);
        set(Joint::RightShoulder, 0.0, 0.0, -lift + 0.004 * x);
        breath
    }

    fn breathe(&mut self, at: f64, dt: f64, score: &Score) -> f64 {
        while score.phrases.get(self.phrase).is_some_and(|p| p.end <= at) {
            self.phrase += 1;
        }
        let next = score.phrases.get(self.phrase);
        let target = match next {
            // Air is spent over a phrase …
            Some(p) if at >= p.start => 0.85 - 0.6 * ((at - p.start) / 5.0).min(1.0),
            // … and drawn in quickly before the next.
            Some(p) if p.start - at < 0.55 => 0.35 + 0.6 * ramp(at, p.start - 0.55, p.start - 0.1),
            _ => {
                self.phase += self.rate_hz * dt;
                if self.phase >= 1.0 {
                    self.phase -= 1.0;
                    self.rate_hz = 1.0 / self.chance.log_normal(4.0, 0.12, 3.2, 5.2);
                }
                // In for 40 % of the cycle, out for the rest.
                ramp(self.phase, 0.0, 0.4) - ramp(self.phase, 0.42, 0.95)
            }
        };
        self.lungs.step(target, 5.0, dt)
    }
}
