//! Markup → [`Script`]: what is said, how, and what happens beside it.
//!
//! The markup is plain text with a few tags in square brackets; the common SSML
//! elements mean the same things. See `engine/script/README.md` for the tags.
//! Pure: a string in, a value or positioned errors out.

mod error;
mod parse;
mod pinyin;
mod print;
mod tags;

use huashen_core::MarkKind;

pub use error::{ErrorKind, ScriptError};
pub use parse::{Parsed, parse};
pub use pinyin::is_syllable;

/// A parsed script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    pub items: Vec<Item>,
}

/// One thing after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Text(Span),
    /// Silence, in seconds.
    Pause(f64),
    Mark(MarkKind),
    /// A blank line.
    Paragraph,
}

/// Text that is spoken in one way.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// As written, escapes resolved; a line break is `\n`.
    pub text: String,
    pub style: Style,
    /// How the whole text is to be read, if not as written.
    pub reading: Option<Reading>,
    /// Of the first character.
    pub position: Position,
}

/// How a span is spoken.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Name of a voice; the script's default when none.
    pub voice: Option<String>,
    /// Factor on the voice's own speed.
    pub speed: f32,
    /// Added to the voice's own pitch.
    pub semitones: f32,
    pub emphasised: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            voice: None,
            speed: 1.0,
            semitones: 0.0,
            emphasised: false,
        }
    }
}

/// A reading that overrides what the text would give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// One syllable with tone number a Han character: `yin2`, `hang2`.
    Pinyin(Vec<String>),
    /// International Phonetic Alphabet.
    Ipa(String),
    /// Other words to say instead.
    Sub(String),
}

/// A place in the source: both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Script {
    /// What is said, without markup; paragraphs are lines.
    pub fn plain_text(&self) -> String {
        let mut text = String::new();
        for item in &self.items {
            match item {
                Item::Text(span) => text.push_str(&span.text),
                Item::Paragraph => text.push('\n'),
                Item::Pause(_) | Item::Mark(_) => {}
            }
        }
        text
    }

    /// The script in canonical markup; parsing it gives the same script but for
    /// positions.
    pub fn to_markup(&self) -> String {
        print::print(self)
    }
}
