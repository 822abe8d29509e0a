//! Whisper's tokens and the text they stand for.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::net::{HEADS, LAYERS, VOCABULARY};
use crate::SpeechError;

/// A tenth of the vocabulary's 52 thousand lines is longer than 10 bytes.
const MOST_BYTES: u64 = 4 << 20;

/// `config.json`, the part that is read.
#[derive(Deserialize)]
struct Config {
    /// Layer and head.
    alignment_heads: Vec<(usize, usize)>,
    suppress_ids: Vec<u32>,
    suppress_ids_begin: Vec<u32>,
}

/// The tokens that are no text.
pub(super) struct Special {
    pub end_of_text: u32,
    pub start: u32,
    pub transcribe: u32,
    /// What follows is text from before.
    pub previous: u32,
    pub no_speech: u32,
    pub no_timestamps: u32,
    /// 0 s; 20 ms more each token from here.
    pub first_time: u32,
}

pub(super) struct Vocabulary {
    /// The bytes of each text token: parts of UTF-8.
    bytes: Vec<Vec<u8>>,
    pub special: Special,
    /// Codes and tokens of the languages.
    languages: Vec<(String, u32)>,
    /// Never said, and not said first.
    pub suppressed: Vec<u32>,
    pub suppressed_first: Vec<u32>,
    /// Layers and heads whose attention follows the sound.
    pub alignment_heads: Vec<(usize, usize)>,
}

impl Vocabulary {
    /// Loads `vocabulary.txt` and `config.json` from `dir`.
    pub fn open(dir: &Path) -> Result<Self, SpeechError> {
        let read = |name: &str| {
            let path = dir.join(name);
            let size = std::fs::metadata(&path).map(|m| m.len());
            let text = match size {
                Ok(n) if n > MOST_BYTES => Err(format!("it has {n} bytes")),
                _ => std::fs::read_to_string(&path).map_err(|e| e.to_string()),
            };
            text.map_err(|reason| SpeechError::MissingRecogniser { path, reason })
        };
        let damaged = |name: &str, reason: String| SpeechError::MissingRecogniser {
            path: dir.join(name),
            reason,
        };
        let text = read("vocabulary.txt")?;
        let config: Config = serde_json::from_str(&read("config.json")?)
            .map_err(|e| damaged("config.json", e.to_string()))?;
        let known = |ids: &[u32]| ids.iter().all(|id| (*id as usize) < VOCABULARY);
        let heads = &config.alignment_heads;
        if !known(&config.suppress_ids)
            || !known(&config.suppress_ids_begin)
            || heads.is_empty()
            || heads.iter().any(|(l, h)| *l >= LAYERS || *h >= HEADS)
        {
            let reason = "it names tokens or heads that the model does not have";
            return Err(damaged("config.json", reason.to_owned()));
        }
        Self::parse(&text, config).map_err(|reason| damaged("vocabulary.txt", reason))
    }

    fn parse(text: &str, config: Config) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() != VOCABULARY {
            return Err(format!("it has {} lines, not {VOCABULARY}", lines.len()));
        }
        let find = |name: &str| {
            lines
                .iter()
                .position(|l| *l == name)
                .map(|i| i as u32)
                .ok_or_else(|| format!("it has no {name}"))
        };
        let special = Special {
            end_of_text: find("<|endoftext|>")?,
            start: find("<|startoftranscript|>")?,
            transcribe: find("<|transcribe|>")?,
            previous: find("<|startofprev|>")?,
            no_speech: find("<|nocaptions|>")?,
            no_timestamps: find("<|notimestamps|>")?,
            first_time: find("<|0.00|>")?,
        };
        let languages = (special.start + 1..find("<|translate|>")?)
            .map(|id| {
                let name = lines[id as usize];
                let code = name.strip_prefix("<|").and_then(|n| n.strip_suffix("|>"));
                let code = code.ok_or_else(|| format!("`{name}` is no language"))?;
                Ok((code.to_owned(), id))
            })
            .collect::<Result<_, String>>()?;
        let letters = letters();
        let bytes = lines[..special.end_of_text as usize]
            .iter()
            .map(|line| {
                line.chars()
                    .map(|c| letters.get(&c).copied())
                    .collect::<Option<Vec<u8>>>()
                    .ok_or_else(|| format!("`{line}` is no token"))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            bytes,
            special,
            languages,
            suppressed: config.suppress_ids,
            suppressed_first: config.suppress_ids_begin,
            alignment_heads: config.alignment_heads,
        })
    }

    /// Codes and tokens of all languages.
    pub fn languages(&self) -> &[(String, u32)] {
        &self.languages
    }

    /// Whether `token` is a time, and which, in steps of 20 ms.
    pub fn time(&self, token: u32) -> Option<u32> {
        token.checked_sub(self.special.first_time)
    }

    pub fn is_text(&self, token: u32) -> bool {
        token < self.special.end_of_text
    }

    /// The bytes of a text token; none of any other.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// Groups text tokens into the least runs that are whole characters.
    /// Bytes that are none by themselves become U+FFFD at the end.
    pub fn characters(&self, tokens: &[u32]) -> Vec<Piece> {
        let mut out = Vec::new();
        let mut bytes: Vec<u8> = Vec::new();
        let mut n = 0;
        for token in tokens {
            bytes.extend(self.bytes(*token));
            n += 1;
            let text = match std::str::from_utf8(&bytes) {
                Ok(text) => text.to_owned(),
                // A character may yet be finished.
                Err(e) if e.error_len().is_none() => continue,
                Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
            };
            out.push(Piece { text, tokens: n });
            bytes.clear();
            n = 0;
        }
        if n > 0 {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            out.push(Piece { text, tokens: n });
        }
        out
    }

    /// Groups text tokens into what is timed by itself: words with the blanks
    /// before them, and marks, which a speaker's pause may belong to. Where
    /// `spaced` is not set, the language writes no spaces, and every run of
    /// whole characters is a piece.
    pub fn pieces(&self, tokens: &[u32], spaced: bool) -> Vec<Piece> {
        let characters = self.characters(tokens);
        if !spaced {
            return characters;
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for next in characters {
            match pieces.last_mut() {
                Some(piece)
                    if !next.text.starts_with(' ')
                        && !is_mark(&next.text)
                        && !is_mark(&piece.text) =>
                {
                    piece.text.push_str(&next.text);
                    piece.tokens += next.tokens;
                }
                _ => pieces.push(next),
            }
        }
        pieces
    }
}

/// So many tokens and their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub text: String,
    pub tokens: usize,
}

/// Whether nothing but marks is there.
pub(super) fn is_mark(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_alphanumeric)
}

/// GPT-2's letters for bytes: those that print stand for themselves, the others,
/// in order, for the code points from 256.
fn letters() -> HashMap<char, u8> {
    let prints = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 256;
    (0..=u8::MAX)
        .map(|b| {
            let letter = if prints(b) {
                char::from(b)
            } else {
                next += 1;
                char::from_u32(next - 1).unwrap_or_default()
            };
            (letter, b)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_letter_of_its_own() {
        let letters = letters();
        assert_eq!(letters.len(), 256);
        assert_eq!(letters.get(&'Ġ'), Some(&b' '));
        assert_eq!(letters.get(&'Ċ'), Some(&b'\n'));
        assert_eq!(letters.get(&'ł'), Some(&0xA0));
        assert_eq!(letters.get(&'Ń'), Some(&0xAD));
    }

    #[test]
    fn marks_are_no_words() {
        assert!(is_mark(" -") && is_mark("。"));
        assert!(!is_mark(" a.") && !is_mark(" "));
    }
}
