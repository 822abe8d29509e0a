//! A script, sentence by sentence, as sound with every word and phoneme timed.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use huashen_core::{Mark, MarkKind, Speech, Timing, Word};
use huashen_script::{Item, Script, Style};

use crate::align::{self, Token};
use crate::frontend::{FrontEnd, SpokenWord, is_han};
use crate::kokoro::{FRAME_SAMPLES, Kokoro, Loan, MAX_TOKENS, SAMPLE_RATE_HZ, SynthOptions, Voice};
use crate::voices::{self, Language, VoiceInfo};
use crate::{SpeechError, sentences};

const FRAME_SECS: f64 = FRAME_SAMPLES as f64 / SAMPLE_RATE_HZ as f64;
/// A first clause that is spoken by itself has so many: half a second, in which
/// the next one is made.
const SHORTEST_CLAUSE: usize = 8;
/// Longer utterances lose their melody, and memory grows with them.
const LONGEST_TOKENS: usize = 300;
/// Silence kept before the first sound of an utterance, in frames.
const LEAD_FRAMES: u32 = 2;
/// Emphasis is said slower and higher.
const EMPHASIS_SPEED: f32 = 0.87;
const EMPHASIS_SEMITONES: f32 = 1.3;

/// The default voices. Of the Mandarin ones, all of one grade upstream, a
/// recogniser understands this best: tools/bench/RESULTS.md.
const ENGLISH_VOICE: &str = "af_heart";
const MANDARIN_VOICE: &str = "zf_xiaoyi";
/// Says the English words in a Mandarin man's sentence.
const ENGLISH_MALE_VOICE: &str = "am_michael";

/// Silence after an utterance, by what ends it, in seconds at speed 1.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Sentence,
    Paragraph,
    /// Split for length, or another voice goes on.
    Clause,
    /// A pause of the script follows.
    Pause,
}

impl Ending {
    const fn secs(self) -> f64 {
        match self {
            Self::Sentence => 0.38,
            Self::Paragraph => 0.75,
            Self::Clause => 0.14,
            Self::Pause => 0.06,
        }
    }
}

struct PlannedWord {
    word: SpokenWord,
    style: Style,
    marks: Vec<MarkKind>,
    ends_sentence: bool,
}

enum Step {
    Utterance {
        voice: usize,
        words: Vec<PlannedWord>,
        ending: Ending,
    },
    Silence(f64),
    Marks(Vec<MarkKind>),
}

/// Speaks scripts.
pub struct Synthesizer {
    kokoro: Kokoro,
    front_end: FrontEnd,
    voices: Vec<VoiceInfo>,
    models_dir: PathBuf,
}

impl Synthesizer {
    /// Loads the voice model and the dictionaries from `models_dir`.
    pub fn open(models_dir: &Path) -> Result<Self, SpeechError> {
        let voices = voices::voices(models_dir)?;
        let (kokoro, front_end) = rayon::join(
            || Kokoro::open(&models_dir.join("kokoro")),
            || FrontEnd::open(models_dir),
        );
        Ok(Self {
            kokoro: kokoro?,
            front_end: front_end?,
            voices,
            models_dir: models_dir.to_owned(),
        })
    }

    /// Samples a second of all speech.
    pub const fn sample_rate_hz(&self) -> u32 {
        SAMPLE_RATE_HZ
    }

    /// The voices that can speak.
    pub fn voices(&self) -> &[VoiceInfo] {
        &self.voices
    }

    /// The voice that speaks a script when none is named: by its characters.
    pub fn default_voice(script: &Script) -> &'static str {
        let text = script.plain_text();
        let han = text.chars().filter(|c| is_han(*c)).count();
        let letters = text.chars().filter(|c| c.is_alphabetic()).count() - han;
        // A Chinese character is about as long as three letters.
        if han * 3 > letters {
            MANDARIN_VOICE
        } else {
            ENGLISH_VOICE
        }
    }

    /// Plans `script`, every word read, and gives its speech piece by piece:
    /// memory does not grow with the script's sound.
    pub fn speak(&self, script: &Script, voice: Option<&str>) -> Result<Speaking<'_>, SpeechError> {
        self.plan(script, voice, false)
    }

    /// The same for somebody who waits: the first clause is spoken by itself.
    pub fn speak_soon(
        &self,
        script: &Script,
        voice: Option<&str>,
    ) -> Result<Speaking<'_>, SpeechError> {
        self.plan(script, voice, true)
    }

    fn plan(
        &self,
        script: &Script,
        voice: Option<&str>,
        soon: bool,
    ) -> Result<Speaking<'_>, SpeechError> {
        let default = self.voice_index(voice.unwrap_or_else(|| Self::default_voice(script)))?;
        let mut plan = Plan {
            synth: self,
            steps: VecDeque::new(),
            voice: default,
            words: Vec::new(),
            tokens: 0,
            marks: Vec::new(),
            soon,
        };
        for item in &script.items {
            match item {
                Item::Pause(secs) => {
                    plan.flush(Ending::Pause);
                    plan.steps.push_back(Step::Silence(*secs));
                }
                Item::Paragraph => plan.flush(Ending::Paragraph),
                Item::Mark(kind) => plan.marks.push(kind.clone()),
                Item::Text(span) => {
                    let voice = match &span.style.voice {
                        Some(name) => self.voice_index(name)?,
                        None => default,
                    };
                    if voice != plan.voice {
                        plan.flush(Ending::Clause);
                        plan.voice = voice;
                    }
                    let language = self.voices[voice].language;
                    if let Some(reading) = &span.reading {
                        let words = self.front_end.read_as(&span.text, reading, language)?;
                        plan.push(words, &span.style, false);
                        continue;
                    }
                    for (sentence, ended) in sentences::split(&span.text) {
                        let words = self.front_end.read(sentence, language)?;
                        plan.push(words, &span.style, ended);
                        if ended {
                            plan.flush(Ending::Sentence);
                        }
                    }
                }
            }
        }
        plan.flush(Ending::Sentence);
        if !plan.marks.is_empty() {
            plan.steps
                .push_back(Step::Marks(std::mem::take(&mut plan.marks)));
        }
        let steps = plan.steps;
        Ok(Speaking {
            synth: self,
            total: steps.len(),
            steps,
            loaded: None,
        })
    }

    fn voice_index(&self, name: &str) -> Result<usize, SpeechError> {
        let found = voices::find_voice(&self.voices, name)?;
        Ok(self
            .voices
            .iter()
            .position(|v| v.name == found.name)
            .unwrap_or(0))
    }

    /// Letters that the model knows.
    fn known(&self, text: &str) -> usize {
        text.chars()
            .filter(|c| self.kokoro.vocab().token(*c).is_some())
            .count()
    }
}

struct Plan<'a> {
    synth: &'a Synthesizer,
    steps: VecDeque<Step>,
    voice: usize,
    words: Vec<PlannedWord>,
    tokens: usize,
    marks: Vec<MarkKind>,
    /// The first clause is still to be cut off.
    soon: bool,
}

impl Plan<'_> {
    fn push(&mut self, words: Vec<SpokenWord>, style: &Style, ended: bool) {
        let n = words.len();
        for (i, word) in words.into_iter().enumerate() {
            if word.phonemes.is_empty() {
                // Punctuation alone belongs to the word before.
                if let Some(last) = self.words.last_mut() {
                    last.word.after.push_str(&word.after);
                    last.word.text.push_str(word.text.trim());
                }
                continue;
            }
            let tokens = self.synth.known(&word.phonemes) + word.after.chars().count() + 1;
            if self.tokens + tokens > LONGEST_TOKENS {
                self.split();
            }
            self.tokens += tokens;
            self.words.push(PlannedWord {
                word,
                style: style.clone(),
                marks: std::mem::take(&mut self.marks),
                ends_sentence: false,
            });
            if ended
                && i + 1 == n
                && let Some(last) = self.words.last_mut()
            {
                last.ends_sentence = true;
            }
        }
        if ended && let Some(last) = self.words.last_mut() {
            last.ends_sentence = true;
        }
    }

    /// Ends an utterance that grew too long at its last comma, else here.
    fn split(&mut self) {
        let comma = self.words.iter().rposition(|w| !w.word.after.is_empty());
        let at = comma.map_or(self.words.len(), |i| i + 1);
        let rest = self.words.split_off(at);
        self.flush(Ending::Clause);
        self.tokens = rest
            .iter()
            .map(|w| self.synth.known(&w.word.phonemes) + w.word.after.chars().count() + 1)
            .sum();
        self.words = rest;
    }

    fn flush(&mut self, ending: Ending) {
        self.tokens = 0;
        if self.words.is_empty() {
            // A paragraph right after a sentence only makes its pause longer.
            if let (Ending::Paragraph, Some(Step::Utterance { ending: last, .. })) =
                (ending, self.steps.back_mut())
            {
                *last = Ending::Paragraph;
            }
            return;
        }
        if matches!(ending, Ending::Sentence | Ending::Paragraph)
            && let Some(last) = self.words.last_mut()
        {
            last.ends_sentence = true;
        }
        if std::mem::take(&mut self.soon)
            && let Some(at) = self.first_clause()
        {
            let rest = self.words.split_off(at);
            self.steps.push_back(Step::Utterance {
                voice: self.voice,
                words: std::mem::replace(&mut self.words, rest),
                ending: Ending::Clause,
            });
        }
        self.steps.push_back(Step::Utterance {
            voice: self.voice,
            words: std::mem::take(&mut self.words),
            ending,
        });
    }

    /// Words up to the first mark after which something more follows.
    fn first_clause(&self) -> Option<usize> {
        let mut tokens = 0;
        let ends = self.words.iter().position(|w| {
            tokens += self.synth.known(&w.word.phonemes) + 1;
            tokens >= SHORTEST_CLAUSE && !w.word.after.trim().is_empty()
        });
        ends.map(|last| last + 1)
            .filter(|at| *at < self.words.len())
    }
}

impl Synthesizer {
    /// Which tokens a Mandarin voice leaves to an English one, and that voice:
    /// English words. Letters said one by one (GDP) it can say.
    fn loans(
        &self,
        voice: usize,
        words: &[PlannedWord],
        tokens: &[Token],
    ) -> Result<Option<(Voice, Vec<bool>)>, SpeechError> {
        let info = &self.voices[voice];
        let english: Vec<bool> = tokens
            .iter()
            .map(|t| t.word.is_some_and(|w| is_english(&words[w].word.text)))
            .collect();
        if info.language != Language::Mandarin || !english.contains(&true) {
            return Ok(None);
        }
        let name = match info.gender {
            "male" => ENGLISH_MALE_VOICE,
            _ => ENGLISH_VOICE,
        };
        let path = self.models_dir.join(format!("kokoro/voices/{name}.bin"));
        Ok(Some((Voice::open(&path)?, english)))
    }
}

fn is_english(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_lowercase())
}

/// Speech on its way: an iterator of pieces, each timed from its own start.
pub struct Speaking<'a> {
    synth: &'a Synthesizer,
    steps: VecDeque<Step>,
    total: usize,
    loaded: Option<(usize, Voice)>,
}

impl Speaking<'_> {
    /// Pieces done and in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.total - self.steps.len(), self.total)
    }

    fn utter(
        &mut self,
        voice: usize,
        words: &[PlannedWord],
        ending: Ending,
    ) -> Result<Speech, SpeechError> {
        if self.loaded.as_ref().is_none_or(|(v, _)| *v != voice) {
            let name = &self.synth.voices[voice].name;
            let path = self
                .synth
                .models_dir
                .join(format!("kokoro/voices/{name}.bin"));
            self.loaded = Some((voice, Voice::open(&path)?));
        }
        let Some((_, loaded)) = &self.loaded else {
            return Ok(Speech::default());
        };
        let mut line = Line::new(&self.synth.kokoro);
        for (i, planned) in words.iter().enumerate() {
            line.word(i, planned);
        }
        line.end(ending);
        if line.ids.is_empty() {
            return Err(SpeechError::NoPhonemes(
                words.iter().map(|w| w.word.text.as_str()).collect(),
            ));
        }
        let loans = self.synth.loans(voice, words, &line.tokens)?;
        let spoken = self.synth.kokoro.synthesize(
            &line.ids,
            loaded,
            &SynthOptions {
                speed: 1.0,
                token_speed: &line.speeds,
                token_semitones: &line.semitones,
                loan: loans.as_ref().map(|(voice, tokens)| Loan { voice, tokens }),
            },
        )?;

        // Cut the model's own silence down to a breath at both ends.
        let lead = LEAD_FRAMES.min(spoken.lead_frames);
        let start_secs = f64::from(lead) * FRAME_SECS;
        let phonemes = align::phonemes(&line.tokens, &spoken.token_frames, start_secs, FRAME_SECS);
        let speech_end = phonemes.last().map_or(start_secs, |p| p.end_secs);
        let speed = words.last().map_or(1.0, |w| f64::from(w.style.speed));
        let duration_secs = speech_end + ending.secs() / speed;
        let from = (spoken.lead_frames - lead) as usize * FRAME_SAMPLES;
        let n = (duration_secs * f64::from(SAMPLE_RATE_HZ)).round() as usize;
        let mut samples: Vec<f32> = spoken.samples[from..].iter().take(n).copied().collect();
        fade(&mut samples);
        samples.resize(n, 0.0);

        let mut timing = Timing {
            duration_secs: n as f64 / f64::from(SAMPLE_RATE_HZ),
            ..Timing::default()
        };
        let mut at = start_secs;
        for (i, planned) in words.iter().enumerate() {
            let own = || phonemes.iter().filter(|p| p.word == Some(i));
            let start = own().next().map_or(at, |p| p.start_secs);
            let end = own().next_back().map_or(start, |p| p.end_secs);
            at = end;
            timing.marks.extend(planned.marks.iter().map(|kind| Mark {
                at_secs: start,
                kind: kind.clone(),
            }));
            timing.words.push(Word {
                text: planned.word.text.clone(),
                start_secs: start,
                end_secs: end,
                ends_sentence: planned.ends_sentence,
                emphasised: planned.style.emphasised,
            });
        }
        timing.phonemes = phonemes;
        Ok(Speech {
            samples,
            sample_rate_hz: SAMPLE_RATE_HZ,
            timing,
        })
    }
}

impl Iterator for Speaking<'_> {
    type Item = Result<Speech, SpeechError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.steps.pop_front()? {
            Step::Utterance {
                voice,
                words,
                ending,
            } => self.utter(voice, &words, ending),
            Step::Silence(secs) => {
                let n = (secs * f64::from(SAMPLE_RATE_HZ)).round() as usize;
                Ok(Speech {
                    samples: vec![0.0; n],
                    sample_rate_hz: SAMPLE_RATE_HZ,
                    timing: Timing {
                        duration_secs: n as f64 / f64::from(SAMPLE_RATE_HZ),
                        ..Timing::default()
                    },
                })
            }
            Step::Marks(marks) => Ok(Speech {
                samples: Vec::new(),
                sample_rate_hz: SAMPLE_RATE_HZ,
                timing: Timing {
                    marks: marks
                        .into_iter()
                        .map(|kind| Mark { at_secs: 0.0, kind })
                        .collect(),
                    ..Timing::default()
                },
            }),
        })
    }
}

/// The tokens of an utterance and how each is said.
struct Line<'a> {
    kokoro: &'a Kokoro,
    ids: Vec<u32>,
    tokens: Vec<Token>,
    speeds: Vec<f32>,
    semitones: Vec<f32>,
    /// A blank that is only said if something follows.
    blank: Option<(f32, f32)>,
}

impl<'a> Line<'a> {
    fn new(kokoro: &'a Kokoro) -> Self {
        Self {
            kokoro,
            ids: Vec::new(),
            tokens: Vec::new(),
            speeds: Vec::new(),
            semitones: Vec::new(),
            blank: None,
        }
    }

    fn push(&mut self, letter: char, word: Option<usize>, speed: f32, semitones: f32) {
        let Some(id) = self.kokoro.vocab().token(letter) else {
            return;
        };
        if self.ids.len() < MAX_TOKENS {
            self.ids.push(id);
            self.tokens.push(Token { letter, word });
            self.speeds.push(speed);
            self.semitones.push(semitones);
        }
    }

    fn word(&mut self, index: usize, planned: &PlannedWord) {
        if let Some((speed, semitones)) = self.blank.take() {
            self.push(' ', index.checked_sub(1), speed, semitones);
        }
        let style = &planned.style;
        let (mut speed, mut semitones) = (style.speed, style.semitones);
        if style.emphasised {
            speed *= EMPHASIS_SPEED;
            semitones += EMPHASIS_SEMITONES;
        }
        for letter in planned.word.phonemes.chars() {
            self.push(letter, Some(index), speed, semitones);
        }
        for mark in planned.word.after.chars() {
            self.push(mark, Some(index), style.speed, style.semitones);
        }
        if planned.word.spaced || !planned.word.after.is_empty() {
            self.blank = Some((style.speed, style.semitones));
        }
    }

    /// The melody of an end needs a mark.
    fn end(&mut self, ending: Ending) {
        let marked = self
            .tokens
            .last()
            .is_some_and(|t| matches!(t.letter, '.' | ',' | '!' | '?' | ';' | ':' | '…' | '—'));
        if !marked {
            let mark = if ending == Ending::Clause { ',' } else { '.' };
            self.push(mark, self.tokens.last().and_then(|t| t.word), 1.0, 0.0);
        }
    }
}

/// 5 ms in and out, so that a cut does not click.
fn fade(samples: &mut [f32]) {
    let n = (SAMPLE_RATE_HZ as usize / 200).min(samples.len() / 2);
    let len = samples.len();
    for i in 0..n {
        let gain = i as f32 / n as f32;
        samples[i] *= gain;
        samples[len - 1 - i] *= gain;
    }
}

impl Language {
    /// Whether the front end reads it itself, without espeak-ng.
    pub const fn is_native(self) -> bool {
        matches!(
            self,
            Self::AmericanEnglish | Self::BritishEnglish | Self::Mandarin
        )
    }
}
