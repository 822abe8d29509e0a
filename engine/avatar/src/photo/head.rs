//! The head that every photo's relief is shaped after: a CC0 mesh with the 52
//! ARKit shapes, and where the 478 landmarks lie on it.

use std::sync::{Arc, LazyLock};

use glam::{Vec2, Vec3};
use huashen_core::{ARKIT_COUNT, ArkitShape, ArkitWeights, Joint};
use image::RgbaImage;

use crate::AvatarError;
use crate::model::{Mesh, Model};

/// Made by `tools/forge` (see its README): metres, +Y up, +Z out of the face.
const HEAD: &[u8] = include_bytes!("../../data/head.glb");
/// `[triangle of the skin, a, b, c]` for each landmark, from the same tool.
const LANDMARKS: &str = include_str!("../../data/landmarks.json");

/// One part of the head at rest, and what each shape moves it by.
#[derive(Clone, Debug)]
pub struct Part {
    pub points: Vec<Vec3>,
    pub uvs: Vec<Vec2>,
    /// How much light reaches each point, 0 to 1.
    pub shades: Vec<f32>,
    pub triangles: Vec<[u32; 3]>,
    /// Shape by shape: vertex and displacement.
    pub shapes: Vec<Vec<(u32, Vec3)>>,
}

impl Part {
    fn new(mesh: &Mesh) -> Self {
        let mut shapes = vec![Vec::new(); ARKIT_COUNT];
        for morph in &mesh.morphs {
            if let Some(shape) = ArkitShape::from_name(&morph.name) {
                shapes[shape.index()] = morph.deltas.iter().map(|(v, d, _)| (*v, *d)).collect();
            }
        }
        Self {
            points: mesh.positions.clone(),
            uvs: mesh.uvs.clone(),
            shades: match mesh.colours.is_empty() {
                true => vec![1.0; mesh.positions.len()],
                false => mesh.colours.iter().map(|c| c[0]).collect(),
            },
            triangles: mesh.indices.as_chunks::<3>().0.to_vec(),
            shapes,
        }
    }

    /// The points with these shapes on them.
    pub fn posed(&self, weights: &ArkitWeights) -> Vec<Vec3> {
        let mut points = self.points.clone();
        for (shape, deltas) in ArkitShape::ALL.into_iter().zip(&self.shapes) {
            let w = weights[shape];
            if w != 0.0 {
                for (v, d) in deltas {
                    points[*v as usize] += *d * w;
                }
            }
        }
        points
    }
}

/// The head, loaded once.
#[derive(Clone, Debug)]
pub struct Head {
    pub skin: Part,
    pub teeth: Part,
    pub tongue: Part,
    pub mouth: Part,
    /// Triangle of the skin and the weights of its corners, one a landmark.
    pub landmarks: Vec<(usize, [f32; 3])>,
    /// Middles of the eyeballs: left, right.
    pub eyes: [Vec3; 2],
    /// Where head and neck turn.
    pub joints: [Vec3; 2],
    pub teeth_picture: Arc<RgbaImage>,
}

impl Head {
    /// The built-in head.
    ///
    /// # Errors
    /// [`AvatarError::Head`] when the data in this program is damaged.
    pub fn load() -> Result<&'static Self, AvatarError> {
        static HEAD: LazyLock<Result<Head, String>> = LazyLock::new(Head::read);
        HEAD.as_ref().map_err(|e| AvatarError::Head(e.clone()))
    }

    fn read() -> Result<Self, String> {
        let model = Model::from_glb(HEAD)?;
        let part = |name: &str| {
            model
                .meshes
                .iter()
                .find(|m| m.name == name)
                .map(Part::new)
                .ok_or_else(|| format!("it has no {name}"))
        };
        let joint = |joint: Joint| {
            model
                .joint_position(joint)
                .ok_or_else(|| format!("it has no joint {}", joint.name()))
        };
        let rows: Vec<(usize, f32, f32, f32)> =
            serde_json::from_str(LANDMARKS).map_err(|e| e.to_string())?;
        let skin = part("skin")?;
        if rows.iter().any(|r| r.0 >= skin.triangles.len()) {
            return Err("a landmark lies on no triangle".to_owned());
        }
        Ok(Self {
            skin,
            teeth: part("teeth")?,
            tongue: part("tongue")?,
            mouth: part("mouth")?,
            landmarks: rows.iter().map(|r| (r.0, [r.1, r.2, r.3])).collect(),
            eyes: [joint(Joint::LeftEye)?, joint(Joint::RightEye)?],
            joints: [joint(Joint::Head)?, joint(Joint::Neck)?],
            teeth_picture: model
                .images
                .first()
                .cloned()
                .ok_or("it has no picture of teeth")?,
        })
    }

    /// Where the landmarks are on the skin `points`.
    pub fn landmark_points(&self, points: &[Vec3]) -> Vec<Vec3> {
        self.landmarks
            .iter()
            .map(|(t, corners)| {
                self.skin.triangles[*t]
                    .iter()
                    .zip(corners)
                    .map(|(v, w)| points[*v as usize] * *w)
                    .sum()
            })
            .collect()
    }
}
