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
const COLUMNS: usize = 84;
const ROWS: usize = 28;

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
    for _ in 0..4 {
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

fn vertex(position: Vec3, uv: Vec2) -> Vertex {
    Vertex {
        position,
        rest: position,
        uv,
        base_uv: Vec2::ZERO,
        weights: vec![("Head".into(), 1.0)],
        shapes: Default::default(),
        out: Vec3::ZERO,
        shade: Default::default(),
    }
}

/// Both sides of a grid of `columns` by `rows` points, first column first.
fn grid(mesh: &mut Mesh, first: u32, columns: u32, rows: u32, flip: bool) {
    for i in 0..columns - 1 {
        for j in 0..rows - 1 {
            let a = first + i * rows + j;
            let (b, c, d) = (a + 1, a + rows, a + rows + 1);
            mesh.triangles.extend(if flip {
                [[a, c, b], [c, d, b]]
            } else {
                [[a, b, c], [c, b, d]]
            });
        }
    }
}

/// One strand of the bob from the parting to the tip, on the outer sheet or on
/// the inner one, which lies close to the skull.
fn strand(i: usize, radii: &[Vec<f32>], outer: bool, pole: Vec3, front: Vec3) -> Vec<Vec3> {
    let s = i as f32 / COLUMNS as f32;
    let azimuth = azimuth(s);
    let edge = s.min(1.0 - s) * (TAU - 2.0 * OPENING);
    // Round at both edges of the opening.
    let round = (1.0 - (1.0 - (edge / 0.30).min(1.0)).powi(2)).sqrt();
    let side = azimuth.cos() * front + azimuth.sin() * Vec3::X;
    let level = level(azimuth);
    let lock = noise(Vec3::new(s * 26.0, 0.5, 0.0), 21) * 0.6
        + noise(Vec3::new(s * 70.0, 0.5, 3.0), 22) * 0.4;
    let behind = ramp(0.6, 1.0, 1.0 - (azimuth - PI).abs() / PI);
    // Cut in a clean line, a little longer in front.
    let tip = 4.98 + 0.05 * behind + 0.012 * noise(Vec3::new(s * 14.0, 0.5, 6.0), 24)
        - 0.05 * ramp(0.6, 0.0, edge);
    let beside = ramp(0.9, 0.1, ((azimuth - PI).abs() - 1.45).abs());
    let mut points: Vec<Vec3> = Vec::with_capacity(ROWS + 1);
    let mut widest: f32 = 0.0;
    for (j, radius) in radii[i].iter().enumerate() {
        let t = j as f32 / ROWS as f32;
        let on_skull = (t / 0.55).min(1.0);
        let polar = on_skull * level;
        let d = polar.cos() * pole + polar.sin() * side;
        let full = ramp(0.0, 0.5, on_skull);
        let body = 0.040
            + 0.055 * ramp(0.0, 0.18, on_skull)
            + 0.045 * full
            + 0.050 * beside * ramp(0.2, 0.95, on_skull);
        let ripple = 0.018 * lock * full + 0.006 * noise(Vec3::new(s * 60.0, t * 3.0, 9.0), 23);
        let thick = if outer {
            body * round.max(0.06) + ripple * round
        } else {
            body * 0.25
        };
        let at = CENTRE + d * (radius + thick);
        let fall = ((t - 0.55) / 0.45).max(0.0);
        // Hair hangs: below its widest place it does not follow the skull
        // inwards but falls, and turns in at the tip.
        let axis = Vec2::new(0.0, 0.25);
        let mut flat = Vec2::new(at.x, at.z) - axis;
        widest = widest.max(flat.length());
        let hang = widest * (1.0 - 0.015 * ramp(0.5, 0.0, fall));
        let r = flat.length().max(hang - 0.06 * (1.0 - ramp(0.35, 0.75, t)))
            * (1.0 + 0.025 * (fall * PI).sin() - 0.10 * fall * fall * fall);
        if t > 0.3 {
            let blend = ramp(0.3, 0.5, t);
            flat = flat * (1.0 - blend) + flat.normalize_or(Vec2::X) * r * blend;
        }
        if !outer && fall > 0.0 {
            flat *= 1.0 - 0.05 * (1.0 - 0.6 * fall);
        }
        let y = if fall > 0.0 {
            at.y + (tip - at.y) * fall
        } else {
            at.y
        };
        points.push(Vec3::new(flat.x, y, flat.y + axis.y));
    }
    // No kink where the skull is left.
    for _ in 0..2 {
        let before = points.clone();
        for j in 2..ROWS {
            points[j] = before[j] * 0.5 + (before[j - 1] + before[j + 1]) * 0.25;
        }
    }
    points
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
    let rows = ROWS as u32 + 1;
    // Two sheets: the outer one, and an inner one that closes the edges.
    for outer in [true, false] {
        let first = mesh.vertices.len() as u32;
        for i in 0..=COLUMNS {
            for (j, p) in strand(i, &radii, outer, pole, front)
                .into_iter()
                .enumerate()
            {
                let uv = Vec2::new(i as f32 / COLUMNS as f32, j as f32 / ROWS as f32);
                let mut v = vertex(p, uv);
                if !outer {
                    v.shade.light = 0.45;
                }
                mesh.vertices.push(v);
            }
        }
        grid(&mut mesh, first, COLUMNS as u32 + 1, rows, !outer);
    }
    // Closed below and along both front edges.
    let inner = (COLUMNS as u32 + 1) * rows;
    for i in 0..COLUMNS as u32 {
        let (a, b) = (i * rows + rows - 1, (i + 1) * rows + rows - 1);
        mesh.triangles
            .extend([[a, a + inner, b], [b, a + inner, b + inner]]);
    }
    let last = COLUMNS as u32 * rows;
    for j in 0..rows - 1 {
        mesh.triangles
            .extend([[j, j + inner, j + 1], [j + 1, j + inner, j + inner + 1]]);
        let (a, b) = (last + j, last + j + 1);
        mesh.triangles
            .extend([[a, b, a + inner], [b, b + inner, a + inner]]);
    }
    fringe(skull, &mut mesh);
    mesh
}

/// Where a direction from [`CENTRE`] meets the skull, `off` above it.
fn on(skull: &Skull, direction: Vec3, off: f32) -> Vec3 {
    let d = direction.normalize_or(Vec3::Y);
    CENTRE + d * (skull.radius(d) + off)
}

/// A direction by where it meets the front: x and y as seen from there.
fn towards(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3::new(x, y, z) - CENTRE
}

/// Where the fringe parts, decimetres to her left.
const SIDE: f32 = 0.30;

/// A fringe swept to both sides from a parting beside the middle: a sheet each
/// way, and finer locks along its lower edge. It covers the hairline.
fn fringe(skull: &Skull, mesh: &mut Mesh) {
    const STRANDS: usize = 12;
    const STEPS: usize = 16;
    for (sign, reach) in [(-1.0_f32, 1.0_f32), (1.0, 0.0)] {
        // From the parting, over the forehead, into the hair before the ear.
        let curve = |k: f32, t: f32| -> Vec3 {
            // k: 0 the hindmost strand, 1 the one at the forehead.
            let root = towards(SIDE, 7.06, 0.42).lerp(towards(SIDE, 6.80, 1.02), k);
            let (mid, end) = if reach > 0.5 {
                (
                    towards(-0.35, 7.00, 0.50).lerp(towards(-0.28, 6.60, 1.16), k),
                    towards(-0.92, 6.30, 0.42).lerp(towards(-0.72, 6.02, 0.72), k),
                )
            } else {
                (
                    towards(0.62, 6.92, 0.45).lerp(towards(0.52, 6.66, 0.98), k),
                    towards(0.92, 6.30, 0.42).lerp(towards(0.72, 6.02, 0.72), k),
                )
            };
            let (a, b, c) = (root.normalize(), mid.normalize(), end.normalize());
            let u = 1.0 - t;
            (a * (u * u) + b * (2.0 * u * t) + c * (t * t)).normalize()
        };
        let first = mesh.vertices.len() as u32;
        for i in 0..=STRANDS {
            let k = i as f32 / STRANDS as f32;
            let wave = noise(Vec3::new(k * 9.0, sign * 3.0, 2.0), 61);
            for j in 0..=STEPS {
                let t = j as f32 / STEPS as f32;
                let edge = (1.0 - (1.0 - ((1.0 - k) / 0.35).min(1.0)).powi(2)).sqrt();
                let lift = 0.022 + 0.075 * edge * ramp(0.0, 0.25, t).max(0.35);
                let off = lift + 0.010 * wave * ramp(0.0, 0.4, t) * edge;
                let p = on(skull, curve(k, t), off);
                let u = 0.5 + sign * 0.13 * (1.0 - k) + 0.02 * sign;
                mesh.vertices.push(vertex(p, Vec2::new(u, 0.04 + 0.5 * t)));
            }
        }
        grid(
            mesh,
            first,
            STRANDS as u32 + 1,
            STEPS as u32 + 1,
            sign > 0.0,
        );
        // Finer locks leave the edge and taper to nothing.
        for n in 0..7_u32 {
            let r = |seed: u32| noise(Vec3::new(n as f32 * 3.7 + 0.5, sign, 1.5), seed);
            let from = 0.05 + 0.05 * n as f32;
            let droop = 0.05 + 0.055 * (0.5 + 0.5 * r(71));
            let width = 0.040 + 0.018 * r(72);
            let (start, end) = (from, (0.62 + 0.30 * (0.5 + 0.5 * r(73))).min(0.98));
            let first = mesh.vertices.len() as u32;
            for j in 0..=STEPS {
                let t = j as f32 / STEPS as f32;
                let at = start + (end - start) * t;
                let middle = 0.985 + droop * (t * PI * 0.75).sin().max(0.0) * t;
                let half = width * (1.0 - t).powf(0.7) * ramp(-0.2, 0.25, t) * 0.9;
                for (side, high) in [(-1.0, 0.0), (0.0, 0.014), (1.0, 0.0)] {
                    let k = middle + side * half;
                    let p = on(
                        skull,
                        curve(k, at),
                        0.026 + high * (1.0 - t) + 0.004 * r(74),
                    );
                    let u = 0.5 + sign * 0.03 * side + 0.07 * r(75);
                    mesh.vertices.push(vertex(p, Vec2::new(u, 0.05 + 0.5 * at)));
                }
            }
            // Rows first here: three across.
            let n = 3;
            for j in 0..STEPS as u32 {
                for c in 0..2 {
                    let a = first + j * n + c;
                    let (b, d) = (a + 1, a + n);
                    mesh.triangles.extend(if sign > 0.0 {
                        [[a, d, b], [b, d, d + 1]]
                    } else {
                        [[a, b, d], [b, d + 1, d]]
                    });
                }
            }
        }
    }
}
