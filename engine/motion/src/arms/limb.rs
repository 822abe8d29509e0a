//! One arm: from where the hand should be to how the joints turn.

use glam::{Mat3, Quat, Vec3};
use huashen_core::Pose;

use super::hand::{Fingers, Shape};
use super::joints;

/// Upper arm and forearm of the standard skeleton, as parts of their sum.
const UPPER: f32 = 0.27 / 0.52;
const LOWER: f32 = 0.25 / 0.52;
/// No elbow is quite straight, and none folds flat.
const FARTHEST: f32 = 0.985;
const NEAREST: f32 = 0.30;

/// How much of the forearm's roll the forearm itself takes; the hand takes the
/// rest, so that neither wrist nor elbow is wrung.
pub const FOREARM_ROLL: f32 = 0.55;
/// How much of the upper arm's roll it takes; the elbow makes up for the rest.
const UPPER_ROLL: f32 = 0.6;
/// The roll is counted from an arm lowered by this, radians: half-way between
/// the stances that models are skinned in.
const STANCE: f32 = 0.8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Side {
    Left,
    Right,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// Where a hand is, as a gesture tells it. Directions are outwards from the
/// body's middle, up, and to the front, in the chest's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// The wrist from the shoulder joint, in lengths of the arm (upper arm and forearm).
    pub wrist: [f32; 3],
    /// Where the knuckles are from the wrist.
    pub fingers: [f32; 3],
    /// Where the palm looks.
    pub palm: [f32; 3],
    /// Which side of the line from shoulder to wrist the elbow is on.
    pub elbow: [f32; 3],
    pub shape: Shape,
}

/// A [`Reach`] in a form that can be blended: the wrist swings about the
/// shoulder, the hand turns the short way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// Unit vector from shoulder to wrist, of a left arm: +X out, +Y up, +Z front.
    direction: Vec3,
    /// Their distance in lengths of the arm.
    pub radius: f32,
    /// The hand's rotation against the T-pose, in the chest's frame.
    pub hand: Quat,
    elbow: Vec3,
    pub fingers: Fingers,
}

impl From<&Reach> for Arm {
    fn from(r: &Reach) -> Self {
        let wrist = Vec3::from(r.wrist);
        let fingers = Vec3::from(r.fingers).normalize_or(Vec3::NEG_Y);
        let back = -Vec3::from(r.palm).reject_from_normalized(fingers);
        let back = back.normalize_or(fingers.any_orthonormal_vector());
        let hand = Mat3::from_cols(fingers, back, fingers.cross(back));
        Self {
            direction: wrist.normalize_or(Vec3::NEG_Y),
            radius: wrist.length().clamp(NEAREST, FARTHEST),
            hand: Quat::from_mat3(&hand).normalize(),
            elbow: Vec3::from(r.elbow),
            fingers: r.shape.fingers(),
        }
    }
}

impl Arm {
    /// Between two places of the hand.
    pub fn lerp(&self, other: &Self, t: f32) -> Self {
        let turn = Quat::from_rotation_arc(self.direction, other.direction);
        Self {
            direction: (Quat::IDENTITY.slerp(turn, t) * self.direction).normalize(),
            radius: self.radius + (other.radius - self.radius) * t,
            hand: self.hand.slerp(other.hand, t),
            elbow: self.elbow.lerp(other.elbow, t),
            fingers: self.fingers.lerp(&other.fingers, t),
        }
    }

    /// Moves the wrist by `by` lengths of the arm.
    pub fn aim(&mut self, by: Vec3) {
        let wrist = self.direction * self.radius + by;
        self.radius = wrist.length().clamp(NEAREST, FARTHEST);
        self.direction = wrist.normalize_or(self.direction);
    }

    /// The wrist from the shoulder, in lengths of the arm.
    pub fn wrist(&self) -> Vec3 {
        self.direction * self.radius
    }

    /// Rotations of shoulder, upper arm, forearm and hand of a left arm, each
    /// against its parent's T-pose frame.
    pub fn rotations(&self) -> [Quat; 4] {
        let reach = self.direction;
        let pole = self.elbow.reject_from_normalized(reach);
        let pole = pole.normalize_or(reach.any_orthonormal_vector());
        // The elbow's place along `reach` and beside it.
        let d = self.radius.clamp(NEAREST, FARTHEST);
        let along = (UPPER * UPPER - LOWER * LOWER + d * d) / (2.0 * d);
        let beside = (UPPER * UPPER - along * along).max(0.0).sqrt();
        let upper = (reach * along + pole * beside) / UPPER;
        let lower = ((reach * d - upper * UPPER) / LOWER).normalize_or(reach);
        let hinge = pole.cross(reach).normalize_or(Vec3::NEG_Y);

        let upper_hinged = limb_frame(upper, hinge);
        let stance = Quat::from_rotation_z(-STANCE);
        let upper_plain = Quat::from_rotation_arc(stance * Vec3::X, upper) * stance;
        let upper_turn = upper_plain.slerp(upper_hinged, UPPER_ROLL);

        let lower_hinged = limb_frame(lower, hinge);
        let roll = about_x(lower_hinged.inverse() * self.hand);
        let lower_turn = lower_hinged * Quat::from_rotation_x(FOREARM_ROLL * roll);

        // The collar bone follows an arm that is raised or reaches forward.
        let raised = (upper.y.clamp(-1.0, 1.0).asin() + 0.9).max(0.0);
        let shoulder = Quat::from_rotation_z(0.10 * raised * raised / (0.3 + raised))
            * Quat::from_rotation_y(-0.05 * upper.z.max(0.0));
        [
            shoulder,
            shoulder.inverse() * upper_turn,
            upper_turn.inverse() * lower_turn,
            lower_turn.inverse() * self.hand,
        ]
    }

    /// Writes the arm's joints to `pose`.
    pub fn pose(&self, side: Side, pose: &mut Pose) {
        let mirrored = |q: Quat| match side {
            Side::Left => q,
            Side::Right => Quat::from_xyzw(q.x, -q.y, -q.z, q.w),
        };
        let names = joints(side);
        for (i, q) in self.rotations().into_iter().enumerate() {
            let q = mirrored(q);
            let q = if i == 0 { q * pose.joint(names[0]) } else { q };
            pose.set_joint(names[i], q.normalize());
        }
        for (joint, q) in names[4..].iter().zip(self.fingers.rotations()) {
            pose.set_joint(*joint, mirrored(q));
        }
    }

    /// The most that a joint from shoulder to hand turns between `self` and
    /// `other`, and the most that the wrist moves (lengths of the arm).
    pub fn farthest(&self, other: &Self) -> (f32, f32) {
        let (a, b) = (self.rotations(), other.rotations());
        let turn = a.iter().zip(&b).map(|(a, b)| a.angle_between(*b));
        (
            turn.fold(0.0, f32::max),
            self.wrist().distance(other.wrist()),
        )
    }
}

/// The rotation that lays the T-pose limb (+X, its hinge along −Y) along
/// `along` with its hinge along `hinge`, at right angles.
fn limb_frame(along: Vec3, hinge: Vec3) -> Quat {
    let y = -hinge.reject_from_normalized(along).normalize_or(Vec3::Y);
    Quat::from_mat3(&Mat3::from_cols(along, y, along.cross(y))).normalize()
}

/// The part of a rotation that is about +X, radians within ±π.
fn about_x(q: Quat) -> f32 {
    let q = if q.w < 0.0 { -q } else { q };
    2.0 * q.x.atan2(q.w)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(arm: &Arm) -> Vec3 {
        let [shoulder, upper, lower, _] = arm.rotations();
        let upper = shoulder * upper;
        upper * Vec3::X * UPPER + upper * lower * Vec3::X * LOWER
    }

    #[test]
    fn the_wrist_gets_where_it_should_and_the_elbow_bends_forward() {
        for wrist in [
            [0.1, -0.95, 0.1],
            [0.0, -0.5, 0.5],
            [-0.2, 0.0, 0.3],
            [0.6, 0.2, 0.4],
        ] {
            let arm = Arm::from(&Reach {
                wrist,
                fingers: [0.0, 0.2, 1.0],
                palm: [-1.0, 0.0, 0.0],
                elbow: [0.4, -1.0, -0.6],
                shape: Shape::Relaxed,
            });
            let found = place(&arm);
            assert!(
                found.distance(Vec3::from(wrist)) < 2e-3,
                "{wrist:?}: {found}"
            );
            let [shoulder, upper, lower, hand] = arm.rotations();
            let whole = shoulder * upper * lower * hand;
            assert!((whole * Vec3::NEG_Y).x < -0.99, "the palm looks inwards");
        }
    }
}
