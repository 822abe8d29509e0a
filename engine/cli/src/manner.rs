//! How a person is to move, from the flags.

use huashen_motion::MotionOptions;

use crate::args::{MannerArgs, VoiceArgs};

/// The options of the motion stage.
pub fn options(manner: &MannerArgs, voice: &VoiceArgs) -> anyhow::Result<MotionOptions> {
    anyhow::ensure!(
        (0.0..=1.0).contains(&manner.emotion_strength),
        "--emotion-strength {} is out of range: give 0 to 1",
        manner.emotion_strength
    );
    Ok(MotionOptions {
        seed: voice.seed,
        style: manner.style.parse()?,
        emotion: manner.emotion.parse()?,
        emotion_strength: manner.emotion_strength,
        compute: manner.device.parse()?,
        ..MotionOptions::default()
    })
}
