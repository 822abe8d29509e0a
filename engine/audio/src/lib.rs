//! Sound devices, live: the only crate that names cpal.
//!
//! [`Player`] plays pieces of sound and is the clock of everything that moves
//! with them; [`Microphone`] listens. Both survive a device that goes away, and
//! a machine that has none. What runs in a device's callback takes no lock and
//! allocates nothing.

mod clock;
mod device;
mod error;
mod microphone;
mod outlet;
mod player;
mod resample;
mod tap;

pub use device::{DeviceInfo, devices};
pub use error::AudioError;
pub use microphone::Microphone;
pub use player::{Notice, Piece, Placed, Player};
pub use resample::Resampler;
pub use tap::Tapped;
