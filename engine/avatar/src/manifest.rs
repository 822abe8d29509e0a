//! `avatar.toml`: what an avatar is called, what it is made of, whose it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kinds of avatar; each is driven by the same poses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A relief made from one picture (2D).
    Photo,
    /// Footage with a re-made mouth (2.5D).
    Video,
    /// A glTF or VRM model (3D).
    Model,
}

/// The file `avatar.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Letters, digits, `-` and `_`; the folder's name.
    pub name: String,
    /// Names for people, by language (`en`, `zh`).
    #[serde(default)]
    pub title: BTreeMap<String, String>,
    pub kind: Kind,
    /// The model, relative to the folder.
    pub file: String,
    pub licence: String,
    pub source: String,
    /// Voice by language (`en`, `zh`), when a script names none.
    #[serde(default)]
    pub voices: BTreeMap<String, String>,
    /// `#rrggbb` behind the person when a clip asks for none.
    #[serde(default)]
    pub background: Option<String>,
    #[serde(default)]
    pub calibration: Calibration,
    #[serde(default)]
    pub lips: Option<Lips>,
    /// Of a photo avatar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<Photo>,
    /// Of a video avatar, whose file is footage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<Video>,
}

/// The footage that a video avatar lives on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Video {
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// Frames a second, as a fraction.
    pub rate: [u32; 2],
    pub frames: u32,
    /// Side of the pictures of mouths, in pixels.
    pub mouth_px: u32,
    /// Who agreed to be cloned, in the words of whoever built it.
    pub consent: String,
}

impl Video {
    /// Frames a second.
    pub fn fps(&self) -> f64 {
        f64::from(self.rate[0]) / f64::from(self.rate[1])
    }

    pub(crate) fn is_sane(&self) -> bool {
        let even = |v: u32| (64..=7680).contains(&v) && v.is_multiple_of(2);
        even(self.width)
            && even(self.height)
            && self.rate[1] > 0
            && (1.0..=240.0).contains(&self.fps())
            && (1..=10_000_000).contains(&self.frames)
            && even(self.mouth_px)
    }
}

/// The photo that a relief was made from; its middle is the model's origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photo {
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// Metres of the model that a pixel spans.
    pub metres_per_px: f32,
    /// The photo with the person painted out, relative to the folder.
    pub plate: String,
}

impl Photo {
    pub(crate) fn is_sane(&self) -> bool {
        (2..=16_384).contains(&self.width)
            && (2..=16_384).contains(&self.height)
            && self.metres_per_px.is_finite()
            && self.metres_per_px > 0.0
    }
}

/// How this face answers to the common track.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Factor on single ARKit shapes, by name; 1 when not named, but for
    /// `mouthClose`: that is measured, so that closed lips touch.
    #[serde(default)]
    pub gain: BTreeMap<String, f32>,
    /// Degrees that a jaw joint turns at `jawOpen` 1, where no morph opens the mouth.
    #[serde(default)]
    pub jaw_degrees: Option<f32>,
}

/// Where the inner edges of the lips are, to measure the gap between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lips {
    /// Name of the glTF mesh.
    pub mesh: String,
    /// Vertex indices of its first primitive, pair by pair, middle of the mouth.
    pub upper: Vec<u32>,
    pub lower: Vec<u32>,
}

/// Whether `name` can be a folder: no separators, no dots in front.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}
