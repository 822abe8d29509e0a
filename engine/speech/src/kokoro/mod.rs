//! Kokoro-82M v1.0, a StyleTTS2 voice: phoneme tokens and a style row in,
//! 24 kHz sound and the length of every token out.
//!
//! Follows hexgrad/kokoro (`kokoro/{model,modules,istftnet}.py`); the weights
//! come from the int8 ONNX export and are used as f32. `tests/kokoro.rs` holds
//! it against ONNX Runtime.

mod albert;
mod decoder;
mod kernels;
mod layers;
mod predictor;
mod voice;
mod weights;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use voice::{STYLE_WIDTH, Vocab, Voice};

use albert::Albert;
use decoder::Decoder;
use kernels::Signal;
use layers::STYLE;
use predictor::{Predictor, TextEncoder};
use weights::Weights;

/// Samples a second of all Kokoro sound.
pub const SAMPLE_RATE_HZ: u32 = 24_000;
/// Samples of one duration frame: 25 ms.
pub const FRAME_SAMPLES: usize = 600;
/// The most tokens one utterance may have.
pub const MAX_TOKENS: usize = 510;
/// The token that pads both ends.
const PAD: u32 = 0;

#[derive(Debug, Error)]
pub enum KokoroError {
    #[error("{path} cannot be read: {source}; run `huashen setup speech`")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the voice model is not the expected one: {reason}; run `huashen setup speech`")]
    Model { reason: String },
    #[error("{path} is not a voice: it has {found} bytes, expected {expected}")]
    VoiceSize {
        path: PathBuf,
        expected: usize,
        found: usize,
    },
    #[error("an utterance has 1 to {MAX_TOKENS} phoneme tokens, not {0}")]
    TokenCount(usize),
    #[error("the voice model failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// How an utterance is spoken.
#[derive(Clone, Copy, Debug)]
pub struct SynthOptions<'a> {
    /// Relative speed of the whole, 1 as the voice speaks.
    pub speed: f32,
    /// A speed factor a token on top; empty for none.
    pub token_speed: &'a [f32],
    /// A pitch offset a token in semitones; empty for none.
    pub token_semitones: &'a [f32],
}

impl Default for SynthOptions<'_> {
    fn default() -> Self {
        Self {
            speed: 1.0,
            token_speed: &[],
            token_semitones: &[],
        }
    }
}

/// Sound and the length of each token in frames of [`FRAME_SAMPLES`].
#[derive(Clone, Debug)]
pub struct Utterance {
    pub samples: Vec<f32>,
    /// One entry a token, without the pads.
    pub token_frames: Vec<u32>,
    /// Frames of the pads before and after.
    pub lead_frames: u32,
    pub tail_frames: u32,
    /// Fundamental frequency in Hz, two values a frame, at most 10 where unvoiced.
    pub f0_hz: Vec<f32>,
}

/// The loaded model. `synthesize` may be called from one thread at a time; it
/// uses all cores itself.
pub struct Kokoro {
    vocab: Vocab,
    albert: Albert,
    text: TextEncoder,
    predictor: Predictor,
    decoder: Decoder,
}

impl Kokoro {
    /// Loads `model.onnx` and `vocab.json` from `dir`.
    pub fn open(dir: &Path) -> Result<Self, KokoroError> {
        let vocab = Vocab::open(&dir.join("vocab.json"))?;
        let weights = Weights::open(&dir.join("model.onnx"))?;
        Ok(Self {
            vocab,
            albert: Albert::load(&weights)?,
            text: TextEncoder::load(&weights)?,
            predictor: Predictor::load(&weights)?,
            decoder: Decoder::load(&weights)?,
        })
    }

    /// Phoneme characters and their tokens.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Speaks `tokens` (1 to [`MAX_TOKENS`], without pads) with `voice`.
    pub fn synthesize(
        &self,
        tokens: &[u32],
        voice: &Voice,
        options: &SynthOptions<'_>,
    ) -> Result<Utterance, KokoroError> {
        if tokens.is_empty() || tokens.len() > MAX_TOKENS {
            return Err(KokoroError::TokenCount(tokens.len()));
        }
        let style = voice.style(tokens.len());
        let (sound_style, prosody_style) = style.split_at(STYLE);

        let mut padded = Vec::with_capacity(tokens.len() + 2);
        padded.push(PAD);
        padded.extend_from_slice(tokens);
        padded.push(PAD);

        let bert = self.albert.run(&padded)?;
        let text = self.predictor.encode(&bert, prosody_style);
        let frames: Vec<u32> = self
            .predictor
            .durations(&text)
            .into_iter()
            .enumerate()
            .map(|(i, d)| {
                let own = i.checked_sub(1).and_then(|i| options.token_speed.get(i));
                let speed = options.speed * own.copied().unwrap_or(1.0);
                // Half to even, as the upstream runtime rounds.
                (d / speed.max(0.05)).round_ties_even().max(1.0) as u32
            })
            .collect();

        let (mut pitch, energy) = self
            .predictor
            .curves(&text.expand_columns(&frames), prosody_style);
        shift_pitch(&mut pitch, &frames, options.token_semitones);
        let timed = self.text.run(&padded).expand_columns(&frames);
        let samples = self.decoder.run(&timed, &pitch, &energy, sound_style);
        Ok(Utterance {
            samples,
            token_frames: frames[1..frames.len() - 1].to_vec(),
            lead_frames: frames[0],
            tail_frames: frames[frames.len() - 1],
            f0_hz: pitch.data,
        })
    }
}

/// Raises or lowers the pitch of each token's frames.
fn shift_pitch(pitch: &mut Signal, frames: &[u32], semitones: &[f32]) {
    let mut at = 0;
    for (i, count) in frames.iter().enumerate() {
        let steps = 2 * *count as usize;
        let own = i.checked_sub(1).and_then(|i| semitones.get(i));
        if let Some(&own) = own.filter(|s| **s != 0.0) {
            let factor = (own / 12.0).exp2();
            for f0 in &mut pitch.data[at..at + steps] {
                *f0 *= factor;
            }
        }
        at += steps;
    }
}
