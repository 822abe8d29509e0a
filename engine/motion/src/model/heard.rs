//! What the model said of a whole recording.

use huashen_core::ArkitWeights;

use super::net::{INPUTS, OUTPUTS, State};
use super::{Audio2Motion, CHUNK, Condition, Lane, MODEL_HZ, MotionFrame, MotionStream, failed};
use crate::MotionError;
use crate::score::Accent;

/// A beat is one where the model is surer than this.
const SURE: f32 = 0.35;
/// Beats are at least this far apart, in frames.
const APART: usize = 8;

/// The frames of a recording, in time order; an hour keeps about 41 MB.
#[derive(Clone, Debug, Default)]
pub struct HeardMotion {
    frames: Vec<MotionFrame>,
}

/// Hears a recording piece by piece.
pub struct Hearing<'a> {
    stream: MotionStream<'a>,
    frames: Vec<MotionFrame>,
}

/// One of many recordings that are heard at once: mono samples, their rate,
/// and how the speech is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct SoundToHear<'a> {
    pub samples: &'a [f32],
    pub rate_hz: f64,
    pub condition: Condition,
}

impl Audio2Motion {
    /// Hears many recordings at once, which is what a GPU is for: each step of
    /// the network serves all of them. In the order given.
    ///
    /// # Errors
    /// A rate outside what the mel meter takes, or a device that fails.
    pub fn hear_all(&self, sounds: &[SoundToHear<'_>]) -> Result<Vec<HeardMotion>, MotionError> {
        if sounds.is_empty() {
            return Ok(Vec::new());
        }
        let asked = sounds.iter().map(|s| s.condition);
        let conditions: Vec<Condition> = asked
            .clone()
            .chain(asked.map(|condition| condition.ruled()))
            .collect();
        let conditions = self.conditions(&conditions).map_err(failed)?;
        let mut state = State::default();
        let mut lanes = Vec::with_capacity(sounds.len());
        for sound in sounds {
            lanes.push((Lane::new(sound.rate_hz)?, sound.samples, Vec::new()));
        }
        while lanes
            .iter()
            .any(|(lane, rest, _)| !rest.is_empty() || lane.told < lane.frames())
        {
            let mut levels = Vec::with_capacity(lanes.len() * CHUNK * INPUTS);
            for (lane, rest, _) in &mut lanes {
                while lane.ready() < CHUNK {
                    if rest.is_empty() {
                        lane.push_after(&lane.silence());
                    } else {
                        let (piece, after) = rest.split_at(rest.len().min(4096));
                        lane.push(piece);
                        *rest = after;
                    }
                }
                levels.extend(lane.take(CHUNK));
            }
            let rows = self
                .run(levels, lanes.len(), 2, (&conditions, &mut state))
                .map_err(failed)?;
            let (asked, ruled) = rows.split_at(rows.len() / 2);
            let one = CHUNK * OUTPUTS;
            for (i, (lane, _, out)) in lanes.iter_mut().enumerate() {
                let at = i * one..(i + 1) * one;
                lane.tell((&asked[at.clone()], &ruled[at]), &self.captured, out);
            }
        }
        Ok(lanes
            .into_iter()
            .map(|(lane, _, mut frames)| {
                frames.truncate(lane.frames() as usize);
                HeardMotion { frames }
            })
            .collect())
    }

    /// Begins to hear a recording whole.
    ///
    /// # Errors
    /// As [`Audio2Motion::stream`].
    pub fn hear(&self, rate_hz: f64, condition: &Condition) -> Result<Hearing<'_>, MotionError> {
        Ok(Hearing {
            stream: self.stream(rate_hz, condition)?,
            frames: Vec::new(),
        })
    }
}

impl Hearing<'_> {
    /// Takes the next mono samples.
    ///
    /// # Errors
    /// When the device fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), MotionError> {
        self.stream.push(samples, &mut self.frames)
    }

    /// The motion of what was pushed.
    ///
    /// # Errors
    /// When the device fails.
    pub fn finish(mut self) -> Result<HeardMotion, MotionError> {
        self.stream.finish(&mut self.frames)?;
        Ok(HeardMotion {
            frames: self.frames,
        })
    }
}

impl HeardMotion {
    /// The frames, [`MODEL_HZ`] a second from 0 s.
    pub fn frames(&self) -> &[MotionFrame] {
        &self.frames
    }

    /// The face at `secs`, between frames linearly; at rest where nothing was heard.
    pub fn weights(&self, secs: f64) -> ArkitWeights {
        let Some(last) = self.frames.len().checked_sub(1) else {
            return ArkitWeights::default();
        };
        let at = (secs * MODEL_HZ).clamp(0.0, last as f64);
        let i = at as usize;
        let (a, b) = (&self.frames[i], &self.frames[(i + 1).min(last)]);
        a.weights.lerp(&b.weights, at.fract() as f32)
    }

    /// Writes jaw, lips, cheeks, nose and tongue at `secs`.
    pub(crate) fn write(&self, secs: f64, w: &mut ArkitWeights) {
        for (shape, weight) in self.weights(secs).active() {
            if ["jaw", "mouth", "cheek", "nose", "tongue"]
                .iter()
                .any(|part| shape.name().starts_with(part))
            {
                w[shape] = weight;
            }
        }
    }

    /// When gesture strokes are likely to land, in seconds.
    pub fn beats(&self) -> Vec<f64> {
        self.accents().into_iter().map(|a| a.at).collect()
    }

    /// Peaks of the beat's probability.
    pub(crate) fn accents(&self) -> Vec<Accent> {
        let mut accents = Vec::new();
        for (n, frame) in self.frames.iter().enumerate() {
            let around =
                &self.frames[n.saturating_sub(APART)..(n + APART + 1).min(self.frames.len())];
            let before = n.min(APART);
            let first_of_peak = around[..before].iter().all(|f| f.beat < frame.beat)
                && around[before..].iter().all(|f| f.beat <= frame.beat);
            if frame.beat > SURE && first_of_peak {
                accents.push(Accent {
                    at: n as f64 / MODEL_HZ,
                    strength: f64::from(frame.beat_strength),
                });
            }
        }
        accents
    }
}
