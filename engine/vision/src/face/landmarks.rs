//! The landmark and blendshape nets (MediaPipe's Attention Mesh V2 and HUND).

use candle_core::Device;
use glam::{Vec2, Vec3};
use huashen_core::{ArkitShape, ArkitWeights};
use image::RgbaImage;

use crate::VisionError;
use crate::rect::Rect;
use crate::sample::{Border, Roi, sample};
use crate::tflite::Net;

/// Landmarks of a face: 468 of the mesh, then 5 an iris, the person's right first.
pub const LANDMARK_COUNT: usize = 478;
/// Landmarks that the canonical mesh has.
pub const MESH_COUNT: usize = 468;
/// Centre of the person's right iris; four points of its rim follow.
pub const RIGHT_IRIS: usize = 468;
/// Centre of the person's left iris; four points of its rim follow.
pub const LEFT_IRIS: usize = 473;
/// Outer corners of the person's right and left eye.
pub const EYE_CORNERS: [usize; 2] = [33, 263];

/// Side of the landmark net's input in pixels.
pub(super) const SIDE: usize = 256;

/// The landmarks that the blendshape net reads, in its order
/// (`face_blendshapes_graph.cc`).
#[rustfmt::skip]
const BLENDSHAPE_POINTS: [u16; 146] = [
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65,
    66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136,
    144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172,
    173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283,
    284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324,
    332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385,
    386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472,
    473, 474, 475, 476, 477,
];

/// The blendshape net's outputs, by name; the first is "neutral" and no shape.
/// It has no `tongueOut`.
#[rustfmt::skip]
const BLENDSHAPE_NAMES: [&str; 52] = [
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
];

/// What the landmark net says of one region.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// x and y in pixels of the picture or the view; z in the same unit,
    /// smaller is nearer.
    pub points: Vec<Vec3>,
    /// Whether there is a face at all, 0 to 1.
    pub presence: f32,
}

#[derive(Debug)]
pub(super) struct LandmarkNet(Net);

impl LandmarkNet {
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self, VisionError> {
        let net = Net::load("face_landmarks_detector.tflite", bytes, device)?;
        // The third output is not used upstream.
        Ok(Self(net.expect(
            &[1, SIDE, SIDE, 3],
            &[LANDMARK_COUNT * 3, 1, 1],
        )?))
    }

    pub fn run(&self, picture: &RgbaImage, roi: &Roi) -> Result<Seen, VisionError> {
        let mut seen = self.read(Self::view(picture, roi))?;
        let side = SIDE as f32;
        for p in &mut seen.points {
            *p = roi
                .point(p.truncate() / side)
                .extend(p.z / side * roi.size.x);
        }
        Ok(seen)
    }

    /// What the net sees of a region: RGB of 0 to 1, [`SIDE`]².
    pub fn view(picture: &RgbaImage, roi: &Roi) -> Vec<f32> {
        sample(picture, roi, [SIDE, SIDE], [0.0, 1.0], Border::Nearest)
    }

    /// Reads a view; points in its pixels.
    pub fn read(&self, view: Vec<f32>) -> Result<Seen, VisionError> {
        let [points, presence, _] = self.0.run(view)?.try_into().unwrap_or_default();
        Ok(Seen {
            points: points
                .chunks_exact(3)
                .map(|p| Vec3::new(p[0], p[1], p[2]))
                .collect(),
            presence: presence
                .first()
                .filter(|p| p.is_finite())
                .map_or(0.0, |p| 1.0 / (1.0 + (-p).exp())),
        })
    }
}

/// What the landmark net wants to see of a face whose landmarks are known: 1.5
/// times their square, turned so that the eyes are level.
pub(super) fn roi_of(points: &[Vec3]) -> Option<Roi> {
    let bounds = Rect::around(points.iter().map(|p| p.truncate()))?;
    let [right, left] = EYE_CORNERS.map(|i| points.get(i).map(|p| p.truncate()));
    let eyes = left? - right?;
    let roi = Roi {
        center: bounds.center(),
        size: Vec2::splat(bounds.size().max_element() * 1.5),
        rotation: eyes.y.atan2(eyes.x),
    };
    roi.is_sound().then_some(roi)
}

#[derive(Debug)]
pub(super) struct BlendshapeNet(Net);

impl BlendshapeNet {
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self, VisionError> {
        let net = Net::load("face_blendshapes.tflite", bytes, device)?;
        Ok(Self(net.expect(
            &[1, BLENDSHAPE_POINTS.len(), 2],
            &[BLENDSHAPE_NAMES.len()],
        )?))
    }

    /// From all landmarks in pixels; the net itself takes out place and size.
    pub fn run(&self, points: &[Vec3]) -> Result<ArkitWeights, VisionError> {
        let input = BLENDSHAPE_POINTS
            .iter()
            .flat_map(|i| points[usize::from(*i)].truncate().to_array())
            .collect();
        let outputs = self.0.run(input)?;
        let mut weights = ArkitWeights::default();
        for (name, value) in BLENDSHAPE_NAMES.iter().zip(outputs.iter().flatten()) {
            if let Some(shape) = ArkitShape::from_name(name) {
                weights[shape] = *value;
            }
        }
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_output_but_neutral_is_an_arkit_shape() {
        let unknown: Vec<_> = BLENDSHAPE_NAMES
            .iter()
            .filter(|n| ArkitShape::from_name(n).is_none())
            .collect();
        assert_eq!(unknown, [&"_neutral"]);
    }
}
