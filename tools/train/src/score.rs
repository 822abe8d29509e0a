//! How good a model is on recordings that it never heard.

use std::fmt;

use anyhow::Result;
use huashen_core::{ARKIT_COUNT, ArkitShape};
use huashen_motion::lip_gap;
use huashen_motion::measure::{best_lag, deviation, pearson};
use huashen_motion::model::{Audio2Motion, Condition, MODEL_HZ, MotionFrame};

use crate::data::{Clip, Source, told};

/// A shape moves if its deviation is above this.
const MOVES: f64 = 0.01;
const WITHIN_SECS: f64 = 0.06;
const CLOSED: f32 = 0.05;

/// Of all held-out recordings of one source: means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source1 {
    pub jaw: f64,
    /// Over moving mouth shapes.
    pub mean: f64,
    pub gap: f64,
    /// Frames at 50 Hz.
    pub lag: f64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Scores {
    pub captured: Source1,
    pub ruled: Source1,
    /// Share of p b m that close, told by the rules' condition and by capture's.
    pub closed: f64,
    pub closed_captured: f64,
    pub silence: f64,
}

impl Scores {
    pub const HEADER: &'static str = "capture_jaw,capture_mean,capture_gap,capture_lag,ruled_jaw,ruled_mean,ruled_gap,ruled_lag,closed,closed_captured,silence";

    pub fn row(&self) -> String {
        let s = |s: &Source1| format!("{:.4},{:.4},{:.4},{:.2}", s.jaw, s.mean, s.gap, s.lag);
        format!(
            "{},{},{:.4},{:.4},{:.4}",
            s(&self.captured),
            s(&self.ruled),
            self.closed,
            self.closed_captured,
            self.silence
        )
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, s) in [("captured", &self.captured), ("ruled", &self.ruled)] {
            write!(
                f,
                "{name}: jaw r {:.3} mean r {:.3} gap r {:.3} lag {:.1}; ",
                s.jaw, s.mean, s.gap, s.lag
            )?;
        }
        write!(
            f,
            "closed {:.3} (captured manner {:.3}), jaw in silence {:.3}",
            self.closed, self.closed_captured, self.silence
        )
    }
}

/// Hears every clip and compares.
pub fn of(model: &Audio2Motion, clips: &[&Clip]) -> Result<Scores> {
    let mut scores = Scores::default();
    for source in [Source::Captured, Source::Ruled] {
        let condition = Condition {
            captured: if source == Source::Captured { 1.0 } else { 0.0 },
            ..Condition::default()
        };
        let mut all = Vec::new();
        let (mut closed, mut bilabials) = ((0.0, 0.0), 0.0);
        for clip in clips.iter().filter(|c| c.source == source) {
            let frames = hear(model, clip, &condition)?;
            all.push(compare(clip, &frames));
            let (n, of) = closures(clip, &frames);
            closed.0 += n;
            bilabials += of;
            if source == Source::Ruled {
                let other = Condition {
                    captured: 1.0,
                    ..condition
                };
                closed.1 += closures(clip, &hear(model, clip, &other)?).0;
            }
        }
        let n = all.len().max(1) as f64;
        let mean = |f: fn(&Source1) -> f64| all.iter().map(f).sum::<f64>() / n;
        let mean = Source1 {
            jaw: mean(|s| s.jaw),
            mean: mean(|s| s.mean),
            gap: mean(|s| s.gap),
            lag: mean(|s| s.lag),
        };
        match source {
            Source::Captured => scores.captured = mean,
            Source::Ruled => {
                scores.ruled = mean;
                scores.closed = closed.0 / f64::max(bilabials, 1.0);
                scores.closed_captured = closed.1 / f64::max(bilabials, 1.0);
            }
        }
    }
    let mut frames = Vec::new();
    let mut stream = model.stream(16_000.0, &Condition::default())?;
    stream.push(&vec![0.0; 64_000], &mut frames)?;
    stream.finish(&mut frames)?;
    let jaw = |f: &MotionFrame| f64::from(f.weights[ArkitShape::JawOpen]);
    scores.silence = frames.iter().map(jaw).sum::<f64>() / frames.len() as f64;
    Ok(scores)
}

fn hear(model: &Audio2Motion, clip: &Clip, condition: &Condition) -> Result<Vec<MotionFrame>> {
    let mut frames = Vec::new();
    let mut stream = model.stream(clip.rate_hz, condition)?;
    stream.push(&clip.samples, &mut frames)?;
    stream.finish(&mut frames)?;
    Ok(frames)
}

fn compare(clip: &Clip, frames: &[MotionFrame]) -> Source1 {
    let face = &clip.faces[clip.faces.len() / 2];
    let n = face.len().min(frames.len());
    let truth = |k: usize| -> Vec<f32> { face[..n].iter().map(|r| r[k]).collect() };
    let got = |k: usize| -> Vec<f32> { frames[..n].iter().map(|f| f.weights.0[k]).collect() };
    let gap = |w: &[f32]| {
        let mut weights = huashen_core::ArkitWeights::default();
        weights.0.copy_from_slice(&w[..ARKIT_COUNT]);
        lip_gap(&weights)
    };
    let gap_true: Vec<f32> = face[..n].iter().map(|r| gap(r)).collect();
    let gap_got: Vec<f32> = frames[..n].iter().map(|f| lip_gap(&f.weights)).collect();
    let counts = told(Some(clip.source));
    let moving: Vec<f64> = ArkitShape::ALL
        .iter()
        .filter(|s| s.name().starts_with("mouth") && counts[**s as usize] > 0.0)
        .map(|s| *s as usize)
        .filter(|k| deviation(&truth(*k)) > MOVES)
        .map(|k| pearson(&truth(k), &got(k)).unwrap_or(0.0))
        .collect();
    let jaw = ArkitShape::JawOpen as usize;
    Source1 {
        jaw: pearson(&truth(jaw), &got(jaw)).unwrap_or(0.0),
        mean: moving.iter().sum::<f64>() / moving.len().max(1) as f64,
        gap: pearson(&gap_true, &gap_got).unwrap_or(0.0),
        lag: best_lag(&gap_true, &gap_got, 10) as f64,
    }
}

/// Bilabials whose lips close, of all.
fn closures(clip: &Clip, frames: &[MotionFrame]) -> (f64, f64) {
    let gaps: Vec<f32> = frames.iter().map(|f| lip_gap(&f.weights)).collect();
    let widest = gaps.iter().copied().fold(0.0, f32::max);
    let (mut closed, mut all) = (0.0, 0.0);
    for p in &clip.phonemes {
        if !p.ipa.starts_with(['p', 'b', 'm']) {
            continue;
        }
        all += 1.0;
        let first = ((p.start_secs - WITHIN_SECS).max(0.0) * MODEL_HZ).ceil() as usize;
        let last = (((p.end_secs + WITHIN_SECS) * MODEL_HZ) as usize).min(gaps.len() - 1);
        if (first..=last).any(|n| gaps[n] < CLOSED * widest) {
            closed += 1.0;
        }
    }
    (closed, all)
}
