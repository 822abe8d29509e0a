//! Sound → words and when each is heard, by Whisper *base*.
//!
//! Samples are pushed as they come; a window of 30 s is heard as soon as it is
//! there and then moves on to where its last sentence ended, so that memory does
//! not grow with the recording.

mod activity;
mod decode;
mod mel;
mod net;
mod text;
mod times;
mod weights;
mod words;

#[cfg(test)]
mod tests;

use std::path::Path;

use huashen_core::Word;

use crate::SpeechError;
use activity::{Activity, STEP_SAMPLES, STEP_SECS};
use decode::{Decoded, Window};
use mel::{Mel, WINDOW_SAMPLES};
use net::{Decoder, Encoder};
use text::{Piece, Vocabulary, is_mark};
use times::FRAME_SECS;
use weights::Weights;
use words::TimedPiece;

/// Samples a second of all that is heard.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
/// Samples of a frame of the encoder: 20 ms.
const FRAME_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 50;
/// What stays below −60 dB of full scale is not worth listening to.
const SILENCE: f32 = 1e-3;
/// The network puts a word before where it begins: by so much in the median of
/// recordings aligned by hand and of this project's own voice.
const EARLY_SECS: f64 = 0.06;
/// A window moves on by 1 s at least, however little of it is whole.
const LEAST_DONE: usize = 50;
/// The time that ends a segment is at most so early: 0.5 s.
const LATE_FRAMES: usize = 25;
/// More sound than this after a window's last word is listened to once more.
const MISSED_SECS: f64 = 1.5;
/// Nobody says more letters a second, and so many at once.
const MOST_LETTERS_A_SEC: f64 = 40.0;
const MOST_LETTERS: f64 = 10.0;
/// Shorter ends than 0.2 s hold no word.
const SHORTEST: usize = SAMPLE_RATE_HZ as usize / 5;
/// A shorter window than 2 s may be one word: what is always there is known from
/// the window before.
const SHORT: usize = 2 * SAMPLE_RATE_HZ as usize;
/// `以下是普通话的句子。`: after it, Chinese is written with marks and in
/// simplified characters.
const MANDARIN: [u32; 10] = [
    3588, 4438, 1541, 29993, 19550, 21596, 1546, 34592, 7626, 1543,
];

/// The loaded model.
pub struct Recogniser {
    mel: Mel,
    encoder: Encoder,
    decoder: Decoder,
    vocabulary: Vocabulary,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The language's code, such as `zh`; empty where nobody spoke.
    pub language: String,
    /// In time order; marks stand with their words.
    pub words: Vec<Word>,
    /// The text that the words read as.
    pub text: String,
}

impl Recogniser {
    /// Opens `<models_dir>/whisper`.
    pub fn open(models_dir: &Path) -> Result<Self, SpeechError> {
        let dir = models_dir.join("whisper");
        let vocabulary = Vocabulary::open(&dir)?;
        let path = dir.join("model.bin");
        let weights = Weights::open(&path)?;
        let damaged = |reason| SpeechError::MissingRecogniser {
            path: path.clone(),
            reason,
        };
        Ok(Self {
            mel: Mel::new(),
            encoder: Encoder::load(&weights).map_err(damaged)?,
            decoder: Decoder::load(&weights).map_err(damaged)?,
            vocabulary,
        })
    }

    /// Codes of the languages that it hears.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.languages().iter().map(|(c, _)| c.as_str())
    }

    /// Begins to listen to sound of [`SAMPLE_RATE_HZ`]; `language` is a code
    /// such as `zh`, or heard from the first words.
    pub fn listen(
        &self,
        sample_rate_hz: u32,
        language: Option<&str>,
    ) -> Result<Listening<'_>, SpeechError> {
        if sample_rate_hz != SAMPLE_RATE_HZ {
            return Err(SpeechError::HeardRate {
                expected: SAMPLE_RATE_HZ,
                found: sample_rate_hz,
            });
        }
        let language = match language {
            None => None,
            Some(code) => Some(
                self.languages()
                    .position(|known| known == code)
                    .ok_or_else(|| SpeechError::UnheardLanguage(code.to_owned()))?,
            ),
        };
        Ok(Listening {
            recogniser: self,
            language,
            samples: Vec::new(),
            start_secs: 0.0,
            floor_db: None,
            pieces: Vec::new(),
        })
    }
}

/// A recording that is being heard.
pub struct Listening<'a> {
    recogniser: &'a Recogniser,
    /// Its place among the vocabulary's.
    language: Option<usize>,
    /// What was not yet heard; it begins at `start_secs`.
    samples: Vec<f32>,
    start_secs: f64,
    /// How loud what is always there was in the last long window.
    floor_db: Option<f32>,
    pieces: Vec<TimedPiece>,
}

impl Listening<'_> {
    /// Takes samples, and hears every 30 s that are there.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), SpeechError> {
        // So much at a time that a long recording in one piece is not copied whole.
        for block in samples.chunks(WINDOW_SAMPLES) {
            self.samples.extend(block);
            while self.samples.len() >= WINDOW_SAMPLES {
                self.window()?;
            }
        }
        Ok(())
    }

    /// Hears the rest.
    pub fn finish(mut self) -> Result<Heard, SpeechError> {
        while self.samples.len() >= SHORTEST {
            self.window()?;
        }
        if self.pieces.is_empty() {
            return Ok(Heard::default());
        }
        let language = self.language.map_or("", |l| self.code(l));
        Ok(words::heard(&self.pieces, language))
    }

    fn code(&self, language: usize) -> &str {
        &self.recogniser.vocabulary.languages()[language].0
    }

    /// Hears the window that the samples begin with, and moves on.
    fn window(&mut self) -> Result<(), SpeechError> {
        let len = self.samples.len().min(WINDOW_SAMPLES);
        let heard = self.hear(len)?;
        // It always moves on, by whole frames or to the end.
        let heard = (heard.max(1) * FRAME_SAMPLES).min(len);
        self.samples.drain(..heard);
        self.start_secs += heard as f64 / f64::from(SAMPLE_RATE_HZ);
        Ok(())
    }

    /// Hears the first `len` samples; says how many frames of them are done.
    fn hear(&mut self, len: usize) -> Result<usize, SpeechError> {
        let all = len.div_ceil(FRAME_SAMPLES);
        let samples = &self.samples[..len];
        let known = self.floor_db.filter(|_| len < SHORT);
        let activity = Activity::new(samples, known);
        if len >= SHORT {
            self.floor_db = Some(activity.floor_db);
        }
        if samples.iter().all(|s| s.abs() < SILENCE) || !activity.any(0..usize::MAX) {
            return Ok(all);
        }
        let this = self.recogniser;
        let frames = this.encoder.run(this.mel.run(samples)?)?;
        let window = Window {
            decoder: &this.decoder,
            vocabulary: &this.vocabulary,
            memory: this.decoder.memory(&frames)?,
        };
        let language = match self.language {
            Some(language) => language,
            None => window.language()?,
        };
        let (code, token) = &this.vocabulary.languages()[language];
        let style: &[u32] = if code == "zh" { &MANDARIN } else { &[] };
        let decoded = window.decode(*token, style)?;
        if decoded.is_silence() {
            return Ok(all);
        }
        let Said { segments, until } = said(&this.vocabulary, &decoded);
        let text = segments.concat();
        let mut done = match until {
            Until::Time(frame) => frame,
            Until::Somewhere | Until::End(_) => all,
        };
        // What is heard after the text would draw its last words to it.
        let frames = match until {
            Until::Time(frame) | Until::End(frame) => all.min(frame + LATE_FRAMES),
            Until::Somewhere => all,
        };
        let begins = window.begins(*token, &text, frames)?;
        let mut first = 0;
        for segment in segments {
            let pieces = this.vocabulary.pieces(&segment, words::is_spaced(code));
            let timed = placed(pieces, &begins[first..], &activity);
            first += segment.len();
            if is_speech(&timed, &activity) {
                self.language = Some(language);
                // Times of segments are rough: the next word may begin before.
                let last = timed.last().map_or(0.0, |p| p.end_secs);
                let last = (last / FRAME_SECS) as usize;
                let goes_on = match until {
                    Until::Time(_) => true,
                    Until::Somewhere => len == WINDOW_SAMPLES,
                    Until::End(_) => false,
                };
                // Sometimes the network stops in the middle.
                let rest = (last * FRAME_SAMPLES / STEP_SAMPLES)..usize::MAX;
                done = match goes_on || activity.secs(rest) > MISSED_SECS {
                    true => last.min(all),
                    false => all,
                };
                self.pieces
                    .extend(timed.into_iter().map(|piece| TimedPiece {
                        start_secs: self.start_secs + piece.start_secs,
                        end_secs: self.start_secs + piece.end_secs,
                        ..piece
                    }));
            }
        }
        Ok(if done < LEAST_DONE { all } else { done })
    }
}

/// Pieces of a segment whose tokens begin at the frames `begins`, timed from the
/// window's begin. Words end where a pause begins, and begin where it ends.
fn placed(pieces: Vec<Piece>, begins: &[usize], activity: &Activity) -> Vec<TimedPiece> {
    let step = |frame: usize| {
        let secs = frame as f64 * FRAME_SECS + EARLY_SECS;
        ((secs / STEP_SECS).round() as usize).min(activity.steps())
    };
    let mut token = 0;
    let mut least = 0;
    let mut out = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let end = token + piece.tokens;
        let steps = step(begins[token])..step(begins[end]);
        token = end;
        let spoken = match is_mark(&piece.text) {
            true => None,
            false => activity.spoken(steps.clone()),
        };
        let spoken = spoken.unwrap_or(steps);
        out.push(TimedPiece {
            text: piece.text,
            start_secs: spoken.start.max(least) as f64 * STEP_SECS,
            end_secs: spoken.end.max(least) as f64 * STEP_SECS,
        });
        least = least.max(spoken.start);
    }
    out
}

/// Whether a segment's words are where something is heard, and no more than can
/// be said there.
fn is_speech(segment: &[TimedPiece], activity: &Activity) -> bool {
    let (Some(first), Some(last)) = (segment.first(), segment.last()) else {
        return false;
    };
    let step = |secs: f64| (secs / STEP_SECS).round() as usize;
    let letters = segment.iter().flat_map(|p| p.text.chars());
    let letters = letters.filter(|c| c.is_alphanumeric()).count() as f64;
    let secs = last.end_secs - first.start_secs;
    activity.any(step(first.start_secs)..step(last.end_secs))
        && letters <= MOST_LETTERS + MOST_LETTERS_A_SEC * secs
}

/// What is whole of a window's text.
struct Said {
    /// Text tokens.
    segments: Vec<Vec<u32>>,
    until: Until,
}

/// How far the text of a window goes.
#[derive(Clone, Copy)]
enum Until {
    /// To this frame: nothing is said after it.
    End(usize),
    /// To this frame, where more begins.
    Time(usize),
    /// The window ends within it.
    Somewhere,
}

fn said(vocabulary: &Vocabulary, decoded: &Decoded) -> Said {
    let tokens = &decoded.tokens;
    let time = |i: usize| vocabulary.time(tokens[i]);
    let n = tokens.len();
    // Times stand in pairs between segments; a single one ends the last.
    let end = match n {
        0 | 1 => None,
        _ if time(n - 2).is_some() => None,
        _ => time(n - 1),
    };
    let pair = (1..n)
        .rev()
        .filter(|i| time(*i).is_some())
        .find_map(|i| Some((i, time(i - 1)?)));
    let (whole, until) = match (end, pair) {
        (Some(end), _) => (n, Until::End(end as usize)),
        (None, Some((whole, time))) => (whole, Until::Time(time as usize)),
        (None, None) => (n, Until::Somewhere),
    };
    let segments = tokens[..whole]
        .split(|t| vocabulary.time(*t).is_some())
        .map(|s| {
            s.iter()
                .copied()
                .filter(|t| vocabulary.is_text(*t))
                .collect()
        })
        .filter(|s: &Vec<u32>| !s.is_empty())
        .collect();
    Said { segments, until }
}
