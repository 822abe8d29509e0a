//! Where lips and brows are for any weights, fast: the face's shapes are
//! linear, so each is deformed once.

use glam::Vec3;
use huashen_core::{ARKIT_COUNT, ArkitShape, ArkitWeights, Pose};

use crate::bundle::Avatar;
use crate::drive::{Deformer, Drive, Driven};

/// A vertex belongs to a region if one of its shapes moves it by this share
/// of what it moves at most.
const BELONGS: f32 = 0.35;

const LIPS: [ArkitShape; 3] = [
    ArkitShape::MouthPucker,
    ArkitShape::MouthRollLower,
    ArkitShape::MouthRollUpper,
];
const BROWS: [ArkitShape; 5] = [
    ArkitShape::BrowInnerUp,
    ArkitShape::BrowDownLeft,
    ArkitShape::BrowDownRight,
    ArkitShape::BrowOuterUpLeft,
    ArkitShape::BrowOuterUpRight,
];

/// Vertices of a part of the face, in metres.
pub struct Region {
    rest: Vec<Vec3>,
    /// Of each shape, by its place in [`ArkitShape::ALL`].
    moved: Vec<Vec<Vec3>>,
}

impl Region {
    /// The vertices at these weights.
    pub fn at(&self, weights: &ArkitWeights) -> Vec<Vec3> {
        let mut points = self.rest.clone();
        for (shape, weight) in weights.active() {
            for (point, by) in points.iter_mut().zip(&self.moved[shape as usize]) {
                *point += *by * weight;
            }
        }
        points
    }
}

/// Lips and brows of an avatar, at rest otherwise.
pub struct FaceGeometry {
    pub lips: Region,
    pub brows: Region,
    /// Places in `lips` of the inner lips, upper and lower, in pairs.
    inner: Vec<(usize, usize)>,
}

/// What a mouth looks like, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MouthSize {
    /// Between the inner lips; negative where they overlap.
    pub gap: f32,
    pub width: f32,
    /// Mean distance of the lips from the head's middle plane, forward.
    pub protrusion: f32,
}

impl FaceGeometry {
    /// Deforms each shape once; none where the manifest does not say where
    /// the lips are.
    pub fn new(avatar: &Avatar) -> Option<Self> {
        let lips = avatar.manifest.lips.as_ref()?;
        let meshes = &avatar.model.meshes;
        let mesh = meshes.iter().position(|m| m.name == lips.mesh)?;
        let first: usize = meshes[..mesh].iter().map(|m| m.positions.len()).sum();
        let count = meshes[mesh].positions.len();
        let drive = Drive::new(&avatar.model, &avatar.manifest.calibration);
        let mut deformer = Deformer::default();
        let mut points = |driven: &Driven| {
            let mut all = vec![Vec3::ZERO; count];
            deformer.run(&avatar.model, driven, &mut |i, p, _| {
                if let Some(slot) = i.checked_sub(first).and_then(|i| all.get_mut(i)) {
                    *slot = p;
                }
            });
            all
        };
        let rest = points(&drive.apply(&avatar.model, &Pose::default()));
        let moved: Vec<Vec<Vec3>> = ArkitShape::ALL
            .into_iter()
            .map(|shape| {
                let mut pose = Pose::default();
                pose.weights[shape] = 1.0;
                let there = points(&drive.apply(&avatar.model, &pose));
                there.iter().zip(&rest).map(|(a, b)| *a - *b).collect()
            })
            .collect();
        let of = |shapes: &[ArkitShape], also: &[usize]| -> Vec<usize> {
            let mut found: Vec<usize> = also.to_vec();
            for shape in shapes {
                let by = &moved[*shape as usize];
                let most = by.iter().map(|v| v.length()).fold(0.0, f32::max);
                found.extend((0..count).filter(|v| by[*v].length() > BELONGS * most));
            }
            found.sort_unstable();
            found.dedup();
            found
        };
        let pairs: Vec<(usize, usize)> = lips
            .upper
            .iter()
            .zip(&lips.lower)
            .map(|(u, l)| (*u as usize, *l as usize))
            .collect();
        let edge: Vec<usize> = pairs.iter().flat_map(|(u, l)| [*u, *l]).collect();
        let (lip, brow) = (of(&LIPS, &edge), of(&BROWS, &[]));
        let place = |v: usize| lip.binary_search(&v).ok();
        let inner = pairs
            .iter()
            .filter_map(|(u, l)| Some((place(*u)?, place(*l)?)))
            .collect();
        let region = |which: &[usize]| Region {
            rest: which.iter().map(|v| rest[*v]).collect(),
            moved: (0..ARKIT_COUNT)
                .map(|s| which.iter().map(|v| moved[s][*v]).collect())
                .collect(),
        };
        Some(Self {
            lips: region(&lip),
            brows: region(&brow),
            inner,
        })
    }

    /// Gap, width and protrusion of lips that [`Region::at`] gave.
    pub fn mouth(&self, lips: &[Vec3]) -> MouthSize {
        let gaps = self.inner.iter().map(|(u, l)| lips[*u].y - lips[*l].y);
        let reach = |least: bool| {
            let xs = lips.iter().map(|p| p.x);
            if least {
                xs.fold(f32::INFINITY, f32::min)
            } else {
                xs.fold(f32::NEG_INFINITY, f32::max)
            }
        };
        MouthSize {
            gap: gaps.fold(f32::NEG_INFINITY, f32::max),
            width: reach(false) - reach(true),
            protrusion: lips.iter().map(|p| p.z).sum::<f32>() / lips.len().max(1) as f32,
        }
    }
}
