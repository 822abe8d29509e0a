//! Ambient occlusion of each vertex at rest: how much of the room it sees.
//!
//! The model is seen from many sides; what a depth map shows in front of a
//! vertex hides that side's light from it.

use glam::{Mat3, Vec3};

use crate::scene::{Alpha, Scene, Vertex};

/// Sides that are looked from.
const SIDES: u32 = 96;
/// Side of each depth map in texels.
const TEXELS: usize = 256;
/// The light that reaches even hidden places, bounced.
const LEAST: f32 = 0.12;

/// Writes the occlusion of every vertex into the scene.
pub(crate) fn bake(scene: &mut Scene, rest: &[Vertex]) {
    let positions: Vec<Vec3> = rest.iter().map(|v| v.position.into()).collect();
    let centre = positions.iter().sum::<Vec3>() / positions.len().max(1) as f32;
    let radius = positions
        .iter()
        .map(|p| p.distance(centre))
        .fold(1e-4, f32::max);
    // Glass and fringes hide nothing.
    let triangles: Vec<[u32; 3]> = scene
        .parts
        .iter()
        .filter(|p| scene.materials[p.material].alpha != Alpha::Blend)
        .flat_map(|p| p.indices.chunks_exact(3).map(|t| [t[0], t[1], t[2]]))
        .collect();
    let mut seen = vec![0.0_f32; rest.len()];
    let mut whole = vec![1e-6_f32; rest.len()];
    let mut map = vec![f32::NEG_INFINITY; TEXELS * TEXELS];
    let golden = std::f32::consts::PI * (3.0 - 5.0_f32.sqrt());
    for side in 0..SIDES {
        let y = 1.0 - 2.0 * (side as f32 + 0.5) / SIDES as f32;
        let (sin, cos) = (side as f32 * golden).sin_cos();
        let ring = (1.0 - y * y).sqrt();
        let towards = Vec3::new(cos * ring, y, sin * ring);
        let (a, b) = towards.any_orthonormal_pair();
        let turn = Mat3::from_cols(a, b, towards).transpose();
        let scale = (TEXELS as f32 / 2.0 - 2.0) / radius;
        let project = |p: Vec3| {
            let q = turn * (p - centre) * scale;
            Vec3::new(q.x + TEXELS as f32 / 2.0, q.y + TEXELS as f32 / 2.0, q.z)
        };
        let flat: Vec<Vec3> = positions.iter().map(|p| project(*p)).collect();
        map.fill(f32::NEG_INFINITY);
        for t in &triangles {
            fill(&mut map, t.map(|i| flat[i as usize]));
        }
        // More light comes from above than from the floor.
        let light = 0.75 + 0.25 * y;
        for (i, vertex) in rest.iter().enumerate() {
            let facing = Vec3::from(vertex.normal).dot(towards);
            if facing <= 0.0 {
                continue;
            }
            whole[i] += facing * light;
            // A step off the surface, against its own triangles.
            let p = project(positions[i] + Vec3::from(vertex.normal) * radius * 0.006);
            let at = p.y as usize * TEXELS + p.x as usize;
            if map.get(at).is_none_or(|depth| p.z + 1.2 >= *depth) {
                seen[i] += facing * light;
            }
        }
    }
    for ((fixed, seen), whole) in scene.fixed.iter_mut().zip(&seen).zip(&whole) {
        let open = LEAST + (1.0 - LEAST) * (seen / whole).clamp(0.0, 1.0);
        fixed.occlusion[0] = (open * 255.0).round() as u8;
    }
}

/// Keeps the nearest depth of a triangle at each texel's middle that it covers.
fn fill(map: &mut [f32], [a, b, c]: [Vec3; 3]) {
    let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if area.abs() < 1e-6 {
        return;
    }
    let low = |v: f32| v.floor().clamp(0.0, TEXELS as f32 - 1.0) as usize;
    let (x0, x1) = (low(a.x.min(b.x).min(c.x)), low(a.x.max(b.x).max(c.x)));
    let (y0, y1) = (low(a.y.min(b.y).min(c.y)), low(a.y.max(b.y).max(c.y)));
    for y in y0..=y1 {
        for x in x0..=x1 {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let u = ((px - a.x) * (c.y - a.y) - (py - a.y) * (c.x - a.x)) / area;
            let v = ((b.x - a.x) * (py - a.y) - (b.y - a.y) * (px - a.x)) / area;
            if u >= 0.0 && v >= 0.0 && u + v <= 1.0 {
                let z = a.z + (b.z - a.z) * u + (c.z - a.z) * v;
                let texel = &mut map[y * TEXELS + x];
                *texel = texel.max(z);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Fixed, Material, Part};

    /// A floor under a roof: its middle sees little, a lone floor sees all.
    #[test]
    fn a_roof_darkens_what_is_below() {
        let quad = |y: f32, half: f32, normal: [f32; 3]| {
            [
                [-1.0, -1.0],
                [1.0, -1.0],
                [1.0, 1.0],
                [-1.0, 1.0],
                [0.0, 0.0],
            ]
            .map(|[x, z]| Vertex {
                position: [x * half, y, z * half],
                normal,
            })
        };
        let fan = |first: u32| {
            [[0, 1], [1, 2], [2, 3], [3, 0]]
                .into_iter()
                .flat_map(move |[a, b]| [first + a, first + b, first + 4])
        };
        let floor = quad(0.0, 1.0, [0.0, 1.0, 0.0]);
        let roof = quad(0.2, 0.6, [0.0, -1.0, 0.0]);
        let occlusion = |rest: &[Vertex], indices: Vec<u32>| {
            let mut scene = Scene {
                fixed: vec![Fixed::default(); rest.len()],
                parts: vec![Part {
                    material: 0,
                    indices,
                }],
                materials: vec![Material::default()],
                textures: Vec::new(),
            };
            bake(&mut scene, rest);
            scene.fixed[4].occlusion[0]
        };
        assert!(occlusion(&floor, fan(0).collect()) > 250);
        let both: Vec<Vertex> = floor.into_iter().chain(roof).collect();
        assert!(occlusion(&both, fan(0).chain(fan(5)).collect()) < 110);
    }
}
