//! Phonemes from espeak-ng, run as a program (it is GPL, so never linked).

use std::io::Write;
use std::process::{Command, Stdio};

use crate::SpeechError;
use crate::voices::Language;

/// Whether the program is there.
pub fn is_installed() -> bool {
    Command::new("espeak-ng")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// The text's phonemes in Kokoro's alphabet, words separated by spaces.
pub fn phonemes(text: &str, language: Language) -> Result<String, SpeechError> {
    let mut child = Command::new("espeak-ng")
        .args([
            "-q",
            "--ipa",
            "--tie=^",
            "-b",
            "1",
            "-v",
            language.espeak(),
            "--stdin",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|_| SpeechError::NoEspeak {
            language: language.name(),
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A closed pipe shows in the exit status.
        let _ = stdin.write_all(text.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|e| SpeechError::Espeak(e.to_string()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(SpeechError::Espeak(text.trim().to_owned()));
    }
    let ipa = String::from_utf8_lossy(&output.stdout);
    Ok(to_kokoro(&ipa, language))
}

/// espeak's IPA in misaki's letters (misaki `espeak.py`, E2M).
fn to_kokoro(ipa: &str, language: Language) -> String {
    const TIED: [(&str, &str); 14] = [
        ("a^ɪ", "I"),
        ("a^ʊ", "W"),
        ("d^z", "ʣ"),
        ("d^ʒ", "ʤ"),
        ("e^ɪ", "A"),
        ("o^ʊ", "O"),
        ("ə^ʊ", "Q"),
        ("s^s", "S"),
        ("t^s", "ʦ"),
        ("t^ʃ", "ʧ"),
        ("ɔ^ɪ", "Y"),
        ("ə^l", "ᵊl"),
        ("ʔ", "t"),
        ("ɬ", "l"),
    ];
    let mut text = ipa.trim().replace('\n', " ");
    for (from, to) in TIED {
        text = text.replace(from, to);
    }
    // Marks of a switch of language, and combining marks the model never saw.
    let mut out = String::with_capacity(text.len());
    let mut in_mark = false;
    for c in text.chars() {
        match c {
            '(' => in_mark = true,
            ')' => in_mark = false,
            '^' | '\u{329}' | '\u{32a}' | '\u{361}' | '-' => {}
            'ɚ' if language != Language::AmericanEnglish => out.push_str("əɹ"),
            'r' if matches!(
                language,
                Language::AmericanEnglish | Language::BritishEnglish
            ) =>
            {
                out.push('ɹ')
            }
            'x' if matches!(
                language,
                Language::AmericanEnglish | Language::BritishEnglish
            ) =>
            {
                out.push('k')
            }
            'ː' if language == Language::AmericanEnglish => {}
            c if !in_mark => out.push(c),
            _ => {}
        }
    }
    out
}
