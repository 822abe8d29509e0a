//! Where the camera stands for the usual shots.

use glam::{Vec2, Vec3};
use huashen_core::Joint;

use crate::bundle::Avatar;
use crate::drive::{Deformer, Driven};
use crate::manifest::Photo;
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

/// A camera; +Y is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    pub eye: Vec3,
    pub target: Vec3,
    pub lens: Lens,
}

/// How the picture is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lens {
    /// Vertical field of view in radians.
    Perspective { fov_y: f32 },
    /// Parallel rays; metres from the picture's lower to its upper edge.
    Orthographic { height: f32 },
}

/// A portrait lens: little perspective.
const FOV_Y: f32 = 0.36;

impl Framing {
    /// A camera for pictures of this width over height.
    fn camera(self, model: &Model, aspect: f32) -> Camera {
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
            lens: Lens::Perspective { fov_y: FOV_Y },
        }
    }
}

/// The camera of an avatar's picture. A photo is shown as it was taken, as much
/// of it as fits, when no framing is asked for.
pub fn camera(avatar: &Avatar, framing: Option<Framing>, aspect: f32) -> Camera {
    let Some(photo) = &avatar.manifest.photo else {
        return framing.unwrap_or_default().camera(&avatar.model, aspect);
    };
    let window = photo_window(avatar, photo, framing, aspect);
    let middle = (window.middle() - Vec2::new(photo.width as f32, photo.height as f32) * 0.5)
        * photo.metres_per_px;
    let target = Vec3::new(middle.x, -middle.y, 0.0);
    Camera {
        eye: target + Vec3::Z * PHOTO_DISTANCE,
        target,
        lens: Lens::Orthographic {
            height: window.height * photo.metres_per_px,
        },
    }
}

/// Where the camera of a photo stands; with parallel rays any place far enough.
const PHOTO_DISTANCE: f32 = 10.0;

/// A part of a photo, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Window {
    fn middle(&self) -> Vec2 {
        Vec2::new(self.x + self.width * 0.5, self.y + self.height * 0.5)
    }
}

/// The part of a photo avatar's photo that a picture of this width over height
/// shows.
pub fn photo_window(
    avatar: &Avatar,
    photo: &Photo,
    framing: Option<Framing>,
    aspect: f32,
) -> Window {
    let whole = Vec2::new(photo.width as f32, photo.height as f32);
    let eye = |joint| avatar.model.joint_position(joint).unwrap_or_default();
    let (left, right) = (eye(Joint::LeftEye), eye(Joint::RightEye));
    let unit = left.distance(right) / photo.metres_per_px;
    let eyes = (left + right) * 0.5 / photo.metres_per_px;
    let eyes = Vec2::new(whole.x * 0.5 + eyes.x, whole.y * 0.5 - eyes.y);
    // The largest part of this shape, or the shot's own size where that is less.
    let most = whole.y.min(whole.x / aspect);
    let (height, from_top) = match framing {
        None | Some(Framing::Full) => (most, 0.38),
        Some(Framing::Face) => (5.2 * unit, 0.44),
        Some(Framing::Bust) => (8.3 * unit, 0.365),
        Some(Framing::Half) => (16.5 * unit, 0.25),
    };
    let height = height.min(most);
    let size = Vec2::new(height * aspect, height);
    // Whole pixels, so that a photo at its own size is not sampled anew.
    let corner = (eyes - size * Vec2::new(0.5, from_top))
        .round()
        .clamp(Vec2::ZERO, (whole - size).max(Vec2::ZERO));
    Window {
        x: corner.x,
        y: corner.y,
        width: size.x,
        height: size.y,
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
