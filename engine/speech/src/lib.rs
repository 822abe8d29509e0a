//! `Script → Speech`: text normalisation, G2P, the Kokoro voice, timing, loudness.

mod align;
mod error;
pub mod frontend;
pub mod kokoro;
mod loudness;
mod prosody;
pub mod recognise;
mod sentences;
mod synth;
mod voices;

pub use error::SpeechError;
pub use loudness::{Leveller, Loudness, LoudnessMeter};
pub use prosody::ProsodyMeter;
pub use recognise::{Heard, Listening, Recogniser};
pub use synth::{Speaking, Synthesizer};
pub use voices::{Language, VoiceInfo, find_voice, voices};
