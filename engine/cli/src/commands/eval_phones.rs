//! Recorded English whose phonemes somebody aligned: for `huashen eval motion`.

use std::path::Path;

use anyhow::Context;
use huashen_core::{Phoneme, Timing};
use serde::Deserialize;

/// An alignment as PocketSphinx prints it: words, phones inside them, begin
/// and duration in seconds, phones in ARPAbet.
#[derive(Deserialize)]
struct Aligned {
    #[serde(rename = "d")]
    duration_secs: f64,
    #[serde(rename = "w")]
    words: Vec<AlignedWord>,
}

#[derive(Deserialize)]
struct AlignedWord {
    #[serde(rename = "w", default)]
    phones: Vec<AlignedPhone>,
}

#[derive(Deserialize)]
struct AlignedPhone {
    #[serde(rename = "t")]
    name: String,
    #[serde(rename = "b")]
    start_secs: f64,
    #[serde(rename = "d")]
    duration_secs: f64,
}

/// The phonemes of `NAME.phone.json`.
pub fn read(path: &Path) -> anyhow::Result<Timing> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let aligned: Aligned = serde_json::from_str(&text)
        .with_context(|| format!("{}: not an alignment of phonemes", path.display()))?;
    let phones = aligned.words.iter().flat_map(|w| &w.phones);
    let phonemes = phones
        .filter_map(|phone| {
            Some(Phoneme {
                ipa: ipa(&phone.name)?.to_owned(),
                start_secs: phone.start_secs,
                end_secs: phone.start_secs + phone.duration_secs,
                stress: 1,
                word: None,
            })
        })
        .collect();
    Ok(Timing {
        duration_secs: aligned.duration_secs,
        phonemes,
        ..Timing::default()
    })
}

/// ARPAbet to IPA; none for silence and noise.
fn ipa(arpabet: &str) -> Option<&'static str> {
    Some(match arpabet {
        "AA" => "ɑ",
        "AE" => "æ",
        "AH" => "ʌ",
        "AO" => "ɔ",
        "AW" => "aʊ",
        "AY" => "aɪ",
        "B" => "b",
        "CH" => "t͡ʃ",
        "D" => "d",
        "DH" => "ð",
        "EH" => "ɛ",
        "ER" => "ɝ",
        "EY" => "eɪ",
        "F" => "f",
        "G" => "ɡ",
        "HH" => "h",
        "IH" => "ɪ",
        "IY" => "i",
        "JH" => "d͡ʒ",
        "K" => "k",
        "L" => "l",
        "M" => "m",
        "N" => "n",
        "NG" => "ŋ",
        "OW" => "oʊ",
        "OY" => "ɔɪ",
        "P" => "p",
        "R" => "ɹ",
        "S" => "s",
        "SH" => "ʃ",
        "T" => "t",
        "TH" => "θ",
        "UH" => "ʊ",
        "UW" => "u",
        "V" => "v",
        "W" => "w",
        "Y" => "j",
        "Z" => "z",
        "ZH" => "ʒ",
        _ => return None,
    })
}
