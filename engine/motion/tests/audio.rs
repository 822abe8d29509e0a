//! Motion from sound alone, on sounds made here.

use huashen_core::{ArkitShape as A, MotionTrack, Prosody};
use huashen_motion::{AudioFeatures, MotionOptions, Planner, lip_gap, plan_from_audio};

const RATE: u32 = 16_000;

/// A vowel-like sound: harmonics of 140 Hz shaped by two formants.
fn vowel(secs: f64, f1: f64, f2: f64, gain: f64) -> Vec<f32> {
    let n = (secs * f64::from(RATE)) as usize;
    let edge = |i: usize| (i.min(n - i) as f64 / 400.0).min(1.0);
    (0..n)
        .map(|i| {
            let t = i as f64 / f64::from(RATE);
            let mut v = 0.0;
            for h in 1..50 {
                let f = 140.0 * f64::from(h);
                let peak = |c: f64, w: f64| 1.0 / (1.0 + ((f - c) / w).powi(2));
                v += (peak(f1, 90.0) + 0.5 * peak(f2, 130.0))
                    * (std::f64::consts::TAU * f * t).sin();
            }
            (gain * edge(i) * v) as f32
        })
        .collect()
}

fn noise(secs: f64, gain: f32) -> Vec<f32> {
    let mut state = 0x1234_5678u32;
    (0..(secs * f64::from(RATE)) as usize)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            gain * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
        })
        .collect()
}

/// Syllables between silences, with a little noise under all of it.
fn babble() -> Vec<f32> {
    let mut s = vec![0.0; RATE as usize / 2];
    for k in 0..12 {
        let (f1, f2) = if k % 2 == 0 {
            (820.0, 1250.0)
        } else {
            (290.0, 2300.0)
        };
        s.extend(vowel(0.18, f1, f2, 0.06));
        s.extend(vec![0.0; RATE as usize * 7 / 100]);
    }
    s.extend(vec![0.0; RATE as usize]);
    let hiss = noise(s.len() as f64 / f64::from(RATE), 0.0004);
    s.iter_mut().zip(hiss).for_each(|(a, b)| *a += b);
    s
}

fn of(samples: &[f32]) -> MotionTrack {
    plan_from_audio(
        samples,
        RATE,
        &Prosody::default(),
        &MotionOptions::default(),
    )
    .expect("16 kHz is a rate")
}

fn jaw(track: &MotionTrack, at: f64) -> f32 {
    track.sample(at).weights[A::JawOpen]
}

#[test]
fn open_vowels_open_and_silence_shuts() {
    let sound = babble();
    let track = of(&sound);
    assert!((track.duration_secs() - sound.len() as f64 / 16_000.0).abs() < 0.05);
    let middle = |k: usize| 0.5 + 0.25 * k as f64 + 0.09;
    for k in (2..12).step_by(2) {
        let (a, i) = (jaw(&track, middle(k)), jaw(&track, middle(k + 1)));
        assert!(a > 0.2 && a > 1.4 * i, "{k}: a {a} i {i}");
        let spread = |k| track.sample(middle(k)).weights[A::MouthStretchLeft];
        assert!(spread(k + 1) > spread(k));
    }
    assert!(lip_gap(&track.sample(0.1).weights) < 0.01);
    assert!(lip_gap(&track.sample(track.duration_secs() - 0.3).weights) < 0.01);
}

#[test]
fn steady_sounds_do_not_speak() {
    for sound in [
        vec![0.0; 48_000],
        noise(4.0, 0.2),
        vowel(4.0, 440.0, 880.0, 0.05),
    ] {
        let track = of(&sound);
        let open = |p: &&huashen_core::Pose| lip_gap(&p.weights) > 0.08;
        let share = track.poses.iter().filter(open).count() as f64 / track.poses.len() as f64;
        // A steady sound has an onset and an end, where it swings once.
        assert!(share < 0.3, "{share}");
    }
}

#[test]
fn the_size_of_the_pieces_does_not_matter() {
    let sound = babble();
    let whole = of(&sound);
    for size in [1usize, 160, 7_919] {
        let mut features = AudioFeatures::new(RATE).unwrap();
        sound.chunks(size).for_each(|c| features.push(c));
        let o = MotionOptions::default();
        let track =
            Planner::from_audio(features.finish(), &[], &Prosody::default(), &o).into_track();
        assert!(track == whole, "pieces of {size}");
    }
}

#[test]
fn odd_input_is_refused_or_survived() {
    assert!(AudioFeatures::new(0).is_err());
    assert!(AudioFeatures::new(1_000_000).is_err());
    assert_eq!(of(&[]).poses.len(), 1);
    let broken = [f32::NAN, f32::INFINITY, -3.0, 1e30];
    for pose in of(&broken.repeat(3000)).poses {
        assert!(pose.weights.0.iter().all(|v| (0.0..=1.0).contains(v)));
    }
    for rate in [8_000, 11_025, 44_100, 48_000] {
        let o = MotionOptions::default();
        let n = rate as usize * 2;
        let track = plan_from_audio(&vec![0.1; n], rate, &Prosody::default(), &o).unwrap();
        assert_eq!(track.poses.len(), 121);
    }
}
