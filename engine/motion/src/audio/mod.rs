//! A mouth for recordings without phonemes, from energy and spectrum.

mod features;
mod mouth;

pub use features::AudioFeatures;
pub use mouth::AudioMouth;
