//! The voices by name: `zf_xiaoxiao` is Mandarin (`z`), female (`f`), Xiaoxiao.

use std::path::Path;

use serde::Serialize;

use crate::SpeechError;

/// The languages that Kokoro's voices were trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    AmericanEnglish,
    BritishEnglish,
    Spanish,
    French,
    Hindi,
    Italian,
    Japanese,
    Portuguese,
    Mandarin,
}

impl Language {
    fn from_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'a' => Self::AmericanEnglish,
            'b' => Self::BritishEnglish,
            'e' => Self::Spanish,
            'f' => Self::French,
            'h' => Self::Hindi,
            'i' => Self::Italian,
            'j' => Self::Japanese,
            'p' => Self::Portuguese,
            'z' => Self::Mandarin,
            _ => return None,
        })
    }

    /// In English.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmericanEnglish => "American English",
            Self::BritishEnglish => "British English",
            Self::Spanish => "Spanish",
            Self::French => "French",
            Self::Hindi => "Hindi",
            Self::Italian => "Italian",
            Self::Japanese => "Japanese",
            Self::Portuguese => "Brazilian Portuguese",
            Self::Mandarin => "Mandarin",
        }
    }

    /// espeak-ng's name of the language.
    pub(crate) const fn espeak(self) -> &'static str {
        match self {
            Self::AmericanEnglish => "en-us",
            Self::BritishEnglish => "en-gb",
            Self::Spanish => "es",
            Self::French => "fr-fr",
            Self::Hindi => "hi",
            Self::Italian => "it",
            Self::Japanese => "ja",
            Self::Portuguese => "pt-br",
            Self::Mandarin => "cmn",
        }
    }
}

/// One voice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VoiceInfo {
    pub name: String,
    pub language: Language,
    /// `female` or `male`.
    pub gender: &'static str,
}

impl VoiceInfo {
    fn from_name(name: &str) -> Option<Self> {
        let mut letters = name.chars();
        let language = Language::from_letter(letters.next()?)?;
        let gender = match letters.next()? {
            'f' => "female",
            'm' => "male",
            _ => return None,
        };
        (letters.next()? == '_').then(|| Self {
            name: name.to_owned(),
            language,
            gender,
        })
    }
}

/// The voices in `models_dir`, sorted by name.
pub fn voices(models_dir: &Path) -> Result<Vec<VoiceInfo>, SpeechError> {
    let dir = models_dir.join("kokoro/voices");
    let missing = |reason: String| SpeechError::MissingModel {
        path: dir.clone(),
        reason,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&dir).map_err(|e| missing(e.to_string()))? {
        let path = entry.map_err(|e| missing(e.to_string()))?.path();
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        if path.extension().is_some_and(|e| e == "bin")
            && let Some(info) = stem.as_deref().and_then(VoiceInfo::from_name)
        {
            found.push(info);
        }
    }
    if found.is_empty() {
        return Err(missing("it holds no voice".to_owned()));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The voice of this name, or an error with the nearest ones. The part after
/// the prefix is enough (`xiaoxiao`).
pub fn find_voice<'a>(voices: &'a [VoiceInfo], name: &str) -> Result<&'a VoiceInfo, SpeechError> {
    let wanted = name.trim().to_lowercase();
    let found = voices.iter().find(|v| v.name == wanted).or_else(|| {
        voices
            .iter()
            .find(|v| v.name.get(3..) == Some(wanted.as_str()))
    });
    found.ok_or_else(|| {
        let mut near: Vec<(usize, &str)> = voices
            .iter()
            .map(|v| {
                let whole = strsim::damerau_levenshtein(&wanted, &v.name);
                let part = strsim::damerau_levenshtein(&wanted, v.name.get(3..).unwrap_or(""));
                (whole.min(part), v.name.as_str())
            })
            .filter(|(d, n)| *d <= 1 + n.len() / 3)
            .collect();
        near.sort_unstable();
        SpeechError::UnknownVoice {
            name: name.to_owned(),
            nearest: near
                .into_iter()
                .take(3)
                .map(|(_, n)| n.to_owned())
                .collect(),
        }
    })
}
