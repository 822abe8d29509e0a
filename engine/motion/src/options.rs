//! What a caller may choose about the motion.

use std::fmt;
use std::str::FromStr;

use crate::MotionError;
use crate::emotion::Emotion;
use crate::model::{Compute, HABITS};

/// How much a person moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// A newsreader: still head, sparing brows.
    Calm,
    #[default]
    Natural,
    /// A host: bigger nods, more brows, a friendlier rest face.
    Lively,
}

impl Style {
    /// Every style, as users name them.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Natural, Self::Lively];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Natural => "natural",
            Self::Lively => "lively",
        }
    }

    /// Gain of head, brows and glances.
    pub(crate) const fn liveliness(self) -> f64 {
        match self {
            Self::Calm => 0.6,
            Self::Natural => 1.0,
            Self::Lively => 1.35,
        }
    }

    /// Gain of the mouth's opening.
    pub(crate) const fn mouth(self) -> f64 {
        match self {
            Self::Calm => 0.92,
            Self::Natural => 1.0,
            Self::Lively => 1.08,
        }
    }

    /// Smile at rest.
    pub(crate) const fn smile(self) -> f32 {
        match self {
            Self::Calm => 0.02,
            Self::Natural => 0.05,
            Self::Lively => 0.1,
        }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Style {
    type Err = MotionError;

    fn from_str(text: &str) -> Result<Self, MotionError> {
        Self::ALL
            .into_iter()
            .find(|s| s.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| {
                MotionError::Options(format!(
                    "`{text}` is not a style of motion: choose calm, natural or lively"
                ))
            })
    }
}

/// Options of [`plan`](crate::plan) and its kin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionOptions {
    /// Same seed, same input: same motion.
    pub seed: u64,
    pub style: Style,
    pub emotion: Emotion,
    /// How strongly the emotion shows, 0…1.
    pub emotion_strength: f32,
    /// Poses a second, 1…1000.
    pub rate_hz: f64,
    /// In whose manner recordings are said.
    pub manner: Manner,
    /// Where the model hears recordings.
    pub compute: Compute,
}

/// Whose manner of speaking the model follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manner {
    /// 1: as captured people move; 0: as the rules articulate.
    pub captured: f32,
    /// A speaker's habits, as training found them; zeros are nobody's.
    pub habit: [f32; HABITS],
}

impl Manner {
    /// All of it as numbers, to be kept.
    pub fn captured_and_habit(&self) -> Vec<f32> {
        std::iter::once(self.captured).chain(self.habit).collect()
    }

    /// From [`Self::captured_and_habit`]; the usual one from anything else.
    pub fn from_numbers(numbers: &[f32]) -> Self {
        match numbers {
            [captured, habit @ ..] if habit.len() == HABITS => Self {
                captured: *captured,
                habit: std::array::from_fn(|i| habit[i]),
            },
            _ => Self::default(),
        }
    }
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            captured: 1.0,
            habit: [0.0; HABITS],
        }
    }
}

impl Default for MotionOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            style: Style::default(),
            emotion: Emotion::default(),
            emotion_strength: 0.6,
            rate_hz: 60.0,
            manner: Manner::default(),
            compute: Compute::default(),
        }
    }
}
