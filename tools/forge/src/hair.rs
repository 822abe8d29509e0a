//! A bob: strands leave a parting above the forehead, follow the skull, cover
//! the ears and fall to the jaw.

use std::f32::consts::{PI, TAU};

use glam::{Vec2, Vec3};

use crate::mesh::{Mesh, Vertex};
use crate::noise::{noise, ramp};

/// The skull's middle, decimetres.
const CENTRE: Vec3 = Vec3::new(0.0, 5.95, 0.33);
/// Elevation of the parting, seen from there.
const PARTING: f32 = 1.13;
/// The face is open this far to both sides of straight ahead.
const OPENING: f32 = 0.74;
const COLUMNS: usize = 132;
const ROWS: usize = 30;

/// The skull as a distance by direction.
pub struct Skull {
    triangles: Vec<[Vec3; 3]>,
}

impl Skull {
    /// From the skin, without the ears.
    pub fn new(skin: &Mesh, ears: &dyn Fn(Vec2) -> f32) -> Self {
        let corner = |i: u32| &skin.vertices[i as usize];
        Self {
            triangles: skin
                .triangles
                .iter()
                .filter(|t| {
                    t.iter()
                        .all(|i| corner(*i).position.y > 4.9 && ears(corner(*i).base_uv) < 0.1)
                })
                .map(|t| t.map(|i| corner(i).position))
                .collect(),
        }
    }

    /// How far the skin is from [`CENTRE`]; the farthest where there is more.
    fn radius(&self, direction: Vec3) -> f32 {
        let mut far: f32 = 0.6;
        for [a, b, c] in &self.triangles {
            // Möller and Trumbore.
            let (e1, e2) = (b - a, c - a);
            let h = direction.cross(e2);
            let det = e1.dot(h);
            if det.abs() < 1e-9 {
                continue;
            }
            let s = (CENTRE - a) / det;
            let u = s.dot(h);
            let q = s.cross(e1);
            let v = direction.dot(q);
            if u >= -1e-4 && v >= -1e-4 && u + v <= 1.0002 {
                far = far.max(e2.dot(q));
            }
        }
        far
    }
}

fn axes() -> (Vec3, Vec3) {
    let pole = Vec3::new(0.0, PARTING.sin(), PARTING.cos());
    let front = Vec3::new(0.0, -PARTING.cos(), PARTING.sin());
    (pole, front)
}

/// 1 where hair covers the skin at `p`, falling to 0 at its edge.
pub fn covers(p: Vec3) -> f32 {
    if p.y < 4.9 {
        return 0.0;
    }
    let (pole, front) = axes();
    let d = (p - CENTRE).normalize_or(Vec3::Y);
    let azimuth = d.x.abs().atan2(d.dot(front));
    // Near the parting directions crowd together.
    let spread = d.dot(pole).clamp(-1.0, 1.0).acos().sin();
    let inside = (azimuth - OPENING) * spread;
    // Down to the ears in front, to the nape behind.
    let nape = ramp(5.15, 5.45, p.y) * ramp(0.15, -0.1, p.z);
    let front = ramp(5.7, 6.0, p.y);
    let sides = ramp(-0.02, 0.10, inside) * ramp(0.02, 0.12, spread) * front.max(nape);
    // The hairline above the forehead.
    let line = 6.85 - 0.55 * p.x * p.x;
    sides.max(ramp(line - 0.07, line + 0.07, p.y))
}

fn azimuth(s: f32) -> f32 {
    OPENING + s * (TAU - 2.0 * OPENING)
}

/// The polar angle at which a strand has come down to the skull's middle.
fn level(azimuth: f32) -> f32 {
    PARTING.sin().atan2(azimuth.cos() * PARTING.cos())
}

/// The skull under each vertex of the bob, without its small bumps.
fn smooth_radii(skull: &Skull, pole: Vec3, front: Vec3) -> Vec<Vec<f32>> {
    let mut radii: Vec<Vec<f32>> = (0..=COLUMNS)
        .map(|i| {
            let azimuth = azimuth(i as f32 / COLUMNS as f32);
            let side = azimuth.cos() * front + azimuth.sin() * Vec3::X;
            (0..=ROWS)
                .map(|j| {
                    let polar = (j as f32 / ROWS as f32 / 0.55).min(1.0) * level(azimuth);
                    skull.radius(polar.cos() * pole + polar.sin() * side)
                })
                .collect()
        })
        .collect();
    for _ in 0..10 {
        let before = radii.clone();
        for i in 0..=COLUMNS {
            for j in 0..=ROWS {
                let (l, r) = (i.saturating_sub(1), (i + 1).min(COLUMNS));
                let (u, d) = (j.saturating_sub(1), (j + 1).min(ROWS));
                radii[i][j] = 0.2 * before[i][j]
                    + 0.2 * (before[l][j] + before[r][j] + before[i][u] + before[i][d]);
            }
        }
    }
    radii
}

/// The shaped mesh, all of it on the head joint.
pub fn bob(skull: &Skull) -> Mesh {
    let (pole, front) = axes();
    let mut mesh = Mesh {
        name: "hair".into(),
        material: "hair".into(),
        ..Mesh::default()
    };
    let radii = smooth_radii(skull, pole, front);
    // Two sheets: the outer one, and an inner one that closes the edges.
    for sheet in 0..2 {
        let first = mesh.vertices.len() as u32;
        for i in 0..=COLUMNS {
            let s = i as f32 / COLUMNS as f32;
            let azimuth = azimuth(s);
            let edge = s.min(1.0 - s) * (TAU - 2.0 * OPENING);
            // Round at both edges of the opening.
            let round = (1.0 - (1.0 - (edge / 0.30).min(1.0)).powi(2)).sqrt();
            let side = azimuth.cos() * front + azimuth.sin() * Vec3::X;
            // Where the strand has come down to the middle of the skull.
            let level = level(azimuth);
            let lock = noise(Vec3::new(s * 26.0, 0.5, 0.0), 21) * 0.6
                + noise(Vec3::new(s * 70.0, 0.5, 3.0), 22) * 0.4;
            let behind = ramp(0.6, 1.0, (azimuth - PI).abs() / -PI + 1.0);
            let tip = 4.98 - 0.07 * behind + 0.035 * lock - 0.02 * ramp(0.5, 0.0, edge);
            let beside = ramp(0.9, 0.1, ((azimuth - PI).abs() - 1.45).abs());
            for j in 0..=ROWS {
                let t = j as f32 / ROWS as f32;
                let on_skull = (t / 0.55).min(1.0);
                let polar = on_skull * level;
                let d = polar.cos() * pole + polar.sin() * side;
                let full = ramp(0.0, 0.5, on_skull);
                let body = 0.030
                    + 0.055 * ramp(0.0, 0.18, on_skull)
                    + 0.045 * full
                    + 0.075 * beside * ramp(0.2, 0.95, on_skull);
                let ripple =
                    0.016 * lock * full + 0.006 * noise(Vec3::new(s * 60.0, t * 3.0, 9.0), 23);
                let thick = if sheet == 0 {
                    body * round.max(0.06) + ripple * round
                } else {
                    body * 0.25
                };
                let at = CENTRE + d * (radii[i][j] + thick);
                let fall = ((t - 0.55) / 0.45).max(0.0);
                let position = if fall > 0.0 {
                    let flat = Vec2::new(at.x, at.z - 0.25);
                    // A gentle bow outwards, tips turned in.
                    let shape = 1.0 + 0.06 * (fall * PI).sin() - 0.13 * fall * fall * fall;
                    let r = flat * shape;
                    let y = CENTRE.y + (at.y - CENTRE.y) + (tip - at.y) * fall;
                    Vec3::new(r.x, y, r.y + 0.25)
                } else {
                    at
                };
                mesh.vertices.push(Vertex {
                    position,
                    rest: position,
                    uv: Vec2::new(s, t),
                    base_uv: Vec2::ZERO,
                    weights: vec![("Head".into(), 1.0)],
                    shapes: Default::default(),
                });
            }
        }
        let row = ROWS as u32 + 1;
        for i in 0..COLUMNS as u32 {
            for j in 0..ROWS as u32 {
                let a = first + i * row + j;
                let (b, c, d) = (a + 1, a + row, a + row + 1);
                let two = if sheet == 0 {
                    [[a, b, c], [c, b, d]]
                } else {
                    [[a, c, b], [c, d, b]]
                };
                mesh.triangles.extend(two);
            }
        }
    }
    mesh
}
