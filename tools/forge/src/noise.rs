//! Value noise: smooth, seeded, the same everywhere.

use glam::{IVec3, Vec3};

fn hash(p: IVec3, seed: u32) -> f32 {
    let mut h = seed ^ 0x9e37_79b9;
    for v in p.to_array() {
        h = (h ^ v as u32).wrapping_mul(0x85eb_ca6b);
        h ^= h >> 13;
        h = h.wrapping_mul(0xc2b2_ae35);
        h ^= h >> 16;
    }
    (h >> 8) as f32 / (1 << 24) as f32
}

/// -1 to 1, about one bump a unit.
pub fn noise(p: Vec3, seed: u32) -> f32 {
    let cell = p.floor();
    let f = p - cell;
    let f = f * f * (Vec3::splat(3.0) - 2.0 * f);
    let cell = cell.as_ivec3();
    let mut sum = 0.0;
    for corner in 0..8 {
        let o = IVec3::new(corner & 1, (corner >> 1) & 1, corner >> 2);
        let w = Vec3::select(o.cmpeq(IVec3::ONE), f, Vec3::ONE - f);
        sum += hash(cell + o, seed) * w.x * w.y * w.z;
    }
    sum * 2.0 - 1.0
}

/// Several octaves of [`noise`], -1 to 1 or so.
pub fn fractal(p: Vec3, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut gain, mut scale) = (0.0, 0.5, 1.0);
    for octave in 0..octaves {
        sum += noise(p * scale, seed + octave) * gain;
        gain *= 0.5;
        scale *= 2.03;
    }
    sum
}

/// 0 below `low`, 1 above `high`, smooth between; `low` may be the larger.
pub fn ramp(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
