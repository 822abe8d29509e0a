//! A plain adult skeleton in T-pose for the formats that need one.
//!
//! All rest frames are aligned with the model's axes (+Y up, +Z forward), so a
//! pose's rotations are local rotations as they stand.

use glam::{Quat, Vec3};
use huashen_core::{Joint, MotionTrack, Pose};

/// Share of the head's rotation that the neck takes.
const NECK_SHARE: f32 = 0.45;
/// Rotation of the jaw joint at `jawOpen` 1.
const JAW_OPEN_RAD: f32 = 0.3;

/// A joint, its parent and its rest offset from the parent in metres.
pub struct Rest {
    pub joint: Joint,
    pub parent: Option<Joint>,
    pub offset: Vec3,
}

const fn rest(joint: Joint, parent: Joint, x: f32, y: f32, z: f32) -> Rest {
    Rest {
        joint,
        parent: Some(parent),
        offset: Vec3::new(x, y, z),
    }
}

/// Depth first: each joint directly after its parent or a sibling's subtree.
/// Lengths of an adult of 1.70 m (drawn from Winter 2009, table 4.1).
pub const SKELETON: [Rest; 55] = {
    use Joint as J;
    [
        Rest {
            joint: J::Hips,
            parent: None,
            offset: Vec3::new(0.0, 0.95, 0.0),
        },
        rest(J::Spine, J::Hips, 0.0, 0.1, 0.0),
        rest(J::Chest, J::Spine, 0.0, 0.12, 0.0),
        rest(J::UpperChest, J::Chest, 0.0, 0.12, 0.0),
        rest(J::Neck, J::UpperChest, 0.0, 0.13, 0.0),
        rest(J::Head, J::Neck, 0.0, 0.09, 0.01),
        rest(J::Jaw, J::Head, 0.0, 0.02, 0.02),
        rest(J::LeftEye, J::Head, 0.032, 0.07, 0.075),
        rest(J::RightEye, J::Head, -0.032, 0.07, 0.075),
        rest(J::LeftShoulder, J::UpperChest, 0.03, 0.09, 0.0),
        rest(J::LeftUpperArm, J::LeftShoulder, 0.13, 0.0, 0.0),
        rest(J::LeftLowerArm, J::LeftUpperArm, 0.27, 0.0, 0.0),
        rest(J::LeftHand, J::LeftLowerArm, 0.25, 0.0, 0.0),
        rest(J::LeftThumbMetacarpal, J::LeftHand, 0.022, -0.008, 0.022),
        rest(
            J::LeftThumbProximal,
            J::LeftThumbMetacarpal,
            0.03,
            0.0,
            0.03,
        ),
        rest(J::LeftThumbDistal, J::LeftThumbProximal, 0.022, 0.0, 0.022),
        rest(J::LeftIndexProximal, J::LeftHand, 0.088, 0.0, 0.025),
        rest(
            J::LeftIndexIntermediate,
            J::LeftIndexProximal,
            0.042,
            0.0,
            0.0,
        ),
        rest(
            J::LeftIndexDistal,
            J::LeftIndexIntermediate,
            0.025,
            0.0,
            0.0,
        ),
        rest(J::LeftMiddleProximal, J::LeftHand, 0.09, 0.002, 0.004),
        rest(
            J::LeftMiddleIntermediate,
            J::LeftMiddleProximal,
            0.046,
            0.0,
            0.0,
        ),
        rest(
            J::LeftMiddleDistal,
            J::LeftMiddleIntermediate,
            0.028,
            0.0,
            0.0,
        ),
        rest(J::LeftRingProximal, J::LeftHand, 0.084, 0.0, -0.016),
        rest(
            J::LeftRingIntermediate,
            J::LeftRingProximal,
            0.042,
            0.0,
            0.0,
        ),
        rest(J::LeftRingDistal, J::LeftRingIntermediate, 0.026, 0.0, 0.0),
        rest(J::LeftLittleProximal, J::LeftHand, 0.076, -0.004, -0.034),
        rest(
            J::LeftLittleIntermediate,
            J::LeftLittleProximal,
            0.033,
            0.0,
            0.0,
        ),
        rest(
            J::LeftLittleDistal,
            J::LeftLittleIntermediate,
            0.02,
            0.0,
            0.0,
        ),
        rest(J::RightShoulder, J::UpperChest, -0.03, 0.09, 0.0),
        rest(J::RightUpperArm, J::RightShoulder, -0.13, 0.0, 0.0),
        rest(J::RightLowerArm, J::RightUpperArm, -0.27, 0.0, 0.0),
        rest(J::RightHand, J::RightLowerArm, -0.25, 0.0, 0.0),
        rest(J::RightThumbMetacarpal, J::RightHand, -0.022, -0.008, 0.022),
        rest(
            J::RightThumbProximal,
            J::RightThumbMetacarpal,
            -0.03,
            0.0,
            0.03,
        ),
        rest(
            J::RightThumbDistal,
            J::RightThumbProximal,
            -0.022,
            0.0,
            0.022,
        ),
        rest(J::RightIndexProximal, J::RightHand, -0.088, 0.0, 0.025),
        rest(
            J::RightIndexIntermediate,
            J::RightIndexProximal,
            -0.042,
            0.0,
            0.0,
        ),
        rest(
            J::RightIndexDistal,
            J::RightIndexIntermediate,
            -0.025,
            0.0,
            0.0,
        ),
        rest(J::RightMiddleProximal, J::RightHand, -0.09, 0.002, 0.004),
        rest(
            J::RightMiddleIntermediate,
            J::RightMiddleProximal,
            -0.046,
            0.0,
            0.0,
        ),
        rest(
            J::RightMiddleDistal,
            J::RightMiddleIntermediate,
            -0.028,
            0.0,
            0.0,
        ),
        rest(J::RightRingProximal, J::RightHand, -0.084, 0.0, -0.016),
        rest(
            J::RightRingIntermediate,
            J::RightRingProximal,
            -0.042,
            0.0,
            0.0,
        ),
        rest(
            J::RightRingDistal,
            J::RightRingIntermediate,
            -0.026,
            0.0,
            0.0,
        ),
        rest(J::RightLittleProximal, J::RightHand, -0.076, -0.004, -0.034),
        rest(
            J::RightLittleIntermediate,
            J::RightLittleProximal,
            -0.033,
            0.0,
            0.0,
        ),
        rest(
            J::RightLittleDistal,
            J::RightLittleIntermediate,
            -0.02,
            0.0,
            0.0,
        ),
        rest(J::LeftUpperLeg, J::Hips, 0.09, -0.05, 0.0),
        rest(J::LeftLowerLeg, J::LeftUpperLeg, 0.0, -0.42, 0.0),
        rest(J::LeftFoot, J::LeftLowerLeg, 0.0, -0.41, 0.0),
        rest(J::LeftToes, J::LeftFoot, 0.0, -0.06, 0.13),
        rest(J::RightUpperLeg, J::Hips, -0.09, -0.05, 0.0),
        rest(J::RightLowerLeg, J::RightUpperLeg, 0.0, -0.42, 0.0),
        rest(J::RightFoot, J::RightLowerLeg, 0.0, -0.41, 0.0),
        rest(J::RightToes, J::RightFoot, 0.0, -0.06, 0.13),
    ]
};

/// Children of `joint` in [`SKELETON`], in order.
pub fn children(joint: Joint) -> impl Iterator<Item = &'static Rest> {
    SKELETON.iter().filter(move |r| r.parent == Some(joint))
}

/// Local rotation of `joint` in `pose`: head, eyes and jaw from their own
/// fields, together with what the pose adds to the joint by name.
pub fn local_rotation(pose: &Pose, joint: Joint) -> Quat {
    let head = pose.head.quat();
    let neck = Quat::IDENTITY.slerp(head, NECK_SHARE);
    let own = match joint {
        Joint::Neck => neck,
        Joint::Head => neck.inverse() * head,
        Joint::LeftEye => pose.left_eye.quat(),
        Joint::RightEye => pose.right_eye.quat(),
        Joint::Jaw => {
            Quat::from_rotation_x(JAW_OPEN_RAD * pose.weights[huashen_core::ArkitShape::JawOpen])
        }
        _ => Quat::IDENTITY,
    };
    own * pose.joint(joint)
}

/// Joints that some pose of `track` names, in [`Joint::ALL`] order.
pub fn moving_joints(track: &MotionTrack) -> Vec<Joint> {
    let mut found: Vec<Joint> = Vec::new();
    for pose in &track.poses {
        for &(joint, _) in &pose.joints {
            if let Err(i) = found.binary_search(&joint) {
                found.insert(i, joint);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use huashen_core::Euler;

    #[test]
    fn parents_come_first_and_neck_and_head_make_the_whole_turn() {
        for (i, r) in SKELETON.iter().enumerate() {
            if let Some(p) = r.parent {
                assert!(SKELETON[..i].iter().any(|q| q.joint == p), "{:?}", r.joint);
            }
        }
        let pose = Pose {
            head: Euler::new(0.3, -0.2, 0.1),
            ..Pose::default()
        };
        let whole = local_rotation(&pose, Joint::Neck) * local_rotation(&pose, Joint::Head);
        assert!(whole.angle_between(pose.head.quat()) < 1e-3);
    }
}
