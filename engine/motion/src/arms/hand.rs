//! Shapes of the hand, as flexion of its joints.

use glam::Quat;

/// What the fingers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As a hand hangs: curled a little, more towards the little finger.
    Relaxed,
    /// Fingers nearly straight, a little apart.
    Open,
    /// Straight and together, thumb alongside.
    Flat,
    /// As around a ball.
    Cup,
    /// Index finger out; also "one".
    Point,
    Two,
    /// Index, middle and ring finger.
    Three,
    Four,
    /// All fingers spread.
    Five,
    ThumbUp,
    /// Knuckles to the chin: index finger half out.
    Chin,
}

/// Flexion of the fingers; 0 is the straight T-pose hand, 1 a fist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fingers {
    /// Index, middle, ring, little.
    curl: [f32; 4],
    /// 0 together … 1 as far apart as they go.
    spread: f32,
    /// How far the thumb turns in front of the palm, 0…1, and how far it bends.
    oppose: f32,
    thumb: f32,
}

impl Shape {
    /// The flexion that makes this shape.
    pub const fn fingers(self) -> Fingers {
        let (curl, spread, oppose, thumb) = match self {
            Self::Relaxed => ([0.20, 0.27, 0.33, 0.38], 0.15, 0.35, 0.25),
            Self::Open => ([0.05, 0.07, 0.10, 0.12], 0.45, 0.15, 0.08),
            Self::Flat => ([0.02, 0.02, 0.03, 0.04], 0.05, 0.20, 0.30),
            Self::Cup => ([0.26, 0.30, 0.34, 0.36], 0.40, 0.45, 0.20),
            Self::Point => ([0.03, 0.93, 0.97, 1.00], 0.0, 0.80, 0.75),
            Self::Two => ([0.03, 0.03, 0.95, 1.00], 0.75, 0.85, 0.60),
            Self::Three => ([0.03, 0.03, 0.05, 0.92], 0.60, 0.90, 0.60),
            Self::Four => ([0.03, 0.03, 0.04, 0.06], 0.55, 0.90, 0.50),
            Self::Five => ([0.01, 0.01, 0.02, 0.03], 0.90, 0.0, -0.10),
            Self::ThumbUp => ([0.95, 0.97, 0.98, 1.00], 0.0, 0.0, -0.35),
            Self::Chin => ([0.42, 0.78, 0.85, 0.90], 0.0, 0.45, 0.10),
        };
        Fingers {
            curl,
            spread,
            oppose,
            thumb,
        }
    }
}

/// Flexion of a finger's three joints at curl 1, radians.
const FLEX: [f32; 3] = [1.35, 1.70, 1.05];
/// Spread of each finger at spread 1, radians, towards the thumb.
const SPREAD: [f32; 4] = [0.17, 0.02, -0.12, -0.27];

impl Fingers {
    /// `self + (other - self) * t`.
    pub fn lerp(&self, other: &Self, t: f32) -> Self {
        let mix = |a: f32, b: f32| a + (b - a) * t;
        Self {
            curl: std::array::from_fn(|i| mix(self.curl[i], other.curl[i])),
            spread: mix(self.spread, other.spread),
            oppose: mix(self.oppose, other.oppose),
            thumb: mix(self.thumb, other.thumb),
        }
    }

    /// Rotations of a left hand's fifteen finger joints against the T-pose
    /// (fingers along +X, palm down, thumb between +X and +Z), thumb first.
    pub fn rotations(&self) -> [Quat; 15] {
        let mut out = [Quat::IDENTITY; 15];
        // The whole thumb rolls about the hand's length to face the fingers.
        out[0] = Quat::from_rotation_x(1.20 * self.oppose)
            * Quat::from_rotation_y(0.25 * self.oppose + 0.30 * self.thumb);
        out[1] = Quat::from_rotation_y(0.70 * self.thumb);
        out[2] = Quat::from_rotation_y(0.85 * self.thumb);
        for (f, curl) in self.curl.into_iter().enumerate() {
            // A bent finger cannot spread.
            let apart = SPREAD[f] * self.spread * (1.0 - curl).max(0.0);
            for (k, most) in FLEX.into_iter().enumerate() {
                let bend = Quat::from_rotation_z(-most * curl);
                out[3 + 3 * f + k] = if k == 0 {
                    Quat::from_rotation_y(-apart) * bend
                } else {
                    bend
                };
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    #[test]
    fn curled_fingers_close_towards_the_palm_and_the_thumb_lies_before_them() {
        let fist = Shape::Point.fingers().rotations();
        let tip = fist[6] * fist[7] * fist[8] * Vec3::X;
        assert!(
            tip.y > 0.5,
            "the last phalanx points back up into the palm: {tip}"
        );
        assert!((fist[6] * Vec3::X).y < -0.8, "the first points down");
        let thumb = Vec3::new(1.0, 0.0, 1.0).normalize();
        let up = Shape::ThumbUp.fingers().rotations();
        assert!((up[0] * up[1] * thumb).z > 0.85);
        assert!((fist[0] * thumb).y < -0.2);
    }
}
