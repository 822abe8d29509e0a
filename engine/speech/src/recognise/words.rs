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
    let mut at = 0;
    for (sentence, _) in sentences::split(&text) {
        at += sentence.chars().count();
        let within = words.partition_point(|(_, last)| *last < at);
        if let Some((word, _)) = words[..within].last_mut() {
            word.ends_sentence = true;
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
        let time = |letters: usize| piece.start_secs + share * letters as f64;
        let mut done = 0;
        let mut begins = true;
        for letter in text {
            let blank = letter.is_whitespace();
            if blank && out.last().is_none_or(|l| l.letter == ' ') {
                continue;
            }
            let before = out.last().map(|l| l.letter);
            let letter = match (language, before) {
                _ if blank => ' ',
                ("zh" | "ja", Some(before)) if is_wide(before) => wide_mark(letter),
                _ => letter,
            };
            let start_secs = time(done);
            done += usize::from(!blank);
            out.push(Timed {
                letter,
                start_secs,
                end_secs: time(done),
                begins,
            });
            begins = blank;
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
        let alone = letter.begins && !goes_on(letter.letter);
        begins[i] = after_blank || (!spaced && alone);
    }
    begins
}

/// Vowels and tones that are written over or under the letter before, in Thai,
/// Lao, Tibetan, Burmese and Khmer.
fn goes_on(c: char) -> bool {
    matches!(
        c,
        '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}'
        | '\u{0EB1}' | '\u{0EB4}'..='\u{0EBC}' | '\u{0EC8}'..='\u{0ECE}'
        | '\u{0F71}'..='\u{0F87}' | '\u{0F8D}'..='\u{0FBC}'
        | '\u{102B}'..='\u{103E}' | '\u{1056}'..='\u{1059}'
        | '\u{17B4}'..='\u{17D3}'
    )
}

/// The words, and where in the text the last letter of each is. Marks belong to the word before,
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
        let after_blank = start > 0 && letters[start - 1].letter == ' ';
        start = end;
        let text: String = part.iter().map(|l| l.letter).collect();
        let spoken = |l: &Timed| l.letter.is_alphanumeric();
        let first = part.iter().position(spoken);
        let (Some(first), Some(last)) = (first, part.iter().rposition(spoken)) else {
            match words.last_mut() {
                _ if text.trim().is_empty() => {}
                Some((word, _)) if !opens(&text) => {
                    if after_blank {
                        word.text.push(' ');
                    }
                    word.text.push_str(text.trim_end());
                }
                _ => opening.push_str(text.trim()),
            }
            continue;
        };
        let word = Word {
            text: std::mem::take(&mut opening) + text.trim(),
            start_secs: part[first].start_secs,
            end_secs: part[last].end_secs,
            ends_sentence: false,
            emphasised: false,
        };
        words.push((word, end - part.len() + last));
    }
    words
}

fn opens(mark: &str) -> bool {
    let first = mark.trim().chars().next();
    is_mark(mark) && first.is_some_and(|c| "（“‘《〈「『【〔([{¿¡#$¥￥£€@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard_as(pieces: &[&str], language: &str) -> Heard {
        let pieces: Vec<TimedPiece> = pieces
            .iter()
            .enumerate()
            .map(|(i, text)| TimedPiece {
                text: (*text).to_owned(),
                start_secs: i as f64,
                end_secs: i as f64 + 1.0,
            })
            .collect();
        heard(&pieces, language)
    }

    fn texts(heard: &Heard) -> Vec<&str> {
        heard.words.iter().map(|w| w.text.as_str()).collect()
    }

    #[test]
    fn marks_stand_with_their_words_and_take_no_time() {
        let found = heard_as(
            &[
                " He", " paid", " $", "0", ".", "5", ".", " \"", "Why", "?", "\"", " -", " said",
                " I",
            ],
            "en",
        );
        assert_eq!(found.text, "He paid $0.5. \"Why?\" - said I");
        assert_eq!(
            texts(&found),
            ["He", "paid", "$0.5.", "\"Why?\" -", "said", "I"]
        );
        let times: Vec<_> = found
            .words
            .iter()
            .map(|w| (w.start_secs, w.end_secs))
            .collect();
        assert_eq!(times[2], (3.0, 6.0));
        assert_eq!(times[3], (8.0, 9.0));
        let ends: Vec<_> = found.words.iter().map(|w| w.ends_sentence).collect();
        assert_eq!(ends, [false, false, true, true, false, true]);
    }

    #[test]
    fn chinese_is_cut_into_words_with_wide_marks() {
        let found = heard_as(
            &[
                "今天", "的", "天", "气", ",", "很好", ".", "“", "走", "吧", "！", "”", "用",
                " Git", "Hub", "吗", "?",
            ],
            "zh",
        );
        assert_eq!(found.text, "今天的天气，很好。“走吧！”用 GitHub吗？");
        assert_eq!(
            texts(&found),
            [
                "今天",
                "的",
                "天气，",
                "很",
                "好。",
                "“走",
                "吧！”",
                "用",
                "GitHub",
                "吗？"
            ]
        );
        assert_eq!(
            (found.words[2].start_secs, found.words[2].end_secs),
            (2.0, 4.0)
        );
        // Two words of one token share its time.
        assert_eq!(
            (found.words[3].start_secs, found.words[3].end_secs),
            (5.0, 5.5)
        );
        let ends: Vec<_> = found
            .words
            .iter()
            .map(|w| u8::from(w.ends_sentence))
            .collect();
        assert_eq!(ends, [0, 0, 0, 0, 1, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn other_languages_without_spaces_have_a_word_a_piece() {
        let found = heard_as(&["前回", "の", "内容", "。", "\u{FFFD}", " "], "ja");
        assert_eq!(texts(&found), ["前回", "の", "内容。"]);
        assert_eq!(
            texts(&heard_as(&["ก", "ำ", "ล", "ั", "ง"], "th")),
            ["ก", "ำ", "ลั", "ง"]
        );
        assert_eq!(heard_as(&[], "ja").words, []);
        assert_eq!(heard_as(&["…"], "en").words, []);
    }
}
