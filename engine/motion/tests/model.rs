//! The shipped audio-to-motion model: what it promises whatever it hears.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

use std::f32::consts::TAU;

use candle_core::{DType, Device};
use huashen_core::ArkitShape;
use huashen_motion::model::{
    Audio2Motion, Compute, Condition, LOOK_AHEAD, MODEL_HZ, MotionFrame, SoundToHear,
};

const RATE_HZ: f64 = 16_000.0;

fn hear(sound: &[f32], rate_hz: f64, piece: usize) -> Vec<MotionFrame> {
    let model = Audio2Motion::built_in().unwrap();
    let mut stream = model.stream(rate_hz, &Condition::default()).unwrap();
    let mut frames = Vec::new();
    for samples in sound.chunks(piece) {
        stream.push(samples, &mut frames).unwrap();
    }
    stream.finish(&mut frames).unwrap();
    frames
}

/// Syllables: a buzz of many harmonics that swells four times a second.
fn babble(secs: f64, rate_hz: f64) -> Vec<f32> {
    (0..(secs * rate_hz) as usize)
        .map(|i| {
            let t = i as f32 / rate_hz as f32;
            let buzz: f32 = (1..20)
                .map(|k| (TAU * 130.0 * k as f32 * t).sin() / k as f32)
                .sum();
            0.15 * buzz * (0.5 - 0.5 * (TAU * 4.0 * t).cos())
        })
        .collect()
}

fn mean_jaw(frames: &[MotionFrame]) -> f32 {
    let jaws = frames.iter().map(|f| f.weights[ArkitShape::JawOpen]);
    jaws.sum::<f32>() / frames.len() as f32
}

#[test]
fn streaming_says_what_the_whole_recording_says() {
    let sound = babble(3.0, RATE_HZ);
    let whole = hear(&sound, RATE_HZ, usize::MAX);
    assert_eq!(whole.len(), 151);
    assert!(mean_jaw(&whole) > 0.02, "the mouth does not move");
    for piece in [1, 320, 4_321] {
        let streamed = hear(&sound, RATE_HZ, piece);
        assert_eq!(streamed.len(), whole.len());
        for (a, b) in whole.iter().zip(&streamed) {
            let apart = a
                .weights
                .0
                .iter()
                .zip(&b.weights.0)
                .map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f32::max) < 1e-3);
            assert!((a.beat - b.beat).abs() < 1e-3);
        }
    }
}

#[test]
fn many_at_once_say_what_each_says_alone() {
    let model = Audio2Motion::built_in().unwrap();
    let captured = Condition {
        captured: 1.0,
        ..Condition::default()
    };
    let sounds = [
        (babble(3.0, RATE_HZ), RATE_HZ, captured),
        (babble(0.7, 24_000.0), 24_000.0, Condition::default()),
        (Vec::new(), RATE_HZ, captured),
        (babble(6.1, RATE_HZ), RATE_HZ, Condition::default()),
    ];
    let asked: Vec<SoundToHear<'_>> = sounds
        .iter()
        .map(|(samples, rate_hz, condition)| SoundToHear {
            samples,
            rate_hz: *rate_hz,
            condition: *condition,
        })
        .collect();
    let together = model.hear_all(&asked).unwrap();
    assert_eq!(together.len(), sounds.len());
    for (sound, heard) in asked.iter().zip(&together) {
        let mut alone = model.hear(sound.rate_hz, &sound.condition).unwrap();
        alone.push(sound.samples).unwrap();
        let alone = alone.finish().unwrap();
        assert_eq!(alone.frames().len(), heard.frames().len());
        for (a, b) in alone.frames().iter().zip(heard.frames()) {
            let apart = a.weights.0.iter().zip(&b.weights.0);
            assert!(apart.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-3);
        }
    }
    assert!(model.hear_all(&[]).unwrap().is_empty());
}

#[test]
fn a_gpu_says_what_the_processor_says() {
    let sound = babble(4.0, RATE_HZ);
    let condition = Condition {
        captured: 1.0,
        ..Condition::default()
    };
    let hear = |compute: Compute| {
        let model = Audio2Motion::built_in_on(compute)?;
        let mut hearing = model.hear(RATE_HZ, &condition)?;
        hearing.push(&sound)?;
        hearing.finish()
    };
    let here = hear(Compute::Cpu).unwrap();
    for compute in [Compute::Cuda, Compute::Metal] {
        match hear(compute) {
            // Half precision there.
            Ok(there) => {
                for (a, b) in here.frames().iter().zip(there.frames()) {
                    let apart = a.weights.0.iter().zip(&b.weights.0);
                    let apart = apart.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(apart < 0.03, "{compute}: {apart} apart");
                }
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(&format!("--device {compute}")), "{error}");
                println!("skipped {compute}: {error}");
            }
        }
    }
}

#[test]
fn a_frame_depends_on_nothing_later_than_120_ms() {
    let mut sound = babble(2.0, RATE_HZ);
    let before = hear(&sound, RATE_HZ, 320);
    let frame = 50;
    let end = ((frame as f64 + LOOK_AHEAD as f64 + 1.0) / MODEL_HZ * RATE_HZ) as usize;
    assert!(end as f64 / RATE_HZ <= frame as f64 / MODEL_HZ + 0.120 + 1e-9);
    sound[end..].fill(0.7);
    let after = hear(&sound, RATE_HZ, 320);
    assert_eq!(before[frame], after[frame]);
    assert_ne!(before[frame + 8], after[frame + 8]);
}

#[test]
fn a_frame_comes_as_soon_as_its_sound_is_there() {
    let model = Audio2Motion::built_in().unwrap();
    let mut stream = model.stream(RATE_HZ, &Condition::default()).unwrap();
    let mut frames = Vec::new();
    for n in 0..100 {
        stream.push(&[0.1; 320], &mut frames).unwrap();
        assert_eq!(frames.len(), (n + 1usize).saturating_sub(LOOK_AHEAD));
    }
}

#[test]
fn nobody_speaks_and_the_mouth_stays_shut() {
    let n = (10.0 * RATE_HZ) as usize;
    let t = |i: usize| i as f32 / RATE_HZ as f32;
    let mut seed = 1u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / 8_388_608.0 - 1.0
    };
    // Plucked notes of a scale, two a second.
    let music = |i: usize| -> f32 {
        let since = t(i) % 0.5;
        let note = [0, 4, 7, 12, 7, 4][(t(i) / 0.5) as usize % 6];
        let hz = 196.0 * 2f32.powf(note as f32 / 12.0);
        let partials = (1..5).map(|k| (TAU * hz * k as f32 * since).sin() * 0.5f32.powi(k));
        0.4 * (-3.0 * since).exp() * partials.sum::<f32>()
    };
    let sounds: [(&str, Vec<f32>); 5] = [
        ("silence", vec![0.0; n]),
        (
            "hum",
            (0..n).map(|i| 0.1 * (TAU * 50.0 * t(i)).sin()).collect(),
        ),
        ("hiss", (0..n).map(|_| 0.05 * noise()).collect()),
        ("music", (0..n).map(music).collect()),
        (
            "a click",
            (0..n).map(|i| if i == n / 2 { 0.9 } else { 0.0 }).collect(),
        ),
    ];
    for (name, sound) in sounds {
        let jaw = mean_jaw(&hear(&sound, RATE_HZ, 4096));
        assert!(jaw < 0.03, "{name}: mean jawOpen {jaw}");
    }
}

#[test]
fn broken_sound_and_odd_rates_give_faces_all_the_same() {
    let nothing = hear(&[], RATE_HZ, 1);
    assert_eq!(nothing.len(), 1);
    let broken: Vec<f32> = [f32::NAN, f32::INFINITY, -9e9, 1.0].repeat(8_000);
    for frame in hear(&broken, RATE_HZ, 1000) {
        assert!(frame.weights.0.iter().all(|w| (0.0..=1.0).contains(w)));
        assert!(frame.head.quat().is_finite());
        assert!((0.0..=1.0).contains(&frame.beat));
    }
    let usual = mean_jaw(&hear(&babble(2.0, 16_000.0), 16_000.0, 4096));
    for rate in [24_000.0, 44_100.0, 192_000.0] {
        let jaw = mean_jaw(&hear(&babble(2.0, rate), rate, 4096));
        assert!((jaw - usual).abs() < 0.02, "{rate} Hz: {jaw} and {usual}");
    }
    let model = Audio2Motion::built_in().unwrap();
    assert!(model.stream(100.0, &Condition::default()).is_err());
    assert!(Audio2Motion::from_bytes(b"not a model", &Device::Cpu, DType::F32).is_err());
}

/// Jaws told so many frames early, and with all their sound.
fn guessed(sound: &[f32], rate_hz: f64, ahead: usize) -> Vec<(f32, f32)> {
    let model = Audio2Motion::built_in().unwrap();
    let mut stream = model.stream(rate_hz, &Condition::default()).unwrap();
    let (mut told, mut guesses) = (Vec::new(), Vec::new());
    for samples in sound.chunks((rate_hz / MODEL_HZ) as usize) {
        let before = told.len();
        stream.push(samples, &mut told).unwrap();
        if told.len() > before
            && let Some(frame) = stream.ahead(ahead).unwrap()
        {
            guesses.push((told.len() - 1 + ahead, frame));
        }
    }
    stream.finish(&mut told).unwrap();
    let jaw = |frame: &MotionFrame| frame.weights[ArkitShape::JawOpen];
    let both = guesses
        .iter()
        .filter_map(|(at, guess)| Some((jaw(guess), jaw(told.get(*at)?))));
    both.collect()
}

#[test]
fn a_face_told_early_is_near_the_one_told_in_time() {
    let sound = babble(4.0, RATE_HZ);
    let apart = |ahead: usize| {
        let both = guessed(&sound, RATE_HZ, ahead);
        assert!(both.len() > 180);
        let sum: f32 = both.iter().map(|(a, b)| (a - b).abs()).sum();
        sum / both.len() as f32
    };
    let [one, three, all] = [1, 3, LOOK_AHEAD].map(apart);
    println!("jaw apart: {one} one frame early, {three} three, {all} without waiting");
    assert!(one < 0.01 && three < 0.03 && three < all);
}
