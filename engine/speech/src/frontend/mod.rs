//! Text → words with phonemes in Kokoro's alphabet.
//!
//! A sentence is cut into runs of Chinese and of everything else, each run is
//! normalised (numbers, dates …) and read by its own language's rules; every
//! spoken word knows the text it was written as.

pub mod espeak;
mod han_ipa;
mod numbers;
mod pinyin;

use std::path::Path;
use std::sync::OnceLock;

use huashen_script::Reading;
use misaki_rs::{G2P, Language as MisakiLanguage};

use crate::SpeechError;
use crate::voices::Language;
use numbers::Piece;
use pinyin::{Pinyin, Syllable};

/// One written word and how it sounds.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenWord {
    /// As written, with its own punctuation.
    pub text: String,
    /// Kokoro's phoneme letters, no spaces at the ends; may be several spoken words.
    pub phonemes: String,
    /// Punctuation said after it, as the model knows it (`,` `.` `!` `?` `;` `:` `…` `—`), or nothing.
    pub after: String,
    /// Whether a blank separates it from the next word for the model.
    pub spaced: bool,
}

/// Reads text aloud, in phonemes.
pub struct FrontEnd {
    pinyin: Pinyin,
    american: G2P,
    british: OnceLock<G2P>,
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(c as u32, 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF)
        || c == '〇'
}

impl FrontEnd {
    /// Loads what `models_dir` has for it.
    pub fn open(models_dir: &Path) -> Result<Self, SpeechError> {
        // A quarter of a second each.
        let (pinyin, american) = rayon::join(
            || Pinyin::open(&models_dir.join("pypinyin")),
            || G2P::new(MisakiLanguage::EnglishUS),
        );
        Ok(Self {
            pinyin: pinyin?,
            american,
            british: OnceLock::new(),
        })
    }

    fn misaki(&self, language: Language) -> &G2P {
        match language {
            Language::BritishEnglish => self
                .british
                .get_or_init(|| G2P::new(MisakiLanguage::EnglishGB)),
            _ => &self.american,
        }
    }

    /// One sentence (or less) in the language of its voice.
    pub fn read(&self, text: &str, language: Language) -> Result<Vec<SpokenWord>, SpeechError> {
        let text = tidy(text);
        let has_han = text.chars().any(is_han);
        let foreign = !matches!(
            language,
            Language::Mandarin | Language::AmericanEnglish | Language::BritishEnglish
        );
        if foreign && !has_han {
            return espeak_words(&text, language);
        }
        let pieces = match has_han
            || (language == Language::Mandarin && !text.chars().any(|c| c.is_ascii_alphabetic()))
        {
            true => numbers::chinese(&text),
            false => numbers::english(&text),
        };
        let mut words = Vec::new();
        for run in runs(&pieces) {
            match run.han {
                true => self.han(&run.pieces, &mut words),
                false => self.latin(&run.pieces, language, &mut words)?,
            }
        }
        // A model that hears two blanks pauses.
        words
            .retain(|w| !w.phonemes.is_empty() || !w.after.is_empty() || !w.text.trim().is_empty());
        Ok(words)
    }

    /// A word with its reading given in the script.
    pub fn read_as(
        &self,
        text: &str,
        reading: &Reading,
        language: Language,
    ) -> Result<Vec<SpokenWord>, SpeechError> {
        let phonemes = match reading {
            Reading::Sub(said) => {
                // Said with other words, shown as written.
                let words = self.read(said, language)?;
                let phonemes: Vec<&str> = words.iter().map(|w| w.phonemes.as_str()).collect();
                phonemes.join(" ")
            }
            Reading::Pinyin(syllables) => syllables
                .iter()
                .filter_map(|s| Syllable::from_numbered(s))
                .map(|s| han_ipa::phonemes(&s))
                .collect(),
            Reading::Ipa(ipa) => from_ipa(ipa),
        };
        if phonemes.trim().is_empty() {
            return Err(SpeechError::NoPhonemes(text.trim().to_owned()));
        }
        Ok(vec![SpokenWord {
            text: text.trim().to_owned(),
            phonemes: phonemes.trim().to_owned(),
            after: String::new(),
            spaced: text.ends_with(char::is_whitespace) || text.chars().all(is_han),
        }])
    }

    fn han(&self, pieces: &[Piece], words: &mut Vec<SpokenWord>) {
        // Words may cross pieces (三 + 分钟); each character knows its piece.
        let spoken: String = pieces.iter().map(|p| p.spoken.as_str()).collect();
        let mut owner = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            owner.extend(std::iter::repeat_n(i, piece.spoken.chars().count()));
        }
        let mut at = 0;
        let mut last_piece = usize::MAX;
        for word in self.pinyin.words(&spoken) {
            let n = word.text.chars().count();
            let phonemes: String = word.syllables.iter().map(han_ipa::phonemes).collect();
            let mut written = String::new();
            for (k, c) in word.text.chars().enumerate() {
                let piece = owner[at + k];
                if pieces[piece].written == pieces[piece].spoken {
                    written.push(c);
                } else if piece != last_piece {
                    // 2026 is written once, for the first word that says it.
                    written.push_str(&pieces[piece].written);
                }
                last_piece = piece;
            }
            at += n;
            if written.is_empty()
                && let Some(previous) = words.last_mut()
            {
                previous.phonemes.push(' ');
                previous.phonemes.push_str(&phonemes);
                continue;
            }
            words.push(SpokenWord {
                text: written,
                phonemes,
                after: String::new(),
                spaced: true,
            });
        }
    }

    fn latin(
        &self,
        pieces: &[Piece],
        language: Language,
        words: &mut Vec<SpokenWord>,
    ) -> Result<(), SpeechError> {
        let spoken: String = pieces.iter().map(|p| p.spoken.as_str()).collect();
        let mut ends = Vec::new();
        let mut at = 0;
        for piece in pieces {
            at += piece.spoken.len();
            ends.push(at);
        }
        let g2p = self.misaki(language);
        let (_, tokens) = g2p
            .g2p(&spoken)
            .map_err(|e| SpeechError::Espeak(e.to_string()))?;
        let mut at = 0;
        let mut last_changed = usize::MAX;
        for token in tokens {
            let start = at;
            at += token.text.len() + token.whitespace.len();
            let piece = ends
                .partition_point(|end| *end <= start)
                .min(pieces.len() - 1);
            let spaced = !token.whitespace.is_empty();
            let mark = punctuation(&token.text);
            let sounds = token
                .phonemes
                .as_deref()
                .filter(|p| p.chars().any(char::is_alphabetic));
            if sounds.is_none()
                && (!mark.is_empty() || !token.text.chars().any(char::is_alphanumeric))
            {
                match words.last_mut() {
                    Some(word) => {
                        word.after.push_str(&mark);
                        word.text.push_str(&token.text);
                        word.spaced |= spaced;
                    }
                    None if !mark.is_empty() => {}
                    None => {}
                }
                continue;
            }
            let phonemes = match sounds {
                Some(p) if !p.contains('❓') => p.to_owned(),
                _ => spelled(&token.text, g2p, language),
            };
            let changed = pieces[piece].written != pieces[piece].spoken;
            if changed && last_changed == piece {
                if let Some(word) = words.last_mut() {
                    word.phonemes.push(' ');
                    word.phonemes.push_str(phonemes.trim());
                    word.spaced = spaced;
                }
                continue;
            }
            last_changed = if changed { piece } else { usize::MAX };
            words.push(SpokenWord {
                text: match changed {
                    true => pieces[piece].written.clone(),
                    false => token.text.clone(),
                },
                phonemes: phonemes.trim().to_owned(),
                after: String::new(),
                spaced,
            });
        }
        Ok(())
    }
}

/// Neighbouring pieces of one script.
struct Run {
    han: bool,
    pieces: Vec<Piece>,
}

/// Splits pieces where Chinese characters meet anything else that is said.
fn runs(pieces: &[Piece]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut add = |han: bool, written: String, spoken: String| match runs.last_mut() {
        Some(run) if run.han == han => run.pieces.push(Piece { written, spoken }),
        _ => runs.push(Run {
            han,
            pieces: vec![Piece { written, spoken }],
        }),
    };
    for piece in pieces {
        let mut parts: Vec<(bool, String)> = Vec::new();
        for c in piece.spoken.chars() {
            match parts.last_mut() {
                Some((han, text)) if *han == is_han(c) => text.push(c),
                _ => parts.push((is_han(c), c.to_string())),
            }
        }
        let unchanged = piece.written == piece.spoken;
        for (i, (han, text)) in parts.into_iter().enumerate() {
            let written = match (unchanged, i) {
                (true, _) => text.clone(),
                (false, 0) => piece.written.clone(),
                // The rest of an expansion is written in its first part.
                (false, _) => String::new(),
            };
            add(han, written, text);
        }
    }
    runs
}

/// Full-width letters and punctuation to plain ones, marks that say nothing away.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '！'..='～' => out.extend(char::from_u32(c as u32 - 0xFEE0)),
            '。' | '｡' => out.push('.'),
            '、' => out.push(','),
            '“' | '”' | '„' | '「' | '」' | '『' | '』' | '《' | '》' | '〈' | '〉' | '【'
            | '】' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '…' => out.push('…'),
            '—' | '–' | '―' => out.push('—'),
            '·' | '•' | '*' | '#' | '_' | '|' | '~' | '^' | '`' => out.push(' '),
            '\n' | '\u{a0}' | '\u{3000}' => out.push(' '),
            // Emoji and other pictures.
            '\u{2190}'..='\u{21ff}'
            | '\u{2300}'..='\u{27ff}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{1f000}'..='\u{1faff}'
            | '\u{200b}'..='\u{200f}' => {}
            c => out.push(c),
        }
    }
    out
}

/// Punctuation as the model knows it; quotes and brackets are not said.
fn punctuation(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, ',' | '.' | '!' | '?' | ';' | ':' | '…' | '—'))
        .collect()
}

/// A word that no dictionary has: by espeak-ng where it is, else letter by letter.
fn spelled(word: &str, g2p: &G2P, language: Language) -> String {
    if word.chars().count() > 1
        && let Ok(sounds) = espeak::phonemes(word, language_of_letters(language))
        && !sounds.is_empty()
    {
        return sounds;
    }
    let letters: Vec<String> = word
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| c.to_uppercase().to_string())
        .collect();
    let mut out = Vec::new();
    for letter in letters {
        if let Ok((sounds, _)) = g2p.g2p(&letter)
            && !sounds.contains('❓')
        {
            out.push(sounds.trim().to_owned());
        }
    }
    out.join(" ")
}

fn language_of_letters(language: Language) -> Language {
    match language {
        Language::BritishEnglish => Language::BritishEnglish,
        _ => Language::AmericanEnglish,
    }
}

fn espeak_words(text: &str, language: Language) -> Result<Vec<SpokenWord>, SpeechError> {
    let mut words = Vec::new();
    // Clause by clause: espeak drops punctuation, the model wants it.
    for clause in text.split_inclusive([',', '.', '!', '?', ';', ':', '…', '—', '¿', '¡', '।'])
    {
        let said = clause.trim_matches(|c: char| !c.is_alphanumeric());
        if said.is_empty() {
            continue;
        }
        let phonemes = espeak::phonemes(said, language)?;
        let sounds: Vec<&str> = phonemes.split_whitespace().collect();
        let written: Vec<&str> = said.split_whitespace().collect();
        let mark = punctuation(&clause.replace('।', "."));
        let first = words.len();
        if sounds.len() == written.len() {
            for (w, s) in written.iter().zip(&sounds) {
                words.push((w.to_string(), s.to_string()));
            }
        } else {
            words.push((said.to_owned(), sounds.join(" ")));
        }
        let last = words.len();
        debug_assert!(last > first);
        if let Some((text, _)) = words.last_mut() {
            text.push_str(&mark);
        }
    }
    Ok(words
        .into_iter()
        .map(|(text, phonemes)| SpokenWord {
            after: punctuation(&text),
            text,
            phonemes,
            spaced: true,
        })
        .collect())
}

/// IPA as people write it, in misaki's letters.
fn from_ipa(ipa: &str) -> String {
    let mut text: String = ipa
        .chars()
        .filter(|c| !matches!(c, '\u{361}' | '\u{35c}' | '.' | '\u{32f}' | '\u{329}'))
        .collect();
    for (from, to) in [
        ("aɪ", "I"),
        ("aʊ", "W"),
        ("eɪ", "A"),
        ("oʊ", "O"),
        ("əʊ", "Q"),
        ("ɔɪ", "Y"),
        ("dʒ", "ʤ"),
        ("tʃ", "ʧ"),
        ("ts", "ʦ"),
        ("dz", "ʣ"),
        ("g", "ɡ"),
        ("'", "ˈ"),
        ("r", "ɹ"),
    ] {
        text = text.replace(from, to);
    }
    text
}
