//! From timed pieces of text to words and the text that they read as.

use huashen_core::Word;
use jieba_rs::Jieba;

use super::Heard;
use super::text::is_mark;
use crate::frontend::is_han;
use crate::sentences;

/// A piece of text, with the blank before it, and when it is heard.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimedPiece {
    pub text: String,
    pub start_secs: f64,
    pub end_secs: f64,
}

/// A character and when it is heard.
#[derive(Clone, Copy)]
struct Timed {
    letter: char,
    start_secs: f64,
    end_secs: f64,
    /// Whether a piece begins here.
    begins: bool,
}

/// Whether a language writes spaces between its words.
pub(super) fn is_spaced(language: &str) -> bool {
    !matches!(language, "zh" | "ja" | "th" | "lo" | "my" | "km" | "bo")
}

/// The words of all pieces, in order.
pub(super) fn heard(pieces: &[TimedPiece], language: &str) -> Heard {
    let letters = letters(pieces, language);
    let text: String = letters.iter().map(|l| l.letter).collect();
    let mut words = group(&letters, &boundaries(&letters, &text, language));
    // Sentences as the voice's front end tells them apart.
    let mut ends: Vec<usize> = Vec::new();
    let mut at = 0;
    for (sentence, _) in sentences::split(&text) {
        at += sentence.chars().count();
        ends.push(at);
    }
    let mut next = ends.into_iter().peekable();
    for (word, until) in &mut words {
        while let Some(end) = next.next_if(|end| *end <= *until + 1) {
            word.ends_sentence |= end >= *until;
        }
    }
    let words: Vec<Word> = words.into_iter().map(|(word, _)| word).collect();
    Heard {
        language: language.to_owned(),
        words,
        text,
    }
}

/// The characters of all pieces: blanks single, marks as the script has them.
fn letters(pieces: &[TimedPiece], language: &str) -> Vec<Timed> {
    let mut out: Vec<Timed> = Vec::new();
    for piece in pieces {
        // Where a character was cut in two nobody knows what was meant.
        let text: Vec<char> = piece.text.chars().filter(|c| *c != '\u{FFFD}').collect();
        let count = text.iter().filter(|c| !c.is_whitespace()).count().max(1) as f64;
        let share = (piece.end_secs - piece.start_secs) / count;
        let mut at = piece.start_secs;
        let mut begins = true;
        for letter in text {
            let blank = letter.is_whitespace();
            if blank && out.last().is_none_or(|l| l.letter == ' ') {
                continue;
            }
            let end = if blank { at } else { at + share };
            let before = out.last().map(|l| l.letter);
            let letter = match (language, before) {
                _ if blank => ' ',
                ("zh" | "ja", Some(before)) if is_wide(before) => wide_mark(letter),
                _ => letter,
            };
            out.push(Timed {
                letter,
                start_secs: at,
                end_secs: end,
                begins,
            });
            begins = blank;
            at = end;
        }
    }
    while out.last().is_some_and(|l| l.letter == ' ') {
        out.pop();
    }
    out
}

fn is_wide(c: char) -> bool {
    is_han(c) || matches!(c, '\u{3040}'..='\u{30FF}' | '》' | '”' | '」' | '）')
}

/// The mark as it stands among Chinese characters.
fn wide_mark(mark: char) -> char {
    match mark {
        ',' => '，',
        '.' => '。',
        '?' => '？',
        '!' => '！',
        ';' => '；',
        ':' => '：',
        other => other,
    }
}

/// Before which characters words begin.
fn boundaries(letters: &[Timed], text: &str, language: &str) -> Vec<bool> {
    let mut begins = vec![false; letters.len()];
    if language == "zh" {
        let mut at = 0;
        for token in Jieba::new().cut(text, true) {
            begins[at] = true;
            at += token.word.chars().count();
        }
        return begins;
    }
    let spaced = is_spaced(language);
    for (i, letter) in letters.iter().enumerate() {
        let after_blank = i == 0 || letters[i - 1].letter == ' ';
        begins[i] = after_blank || (!spaced && letter.begins);
    }
    begins
}

/// The words, and where in the text each ends. Marks belong to the word before,
/// opening ones to that after.
fn group(letters: &[Timed], begins: &[bool]) -> Vec<(Word, usize)> {
    let mut words: Vec<(Word, usize)> = Vec::new();
    let mut opening = String::new();
    let mut start = 0;
    for end in 1..=letters.len() {
        if begins.get(end).is_some_and(|b| !b) {
            continue;
        }
        let part = &letters[start..end];
        start = end;
        let text: String = part.iter().map(|l| l.letter).collect();
        let spoken: Vec<&Timed> = part.iter().filter(|l| l.letter.is_alphanumeric()).collect();
        let (Some(first), Some(last)) = (spoken.first(), spoken.last()) else {
            match words.last_mut() {
                _ if text.trim().is_empty() => {}
                Some((word, until)) if !opens(&text) => {
                    word.text.push_str(text.trim_end());
                    *until = end;
                }
                _ => opening.push_str(text.trim()),
            }
            continue;
        };
        let word = Word {
            text: std::mem::take(&mut opening) + text.trim(),
            start_secs: first.start_secs,
            end_secs: last.end_secs,
            ends_sentence: false,
            emphasised: false,
        };
        words.push((word, end));
    }
    words
}

fn opens(mark: &str) -> bool {
    let first = mark.trim().chars().next();
    is_mark(mark) && first.is_some_and(|c| "（“‘《〈「『【〔([{¿¡#$¥￥£€@".contains(c))
}
