//! Recordings and what the face does in them, 50 times a second.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use huashen_core::{ARKIT_COUNT, ArkitShape, ArkitWeights, Phoneme, Prosody, Timing, Word};
use huashen_motion::formats::capture::{CAPTURE_HZ, captured_shapes, read_capture};
use huashen_motion::formats::live_link;
use huashen_motion::model::MODEL_HZ;
use huashen_motion::model::net::OUTPUTS;
use huashen_motion::{MotionOptions, Planner, Style, lip_gap};
use huashen_speech::ProsodyMeter;

/// What the network should say at one instant.
pub type Row = [f32; OUTPUTS];

/// Where a recording's face comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Facial capture of a person.
    Captured,
    /// The rules, with true phonemes.
    Ruled,
}

/// One recording.
pub struct Clip {
    pub name: String,
    pub source: Source,
    pub samples: Vec<f32>,
    pub rate_hz: f64,
    /// Faces at 50 Hz: calm, natural, lively; one of a captured person.
    pub faces: Vec<Vec<Row>>,
    pub phonemes: Vec<Phoneme>,
}

impl Clip {
    pub fn secs(&self) -> f64 {
        self.samples.len() as f64 / self.rate_hz
    }

    /// The face of style `style` at `secs`, between frames linearly.
    pub fn face(&self, style: usize, secs: f64) -> Row {
        let face = &self.faces[style.min(self.faces.len() - 1)];
        let at = (secs * MODEL_HZ).clamp(0.0, (face.len() - 1) as f64);
        let (i, t) = (at as usize, at.fract() as f32);
        let (a, b) = (&face[i], &face[(i + 1).min(face.len() - 1)]);
        std::array::from_fn(|k| a[k] + (b[k] - a[k]) * t)
    }
}

/// Lips are shut where they are no further apart than this.
const SHUT: f32 = 0.015;

fn shut(weights: &ArkitWeights) -> f32 {
    if lip_gap(weights) < SHUT { 1.0 } else { 0.0 }
}

/// Which outputs a source tells anything about.
pub fn told(source: Option<Source>) -> Row {
    let mut row = [0.0; OUTPUTS];
    match source {
        Some(Source::Captured) => {
            for shape in captured_shapes() {
                row[shape as usize] = 1.0;
            }
            row[ARKIT_COUNT + 5] = 1.0;
        }
        Some(Source::Ruled) => {
            row = [1.0; OUTPUTS];
            clear_eyes(&mut row);
        }
        // Noise and music: a mouth at rest, no beat.
        None => {
            row = [1.0; OUTPUTS];
            clear_eyes(&mut row);
            row[ARKIT_COUNT..ARKIT_COUNT + 3].fill(0.0);
        }
    }
    row
}

/// Blinks and gaze are not the sound's.
fn clear_eyes(row: &mut Row) {
    for shape in ArkitShape::ALL {
        if shape.name().starts_with("eyeLook") || shape.name().starts_with("eyeBlink") {
            row[shape as usize] = 0.0;
        }
    }
}

/// Every `.npy` + `.wav` pair of a capture folder.
pub fn captured(dir: &Path) -> Result<Vec<Clip>> {
    let names = dir.join("channels.json");
    let mut clips = Vec::new();
    for path in sorted(dir, "npy")? {
        let weights = read_capture(&path, &names)?;
        let (samples, rate_hz) = read_wav(&path.with_extension("wav"))?;
        ensure!(!weights.is_empty(), "{}: no frames", path.display());
        let frames = (weights.len() as f64 / CAPTURE_HZ * MODEL_HZ) as usize;
        let face = (0..frames)
            .map(|n| {
                let at = n as f64 / MODEL_HZ * CAPTURE_HZ;
                let i = (at as usize).min(weights.len() - 1);
                let next = (i + 1).min(weights.len() - 1);
                let mut row = [0.0; OUTPUTS];
                let mixed = weights[i].lerp(&weights[next], at.fract() as f32);
                row[..ARKIT_COUNT].copy_from_slice(&mixed.0);
                row[ARKIT_COUNT + 5] = shut(&mixed);
                row
            })
            .collect();
        clips.push(Clip {
            name: stem(&path),
            source: Source::Captured,
            samples,
            rate_hz,
            faces: vec![face],
            phonemes: Vec::new(),
        });
    }
    Ok(clips)
}

/// Every `.csv` + `.wav` pair of a folder: faces that `huashen track` saw in
/// videos, and their sound.
pub fn tracked(dir: &Path) -> Result<Vec<Clip>> {
    let mut clips = Vec::new();
    for path in sorted(dir, "csv")? {
        let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
        let track = live_link::read(file, None).with_context(|| path.display().to_string())?;
        let (samples, rate_hz) = read_wav(&path.with_extension("wav"))?;
        ensure!(!track.poses.is_empty(), "{}: no frames", path.display());
        let face = (0..(track.duration_secs() * MODEL_HZ) as usize)
            .map(|n| {
                let weights = track.sample(n as f64 / MODEL_HZ).weights;
                let mut row = [0.0; OUTPUTS];
                row[..ARKIT_COUNT].copy_from_slice(&weights.0);
                row[ARKIT_COUNT + 5] = shut(&weights);
                row
            })
            .collect();
        clips.push(Clip {
            name: stem(&path),
            source: Source::Captured,
            samples,
            rate_hz,
            faces: vec![face],
            phonemes: Vec::new(),
        });
    }
    Ok(clips)
}

/// Everything that `speak` wrote to `dir`.
pub fn spoken(dir: &Path) -> Result<Vec<Clip>> {
    sorted(dir, "json")?
        .into_iter()
        .map(|path| one_spoken(&path).with_context(|| path.display().to_string()))
        .collect()
}

fn one_spoken(path: &Path) -> Result<Clip> {
    let (samples, rate_hz) = read_wav(&path.with_extension("wav"))?;
    let timing = read_timing(path)?;
    let mut meter = ProsodyMeter::new(rate_hz as u32);
    meter.push(&samples);
    let prosody = meter.finish();
    let faces = Style::ALL
        .into_iter()
        .map(|style| ruled(&timing, &prosody, style))
        .collect();
    Ok(Clip {
        name: stem(path),
        source: Source::Ruled,
        samples,
        rate_hz,
        faces,
        phonemes: timing.phonemes,
    })
}

/// What the rules do with the true phonemes.
fn ruled(timing: &Timing, prosody: &Prosody, style: Style) -> Vec<Row> {
    let options = MotionOptions {
        style,
        rate_hz: MODEL_HZ,
        ..MotionOptions::default()
    };
    let planner = Planner::new(timing, prosody, &options);
    let beats: Vec<(f64, f64)> = planner.beats().collect();
    let mut face: Vec<Row> = planner
        .map(|pose| {
            let mut row = [0.0; OUTPUTS];
            row[..ARKIT_COUNT].copy_from_slice(&pose.weights.0);
            row[ARKIT_COUNT..ARKIT_COUNT + 3].copy_from_slice(&[
                pose.head.yaw,
                pose.head.pitch,
                pose.head.roll,
            ]);
            row[ARKIT_COUNT + 5] = shut(&pose.weights);
            row
        })
        .collect();
    for (at, strength) in beats {
        let centre = (at * MODEL_HZ).round() as usize;
        for n in centre.saturating_sub(2)..(centre + 3).min(face.len()) {
            let near = 1.0 - 0.3 * n.abs_diff(centre) as f32;
            face[n][ARKIT_COUNT + 3] = face[n][ARKIT_COUNT + 3].max(near);
            face[n][ARKIT_COUNT + 4] = strength as f32;
        }
    }
    face
}

fn read_timing(path: &Path) -> Result<Timing> {
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let list = |name: &str| json[name].as_array().context("not a timing of `speak`");
    let number = |v: &serde_json::Value| v.as_f64().context("a time that is no number");
    let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
    let words = list("words")?
        .iter()
        .map(|w| {
            Ok(Word {
                text: text(&w[0]),
                start_secs: number(&w[1])?,
                end_secs: number(&w[2])?,
                ends_sentence: w[3].as_bool().unwrap_or(false),
                emphasised: false,
            })
        })
        .collect::<Result<_>>()?;
    let phonemes = list("phonemes")?
        .iter()
        .map(|p| {
            Ok(Phoneme {
                ipa: text(&p[0]),
                start_secs: number(&p[1])?,
                end_secs: number(&p[2])?,
                stress: p[3].as_u64().unwrap_or(0) as u8,
                word: p[4].as_u64().map(|w| w as usize),
            })
        })
        .collect::<Result<_>>()?;
    Ok(Timing {
        duration_secs: number(&json["secs"])?,
        words,
        phonemes,
        marks: Vec::new(),
    })
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|s| s.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn sorted(dir: &Path, extension: &str) -> Result<Vec<std::path::PathBuf>> {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .with_context(|| dir.display().to_string())?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|p| p.extension().is_some_and(|e| e == extension));
    paths.retain(|p| p.file_name().is_some_and(|n| n != "channels.json"));
    paths.sort();
    Ok(paths)
}

fn read_wav(path: &Path) -> Result<(Vec<f32>, f64)> {
    let mut reader = hound::WavReader::open(path).with_context(|| path.display().to_string())?;
    let spec = reader.spec();
    ensure!(
        spec.channels == 1 && spec.sample_format == hound::SampleFormat::Int,
        "{}: expected one channel of whole numbers",
        path.display()
    );
    let full = f32::from(2u16).powi(i32::from(spec.bits_per_sample) - 1);
    let samples = reader
        .samples::<i32>()
        .map(|s| Ok(s? as f32 / full))
        .collect::<Result<_>>()?;
    Ok((samples, f64::from(spec.sample_rate)))
}
