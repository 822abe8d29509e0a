//! A white blouse and a navy blazer, cut from the base's tights.

use glam::Vec3;

use crate::mesh::{Mesh, Vertex};
use crate::noise::ramp;

/// An opening in the shape of a V: how far outside of it `p` is. It begins at
/// `front` in front and at `back` behind, and widens by `slope`.
fn outside_v(p: Vec3, front: f32, back: f32, slope: f32) -> f32 {
    let behind = ramp(0.25, -0.35, p.z);
    let from = front + (back - front) * behind;
    let slope = slope + (2.5 - slope) * behind;
    p.x.abs() - ((p.y - from) * slope).max(0.0)
}

/// Where garments end below, decimetres.
const HEM: f32 = -0.9;

fn garment(tights: &Mesh, name: &str, material: &str) -> Mesh {
    Mesh {
        name: name.into(),
        material: material.into(),
        ..tights.clone()
    }
}

fn blazer_opening(p: Vec3) -> f32 {
    outside_v(p, 2.65, 4.50, 0.40)
}

/// Later cuts go by where the cloth is now.
fn settle(mesh: &mut Mesh) {
    for v in &mut mesh.vertices {
        v.rest = v.position;
    }
}

fn smooth(mesh: &mut Mesh, rounds: usize) {
    mesh.smooth(rounds, 0.5);
}

/// Planar texture coordinates, `scale` tiles a decimetre.
fn tile(mesh: &mut Mesh, scale: f32) {
    for v in &mut mesh.vertices {
        let along = if v.rest.x.abs() > 1.6 {
            v.rest.x.signum() * v.rest.y
        } else {
            v.rest.x
        };
        v.uv = glam::Vec2::new(along + v.rest.z * 0.5, -v.rest.y) * scale;
    }
}

fn arm_length(v: &Vertex) -> f32 {
    v.rest.x.abs()
}

pub fn blouse(tights: &Mesh) -> Vec<Mesh> {
    let mut body = garment(tights, "blouse", "cloth_blouse");
    body.clip(&|v| v.rest.y - 0.5);
    body.clip(&|v| 2.2 - arm_length(v));
    body.subdivide();
    smooth(&mut body, 6);
    settle(&mut body);
    // The blazer hides the rest.
    body.clip(&|v| 0.35 - blazer_opening(v.rest));
    body.clip(&|v| outside_v(v.position, 3.82, 4.62, 0.80));
    body.offset(&|_| 0.035);
    // The collar: a band along the opening, standing off the neck.
    let mut collar = body.clone();
    collar.name = "collar".into();
    collar.clip(&|v| 0.20 - outside_v(v.rest, 3.82, 4.62, 0.80));
    // Pointed in front.
    collar.clip(&|v| v.rest.y - 4.16 + 1.3 * outside_v(v.rest, 3.82, 4.62, 0.80));
    collar.offset(&|v| 0.045 + 0.03 * ramp(0.2, 0.0, outside_v(v.rest, 3.82, 4.62, 0.80)));
    tile(&mut body, 1.0);
    tile(&mut collar, 1.0);
    vec![body, collar]
}

pub fn blazer(tights: &Mesh) -> Vec<Mesh> {
    let mut body = garment(tights, "blazer", "cloth_blazer");
    body.clip(&|v| v.rest.y - HEM);
    body.subdivide();
    smooth(&mut body, 10);
    let opening = blazer_opening;
    body.clip(&|v| opening(v.position));
    body.clip(&|v| 3.93 - arm_length(v));
    settle(&mut body);
    // Shoulders are padded, the cut is loose below the chest.
    body.offset(&|v| {
        let shoulder = ramp(0.7, 1.4, v.rest.x.abs()) * ramp(3.5, 4.0, v.rest.y);
        0.075 + 0.03 * shoulder
    });
    // Lapels: a band along the opening that lies on the cloth.
    let width = |p: Vec3| 0.50 * ramp(2.5, 3.75, p.y) * (1.0 - 0.45 * ramp(3.9, 4.5, p.y)) + 0.02;
    let mut lapel = body.clone();
    lapel.name = "lapel".into();
    lapel.material = "cloth_lapel".into();
    lapel.clip(&|v| width(v.rest) - opening(v.rest));
    lapel.offset(&|v| {
        0.022
            + 0.03
                * ramp(0.0, 0.10, opening(v.rest))
                * ramp(width(v.rest), width(v.rest) * 0.6, opening(v.rest))
    });
    tile(&mut body, 1.6);
    tile(&mut lapel, 1.6);
    vec![body, lapel]
}
