//! How a feeling colours a speaking face.

use std::fmt;
use std::str::FromStr;

use huashen_core::{ArkitShape as A, ArkitWeights};

use crate::MotionError;

/// A feeling shown while speaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Emotion {
    #[default]
    Neutral,
    Happy,
    Sad,
    Angry,
    Surprised,
}

impl Emotion {
    /// Every emotion, as users name them.
    pub const ALL: [Self; 5] = [
        Self::Neutral,
        Self::Happy,
        Self::Sad,
        Self::Angry,
        Self::Surprised,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Happy => "happy",
            Self::Sad => "sad",
            Self::Angry => "angry",
            Self::Surprised => "surprised",
        }
    }

    /// Shapes that the emotion adds, by its strength, and how it scales the
    /// speech's own movement of the jaw.
    const fn recipe(self) -> (&'static [(A, f32)], f32) {
        match self {
            Self::Neutral => (&[], 1.0),
            Self::Happy => (
                &[
                    (A::MouthSmileLeft, 0.42),
                    (A::MouthSmileRight, 0.42),
                    (A::MouthDimpleLeft, 0.08),
                    (A::MouthDimpleRight, 0.08),
                    (A::CheekSquintLeft, 0.35),
                    (A::CheekSquintRight, 0.35),
                    (A::EyeSquintLeft, 0.18),
                    (A::EyeSquintRight, 0.18),
                    (A::BrowInnerUp, 0.08),
                    (A::BrowOuterUpLeft, 0.12),
                    (A::BrowOuterUpRight, 0.12),
                ],
                1.08,
            ),
            Self::Sad => (
                &[
                    (A::BrowInnerUp, 0.55),
                    (A::BrowDownLeft, 0.1),
                    (A::BrowDownRight, 0.1),
                    (A::MouthFrownLeft, 0.38),
                    (A::MouthFrownRight, 0.38),
                    (A::MouthShrugLower, 0.1),
                    (A::EyeSquintLeft, 0.12),
                    (A::EyeSquintRight, 0.12),
                ],
                0.85,
            ),
            Self::Angry => (
                &[
                    (A::BrowDownLeft, 0.65),
                    (A::BrowDownRight, 0.65),
                    (A::NoseSneerLeft, 0.22),
                    (A::NoseSneerRight, 0.22),
                    (A::EyeSquintLeft, 0.28),
                    (A::EyeSquintRight, 0.28),
                    (A::MouthFrownLeft, 0.16),
                    (A::MouthFrownRight, 0.16),
                    (A::MouthStretchLeft, 0.1),
                    (A::MouthStretchRight, 0.1),
                ],
                1.1,
            ),
            Self::Surprised => (
                &[
                    (A::BrowInnerUp, 0.6),
                    (A::BrowOuterUpLeft, 0.6),
                    (A::BrowOuterUpRight, 0.6),
                    (A::EyeWideLeft, 0.45),
                    (A::EyeWideRight, 0.45),
                ],
                1.15,
            ),
        }
    }

    /// Colours a neutral face; `strength` 0 … 1. Lips that are sealed stay
    /// sealed, and rounded lips smile less.
    pub fn apply(self, strength: f32, w: &mut ArkitWeights) {
        let strength = strength.clamp(0.0, 1.0);
        let (shapes, jaw) = self.recipe();
        let jaw = 1.0 + (jaw - 1.0) * strength;
        w[A::JawOpen] *= jaw;
        w[A::MouthClose] *= jaw;
        let round = (w[A::MouthPucker] + w[A::MouthFunnel]).min(1.0);
        for &(shape, add) in shapes {
            let corners = matches!(
                shape,
                A::MouthSmileLeft | A::MouthSmileRight | A::MouthStretchLeft | A::MouthStretchRight
            );
            let free = if corners { 1.0 - 0.7 * round } else { 1.0 };
            w[shape] = (w[shape] + add * strength * free).min(1.0);
        }
    }

    /// Only what it does to brows and eyes.
    pub(crate) fn apply_above_the_mouth(self, strength: f32, w: &mut ArkitWeights) {
        for &(shape, add) in self.recipe().0 {
            if shape.name().starts_with("brow") || shape.name().starts_with("eye") {
                w[shape] = (w[shape] + add * strength.clamp(0.0, 1.0)).min(1.0);
            }
        }
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Emotion {
    type Err = MotionError;

    fn from_str(text: &str) -> Result<Self, MotionError> {
        Self::ALL
            .into_iter()
            .find(|e| e.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| {
                MotionError::Options(format!(
                    "`{text}` is not an emotion: choose neutral, happy, sad, angry or surprised"
                ))
            })
    }
}
