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
    /// Words of another language, which a voice of that language says.
    pub loan: Option<Loan<'a>>,
}

/// Tokens of another language among the others. A voice that never heard that
/// language slurs them, so each run of them is spoken by itself by one that
/// knows it, at the first one's pitch, and set in its place.
#[derive(Clone, Copy, Debug)]
pub struct Loan<'a> {
    pub voice: &'a Voice,
    /// One a token: whether it is such a one.
    pub tokens: &'a [bool],
}

impl Default for SynthOptions<'_> {
    fn default() -> Self {
        Self {
            speed: 1.0,
            token_speed: &[],
            token_semitones: &[],
            loan: None,
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
        // Someone waits: the decoder is half of the weights.
        let (decoder, (albert, text, predictor)) = rayon::join(
            || Decoder::load(&weights),
            || {
                (
                    Albert::load(&weights),
                    TextEncoder::load(&weights),
                    Predictor::load(&weights),
                )
            },
        );
        Ok(Self {
            vocab,
            albert: albert?,
            text: text?,
            predictor: predictor?,
            decoder: decoder?,
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
        let mut whole = self.say(tokens, voice.style(tokens.len()), options, None)?;
        let Some(loan) = options.loan else {
            return Ok(whole);
        };
        let level = mean_log_pitch(&whole.f0_hz);
        let mut end = loan.tokens.len().min(tokens.len());
        // From the last to the first, so that what is before stays where it is.
        while let Some(last) = loan.tokens[..end].iter().rposition(|l| *l) {
            let first = loan.tokens[..last]
                .iter()
                .rposition(|l| !*l)
                .map_or(0, |i| i + 1);
            let run = first..last + 1;
            let part = SynthOptions {
                speed: options.speed,
                token_speed: options.token_speed.get(run.clone()).unwrap_or(&[]),
                token_semitones: options.token_semitones.get(run.clone()).unwrap_or(&[]),
                loan: None,
            };
            let place = Place {
                level,
                last_frames: whole.token_frames[last] + 1,
            };
            let style = loan.voice.style(run.len());
            let spoken = self.say(&tokens[run.clone()], style, &part, Some(place))?;
            whole.put(run, spoken);
            end = first;
        }
        Ok(whole)
    }

    /// One utterance in one style.
    fn say(
        &self,
        tokens: &[u32],
        style: &[f32],
        options: &SynthOptions<'_>,
        place: Option<Place>,
    ) -> Result<Utterance, KokoroError> {
        let (sound_style, prosody_style) = style.split_at(STYLE);

        let mut padded = Vec::with_capacity(tokens.len() + 2);
        padded.push(PAD);
        padded.extend_from_slice(tokens);
        padded.push(PAD);

        let bert = self.albert.run(&padded)?;
        let text = self.predictor.encode(&bert, prosody_style);
        let mut frames: Vec<u32> = self
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
        if let Some(place) = place {
            frames[tokens.len()] = frames[tokens.len()].min(place.last_frames);
        }

        let (mut pitch, energy) = self
            .predictor
            .curves(&text.expand_columns(&frames), prosody_style);
        if let Some(place) = place {
            let factor = (place.level - mean_log_pitch(&pitch.data)).exp();
            for f0 in pitch.data.iter_mut().filter(|f0| **f0 > VOICED_HZ) {
                *f0 *= factor;
            }
        }
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

/// What a run of tokens is set between.
#[derive(Clone, Copy)]
struct Place {
    /// Mean of ln(Hz) that its pitch is moved to.
    level: f32,
    /// Its last token is no longer than this: nothing ends here.
    last_frames: u32,
}

/// Pitch at or under this is none.
const VOICED_HZ: f32 = 10.0;

fn mean_log_pitch(f0_hz: &[f32]) -> f32 {
    let voiced = f0_hz.iter().filter(|f0| **f0 > VOICED_HZ);
    let (n, sum) = voiced.fold((0, 0.0), |(n, sum), f0| (n + 1, sum + f0.ln()));
    sum / (n.max(1) as f32)
}

impl Utterance {
    /// Sets `other`, without its silence, in the place of the tokens `run`.
    fn put(&mut self, run: std::ops::Range<usize>, other: Self) {
        let before: u32 = self.lead_frames + self.token_frames[..run.start].iter().sum::<u32>();
        let was: u32 = self.token_frames[run.clone()].iter().sum();
        let (from, to) = (before as usize, (before + was) as usize);
        let length: u32 = other.token_frames.iter().sum();
        let theirs = other.lead_frames as usize..(other.lead_frames + length) as usize;
        let cut = |s: &[f32], each: usize, r: &std::ops::Range<usize>| {
            s[(r.start * each).min(s.len())..(r.end * each).min(s.len())].to_vec()
        };
        let mut sound = cut(&other.samples, FRAME_SAMPLES, &theirs);
        let own = &self.samples[from * FRAME_SAMPLES..(to * FRAME_SAMPLES).min(self.samples.len())];
        // The old sound fades into the new and back, over 10 ms at each end.
        let fade = (SAMPLE_RATE_HZ as usize / 100)
            .min(sound.len() / 2)
            .min(own.len() / 2);
        for k in 0..fade {
            let t = (k as f32 + 0.5) / fade as f32;
            sound[k] = own[k] + (sound[k] - own[k]) * t;
            let (a, b) = (sound.len() - 1 - k, own.len() - 1 - k);
            sound[a] = own[b] + (sound[a] - own[b]) * t;
        }
        self.samples.splice(
            from * FRAME_SAMPLES..(to * FRAME_SAMPLES).min(self.samples.len()),
            sound,
        );
        self.f0_hz
            .splice(2 * from..2 * to, cut(&other.f0_hz, 2, &theirs));
        self.token_frames.splice(run, other.token_frames);
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
