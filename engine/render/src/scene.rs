//! What the looks draw: one vertex list for the whole avatar, cut into parts
//! by material.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use glam::Vec3;
use huashen_avatar::Lens;
use huashen_core::Pose;
use image::RgbaImage;

/// What moves from frame to frame, as it is uploaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Vertex {
    pub position: [f32; 3],
    pub normal: [f32; 3],
}

/// What a vertex keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Fixed {
    pub uv: [f32; 2],
    /// Linear RGBA that multiplies the base colour; unorm.
    pub colour: [u8; 4],
    /// Ambient light that arrives at rest, in the first byte; unorm.
    pub occlusion: [u8; 4],
}

/// How a surface answers to light; numbers as in `shaders/lean.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    Generic = 0,
    Skin = 1,
    Eye = 2,
    Cornea = 3,
    Teeth = 4,
    Tongue = 5,
    Hair = 6,
    /// Lashes and brows.
    Lash = 7,
    Cloth = 8,
    /// Its picture is what is seen, light and all.
    Unlit = 9,
}

/// What lies behind the openings of a flat person; numbers tell them apart in
/// the drawn picture's alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Layer {
    Front = 0,
    Eye = 1,
    Teeth = 2,
    Mouth = 3,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Alpha {
    Opaque,
    Mask(f32),
    Blend,
}

#[derive(Clone, Debug)]
pub(crate) struct Material {
    pub kind: Kind,
    pub alpha: Alpha,
    pub double_sided: bool,
    /// Linear.
    pub base: [f32; 4],
    pub emissive: [f32; 3],
    pub metallic: f32,
    pub roughness: f32,
    pub normal_scale: f32,
    pub layer: Layer,
    /// Whether anything but its texture colours it.
    pub coloured: bool,
    /// Indices into [`Scene::textures`].
    pub base_texture: Option<usize>,
    pub normal_texture: Option<usize>,
}

impl Default for Material {
    fn default() -> Self {
        Self {
            kind: Kind::Generic,
            alpha: Alpha::Opaque,
            double_sided: false,
            base: [1.0; 4],
            emissive: [0.0; 3],
            metallic: 0.0,
            roughness: 0.8,
            normal_scale: 1.0,
            layer: Layer::Front,
            coloured: true,
            base_texture: None,
            normal_texture: None,
        }
    }
}

/// Triangles of one material; indices into the whole vertex list.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub material: usize,
    pub indices: Vec<u32>,
}

/// The avatar's unmoving side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub fixed: Vec<Fixed>,
    pub parts: Vec<Part>,
    pub materials: Vec<Material>,
    pub textures: Vec<Arc<RgbaImage>>,
}

impl Scene {
    /// Whether nothing is shaded: a photo's own pixels, which are drawn and
    /// mixed as they are encoded.
    pub fn is_flat(&self) -> bool {
        self.parts
            .iter()
            .all(|p| self.materials[p.material].kind == Kind::Unlit)
    }
}

/// The avatar's moving side: poses to world-space vertices.
pub(crate) trait Deform: Send {
    /// Fills `out` (one a vertex of the scene, in its order).
    fn deform(&mut self, pose: &Pose, out: &mut [Vertex]);
}

/// Where the picture is taken from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shot {
    pub eye: Vec3,
    pub target: Vec3,
    pub lens: Lens,
}
