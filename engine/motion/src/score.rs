//! What head, brows, eyes and breath need to know of the speech: phrases,
//! accents, pitch and loudness over time.

use huashen_core::{Prosody, Timing};

use crate::mouth::articulation::PAUSE_SECS;

/// Levels under this are silence for the statistics.
const FLOOR_DB: f32 = -55.0;

/// A stretch of speech without a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phrase {
    pub start: f64,
    pub end: f64,
    /// It ends a sentence (or the speech).
    pub closes: bool,
}

/// A prominent syllable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accent {
    pub at: f64,
    /// 0 barely … 1 emphasised.
    pub strength: f64,
}

/// How loud the speech is against its own usual level.
#[derive(Clone, Debug, Default)]
pub struct Loudness {
    level_db: Vec<f32>,
    usual_db: f32,
}

impl Loudness {
    pub fn new(prosody: &Prosody) -> Self {
        let mut heard: Vec<f32> = prosody
            .level_db
            .iter()
            .copied()
            .filter(|l| l.is_finite() && *l > FLOOR_DB)
            .collect();
        heard.sort_by(f32::total_cmp);
        let usual_db = heard.get(heard.len() * 7 / 10).copied().unwrap_or(0.0);
        Self {
            level_db: if heard.is_empty() {
                Vec::new()
            } else {
                prosody.level_db.clone()
            },
            usual_db,
        }
    }

    /// Mouth opening for the loudness during `start..end`: 1 at the usual
    /// level, 0.7…1.2; 1 without prosody. 12 dB are a factor of about 1.4.
    pub fn gain(&self, start: f64, end: f64) -> f64 {
        let db = self.relative_db(start, end);
        (10f64).powf(db / 80.0).clamp(0.7, 1.2)
    }

    /// Loudest level during `start..end` against the usual one, in dB.
    pub fn relative_db(&self, start: f64, end: f64) -> f64 {
        let hop = |secs: f64| (secs.max(0.0) / Prosody::HOP_SECS) as usize;
        let last = self.level_db.len();
        let (a, b) = (hop(start).min(last), (hop(end) + 1).min(last));
        let top = self.level_db[a..b.max(a)]
            .iter()
            .copied()
            .filter(|l| l.is_finite())
            .fold(f32::NEG_INFINITY, f32::max);
        if top == f32::NEG_INFINITY {
            return 0.0;
        }
        f64::from(top - self.usual_db).max(-40.0)
    }
}

/// The speech as life sees it. Empty for an idle track.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub phrases: Vec<Phrase>,
    pub accents: Vec<Accent>,
    /// Semitones about the speaker's median, held through unvoiced stretches
    /// and smoothed; one value a [`Prosody`] hop.
    pitch_st: Vec<f32>,
}

impl Score {
    /// From timed phonemes.
    pub fn from_timing(timing: &Timing, prosody: &Prosody, loudness: &Loudness) -> Self {
        let pitch_st = pitch(&prosody.f0_hz);
        let mut score = Self {
            phrases: phrases(timing),
            accents: Vec::new(),
            pitch_st,
        };
        score.accents = accents(timing, loudness, &score);
        score
    }

    /// From phrases found in a recording: accents are its peaks of loudness
    /// and pitch.
    pub fn from_phrases(phrases: Vec<Phrase>, prosody: &Prosody, loudness: &Loudness) -> Self {
        let mut score = Self {
            phrases,
            accents: Vec::new(),
            pitch_st: pitch(&prosody.f0_hz),
        };
        let mut accents: Vec<Accent> = Vec::new();
        for phrase in &score.phrases {
            let prominence = |at: f64| {
                loudness.relative_db(at - 0.05, at + 0.05) / 6.0 + score.pitch_at(at) / 4.0
            };
            let mut at = phrase.start + 0.1;
            while at < phrase.end {
                let here = prominence(at);
                let peak = (-15..=15).all(|k| prominence(at + f64::from(k) * 0.02) <= here);
                let clear = accents.last().is_none_or(|a| at - a.at > 0.25);
                if peak && clear && here > -0.5 {
                    accents.push(Accent {
                        at,
                        strength: (0.35 + 0.25 * here).clamp(0.1, 0.9),
                    });
                }
                at += 0.02;
            }
        }
        score.accents = accents;
        score
    }

    /// Semitones about the median at `at` seconds, 0 outside.
    pub fn pitch_at(&self, at: f64) -> f64 {
        let x = at / Prosody::HOP_SECS;
        if x.is_nan() || x < 0.0 {
            return 0.0;
        }
        let i = x as usize;
        let get = |i: usize| self.pitch_st.get(i).copied().map_or(0.0, f64::from);
        let t = x - i as f64;
        get(i) * (1.0 - t) + get(i + 1) * t
    }

    /// The phrase that `at` lies in.
    pub fn phrase_at(&self, at: f64) -> Option<&Phrase> {
        let i = self.phrases.partition_point(|p| p.start <= at);
        let phrase = self.phrases.get(i.checked_sub(1)?)?;
        (at < phrase.end).then_some(phrase)
    }
}

fn phrases(timing: &Timing) -> Vec<Phrase> {
    let mut spans: Vec<(f64, f64, Option<usize>)> = timing
        .phonemes
        .iter()
        .filter(|p| p.start_secs.is_finite() && p.end_secs.is_finite())
        .filter(|p| p.end_secs > p.start_secs)
        .map(|p| (p.start_secs, p.end_secs, p.word))
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let closes = |word: Option<usize>| {
        word.and_then(|w| timing.words.get(w))
            .is_some_and(|w| w.ends_sentence)
    };
    let mut found: Vec<Phrase> = Vec::new();
    for (start, end, word) in spans {
        match found.last_mut() {
            Some(p) if start - p.end <= PAUSE_SECS => {
                p.end = p.end.max(end);
                p.closes = closes(word);
            }
            _ => found.push(Phrase {
                start,
                end,
                closes: closes(word),
            }),
        }
    }
    if let Some(last) = found.last_mut() {
        last.closes = true;
    }
    found
}

/// One accent a word at most: its most stressed vowel, weighed by how much it
/// stands out in loudness and pitch.
fn accents(timing: &Timing, loudness: &Loudness, score: &Score) -> Vec<Accent> {
    let mut found: Vec<(Option<usize>, u8, Accent)> = Vec::new();
    for p in timing.phonemes.iter().filter(|p| p.stress > 0) {
        let at = 0.5 * (p.start_secs + p.end_secs);
        if !at.is_finite() {
            continue;
        }
        let emphasised = p
            .word
            .and_then(|w| timing.words.get(w))
            .is_some_and(|w| w.emphasised);
        let db = loudness.relative_db(p.start_secs, p.end_secs);
        let strength = if emphasised {
            1.0
        } else {
            let out = 0.25 + 0.03 * db + 0.05 * score.pitch_at(at) + 0.08 * f64::from(p.stress);
            out.clamp(0.05, 0.9)
        };
        let next = (p.word, p.stress, Accent { at, strength });
        match found.last_mut() {
            Some(last) if last.0.is_some() && last.0 == p.word => {
                if (p.stress, strength) > (last.1, last.2.strength) {
                    *last = next;
                }
            }
            _ => found.push(next),
        }
    }
    let mut accents: Vec<Accent> = found.into_iter().map(|(_, _, a)| a).collect();
    accents.sort_by(|a, b| a.at.total_cmp(&b.at));
    accents
}

/// f0 in Hz → smoothed semitones about the median of the voiced hops.
fn pitch(f0_hz: &[f32]) -> Vec<f32> {
    let voiced = |f: f32| f.is_finite() && f > 30.0 && f < 1200.0;
    let mut all: Vec<f32> = f0_hz.iter().copied().filter(|f| voiced(*f)).collect();
    if all.is_empty() {
        return Vec::new();
    }
    all.sort_by(f32::total_cmp);
    let median = all[all.len() / 2];
    drop(all);
    // Unvoiced hops let the value sink back; forward and backward passes make
    // the smoothing symmetric (no delay).
    let mut out = Vec::with_capacity(f0_hz.len());
    let mut held = 0.0f32;
    for &f in f0_hz {
        held = if voiced(f) {
            (12.0 * (f / median).log2()).clamp(-9.0, 9.0)
        } else {
            held * 0.97
        };
        out.push(held);
    }
    const SMOOTH: f32 = 0.1;
    let mut y = 0.0;
    for v in &mut out {
        y += SMOOTH * (*v - y);
        *v = y;
    }
    y = 0.0;
    for v in out.iter_mut().rev() {
        y += SMOOTH * (*v - y);
        *v = y;
    }
    out
}
