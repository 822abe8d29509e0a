//! A white blouse and a navy blazer, cut from the base's tights.
//!
//! Both are cut from one smoothed shell and stand off it by their own amounts,
//! so that the inner one cannot come through the outer one.

use glam::{Vec2, Vec3};

use crate::mesh::{Mesh, Shade, Vertex};
use crate::noise::{noise, ramp};

/// An opening for the head, a V in front and a ring around the neck: how far
/// outside of it `p` is, along the cloth. The V begins at `from` and widens by
/// `slope`, `round` takes its point off; the ring has the radius `neck`.
fn outside(p: Vec3, from: f32, slope: f32, round: f32, neck: f32) -> f32 {
    let half = (p.y - from) * slope;
    // A hyperbola instead of the corner.
    let half = 0.5 * (half + (half * half + round * round).sqrt());
    let x = (p.x * p.x + round * round).sqrt();
    let front = (x - half - round * 0.5) / (1.0 + slope * slope).sqrt();
    let front = front + 1.5 * (0.25 - p.z).max(0.0);
    // Measured level, as shoulders nearly are; high at the nape.
    let ring = Vec2::new(p.x, 0.85 * (p.z - 0.15)).length() - neck + 1.2 * (4.25 - p.y).max(0.0);
    // The nearer of both, without a corner.
    let mix = (0.5 + (front - ring) / 0.16).clamp(0.0, 1.0);
    front + (ring - front) * mix - 0.08 * mix * (1.0 - mix)
}

/// How far inside the blouse `p` is: negative where skin shows.
pub fn neckline(p: Vec3) -> f32 {
    outside(p, 3.60, 1.05, 0.10, 0.56)
}

/// Where the blazer's V ends in front.
const BUTTON: f32 = 2.22;

fn opening(p: Vec3) -> f32 {
    outside(p, BUTTON, 0.29, 0.03, 0.58)
}

/// Where garments end below, decimetres.
const HEM: f32 = -1.18;

/// The body without its small forms, as tailored cloth spans it.
fn shell(tights: &Mesh) -> Mesh {
    let mut mesh = tights.clone();
    mesh.weld();
    mesh.clip(&|v| v.rest.y - HEM);
    mesh.smooth(3, 0.5);
    mesh.subdivide();
    mesh.smooth(9, 0.5);
    mesh.smooth_weights(5);
    let normals = mesh.normals();
    for (v, n) in mesh.vertices.iter_mut().zip(normals) {
        v.rest = v.position;
        v.out = n;
    }
    mesh
}

/// Planar texture coordinates, `scale` tiles a decimetre.
fn tile(mesh: &mut Mesh, scale: f32) {
    for v in &mut mesh.vertices {
        v.uv = Vec2::new(v.rest.x + v.rest.z * 0.5, -v.rest.y) * scale;
    }
}

fn named(mut mesh: Mesh, name: &str, material: &str) -> Mesh {
    mesh.name = name.into();
    mesh.material = material.into();
    mesh
}

/// The blouse: seen in the blazer's opening only.
pub fn blouse(tights: &Mesh) -> Vec<Mesh> {
    let mut body = named(shell(tights), "blouse", "cloth_blouse");
    body.clip(&|v| v.rest.y - 0.5);
    body.clip(&|v| 4.22 - v.rest.y);
    body.clip(&|v| v.rest.z - 0.05);
    // The blazer hides the rest.
    body.clip(&|v| 0.28 - opening(v.rest));
    body.clip(&|v| neckline(v.rest));
    body.offset(&|v| 0.040 + 0.014 * ramp(0.10, 0.02, neckline(v.rest)));
    for v in &mut body.vertices {
        // The blazer's shade, and the facing's stitched edge.
        let under = ramp(-0.16, 0.02, opening(v.rest));
        let stitch = ramp(0.03, 0.0, (neckline(v.rest) - 0.12).abs());
        v.shade.light = (1.0 - 0.55 * under) * (1.0 - 0.10 * stitch);
    }
    tile(&mut body, 1.0);
    body.rim(0.05);
    vec![body]
}

/// How far the blazer stands off the shell.
fn stand(v: &Vertex) -> f32 {
    let p = v.rest;
    let shoulder = ramp(0.6, 1.2, p.x.abs()) * ramp(3.2, 3.8, p.y) * ramp(1.9, 1.4, p.x.abs());
    let sleeve = ramp(1.35, 1.9, p.x.abs());
    // Folds run across the sleeve, and from the armhole over the chest.
    let along = (p.x.abs() - p.y) * 0.7;
    let across = Vec3::new(along * 2.6, (p.x.abs() + p.y) * 0.7, p.z * 0.9);
    let fold = noise(across, 41) * 0.6 + noise(across * 1.9, 42) * 0.4;
    let drape = noise(Vec3::new(p.x * 1.6 + p.y * 0.9, p.y * 0.7, p.z), 43);
    let waist = ramp(2.6, 1.6, p.y) * (1.0 - sleeve);
    0.105 + 0.030 * shoulder + 0.048 * fold * sleeve + 0.012 * drape * waist
}

/// Lapels: width along the opening's edge, to the notch.
fn lapel_width(p: Vec3) -> f32 {
    0.60 * ramp(BUTTON - 0.15, 3.45, p.y) + 0.01
}

/// The collar's width, narrower over the shoulder.
fn collar_width(p: Vec3) -> f32 {
    0.42 - 0.16 * ramp(3.65, 4.15, p.y)
}

/// The line where lapel and collar meet: positive above.
fn gorge(p: Vec3) -> f32 {
    p.y - 3.50 - 0.42 * opening(p)
}

/// A band of the blazer that lies folded on it: `inside` cuts its outline.
fn band(body: &Mesh, name: &str, inside: &[&dyn Fn(Vec3) -> f32], lift: f32) -> Mesh {
    let mut mesh = named(body.clone(), name, "cloth_lapel");
    for cut in inside {
        mesh.clip(&|v| cut(v.rest));
    }
    // Rolled at the fold, lying flat at the edge.
    mesh.offset(&|v| {
        let d = opening(v.rest);
        lift * (1.0 - 0.5 * ramp(3.75, 4.1, v.rest.y))
            + 0.040 * ramp(0.0, 0.07, d) * ramp(0.45, 0.08, d)
    });
    for v in &mut mesh.vertices {
        v.shade = Shade::default();
    }
    tile(&mut mesh, 1.6);
    mesh.rim(0.045);
    mesh
}

/// The blazer: body with sleeves, lapels, collar, a button.
pub fn blazer(tights: &Mesh) -> Vec<Mesh> {
    let mut body = named(shell(tights), "blazer", "cloth_blazer");
    body.clip(&|v| opening(v.rest));
    body.clip(&|v| 3.93 - v.rest.x.abs());
    body.offset(&stand);
    // The right front lies over the left one.
    body.offset(&|v| {
        let front = ramp(0.3, 0.6, v.rest.z) * ramp(BUTTON + 0.1, BUTTON - 0.1, v.rest.y);
        0.030 * front * ramp(0.16, 0.08, v.rest.x) * ramp(-0.9, -0.2, v.rest.x)
    });
    for v in &mut body.vertices {
        let p = v.rest;
        let d = opening(p);
        let front = ramp(0.2, 0.5, p.z);
        // Under the lapel's edge, the front's edge, and the armhole's seam.
        let lapel = if gorge(p) < 0.0 {
            lapel_width(p)
        } else {
            collar_width(p)
        };
        let edge = ramp(0.16, 0.0, d - lapel) * front;
        let overlap = ramp(0.10, 0.0, (p.x - 0.17).abs()) * front * ramp(BUTTON, BUTTON - 0.1, p.y);
        let armhole = ramp(0.09, 0.0, (p.x.abs() - 1.36 - 0.12 * (p.y - 3.6)).abs());
        v.shade.light = 1.0 - 0.38 * edge - 0.40 * overlap - 0.30 * armhole;
    }
    let lapel = band(
        &body,
        "lapel",
        &[&|p| lapel_width(p) - opening(p), &|p| -gorge(p)],
        0.024,
    );
    let collar = band(
        &body,
        "collar",
        &[
            &|p| collar_width(p) - opening(p),
            // The notch opens outwards.
            &|p| gorge(p) - (0.006 + 0.75 * (opening(p) - 0.24).max(0.0)),
        ],
        0.032,
    );
    tile(&mut body, 1.6);
    let button = button(&body);
    body.rim(0.05);
    vec![body, lapel, collar, button]
}

/// A dome on the front, where it closes.
fn button(body: &Mesh) -> Mesh {
    const SPOKES: u32 = 16;
    let want = Vec2::new(0.02, BUTTON - 0.22);
    let normals = body.normals();
    let far = |v: &Vertex| {
        let behind = if v.position.z < 0.5 { 10.0 } else { 0.0 };
        v.position.truncate().distance_squared(want) + behind
    };
    let mut mesh = named(Mesh::default(), "button", "button");
    let nearest = (0..body.vertices.len())
        .min_by(|a, b| far(&body.vertices[*a]).total_cmp(&far(&body.vertices[*b])));
    let Some(at) = nearest else { return mesh };
    let (root, n) = (&body.vertices[at], normals[at]);
    let (a, b) = n.any_orthonormal_pair();
    for (radius, height) in [(0.0, 0.045), (0.055, 0.045), (0.085, 0.030), (0.095, 0.0)] {
        for s in 0..SPOKES {
            let (sin, cos) = (s as f32 / SPOKES as f32 * std::f32::consts::TAU).sin_cos();
            mesh.vertices.push(Vertex {
                position: root.position + (a * cos + b * sin) * radius + n * height,
                shade: Shade::default(),
                ..root.clone()
            });
        }
    }
    for ring in 0..3 {
        for s in 0..SPOKES {
            let (i, j) = (ring * SPOKES + s, ring * SPOKES + (s + 1) % SPOKES);
            mesh.triangles
                .extend([[i, i + SPOKES, j], [j, i + SPOKES, j + SPOKES]]);
        }
    }
    mesh
}
