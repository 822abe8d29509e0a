//! Words as the script has them. The voice reads normalised text, in which
//! `“`, `《` and `，` are gone or plain; readers are shown what was written.

use huashen_core::Timing;

/// How far ahead a word is looked for, in characters: what lies between is not
/// spoken as it is written.
const AHEAD: usize = 400;

/// Each word of `timing` as it stands in `source`, with the blank before it and
/// all marks that belong to it; none where it is not found.
pub(crate) fn as_written(timing: &Timing, source: &str) -> Vec<Option<String>> {
    let source: Vec<char> = source.chars().collect();
    let mut at = 0;
    let found: Vec<Option<(usize, usize)>> = timing
        .words
        .iter()
        .map(|word| {
            let letters: Vec<char> = word.text.chars().filter_map(letter).collect();
            let range = find(&source, at, &letters)?;
            at = range.1;
            Some(range)
        })
        .collect();
    // Where each word with its marks begins: its neighbours share the gaps.
    let mut begins = vec![None; found.len()];
    let mut last_end = 0;
    for (begin, range) in begins.iter_mut().zip(&found) {
        if let Some((start, end)) = range {
            *begin = Some(shared(&source, last_end, *start));
            last_end = *end;
        }
    }
    (0..found.len())
        .map(|i| {
            let (begin, (_, end)) = (begins[i]?, found[i]?);
            // A neighbour that was not found keeps its own marks.
            let until = match begins.get(i + 1) {
                Some(next) => next.unwrap_or(end),
                None => source.len(),
            };
            let text: String = source[begin..until].iter().collect();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let spaced = begin > 0 && source[begin - 1].is_whitespace();
            Some(if spaced { format!(" {text}") } else { text })
        })
        .collect()
}

/// A letter or digit as both sides agree on it.
fn letter(c: char) -> Option<char> {
    let plain = match c {
        '！'..='～' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    let lower = plain.to_lowercase().next().unwrap_or(plain);
    plain.is_alphanumeric().then_some(lower)
}

/// Where `letters` stand one after the other, marks between them or not.
fn find(source: &[char], at: usize, letters: &[char]) -> Option<(usize, usize)> {
    let first = letters.first()?;
    let end = source.len().min(at + AHEAD);
    (at..end)
        .filter(|start| letter(source[*start]) == Some(*first))
        .find_map(|start| {
            let mut left = letters.iter().peekable();
            for (i, c) in source.iter().enumerate().skip(start) {
                match letter(*c) {
                    Some(c) if left.peek() == Some(&&c) => {
                        left.next();
                        if left.peek().is_none() {
                            return Some((start, i + 1));
                        }
                    }
                    Some(_) => return None,
                    None => {}
                }
            }
            None
        })
}

/// Of the marks between two words, `from..to`, where those of the second begin.
fn shared(source: &[char], from: usize, to: usize) -> usize {
    let mut begin = to;
    while begin > from {
        let before = source.get(begin.wrapping_sub(2)).copied().unwrap_or(' ');
        let opens = match source[begin - 1] {
            '（' | '“' | '‘' | '《' | '〈' | '「' | '『' | '【' | '〔' | '(' | '[' | '{' | '<'
            | '¿' | '¡' | '#' | '$' | '¥' | '￥' | '£' | '€' | '@' => true,
            // Straight quotes open after a blank or a colon.
            '"' | '\'' => before.is_whitespace() || "：:，,（(".contains(before),
            _ => false,
        };
        if !opens {
            break;
        }
        begin -= 1;
    }
    begin
}

#[cfg(test)]
mod tests {
    use huashen_core::Word;

    use super::*;

    fn restored(words: &[&str], source: &str) -> Vec<String> {
        let timing = Timing {
            words: words
                .iter()
                .map(|text| Word {
                    text: (*text).into(),
                    start_secs: 0.0,
                    end_secs: 0.1,
                    ends_sentence: false,
                    emphasised: false,
                })
                .collect(),
            ..Timing::default()
        };
        let found = as_written(&timing, source);
        found.into_iter().map(|w| w.unwrap_or("?".into())).collect()
    }

    #[test]
    fn marks_come_back_and_stand_with_the_word_they_belong_to() {
        // The words as the voice has them.
        let words = [
            "他",
            "说:\"",
            "你好(",
            "世界);",
            "真的?\"",
            "三体\",",
            "GitHub,",
            "都",
            "好.",
        ];
        let found = restored(
            &words,
            "他说：“你好（世界）；真的？”《三体》、GitHub，都好。",
        );
        let want = [
            "他",
            "说：",
            "“你好",
            "（世界）；",
            "真的？”",
            "《三体》、",
            "GitHub，",
            "都",
            "好。",
        ];
        assert_eq!(found, want);
        let found = restored(
            &["He", "said:", "hello,", "world!", "It", "costs", "$5."],
            "He said: \"Hello, world!\"\n\nIt costs $5.",
        );
        let want = [
            "He",
            " said:",
            " \"Hello,",
            " world!\"",
            " It",
            " costs",
            " $5.",
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn a_word_that_is_not_there_leaves_the_others_alone() {
        let found = restored(&["one", "zwei", "three"], "“one” two three.");
        assert_eq!(found, ["“one", "?", " three."]);
    }
}
