//! Where the camera stands for the usual shots.

use glam::Vec3;
use huashen_core::Joint;

use crate::drive::{Deformer, Driven};
use crate::model::Model;

/// How much of the person is in the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    Face,
    /// Head and shoulders: a presenter.
    #[default]
    Bust,
    /// Down to the hips.
    Half,
    Full,
}

/// A perspective camera; +Y is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    pub eye: Vec3,
    pub target: Vec3,
    /// Vertical field of view in radians.
    pub fov_y: f32,
}

/// A portrait lens: little perspective.
const FOV_Y: f32 = 0.36;

impl Framing {
    /// A camera for pictures of this width over height.
    pub fn camera(self, model: &Model, aspect: f32) -> Camera {
        let (low, high) = bounds(model);
        let (eyes, unit) = eyes_and_unit(model, low, high);
        // In units of the distance between the eyes (6.2 cm on most people):
        // height of the picture, least width, and eyes' place from the top.
        let (height, width, from_top) = match self {
            Self::Face => (5.2, 4.4, 0.44),
            Self::Bust => (8.3, 6.8, 0.365),
            Self::Half => (16.5, 11.0, 0.25),
            Self::Full => (
                (high.y - low.y) / unit * 1.08,
                (high.x - low.x) / unit * 1.08,
                0.0,
            ),
        };
        let height = (height.max(width / aspect)) * unit;
        let mut target = Vec3::new(eyes.x, eyes.y + (from_top - 0.5) * height, eyes.z);
        if self == Self::Full {
            target = (low + high) * 0.5;
        }
        let distance = height * 0.5 / (FOV_Y * 0.5).tan();
        Camera {
            eye: target + Vec3::Z * distance,
            target,
            fov_y: FOV_Y,
        }
    }
}

fn bounds(model: &Model) -> (Vec3, Vec3) {
    let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
    Deformer::default().run(model, &Driven::default(), &mut |_, p, _| {
        low = low.min(p);
        high = high.max(p);
    });
    (low, high)
}

/// The middle between the eyes and their distance; guessed from the head and
/// the size of the whole where there are no eye joints.
fn eyes_and_unit(model: &Model, low: Vec3, high: Vec3) -> (Vec3, f32) {
    let eye = |joint| model.joint_position(joint);
    if let (Some(left), Some(right)) = (eye(Joint::LeftEye), eye(Joint::RightEye))
        && left.distance(right) > 1e-4
    {
        return ((left + right) * 0.5, left.distance(right));
    }
    let height = (high.y - low.y).max(1e-4);
    match eye(Joint::Head) {
        Some(head) => {
            // The joint sits at the base of the skull, the crown is the top.
            let skull = (high.y - head.y).max(height * 0.02);
            (head + Vec3::Y * skull * 0.45, skull * 0.27)
        }
        // A bust or a head alone: the eyes are halfway up a head.
        None => (
            Vec3::new((low.x + high.x) * 0.5, low.y + height * 0.6, high.z),
            height * 0.2,
        ),
    }
}
