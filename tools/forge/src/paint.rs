//! Painted surfaces: skin on the body's own shape, iris, strands, weave.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use anyhow::Result;
use glam::{Vec2, Vec3};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

use crate::mesh::Mesh;
use crate::noise::{fractal, noise, ramp};

const SKIN_SIZE: u32 = 2048;

/// The skin's texture space: around the head's axis, finer in front; what
/// juts forward moves up, so that the chin's underside has room of its own.
pub fn skin_uv(p: Vec3) -> Vec2 {
    let theta = p.x.atan2(p.z - 0.35);
    let u = 0.5 + 0.5 * theta.signum() * (theta.abs() / PI).powf(0.75);
    let v = (7.55 - (p.y + 0.35 * p.z)) / 4.0;
    Vec2::new(u, v.clamp(0.0, 1.0))
}

/// What the painter knows of the face.
pub struct Face {
    /// Edge of the upper lids, both eyes.
    pub lashes: Vec<Vec3>,
    /// The ball's centre, left eye.
    pub eye: Vec3,
    /// 1 under the hair.
    pub hair: Box<dyn Fn(Vec3) -> f32>,
    pub lips: Box<dyn Fn(Vec2) -> f32>,
    pub ears: Box<dyn Fn(Vec2) -> f32>,
}

/// Paints `mesh`, whose `uv` is [`skin_uv`].
pub fn skin(mesh: &Mesh, face: &Face) -> RgbImage {
    let size = SKIN_SIZE as usize;
    let mut texels: Vec<Option<Vec3>> = vec![None; size * size];
    // Lids fold over themselves: the foremost skin is what is seen.
    let mut foremost = vec![f32::NEG_INFINITY; size * size];
    for t in &mesh.triangles {
        let v = t.map(|i| &mesh.vertices[i as usize]);
        let mut q = v.map(|v| v.uv * size as f32 - 0.5);
        let wide = q.iter().map(|p| p.x).fold(f32::MIN, f32::max)
            - q.iter().map(|p| p.x).fold(f32::MAX, f32::min);
        if wide > size as f32 * 0.5 {
            // Across the seam at the back: drawn on the left, the right is filled below.
            for p in &mut q {
                if p.x > size as f32 * 0.5 {
                    p.x -= size as f32;
                }
            }
        }
        let area = (q[1] - q[0]).perp_dot(q[2] - q[0]);
        if area.abs() < 1e-6 {
            continue;
        }
        let low = q.iter().copied().fold(Vec2::MAX, Vec2::min).floor() - 1.0;
        let high = q.iter().copied().fold(Vec2::MIN, Vec2::max).ceil() + 1.0;
        for y in low.y.max(0.0) as usize..=(high.y as usize).min(size - 1) {
            for x in low.x.max(0.0) as usize..=(high.x.max(0.0) as usize).min(size - 1) {
                let at = Vec2::new(x as f32, y as f32);
                let b = [
                    (q[1] - at).perp_dot(q[2] - at) / area,
                    (q[2] - at).perp_dot(q[0] - at) / area,
                    (q[0] - at).perp_dot(q[1] - at) / area,
                ];
                if b.iter().any(|w| *w < -0.002) {
                    continue;
                }
                let p: Vec3 = (0..3).map(|k| v[k].rest * b[k]).sum();
                if p.z < foremost[y * size + x] {
                    continue;
                }
                foremost[y * size + x] = p.z;
                let base_uv: Vec2 = (0..3).map(|k| v[k].base_uv * b[k]).sum();
                texels[y * size + x] = Some(complexion(p, base_uv, face));
            }
        }
    }
    spread(&mut texels, size);
    let mut image = RgbImage::new(SKIN_SIZE, SKIN_SIZE);
    for (pixel, texel) in image.pixels_mut().zip(&texels) {
        *pixel = rgb(texel.unwrap_or(TONE));
    }
    image
}

/// Fills empty texels from their neighbours, a few rings outwards.
fn spread(texels: &mut [Option<Vec3>], size: usize) {
    for _ in 0..12 {
        let before = texels.to_vec();
        for y in 0..size {
            for x in 0..size {
                if before[y * size + x].is_some() {
                    continue;
                }
                let (mut sum, mut n) = (Vec3::ZERO, 0.0);
                for (dx, dy) in [(-1_i64, 0_i64), (1, 0), (0, -1), (0, 1)] {
                    let nx = (x as i64 + dx).rem_euclid(size as i64) as usize;
                    let ny = (y as i64 + dy).clamp(0, size as i64 - 1) as usize;
                    if let Some(c) = before[ny * size + nx] {
                        sum += c;
                        n += 1.0;
                    }
                }
                if n > 0.0 {
                    texels[y * size + x] = Some(sum / n);
                }
            }
        }
    }
}

// sRGB, 0 to 255.
const TONE: Vec3 = Vec3::new(213.0, 168.0, 146.0);
const HAIR: Vec3 = Vec3::new(34.0, 24.0, 21.0);

fn rgb(c: Vec3) -> Rgb<u8> {
    Rgb(c
        .clamp(Vec3::ZERO, Vec3::splat(255.0))
        .round()
        .to_array()
        .map(|v| v as u8))
}

/// A soft spot, 1 in its middle.
fn spot(p: Vec3, centre: Vec3, radius: Vec3) -> f32 {
    (-((p - centre) / radius).length_squared()).exp()
}

/// The colour of the skin at `p` (decimetres, as the body was made).
fn complexion(p: Vec3, base_uv: Vec2, face: &Face) -> Vec3 {
    let m = Vec3::new(p.x.abs(), p.y, p.z);
    let mut c = TONE;
    // Blood and melanin vary at every scale.
    let mottle = fractal(p * 5.0, 3, 11) * 0.6 + fractal(p * 24.0, 2, 31) * 0.4;
    c += Vec3::new(3.0, -5.0, -5.0) * mottle;
    c *= 1.0 + 0.012 * fractal(p * 90.0, 2, 51) + 0.010 * noise(p * 330.0, 71);
    let red = Vec3::new(-2.0, -24.0, -20.0);
    let e = face.eye;
    c += red
        * 0.75
        * spot(
            m,
            Vec3::new(e.x + 0.17, e.y - 0.33, e.z),
            Vec3::new(0.23, 0.17, 0.4),
        );
    c += red
        * 0.35
        * spot(
            m,
            Vec3::new(0.0, e.y - 0.34, 1.45),
            Vec3::new(0.14, 0.10, 0.2),
        );
    c += red
        * 0.25
        * spot(
            m,
            Vec3::new(0.0, e.y - 0.98, 1.25),
            Vec3::new(0.2, 0.12, 0.3),
        );
    c += red * 0.45 * (face.ears)(base_uv);
    // A lighter forehead, bridge of the nose and place under the eyes.
    let light = Vec3::new(8.0, 9.0, 9.0);
    c += light * 0.6 * spot(m, Vec3::new(0.0, e.y + 0.42, 1.2), Vec3::new(0.3, 0.2, 0.4));
    c += light
        * 0.6
        * spot(
            m,
            Vec3::new(0.0, e.y - 0.12, 1.3),
            Vec3::new(0.05, 0.25, 0.3),
        );
    c += light
        * 0.5
        * spot(
            m,
            Vec3::new(e.x, e.y - 0.2, 1.15),
            Vec3::new(0.14, 0.07, 0.3),
        );
    // Darker and yellower under the jaw and towards the hair, bluish under the eyes.
    let jaw = ramp(5.28, 5.02, p.y + 0.25 * (p.x * p.x)) * ramp(4.2, 4.7, p.y);
    let rim = ramp(0.46, 0.80, m.x) * ramp(5.1, 5.4, p.y);
    c = c.lerp(c * Vec3::new(0.93, 0.88, 0.85), 0.55 * jaw.max(rim * 0.8));
    c += Vec3::new(-9.0, -9.0, -4.0)
        * spot(
            m,
            Vec3::new(e.x - 0.03, e.y - 0.165, 1.15),
            Vec3::new(0.13, 0.045, 0.3),
        );
    // Eye shadow above the lid.
    let above = face
        .lashes
        .iter()
        // Seen from the front: the lid folds over itself, and both folds share
        // their place in the texture.
        .map(|l| {
            if p.z > 0.8 {
                (l.truncate() - p.truncate()).length()
            } else {
                (*l - p).length()
            }
        })
        .fold(f32::MAX, f32::min);
    let shade = Vec3::new(168.0, 114.0, 98.0);
    let lid = ramp(0.17, 0.0, above) * ramp(e.y - 0.05, e.y + 0.05, p.y);
    c = c.lerp(shade, 0.38 * lid);
    // Lips: rosier inside, fine creases across.
    let lips = (face.lips)(base_uv);
    if lips > 0.01 {
        let crease = noise(Vec3::new(p.x * 70.0, p.y * 9.0, 0.0), 91);
        let rose = Vec3::new(184.0, 98.0, 94.0) + Vec3::new(7.0, 7.0, 7.0) * crease;
        c = c.lerp(rose, 0.76 * ramp(0.15, 0.75, lips));
    }
    c = c.lerp(Vec3::new(52.0, 37.0, 31.0), 0.86 * brow(m, e));
    // The scalp under the hair, feathered at its edge.
    let hair = (face.hair)(p);
    let fringe = noise(Vec3::new(p.x * 60.0, p.y * 14.0, p.z * 60.0), 111) * 0.22;
    c.lerp(HAIR, ramp(0.30, 0.75, hair + fringe * ramp(0.0, 0.3, hair)))
}

/// Coverage of the brows by their hairs.
fn brow(m: Vec3, eye: Vec3) -> f32 {
    if m.z < 0.6 {
        return 0.0;
    }
    // From the inner end over the arch to the tail.
    let curve = [
        Vec2::new(0.118, 0.190),
        Vec2::new(0.220, 0.232),
        Vec2::new(0.360, 0.252),
        Vec2::new(0.455, 0.232),
        Vec2::new(0.530, 0.190),
    ];
    let at = Vec2::new(m.x, m.y - eye.y);
    let (mut best, mut along) = (f32::MAX, 0.0);
    for (i, pair) in curve.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let t = ((at - a).dot(b - a) / (b - a).length_squared()).clamp(0.0, 1.0);
        let d = (at - a.lerp(b, t)).length();
        if d < best {
            best = d;
            along = (i as f32 + t) / (curve.len() - 1) as f32;
        }
    }
    let half = 0.034 * ramp(-0.08, 0.25, along) * (1.0 - 0.62 * ramp(0.45, 1.0, along));
    let body = ramp(half * 1.25, half * 0.35, best) * ramp(0.0, 0.12, along + 0.03);
    if body <= 0.0 {
        return 0.0;
    }
    // Hairs lean outwards, more so towards the tail.
    let lean = 0.5 + 2.6 * along;
    let hairs = noise(
        Vec3::new((at.x - at.y / lean) * 210.0, at.y * 16.0, 0.0),
        131,
    );
    body * (0.74 + 0.26 * ramp(-0.4, 0.5, hairs))
}

/// The ball: its texture's middle is the pupil, its rim 1.9 rad away.
pub fn eye() -> RgbImage {
    const SIZE: u32 = 512;
    RgbImage::from_fn(SIZE, SIZE, |x, y| {
        let at = (Vec2::new(x as f32, y as f32) + 0.5) / SIZE as f32 * 2.0 - 1.0;
        let angle = at.length() * EYE_RIM;
        let turn = at.y.atan2(at.x);
        let around = |k: f32, z: f32| Vec3::new(turn.cos() * k, turn.sin() * k, z);
        // White, pinker towards the corners, a few veins.
        let vein = 1.0 - (noise(around(7.0, angle * 3.0), 3).abs() * 9.0).min(1.0);
        let mut c =
            Vec3::new(236.0, 230.0, 226.0) - Vec3::new(4.0, 22.0, 24.0) * ramp(0.7, 1.5, angle);
        c -= Vec3::new(4.0, 16.0, 16.0) * vein * ramp(0.6, 1.0, angle);
        // Iris: fibres, a lighter ring around the pupil, a dark rim.
        let r = angle / IRIS;
        let fibre = fractal(around(16.0, r * 1.5), 3, 5);
        let mut iris = Vec3::new(82.0, 49.0, 30.0) * (1.0 + 0.38 * fibre);
        iris = iris.lerp(
            Vec3::new(134.0, 86.0, 48.0),
            0.55 * ramp(0.75, 0.45, r) * (0.75 + 0.5 * fibre),
        );
        // The limbal ring, soft on both sides.
        iris = iris.lerp(Vec3::new(24.0, 16.0, 14.0), ramp(0.74, 0.98, r) * 0.92);
        c = c.lerp(iris, ramp(1.10, 0.95, r));
        c = c.lerp(Vec3::new(8.0, 6.0, 6.0), ramp(0.44, 0.39, r));
        rgb(c)
    })
}

/// Radians from the pupil's middle to the texture's edge and the iris' rim.
pub const EYE_RIM: f32 = 1.9;
const IRIS: f32 = 0.52;

/// Teeth: u around the arch (the middle at 0.5, half a turn wide), v from the
/// gum (0) to the edge (1).
pub fn teeth() -> RgbImage {
    const SIZE: (u32, u32) = (512, 64);
    /// Radians that one tooth takes of the arch.
    const TOOTH: f32 = 0.205;
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let angle = (x as f32 / SIZE.0 as f32 - 0.5) * PI;
        let v = y as f32 / SIZE.1 as f32;
        // From the middle of a tooth, 0 to 1 at its side.
        let across = ((angle / TOOTH).rem_euclid(1.0) * 2.0 - 1.0).abs();
        let gap = ramp(0.80, 0.99, across + 0.10 * (2.0 * v - 1.0).abs());
        let mut c = Vec3::new(233.0, 226.0, 213.0) - Vec3::new(5.0, 10.0, 16.0) * ramp(0.6, 0.1, v);
        // A bluish, clear edge.
        c -= Vec3::new(14.0, 10.0, 5.0) * ramp(0.84, 1.0, v);
        c *= 1.0 - 0.16 * ramp(0.35, 1.2, angle.abs());
        c = c.lerp(Vec3::new(120.0, 84.0, 72.0), 0.55 * gap);
        let gum = 0.10 + 0.10 * across * across;
        rgb(c.lerp(
            Vec3::new(178.0, 96.0, 92.0),
            ramp(gum + 0.05, gum - 0.05, v),
        ))
    })
}

/// Strands along v: many fine ones, a few locks.
pub fn strands() -> RgbImage {
    const SIZE: (u32, u32) = (1024, 512);
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let u = x as f32 / SIZE.0 as f32 * TAU;
        let v = y as f32 / SIZE.1 as f32;
        // A ring, so that both ends of u meet.
        let at = |k: f32, along: f32| Vec3::new(u.cos() * k, u.sin() * k, v * along);
        let fine = noise(at(150.0, 2.0), 7) * 0.5 + noise(at(70.0, 3.0), 8) * 0.5;
        let lock = fractal(at(14.0, 1.2), 2, 9);
        let tip = 1.0 + 0.35 * ramp(0.5, 1.0, v);
        rgb(Vec3::new(54.0, 38.0, 32.0) * tip * (1.0 + 0.42 * fine + 0.25 * lock))
    })
}

/// A twill of `colour`.
pub fn weave(colour: Vec3, depth: f32) -> RgbImage {
    const SIZE: u32 = 256;
    RgbImage::from_fn(SIZE, SIZE, |x, y| {
        let at = |v: u32| v as f32 / SIZE as f32 * TAU;
        let twill = ((at(x) + at(y)) * 32.0).sin() * 0.5 + (at(x) * 32.0 + FRAC_PI_2).sin() * 0.25;
        let cloud = noise(
            Vec3::new(at(x).cos(), at(x).sin(), at(y).cos() + at(y).sin()) * 3.0,
            13,
        );
        rgb(colour * (1.0 + depth * twill + depth * 0.6 * cloud))
    })
}

pub fn jpeg(image: &RgbImage, quality: u8) -> Result<(Vec<u8>, &'static str)> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image)?;
    Ok((bytes, "image/jpeg"))
}
