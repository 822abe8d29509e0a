//! From the model's token lengths to timed IPA phonemes.

use huashen_core::Phoneme;

/// What one letter of Kokoro's alphabet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    /// A sound of its own.
    Segment(&'static str),
    /// A sound whose IPA is the letter itself.
    Itself,
    /// Lengthens or colours the sound before.
    Modifier,
    Stress(u8),
    /// A tone: the sound before is a full syllable's vowel.
    Tone,
    /// A gap between words: no silence.
    Blank,
    /// A pause.
    Pause,
}

fn letter(c: char) -> Letter {
    match c {
        'A' => Letter::Segment("eɪ"),
        'I' => Letter::Segment("aɪ"),
        'O' => Letter::Segment("oʊ"),
        'Q' => Letter::Segment("əʊ"),
        'W' => Letter::Segment("aʊ"),
        'Y' => Letter::Segment("ɔɪ"),
        'S' => Letter::Segment("s"),
        'T' => Letter::Segment("ɾ"),
        'ʤ' => Letter::Segment("d͡ʒ"),
        'ʧ' => Letter::Segment("t͡ʃ"),
        'ʣ' => Letter::Segment("d͡z"),
        'ʥ' => Letter::Segment("d͡ʑ"),
        'ʦ' => Letter::Segment("t͡s"),
        'ʨ' => Letter::Segment("t͡ɕ"),
        'ꭧ' => Letter::Segment("ʈ͡ʂ"),
        'ᵊ' => Letter::Segment("ə"),
        'ᵻ' => Letter::Segment("ɪ"),
        'ʰ' | 'ː' | '\u{303}' | 'ʲ' | 'ᵝ' => Letter::Modifier,
        'ˈ' => Letter::Stress(2),
        'ˌ' => Letter::Stress(1),
        '→' | '↗' | '↓' | '↘' => Letter::Tone,
        ' ' => Letter::Blank,
        ',' | '.' | '!' | '?' | ';' | ':' | '…' | '—' | '"' | '(' | ')' | '“' | '”' => {
            Letter::Pause
        }
        _ => Letter::Itself,
    }
}

/// A token of the utterance: its letter and the word it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub letter: char,
    pub word: Option<usize>,
}

/// Times each sound. `frames[i]` is the length of `tokens[i]`; the first token
/// starts at `start_secs`. Blanks belong to the sound before (speech runs on
/// between words), pauses to none.
pub fn phonemes(
    tokens: &[Token],
    frames: &[u32],
    start_secs: f64,
    frame_secs: f64,
) -> Vec<Phoneme> {
    let mut out: Vec<Phoneme> = Vec::new();
    let mut at = start_secs;
    let mut stress = 0;
    let mut paused = true;
    for (token, &n) in tokens.iter().zip(frames) {
        let end = at + f64::from(n) * frame_secs;
        let mut sound = |ipa: String, stress: u8| {
            out.push(Phoneme {
                ipa,
                start_secs: at,
                end_secs: end,
                stress,
                word: token.word,
            });
        };
        match letter(token.letter) {
            Letter::Segment(ipa) => {
                let vowel = is_vowel(ipa);
                sound(ipa.to_owned(), if vowel { stress } else { 0 });
                if vowel {
                    stress = 0;
                }
                paused = false;
            }
            Letter::Itself => {
                let ipa = token.letter.to_string();
                let vowel = is_vowel(&ipa);
                sound(ipa, if vowel { stress } else { 0 });
                if vowel {
                    stress = 0;
                }
                paused = false;
            }
            Letter::Stress(level) => {
                stress = level;
                // The mark's own time is the onset's lengthening: to the sound before.
                extend(&mut out, end, paused);
            }
            Letter::Tone => {
                if let Some(vowel) = out.iter_mut().rev().find(|p| is_vowel(&p.ipa)) {
                    vowel.stress = vowel.stress.max(1);
                }
                extend(&mut out, end, paused);
            }
            Letter::Modifier | Letter::Blank => extend(&mut out, end, paused),
            Letter::Pause => paused = true,
        }
        at = end;
    }
    out
}

fn extend(out: &mut [Phoneme], end_secs: f64, paused: bool) {
    if let Some(last) = out.last_mut().filter(|_| !paused) {
        last.end_secs = end_secs;
    }
}

fn is_vowel(ipa: &str) -> bool {
    ipa.starts_with([
        'a', 'e', 'i', 'o', 'u', 'y', 'ɐ', 'ɑ', 'ɒ', 'æ', 'ɔ', 'ə', 'ɚ', 'ɛ', 'ɜ', 'ɤ', 'ɨ', 'ɪ',
        'ɯ', 'ɵ', 'ø', 'œ', 'ʊ', 'ʌ', 'ʏ', 'ɘ',
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_follow_each_other_and_pauses_are_gaps() {
        let text = "hˈI, ni↓";
        let tokens: Vec<Token> = text
            .chars()
            .map(|letter| Token {
                letter,
                word: Some(0),
            })
            .collect();
        let frames = [2, 1, 4, 6, 1, 2, 3, 1];
        let found = phonemes(&tokens, &frames, 1.0, 0.025);
        let shown: Vec<_> = found
            .iter()
            .map(|p| {
                (
                    p.ipa.as_str(),
                    (p.start_secs * 1000.0).round(),
                    (p.end_secs * 1000.0).round(),
                    p.stress,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("h", 1000.0, 1075.0, 0),
                ("aɪ", 1075.0, 1175.0, 2),
                ("n", 1350.0, 1400.0, 0),
                ("i", 1400.0, 1500.0, 1),
            ]
        );
    }
}
