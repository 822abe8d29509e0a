//! What can go wrong between a script and its sound.

use std::path::PathBuf;

use thiserror::Error;

use crate::kokoro::KokoroError;

#[derive(Debug, Error)]
pub enum SpeechError {
    #[error("{path} is missing or damaged ({reason}); run `huashen setup speech`")]
    MissingModel { path: PathBuf, reason: String },
    #[error("{path} is missing or damaged ({reason}); run `huashen setup listen`")]
    MissingRecogniser { path: PathBuf, reason: String },
    #[error("the recogniser hears {expected} samples a second, not {found}")]
    HeardRate { expected: u32, found: u32 },
    #[error("the recogniser knows no language `{0}`; it knows codes such as zh, en, de")]
    UnheardLanguage(String),
    #[error("the recogniser failed: {0}")]
    Recogniser(#[from] candle_core::Error),
    #[error("there is no voice `{name}`{}", nearest_text(.nearest))]
    UnknownVoice { name: String, nearest: Vec<String> },
    #[error(
        "speaking {language} needs the program espeak-ng; install it (`apt-get install espeak-ng`), or choose an English or Mandarin voice"
    )]
    NoEspeak { language: &'static str },
    #[error("espeak-ng failed: {0}")]
    Espeak(String),
    #[error("`{0}` could not be turned into sounds")]
    NoPhonemes(String),
    #[error(transparent)]
    Voice(#[from] KokoroError),
    #[error("the loudness could not be measured: {0}")]
    Loudness(#[from] ebur128::Error),
}

impl SpeechError {
    /// Whether the machine lacks something (a model, a program), rather than
    /// the input being wrong.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::MissingModel { .. }
                | Self::MissingRecogniser { .. }
                | Self::NoEspeak { .. }
                | Self::Voice(KokoroError::Read { .. } | KokoroError::Model { .. })
        )
    }
}

fn nearest_text(nearest: &[String]) -> String {
    match nearest {
        [] => "; `huashen speak --voices` lists them".to_owned(),
        names => format!("; did you mean {}?", names.join(", ")),
    }
}
