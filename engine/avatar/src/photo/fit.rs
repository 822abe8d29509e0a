//! The head fitted to the landmarks of a photo.
//!
//! Pixels of the photo: x to the right, y down; z towards the viewer in the
//! same unit, 0 at the middle of the head.

use glam::{Mat2, Vec2, Vec3};
use huashen_core::ArkitWeights;

use super::head::Head;
use super::landmarks as lm;
use super::solve::{Similarity, Warp};

/// The fitted head.
pub struct Fit<'a> {
    pub head: &'a Head,
    /// Metres of the head → pixels, y still up.
    pub similarity: Similarity,
    /// The photo's own expression.
    pub weights: ArkitWeights,
    warp: Warp,
    frames: Frames,
    /// Skin, teeth, tongue and mouth in pixels, with the photo's expression.
    pub skin: Vec<Vec3>,
}

/// Softness of the warp as a part of the face's width.
const SOFTNESS: f32 = 0.002;

impl<'a> Fit<'a> {
    /// `landmarks`: 478 points in pixels, z smaller is nearer (as the landmark
    /// net gives them). `None` when they are no face at all.
    pub fn new(head: &'a Head, landmarks: &[Vec3], weights: &ArkitWeights) -> Option<Self> {
        let to: Vec<Vec3> = landmarks
            .iter()
            .map(|p| Vec3::new(p.x, -p.y, -p.z))
            .collect();
        let posed = head.skin.posed(weights);
        let from = head.landmark_points(&posed);
        let trust: Vec<f32> = (0..from.len())
            .map(|i| match lm::FACE_OVAL.contains(&i) {
                // Where the cheek turns away, nobody knows how far back it is.
                true => 0.2,
                false => 1.0,
            })
            .collect();
        let similarity = Similarity::fit(&from, &to, &trust)?;
        let flat = |p: Vec3| {
            let p = similarity.point(p);
            Vec2::new(p.x, -p.y)
        };
        let placed: Vec<Vec2> = from.iter().map(|p| flat(*p)).collect();
        let wanted: Vec<Vec2> = landmarks.iter().map(|p| p.truncate()).collect();
        let width = wanted[lm::CHEEKS[0]].distance(wanted[lm::CHEEKS[1]]);
        let warp = Warp::fit(&placed, &wanted, SOFTNESS * width)?;
        let frames = Frames::new(&placed, &wanted, width);
        let mut fit = Self {
            head,
            similarity,
            weights: *weights,
            warp,
            frames,
            skin: Vec::new(),
        };
        fit.skin = posed.iter().map(|p| fit.place(*p)).collect();
        Some(fit)
    }

    /// A point of the head (metres) in the photo.
    pub fn place(&self, p: Vec3) -> Vec3 {
        let p = self.similarity.point(p);
        let at = self.warp.point(Vec2::new(p.x, -p.y));
        Vec3::new(at.x, at.y, p.z)
    }

    /// A displacement of a point of the head that lies at `at` in the photo,
    /// scaled to this face.
    pub fn displacement(&self, at: Vec2, d: Vec3) -> Vec3 {
        let d = self.similarity.vector(d);
        let frame = self.frames.at(at);
        let flat = frame * Vec2::new(d.x, -d.y);
        let scale = frame.determinant().abs().sqrt();
        Vec3::new(flat.x, flat.y, d.z * scale)
    }
}

/// How what is behind the lips is carried over: rigidly, so that teeth stay
/// teeth, to where the lips are, at the mouth's own scale.
#[derive(Clone, Copy, Debug)]
pub struct Inside {
    /// On the head, metres.
    pub from: Vec3,
    /// In the photo, pixels.
    pub to: Vec3,
    pub scale: f32,
}

impl Inside {
    pub fn point(&self, similarity: &Similarity, p: Vec3) -> Vec3 {
        let d = similarity.vector(p - self.from) * self.scale;
        self.to + Vec3::new(d.x, -d.y, d.z)
    }

    pub fn vector(&self, similarity: &Similarity, d: Vec3) -> Vec3 {
        let d = similarity.vector(d) * self.scale;
        Vec3::new(d.x, -d.y, d.z)
    }
}

/// How this face's proportions differ from the head's around each place:
/// linear maps of the plane, fitted to the landmarks near by.
struct Frames {
    places: Vec<Vec2>,
    maps: Vec<Mat2>,
    reach: f32,
}

/// Regions whose proportions are told apart.
const REGIONS: [usize; 9] = [13, 61, 291, 159, 386, 1, 10, 152, 9];
/// How far a region reaches, as a part of the face's width.
const REGION_REACH: f32 = 0.16;
const SCALES: std::ops::RangeInclusive<f32> = 0.6..=1.8;

impl Frames {
    fn new(placed: &[Vec2], wanted: &[Vec2], width: f32) -> Self {
        let reach = REGION_REACH * width;
        let maps = REGIONS
            .iter()
            .map(|i| linear_map(placed, wanted, placed[*i], reach))
            .collect();
        Self {
            places: REGIONS.iter().map(|i| wanted[*i]).collect(),
            maps,
            reach,
        }
    }

    fn at(&self, p: Vec2) -> Mat2 {
        let mut sum = Mat2::ZERO;
        let mut total = 0.0;
        for (place, map) in self.places.iter().zip(&self.maps) {
            let d = place.distance_squared(p) / (self.reach * self.reach);
            let w = 1.0 / (0.05 + d * d);
            sum += *map * w;
            total += w;
        }
        sum * (1.0 / total)
    }
}

/// Least squares `wanted ≈ M · placed + c` near `middle`; scales kept sane.
fn linear_map(placed: &[Vec2], wanted: &[Vec2], middle: Vec2, reach: f32) -> Mat2 {
    let weight = |p: Vec2| (-(p - middle).length_squared() / (2.0 * reach * reach)).exp();
    let (mut total, mut ma, mut mb) = (0.0, Vec2::ZERO, Vec2::ZERO);
    for (a, b) in placed.iter().zip(wanted) {
        let w = weight(*a);
        total += w;
        ma += *a * w;
        mb += *b * w;
    }
    if total < 1e-3 {
        return Mat2::IDENTITY;
    }
    (ma, mb) = (ma / total, mb / total);
    // A little of the identity, where too few points tell.
    let ridge = 0.02 * reach * reach * total;
    let (mut aa, mut ba) = (
        Mat2::from_diagonal(Vec2::splat(ridge)),
        Mat2::from_diagonal(Vec2::splat(ridge)),
    );
    for (a, b) in placed.iter().zip(wanted) {
        let w = weight(*a);
        let (a, b) = (*a - ma, *b - mb);
        aa += Mat2::from_cols(a * a.x, a * a.y) * w;
        ba += Mat2::from_cols(b * a.x, b * a.y) * w;
    }
    let map = ba * aa.inverse();
    let scale = map.determinant().abs().sqrt();
    if !scale.is_finite() || scale < 1e-3 {
        return Mat2::IDENTITY;
    }
    map * (scale.clamp(*SCALES.start(), *SCALES.end()) / scale)
}
