//! The figures of one method on one recording.

use std::fmt;

use glam::Vec3;
use huashen_avatar::{FaceGeometry, Region};
use huashen_core::{ArkitShape, ArkitWeights, Phoneme};
use huashen_motion::lip_gap;
use huashen_motion::measure::{beat_consistency, best_lag, deviation, pearson};
use serde::Serialize;

use super::eval::{Method, Take};

/// A shape moves if its standard deviation is above this.
const MOVES: f64 = 0.01;
/// A bilabial closes if the gap falls under this share of the widest, within
/// this time of its sound.
const CLOSED: f32 = 0.05;
const WITHIN_SECS: f64 = 0.06;
/// An f or v brings the lower lip to the upper teeth: the gap falls under this share.
const BITTEN: f32 = 0.3;
/// Lag is looked for this far either way, in frames.
const REACH: usize = 10;

/// Correlations are Pearson's; none where a curve does not vary.
#[derive(Clone, Debug, Serialize)]
pub struct Measures {
    jaw_r: Option<f64>,
    /// Mean over the moving mouth shapes; a flat answer counts 0.
    mouth_r: f64,
    gap_r: Option<f64>,
    width_r: Option<f64>,
    protrusion_r: Option<f64>,
    /// By how many frames the lips' gap comes late.
    lag_frames: isize,
    /// Lip vertex error: squared distance of the worst lip vertex, mean over
    /// frames (Richard et al. 2021, as FaceFormer counts it), mm².
    lve_mm2: f64,
    /// Upper-face dynamics deviation (CodeTalker 2023): truth's mean standard
    /// deviation of motion minus this one's, mm; none where the truth has no brows.
    fdd_mm: Option<f64>,
    /// Share of p b m that close, and of f v whose lips all but do.
    closed: Option<f64>,
    bitten: Option<f64>,
    /// Gesture beats against the peaks of the sound's loudness.
    beat_consistency: Option<f64>,
    /// Of each moving shape.
    shapes: std::collections::BTreeMap<&'static str, f64>,
}

impl Measures {
    pub const HEADER: &'static str = "jaw r | mouth r | gap r | width r | protrusion r | lag | LVE mm² | FDD mm | p b m closed | f v near | beats";
}

impl fmt::Display for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = |v: Option<f64>| v.map_or("–".to_owned(), |v| format!("{v:.3}"));
        let share = |v: Option<f64>| v.map_or("–".to_owned(), |v| format!("{:.1} %", 100.0 * v));
        write!(
            f,
            "{} | {:.3} | {} | {} | {} | {} | {:.2} | {} | {} | {} | {}",
            r(self.jaw_r),
            self.mouth_r,
            r(self.gap_r),
            r(self.width_r),
            r(self.protrusion_r),
            self.lag_frames,
            self.lve_mm2,
            r(self.fdd_mm),
            share(self.closed),
            share(self.bitten),
            r(self.beat_consistency),
        )
    }
}

/// Compares `curves` with the take's truth, on weights and on the built-in
/// presenter's face.
pub fn measure(take: &Take, method: &Method, face: &FaceGeometry) -> Measures {
    let curves = &method.curves;
    let n = curves.len().min(take.truth.len());
    let (truth, curves) = (&take.truth[..n], &curves[..n]);
    let of = |all: &[ArkitWeights], shape| -> Vec<f32> { all.iter().map(|w| w[shape]).collect() };
    let shapes: std::collections::BTreeMap<&str, f64> = take
        .told
        .iter()
        .filter(|s| s.name().starts_with("mouth"))
        .filter(|s| deviation(&of(truth, **s)) > MOVES)
        .map(|s| {
            let r = pearson(&of(truth, *s), &of(curves, *s));
            (s.name(), r.unwrap_or(0.0))
        })
        .collect();
    let told = |w: &ArkitWeights| {
        let mut only = ArkitWeights::default();
        for shape in &take.told {
            only[*shape] = w[*shape];
        }
        only
    };
    let lips = |all: &[ArkitWeights]| -> Vec<Vec<Vec3>> {
        all.iter().map(|w| face.lips.at(&told(w))).collect()
    };
    let (lips_true, lips_got) = (lips(truth), lips(curves));
    let curve = |lips: &[Vec<Vec3>], pick: fn(huashen_avatar::MouthSize) -> f32| -> Vec<f32> {
        lips.iter().map(|l| pick(face.mouth(l))).collect()
    };
    let r = |pick| pearson(&curve(&lips_true, pick), &curve(&lips_got, pick));
    let gap: fn(huashen_avatar::MouthSize) -> f32 = |m| m.gap.max(0.0);
    let worst = lips_true.iter().zip(&lips_got).map(|(a, b)| {
        let apart = a
            .iter()
            .zip(b)
            .map(|(a, b)| f64::from(a.distance_squared(*b)));
        apart.fold(0.0, f64::max)
    });
    let brows = take.told.contains(&ArkitShape::BrowInnerUp);
    Measures {
        jaw_r: pearson(
            &of(truth, ArkitShape::JawOpen),
            &of(curves, ArkitShape::JawOpen),
        ),
        mouth_r: shapes.values().sum::<f64>() / shapes.len().max(1) as f64,
        gap_r: r(gap),
        width_r: r(|m| m.width),
        protrusion_r: r(|m| m.protrusion),
        lag_frames: best_lag(&curve(&lips_true, gap), &curve(&lips_got, gap), REACH),
        lve_mm2: worst.sum::<f64>() / n.max(1) as f64 * 1e6,
        fdd_mm: brows.then(|| 1e3 * (dynamics(&face.brows, truth) - dynamics(&face.brows, curves))),
        closed: closures(take, curves, &["p", "b", "m"], CLOSED),
        bitten: closures(take, curves, &["f", "v"], BITTEN),
        beat_consistency: beat_consistency(&method.beats, &take.loud_at),
        shapes,
    }
}

/// Mean over vertices of the standard deviation of their distance from rest, metres.
fn dynamics(region: &Region, all: &[ArkitWeights]) -> f64 {
    let rest = region.at(&ArkitWeights::default());
    let frames: Vec<Vec<Vec3>> = all.iter().map(|w| region.at(w)).collect();
    let each = (0..rest.len()).map(|v| {
        let far: Vec<f32> = frames.iter().map(|f| f[v].distance(rest[v])).collect();
        deviation(&far)
    });
    each.sum::<f64>() / rest.len().max(1) as f64
}

/// Share of these sounds at which the lips' gap falls under a share of its widest.
fn closures(take: &Take, curves: &[ArkitWeights], sounds: &[&str], under: f32) -> Option<f64> {
    let gaps: Vec<f32> = curves.iter().map(lip_gap).collect();
    let widest = gaps.iter().copied().fold(0.0, f32::max);
    let frame = |secs: f64| secs.max(0.0) * take.fps;
    let asked = |p: &&Phoneme| sounds.iter().any(|s| p.ipa.starts_with(s));
    let closes: Vec<bool> = take
        .phonemes
        .iter()
        .filter(asked)
        .map(|p| {
            let first = frame(p.start_secs - WITHIN_SECS).ceil() as usize;
            let last = (frame(p.end_secs + WITHIN_SECS) as usize).min(gaps.len() - 1);
            (first..=last).any(|n| gaps[n] < under * widest)
        })
        .collect();
    let closed = closes.iter().filter(|c| **c).count();
    (!closes.is_empty()).then(|| closed as f64 / closes.len() as f64)
}
