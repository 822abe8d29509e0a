//! Closed is closed on every face: how much of `mouthClose` it takes to bring
//! the lips together that `jawOpen` parts.

use std::collections::HashMap;

use glam::Vec3;
use huashen_core::ArkitShape;

use crate::model::{Mesh, Model};
use crate::names::arkit_shape;

/// Lips touch at rest where they are no further apart than this part of the
/// jaw's longest way, and part where they go ways that differ by so much of it.
const TOUCH: f32 = 0.12;
const PART: f32 = 0.4;
/// A face that needs less correction than this closes well enough as it is; one
/// that would need more than a double has shapes of another meaning.
const GOOD: f32 = 0.05;
const MOST: f32 = 2.0;

/// The factor on `mouthClose` with which it closes what as much of `jawOpen`
/// opens; none where the model does, or where its lips cannot be told.
pub fn closing_gain(model: &Model) -> Option<f32> {
    let (opened, closed) = model
        .meshes
        .iter()
        .filter_map(gaps)
        .fold((0.0, 0.0), |(a, b), (opened, closed)| {
            (a + opened, b + closed)
        });
    let gain = -opened / closed;
    let tells = opened > 0.0 && closed < 0.0 && (1.0 / MOST..=MOST).contains(&gain);
    (tells && (gain - 1.0).abs() > GOOD).then_some(gain)
}

/// How far `jawOpen` and `mouthClose` part the lips of a mesh, over all places
/// where they touch at rest; the second is negative.
fn gaps(mesh: &Mesh) -> Option<(f32, f32)> {
    let deltas = |shape: ArkitShape| -> Option<HashMap<u32, Vec3>> {
        let morph = mesh
            .morphs
            .iter()
            .find(|m| arkit_shape(&m.name) == Some(shape))?;
        Some(morph.deltas.iter().map(|(v, d, _)| (*v, *d)).collect())
    };
    let (jaw, close) = (
        deltas(ArkitShape::JawOpen)?,
        deltas(ArkitShape::MouthClose)?,
    );
    let longest = jaw.values().map(|d| d.length()).fold(0.0, f32::max);
    if longest <= 0.0 {
        return None;
    }
    let touch = TOUCH * longest;
    let cell = |p: Vec3| (p / touch).floor().as_ivec3();
    let mut near: HashMap<_, Vec<u32>> = HashMap::new();
    for v in 0..mesh.positions.len() as u32 {
        if jaw.contains_key(&v) || close.contains_key(&v) {
            near.entry(cell(mesh.positions[v as usize]))
                .or_default()
                .push(v);
        }
    }
    let moved = |by: &HashMap<u32, Vec3>, v: u32| by.get(&v).copied().unwrap_or_default();
    let (mut opened, mut closed) = (0.0, 0.0);
    // A lower lip goes with the jaw; the nearest point that stays is the upper.
    let mut lower: Vec<u32> = jaw.keys().copied().collect();
    lower.sort_unstable();
    for l in lower {
        let here = mesh.positions[l as usize];
        let way = moved(&jaw, l);
        let around = (0..27).map(|k| cell(here) + glam::IVec3::new(k % 3, k / 3 % 3, k / 9) - 1);
        let upper = around
            .filter_map(|c| near.get(&c))
            .flatten()
            .map(|u| (*u, here.distance(mesh.positions[*u as usize])))
            .filter(|(u, far)| *far < touch && (way - moved(&jaw, *u)).length() > PART * longest)
            .filter(|(u, _)| moved(&jaw, *u).length() < way.length())
            .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        if let Some((u, _)) = upper {
            let apart = (moved(&jaw, u) - way).normalize_or_zero();
            opened += (moved(&jaw, u) - way).length();
            closed += (moved(&close, u) - moved(&close, l)).dot(apart);
        }
    }
    (opened > 0.0).then_some((opened, closed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Avatar;

    #[test]
    fn a_face_that_closes_is_left_and_one_that_does_not_is_helped() {
        let lin = Avatar::find("lin", std::path::Path::new("nowhere")).unwrap();
        assert_eq!(closing_gain(&lin.model), None);
        for weak in [0.6, 0.8, 1.4] {
            let mut model = lin.model.clone();
            for mesh in &mut model.meshes {
                for morph in mesh.morphs.iter_mut().filter(|m| m.name == "mouthClose") {
                    for (_, d, _) in &mut morph.deltas {
                        *d *= weak;
                    }
                }
            }
            let gain = closing_gain(&model).unwrap();
            assert!((gain * weak - 1.0).abs() < 0.05, "{weak}: {gain}");
        }
    }
}
