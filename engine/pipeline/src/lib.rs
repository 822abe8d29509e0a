//! The stages in order, and what they run on.
//!
//! `Script ─speech→ Speech ─motion→ MotionTrack ─render(Avatar)→ Frames ─media(+Speech)→ Clip`
//!
//! This crate knows the order and the data between the stages; renderers and
//! encoders come in through the traits of [`offline`]; [`live`] gives poses to
//! whoever shows them now.

pub mod batch;
pub mod capture;
pub mod film_report;
pub mod filming;
pub mod live;
mod manner_of;
pub mod models;
pub mod offline;
mod pcm_file;
pub mod provenance;
pub mod scene;
mod sound;

use huashen_core::SinkError;
use thiserror::Error;

pub use manner_of::StyleCheck;
pub use pcm_file::{PcmFile, PcmReader};
pub use sound::{Levelled, Sound, SoundBuilder};

/// The user asked to stop.
#[derive(Clone, Copy, Debug, Error)]
#[error("stopped")]
pub struct Cancelled;

/// What can go wrong between the stages. A stage's own error is the source.
#[derive(Debug, Error)]
pub enum PipelineError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Speech(#[from] huashen_speech::SpeechError),
    #[error(transparent)]
    Motion(#[from] huashen_motion::MotionError),
    #[error(
        "the temporary folder cannot hold the sound ({0}); free some space, or point TMPDIR elsewhere"
    )]
    TempSound(#[from] std::io::Error),
    #[error("the picture could not be rendered")]
    Render(#[source] SinkError),
    #[error("the clip could not be written")]
    Encode(#[source] SinkError),
    #[error("the renderer delivered {found} frames of {expected}: this is a bug, please report it")]
    FrameCount { expected: u64, found: u64 },
}
