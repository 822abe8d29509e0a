//! Arms and hands: a library of gestures as keyframes, a plan that lays them
//! over the speech, and the joint rotations that come of it.
//!
//! A gesture goes through Kendon's phases: *preparation*, *stroke*, *hold*,
//! *retraction* (Kendon 1980, "Gesticulation and speech"); strokes fall on
//! accents. Everything is told for a left arm and mirrored for the right one.

pub mod clips;
mod hand;
mod limb;
mod plan;
#[cfg(test)]
mod tests;
mod timeline;

use glam::Quat;
use huashen_core::{Joint, Pose};

use limb::Side;
pub use plan::{Cue, plan};
use timeline::Timeline;

use crate::options::Style;
use crate::random::{Noise, Stream};
use crate::score::Score;
use clips::Clip;

/// Where [`Arms::of`] has its stroke, in seconds.
pub const STROKE_SECS: f64 = 6.0;

/// How much later than the wrist's place the hand turns and the fingers move.
const FOLLOW_SECS: f64 = 0.04;

/// Both arms over the whole of a clip.
pub struct Arms {
    sides: [(Side, Timeline, [Noise; 4]); 2],
}

impl Arms {
    /// `left` and `right` as [`plan`] made them.
    pub fn new(seed: u64, [left, right]: [Timeline; 2]) -> Self {
        let drift = |side: Side| {
            std::array::from_fn(|i| {
                let channel = 16 + 4 * side as u64 + i as u64;
                Noise::new(seed, Stream::Arms, channel, 0.11 + 0.03 * i as f64)
            })
        };
        Self {
            sides: [
                (Side::Left, left, drift(Side::Left)),
                (Side::Right, right, drift(Side::Right)),
            ],
        }
    }

    /// One gesture by itself, its stroke at [`STROKE_SECS`].
    pub fn of(clip: &'static Clip) -> Self {
        let cue = Cue {
            at: STROKE_SECS,
            clip,
        };
        let score = Score::default();
        let hands = plan(&score, &[cue], 2.0 * STROKE_SECS, Style::Natural, 0);
        Self::new(0, hands)
    }

    /// Sets the joints of both arms at `at` seconds; shoulders are turned on
    /// from where `pose` has them.
    pub fn apply(&self, at: f64, pose: &mut Pose) {
        pose.joints.reserve_exact(2 * ARM_JOINTS);
        for (side, timeline, drift) in &self.sides {
            let mut arm = timeline.at(at);
            let late = timeline.at(at - FOLLOW_SECS);
            arm.hand = late.hand;
            arm.fingers = late.fingers;
            let [x, y, z, turn] = std::array::from_fn(|i| drift[i].at(at) as f32);
            // A hand that hangs swings less than one held up.
            let free = 1.5 - arm.radius;
            arm.aim(glam::Vec3::new(x, y, z) * 0.018 * free);
            arm.hand *= Quat::from_rotation_x(0.05 * turn);
            arm.pose(*side, pose);
        }
    }
}

/// The joints that [`Arms::apply`] sets on one side: arm first, then fingers.
const ARM_JOINTS: usize = 19;

/// From shoulder to hand, then finger by finger.
const fn joints(side: Side) -> &'static [Joint; ARM_JOINTS] {
    match side {
        Side::Left => &LEFT,
        Side::Right => &RIGHT,
    }
}

use Joint as J;

const LEFT: [Joint; ARM_JOINTS] = [
    J::LeftShoulder,
    J::LeftUpperArm,
    J::LeftLowerArm,
    J::LeftHand,
    J::LeftThumbMetacarpal,
    J::LeftThumbProximal,
    J::LeftThumbDistal,
    J::LeftIndexProximal,
    J::LeftIndexIntermediate,
    J::LeftIndexDistal,
    J::LeftMiddleProximal,
    J::LeftMiddleIntermediate,
    J::LeftMiddleDistal,
    J::LeftRingProximal,
    J::LeftRingIntermediate,
    J::LeftRingDistal,
    J::LeftLittleProximal,
    J::LeftLittleIntermediate,
    J::LeftLittleDistal,
];

const RIGHT: [Joint; ARM_JOINTS] = [
    J::RightShoulder,
    J::RightUpperArm,
    J::RightLowerArm,
    J::RightHand,
    J::RightThumbMetacarpal,
    J::RightThumbProximal,
    J::RightThumbDistal,
    J::RightIndexProximal,
    J::RightIndexIntermediate,
    J::RightIndexDistal,
    J::RightMiddleProximal,
    J::RightMiddleIntermediate,
    J::RightMiddleDistal,
    J::RightRingProximal,
    J::RightRingIntermediate,
    J::RightRingDistal,
    J::RightLittleProximal,
    J::RightLittleIntermediate,
    J::RightLittleDistal,
];
