//! A flat person as encoded values, which need no arithmetic at the pixel.

use std::sync::Arc;

use glam::{Mat4, Vec2, Vec3};
use huashen_core::Size;
use image::imageops::{self, FilterType};

use super::thin::metres_per_pixel;
use crate::mixing::srgb_encode;
use crate::scene::{Scene, Vertex};

/// Pictures with more texels a pixel are shrunk: there are no smaller levels.
const MOST_TEXELS: f32 = 1.25;

/// `scene` with its factors encoded, and its pictures no larger than a picture
/// of `size` through `clip_from_world` shows them.
pub(super) fn encoded(scene: &Scene, rest: &[Vertex], clip_from_world: Mat4, size: Size) -> Scene {
    let mut scene = scene.clone();
    // A product of encoded values is close to the encoded product of light:
    // the curve is almost a power.
    let byte: [u8; 256] = std::array::from_fn(|i| {
        let light = i as f32 / 255.0;
        (srgb_encode(light) * 255.0).round() as u8
    });
    for fixed in &mut scene.fixed {
        for channel in &mut fixed.colour[..3] {
            *channel = byte[usize::from(*channel)];
        }
    }
    let pixel = metres_per_pixel(rest, clip_from_world, size);
    let mut texels = vec![0.0_f32; scene.textures.len()];
    for part in &scene.parts {
        if let Some(i) = scene.materials[part.material].base_texture {
            let side = scene.textures[i].dimensions();
            let side = Vec2::new(side.0 as f32, side.1 as f32);
            let (mut world, mut map) = (0.0, 0.0);
            for t in part.indices.chunks_exact(3) {
                let at = |i: usize| Vec3::from(rest[t[i] as usize].position);
                let uv = |i: usize| Vec2::from(scene.fixed[t[i] as usize].uv) * side;
                world += (at(1) - at(0)).cross(at(2) - at(0)).length();
                map += (uv(1) - uv(0)).perp_dot(uv(2) - uv(0)).abs();
            }
            if world > 1e-12 {
                texels[i] = texels[i].max((map / world).sqrt() * pixel);
            }
        }
    }
    for (picture, texels) in scene.textures.iter_mut().zip(texels) {
        if texels > MOST_TEXELS {
            let side = |v: u32| ((v as f32 / texels).ceil() as u32).max(1);
            let (w, h) = (side(picture.width()), side(picture.height()));
            *picture = Arc::new(imageops::resize(&**picture, w, h, FilterType::CatmullRom));
        }
    }
    for material in &mut scene.materials {
        for channel in 0..3 {
            material.base[channel] = srgb_encode(material.base[channel].clamp(0.0, 1.0));
        }
    }
    scene
}
