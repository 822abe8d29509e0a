//! Subtitles: what is read while it is heard.

/// One subtitle, as it stands on the picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cue {
    pub start_secs: f64,
    pub end_secs: f64,
    /// One or two lines of words.
    pub lines: Vec<Vec<CueWord>>,
}

/// A word of a cue and when it is heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CueWord {
    /// With its punctuation, and the blank before it where its script sets one.
    pub text: String,
    pub start_secs: f64,
    pub end_secs: f64,
    pub ends_sentence: bool,
}

impl Cue {
    /// The lines as plain text.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let text = |line: &Vec<CueWord>| line.iter().map(|w| w.text.as_str()).collect();
        self.lines.iter().map(text)
    }

    /// The same, `secs` later.
    pub fn later(mut self, secs: f64) -> Self {
        self.start_secs += secs;
        self.end_secs += secs;
        for word in self.lines.iter_mut().flatten() {
            word.start_secs += secs;
            word.end_secs += secs;
        }
        self
    }
}

/// How long a line of a subtitle may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CueShape {
    /// Narrow letters, or wide ones (Chinese, kana), that fill a line.
    pub narrow: usize,
    pub wide: usize,
}

impl CueShape {
    /// What broadcasters and platforms take for pictures of this shape (width
    /// over height).
    pub fn for_aspect(aspect: f32) -> Self {
        let (narrow, wide) = match aspect {
            a if a > 1.2 => (42, 16),
            a if a > 0.8 => (34, 14),
            _ => (28, 12),
        };
        Self { narrow, wide }
    }
}
