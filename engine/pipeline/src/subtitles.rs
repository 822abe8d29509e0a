//! Subtitles from timed words: one cue a line that can be read at once.

use huashen_core::{Timing, Word};

/// One subtitle.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    pub start_secs: f64,
    pub end_secs: f64,
    pub text: String,
}

/// Widest cue in columns; a Han character takes two (as in broadcast practice:
/// about 42 Latin letters or 20 Han characters a line).
const MAX_COLUMNS: usize = 42;
/// A pause this long ends a cue.
const PAUSE_SECS: f64 = 0.6;

/// Groups words into cues: at sentence ends, at pauses and at [`MAX_COLUMNS`].
pub fn cues(timing: &Timing) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    let mut open = false;
    for (i, word) in timing.words.iter().enumerate() {
        let text = word.text.trim();
        if text.is_empty() {
            continue;
        }
        match cues.last_mut() {
            Some(cue)
                if open
                    && word.start_secs - cue.end_secs < PAUSE_SECS
                    && columns(&cue.text) + columns(text) < MAX_COLUMNS =>
            {
                if needs_space(&cue.text, text) {
                    cue.text.push(' ');
                }
                cue.text.push_str(text);
                cue.end_secs = word.end_secs;
            }
            _ => cues.push(Cue {
                start_secs: word.start_secs,
                end_secs: word.end_secs,
                text: text.to_owned(),
            }),
        }
        open = !ends_cue(word, timing.words.get(i + 1));
    }
    cues
}

fn ends_cue(word: &Word, next: Option<&Word>) -> bool {
    word.ends_sentence || next.is_none()
}

fn is_wide(c: char) -> bool {
    matches!(c as u32, 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0x20000..=0x3FFFD)
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// Chinese sets no space between words; everything else does.
fn needs_space(left: &str, right: &str) -> bool {
    let (Some(l), Some(r)) = (left.chars().next_back(), right.chars().next()) else {
        return false;
    };
    !(is_wide(l) || is_wide(r))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(words: &[(&str, f64, f64, bool)]) -> Timing {
        Timing {
            duration_secs: 10.0,
            words: words
                .iter()
                .map(|&(text, start_secs, end_secs, ends_sentence)| Word {
                    text: text.into(),
                    start_secs,
                    end_secs,
                    ends_sentence,
                    emphasised: false,
                })
                .collect(),
            ..Timing::default()
        }
    }

    #[test]
    fn cues_end_at_sentences_and_pauses_and_join_by_script() {
        let cues = cues(&timing(&[
            ("Hello", 0.0, 0.4, false),
            ("world.", 0.4, 0.9, true),
            ("你好，", 1.0, 1.3, false),
            ("世界", 1.3, 1.8, false),
            ("again", 3.0, 3.3, true),
        ]));
        let texts: Vec<_> = cues.iter().map(|c| c.text.as_str()).collect();
        assert_eq!(texts, ["Hello world.", "你好，世界", "again"]);
        assert_eq!((cues[1].start_secs, cues[1].end_secs), (1.0, 1.8));
    }

    #[test]
    fn long_sentences_are_broken() {
        let words: Vec<_> = (0..20)
            .map(|i| ("twelve-chars", f64::from(i), f64::from(i) + 0.9, false))
            .collect();
        assert!(
            cues(&timing(&words))
                .iter()
                .all(|c| columns(&c.text) <= MAX_COLUMNS)
        );
    }
}
