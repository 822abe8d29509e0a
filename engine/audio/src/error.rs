//! What can go wrong with sound devices.

use thiserror::Error;

/// What can go wrong with sound devices.
#[derive(Debug, Error)]
pub enum AudioError {
    #[error("no sound device is called `{wanted}`; these are here: {found}")]
    NoSuchDevice { wanted: String, found: String },
    #[error("there is no {0}")]
    NoDevice(&'static str),
    #[error("the sound device `{device}` does not open: {reason}")]
    Open { device: String, reason: String },
}
