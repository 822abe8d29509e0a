//! Timed speech → [`MotionTrack`]: a speaking mouth from phonemes or, for a
//! recording without them, from what the learned [`model`] hears; and
//! everything that makes a person look alive: blinks, gaze, head, brows, breath, hands.
//!
//! Seeded and deterministic, without a clock. Formats that other programs read
//! and write are in [`formats`].

mod arms;
mod audio;
mod curve;
pub mod emotion;
mod error;
pub mod formats;
mod life;
pub mod measure;
pub mod model;
mod mouth;
mod options;
mod planner;
mod random;
mod score;

use huashen_core::{MotionTrack, Prosody, Timing};

pub use audio::{AudioFeatures, AudioMouth};
pub use error::MotionError;
pub use life::gaze::{LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD};
pub use life::gesture::{GESTURES, Gesture};
pub use mouth::{LIP_GAP, lip_gap};
pub use options::{Manner, MotionOptions, Style};
pub use planner::Planner;

/// The motion of `timing`'s speech, from 0 s to its end (the last pose is at
/// or just after `timing.duration_secs`).
///
/// Mouth opening follows `prosody.level_db`, the head follows `prosody.f0_hz`;
/// an empty `prosody` gives plain speech. Looks and gestures in
/// `timing.marks` are honoured; unknown ones are left alone with a warning.
pub fn plan(timing: &Timing, prosody: &Prosody, options: &MotionOptions) -> MotionTrack {
    Planner::new(timing, prosody, options).into_track()
}

/// A person who waits: breathing, blinking, looking, mouth shut.
pub fn idle(duration_secs: f64, options: &MotionOptions) -> MotionTrack {
    let timing = Timing {
        duration_secs,
        ..Timing::default()
    };
    plan(&timing, &Prosody::default(), options)
}

/// The motion of a recording without phonemes: mouth from energy and spectrum,
/// the rest as in [`plan`].
///
/// `samples` is mono PCM within ±1. For an hour of sound that is not in
/// memory, feed an [`AudioFeatures`] and hand its result to
/// [`Planner::from_audio`].
///
/// # Errors
/// A rate outside 8–192 kHz.
pub fn plan_from_audio(
    samples: &[f32],
    rate_hz: u32,
    prosody: &Prosody,
    options: &MotionOptions,
) -> Result<MotionTrack, MotionError> {
    let mut features = AudioFeatures::new(rate_hz)?;
    features.push(samples);
    let mouth = features.finish();
    Ok(Planner::from_audio(mouth, &[], prosody, options).into_track())
}
