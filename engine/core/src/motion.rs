//! [`Pose`] and [`MotionTrack`]: the one language that all avatars speak.

use glam::{EulerRot, Quat};

use crate::{ArkitWeights, Joint};

/// A rotation as yaw, pitch and roll in radians.
///
/// Yaw turns to the person's left (+Y), pitch tips the face **up**, roll tips
/// the head to the person's right shoulder... each positive as in Live Link
/// Face after its conversion to a right-handed, +Y-up frame looking along +Z:
/// the quaternion is `Ry(yaw) · Rx(-pitch) · Rz(roll)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Euler {
    pub yaw: f32,
    pub pitch: f32,
    pub roll: f32,
}

impl Euler {
    /// The three angles, in radians.
    pub const fn new(yaw: f32, pitch: f32, roll: f32) -> Self {
        Self { yaw, pitch, roll }
    }

    /// The rotation as a quaternion, in the head's rest frame (+Z out of the face).
    pub fn quat(self) -> Quat {
        Quat::from_euler(EulerRot::YXZ, self.yaw, -self.pitch, self.roll)
    }

    /// `self + (other - self) * t`; good for the small angles of a head.
    pub fn lerp(self, other: Self, t: f32) -> Self {
        Self {
            yaw: self.yaw + (other.yaw - self.yaw) * t,
            pitch: self.pitch + (other.pitch - self.pitch) * t,
            roll: self.roll + (other.roll - self.roll) * t,
        }
    }
}

/// Everything that moves, at one instant. The default is the rest pose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pose {
    /// The face.
    pub weights: ArkitWeights,
    /// Head rotation against the torso; avatars share it between neck and head.
    pub head: Euler,
    /// Gaze of each eyeball against the head (yaw, pitch; roll is 0).
    pub left_eye: Euler,
    pub right_eye: Euler,
    /// Additional rotations of joints against their rest pose, in a rest frame
    /// aligned with the model's axes (T-pose, +Y up, +Z forward). Sorted by joint.
    ///
    /// An arm whose upper arm is named is told against the T-pose (palms down,
    /// fingers straight, thumbs at 45° to the front) whatever stance the model
    /// was made in; one that is not stays as the model has it.
    pub joints: Vec<(Joint, Quat)>,
}

impl Pose {
    /// Rotation added to `joint`; identity when the pose does not name it.
    pub fn joint(&self, joint: Joint) -> Quat {
        match self.joints.binary_search_by_key(&joint, |(j, _)| *j) {
            Ok(i) => self.joints[i].1,
            Err(_) => Quat::IDENTITY,
        }
    }

    /// Sets the rotation of `joint`, keeping the list sorted.
    pub fn set_joint(&mut self, joint: Joint, rotation: Quat) {
        match self.joints.binary_search_by_key(&joint, |(j, _)| *j) {
            Ok(i) => self.joints[i].1 = rotation,
            Err(i) => self.joints.insert(i, (joint, rotation)),
        }
    }

    /// Between two poses: weights and angles linearly, joints by slerp.
    pub fn lerp(&self, other: &Self, t: f32) -> Self {
        let mut joints: Vec<(Joint, Quat)> = Vec::with_capacity(self.joints.len());
        for &(joint, rotation) in &self.joints {
            joints.push((joint, rotation.slerp(other.joint(joint), t)));
        }
        for &(joint, rotation) in &other.joints {
            if let Err(i) = joints.binary_search_by_key(&joint, |(j, _)| *j) {
                joints.insert(i, (joint, Quat::IDENTITY.slerp(rotation, t)));
            }
        }
        Self {
            weights: self.weights.lerp(&other.weights, t),
            head: self.head.lerp(other.head, t),
            left_eye: self.left_eye.lerp(other.left_eye, t),
            right_eye: self.right_eye.lerp(other.right_eye, t),
            joints,
        }
    }
}

/// Poses at an even rate, starting at 0 s.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionTrack {
    /// Poses a second.
    pub rate_hz: f64,
    pub poses: Vec<Pose>,
}

impl MotionTrack {
    /// The pose at `secs`, interpolated; held at both ends. The rest pose when
    /// the track is empty.
    pub fn sample(&self, secs: f64) -> Pose {
        let Some(last) = self.poses.len().checked_sub(1) else {
            return Pose::default();
        };
        let at = (secs * self.rate_hz).clamp(0.0, last as f64);
        let i = at.floor() as usize;
        let t = (at - i as f64) as f32;
        if t == 0.0 || i == last {
            return self.poses[i].clone();
        }
        self.poses[i].lerp(&self.poses[i + 1], t)
    }

    /// Length of the track in seconds.
    pub fn duration_secs(&self) -> f64 {
        self.poses.len() as f64 / self.rate_hz
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArkitShape;

    fn track() -> MotionTrack {
        let mut b = Pose::default();
        b.weights[ArkitShape::JawOpen] = 1.0;
        b.set_joint(Joint::Chest, Quat::from_rotation_x(0.2));
        MotionTrack {
            rate_hz: 10.0,
            poses: vec![Pose::default(), b],
        }
    }

    #[test]
    fn sampling_interpolates_and_holds_the_ends() {
        let t = track();
        assert_eq!(t.sample(-1.0), Pose::default());
        assert!((t.sample(0.05).weights[ArkitShape::JawOpen] - 0.5).abs() < 1e-6);
        assert!(
            t.sample(0.05)
                .joint(Joint::Chest)
                .angle_between(Quat::from_rotation_x(0.1))
                < 1e-3
        );
        assert_eq!(t.sample(9.0), t.poses[1]);
    }

    #[test]
    fn yaw_turns_left_and_pitch_looks_up() {
        let forward = glam::Vec3::Z;
        assert!((Euler::new(0.3, 0.0, 0.0).quat() * forward).x > 0.0);
        assert!((Euler::new(0.0, 0.3, 0.0).quat() * forward).y > 0.0);
    }
}
