//! What is known of each frame of an avatar's footage, and the footage itself.

use glam::{Mat4, Quat, Vec2, Vec3};
use huashen_core::{SinkError, Size};

use super::space::{Eye, Mouth};

/// One frame of the footage.
#[derive(Clone, Debug, PartialEq)]
pub struct Filmed {
    /// From the head's frame (centimetres) to the camera's; see `HeadPose`.
    pub camera_from_head: Mat4,
    pub mouth: Mouth,
    /// A face was seen, and nothing was in front of its mouth.
    pub usable: bool,
    /// The person speaks.
    pub speaks: bool,
}

impl Filmed {
    /// Between two frames that show nearly the same.
    pub fn lerp(&self, other: &Self, t: f32) -> Self {
        let (s0, r0, t0) = self.camera_from_head.to_scale_rotation_translation();
        let (s1, r1, t1) = other.camera_from_head.to_scale_rotation_translation();
        Self {
            camera_from_head: Mat4::from_scale_rotation_translation(
                s0.lerp(s1, t),
                r0.slerp(r1, t),
                t0.lerp(t1, t),
            ),
            mouth: std::array::from_fn(|m| self.mouth[m] + (other.mouth[m] - self.mouth[m]) * t),
            usable: self.usable && other.usable,
            speaks: self.speaks,
        }
    }
}

/// Half the side of the square that holds a lower face, in centimetres.
const HALF_CM: f32 = 6.5;
/// Where a mouth is in the head's frame, about, in centimetres.
const MIDDLE: Vec3 = Vec3::new(0.0, -3.6, 4.4);
/// Its middle is so far below the mouth's.
const BELOW_CM: f32 = 1.8;

/// The square of a picture that holds a lower face, upright with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Square {
    /// Pixels.
    pub middle: Vec2,
    /// Half the side, in pixels.
    pub half: f32,
    /// Cosine and sine of the head's roll in the picture.
    pub turn: Vec2,
    pub px_per_cm: f32,
}

impl Square {
    /// Around the mouth of a head.
    pub fn of(eye: Eye, camera_from_head: &Mat4) -> Self {
        let mouth = MIDDLE;
        let px_per_cm = eye.px_per_cm(camera_from_head, mouth);
        let middle = eye.see(camera_from_head, mouth - Vec3::Y * BELOW_CM);
        let up = eye.see(camera_from_head, mouth + Vec3::Y * 3.0);
        let down = middle - up;
        let turn = down.normalize_or(Vec2::Y);
        Self {
            middle,
            half: HALF_CM * px_per_cm,
            turn: Vec2::new(turn.y, -turn.x),
            px_per_cm,
        }
    }

    /// All of it, as numbers.
    pub fn to_array(self) -> [f32; 6] {
        let Self {
            middle,
            half,
            turn,
            px_per_cm,
        } = self;
        [middle.x, middle.y, half, turn.x, turn.y, px_per_cm]
    }

    /// From [`Self::to_array`].
    pub fn from_array([x, y, half, cos, sin, px_per_cm]: [f32; 6]) -> Self {
        Self {
            middle: Vec2::new(x, y),
            half,
            turn: Vec2::new(cos, sin),
            px_per_cm,
        }
    }

    /// From −1 to 1 across the square (y down) to pixels.
    pub fn to_px(&self, u: Vec2) -> Vec2 {
        self.middle + self.turn.rotate(u) * self.half
    }

    /// From pixels to −1 … 1 across the square.
    pub fn from_px(&self, p: Vec2) -> Vec2 {
        Vec2::new(self.turn.x, -self.turn.y).rotate(p - self.middle) / self.half
    }

    /// The corners' box in pixels: left, top, right, bottom.
    pub fn bounds(&self) -> [f32; 4] {
        let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .map(|(x, y)| self.to_px(Vec2::new(x, y)));
        let xs = corners.map(|c| c.x);
        let ys = corners.map(|c| c.y);
        let low = |v: [f32; 4]| v.into_iter().fold(f32::INFINITY, f32::min);
        let high = |v: [f32; 4]| v.into_iter().fold(f32::NEG_INFINITY, f32::max);
        [low(xs), low(ys), high(xs), high(ys)]
    }
}

/// Evens out heads and mouths in time, both ways, so that nothing lags:
/// deviations of these many frames, over runs of frames that follow each other.
pub fn smooth(frames: &mut [Filmed], head: f32, mouth: f32) {
    let before = frames.to_vec();
    let reach = (3.0 * head.max(mouth)).ceil() as usize;
    for (i, frame) in frames.iter_mut().enumerate() {
        if !before[i].usable {
            continue;
        }
        let (_, first, _) = before[i].camera_from_head.to_scale_rotation_translation();
        let (mut scale, mut turn, mut shift) =
            (Vec3::ZERO, Quat::from_xyzw(0.0, 0.0, 0.0, 0.0), Vec3::ZERO);
        let (mut head_sum, mut mouth_sum, mut sum) = (0.0, 0.0, [0.0; super::space::MODES]);
        let low = (0..=reach)
            .take_while(|d| *d <= i && before[i - d].usable)
            .last();
        let high = (0..=reach)
            .take_while(|d| before.get(i + d).is_some_and(|f| f.usable))
            .last();
        for (j, near) in before
            .iter()
            .enumerate()
            .take(i + high.unwrap_or(0) + 1)
            .skip(i - low.unwrap_or(0))
        {
            let apart = i.abs_diff(j) as f32;
            let share = |deviation: f32| (-0.5 * (apart / deviation.max(1e-3)).powi(2)).exp();
            let (s, r, t) = near.camera_from_head.to_scale_rotation_translation();
            let k = share(head);
            scale += s * k;
            let near_first = if r.dot(first) < 0.0 { -r } else { r };
            turn += near_first * k;
            shift += t * k;
            head_sum += k;
            let k = share(mouth);
            for (sum, c) in sum.iter_mut().zip(&near.mouth) {
                *sum += k * c;
            }
            mouth_sum += k;
        }
        frame.camera_from_head = Mat4::from_scale_rotation_translation(
            scale / head_sum,
            turn.normalize(),
            shift / head_sum,
        );
        frame.mouth = sum.map(|c| c / mouth_sum);
    }
}

/// The part of the footage that is shown, and how large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// In pixels of the footage: left, top, width, height; even.
    pub window: [u32; 4],
    pub size: Size,
}

impl Shown {
    /// From pixels of the footage to those of the picture.
    pub fn place(&self, p: Vec2) -> Vec2 {
        let [x, y, w, h] = self.window.map(|v| v as f32);
        (p - Vec2::new(x, y)) * Vec2::new(self.size.width as f32 / w, self.size.height as f32 / h)
    }

    /// All of `footage` that fits a picture of `size`, the face inside.
    pub fn cover(footage: Size, size: Size, face: Vec2) -> Self {
        let (fw, fh) = (footage.width as f32, footage.height as f32);
        let aspect = size.aspect();
        let (w, h) = match fw / fh > aspect {
            true => (fh * aspect, fh),
            false => (fw, fw / aspect),
        };
        let even = |v: f32, most: u32| ((v.round().max(2.0) as u32) & !1).min(most & !1);
        let (w, h) = (even(w, footage.width), even(h, footage.height));
        // A face is shown in the upper half, in the middle.
        let at = |middle: f32, part: f32, len: u32, whole: u32| {
            let most = whole.saturating_sub(len);
            ((middle - part * len as f32).round().clamp(0.0, most as f32) as u32) & !1
        };
        Self {
            window: [
                at(face.x, 0.5, w, footage.width),
                at(face.y, 0.38, h, footage.height),
                w,
                h,
            ],
            size,
        }
    }
}

/// The size of mattes of footage: half of it.
pub fn matte_size(footage: Size) -> Size {
    let half = |v: u32| (v / 2).next_multiple_of(2);
    Size {
        width: half(footage.width),
        height: half(footage.height),
    }
}

/// Frames of footage, in any order.
pub trait Footage: Send {
    /// Planes Y, Cb, Cr of frame `index` (I420, BT.709, limited range, no
    /// padding), in the size it was opened for.
    fn read(&mut self, index: u64, planes: &mut Vec<u8>) -> Result<(), SinkError>;
}

/// Opens the footage of an avatar; whoever can decode gives this along.
pub trait OpenFootage: Send + Sync {
    fn open(&self, shown: Shown) -> Result<Box<dyn Footage>, SinkError>;
    /// The pictures of mouths, as they are.
    fn mouths(&self) -> Result<Box<dyn Footage>, SinkError>;
    /// What is person in each frame, in the luma of pictures of [`matte_size`];
    /// none where nobody has looked yet.
    fn matte(&self) -> Result<Option<Box<dyn Footage>>, SinkError>;
}
