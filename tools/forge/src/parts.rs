//! The body's parts: skin, mouth, teeth, tongue, lashes, eyes.

use std::collections::HashMap;
use std::f32::consts::TAU;

use glam::{Vec2, Vec3};

use crate::base::Base;
use crate::mesh::{Mesh, Vertex};
use crate::noise::ramp;
use crate::paint;
use crate::wear;

/// Face shape (in ARKit's order) → what it moves each vertex of the base by.
pub type Shapes = [HashMap<usize, Vec3>];

/// Head, neck, chest and hands, and the mouth's inside apart.
pub fn skin_and_mouth(base: &Base, shapes: &Shapes, inside: &dyn Fn(Vec2) -> f32) -> (Mesh, Mesh) {
    let hand = |v: usize| {
        base.weights[v]
            .iter()
            .any(|(name, w)| name.contains("Hand") && *w > 0.02)
    };
    let shown = |v: usize| {
        let p = base.positions[v];
        // Garments cover the rest; a margin goes under their edge.
        wear::neckline(p) < 0.30 || hand(v)
    };
    let mut skin = Mesh::from_group(base, shapes, "body", &|v, uv| shown(v) && inside(uv) < 0.9);
    skin.name = "skin".into();
    skin.material = "skin".into();
    for v in &mut skin.vertices {
        v.uv = paint::skin_uv(v.rest);
    }
    unwrap_seam(&mut skin);
    let mut mouth = Mesh::from_group(base, shapes, "body", &|v, uv| shown(v) && inside(uv) >= 0.2);
    mouth.name = "mouth".into();
    mouth.material = "mouth".into();
    (skin, mouth)
}

/// Triangles across the back's seam get vertices of their own beyond u = 1.
fn unwrap_seam(mesh: &mut Mesh) {
    let mut copies: HashMap<u32, u32> = HashMap::new();
    for t in 0..mesh.triangles.len() {
        let us = mesh.triangles[t].map(|i| mesh.vertices[i as usize].uv.x);
        let wide = us.iter().copied().fold(f32::MIN, f32::max)
            - us.iter().copied().fold(f32::MAX, f32::min);
        if wide < 0.5 {
            continue;
        }
        for k in 0..3 {
            let i = mesh.triangles[t][k];
            if mesh.vertices[i as usize].uv.x >= 0.5 {
                continue;
            }
            mesh.triangles[t][k] = *copies.entry(i).or_insert_with(|| {
                let mut v = mesh.vertices[i as usize].clone();
                v.uv.x += 1.0;
                mesh.vertices.push(v);
                mesh.vertices.len() as u32 - 1
            });
        }
    }
}

/// A group of the base as a part of one material.
pub fn group(base: &Base, shapes: &Shapes, groups: &[&str], name: &str) -> Mesh {
    let mut mesh = Mesh::default();
    for g in groups {
        mesh.append(Mesh::from_group(base, shapes, g, &|_, _| true));
    }
    mesh.name = name.into();
    mesh.material = name.into();
    mesh
}

/// A ball where the base has its eye, the pupil at its +Z pole.
pub fn eye(base: &Base, side: char) -> (Mesh, Vec3) {
    const RINGS: usize = 18;
    const SPOKES: usize = 28;
    let group = format!("helper-{side}-eye");
    let mut low = Vec3::MAX;
    let mut high = Vec3::MIN;
    for (v, _) in base.groups[&group].iter().flatten() {
        low = low.min(base.positions[*v]);
        high = high.max(base.positions[*v]);
    }
    let centre = (low + high) * 0.5;
    // The lids close over the least of its extents.
    let radius = (high - low).min_element() * 0.5;
    let joint = if side == 'l' { "LeftEye" } else { "RightEye" };
    let mut mesh = Mesh {
        name: joint.into(),
        material: "eye".into(),
        ..Mesh::default()
    };
    for ring in 0..=RINGS {
        let angle = ring as f32 / RINGS as f32 * paint::EYE_RIM;
        for spoke in 0..SPOKES {
            let turn = spoke as f32 / SPOKES as f32 * TAU;
            // The cornea bulges a little.
            let bulge = 1.0 + 0.035 * ramp(0.55, 0.2, angle);
            let out = Vec3::new(
                angle.sin() * turn.cos(),
                angle.sin() * turn.sin(),
                angle.cos(),
            );
            let position = centre + out * radius * bulge;
            let at = Vec2::new(turn.cos(), -turn.sin()) * (angle / paint::EYE_RIM) * 0.5 + 0.5;
            mesh.vertices.push(Vertex {
                position,
                rest: position,
                uv: at,
                base_uv: Vec2::ZERO,
                weights: vec![(joint.into(), 1.0)],
                shapes: Default::default(),
                out: Vec3::ZERO,
                shade: Default::default(),
            });
        }
    }
    let n = SPOKES as u32;
    for ring in 0..RINGS as u32 {
        for spoke in 0..n {
            let (a, b) = (ring * n + spoke, ring * n + (spoke + 1) % n);
            let (c, d) = (a + n, b + n);
            mesh.triangles.extend([[a, c, b], [b, c, d]]);
        }
    }
    (mesh, centre)
}

/// Pulls lashes towards the lid that they stand on: the base's are a stage
/// make-up's. Solid at the root, they fade to the tip.
pub fn shorten(lashes: &mut Mesh, skin: &Mesh) {
    let lids: Vec<&Vertex> = skin
        .vertices
        .iter()
        .filter(|v| v.rest.z > 0.8 && (5.8..6.3).contains(&v.rest.y))
        .collect();
    for v in &mut lashes.vertices {
        // The root is a mean of the nearest of the lid, so that the line stays
        // smooth when the lid moves.
        let mut near: Vec<(f32, &Vertex)> = lids
            .iter()
            .map(|lid| (lid.rest.distance(v.rest), *lid))
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near.truncate(4);
        let weights: Vec<f32> = near.iter().map(|n| 1.0 / (n.0 * n.0 + 1e-5)).collect();
        let sum: f32 = weights.iter().sum();
        let mut root = Vec3::ZERO;
        let mut moves = std::collections::BTreeMap::<usize, Vec3>::new();
        for ((_, lid), w) in near.iter().zip(&weights) {
            root += lid.rest * (w / sum);
            for (shape, d) in &lid.shapes {
                *moves.entry(*shape).or_default() += *d * (w / sum);
            }
        }
        let far = near.first().map_or(0.0, |n| n.0);
        let pull = 0.42;
        v.position = v.rest.lerp(root, pull);
        // Its own moves at the tip, the lid's at the root.
        let own = v.shapes.clone();
        for shape in own.keys() {
            moves.entry(*shape).or_default();
        }
        v.shapes = moves
            .into_iter()
            .map(|(shape, d)| {
                let mine = own.get(&shape).copied().unwrap_or(d);
                (shape, mine.lerp(d, pull))
            })
            .collect();
        let tip = ramp(0.012, 0.10, far);
        v.shade.alpha = 0.82 * (1.0 - tip) + 0.10 * tip;
    }
}

/// Light that reaches into the mouth: what lies deeper is darker.
pub fn darken(mesh: &mut Mesh, front: f32, back: f32, least: f32) {
    for v in &mut mesh.vertices {
        v.shade.light = least + (1.0 - least) * ramp(back, front, v.rest.z);
    }
}

/// The base's teeth sit behind the lip; a speaker's show below it. Both rows
/// come down by `lower` decimetres and get texture coordinates around the arch.
pub fn teeth(base: &Base, shapes: &Shapes, lower: f32) -> Mesh {
    let mut both = Mesh::default();
    for (name, gum_up) in [("helper-upper-teeth", true), ("helper-lower-teeth", false)] {
        let mut row = group(base, shapes, &[name], "teeth");
        let low = row
            .vertices
            .iter()
            .map(|v| v.rest.y)
            .fold(f32::MAX, f32::min);
        let high = row
            .vertices
            .iter()
            .map(|v| v.rest.y)
            .fold(f32::MIN, f32::max);
        for v in &mut row.vertices {
            let up = (v.rest.y - low) / (high - low);
            v.uv = Vec2::new(
                0.5 + v.rest.x.atan2(v.rest.z - 0.85) / std::f32::consts::PI,
                if gum_up { 1.0 - up } else { up },
            );
            v.position.y -= lower;
        }
        both.append(row);
    }
    both.name = "teeth".into();
    both.material = "teeth".into();
    both
}
