//! Crops of many recordings, spoilt and conditioned at random, as tensors.

use anyhow::Result;
use candle_core::{Device, Tensor};
use huashen_core::{ARKIT_COUNT, ArkitWeights};
use huashen_motion::emotion::Emotion;
use huashen_motion::model::mel::MelMeter;
use huashen_motion::model::net::{CONDITIONS, INPUTS, OUTPUTS};
use huashen_motion::model::{Condition, HABITS, LOOK_AHEAD, MODEL_HZ};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::augment::{no_speech, regain, spoil};
use crate::data::{Clip, Row, Source, told};

/// Frames at a crop's start that nothing is asked of: the past is missing.
const WARM_UP: usize = 20;

/// Share of crops in which nobody speaks.
const NOBODY: f64 = 0.1;
/// Share of crops that are not left clean.
const SPOILT: f64 = 0.7;

/// One batch, drawn.
pub struct Drawn {
    crops: Vec<Crop>,
    time: usize,
    speakers: usize,
}

/// One batch, on the device.
pub struct Batch {
    /// Batch × time × [`INPUTS`].
    pub frames: Tensor,
    /// Batch × [`CONDITIONS`].
    pub condition: Tensor,
    /// Which habit each crop's speaker has: batch × habits, rows of 0 and one 1.
    pub speaker: Tensor,
    /// Batch × time × [`OUTPUTS`], and how much each counts.
    pub wanted: Tensor,
    pub counts: Tensor,
}

struct Crop {
    frames: Vec<f32>,
    condition: [f32; CONDITIONS],
    speaker: Option<usize>,
    wanted: Vec<Row>,
    counts: Row,
}

impl Drawn {
    /// As tensors of a device.
    pub fn on(&self, device: &Device) -> Result<Batch> {
        let (n, speakers) = (self.crops.len(), self.speakers);
        let mut speaker = vec![0f32; n * speakers];
        let mut counts = Vec::with_capacity(n * self.time * OUTPUTS);
        for (i, crop) in self.crops.iter().enumerate() {
            if let Some(s) = crop.speaker {
                speaker[i * speakers + s] = 1.0;
            }
            for t in 0..self.time {
                let on = if t < WARM_UP + LOOK_AHEAD { 0.0 } else { 1.0 };
                counts.extend(crop.counts.iter().map(|c| c * on));
            }
        }
        let flat =
            |f: fn(&Crop) -> Vec<f32>| -> Vec<f32> { self.crops.iter().flat_map(f).collect() };
        let wanted = flat(|c| c.wanted.iter().flatten().copied().collect());
        Ok(Batch {
            frames: Tensor::from_vec(flat(|c| c.frames.clone()), (n, self.time, INPUTS), device)?,
            condition: Tensor::from_vec(flat(|c| c.condition.to_vec()), (n, CONDITIONS), device)?,
            speaker: Tensor::from_vec(speaker, (n, speakers), device)?,
            wanted: Tensor::from_vec(wanted, (n, self.time, OUTPUTS), device)?,
            counts: Tensor::from_vec(counts, (n, self.time, OUTPUTS), device)?,
        })
    }
}

/// Draws batches out of the clips; the same seed and step give the same batch.
pub struct Drawer<'a> {
    pub captured: Vec<&'a Clip>,
    pub ruled: Vec<&'a Clip>,
    pub batch: usize,
    pub time: usize,
    /// Share of crops that come from facial capture.
    pub captured_share: f64,
    pub seed: u64,
}

impl Drawer<'_> {
    /// The batch of a step.
    pub fn draw(&self, step: u64) -> Result<Drawn> {
        let crops = (0..self.batch)
            .map(|i| {
                let mut rng = Pcg64Mcg::seed_from_u64(
                    self.seed ^ (step * 8191 + i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                );
                self.crop(&mut rng)
            })
            .collect::<Result<_>>()?;
        Ok(Drawn {
            crops,
            time: self.time,
            speakers: self.captured.len().max(1),
        })
    }

    fn crop(&self, rng: &mut Pcg64Mcg) -> Result<Crop> {
        let kind: f64 = rng.random();
        let pool = if kind < NOBODY {
            return self.nobody(rng);
        } else if kind < NOBODY + self.captured_share && !self.captured.is_empty()
            || self.ruled.is_empty()
        {
            &self.captured
        } else {
            &self.ruled
        };
        let which = rng.random_range(0..pool.len());
        let clip = pool[which];
        // Played faster or slower: pitch, formants, tempo and motion together.
        let speed = rng.random_range(0.82..1.22);
        let secs = self.time as f64 / MODEL_HZ;
        let spare = (clip.secs() - secs * speed).max(0.0);
        let start = rng.random_range(0.0..=spare);
        let from = (start * clip.rate_hz) as usize;
        let len = (secs * speed * clip.rate_hz) as usize + 1;
        let mut sound: Vec<f32> = clip.samples[from.min(clip.samples.len())..]
            .iter()
            .take(len)
            .copied()
            .collect();
        sound.resize(len, 0.0);
        let other = self.ruled.get(rng.random_range(0..self.ruled.len().max(1)));
        let babble = other.map_or(&[][..], |c| &c.samples[..c.samples.len().min(200_000)]);
        if rng.random_bool(SPOILT) {
            spoil(&mut sound, clip.rate_hz, babble, rng);
        }
        regain(&mut sound, rng);

        let mut condition = Condition::default();
        let mut style = 0;
        let mut speaker = None;
        match clip.source {
            Source::Captured => {
                condition.captured = 1.0;
                // Often nobody's habits: so zeros learn to be the mean of all.
                speaker = rng.random_bool(0.6).then_some(which);
            }
            Source::Ruled => {
                style = rng.random_range(0..3);
                condition.liveliness = style as f32 - 1.0;
                if rng.random_bool(0.4) {
                    condition.emotion = Emotion::ALL[rng.random_range(1..Emotion::ALL.len())];
                    condition.strength = rng.random_range(0.2..1.0);
                }
            }
        }
        let wanted = (0..self.time)
            .map(|n| {
                let at = (n as f64 - LOOK_AHEAD as f64) / MODEL_HZ;
                let row = clip.face(style, (start + at * speed).max(0.0));
                coloured(row, &condition)
            })
            .collect();
        Ok(Crop {
            frames: self.levels(&sound, clip.rate_hz * speed)?,
            condition: condition.row(),
            speaker,
            wanted,
            counts: told(Some(clip.source)),
        })
    }

    /// Sound in which nobody speaks.
    fn nobody(&self, rng: &mut Pcg64Mcg) -> Result<Crop> {
        let rate = 16_000.0;
        let len = (self.time as f64 / MODEL_HZ * rate) as usize + 1;
        let sound = no_speech(len, rate, rng);
        let condition = Condition {
            captured: if rng.random_bool(0.5) { 1.0 } else { 0.0 },
            ..Condition::default()
        };
        Ok(Crop {
            frames: self.levels(&sound, rate)?,
            condition: condition.row(),
            speaker: None,
            wanted: vec![rest(); self.time],
            counts: told(None),
        })
    }

    fn levels(&self, sound: &[f32], rate_hz: f64) -> Result<Vec<f32>> {
        let mut levels = Vec::with_capacity(self.time * INPUTS);
        MelMeter::new(rate_hz)?.push(sound, &mut |row| levels.extend_from_slice(row));
        let floor = -2.0;
        levels.resize(self.time * INPUTS, floor);
        Ok(levels)
    }
}

/// Nothing moves, lips shut.
fn rest() -> Row {
    let mut row = [0.0; OUTPUTS];
    row[ARKIT_COUNT + 5] = 1.0;
    row
}

/// A row with the condition's emotion on it.
fn coloured(mut row: Row, condition: &Condition) -> Row {
    if condition.emotion != Emotion::Neutral {
        let mut weights = ArkitWeights::default();
        weights.0.copy_from_slice(&row[..ARKIT_COUNT]);
        condition.emotion.apply(condition.strength, &mut weights);
        row[..ARKIT_COUNT].copy_from_slice(&weights.0);
    }
    row
}

/// Where habits begin in a condition.
pub const HABITS_AT: usize = CONDITIONS - HABITS;
