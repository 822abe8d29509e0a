//! The built-in presenter's lips, on the mesh, while she says the sentences of
//! `readback/`: p, b and m (Mandarin b, p, m) close them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use huashen_avatar::{Avatar, DEFAULT_AVATAR, Drive, lip_gap};
use huashen_core::paths;
use huashen_motion::{MotionOptions, plan};
use huashen_pipeline::{Sound, SoundBuilder};
use huashen_speech::Synthesizer;

/// Frames a second of the clips that people get.
const FPS: f64 = 25.0;
/// Closed: this share of the widest gap of the same sentences.
const CLOSED: f32 = 0.05;
/// How far from the sound the closure may be.
const WITHIN_SECS: f64 = 0.06;

#[test]
fn lips_close_on_the_mesh_in_both_languages() {
    if !common::has(&["speech"]) {
        return;
    }
    let synth = Synthesizer::open(&paths::models_dir()).unwrap();
    let avatar = Avatar::find(DEFAULT_AVATAR, &paths::avatars_dir()).unwrap();
    for language in ["zh", "en"] {
        let path = common::root().join(format!("tests/readback/{language}.txt"));
        let sound = spoken(&synth, &std::fs::read_to_string(path).unwrap());
        let (closed, all, widest) = closures(&avatar, &sound);
        println!(
            "{language}: {closed} of {all} closed, widest gap {:.1} mm",
            widest * 1000.0
        );
        assert!(all >= 25, "{language}: only {all} bilabials");
        assert!(widest > 0.006, "{language}: the mouth hardly opens");
        assert!(
            closed as f64 >= 0.95 * all as f64,
            "{language}: {closed} of {all}"
        );
    }
}

fn spoken(synth: &Synthesizer, text: &str) -> Sound {
    let script = huashen_script::parse(text).unwrap().script;
    let mut builder = SoundBuilder::speech(synth.sample_rate_hz()).unwrap();
    for piece in synth.speak(&script, None).unwrap() {
        builder.push_speech(piece.unwrap()).unwrap();
    }
    builder.finish().unwrap()
}

/// Closed bilabials, all of them, and the widest gap in metres.
fn closures(avatar: &Avatar, sound: &Sound) -> (usize, usize, f32) {
    let track = plan(&sound.timing, &sound.prosody, &MotionOptions::default());
    let drive = Drive::new(&avatar.model, &avatar.manifest.calibration);
    let frames = (sound.timing.duration_secs * FPS) as usize;
    let gaps: Vec<f32> = (0..frames)
        .map(|n| {
            let driven = drive.apply(&avatar.model, &track.sample(n as f64 / FPS));
            lip_gap(avatar, &driven).unwrap()
        })
        .collect();
    let widest = gaps.iter().copied().fold(0.0, f32::max);
    let (mut closed, mut all) = (0, 0);
    for p in &sound.timing.phonemes {
        if !p.ipa.starts_with(['p', 'b', 'm']) {
            continue;
        }
        all += 1;
        let first = ((p.start_secs - WITHIN_SECS).max(0.0) * FPS).ceil() as usize;
        // Around the onset, when lips are seen to meet; a long m may stay shut after.
        let last = (((p.start_secs + WITHIN_SECS) * FPS) as usize).min(frames - 1);
        closed += usize::from((first..=last).any(|n| gaps[n] < CLOSED * widest));
    }
    (closed, all, widest)
}
