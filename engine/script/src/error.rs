//! Errors with a place and a cure.

use thiserror::Error;

use crate::Position;

/// What is wrong with a script, and where.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("line {}, column {}: {kind}", position.line, position.column)]
pub struct ScriptError {
    pub position: Position,
    pub kind: ErrorKind,
}

#[derive(Clone, Debug, PartialEq, Error)]
pub enum ErrorKind {
    #[error("the script says nothing: it has no words")]
    Empty,
    #[error("the script is {found} bytes long, at most {limit} are read; split it")]
    TooLong { found: usize, limit: usize },
    #[error("`{found}` is not a tag{}; write \\{} for the character itself", suggest(.nearest), found.chars().next().unwrap_or('['))]
    UnknownTag {
        found: String,
        nearest: Option<&'static str>,
    },
    #[error("`{found}` has no closing bracket")]
    Unterminated { found: String },
    #[error("`{tag}` is never closed: write {close} after the last word it is for")]
    Unclosed { tag: String, close: String },
    #[error("`{found}` closes nothing{}", open_tag(.open))]
    WrongClose { found: String, open: Option<String> },
    #[error("`{tag}`: {reason}")]
    Value { tag: String, reason: String },
    #[error("tags are nested more than {0} deep")]
    TooDeep(usize),
    #[error(
        "the reading `{reading}` has {syllables} syllables for {characters} Chinese characters (`{word}`)"
    )]
    ReadingLength {
        reading: String,
        word: String,
        syllables: usize,
        characters: usize,
    },
    #[error("`&{0};` is not known; only &amp; &lt; &gt; &quot; &apos; and numbers are")]
    Entity(String),
}

fn suggest(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!(" (did you mean `{name}`?)"),
        None => String::new(),
    }
}

fn open_tag(open: &Option<String>) -> String {
    match open {
        Some(tag) => format!("; the open tag is `{tag}`"),
        None => String::new(),
    }
}
