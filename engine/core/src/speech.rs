//! Speech: sound and, for every word and phoneme, when it is heard.

/// Sound and its timing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speech {
    /// Mono PCM, nominally within ±1.
    pub samples: Vec<f32>,
    pub sample_rate_hz: u32,
    pub timing: Timing,
}

impl Speech {
    /// Length of the sound in seconds.
    pub fn duration_secs(&self) -> f64 {
        if self.sample_rate_hz == 0 {
            return 0.0;
        }
        self.samples.len() as f64 / f64::from(self.sample_rate_hz)
    }
}

/// What is heard when. All lists are in time order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timing {
    pub duration_secs: f64,
    pub words: Vec<Word>,
    pub phonemes: Vec<Phoneme>,
    pub marks: Vec<Mark>,
}

impl Timing {
    /// Appends `next`, which starts where `self` ends.
    pub fn append(&mut self, next: Timing) {
        let offset = self.duration_secs;
        let first_word = self.words.len();
        self.words.extend(next.words.into_iter().map(|mut w| {
            w.start_secs += offset;
            w.end_secs += offset;
            w
        }));
        self.phonemes.extend(next.phonemes.into_iter().map(|mut p| {
            p.start_secs += offset;
            p.end_secs += offset;
            p.word = p.word.map(|w| w + first_word);
            p
        }));
        self.marks.extend(next.marks.into_iter().map(|mut m| {
            m.at_secs += offset;
            m
        }));
        self.duration_secs += next.duration_secs;
    }
}

/// One written word (in Chinese: one segmented word) and when it is heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// As written in the script, without markup.
    pub text: String,
    pub start_secs: f64,
    pub end_secs: f64,
    /// Last word before a sentence end.
    pub ends_sentence: bool,
    /// Emphasis asked for in the script.
    pub emphasised: bool,
}

/// One sound, in IPA.
#[derive(Clone, Debug, PartialEq)]
pub struct Phoneme {
    /// IPA of one segment, without stress, length or tone (`t͡ʃ` is one
    /// segment). Silence is not a phoneme: it is a gap between phonemes.
    pub ipa: String,
    pub start_secs: f64,
    pub end_secs: f64,
    /// 0 unstressed, 1 secondary, 2 primary stress (for tone languages: 1 on
    /// full-tone vowels, 0 on neutral tone).
    pub stress: u8,
    /// Index into [`Timing::words`].
    pub word: Option<usize>,
}

/// Something the script asks for at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub at_secs: f64,
    pub kind: MarkKind,
}

/// What a [`Mark`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// Play the gesture of this name.
    Gesture(String),
    /// Look at a place: `camera`, `left`, `right`, `up`, `down` …
    Look(String),
}

/// Pitch and loudness of the sound, [`Prosody::HOP_SECS`] a hop. Small enough
/// to keep for an hour of speech whose PCM stays on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prosody {
    /// Fundamental frequency in Hz; 0 where unvoiced.
    pub f0_hz: Vec<f32>,
    /// RMS level in dB re full scale, at least −100.
    pub level_db: Vec<f32>,
}

impl Prosody {
    /// Distance of two hops.
    pub const HOP_SECS: f64 = 0.01;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appending_shifts_times_and_word_indices() {
        let one = Timing {
            duration_secs: 1.0,
            words: vec![Word {
                text: "hi".into(),
                start_secs: 0.25,
                end_secs: 0.5,
                ends_sentence: true,
                emphasised: false,
            }],
            phonemes: vec![Phoneme {
                ipa: "h".into(),
                start_secs: 0.25,
                end_secs: 0.5,
                stress: 0,
                word: Some(0),
            }],
            marks: vec![],
        };
        let mut two = one.clone();
        two.append(one);
        assert_eq!(two.duration_secs, 2.0);
        assert_eq!(two.words[1].start_secs, 1.25);
        assert_eq!(two.phonemes[1].word, Some(1));
    }
}
