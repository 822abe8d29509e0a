//! The 52 ARKit face blendshapes, by name.
//!
//! Names and order follow Apple's `ARFaceAnchor.BlendShapeLocation` as Live
//! Link Face writes them. Files are matched by name, never by index.

use std::ops::{Index, IndexMut};

/// How many blendshapes ARKit has.
pub const ARKIT_COUNT: usize = 52;

macro_rules! arkit {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// One ARKit blendshape.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ArkitShape { $($variant),* }

        impl ArkitShape {
            /// Every shape, in Live Link Face column order.
            pub const ALL: [Self; ARKIT_COUNT] = [$(Self::$variant),*];

            /// The ARKit name: `jawOpen`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

arkit! {
    EyeBlinkLeft "eyeBlinkLeft", EyeLookDownLeft "eyeLookDownLeft", EyeLookInLeft "eyeLookInLeft",
    EyeLookOutLeft "eyeLookOutLeft", EyeLookUpLeft "eyeLookUpLeft", EyeSquintLeft "eyeSquintLeft",
    EyeWideLeft "eyeWideLeft",
    EyeBlinkRight "eyeBlinkRight", EyeLookDownRight "eyeLookDownRight", EyeLookInRight "eyeLookInRight",
    EyeLookOutRight "eyeLookOutRight", EyeLookUpRight "eyeLookUpRight", EyeSquintRight "eyeSquintRight",
    EyeWideRight "eyeWideRight",
    JawForward "jawForward", JawRight "jawRight", JawLeft "jawLeft", JawOpen "jawOpen",
    MouthClose "mouthClose", MouthFunnel "mouthFunnel", MouthPucker "mouthPucker",
    MouthRight "mouthRight", MouthLeft "mouthLeft",
    MouthSmileLeft "mouthSmileLeft", MouthSmileRight "mouthSmileRight",
    MouthFrownLeft "mouthFrownLeft", MouthFrownRight "mouthFrownRight",
    MouthDimpleLeft "mouthDimpleLeft", MouthDimpleRight "mouthDimpleRight",
    MouthStretchLeft "mouthStretchLeft", MouthStretchRight "mouthStretchRight",
    MouthRollLower "mouthRollLower", MouthRollUpper "mouthRollUpper",
    MouthShrugLower "mouthShrugLower", MouthShrugUpper "mouthShrugUpper",
    MouthPressLeft "mouthPressLeft", MouthPressRight "mouthPressRight",
    MouthLowerDownLeft "mouthLowerDownLeft", MouthLowerDownRight "mouthLowerDownRight",
    MouthUpperUpLeft "mouthUpperUpLeft", MouthUpperUpRight "mouthUpperUpRight",
    BrowDownLeft "browDownLeft", BrowDownRight "browDownRight", BrowInnerUp "browInnerUp",
    BrowOuterUpLeft "browOuterUpLeft", BrowOuterUpRight "browOuterUpRight",
    CheekPuff "cheekPuff", CheekSquintLeft "cheekSquintLeft", CheekSquintRight "cheekSquintRight",
    NoseSneerLeft "noseSneerLeft", NoseSneerRight "noseSneerRight",
    TongueOut "tongueOut",
}

impl ArkitShape {
    /// The shape of exactly this ARKit name (`jawOpen`); files with other
    /// spellings go through `huashen-avatar`'s matcher.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Position in [`ArkitShape::ALL`] and in [`ArkitWeights`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The column name that Live Link Face writes: `JawOpen`.
    pub fn live_link_name(self) -> String {
        let name = self.name();
        name[..1].to_ascii_uppercase() + &name[1..]
    }
}

/// One weight a shape, 0 at rest and 1 at full extent.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(into = "Vec<f32>", try_from = "Vec<f32>")]
pub struct ArkitWeights(pub [f32; ARKIT_COUNT]);

impl From<ArkitWeights> for Vec<f32> {
    fn from(weights: ArkitWeights) -> Self {
        weights.0.to_vec()
    }
}

impl TryFrom<Vec<f32>> for ArkitWeights {
    type Error = String;

    fn try_from(weights: Vec<f32>) -> Result<Self, String> {
        let found = weights.len();
        let weights = weights.try_into();
        weights
            .map(Self)
            .map_err(|_| format!("{found} weights are not {ARKIT_COUNT}"))
    }
}

impl Default for ArkitWeights {
    fn default() -> Self {
        Self([0.0; ARKIT_COUNT])
    }
}

impl ArkitWeights {
    /// `self + (other - self) * t`, shape by shape.
    pub fn lerp(&self, other: &Self, t: f32) -> Self {
        Self(std::array::from_fn(|i| {
            self.0[i] + (other.0[i] - self.0[i]) * t
        }))
    }

    /// The shapes whose weight is not zero.
    pub fn active(&self) -> impl Iterator<Item = (ArkitShape, f32)> + '_ {
        ArkitShape::ALL
            .into_iter()
            .map(|s| (s, self[s]))
            .filter(|(_, w)| *w != 0.0)
    }
}

impl Index<ArkitShape> for ArkitWeights {
    type Output = f32;
    fn index(&self, shape: ArkitShape) -> &f32 {
        &self.0[shape.index()]
    }
}

impl IndexMut<ArkitShape> for ArkitWeights {
    fn index_mut(&mut self, shape: ArkitShape) -> &mut f32 {
        &mut self.0[shape.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for (i, shape) in ArkitShape::ALL.into_iter().enumerate() {
            assert_eq!(shape.index(), i);
            assert_eq!(ArkitShape::from_name(shape.name()), Some(shape));
        }
        assert_eq!(ArkitShape::JawOpen.live_link_name(), "JawOpen");
    }
}
