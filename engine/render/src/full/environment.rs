//! The studio as an environment map, computed rather than shipped.

use bevy::asset::{Assets, RenderAssetUsages};
use bevy::image::Image;
use bevy::light::EnvironmentMapLight;
use glam::Vec3;
use half::f16;

/// Side of the diffuse map: it is smooth.
const DIFFUSE_SIDE: u32 = 8;
/// Side of the sharpest specular level, and how many levels: each is blurred
/// for its roughness.
const SPECULAR_SIDE: u32 = 32;
const SPECULAR_LEVELS: u32 = 6;
/// Directions that a texel gathers from.
const GATHERED: u32 = 192;

/// Light from `d`: a pale ceiling, a warm floor, and two softboxes.
fn radiance(d: Vec3) -> Vec3 {
    let height = d.y * 0.5 + 0.5;
    let room = Vec3::new(0.24, 0.20, 0.18).lerp(Vec3::new(0.46, 0.48, 0.52), height);
    let softbox = |to: Vec3, half: f32, color: Vec3| {
        let facing = d.dot(to.normalize());
        let edge = half.cos();
        color * ((facing - edge) / (1.0 - edge) * 4.0).clamp(0.0, 1.0)
    };
    room + softbox(
        Vec3::new(-0.5080, 0.5588, 0.6553),
        0.35,
        Vec3::new(5.0, 4.7, 4.3),
    ) + softbox(
        Vec3::new(0.7352, 0.1838, 0.6525),
        0.25,
        Vec3::new(1.2, 1.3, 1.5),
    )
}

/// The studio's diffuse and specular maps.
pub(super) fn studio(images: &mut Assets<Image>) -> EnvironmentMapLight {
    let diffuse = cube(DIFFUSE_SIDE, 1, |_, d| gather(d, 1.0));
    let specular = cube(SPECULAR_SIDE, SPECULAR_LEVELS, |level, d| {
        let roughness = level as f32 / (SPECULAR_LEVELS - 1) as f32;
        if level == 0 {
            radiance(d)
        } else {
            gather(d, roughness * roughness)
        }
    });
    EnvironmentMapLight {
        diffuse_map: images.add(diffuse),
        specular_map: images.add(specular),
        intensity: 900.0,
        ..Default::default()
    }
}

/// Mean radiance about `d`, by a spiral over its hemisphere whose width
/// follows `spread` (1: cosine-weighted, as diffuse light needs).
fn gather(d: Vec3, spread: f32) -> Vec3 {
    let (a, b) = d.any_orthonormal_pair();
    let golden = std::f32::consts::PI * (3.0 - 5.0_f32.sqrt());
    let mut sum = Vec3::ZERO;
    for i in 0..GATHERED {
        let u = (i as f32 + 0.5) / GATHERED as f32;
        let radius = u.sqrt() * spread.max(0.02);
        let height = (1.0 - radius * radius).max(0.0).sqrt();
        let (sin, cos) = (i as f32 * golden).sin_cos();
        sum += radiance((a * cos + b * sin) * radius + d * height);
    }
    sum / GATHERED as f32
}

/// A half-float cube map; each face holds its levels from sharp to blurred.
fn cube(side: u32, levels: u32, texel: impl Fn(u32, Vec3) -> Vec3) -> Image {
    let mut data = Vec::new();
    for face in 0..6 {
        for level in 0..levels {
            let side = (side >> level).max(1);
            for y in 0..side {
                for x in 0..side {
                    let at = |v: u32| (v as f32 + 0.5) / side as f32 * 2.0 - 1.0;
                    let c = texel(level, direction(face, at(x), at(y)));
                    for v in [c.x, c.y, c.z, 1.0] {
                        data.extend_from_slice(&f16::from_f32(v).to_le_bytes());
                    }
                }
            }
        }
    }
    let mut image = Image::new_fill(
        wgpu::Extent3d {
            width: side,
            height: side,
            depth_or_array_layers: 6,
        },
        wgpu::TextureDimension::D2,
        &[0; 8],
        wgpu::TextureFormat::Rgba16Float,
        RenderAssetUsages::RENDER_WORLD,
    );
    image.data = Some(data);
    image.texture_descriptor.mip_level_count = levels;
    image.texture_view_descriptor = Some(wgpu::TextureViewDescriptor {
        dimension: Some(wgpu::TextureViewDimension::Cube),
        ..Default::default()
    });
    image
}

/// The direction of a cube map's texel; faces +X -X +Y -Y +Z -Z, left-handed
/// as cube maps are (bevy flips z when it samples).
fn direction(face: u32, u: f32, v: f32) -> Vec3 {
    let d = match face {
        0 => Vec3::new(1.0, -v, -u),
        1 => Vec3::new(-1.0, -v, u),
        2 => Vec3::new(u, 1.0, v),
        3 => Vec3::new(u, -1.0, -v),
        4 => Vec3::new(u, -v, 1.0),
        _ => Vec3::new(-u, -v, -1.0),
    };
    let d = d.normalize();
    Vec3::new(d.x, d.y, -d.z)
}
