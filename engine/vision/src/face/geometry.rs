//! The canonical face mesh, and how a head stands: the mesh fitted to landmarks.
//!
//! The steps are those of upstream's `geometry_pipeline.cc`; the weighted
//! Procrustes problem is solved with Horn's unit quaternion (B. K. P. Horn,
//! 1987, doi:10.1364/JOSAA.4.000629), which never gives a reflection.

use glam::{DMat3, DQuat, DVec3, EulerRot, Mat4, Quat, UVec3, Vec2, Vec3};
use huashen_core::Euler;
use prost::Message;

use super::landmarks::MESH_COUNT;
use crate::VisionError;

/// Height of the view of upstream's virtual camera.
const VERTICAL_FOV_DEGREES: f64 = 63.0;

/// `GeometryPipelineMetadata`, the part that is read.
#[derive(Message)]
struct MetadataProto {
    #[prost(message, optional, tag = "1")]
    mesh: Option<MeshProto>,
    #[prost(message, repeated, tag = "2")]
    basis: Vec<WeightProto>,
}

#[derive(Message)]
struct MeshProto {
    /// Five numbers a vertex: x, y, z, u, v.
    #[prost(float, repeated, packed = "false", tag = "3")]
    vertices: Vec<f32>,
    #[prost(uint32, repeated, packed = "false", tag = "4")]
    indices: Vec<u32>,
}

#[derive(Message)]
struct WeightProto {
    #[prost(uint32, optional, tag = "1")]
    landmark: Option<u32>,
    #[prost(float, optional, tag = "2")]
    weight: Option<f32>,
}

/// The mean face that the first 468 landmarks are a deformation of.
#[derive(Clone, Debug)]
pub struct CanonicalMesh {
    /// Centimetres, right-handed: x to the person's left, y up, z out of the
    /// face; the origin is inside the head.
    pub positions: Vec<Vec3>,
    /// Texture coordinates, 0 to 1 from the top left.
    pub uvs: Vec<Vec2>,
    /// Vertex numbers, counter-clockwise from outside.
    pub triangles: Vec<UVec3>,
    /// Landmarks that hold when a face moves, and how much each counts.
    weights: Vec<(usize, f64)>,
}

/// How a head stands before the camera.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HeadPose {
    /// Rotation against facing the camera, in radians (see [`Euler`]).
    pub rotation: Euler,
    /// From the canonical mesh's frame (centimetres) to the camera's: origin at
    /// the camera, x to the right of the picture, y up, the view along −z. The
    /// camera is upstream's, with a vertical field of view of 63°; the head is
    /// taken to be as large as the canonical one.
    pub camera_from_head: Mat4,
    /// All landmarks in the canonical mesh's frame and unit.
    pub points_in_head: Vec<Vec3>,
}

impl HeadPose {
    /// Yaw, pitch and roll in degrees: positive to the person's left, upwards,
    /// and as [`Euler`] rolls.
    pub fn degrees(&self) -> [f32; 3] {
        let Euler { yaw, pitch, roll } = self.rotation;
        [yaw, pitch, roll].map(f32::to_degrees)
    }
}

/// A rotation, a uniform scale and a shift.
#[derive(Clone, Copy, Debug)]
struct Similarity {
    rotation: DQuat,
    scale: f64,
    translation: DVec3,
}

impl CanonicalMesh {
    /// Parses `geometry_pipeline_metadata_landmarks.binarypb`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, VisionError> {
        let bad = |reason: String| VisionError::Model {
            model: "geometry_pipeline_metadata_landmarks.binarypb".to_owned(),
            reason,
        };
        let metadata = MetadataProto::decode(bytes).map_err(|e| bad(e.to_string()))?;
        let mesh = metadata
            .mesh
            .ok_or_else(|| bad("it has no mesh".to_owned()))?;
        let count = mesh.vertices.len() / 5;
        let weights: Vec<(usize, f64)> = metadata
            .basis
            .iter()
            .map(|b| {
                let weight = f64::from(b.weight.unwrap_or(0.0));
                (b.landmark.unwrap_or(0) as usize, weight)
            })
            .collect();
        let sound = count == MESH_COUNT
            && mesh.vertices.len() % 5 == 0
            && mesh.vertices.iter().all(|v| v.is_finite())
            && mesh.indices.len() % 3 == 0
            && mesh.indices.iter().all(|i| (*i as usize) < count)
            && weights.iter().all(|(i, w)| *i < count && *w >= 0.0)
            && weights.iter().map(|(_, w)| w).sum::<f64>() > 0.0;
        if !sound {
            return Err(bad(format!(
                "its mesh has {count} vertices, {} indices and {} weights that do not fit",
                mesh.indices.len(),
                weights.len()
            )));
        }
        let vertices = mesh.vertices.chunks_exact(5);
        Ok(Self {
            positions: vertices
                .clone()
                .map(|v| Vec3::new(v[0], v[1], v[2]))
                .collect(),
            uvs: vertices.map(|v| Vec2::new(v[3], v[4])).collect(),
            triangles: mesh
                .indices
                .chunks_exact(3)
                .map(|t| UVec3::new(t[0], t[1], t[2]))
                .collect(),
            weights,
        })
    }

    /// The similarity that maps the mesh onto `targets`, by least squares.
    fn fit(&self, targets: &[DVec3]) -> Option<Similarity> {
        let pairs: Vec<(DVec3, DVec3, f64)> = self
            .weights
            .iter()
            .map(|(i, w)| (self.positions[*i].as_dvec3(), targets[*i], *w))
            .collect();
        let total: f64 = pairs.iter().map(|(_, _, w)| w).sum();
        let source_mean = pairs.iter().map(|(s, _, w)| *s * *w).sum::<DVec3>() / total;
        let target_mean = pairs.iter().map(|(_, t, w)| *t * *w).sum::<DVec3>() / total;
        // Columns of the covariance, target · sourceᵀ.
        let mut covariance = DMat3::ZERO;
        let mut spread = 0.0;
        for (s, t, w) in &pairs {
            let (s, t) = (*s - source_mean, *t - target_mean);
            covariance += DMat3::from_cols(t * s.x, t * s.y, t * s.z) * *w;
            spread += s.length_squared() * w;
        }
        let rotation = best_rotation(&covariance)?;
        let turned = DMat3::from_quat(rotation);
        let along: f64 = (0..3).map(|c| turned.col(c).dot(covariance.col(c))).sum();
        let scale = along / spread;
        (scale.is_finite() && scale > 1e-9).then(|| Similarity {
            rotation,
            scale,
            translation: target_mean - rotation * source_mean * scale,
        })
    }

    /// How the head stands whose `landmarks` were found in a picture of this
    /// size in pixels; `None` where they have no extent.
    pub fn head_pose(&self, landmarks: &[Vec3], [width, height]: [u32; 2]) -> Option<HeadPose> {
        if landmarks.len() < MESH_COUNT || landmarks.iter().any(|p| !p.is_finite()) {
            return None;
        }
        let (width, height) = (f64::from(width), f64::from(height));
        // Pixels on the near plane, at distance 1.
        let pixel = 2.0 * (VERTICAL_FOV_DEGREES.to_radians() / 2.0).tan() / height;
        let on_plane: Vec<DVec3> = landmarks
            .iter()
            .map(|p| {
                let p = p.as_dvec3();
                DVec3::new(p.x - width / 2.0, height / 2.0 - p.y, p.z) * pixel
            })
            .collect();
        let mesh = &on_plane[..MESH_COUNT];
        let depth = mesh.iter().map(|p| p.z).sum::<f64>() / MESH_COUNT as f64;
        // Depths grow away from the camera until a frame is right-handed.
        let unproject = |scale: f64| -> Vec<DVec3> {
            let place = |p: &DVec3| {
                let z = (p.z - depth + 1.0) / scale;
                DVec3::new(p.x * z, p.y * z, -z)
            };
            on_plane.iter().map(place).collect()
        };
        let flat: Vec<DVec3> = on_plane
            .iter()
            .map(|p| DVec3::new(p.x, p.y, -p.z))
            .collect();
        let first = self.fit(&flat)?.scale;
        let second = self.fit(&unproject(first))?.scale;
        let metric = unproject(first * second);
        let fit = self.fit(&metric)?;
        let inverse = fit.rotation.inverse();
        let points_in_head = metric
            .iter()
            .map(|p| (inverse * (*p - fit.translation) / fit.scale).as_vec3())
            .collect();
        let rotation = fit.rotation.as_quat();
        let (yaw, down, roll) = rotation.to_euler(EulerRot::YXZ);
        Some(HeadPose {
            rotation: Euler::new(yaw, -down, roll),
            camera_from_head: Mat4::from_scale_rotation_translation(
                Vec3::splat(fit.scale as f32),
                Quat::normalize(rotation),
                fit.translation.as_vec3(),
            ),
            points_in_head,
        })
    }
}

/// The rotation R that makes the trace of Rᵀ · `covariance` largest; `None`
/// where the points lie in one place.
fn best_rotation(covariance: &DMat3) -> Option<DQuat> {
    // Horn's S is source · targetᵀ: element (a, b) is column a, row b here.
    let s = |a: usize, b: usize| covariance.col(a)[b];
    let norm: f64 = (0..3).map(|c| covariance.col(c).length_squared()).sum();
    if !norm.is_finite() || norm < 1e-18 {
        return None;
    }
    let n = [
        [
            s(0, 0) + s(1, 1) + s(2, 2),
            s(1, 2) - s(2, 1),
            s(2, 0) - s(0, 2),
            s(0, 1) - s(1, 0),
        ],
        [
            0.0,
            s(0, 0) - s(1, 1) - s(2, 2),
            s(0, 1) + s(1, 0),
            s(2, 0) + s(0, 2),
        ],
        [0.0, 0.0, s(1, 1) - s(0, 0) - s(2, 2), s(1, 2) + s(2, 1)],
        [0.0, 0.0, 0.0, s(2, 2) - s(0, 0) - s(1, 1)],
    ];
    let full = std::array::from_fn(|r| std::array::from_fn(|c| n[r.min(c)][r.max(c)]));
    let [w, x, y, z] = largest_eigenvector(full);
    Some(DQuat::from_xyzw(x, y, z, w).normalize())
}

fn transposed(a: &[[f64; 4]; 4]) -> [[f64; 4]; 4] {
    std::array::from_fn(|r| std::array::from_fn(|c| a[c][r]))
}

/// Of a symmetric matrix, by Jacobi's rotations.
fn largest_eigenvector(mut a: [[f64; 4]; 4]) -> [f64; 4] {
    let mut vectors: [[f64; 4]; 4] =
        std::array::from_fn(|r| std::array::from_fn(|c| f64::from(u8::from(r == c))));
    for _ in 0..32 {
        for p in 0..4 {
            for q in p + 1..4 {
                if a[p][q].abs() < 1e-300 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                let turn = |rows: &mut [[f64; 4]; 4]| {
                    for row in rows {
                        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                    }
                };
                // Columns, then rows: the matrix is symmetric.
                turn(&mut a);
                a = transposed(&a);
                turn(&mut a);
                turn(&mut vectors);
            }
        }
    }
    let best = (0..4)
        .max_by(|i, j| a[*i][*i].total_cmp(&a[*j][*j]))
        .unwrap_or(0);
    vectors.map(|row| row[best])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// 468 points of no special shape; the first 40 count.
    fn mesh() -> CanonicalMesh {
        let noise = |i: usize, k: usize| ((i * 7919 + k * 104_729) % 1000) as f32 / 100.0 - 5.0;
        CanonicalMesh {
            positions: (0..MESH_COUNT)
                .map(|i| Vec3::new(noise(i, 1), noise(i, 2), noise(i, 3) * 0.5))
                .collect(),
            uvs: Vec::new(),
            triangles: Vec::new(),
            weights: (0..40).map(|i| (i, 0.5 + i as f64)).collect(),
        }
    }

    #[test]
    fn a_fit_finds_the_similarity_that_was_applied() {
        let mesh = mesh();
        for (yaw, pitch, roll) in [(0.0, 0.0, 0.0), (0.5, -0.3, 0.2), (-1.2, 0.9, 2.8)] {
            let rotation = DQuat::from_euler(EulerRot::YXZ, yaw, pitch, roll);
            let move_ = |p: &Vec3| rotation * p.as_dvec3() * 2.5 + DVec3::new(3.0, -4.0, 50.0);
            let targets: Vec<DVec3> = mesh.positions.iter().map(move_).collect();
            let fit = mesh.fit(&targets).unwrap();
            assert!((fit.scale - 2.5).abs() < 1e-9);
            assert!(fit.rotation.angle_between(rotation) < 1e-6);
            assert!((fit.translation - DVec3::new(3.0, -4.0, 50.0)).length() < 1e-8);
        }
    }

    #[test]
    fn a_turned_head_is_read_back_in_the_words_of_core() {
        let mesh = mesh();
        let size = [1280, 720];
        // Far away perspective is weak, and upstream's depth convention exact.
        for euler in [
            Euler::new(0.4, 0.0, 0.0),
            Euler::new(0.0, 0.3, 0.0),
            Euler::new(0.0, 0.0, -0.5),
            Euler::new(-0.3, -0.2, 0.2),
        ] {
            let distance = 200.0;
            let pixel = 720.0 / 2.0 / (VERTICAL_FOV_DEGREES as f32 / 2.0).to_radians().tan();
            let landmarks: Vec<Vec3> = mesh
                .positions
                .iter()
                .map(|p| {
                    let p = euler.quat() * *p;
                    let scale = pixel / (distance - p.z);
                    Vec3::new(
                        640.0 + p.x * scale,
                        360.0 - p.y * scale,
                        -p.z * pixel / distance,
                    )
                })
                .collect();
            let pose = mesh.head_pose(&landmarks, size).unwrap();
            let found = pose.rotation;
            for (a, b) in [
                (found.yaw, euler.yaw),
                (found.pitch, euler.pitch),
                (found.roll, euler.roll),
            ] {
                assert!((a - b).abs() < 0.02, "{found:?} for {euler:?}");
            }
            let z = pose.camera_from_head.w_axis.z;
            assert!((z + distance).abs() < 4.0, "at {z}");
        }
    }

    #[test]
    fn points_in_one_place_have_no_pose() {
        let landmarks = vec![Vec3::splat(7.0); MESH_COUNT];
        assert!(mesh().head_pose(&landmarks, [640, 480]).is_none());
        assert!(mesh().head_pose(&[], [640, 480]).is_none());
    }
}
