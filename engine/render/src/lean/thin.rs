//! A person thinned to what a shot shows.
//!
//! A software adapter pays for a triangle in blocks of 4 by 4 pixels, however
//! small it is. Edges are collapsed while the picture stays within a fraction
//! of a pixel (Garland and Heckbert's quadrics with attributes, in
//! `meshopt`), at rest and in the poses that bend a face the most.

use glam::{Mat4, Vec2, Vec3};
use huashen_core::{ArkitShape as A, Pose, Size};
use meshopt::{SimplifyOptions, VertexDataAdapter};

use crate::scene::{Deform, Fixed, Kind, Part, Scene, Vertex};

/// How far the picture may be off, in pixels.
const TOLERANCE: f32 = 0.5;
/// A turn of a normal, or a step of colour or occlusion, that counts as much.
const SHADE: f32 = 0.08;
/// How far shadows may be off, in texels of their map.
const SHADOW_TOLERANCE: f32 = 1.0;
/// What bends more than this, a length of edge, keeps all its vertices.
const STRETCH: f32 = 0.6;
/// How many of the bent poses keep their shading.
const SHADED: usize = 2;
/// Attributes that the simplifier takes.
const ATTRIBUTES: usize = 32;

/// A scene of fewer triangles.
pub(crate) struct Thinned {
    /// With only the vertices that are still used.
    pub scene: Scene,
    /// What throws shadows, a part each, coarser still.
    pub casters: Vec<Vec<u32>>,
    /// Which of the whole scene's vertices they are, in their order.
    pub kept: Vec<u32>,
}

/// Thins what `clip_from_world` shows in a picture of `size`, whose shadow map
/// has `shadow_side` texels a side.
pub(crate) fn thin(
    scene: &Scene,
    deform: &mut dyn Deform,
    clip_from_world: Mat4,
    size: Size,
    shadow_side: u32,
) -> Thinned {
    let poses: Vec<Vec<Vertex>> = std::iter::once(Pose::default())
        .chain(bends())
        .map(|pose| {
            let mut out = vec![Vertex::default(); scene.fixed.len()];
            deform.deform(&pose, &mut out);
            out
        })
        .collect();
    let pixel = metres_per_pixel(&poses[0], clip_from_world, size);
    let texel = pixel * size.width.max(size.height) as f32 / shadow_side as f32;
    let mut kept = Kept::new(scene.fixed.len());
    let mut parts = Vec::with_capacity(scene.parts.len());
    let mut casters = Vec::with_capacity(scene.parts.len());
    for part in &scene.parts {
        // In a face the least is seen.
        let care = match scene.materials[part.material].kind {
            Kind::Skin => 0.5,
            _ => 1.0,
        };
        let mesh = Mesh::new(part, &scene.fixed, &poses);
        let indices = mesh.simplified(pixel * TOLERANCE * care, Some(SHADE * care));
        casters.push(kept.take(&mesh.simplified(texel * SHADOW_TOLERANCE, None)));
        tracing::debug!(
            material = ?scene.materials[part.material].kind,
            of = part.indices.len() / 3,
            triangles = indices.len() / 3,
            casters = casters.last().map_or(0, Vec::len) / 3,
            "thinned"
        );
        parts.push(Part {
            material: part.material,
            indices: kept.take(&indices),
        });
    }
    let fixed = kept.order.iter().map(|i| scene.fixed[*i as usize]);
    Thinned {
        scene: Scene {
            fixed: fixed.collect(),
            parts,
            materials: scene.materials.clone(),
            textures: scene.textures.clone(),
        },
        casters,
        kept: kept.order,
    }
}

/// Poses that bend a face the most. In the first [`SHADED`] its shading counts
/// as well; with the rest, it is as much as attributes hold.
fn bends() -> [Pose; 5] {
    let pose = |weights: &[(A, f32)]| {
        let mut pose = Pose::default();
        for (shape, weight) in weights {
            pose.weights[*shape] = *weight;
        }
        pose
    };
    [
        pose(&[
            (A::MouthSmileLeft, 1.0),
            (A::MouthSmileRight, 1.0),
            (A::EyeBlinkLeft, 1.0),
            (A::EyeBlinkRight, 1.0),
        ]),
        pose(&[(A::JawOpen, 0.8), (A::BrowInnerUp, 1.0)]),
        pose(&[
            (A::MouthPucker, 1.0),
            (A::MouthFunnel, 0.5),
            (A::CheekPuff, 0.5),
        ]),
        pose(&[
            (A::MouthLowerDownLeft, 1.0),
            (A::MouthLowerDownRight, 1.0),
            (A::MouthUpperUpLeft, 1.0),
            (A::MouthUpperUpRight, 1.0),
            (A::BrowOuterUpLeft, 1.0),
            (A::BrowOuterUpRight, 1.0),
        ]),
        pose(&[
            (A::MouthClose, 0.3),
            (A::MouthRollLower, 1.0),
            (A::MouthRollUpper, 1.0),
            (A::EyeWideLeft, 1.0),
            (A::EyeWideRight, 1.0),
            (A::BrowDownLeft, 1.0),
            (A::BrowDownRight, 1.0),
        ]),
    ]
}

/// Metres that a pixel covers where the person is nearest.
pub(super) fn metres_per_pixel(rest: &[Vertex], clip_from_world: Mat4, size: Size) -> f32 {
    // A step along each axis of the world, on the screen, in pixels.
    let half = Vec2::new(size.width as f32, size.height as f32) * 0.5;
    let scale = |at: Vec3| {
        let clip = clip_from_world * at.extend(1.0);
        if clip.w <= 1e-4 || clip.x.abs().max(clip.y.abs()) > clip.w {
            return 0.0;
        }
        let step = |axis: Vec3| {
            let d = clip_from_world * axis.extend(0.0);
            ((Vec2::new(d.x, d.y) / clip.w) * half).length()
        };
        step(Vec3::X).max(step(Vec3::Y)).max(step(Vec3::Z))
    };
    let most = rest
        .iter()
        .map(|v| scale(v.position.into()))
        .fold(0.0, f32::max);
    if most > 0.0 { 1.0 / most } else { 1e-3 }
}

/// Gives the vertices that stay new numbers, in the order of their first use.
struct Kept {
    numbers: Vec<Option<u32>>,
    order: Vec<u32>,
}

impl Kept {
    fn new(vertices: usize) -> Self {
        Self {
            numbers: vec![None; vertices],
            order: Vec::new(),
        }
    }

    fn take(&mut self, indices: &[u32]) -> Vec<u32> {
        indices
            .iter()
            .map(|i| {
                *self.numbers[*i as usize].get_or_insert_with(|| {
                    self.order.push(*i);
                    self.order.len() as u32 - 1
                })
            })
            .collect()
    }
}

/// One part with vertices of its own.
struct Mesh {
    /// The scene's number of each vertex.
    vertices: Vec<u32>,
    indices: Vec<u32>,
    positions: Vec<[f32; 3]>,
    /// Where the other poses take it, in metres.
    bent: Vec<Vec<[f32; 3]>>,
    /// At rest and in the poses that keep their shading.
    normals: Vec<Vec<[f32; 3]>>,
    fixed: Vec<Fixed>,
    /// Metres that the picture on it covers, a unit of uv.
    metres_per_uv: f32,
}

impl Mesh {
    fn new(part: &Part, fixed: &[Fixed], poses: &[Vec<Vertex>]) -> Self {
        let mut own = Kept::new(fixed.len());
        let indices = own.take(&part.indices);
        let vertices = own.order;
        let of = |pose: &[Vertex], what: fn(&Vertex) -> [f32; 3]| -> Vec<[f32; 3]> {
            vertices.iter().map(|i| what(&pose[*i as usize])).collect()
        };
        let places = |pose: &Vec<Vertex>| of(pose, |v| v.position);
        let positions = places(&poses[0]);
        let fixed: Vec<Fixed> = vertices.iter().map(|i| fixed[*i as usize]).collect();
        let (mut world, mut map) = (0.0, 0.0);
        for t in indices.chunks_exact(3) {
            let [a, b, c] = [t[0], t[1], t[2]].map(|i| Vec3::from(positions[i as usize]));
            let [p, q, r] = [t[0], t[1], t[2]].map(|i| Vec2::from(fixed[i as usize].uv));
            world += (b - a).cross(c - a).length();
            map += (q - p).perp_dot(r - p).abs();
        }
        Self {
            metres_per_uv: if map > 1e-12 {
                (world / map).sqrt()
            } else {
                0.0
            },
            bent: poses[1..].iter().map(places).collect(),
            normals: poses[..=SHADED]
                .iter()
                .map(|pose| of(pose, |v| v.normal))
                .collect(),
            positions,
            fixed,
            indices,
            vertices,
        }
    }

    /// Its triangles, off by `tolerance` metres at most, as the scene's
    /// vertices. What is seen is also kept by its shading, where a step of
    /// `shade` counts as much.
    fn simplified(&self, tolerance: f32, shade: Option<f32>) -> Vec<u32> {
        let Ok(adapter) = VertexDataAdapter::new(
            bytemuck::cast_slice(&self.positions),
            size_of::<[f32; 3]>(),
            0,
        ) else {
            return self.whole();
        };
        let extent = meshopt::simplify_scale(&adapter);
        if !extent.is_normal() {
            return self.whole();
        }
        let mut attributes = Vec::with_capacity(self.positions.len() * ATTRIBUTES);
        let shaded = shade.map_or(0.0, |step| tolerance / step);
        let textured = if shade.is_some() {
            self.metres_per_uv
        } else {
            0.0
        };
        for i in 0..self.positions.len() {
            for pose in &self.bent {
                attributes.extend(pose[i]);
            }
            let fixed = &self.fixed[i];
            for pose in &self.normals {
                attributes.extend(pose[i].map(|v| v * shaded));
            }
            attributes.extend(fixed.uv.map(|v| v * textured));
            attributes.extend(fixed.colour.map(|v| f32::from(v) / 255.0 * shaded));
            attributes.push(f32::from(fixed.occlusion[0]) / 255.0 * shaded);
        }
        let locked = match shade {
            Some(_) => self.stretched(),
            None => vec![false; self.positions.len()],
        };
        let count = attributes.len() / self.positions.len().max(1);
        debug_assert!(count <= ATTRIBUTES);
        let thin = meshopt::simplify_with_attributes_and_locks(
            &self.indices,
            &adapter,
            &attributes,
            &vec![1.0 / extent; count],
            count * size_of::<f32>(),
            &locked,
            0,
            tolerance,
            SimplifyOptions::ErrorAbsolute,
            None,
        );
        let near = meshopt::optimize_vertex_cache(&thin, self.positions.len());
        near.iter().map(|i| self.vertices[*i as usize]).collect()
    }

    /// Vertices whose edges stretch too much to do without any: lids and lips.
    fn stretched(&self) -> Vec<bool> {
        let mut stretched = vec![false; self.positions.len()];
        for t in self.indices.chunks_exact(3) {
            for (a, b) in [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])] {
                let (a, b) = (a as usize, b as usize);
                let edge = |places: &[[f32; 3]]| Vec3::from(places[a]) - Vec3::from(places[b]);
                let rest = edge(&self.positions);
                let most = rest.length() * STRETCH;
                if self.bent.iter().any(|p| edge(p).distance(rest) > most) {
                    stretched[a] = true;
                    stretched[b] = true;
                }
            }
        }
        stretched
    }

    fn whole(&self) -> Vec<u32> {
        self.indices
            .iter()
            .map(|i| self.vertices[*i as usize])
            .collect()
    }
}
