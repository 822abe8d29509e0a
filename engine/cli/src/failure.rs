//! From an error to one clear line and the right exit code.

use std::fmt::Write as _;
use std::process::ExitCode;

use huashen_media::MediaError;
use huashen_motion::MotionError;
use huashen_pipeline::batch::QueueError;
use huashen_pipeline::models::ModelError;
use huashen_pipeline::provenance::ProvenanceError;
use huashen_pipeline::{Cancelled, PipelineError};
use huashen_render::RenderError;
use huashen_speech::SpeechError;
use huashen_vision::VisionError;

/// Finished, but some items failed.
pub const SOME_FAILED: u8 = 1;
/// Wrong usage or bad input.
pub const BAD_INPUT: u8 = 2;
/// A model, device, driver or program is missing.
const MISSING: u8 = 3;
/// Stopped by Ctrl-C, as shells count it.
pub const INTERRUPTED: u8 = 130;

/// Something this machine lacks; the text says how to get it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Missing(pub String);

/// Prints the error with its causes on stderr, in one line, and picks the code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let code = code_of(error);
    if code == INTERRUPTED {
        crate::output::error_line("stopped; nothing half-written was left behind");
    } else {
        crate::output::error_line(&one_line(error));
    }
    ExitCode::from(code)
}

/// Whether the same may succeed on another try: devices, disks and programs
/// come back, bad input stays bad.
pub fn may_pass(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(RenderError::Device(_) | RenderError::NoDevice { .. } | RenderError::Stopped(_))
        ) || matches!(
            cause.downcast_ref(),
            Some(MediaError::Write { .. } | MediaError::Encode { .. } | MediaError::Stopped)
        ) || matches!(cause.downcast_ref(), Some(PipelineError::TempSound(_)))
            || cause.is::<QueueError>()
            || matches!(cause.downcast_ref(), Some(ProvenanceError::Sign(_)))
    })
}

/// Whether it was asked to stop.
pub fn was_stopped(error: &anyhow::Error) -> bool {
    code_of(error) == INTERRUPTED
}

/// The chain of causes, each said once: many errors print their source themselves.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        let _ = write!(text, "{}", cause.trim_end());
    }
    text
}

fn code_of(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<Missing>() {
            return MISSING;
        }
        if cause.is::<Cancelled>()
            || matches!(cause.downcast_ref(), Some(ModelError::Cancelled))
            || matches!(cause.downcast_ref(), Some(PipelineError::Cancelled(_)))
        {
            return INTERRUPTED;
        }
        if let Some(e) = cause.downcast_ref::<SpeechError>() {
            return if e.is_missing() { MISSING } else { BAD_INPUT };
        }
        if let Some(e) = cause.downcast_ref::<RenderError>() {
            return if e.is_missing() { MISSING } else { BAD_INPUT };
        }
        if let Some(VisionError::NoModel { .. } | VisionError::Model { .. }) = cause.downcast_ref()
        {
            return MISSING;
        }
        if let Some(PipelineError::Motion(MotionError::NoDevice { .. })) = cause.downcast_ref() {
            return MISSING;
        }
        if let Some(MotionError::NoDevice { .. }) = cause.downcast_ref() {
            return MISSING;
        }
        if cause.is::<ModelError>() {
            return MISSING;
        }
    }
    BAD_INPUT
}
