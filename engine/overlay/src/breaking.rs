//! From timed words to cues: what is read at once, and where its lines break.
//!
//! A cue ends with a sentence or at a pause; a longer sentence is shared out
//! evenly, at punctuation where there is some. Lines break between words, and
//! only where Unicode (UAX #14) lets them: no closing mark begins a line, no
//! opening one ends it, no English word is cut.

use std::ops::Range;

use huashen_core::Timing;
use unicode_linebreak::linebreaks;

use crate::written::as_written;
use crate::{Cue, CueShape, CueWord};

/// A pause this long ends a cue.
const PAUSE_SECS: f64 = 0.6;
/// A cue stays at least this long, and a little longer than it is heard, where
/// the next one leaves it the time.
const LEAST_SECS: f64 = 0.9;
const LINGER_SECS: f64 = 0.25;
const LINES: usize = 2;

/// Groups the words of `timing` into cues whose lines fit `shape`; they read as
/// in `source`, the script they were spoken from.
pub fn cues(timing: &Timing, source: &str, shape: CueShape) -> Vec<Cue> {
    let words: Vec<CueWord> = pieces(timing, source, shape);
    let mut cues = Vec::new();
    let mut begin = 0;
    for end in 1..=words.len() {
        let over = words.get(end).is_none_or(|next| {
            words[end - 1].ends_sentence || next.start_secs - words[end - 1].end_secs >= PAUSE_SECS
        });
        if over {
            share_out(&words[begin..end], shape, &mut cues);
            begin = end;
        }
    }
    // Long enough to be read.
    for i in 0..cues.len() {
        let next = cues
            .get(i + 1)
            .map_or(f64::INFINITY, |c: &Cue| c.start_secs);
        let cue = &mut cues[i];
        let wanted = (cue.end_secs + LINGER_SECS).max(cue.start_secs + LEAST_SECS);
        cue.end_secs = wanted.min(next).max(cue.end_secs.min(next));
    }
    cues
}

/// Width in units that make `narrow` letters, or `wide` ones, fill a line.
fn width(text: &str, shape: CueShape) -> usize {
    let letters = text.chars();
    letters
        .map(|c| if is_wide(c) { shape.narrow } else { shape.wide })
        .sum()
}

const fn full(shape: CueShape) -> usize {
    shape.narrow * shape.wide
}

fn is_wide(c: char) -> bool {
    matches!(c as u32, 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0x20000..=0x3FFFD)
}

/// The words with the blanks before them; one too long for a line is cut where
/// Unicode allows, or anywhere.
fn pieces(timing: &Timing, source: &str, shape: CueShape) -> Vec<CueWord> {
    let mut out: Vec<CueWord> = Vec::new();
    let written = as_written(timing, source);
    for (word, written) in timing.words.iter().zip(&written) {
        let text = written.as_ref().unwrap_or(&word.text).trim();
        if text.is_empty() {
            continue;
        }
        let parts = cut(text, shape);
        let letters = text.chars().count().max(1) as f64;
        let mut at = word.start_secs;
        let last = parts.len() - 1;
        for (i, part) in parts.into_iter().enumerate() {
            let share = part.chars().count() as f64 / letters;
            let end = at + share * (word.end_secs - word.start_secs);
            let spaced = match (i, written) {
                (0, Some(written)) => written.starts_with(' ') && !out.is_empty(),
                (0, None) => out.last().is_some_and(|l| needs_space(&l.text, part)),
                _ => false,
            };
            out.push(CueWord {
                text: format!("{}{part}", if spaced { " " } else { "" }),
                start_secs: at,
                end_secs: if i == last { word.end_secs } else { end },
                ends_sentence: word.ends_sentence && i == last,
            });
            at = end;
        }
    }
    out
}

fn cut(text: &str, shape: CueShape) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while width(rest, shape) > full(shape) {
        let fits = |at: usize| at > 0 && width(&rest[..at], shape) <= full(shape);
        let allowed = linebreaks(rest).map(|(at, _)| at).filter(|at| fits(*at));
        let mut anywhere = rest.char_indices().map(|(at, _)| at).filter(|at| fits(*at));
        let Some(at) = allowed.last().or_else(|| anywhere.next_back()) else {
            break;
        };
        parts.push(&rest[..at]);
        rest = &rest[at..];
    }
    parts.push(rest);
    parts
}

/// Chinese sets no space between words; everything else does.
fn needs_space(left: &str, right: &str) -> bool {
    let (Some(l), Some(r)) = (left.chars().next_back(), right.chars().next()) else {
        return false;
    };
    !(is_wide(l) || is_wide(r))
}

/// What a sentence's words allow: widths and breaks.
struct Sentence<'a> {
    words: &'a [CueWord],
    shape: CueShape,
    /// Whether a line may begin with word `i`.
    breaks: Vec<bool>,
}

impl<'a> Sentence<'a> {
    fn new(words: &'a [CueWord], shape: CueShape) -> Self {
        let text: String = words.iter().map(|w| w.text.as_str()).collect();
        let allowed: Vec<usize> = linebreaks(&text).map(|(at, _)| at).collect();
        let mut at = 0;
        let breaks = words
            .iter()
            .map(|word| {
                // Unicode breaks after blanks; ours belong to the word after.
                let blanks = word.text.len() - word.text.trim_start().len();
                let may = allowed.binary_search(&(at + blanks)).is_ok();
                at += word.text.len();
                may
            })
            .collect();
        Self {
            words,
            shape,
            breaks,
        }
    }

    fn width(&self, range: Range<usize>) -> usize {
        let text: String = self.words[range].iter().map(|w| w.text.as_str()).collect();
        width(text.trim(), self.shape)
    }

    /// Between which words `range` breaks into [`LINES`] or fewer lines that
    /// fit, the evenest way; none when there is no way.
    fn lines(&self, range: Range<usize>) -> Option<Vec<Range<usize>>> {
        if self.width(range.clone()) <= full(self.shape) {
            return Some(vec![range]);
        }
        let (begin, end) = (range.start, range.end);
        let fits = |r: Range<usize>| self.width(r) <= full(self.shape);
        let best = (begin + 1..end)
            .filter(|at| self.breaks[*at] && fits(begin..*at) && fits(*at..end))
            .min_by_key(|at| {
                let (a, b) = (self.width(begin..*at), self.width(*at..end));
                let unpunctuated = usize::from(!self.pauses_before(*at));
                a.abs_diff(b) + unpunctuated * full(self.shape) / 4
            })?;
        Some(vec![begin..best, best..end])
    }

    fn pauses_before(&self, at: usize) -> bool {
        let last = self.words[at - 1].text.chars().next_back();
        last.is_some_and(|c| ",;:.!?，、；：。！？…—".contains(c))
    }
}

/// Makes one cue of the sentence, or as few as hold it.
fn share_out(words: &[CueWord], shape: CueShape, cues: &mut Vec<Cue>) {
    let sentence = Sentence::new(words, shape);
    let n = words.len();
    let whole = sentence.width(0..n);
    let least = whole.div_ceil(LINES * full(shape)).max(1);
    let even = whole / least;
    // The cheapest way to the first i words: its cost, and where its last cue begins.
    let mut best: Vec<Option<(usize, usize)>> = vec![None; n + 1];
    best[0] = Some((0, 0));
    for end in 1..=n {
        for begin in (0..end).rev() {
            let wide = sentence.width(begin..end);
            if wide > LINES * full(shape) {
                break;
            }
            let Some((before, _)) = best[begin] else {
                continue;
            };
            if (begin > 0 && !sentence.breaks[begin]) || sentence.lines(begin..end).is_none() {
                continue;
            }
            let uneven = wide.abs_diff(even).pow(2) / full(shape);
            let unpunctuated = begin > 0 && !sentence.pauses_before(begin);
            // One more cue costs more than an uneven one.
            let cost = before + uneven + full(shape) * (1 + usize::from(unpunctuated));
            if best[end].is_none_or(|(known, _)| cost < known) {
                best[end] = Some((cost, begin));
            }
        }
    }
    let mut ends = vec![n];
    while let Some(end) = ends.last().copied().filter(|end| *end > 0) {
        // No way at all: no word may begin a line. Then anything is right.
        ends.push(best[end].map_or(end - 1, |(_, begin)| begin));
    }
    for pair in ends.windows(2).rev() {
        let range = pair[1]..pair[0];
        let lines = sentence.lines(range.clone()).unwrap_or(vec![range.clone()]);
        cues.push(Cue {
            start_secs: words[range.start].start_secs,
            end_secs: words[range.end - 1].end_secs,
            lines: lines
                .into_iter()
                .map(|line| {
                    let mut line = words[line].to_vec();
                    if let Some(first) = line.first_mut() {
                        first.text = first.text.trim_start().to_owned();
                    }
                    line
                })
                .collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use huashen_core::Word;

    use super::*;

    const LANDSCAPE: f32 = 16.0 / 9.0;
    const PORTRAIT: f32 = 9.0 / 16.0;

    /// Words a fifth of a second each; `|` is a pause, a full stop ends a sentence.
    fn timing(text: &str) -> Timing {
        let mut at = 0.0;
        let mut words = Vec::new();
        for word in text.split(' ') {
            if word == "|" {
                at += 1.0;
                continue;
            }
            words.push(Word {
                text: word.into(),
                start_secs: at,
                end_secs: at + 0.2,
                ends_sentence: word.ends_with(['.', '。', '！', '？']),
                emphasised: false,
            });
            at += 0.2;
        }
        Timing {
            duration_secs: at,
            words,
            ..Timing::default()
        }
    }

    fn texts(text: &str, aspect: f32) -> Vec<Vec<String>> {
        let cues = cues(&timing(text), "", CueShape::for_aspect(aspect));
        cues.iter().map(|c| c.texts().collect()).collect()
    }

    #[test]
    fn cues_end_at_sentences_and_pauses_and_join_by_script() {
        let found = texts("Hello world. 你好， 世界 | again", LANDSCAPE);
        assert_eq!(found, [["Hello world."], ["你好，世界"], ["again"]]);
        let cues = cues(
            &timing("Hello world. 你好， 世界 | again"),
            "",
            CueShape::for_aspect(LANDSCAPE),
        );
        // Up to the next one, or as long as it takes to be read.
        assert!((cues[0].end_secs - 0.4).abs() < 1e-9);
        assert!((cues[1].end_secs - 1.3).abs() < 1e-9);
        assert!((cues[2].end_secs - cues[2].start_secs - 0.9).abs() < 1e-9);
    }

    /// Words (blanks between), and the lines of every cue, told line by line.
    #[test]
    fn lines_break_evenly_and_at_punctuation() {
        let english = "We will now look at the three reasons why people who speak more slowly \
                       are understood better.";
        let chinese = "今天 我们 来 看看 ， 为什么 说话 慢 一点 的 人 ， 更 容易 被 别人 听懂 。";
        let none: &[&str] = &[];
        for (text, aspect, want) in [
            (
                english,
                LANDSCAPE,
                [
                    &["We will now look at the", "three reasons why people"][..],
                    &["who speak more slowly", "are understood better."],
                ],
            ),
            (
                chinese,
                LANDSCAPE,
                [
                    &[
                        "今天我们来看看，为什么说话慢",
                        "一点的人，更容易被别人听懂。",
                    ][..],
                    none,
                ],
            ),
            (
                chinese,
                PORTRAIT,
                [
                    &["今天我们来看看，", "为什么说话慢一点的人，"][..],
                    &["更容易被别人听懂。"],
                ],
            ),
        ] {
            let want: Vec<_> = want.into_iter().filter(|cue| !cue.is_empty()).collect();
            assert_eq!(texts(text, aspect), want);
        }
    }

    #[test]
    fn no_line_is_too_long_nor_begins_with_a_closing_mark() {
        let all = [
            "欢迎 使用 化身 （ 一个 开源 的 数字人 引擎 ） ， 它 在 您 自己 的 电脑 上 运行 ， “ 不需要 ” 显卡 ， 也 不需要 把 任何 数据 上传 到 云端 。 一切 都 在 本地 完成 ！",
            "打开 GitHub 上 的 README.md ， 按照 说明 运行 tools/demo.sh ， 大约 二十分钟 之后 就 能 看到 第一个 视频 。",
            "The engine runs on your own machine, with or without a GPU, and nothing you type, say or record ever leaves it unless you (and only you) send it somewhere.",
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft is one word.",
        ];
        for text in all {
            for aspect in [LANDSCAPE, 1.0, PORTRAIT] {
                let shape = CueShape::for_aspect(aspect);
                let found = texts(text, aspect);
                for line in found.iter().flatten() {
                    assert!(width(line, shape) <= full(shape), "{line} is too long");
                    let first = line.chars().next().unwrap();
                    assert!(!"，。！？、；：）”》,.!?)".contains(first), "{line}");
                    assert!(!line.ends_with(['（', '“', '《', '(']), "{line}");
                    assert_eq!(line.trim(), line);
                }
                assert!(found.iter().all(|cue| cue.len() <= LINES));
                let whole: String = found.concat().concat();
                let want = text.replace([' ', '|'], "");
                assert_eq!(whole.replace(' ', ""), want, "every letter is there once");
                if let (true, true) = (text.contains("engine runs"), aspect == PORTRAIT) {
                    for line in found.iter().flatten() {
                        for word in line.split(' ') {
                            assert!(text.split(' ').any(|w| w == word), "{word} was cut");
                        }
                    }
                }
            }
        }
    }
}
