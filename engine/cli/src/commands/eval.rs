//! `huashen eval motion`: how well sound becomes motion, beside baselines.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use huashen_avatar::{Avatar, DEFAULT_AVATAR, FaceGeometry};
use huashen_core::{ArkitShape, ArkitWeights, Phoneme, Prosody, Timing, paths};
use huashen_media::AudioReader;
use huashen_motion::formats::capture::{CAPTURE_HZ, captured_shapes, read_capture};
use huashen_motion::model::{Audio2Motion, Condition, UNHEARD_CAPTURE, UNHEARD_VOICES};
use huashen_motion::{MotionOptions, plan, plan_from_audio};
use huashen_speech::{ProsodyMeter, Synthesizer};

use super::eval_measure::{Measures, measure};
use super::{eval_phones, eval_plot};
use crate::args::{Eval, EvalMotion};
use crate::{interrupt, output};

/// Sentences that no training hears.
const SENTENCES: [(&str, &str); 2] = [
    ("en", include_str!("../../../../tests/readback/en.txt")),
    ("zh", include_str!("../../../../tests/readback/zh.txt")),
];

/// A recording whose motion is known.
pub(super) struct Take {
    name: String,
    pub samples: Vec<f32>,
    pub rate_hz: u32,
    /// Of the truth, and of everything that is compared with it.
    pub fps: f64,
    pub truth: Vec<ArkitWeights>,
    /// Shapes that the truth tells anything about.
    pub told: Vec<ArkitShape>,
    pub phonemes: Vec<Phoneme>,
    /// Where the sound is loudest around, in seconds: its beats.
    pub loud_at: Vec<f64>,
    /// How the model is to move.
    condition: Condition,
}

/// What one way makes of a take.
#[derive(Clone, Default)]
pub(super) struct Method {
    pub curves: Vec<ArkitWeights>,
    /// When gestures' strokes would land, in seconds.
    pub beats: Vec<f64>,
}

pub fn run(args: &Eval, quiet: bool) -> anyhow::Result<ExitCode> {
    match args {
        Eval::Motion(args) => motion(args),
        Eval::Clone(args) => super::eval_clone::run(args, quiet),
    }
}

fn motion(args: &EvalMotion) -> anyhow::Result<ExitCode> {
    if let Some(plot) = &args.plot {
        output::check_target(plot, args.force)?;
    }
    let avatar = Avatar::find(DEFAULT_AVATAR, &paths::avatars_dir())?;
    let face = FaceGeometry::new(&avatar).context("the built-in presenter tells no lips")?;
    let model = Audio2Motion::built_in_on(args.device.parse()?)?;
    let mut rows = Vec::new();
    let mut drawn = None;
    let mut judge = |take: &Take| -> anyhow::Result<()> {
        interrupt::check()?;
        let heard = hear(&model, take, &take.condition)?;
        // What people get of a recording.
        let shown = hear(&model, take, &Condition::from(&MotionOptions::default()))?;
        for (name, method) in [
            ("model", &heard),
            ("model, as shown", &shown),
            ("rules from sound", &still(ruled_from_sound(take)?)),
            ("log loudness", &still(loudness(take))),
            ("mean face", &still(mean_face(take))),
        ] {
            rows.push((take.name.clone(), name, measure(take, method, &face)));
        }
        if drawn.is_none() {
            drawn = Some(eval_plot::Curves::of(take, &heard.curves));
        }
        Ok(())
    };
    if let Some(dir) = &args.capture {
        for path in files(dir, ".npy", "N.npy + N.wav beside channels.json")? {
            judge(&captured(dir, &path)?)?;
        }
    }
    if let Some(dir) = &args.phones {
        for path in files(dir, ".phone.json", "N.phone.json + N.wav")? {
            judge(&aligned(&path)?)?;
        }
    }
    if !args.no_speech {
        let synth = Synthesizer::open(&paths::models_dir())?;
        for voice in UNHEARD_VOICES {
            let zh = voice.starts_with('z');
            let (language, text) = SENTENCES[usize::from(zh)];
            if voice.starts_with(['a', 'b', 'z']) {
                judge(&spoken(&synth, voice, language, text)?)?;
            }
        }
    }
    let silence = Take {
        name: "silence".to_owned(),
        samples: vec![0.0; 160_000],
        rate_hz: 16_000,
        fps: CAPTURE_HZ,
        truth: vec![ArkitWeights::default(); 300],
        told: ArkitShape::ALL.to_vec(),
        phonemes: Vec::new(),
        loud_at: Vec::new(),
        condition: Condition::default(),
    };
    let still = hear(&model, &silence, &silence.condition)?.curves;
    let open = still.iter().map(|w| w[ArkitShape::JawOpen]).sum::<f32>() / still.len() as f32;

    if args.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(set, method, m)| {
                let mut row = serde_json::to_value(m).unwrap_or_default();
                row["set"] = set.as_str().into();
                row["method"] = (*method).into();
                row
            })
            .collect();
        output::json(&serde_json::json!({ "rows": rows, "jaw_in_silence": open }))?;
    } else {
        output::line(&format!(
            "| recording | method | {} |\n| --- | --- | {} |",
            Measures::HEADER,
            "--- | "
                .repeat(Measures::HEADER.split('|').count())
                .trim_end_matches(" | ")
        ))?;
        for (set, method, m) in &rows {
            output::line(&format!("| {set} | {method} | {m} |"))?;
        }
        output::line(&format!("mean jawOpen in silence: {open:.3}"))?;
    }
    if let (Some(plot), Some(curves)) = (&args.plot, drawn) {
        eval_plot::write(plot, &curves)?;
        output::note(&format!("curves drawn to {}", plot.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A way that makes no gestures.
fn still(curves: Vec<ArkitWeights>) -> Method {
    Method {
        curves,
        beats: Vec::new(),
    }
}

/// The recordings of a folder, by how their names end.
fn files(dir: &Path, end: &str, expected: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .with_context(|| format!("{}: no folder of recordings", dir.display()))?;
    let mut found: Vec<PathBuf> = entries
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    found.retain(|p| p.to_string_lossy().ends_with(end));
    found.sort();
    anyhow::ensure!(
        !found.is_empty(),
        "{}: expected recordings as {expected}, found none",
        dir.display()
    );
    Ok(found)
}

fn captured(dir: &Path, path: &Path) -> anyhow::Result<Take> {
    let truth = read_capture(path, &dir.join("channels.json"))?;
    let (samples, rate_hz) = read(&path.with_extension("wav"))?;
    let name = path
        .file_stem()
        .map(|s| s.to_string_lossy().into_owned())
        .unwrap_or_default();
    let held_out = name == UNHEARD_CAPTURE;
    Ok(Take {
        loud_at: loud_at(&prosody(&samples, rate_hz)),
        name: format!("{name}{}", if held_out { " (held out)" } else { "" }),
        samples,
        rate_hz,
        fps: CAPTURE_HZ,
        truth,
        told: captured_shapes(),
        phonemes: Vec::new(),
        condition: Condition {
            captured: 1.0,
            ..Condition::default()
        },
    })
}

/// A recording whose phonemes somebody aligned; the rules with them are the truth.
fn aligned(path: &Path) -> anyhow::Result<Take> {
    let timing = eval_phones::read(path)?;
    let (samples, rate_hz) = read(&path.with_extension("").with_extension("wav"))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_end_matches(".phone.json").to_owned();
    Ok(ruled(name, (samples, rate_hz), timing))
}

/// Mono samples and their rate.
fn read(path: &Path) -> anyhow::Result<(Vec<f32>, u32)> {
    let mut reader = AudioReader::open(path, None)?;
    let rate_hz = reader.sample_rate_hz();
    let mut samples = Vec::new();
    for block in reader.by_ref() {
        samples.extend(block?);
    }
    Ok((samples, rate_hz))
}

/// The rules with true phonemes are the truth here: they are what the model
/// learned from on speech of our own.
fn spoken(synth: &Synthesizer, voice: &str, language: &str, text: &str) -> anyhow::Result<Take> {
    let script = huashen_script::parse(text)?.script;
    let mut samples = Vec::new();
    let mut timing = Timing::default();
    for piece in synth.speak(&script, Some(voice))? {
        interrupt::check()?;
        let piece = piece?;
        samples.extend_from_slice(&piece.samples);
        timing.append(piece.timing);
    }
    let name = format!("{voice} {language} (held out)");
    Ok(ruled(name, (samples, synth.sample_rate_hz()), timing))
}

/// A take whose truth is the rules with its phonemes.
fn ruled(name: String, (samples, rate_hz): (Vec<f32>, u32), timing: Timing) -> Take {
    let options = MotionOptions {
        rate_hz: CAPTURE_HZ,
        ..MotionOptions::default()
    };
    let prosody = prosody(&samples, rate_hz);
    let track = plan(&timing, &prosody, &options);
    Take {
        loud_at: loud_at(&prosody),
        name,
        samples,
        rate_hz,
        fps: CAPTURE_HZ,
        truth: track.poses.into_iter().map(|p| p.weights).collect(),
        told: ArkitShape::ALL
            .into_iter()
            .filter(|s| !s.name().starts_with("eye"))
            .collect(),
        phonemes: timing.phonemes,
        condition: Condition::default(),
    }
}

/// Peaks of the loudness: louder than all within a tenth of a second, and not silent.
fn loud_at(prosody: &Prosody) -> Vec<f64> {
    let levels = &prosody.level_db;
    let reach = (0.1 / Prosody::HOP_SECS) as usize;
    (0..levels.len())
        .filter(|n| levels[*n] > -45.0)
        .filter(|n| {
            let before = &levels[n.saturating_sub(reach)..*n];
            let after = &levels[n + 1..(n + 1 + reach).min(levels.len())];
            before.iter().all(|l| *l < levels[*n]) && after.iter().all(|l| *l <= levels[*n])
        })
        .map(|n| n as f64 * Prosody::HOP_SECS)
        .collect()
}

fn prosody(samples: &[f32], rate_hz: u32) -> Prosody {
    let mut meter = ProsodyMeter::new(rate_hz);
    meter.push(samples);
    meter.finish()
}

fn hear(model: &Audio2Motion, take: &Take, condition: &Condition) -> anyhow::Result<Method> {
    let mut hearing = model.hear(f64::from(take.rate_hz), condition)?;
    hearing.push(&take.samples)?;
    let heard = hearing.finish()?;
    Ok(Method {
        curves: (0..take.truth.len())
            .map(|n| heard.weights(n as f64 / take.fps))
            .collect(),
        beats: heard.beats(),
    })
}

fn ruled_from_sound(take: &Take) -> anyhow::Result<Vec<ArkitWeights>> {
    let options = MotionOptions {
        rate_hz: take.fps,
        ..MotionOptions::default()
    };
    let prosody = prosody(&take.samples, take.rate_hz);
    let track = plan_from_audio(&take.samples, take.rate_hz, &prosody, &options)?;
    Ok(track.poses.into_iter().map(|p| p.weights).collect())
}

/// Every shape as log loudness, scaled to the truth's range by mean and spread.
fn loudness(take: &Take) -> Vec<ArkitWeights> {
    let levels = prosody(&take.samples, take.rate_hz).level_db;
    let at = |n: usize| {
        let i = (n as f64 / take.fps / Prosody::HOP_SECS) as usize;
        levels.get(i).map_or(0.0, |l| (l + 60.0).max(0.0) / 60.0)
    };
    let loud: Vec<f32> = (0..take.truth.len()).map(at).collect();
    let fit = |v: &[f32]| -> (f32, f32) {
        let n = v.len().max(1) as f32;
        let mean = v.iter().sum::<f32>() / n;
        (
            mean,
            (v.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n).sqrt(),
        )
    };
    let (mean, spread) = fit(&loud);
    let mut out = vec![ArkitWeights::default(); loud.len()];
    for shape in &take.told {
        let curve: Vec<f32> = take.truth.iter().map(|w| w[*shape]).collect();
        let (m, s) = fit(&curve);
        for (w, l) in out.iter_mut().zip(&loud) {
            w[*shape] = (m + (l - mean) / spread.max(1e-6) * s).clamp(0.0, 1.0);
        }
    }
    out
}

fn mean_face(take: &Take) -> Vec<ArkitWeights> {
    let mut mean = ArkitWeights::default();
    for w in &take.truth {
        for (m, v) in mean.0.iter_mut().zip(&w.0) {
            *m += v / take.truth.len() as f32;
        }
    }
    vec![mean; take.truth.len()]
}
