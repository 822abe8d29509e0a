//! Normals that a file does not bring.

use std::collections::HashMap;

use glam::Vec3;

use crate::model::Mesh;

/// Vertices at one place share a normal, whatever seams cut their texture.
fn welded(positions: &[Vec3]) -> Vec<u32> {
    let mut first: HashMap<[u32; 3], u32> = HashMap::with_capacity(positions.len());
    positions
        .iter()
        .enumerate()
        .map(|(i, p)| {
            *first
                .entry(p.to_array().map(f32::to_bits))
                .or_insert(i as u32)
        })
        .collect()
}

fn summed(positions: &[Vec3], triangles: &[[u32; 3]], weld: &[u32], sums: &mut [Vec3]) {
    for t in triangles {
        let [a, b, c] = t.map(|i| positions[i as usize]);
        let normal = (b - a).cross(c - a);
        for i in t {
            sums[weld[*i as usize] as usize] += normal;
        }
    }
}

fn triangles(indices: &[u32]) -> Vec<[u32; 3]> {
    indices
        .chunks_exact(3)
        .map(|t| [t[0], t[1], t[2]])
        .collect()
}

/// Area-weighted vertex normals.
pub(crate) fn smooth(positions: &[Vec3], indices: &[u32]) -> Vec<Vec3> {
    let weld = welded(positions);
    let mut sums = vec![Vec3::ZERO; positions.len()];
    summed(positions, &triangles(indices), &weld, &mut sums);
    weld.iter()
        .map(|w| sums[*w as usize].normalize_or(Vec3::Y))
        .collect()
}

/// How much each morph target at weight 1 turns the normals near what it moves.
pub(crate) fn fill_morph_normals(mesh: &mut Mesh) {
    let weld = welded(&mesh.positions);
    let all = triangles(&mesh.indices);
    let rest = smooth(&mesh.positions, &mesh.indices);
    let mut of_vertex: Vec<Vec<u32>> = vec![Vec::new(); mesh.positions.len()];
    for (t, triangle) in all.iter().enumerate() {
        for i in triangle {
            of_vertex[weld[*i as usize] as usize].push(t as u32);
        }
    }
    let mut moved = mesh.positions.clone();
    let mut sums = vec![Vec3::ZERO; mesh.positions.len()];
    for morph in &mut mesh.morphs {
        for (v, delta, _) in &morph.deltas {
            moved[*v as usize] += *delta;
        }
        let mut near: Vec<u32> = morph
            .deltas
            .iter()
            .flat_map(|(v, _, _)| of_vertex[weld[*v as usize] as usize].iter().copied())
            .collect();
        near.sort_unstable();
        near.dedup();
        // Their corners need all their triangles, moved or not.
        let mut corners: Vec<u32> = near
            .iter()
            .flat_map(|t| all[*t as usize])
            .map(|i| weld[i as usize])
            .collect();
        corners.sort_unstable();
        corners.dedup();
        let mut wider: Vec<u32> = corners
            .iter()
            .flat_map(|c| of_vertex[*c as usize].iter().copied())
            .collect();
        wider.sort_unstable();
        wider.dedup();
        let chosen: Vec<[u32; 3]> = wider.iter().map(|t| all[*t as usize]).collect();
        summed(&moved, &chosen, &weld, &mut sums);
        for (v, _, turn) in &mut morph.deltas {
            let v = *v as usize;
            *turn = sums[weld[v] as usize].normalize_or(rest[v]) - rest[v];
        }
        for t in &chosen {
            for i in t {
                sums[weld[*i as usize] as usize] = Vec3::ZERO;
            }
        }
        for (v, _, _) in &morph.deltas {
            moved[*v as usize] = mesh.positions[*v as usize];
        }
    }
}
