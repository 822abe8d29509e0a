//! A voice is a table of style vectors; the vocabulary maps phonemes to tokens.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::{KokoroError, MAX_TOKENS};

/// Values in one style row: half for the sound, half for the prosody.
pub const STYLE_WIDTH: usize = 256;

/// A style row for each length of utterance, 1 to [`MAX_TOKENS`] tokens.
#[derive(Clone, Debug)]
pub struct Voice {
    rows: Vec<f32>,
}

impl Voice {
    /// Reads `MAX_TOKENS × STYLE_WIDTH` little-endian f32.
    pub fn open(path: &Path) -> Result<Self, KokoroError> {
        let bytes = std::fs::read(path).map_err(|source| KokoroError::Read {
            path: path.to_owned(),
            source,
        })?;
        let expected = MAX_TOKENS * STYLE_WIDTH * 4;
        if bytes.len() != expected {
            return Err(KokoroError::VoiceSize {
                path: path.to_owned(),
                expected,
                found: bytes.len(),
            });
        }
        Ok(Self {
            rows: bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        })
    }

    /// The row for an utterance of `tokens` tokens.
    pub fn style(&self, tokens: usize) -> &[f32] {
        let row = tokens.clamp(1, MAX_TOKENS) - 1;
        &self.rows[row * STYLE_WIDTH..(row + 1) * STYLE_WIDTH]
    }
}

/// Phoneme characters and their tokens.
#[derive(Clone, Debug, Deserialize)]
pub struct Vocab {
    vocab: HashMap<char, u32>,
}

impl Vocab {
    /// Reads `{"vocab": {"a": 43, …}}`.
    pub fn open(path: &Path) -> Result<Self, KokoroError> {
        let text = std::fs::read_to_string(path).map_err(|source| KokoroError::Read {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|e| KokoroError::Model {
            reason: format!("{} is not a vocabulary: {e}", path.display()),
        })
    }

    /// The token of one phoneme character; none for a character that the
    /// model does not know.
    pub fn token(&self, phoneme: char) -> Option<u32> {
        self.vocab.get(&phoneme).copied()
    }
}
