//! What can go wrong between this program and media files.

use std::path::PathBuf;

use ffmpeg_next as ffmpeg;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum MediaError {
    #[error("{path} cannot be opened: {reason}")]
    Open { path: PathBuf, reason: String },
    #[error("{path} holds no sound; it holds {found}")]
    NoAudio { path: PathBuf, found: String },
    #[error("{path} holds no video: name a file with moving pictures")]
    NoVideo { path: PathBuf },
    #[error("{path} is damaged: no picture could be decoded from it")]
    NoPicture { path: PathBuf },
    #[error("{path} is damaged: no sound could be decoded from it")]
    Damaged { path: PathBuf },
    #[error("`.{found}` is not a clip format that can be written: use {expected}")]
    Container {
        found: String,
        expected: &'static str,
    },
    #[error("{file} does not take {what}: {expected}")]
    NotIn {
        what: &'static str,
        file: PathBuf,
        expected: String,
    },
    #[error(
        "{file} cannot be transparent: write .webm (VP9), .mov (ProRes 4444), a folder of PNGs, \
         .webp or .gif, or choose a background colour or picture"
    )]
    NoAlpha { file: PathBuf },
    #[error("a GIF shows at most {most} frames a second, not {fps}: choose a lower --fps")]
    TooFast { fps: f64, most: f64 },
    #[error("this build of FFmpeg has no {0} encoder; install an FFmpeg that has it")]
    NoEncoder(&'static str),
    #[error("a frame is {found}, the clip is {expected}")]
    FrameShape { expected: String, found: String },
    #[error("frame {found} came where frame {expected} was due")]
    FrameOrder { expected: u64, found: u64 },
    #[error("{path} cannot be written: {reason}")]
    Write { path: PathBuf, reason: String },
    #[error("the encoder failed while it was {doing}: {source}")]
    Encode {
        doing: &'static str,
        source: ffmpeg::Error,
    },
    #[error("the encoder stopped early")]
    Stopped,
}

/// Attaches what was being done to a libav error.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, MediaError>;
}

impl<T> Doing<T> for Result<T, ffmpeg::Error> {
    fn doing(self, doing: &'static str) -> Result<T, MediaError> {
        self.map_err(|source| MediaError::Encode { doing, source })
    }
}
