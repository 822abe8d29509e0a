//! Parity with CTranslate2 on the same weights.
//!
//! `tests/data/whisper_reference.json` was made by
//! `tools/fixtures/whisper_reference.py`.

use huashen_core::paths::models_dir;
use serde::Deserialize;

use super::mel::FRAMES;
use super::*;
use crate::Synthesizer;

#[path = "../../tests/common/mod.rs"]
mod common;

#[derive(Deserialize)]
struct Reference {
    /// Frames of `mel`, all bands of each.
    frames: Vec<usize>,
    mel: Vec<Vec<f32>>,
    /// Rows of `encoded`, the first columns of each.
    rows: Vec<usize>,
    encoded: Vec<Vec<f32>>,
    text: String,
    language: String,
    tokens: Vec<u32>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../tests/data/whisper_reference.json")).unwrap()
}

/// The models' folder, or nothing where one was not fetched and not required.
fn models(needs: &[(&str, &str)]) -> Option<std::path::PathBuf> {
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    for (group, file) in needs {
        if !models_dir().join(file).exists() {
            assert!(
                !required.split_whitespace().any(|r| r == *group),
                "the model is required: run `huashen setup {group}`"
            );
            println!("skipped: {file} is not here");
            return None;
        }
    }
    Some(models_dir())
}

const LISTEN: (&str, &str) = ("listen", "whisper/model.bin");
const SPEECH: (&str, &str) = ("speech", "kokoro/model.onnx");

/// The script's chirp.
fn chirp() -> Vec<f32> {
    use std::f64::consts::TAU;
    (0..64_000)
        .map(|n| {
            let t = f64::from(n) / 16_000.0;
            let swell = 0.5 + 0.5 * (TAU * 3.0 * t).sin();
            (0.5 * (TAU * (200.0 * t + 150.0 * t * t)).sin() * swell) as f32
        })
        .collect()
}

#[test]
fn mel_bands_are_those_of_the_reference() {
    let reference = reference();
    let mel = Mel::new().run(&chirp()).unwrap();
    let mut most = 0.0_f32;
    for (frame, bands) in reference.frames.iter().zip(&reference.mel) {
        for (band, expected) in bands.iter().enumerate() {
            most = most.max((mel[band * FRAMES + frame] - expected).abs());
        }
    }
    println!("mel: {most} apart at most");
    assert!(most < 1e-4, "{most} apart");
}

#[test]
fn the_encoder_gives_what_the_reference_gives() {
    let Some(dir) = models(&[LISTEN]) else { return };
    let reference = reference();
    let recogniser = Recogniser::open(&dir).unwrap();
    let mel = recogniser.mel.run(&chirp()).unwrap();
    let encoded = recogniser.encoder.run(mel).unwrap();
    let encoded = encoded.to_vec2::<f32>().unwrap();
    assert_eq!((encoded.len(), encoded[0].len()), (1500, 512));
    let mut most = 0.0_f32;
    for (row, columns) in reference.rows.iter().zip(&reference.encoded) {
        for (found, expected) in encoded[*row].iter().zip(columns) {
            most = most.max((found - expected).abs());
        }
    }
    println!("encoder: {most} apart at most");
    assert!(most < 1e-3, "{most} apart");
}

#[test]
fn speech_becomes_the_tokens_of_the_reference() {
    let Some(dir) = models(&[LISTEN, SPEECH]) else {
        return;
    };
    let reference = reference();
    let synth = Synthesizer::open(&dir).unwrap();
    let script = huashen_script::parse(&reference.text).unwrap().script;
    let mut samples = Vec::new();
    for piece in synth.speak(&script, None).unwrap() {
        samples.extend(piece.unwrap().samples);
    }
    let recogniser = Recogniser::open(&dir).unwrap();
    let mel = recogniser.mel.run(&common::at_16k(&samples)).unwrap();
    let frames = recogniser.encoder.run(mel).unwrap();
    let window = Window {
        decoder: &recogniser.decoder,
        vocabulary: &recogniser.vocabulary,
        memory: recogniser.decoder.memory(&frames).unwrap(),
    };
    let (code, language) = &recogniser.vocabulary.languages()[window.language().unwrap()];
    assert_eq!(format!("<|{code}|>"), reference.language);
    let decoded = window.decode(*language, &[]).unwrap();
    let text = |tokens: &[u32]| -> Vec<u32> {
        let text = tokens.iter().copied();
        text.filter(|t| recogniser.vocabulary.is_text(*t)).collect()
    };
    assert_eq!(text(&decoded.tokens), text(&reference.tokens));
    // The voice is not the same to the last bit on every machine.
    assert_eq!(decoded.tokens.len(), reference.tokens.len());
    for (found, expected) in decoded.tokens.iter().zip(&reference.tokens) {
        assert!(found.abs_diff(*expected) <= 2, "{found}, not {expected}");
    }
    assert!(!decoded.is_silence() && !decoded.circles);
}

#[test]
fn the_prompt_for_mandarin_reads_as_it_says() {
    let Some(dir) = models(&[LISTEN]) else { return };
    let vocabulary = Vocabulary::open(&dir.join("whisper")).unwrap();
    let bytes: Vec<u8> = MANDARIN
        .iter()
        .flat_map(|t| vocabulary.bytes(*t).to_vec())
        .collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), "以下是普通话的句子。");
    assert_eq!(vocabulary.languages().len(), 99);
    let pieces = vocabulary.characters(&MANDARIN);
    assert_eq!(pieces.iter().map(|p| p.tokens).sum::<usize>(), 10);
}

#[test]
fn the_models_own_file_cut_short_is_refused() {
    let Some(dir) = models(&[LISTEN]) else { return };
    let whole = std::fs::read(dir.join("whisper/model.bin")).unwrap();
    // In the header, in names, in sizes, in values.
    for n in (0..64).chain([100, 1 << 10, 1 << 20, 50 << 20]) {
        assert!(Weights::parse(whole[..n].to_vec()).is_err(), "{n} bytes");
    }
}
