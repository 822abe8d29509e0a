//! What is said in a window of 30 s, as tokens: the likeliest each, under
//! Whisper's rules for times, and once more where the text runs in circles.
//!
//! Follows openai/whisper (`decoding.py`, `transcribe.py`), without its sampling
//! at random: the same sound always gives the same text.

use candle_core::{Result, Tensor};

use super::net::{CONTEXT, Decoder, Memory, Past};
use super::text::Vocabulary;

/// The most tokens of a window.
const MOST_TOKENS: usize = CONTEXT / 2;
/// The first time of a window is at most 1 s, in steps of 20 ms.
const LATEST_FIRST: u32 = 50;
/// Above this and with less confidence than that, nobody speaks. Upstream asks
/// for less than −1; what this model says to noise has −0.6 to −1.8, and what it
/// understands seldom less than −0.4.
const NO_SPEECH: f32 = 0.6;
const SURE_OF_SPEECH: f32 = -0.6;
/// Text that comes again so often, and so many tokens of it, runs in circles.
const CIRCLES: usize = 3;
const CIRCLE_TOKENS: usize = 12;
const LONGEST_CIRCLE: usize = 60;
/// So many tokens do not come twice in a text that may not run in circles.
const NEVER_TWICE: usize = 4;

/// A window's text.
#[derive(Clone, Debug)]
pub(super) struct Decoded {
    /// Text and times, without the end.
    pub tokens: Vec<u32>,
    /// Mean of the logarithms of the tokens' probabilities.
    pub confidence: f32,
    /// How likely nobody speaks.
    pub no_speech: f32,
    /// Whether the text runs in circles.
    pub circles: bool,
}

impl Decoded {
    pub fn is_silence(&self) -> bool {
        self.no_speech > NO_SPEECH && self.confidence < SURE_OF_SPEECH
    }
}

/// A window that is being heard.
pub(super) struct Window<'a> {
    pub decoder: &'a Decoder,
    pub vocabulary: &'a Vocabulary,
    pub memory: Memory,
}

impl Window<'_> {
    /// The likeliest language: its place among the vocabulary's.
    pub fn language(&self) -> Result<usize> {
        let start = self.vocabulary.special.start;
        let x = self.run(&[start], &mut Past::new())?;
        let logits = self.decoder.logits(&x, 0)?;
        let languages = self.vocabulary.languages().iter().enumerate();
        let best = languages
            .max_by(|(_, (_, a)), (_, (_, b))| logits[*a as usize].total_cmp(&logits[*b as usize]));
        Ok(best.map_or(0, |(i, _)| i))
    }

    fn run(&self, tokens: &[u32], past: &mut Past) -> Result<Tensor> {
        self.decoder.run(tokens, &self.memory, past, |_, _| Ok(()))
    }

    /// The text in the language with token `language`. `style` is text that is
    /// as if it came before. What really came before is not told: it is taken up
    /// in place of what is said as soon as that resembles it.
    pub fn decode(&self, language: u32, style: &[u32]) -> Result<Decoded> {
        let first = self.attempt(language, style, true)?;
        if first.circles && !first.is_silence() {
            return self.attempt(language, style, false);
        }
        Ok(first)
    }

    fn attempt(&self, language: u32, before: &[u32], may_circle: bool) -> Result<Decoded> {
        let special = &self.vocabulary.special;
        let mut prompt = Vec::new();
        if !before.is_empty() {
            prompt.push(special.previous);
            prompt.extend(before);
        }
        let start = prompt.len();
        prompt.extend([special.start, language, special.transcribe]);

        let mut past = Past::new();
        let x = self.run(&prompt, &mut past)?;
        let no_speech = probability(&self.decoder.logits(&x, start)?, special.no_speech);
        let mut logits = self.decoder.logits(&x, prompt.len() - 1)?;
        let mut said: Vec<u32> = Vec::new();
        let mut text: Vec<u32> = Vec::new();
        let mut sum = 0.0;
        let mut circles = false;
        while said.len() < MOST_TOKENS {
            self.forbid(&mut logits, &said);
            if !may_circle {
                for token in follows(&text) {
                    logits[token as usize] = f32::NEG_INFINITY;
                }
            }
            let (token, log_probability) = likeliest(&logits);
            sum += log_probability;
            if token == special.end_of_text {
                break;
            }
            said.push(token);
            if self.vocabulary.is_text(token) {
                text.push(token);
                if runs_in_circles(&text) {
                    circles = true;
                    break;
                }
            }
            let x = self.run(&[token], &mut past)?;
            logits = self.decoder.logits(&x, 0)?;
        }
        Ok(Decoded {
            confidence: sum / (said.len() + 1) as f32,
            tokens: said,
            no_speech,
            circles,
        })
    }

    /// Takes what may not come after `said` out of `logits`: times come in pairs
    /// (an end and a beginning) around text, and never go back.
    fn forbid(&self, logits: &mut [f32], said: &[u32]) {
        const NEVER: f32 = f32::NEG_INFINITY;
        let special = &self.vocabulary.special;
        let first_time = special.first_time as usize;
        for token in &self.vocabulary.suppressed {
            logits[*token as usize] = NEVER;
        }
        logits[special.no_timestamps as usize] = NEVER;
        let time = |back: usize| {
            let at = said.len().checked_sub(back)?;
            self.vocabulary.time(said[at])
        };
        match said.len() {
            0 => {
                for token in &self.vocabulary.suppressed_first {
                    logits[*token as usize] = NEVER;
                }
                logits[..first_time].fill(NEVER);
                logits[first_time + LATEST_FIRST as usize + 1..].fill(NEVER);
                return;
            }
            // An end needs a beginning, or the end of all.
            n if time(1).is_some() && n > 1 && time(2).is_none() => {
                logits[..special.end_of_text as usize].fill(NEVER);
            }
            _ if time(1).is_some() => logits[first_time..].fill(NEVER),
            _ => {}
        }
        if let Some(last) = said.iter().rev().find_map(|t| self.vocabulary.time(*t)) {
            // A beginning may be where the end is; an end is after its beginning.
            let open = time(1).is_none();
            let least = (first_time + last as usize + usize::from(open)).min(logits.len());
            logits[first_time..least].fill(NEVER);
        }
        // Any time at all is likelier than every single text.
        let text = logits[..first_time].iter().copied().fold(NEVER, f32::max);
        if log_sum(&logits[first_time..]) > text {
            logits[..first_time].fill(NEVER);
        }
    }
}

/// `ln Σ exp`
fn log_sum(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if most == f32::NEG_INFINITY {
        return most;
    }
    most + logits.iter().map(|l| (l - most).exp()).sum::<f32>().ln()
}

fn probability(logits: &[f32], token: u32) -> f32 {
    (logits[token as usize] - log_sum(logits)).exp()
}

/// The first of the likeliest tokens and the logarithm of its probability.
fn likeliest(logits: &[f32]) -> (u32, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (token, logit) in logits.iter().enumerate() {
        if *logit > best.1 {
            best = (token as u32, *logit);
        }
    }
    (best.0, best.1 - log_sum(logits))
}

/// Whether the end of `text` came several times just before.
fn runs_in_circles(text: &[u32]) -> bool {
    (1..=LONGEST_CIRCLE.min(text.len())).any(|period| {
        let again = text
            .iter()
            .rev()
            .zip(text.iter().rev().skip(period))
            .take_while(|(a, b)| a == b)
            .count();
        again >= (CIRCLES * period).max(CIRCLE_TOKENS)
    })
}

/// What came after the last tokens of `text` when they came before.
fn follows(text: &[u32]) -> Vec<u32> {
    let Some(at) = text.len().checked_sub(NEVER_TWICE - 1) else {
        return Vec::new();
    };
    text.windows(NEVER_TWICE)
        .filter(|w| w[..NEVER_TWICE - 1] == text[at..])
        .map(|w| w[NEVER_TWICE - 1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_seen_and_plain_repetition_is_not() {
        let phrase = [5, 6, 7, 8, 9];
        assert!(!runs_in_circles(&phrase.repeat(3)));
        assert!(runs_in_circles(&phrase.repeat(4)));
        assert!(!runs_in_circles(&[1; 12]));
        assert!(runs_in_circles(&[1; 13]));
        let last = [vec![3; 20], vec![4]].concat();
        assert!(!runs_in_circles(&last));
    }

    #[test]
    fn four_tokens_do_not_come_twice() {
        assert_eq!(follows(&[1, 2, 3, 4, 9, 1, 2, 3]), [4]);
        assert_eq!(follows(&[1, 2]), [0; 0]);
    }

    #[test]
    fn sums_of_logarithms_do_not_overflow() {
        assert!((log_sum(&[1000.0, 1000.0]) - 1000.0 - 2.0_f32.ln()).abs() < 1e-3);
        assert_eq!(log_sum(&[f32::NEG_INFINITY; 3]), f32::NEG_INFINITY);
        let (token, log) = likeliest(&[0.0, 2.0, 2.0]);
        assert_eq!(token, 1);
        assert!((log - (-(2.0 + (-2.0_f32).exp()).ln())).abs() < 1e-5);
    }
}
