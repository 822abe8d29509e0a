//! Mip levels made on the CPU, so that both looks sample the same texels.

use image::RgbaImage;

use crate::mixing::{srgb_decode, srgb_encode};

/// All levels of `picture`, largest first and tightly packed, and how many
/// they are. `srgb`: colour, else data.
pub(crate) fn chain(picture: &RgbaImage, srgb: bool) -> (Vec<u8>, u32) {
    let (width, height) = picture.dimensions();
    let levels = width.max(height).max(1).ilog2() + 1;
    let decode: Vec<f32> = (0..256)
        .map(|v| {
            let v = v as f32 / 255.0;
            if srgb { srgb_decode(v) } else { v }
        })
        .collect();
    let mut data = picture.as_raw().clone();
    let mut level = picture.clone();
    for _ in 1..levels {
        level = halve(&level, &decode, srgb);
        data.extend_from_slice(&level);
    }
    (data, levels)
}

/// The next mip level: a box over 2×2, colours weighted by alpha in linear light.
fn halve(picture: &RgbaImage, decode: &[f32], srgb: bool) -> RgbaImage {
    let (w, h) = picture.dimensions();
    RgbaImage::from_fn((w / 2).max(1), (h / 2).max(1), |x, y| {
        let mut sum = [0.0_f32; 4];
        let mut weight = 0.0;
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let p = picture.get_pixel((x * 2 + dx).min(w - 1), (y * 2 + dy).min(h - 1));
            // A little weight for clear pixels keeps their colour at the edge.
            let a = if srgb {
                f32::from(p[3]) / 255.0 + 1e-3
            } else {
                1.0
            };
            weight += a;
            sum[3] += f32::from(p[3]);
            for c in 0..3 {
                sum[c] += decode[usize::from(p[c])] * a;
            }
        }
        let channel = |c: usize| {
            let v = sum[c] / weight;
            let v = if srgb { srgb_encode(v) } else { v };
            (v * 255.0).round() as u8
        };
        image::Rgba([
            channel(0),
            channel(1),
            channel(2),
            (sum[3] / 4.0).round() as u8,
        ])
    })
}
