//! A script, spoken while it is synthesised.

use huashen_core::Prosody;
use huashen_motion::{MotionOptions, Planner};
use huashen_script::Script;
use huashen_speech::{Leveller, Loudness, LoudnessMeter, ProsodyMeter, Synthesizer};

use crate::PipelineError;

/// One utterance, ready to be heard and seen.
pub struct Line {
    /// Mono, at the loudness of clips.
    pub samples: Vec<f32>,
    pub sample_rate_hz: u32,
    pub planner: Planner,
}

impl Line {
    pub fn secs(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate_hz)
    }
}

/// Speaks `script` utterance by utterance; each goes to `out` as soon as it is
/// there. `out` answers whether to go on.
///
/// # Errors
/// Voices that are not there, and what the voice model says.
pub fn speak(
    synth: &Synthesizer,
    script: &Script,
    voice: Option<&str>,
    options: &MotionOptions,
    out: &mut dyn FnMut(Line) -> bool,
) -> Result<(), PipelineError> {
    let sample_rate_hz = synth.sample_rate_hz();
    // The whole is not known yet: the first utterances set the level.
    let mut meter = LoudnessMeter::new(sample_rate_hz)?;
    let mut options = *options;
    for piece in synth.speak_soon(script, voice)? {
        let piece = piece?;
        meter.push(&piece.samples)?;
        let prosody: Prosody = {
            let mut prosody = ProsodyMeter::new(sample_rate_hz);
            prosody.push(&piece.samples);
            prosody.finish()
        };
        let mut leveller = Leveller::new(Loudness::WEB, meter.lufs()?, sample_rate_hz);
        let mut samples = Vec::with_capacity(piece.samples.len());
        leveller.process(&piece.samples, &mut samples);
        leveller.finish(&mut samples);
        let line = Line {
            samples,
            sample_rate_hz,
            planner: Planner::new(&piece.timing, &prosody, &options),
        };
        // The next utterance does not blink where this one did.
        options.seed = options.seed.wrapping_add(1);
        if !out(line) {
            break;
        }
    }
    Ok(())
}
