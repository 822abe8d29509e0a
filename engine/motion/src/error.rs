use std::io;

use thiserror::Error;

/// What can go wrong with a motion file or a recording.
#[derive(Debug, Error)]
pub enum MotionError {
    #[error("line {line}: {what}")]
    Csv { line: u64, what: String },
    #[error("{0}")]
    Options(String),
    #[error("--device {name}: {reason}, or leave --device out: the processor does it too")]
    NoDevice { name: &'static str, reason: String },
    #[error("cannot read or write the motion file: {0}")]
    Io(#[from] io::Error),
    #[error("cannot write the motion as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
