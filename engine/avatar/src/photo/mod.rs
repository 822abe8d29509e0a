//! One photo becomes a relief of the person in it: the photo's own pixels on a
//! net with depth, the 52 ARKit shapes, a mouth behind the lips, eyes that turn
//! behind lids that close, and the background with the person painted out.
//!
//! Nothing here sees faces: landmarks, expression and matte come in as data.

mod big_eyes;
mod eyes;
mod fit;
mod glb;
mod head;
mod landmarks;
mod mesh;
mod mouth;
mod outline;
mod parts;
mod plate;
mod shapes;
pub(crate) mod solve;

use glam::{Vec2, Vec3};
use huashen_core::{ArkitShape, ArkitWeights};
use image::{GrayImage, RgbImage};

use crate::AvatarError;
use fit::Fit;
use head::Head;
use landmarks as lm;
use mesh::Openings;
use outline::Opening;

pub use shapes::NEUTRAL;

/// How many landmarks a face has.
pub const LANDMARK_COUNT: usize = 478;

/// What was seen in a photo.
pub struct PhotoInput<'a> {
    /// The photo, upright.
    pub picture: &'a RgbImage,
    /// [`LANDMARK_COUNT`] points in pixels, z smaller is nearer (MediaPipe's
    /// face mesh with irises).
    pub landmarks: &'a [Vec3],
    /// The expression in the photo.
    pub expression: &'a ArkitWeights,
    /// How much of each pixel is the person, at the photo's size.
    pub matte: &'a GrayImage,
}

/// A relief, ready to be written as files.
pub struct Relief {
    pub glb: Vec<u8>,
    /// The photo with the person painted out.
    pub plate: RgbImage,
    /// Metres of the model that a pixel of the photo spans; the photo's middle
    /// is the model's origin.
    pub metres_per_px: f32,
    /// Indices in the relief's mesh of pairs at the lips' inner edges.
    pub lips: [Vec<u32>; 2],
    pub vertices: usize,
}

/// Metres between the pupils of the model; most grown people's are 61 to 65 mm.
const PUPILS_M: f32 = 0.063;

/// Pupils nearer to each other belong to no face that can be seen.
const LEAST_UNIT_PX: f32 = 4.0;

/// Makes the relief.
///
/// # Errors
/// [`AvatarError::Photo`] when sizes disagree or the landmarks are no face.
pub fn build(input: &PhotoInput<'_>) -> Result<Relief, AvatarError> {
    let bad = |reason: &str| AvatarError::Photo(reason.to_owned());
    if input.landmarks.len() != LANDMARK_COUNT || input.landmarks.iter().any(|p| !p.is_finite()) {
        return Err(bad("its landmarks are incomplete"));
    }
    if input.picture.dimensions() != input.matte.dimensions() {
        return Err(bad("the matte has another size"));
    }
    let head = Head::load()?;
    let mut openings = openings(input.landmarks);
    if openings.unit.is_nan() || openings.unit < LEAST_UNIT_PX {
        return Err(bad("the face is too small or seen from the side"));
    }
    let expression = trusted(input.expression);
    let fit = Fit::new(head, input.landmarks, &expression)
        .ok_or_else(|| bad("its landmarks do not make a face"))?;
    let mut irises =
        [lm::LEFT_IRIS, lm::RIGHT_IRIS].map(|iris| iris.map(|i| input.landmarks[i].truncate()));
    if let Some(found) = big_eyes::find(input.picture, &openings, LID_STEPS) {
        for (e, eye) in found.into_iter().enumerate() {
            openings.eyes[e] = eye.opening;
            irises[e] = eye.iris;
        }
    }
    parts::relief(input, &openings, &irises, &fit)
}

/// Shapes that a single picture tells for sure. Resting faces show others as
/// well (`mouthPucker` up to 0.96 on full lips): those are how the person looks.
const TELLING: [ArkitShape; 7] = [
    ArkitShape::JawOpen,
    ArkitShape::MouthSmileLeft,
    ArkitShape::MouthSmileRight,
    ArkitShape::MouthUpperUpLeft,
    ArkitShape::MouthUpperUpRight,
    ArkitShape::MouthLowerDownLeft,
    ArkitShape::MouthLowerDownRight,
];

fn trusted(expression: &ArkitWeights) -> ArkitWeights {
    let mut kept = ArkitWeights::default();
    for shape in TELLING {
        kept[shape] = expression[shape].clamp(0.0, 1.0);
    }
    kept
}

/// Points a piece of the lips' and the lids' lines.
const LIP_STEPS: usize = 4;
const LID_STEPS: usize = 4;

fn openings(landmarks: &[Vec3]) -> Openings {
    let line =
        |list: &[usize]| -> Vec<Vec2> { list.iter().map(|i| landmarks[*i].truncate()).collect() };
    let eye =
        |upper: &[usize], lower: &[usize]| Opening::new(&line(upper), &line(lower), LID_STEPS);
    let pupil = |iris: [usize; 5]| landmarks[iris[0]].truncate();
    Openings {
        lips: Opening::new(
            &line(&lm::LIP_INNER_UPPER),
            &line(&lm::LIP_INNER_LOWER),
            LIP_STEPS,
        ),
        eyes: [
            eye(&lm::LEFT_LID_UPPER, &lm::LEFT_LID_LOWER),
            eye(&lm::RIGHT_LID_UPPER, &lm::RIGHT_LID_LOWER),
        ],
        brows: [line(&lm::LEFT_BROW), line(&lm::RIGHT_BROW)],
        oval: line(&lm::FACE_OVAL),
        unit: pupil(lm::LEFT_IRIS).distance(pupil(lm::RIGHT_IRIS)),
    }
}
