//! A voice that is heard now → the face that goes with it.

use huashen_motion::MotionOptions;
use huashen_motion::model::{Audio2Motion, Condition, LOOK_AHEAD, MODEL_HZ, MotionFrame};

use crate::PipelineError;

/// So many frames are told before all their sound was heard. Over 17 s of two
/// languages the jaw told so is 0.006 from the one told in time (r 0.98); four
/// frames: 0.010 (0.96), five: 0.014 (0.92).
const GUESSED: usize = 3;

/// Hears a microphone with the learned model.
pub struct Ear {
    model: Audio2Motion,
    condition: Condition,
}

impl Ear {
    /// # Errors
    /// Only where the build was broken.
    pub fn new(options: &MotionOptions) -> Result<Self, PipelineError> {
        Ok(Self {
            model: Audio2Motion::built_in()?,
            condition: Condition::from(options),
        })
    }

    /// How long after a sound the model tells the face that goes with it.
    pub fn look_ahead_secs() -> f64 {
        (LOOK_AHEAD + 1 - GUESSED) as f64 / MODEL_HZ
    }

    /// Begins to hear sound of this rate.
    ///
    /// # Errors
    /// A rate outside 8–192 kHz.
    pub fn hear(&self, rate_hz: u32) -> Result<Heard<'_>, PipelineError> {
        Ok(Heard {
            stream: self.model.stream(f64::from(rate_hz), &self.condition)?,
            frames: Vec::new(),
        })
    }
}

/// A voice being heard.
pub struct Heard<'a> {
    stream: huashen_motion::model::MotionStream<'a>,
    frames: Vec<MotionFrame>,
}

impl Heard<'_> {
    /// Takes the next mono samples; the newest face that they complete.
    ///
    /// # Errors
    /// When the device fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<Option<MotionFrame>, PipelineError> {
        self.frames.clear();
        self.stream.push(samples, &mut self.frames)?;
        if self.frames.is_empty() {
            return Ok(None);
        }
        Ok(self.stream.ahead(GUESSED)?)
    }
}
