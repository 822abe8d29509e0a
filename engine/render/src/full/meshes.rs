//! bevy meshes and textures from a scene.

use bevy::asset::RenderAssetUsages;
use bevy::image::{Image, ImageAddressMode, ImageSampler, ImageSamplerDescriptor};
use bevy::mesh::{Indices, Mesh, PrimitiveTopology, VertexAttributeValues};
use glam::{Quat, Vec3, Vec4};
use image::RgbaImage;

use crate::scene::{Part, Scene, Vertex};

/// Which vertices of the scene a part's mesh shows.
pub(super) struct PartMesh {
    vertices: Vec<u32>,
    /// Normal and tangent at rest, where the surface has a normal map.
    rest_frames: Vec<(Vec3, Vec4)>,
}

impl PartMesh {
    /// The part's mesh at rest, and what moves it.
    pub fn new(scene: &Scene, part: &Part, rest: &[Vertex], normal_mapped: bool) -> (Mesh, Self) {
        let mut slot = vec![u32::MAX; rest.len()];
        let mut vertices = Vec::new();
        let indices = part
            .indices
            .iter()
            .map(|&i| {
                let at = &mut slot[i as usize];
                if *at == u32::MAX {
                    *at = vertices.len() as u32;
                    vertices.push(i);
                }
                *at
            })
            .collect();
        let pick = |f: &dyn Fn(&Vertex) -> [f32; 3]| -> Vec<[f32; 3]> {
            vertices.iter().map(|&i| f(&rest[i as usize])).collect()
        };
        let fixed = |i: &u32| &scene.fixed[*i as usize];
        let mut mesh = Mesh::new(PrimitiveTopology::TriangleList, super::KEPT)
            .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, pick(&|v| v.position))
            .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, pick(&|v| v.normal))
            .with_inserted_attribute(
                Mesh::ATTRIBUTE_UV_0,
                vertices.iter().map(|i| fixed(i).uv).collect::<Vec<_>>(),
            )
            .with_inserted_attribute(
                Mesh::ATTRIBUTE_COLOR,
                vertices
                    .iter()
                    .map(|i| {
                        // bevy knows no occlusion by vertex: it tints, softly.
                        let c = fixed(i).colour.map(|v| f32::from(v) / 255.0);
                        let o = (f32::from(fixed(i).occlusion[0]) / 255.0).sqrt();
                        [c[0] * o, c[1] * o, c[2] * o, c[3]]
                    })
                    .collect::<Vec<_>>(),
            )
            .with_inserted_indices(Indices::U32(indices));
        let mut rest_frames = Vec::new();
        if normal_mapped
            && mesh.generate_tangents().is_ok()
            && let Some(VertexAttributeValues::Float32x4(tangents)) =
                mesh.attribute(Mesh::ATTRIBUTE_TANGENT)
        {
            rest_frames = vertices
                .iter()
                .zip(tangents)
                .map(|(&i, t)| (rest[i as usize].normal.into(), Vec4::from(*t)))
                .collect();
        }
        (
            mesh,
            Self {
                vertices,
                rest_frames,
            },
        )
    }

    /// Moves the mesh to deformed vertices.
    pub fn pose(&self, mesh: &mut Mesh, vertices: &[Vertex]) {
        let moved = |i: &u32| &vertices[*i as usize];
        if let Some(VertexAttributeValues::Float32x3(out)) =
            mesh.attribute_mut(Mesh::ATTRIBUTE_POSITION)
        {
            for (out, i) in out.iter_mut().zip(&self.vertices) {
                *out = moved(i).position;
            }
        }
        if let Some(VertexAttributeValues::Float32x3(out)) =
            mesh.attribute_mut(Mesh::ATTRIBUTE_NORMAL)
        {
            for (out, i) in out.iter_mut().zip(&self.vertices) {
                *out = moved(i).normal;
            }
        }
        if self.rest_frames.is_empty() {
            return;
        }
        if let Some(VertexAttributeValues::Float32x4(out)) =
            mesh.attribute_mut(Mesh::ATTRIBUTE_TANGENT)
        {
            for ((out, i), (normal, tangent)) in
                out.iter_mut().zip(&self.vertices).zip(&self.rest_frames)
            {
                // The tangent turns as the normal did, by the shortest way.
                let turn = Quat::from_rotation_arc(
                    normal.normalize_or(Vec3::Z),
                    Vec3::from(moved(i).normal).normalize_or(Vec3::Z),
                );
                *out = (turn * tangent.truncate()).extend(tangent.w).to_array();
            }
        }
    }
}

/// A texture, as colour (`srgb`) or as data.
pub(super) fn texture(picture: &RgbaImage, srgb: bool) -> Image {
    let mut image = Image::new(
        wgpu::Extent3d {
            width: picture.width(),
            height: picture.height(),
            depth_or_array_layers: 1,
        },
        wgpu::TextureDimension::D2,
        picture.as_raw().clone(),
        if srgb {
            wgpu::TextureFormat::Rgba8UnormSrgb
        } else {
            wgpu::TextureFormat::Rgba8Unorm
        },
        RenderAssetUsages::RENDER_WORLD,
    );
    let (chain, levels) = crate::mips::chain(picture, srgb);
    image.data = Some(chain);
    image.texture_descriptor.mip_level_count = levels;
    image.sampler = ImageSampler::Descriptor(ImageSamplerDescriptor {
        address_mode_u: ImageAddressMode::Repeat,
        address_mode_v: ImageAddressMode::Repeat,
        anisotropy_clamp: 8,
        ..ImageSamplerDescriptor::linear()
    });
    image
}
