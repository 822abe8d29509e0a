//! What the lips must do, on hand-timed sentences and on aligned recordings.

#[path = "../examples/sentences/aligned.rs"]
mod aligned;
#[path = "../examples/sentences/mod.rs"]
mod sentences;

use std::path::PathBuf;

use huashen_core::{ArkitShape as A, MotionTrack, Phoneme, Prosody, Timing};
use huashen_motion::{MotionOptions, lip_gap, plan};
use proptest::prelude::*;

fn planned(speech: &(Timing, Prosody)) -> MotionTrack {
    plan(&speech.0, &speech.1, &MotionOptions::default())
}

fn gap(track: &MotionTrack, at: f64) -> f32 {
    lip_gap(&track.sample(at).weights)
}

/// Share of p b m whose gap, on 25 fps frames within 60 ms of the onset, falls
/// under 5 % of the track's largest.
fn sealed_share(timing: &Timing, track: &MotionTrack) -> (usize, usize) {
    let widest = track
        .poses
        .iter()
        .map(|p| lip_gap(&p.weights))
        .fold(0.0, f32::max);
    let (mut hit, mut all) = (0, 0);
    for p in &timing.phonemes {
        if !p.ipa.starts_with(['p', 'b', 'm']) {
            continue;
        }
        all += 1;
        let first = ((p.start_secs - 0.06) * 25.0).ceil() as i64;
        let last = ((p.start_secs + 0.06) * 25.0).floor() as i64;
        hit += usize::from((first..=last).any(|n| gap(track, n as f64 / 25.0) < 0.05 * widest));
    }
    (hit, all)
}

fn mouth_at(speech: &(Timing, Prosody), ipa: &str) -> huashen_core::ArkitWeights {
    let track = planned(speech);
    let p = speech
        .0
        .phonemes
        .iter()
        .find(|p| p.ipa == ipa)
        .expect("a sound of the sentence");
    track.sample(0.5 * (p.start_secs + p.end_secs)).weights
}

#[test]
fn every_bilabial_seals_and_every_vowel_between_opens() {
    for speech in [sentences::english(), sentences::mandarin()] {
        let track = planned(&speech);
        let (hit, all) = sealed_share(&speech.0, &track);
        assert!(all >= 6);
        assert_eq!(hit, all);
        for p in speech.0.phonemes.iter().filter(|p| p.stress > 0) {
            let top = (0..10)
                .map(|i| {
                    let t = f64::from(i) / 9.0;
                    gap(&track, p.start_secs * (1.0 - t) + p.end_secs * t)
                })
                .fold(0.0, f32::max);
            assert!(top > 0.06, "{} opens only {top}", p.ipa);
        }
    }
}

#[test]
fn shapes_are_those_of_the_sounds() {
    let (en, zh) = (sentences::english(), sentences::mandarin());
    let a = mouth_at(&zh, "a");
    assert!((0.3..=0.56).contains(&a[A::JawOpen]), "{}", a[A::JawOpen]);
    let u = mouth_at(&en, "u");
    assert!(u[A::MouthPucker] > 0.45 && u[A::MouthFunnel] > 0.2);
    let i = mouth_at(&zh, "i");
    assert!(i[A::MouthStretchLeft] > 0.15 && i[A::MouthPucker] < 0.25);
    let f = mouth_at(&en, "f");
    assert!(f[A::MouthRollLower] > 0.45 && f[A::JawOpen] < 0.15);
    let s = mouth_at(&en, "s");
    assert!(s[A::MouthUpperUpLeft] > 0.12 && s[A::JawOpen] < 0.15);
    let sh = mouth_at(&en, "ʃ");
    assert!(sh[A::MouthFunnel] > 0.35);
    assert!(mouth_at(&zh, "ʂ")[A::MouthFunnel] > 0.25);
}

#[test]
fn lips_round_before_a_rounded_vowel_and_rest_in_silence() {
    let en = sentences::english();
    let track = planned(&en);
    let you = en.0.phonemes.iter().find(|p| p.ipa == "j").unwrap();
    assert!(track.sample(you.start_secs).weights[A::MouthPucker] > 0.3);
    // The middle of the pause before it, and the end of the track.
    assert!(gap(&track, you.start_secs - 0.22) < 0.01);
    assert!(gap(&track, en.0.duration_secs - 0.1) < 0.01);
    assert!(gap(&track, 0.1) < 0.01);
    // Lips part ahead of the sound.
    assert!(gap(&track, you.start_secs - 0.03) > 0.03);
}

#[test]
fn louder_speech_opens_wider() {
    let (timing, quiet) = sentences::mandarin();
    let mut loud = quiet.clone();
    let half = loud.level_db.len() / 2;
    for l in &mut loud.level_db[..half] {
        *l += 9.0;
    }
    let o = MotionOptions::default();
    let jaw = |p: &Prosody| {
        let track = plan(&timing, p, &o);
        let n = (timing.phonemes[1].start_secs * 60.0) as usize;
        track.poses[n..n + 9]
            .iter()
            .map(|p| p.weights[A::JawOpen])
            .fold(0.0, f32::max)
    };
    assert!(
        jaw(&loud) > 1.05 * jaw(&quiet),
        "{} {}",
        jaw(&loud),
        jaw(&quiet)
    );
}

/// Aligned recordings lie outside the repository; see `HUASHEN_MEDIA`.
#[test]
fn aligned_recordings_seal_their_bilabials() {
    let media = std::env::var_os("HUASHEN_MEDIA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/media"),
        PathBuf::from,
    );
    let folder = media.join("speech/librivox_phones");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
        assert!(!required.contains("media"), "no {}", folder.display());
        println!("skipped: no aligned recordings at {}", folder.display());
        return;
    };
    let (mut hit, mut all, mut fastest) = (0, 0, 0.0f32);
    for entry in entries {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".phone.json") {
            continue;
        }
        let speech = aligned::aligned(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let track = planned(&speech);
        let (h, a) = sealed_share(&speech.0, &track);
        (hit, all) = (hit + h, all + a);
        for pair in track.poses.windows(2) {
            let step = pair[1].weights[A::JawOpen] - pair[0].weights[A::JawOpen];
            fastest = fastest.max(step.abs() * 60.0);
        }
    }
    println!("{hit} of {all} bilabials seal; the jaw's top speed is {fastest:.1}/s");
    assert!(all > 20 && hit * 100 >= all * 95, "{hit} of {all}");
    assert!(fastest < 12.0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Any phonemes at any times: weights stay in 0…1, nothing is NaN, the jaw
    /// keeps its speed limit, every bilabial seals.
    #[test]
    fn any_timing_gives_a_sane_track(
        sounds in proptest::collection::vec(
            ("[pbmfaiuoəsʃʂwɻtʰ̩x7 ]{0,3}", 0.0f64..0.25, prop_oneof![4 => Just(0.0), 1 => 0.0f64..0.8], 0u8..3),
            0..40),
        rate_hz in 20.0f64..120.0,
        seed: u64,
    ) {
        let mut t = Timing::default();
        let mut at = 0.1;
        for (ipa, secs, pause, stress) in sounds {
            at += pause;
            t.phonemes.push(Phoneme { ipa, start_secs: at, end_secs: at + secs, stress, word: None });
            at += secs;
        }
        t.duration_secs = at + 0.3;
        let track = plan(&t, &Prosody::default(), &MotionOptions { seed, rate_hz, ..MotionOptions::default() });
        for pair in track.poses.windows(2) {
            let d = pair[1].weights[A::JawOpen] - pair[0].weights[A::JawOpen];
            prop_assert!(f64::from(d.abs()) * rate_hz <= 12.01);
        }
        for pose in &track.poses {
            prop_assert!(pose.weights.0.iter().all(|v| (0.0..=1.0).contains(v)));
            prop_assert!(pose.head.yaw.is_finite() && pose.left_eye.pitch.is_finite());
            prop_assert!(pose.weights[A::JawOpen] <= 0.57);
        }
        if rate_hz >= 50.0 {
            for p in t.phonemes.iter().filter(|p| p.ipa.starts_with(['p', 'b', 'm']) && p.end_secs > p.start_secs) {
                let n = ((p.start_secs - 0.02) * rate_hz).ceil() / rate_hz;
                prop_assert!(gap(&track, n) < 1e-4, "{:?}", p);
            }
        }
    }
}
