//! How good a model is on recordings that it never heard.

use std::fmt;
use std::time::Instant;

use anyhow::Result;
use huashen_core::{ARKIT_COUNT, ArkitShape, ArkitWeights};
use huashen_motion::lip_gap;
use huashen_motion::measure::{best_lag, deviation, pearson};
use huashen_motion::model::{Audio2Motion, Condition, MODEL_HZ, MotionFrame, SoundToHear};

use crate::data::{Clip, Row, Source, told};

/// A shape moves if its deviation is above this.
const MOVES: f64 = 0.01;
const WITHIN_SECS: f64 = 0.06;
const CLOSED: f32 = 0.05;
/// Wide open: this share of the widest gap.
const OPEN: f32 = 0.25;

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
    /// Share of wide open frames in which they are shut instead.
    pub shut_open: f64,
    pub shut_open_captured: f64,
    pub silence: f64,
    /// Seconds of sound heard for all this, and how long that took.
    pub heard_secs: f64,
    pub took_secs: f64,
}

impl Scores {
    pub const HEADER: &'static str = "capture_jaw,capture_mean,capture_gap,capture_lag,ruled_jaw,ruled_mean,ruled_gap,ruled_lag,closed,closed_captured,shut_open,shut_open_captured,silence";

    pub fn row(&self) -> String {
        let s = |s: &Source1| format!("{:.4},{:.4},{:.4},{:.2}", s.jaw, s.mean, s.gap, s.lag);
        format!(
            "{},{},{:.4},{:.4},{:.4},{:.4},{:.4}",
            s(&self.captured),
            s(&self.ruled),
            self.closed,
            self.closed_captured,
            self.shut_open,
            self.shut_open_captured,
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
            "closed {:.3} (captured manner {:.3}), shut though open {:.4} ({:.4}), jaw in silence {:.3}; {:.0} s heard in {:.2} s",
            self.closed,
            self.closed_captured,
            self.shut_open,
            self.shut_open_captured,
            self.silence,
            self.heard_secs,
            self.took_secs
        )
    }
}

/// Hears every clip, all at once, and compares.
pub fn of(model: &Audio2Motion, clips: &[&Clip]) -> Result<Scores> {
    let silence = vec![0.0; 64_000];
    let manner = |captured: f32| Condition {
        captured,
        ..Condition::default()
    };
    let mut asked: Vec<(Option<&Clip>, Condition)> = vec![(None, manner(0.0))];
    for clip in clips {
        asked.push((Some(clip), manner(1.0)));
        if clip.source == Source::Ruled {
            asked.push((Some(clip), manner(0.0)));
        }
    }
    let sounds: Vec<SoundToHear<'_>> = asked
        .iter()
        .map(|(clip, condition)| SoundToHear {
            samples: clip.map_or(&silence[..], |c| &c.samples),
            rate_hz: clip.map_or(16_000.0, |c| c.rate_hz),
            condition: *condition,
        })
        .collect();
    let begun = Instant::now();
    let all = model.hear_all(&sounds)?;
    let mut scores = Scores {
        heard_secs: sounds
            .iter()
            .map(|s| s.samples.len() as f64 / s.rate_hz)
            .sum(),
        took_secs: begun.elapsed().as_secs_f64(),
        ..Scores::default()
    };
    let (mut captured, mut ruled) = (Vec::new(), Vec::new());
    let (mut closures, mut closures_captured) = (Closures::default(), Closures::default());
    for ((clip, condition), heard) in asked.iter().zip(all) {
        let frames = heard.frames();
        match clip {
            None => {
                let jaw = |f: &MotionFrame| f64::from(f.weights[ArkitShape::JawOpen]);
                scores.silence = frames.iter().map(jaw).sum::<f64>() / frames.len() as f64;
            }
            Some(clip) if clip.source == Source::Captured => captured.push(compare(clip, frames)),
            Some(clip) if condition.captured == 0.0 => {
                ruled.push(compare(clip, frames));
                closures.count(clip, frames);
            }
            Some(clip) => closures_captured.count(clip, frames),
        }
    }
    scores.captured = mean(&captured);
    scores.ruled = mean(&ruled);
    scores.closed = closures.share();
    scores.closed_captured = closures_captured.share();
    scores.shut_open = closures.shut_open();
    scores.shut_open_captured = closures_captured.shut_open();
    Ok(scores)
}

fn mean(all: &[Source1]) -> Source1 {
    let n = all.len().max(1) as f64;
    let mean = |f: fn(&Source1) -> f64| all.iter().map(f).sum::<f64>() / n;
    Source1 {
        jaw: mean(|s| s.jaw),
        mean: mean(|s| s.mean),
        gap: mean(|s| s.gap),
        lag: mean(|s| s.lag),
    }
}

fn compare(clip: &Clip, frames: &[MotionFrame]) -> Source1 {
    let face = &clip.faces[clip.faces.len() / 2];
    let n = face.len().min(frames.len());
    let truth = |k: usize| -> Vec<f32> { face[..n].iter().map(|r| r[k]).collect() };
    let got = |k: usize| -> Vec<f32> { frames[..n].iter().map(|f| f.weights.0[k]).collect() };
    let gap_true: Vec<f32> = face[..n].iter().map(gap).collect();
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

/// How lips shut where they should, and where they should not.
#[derive(Default)]
struct Closures {
    bilabials: f64,
    closed: f64,
    /// Frames in which the truth's lips are wide open, and those of them in
    /// which these are shut.
    open: f64,
    shut: f64,
}

impl Closures {
    fn count(&mut self, clip: &Clip, frames: &[MotionFrame]) {
        let gaps: Vec<f32> = frames.iter().map(|f| lip_gap(&f.weights)).collect();
        let widest = gaps.iter().copied().fold(0.0, f32::max);
        let closed = |n: usize| gaps[n] < CLOSED * widest;
        for p in &clip.phonemes {
            if !p.ipa.starts_with(['p', 'b', 'm']) {
                continue;
            }
            self.bilabials += 1.0;
            let first = ((p.start_secs - WITHIN_SECS).max(0.0) * MODEL_HZ).ceil() as usize;
            let last = (((p.end_secs + WITHIN_SECS) * MODEL_HZ) as usize).min(gaps.len() - 1);
            self.closed += f64::from((first..=last).any(closed));
        }
        let truth: Vec<f32> = clip.faces[clip.faces.len() / 2].iter().map(gap).collect();
        let widest = truth.iter().copied().fold(0.0, f32::max);
        for n in (0..truth.len().min(gaps.len())).filter(|n| truth[*n] > OPEN * widest) {
            self.open += 1.0;
            self.shut += f64::from(closed(n));
        }
    }

    fn share(&self) -> f64 {
        self.closed / self.bilabials.max(1.0)
    }

    fn shut_open(&self) -> f64 {
        self.shut / self.open.max(1.0)
    }
}

fn gap(row: &Row) -> f32 {
    let mut weights = ArkitWeights::default();
    weights.0.copy_from_slice(&row[..ARKIT_COUNT]);
    lip_gap(&weights)
}
