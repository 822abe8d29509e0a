//! What rooms, microphones, networks and editors do to a voice.

use std::f32::consts::TAU;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Spoils `sound` in a few of the ways that real recordings are spoilt.
/// `others` is somebody else's speech, for babble.
pub fn spoil(sound: &mut [f32], rate_hz: f64, others: &[f32], rng: &mut Pcg64Mcg) {
    let level = rms(sound).max(1e-4);
    if rng.random_bool(0.3) {
        reverberate(sound, rate_hz, rng);
    }
    if rng.random_bool(0.25) {
        let snr_db = rng.random_range(6.0..24.0);
        add(sound, &music(sound.len(), rate_hz, rng), level, snr_db);
    }
    if rng.random_bool(0.45) {
        let snr_db = rng.random_range(8.0..40.0);
        add(sound, &noise(sound.len(), rng), level, snr_db);
    }
    if rng.random_bool(0.15) && !others.is_empty() {
        let babble: Vec<f32> = (0..sound.len()).map(|i| others[i % others.len()]).collect();
        add(sound, &babble, level, rng.random_range(14.0..28.0));
    }
    if rng.random_bool(0.25) {
        let top = rng.random_range(3000.0..7000.0);
        low_pass(sound, rate_hz, top);
        if rng.random_bool(0.5) {
            high_pass(sound, rate_hz, rng.random_range(80.0..350.0));
        }
    }
    if rng.random_bool(0.1) {
        // A telephone's eight bits (G.711 µ-law).
        for s in sound.iter_mut() {
            *s = mu_law(*s);
        }
    }
}

/// Louder or softer; clipped where it is too loud.
pub fn regain(sound: &mut [f32], rng: &mut Pcg64Mcg) {
    let gain = 10f32.powf(rng.random_range(-14.0..9.0) / 20.0);
    for s in sound {
        *s = (*s * gain).clamp(-1.0, 1.0);
    }
}

/// Sound without speech: music, noise, hum or silence.
pub fn no_speech(len: usize, rate_hz: f64, rng: &mut Pcg64Mcg) -> Vec<f32> {
    let mut sound = vec![0.0; len];
    match rng.random_range(0..5) {
        0 => {}
        1 => add(
            &mut sound,
            &noise(len, rng),
            0.1,
            rng.random_range(0.0..40.0),
        ),
        2 => {
            let hz = rng.random_range(40.0..1200.0f32);
            for (i, s) in sound.iter_mut().enumerate() {
                *s = 0.1 * (TAU * hz * i as f32 / rate_hz as f32).sin();
            }
        }
        _ => {
            add(
                &mut sound,
                &music(len, rate_hz, rng),
                0.1,
                rng.random_range(-8.0..20.0),
            );
            if rng.random_bool(0.5) {
                add(
                    &mut sound,
                    &noise(len, rng),
                    0.1,
                    rng.random_range(10.0..40.0),
                );
            }
        }
    }
    regain(&mut sound, rng);
    sound
}

fn rms(sound: &[f32]) -> f32 {
    (sound.iter().map(|s| s * s).sum::<f32>() / sound.len().max(1) as f32).sqrt()
}

/// Adds `what` `snr_db` below `level`.
fn add(sound: &mut [f32], what: &[f32], level: f32, snr_db: f32) {
    let gain = level * 10f32.powf(-snr_db / 20.0) / rms(what).max(1e-6);
    for (s, w) in sound.iter_mut().zip(what) {
        *s += gain * w;
    }
}

/// White to brown, sometimes swelling.
fn noise(len: usize, rng: &mut Pcg64Mcg) -> Vec<f32> {
    let colour = rng.random_range(0.0..0.98f32);
    let swell = rng.random_range(0.0..0.5f32);
    let period = rng.random_range(5_000.0..60_000.0f32);
    let mut last = 0.0;
    (0..len)
        .map(|i| {
            last = colour * last + rng.random_range(-1.0..1.0f32);
            last * (1.0 + swell * (TAU * i as f32 / period).sin())
        })
        .collect()
}

/// Plucked and bowed chords with a beat: enough like music to be told from speech.
fn music(len: usize, rate_hz: f64, rng: &mut Pcg64Mcg) -> Vec<f32> {
    let rate = rate_hz as f32;
    let mut out = vec![0.0; len];
    let beat = (rate * rng.random_range(0.18..0.7f32)) as usize;
    let root = rng.random_range(90.0..260.0f32);
    let bowed = rng.random_bool(0.4);
    let drums = rng.random_bool(0.5);
    let scale = [0, 2, 4, 5, 7, 9, 11, 12, 14, 16];
    let mut at = 0;
    while at < len {
        let hold = beat * rng.random_range(1..5usize);
        for _ in 0..rng.random_range(1..4usize) {
            let semitones = scale[rng.random_range(0..scale.len())];
            let hz = root * 2f32.powf(semitones as f32 / 12.0);
            let decay = if bowed {
                0.4
            } else {
                rng.random_range(1.5..8.0f32)
            };
            let bright = rng.random_range(0.3..0.8f32);
            let size = rng.random_range(0.3..1.0f32);
            let partials: Vec<(f32, f32)> = (1..7)
                .map(|k| (hz * k as f32, bright.powi(k)))
                .filter(|p| p.0 < 0.45 * rate)
                .collect();
            let end = (at + hold * 2).min(len);
            for (i, s) in out[at..end].iter_mut().enumerate() {
                let t = i as f32 / rate;
                let attack = (t / if bowed { 0.12 } else { 0.004 }).min(1.0);
                let envelope = size * attack * (-decay * t).exp();
                let wave: f32 = partials.iter().map(|(f, a)| a * (TAU * f * t).sin()).sum();
                *s += envelope * wave;
            }
        }
        if drums {
            let decay = rng.random_range(20.0..80.0f32);
            let end = (at + beat).min(len);
            for (i, s) in out[at..end].iter_mut().enumerate() {
                let t = i as f32 / rate;
                *s += 0.8 * (-decay * t).exp() * rng.random_range(-1.0..1.0f32);
            }
        }
        at += hold.max(1);
    }
    out
}

/// A room: sparse early echoes that thin out into a tail.
fn reverberate(sound: &mut [f32], rate_hz: f64, rng: &mut Pcg64Mcg) {
    let secs = rng.random_range(0.08..0.5f32);
    let wet = rng.random_range(0.1..0.6f32);
    let echoes: Vec<(usize, f32)> = (0..36)
        .map(|_| {
            let t = secs * rng.random_range(0.004..1.0f32);
            let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
            let size = sign * wet * 0.4 * (-5.0 * t / secs).exp();
            ((f64::from(t) * rate_hz) as usize, size)
        })
        .collect();
    let dry = sound.to_vec();
    for (delay, size) in echoes {
        if delay < dry.len() {
            for (s, d) in sound[delay..].iter_mut().zip(&dry) {
                *s += size * d;
            }
        }
    }
}

fn low_pass(sound: &mut [f32], rate_hz: f64, hz: f64) {
    let k = (1.0 - (-std::f64::consts::TAU * hz / rate_hz).exp()) as f32;
    for _ in 0..3 {
        let mut held = 0.0;
        for s in sound.iter_mut() {
            held += k * (*s - held);
            *s = held;
        }
    }
}

fn high_pass(sound: &mut [f32], rate_hz: f64, hz: f64) {
    let k = (1.0 - (-std::f64::consts::TAU * hz / rate_hz).exp()) as f32;
    for _ in 0..2 {
        let mut held = 0.0;
        for s in sound.iter_mut() {
            held += k * (*s - held);
            *s -= held;
        }
    }
}

fn mu_law(s: f32) -> f32 {
    let mu = 255.0f32;
    let folded = s.signum() * (1.0 + mu * s.abs().min(1.0)).ln() / (1.0 + mu).ln();
    let coded = (folded * 127.0).round() / 127.0;
    coded.signum() * ((1.0 + mu).powf(coded.abs()) - 1.0) / mu
}
