//! What can go wrong with pictures and the nets that look at them.

use std::path::PathBuf;

use thiserror::Error;

/// One enum for the crate; every variant says what to do next.
#[derive(Debug, Error)]
pub enum VisionError {
    #[error("{path} cannot be read: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{path} is not a PNG, JPEG or WebP picture; open it in a picture editor and export it as PNG or JPEG"
    )]
    NotAPicture { path: PathBuf },
    #[error(
        "{path} is an {kind} picture, which cannot be read; export it as JPEG or PNG (a phone: share it as \"Most Compatible\")"
    )]
    Foreign { path: PathBuf, kind: &'static str },
    #[error("{path} ends before the picture is complete; copy or download the file again")]
    Truncated { path: PathBuf },
    #[error(
        "{path} has {width}x{height} pixels, more than {max_megapixels} megapixels; scale it down first"
    )]
    TooLarge {
        path: PathBuf,
        width: u32,
        height: u32,
        max_megapixels: u64,
    },
    #[error("{path} has no pixels: {width}x{height}")]
    Empty {
        path: PathBuf,
        width: u32,
        height: u32,
    },
    #[error(
        "{path} is a damaged picture: {reason}; open it in a picture editor and export it anew"
    )]
    Damaged { path: PathBuf, reason: String },
    #[error("{path} is missing; run `huashen setup face`")]
    NoModel { path: PathBuf },
    #[error("{model} is not the model that was expected: {reason}; run `huashen setup face`")]
    Model { model: String, reason: String },
    #[error("a tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}
