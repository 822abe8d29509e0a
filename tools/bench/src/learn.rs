//! Learns to read the jaw from landmarks: faces are driven, drawn and seen, and
//! the reading that fits best what they were driven to is printed.

use anyhow::{Context, Result};
use glam::Vec3;
use huashen_core::{ArkitShape, Pose, paths};
use huashen_vision::{Device, Face, FaceFinder};

use crate::trackback::{self, Watched};

/// Around the lips and down the chin; pairs count alike on both sides.
const PLACES: [&[usize]; 27] = [
    &[0],
    &[1],
    &[2],
    &[13],
    &[14],
    &[17],
    &[18],
    &[152],
    &[164],
    &[175],
    &[199],
    &[200],
    &[61, 291],
    &[78, 308],
    &[81, 311],
    &[83, 313],
    &[84, 314],
    &[148, 377],
    &[149, 378],
    &[171, 396],
    &[172, 397],
    &[176, 400],
    &[178, 402],
    &[182, 406],
    &[201, 421],
    &[202, 422],
    &[212, 432],
];
/// Up and forward at each place.
const FEATURES: usize = 2 * PLACES.len();
/// Held against weights that grow for a hair's breadth, in cm².
const RIDGE: f64 = 1e-4;

/// One face: where its landmarks are, and the jaw it was driven to.
type Row = (Vec<f64>, f64);

/// Prints the table of `engine/vision/src/face/jaw.rs`.
pub fn table(all: &[Watched<'_>], poses: &[Pose]) -> Result<()> {
    let finder = FaceFinder::open(&paths::models_dir(), &Device::Cpu)?;
    let mut rows: Vec<Row> = Vec::new();
    for watched in all {
        let faces = trackback::watch(&finder, watched, poses)?;
        let seen = poses.iter().zip(&faces);
        rows.extend(centred(
            seen.filter_map(|(p, f)| Some(row(p, f.as_ref()?)))
                .collect(),
        ));
    }
    let weights = ridge(&rows).context("too few faces are seen")?;
    for (place, w) in PLACES.iter().zip(weights.as_chunks::<2>().0) {
        let [up, forward] = w.map(|w| w / place.len() as f64);
        for i in *place {
            println!("    ({i}, {up:.4}, {forward:.4}),");
        }
    }
    Ok(())
}

fn row(pose: &Pose, face: &Face) -> Row {
    let features = PLACES.iter().flat_map(|place| {
        let sum: Vec3 = place.iter().map(|i| face.head.points_in_head[*i]).sum();
        let mean = sum / place.len() as f32;
        [mean.y, mean.z]
    });
    (
        features.map(f64::from).collect(),
        f64::from(pose.weights[ArkitShape::JawOpen]),
    )
}

/// Against the face's own mean: only what moves counts.
fn centred(mut rows: Vec<Row>) -> Vec<Row> {
    let n = rows.len().max(1) as f64;
    let jaw = rows.iter().map(|r| r.1).sum::<f64>() / n;
    for k in 0..FEATURES {
        let mean = rows.iter().map(|r| r.0[k]).sum::<f64>() / n;
        for r in &mut rows {
            r.0[k] -= mean;
        }
    }
    for r in &mut rows {
        r.1 -= jaw;
    }
    rows
}

/// Least squares with weights held small; `None` where nothing moves.
fn ridge(rows: &[Row]) -> Option<Vec<f64>> {
    let n = FEATURES;
    let mut a = vec![vec![0.0; n + 1]; n];
    for (x, y) in rows {
        for i in 0..n {
            for j in 0..n {
                a[i][j] += x[i] * x[j];
            }
            a[i][n] += x[i] * y;
        }
    }
    for (i, row) in a.iter_mut().enumerate() {
        row[i] += RIDGE * rows.len() as f64;
    }
    // Positive definite: no pivoting.
    for k in 0..n {
        let pivot = a[k][k];
        if pivot <= 0.0 {
            return None;
        }
        let (head, tail) = a.split_at_mut(k + 1);
        for row in tail {
            let f = row[k] / pivot;
            for (r, h) in row[k..].iter_mut().zip(&head[k][k..]) {
                *r -= f * h;
            }
        }
    }
    let mut x = vec![0.0; n];
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * x[j]).sum();
        x[k] = (a[k][n] - known) / a[k][k];
    }
    Some(x)
}
