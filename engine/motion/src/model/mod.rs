//! The audio-to-motion model: sound of any language and speaker in, a face out.
//!
//! 64 log-mel bands every 10 ms, two hops a frame, a strictly causal network,
//! and poses told [`LOOK_AHEAD`] frames late: what a pose depends on ends
//! 120 ms after it. Streaming and whole recordings run the same code, so they
//! agree to rounding. Trained by `tools/train`; the card is beside the weights
//! in `models/audio2motion/`.

mod compute;
mod heard;
pub mod mel;
pub mod net;

use std::collections::HashMap;

use candle_core::{DType, Device, Result as Candle, Tensor};
use huashen_core::{ARKIT_COUNT, ArkitWeights, Euler};

use crate::emotion::Emotion;
use crate::formats::capture::captured_shapes;
use crate::mouth::seal;
use crate::{MotionError, MotionOptions, Style};
pub use compute::Compute;
pub use heard::{HeardMotion, SoundToHear};
use mel::MelMeter;
use net::{CONDITIONS, Design, INPUTS, Init, Net, OUTPUTS, Params, State};

/// Voices that no training heard.
pub const UNHEARD_VOICES: [&str; 5] = ["bf_emma", "am_puck", "zf_xiaobei", "zm_yunxia", "ff_siwis"];
/// The capture recording that no training heard.
pub const UNHEARD_CAPTURE: &str = "2_04";

/// Frames of motion a second.
pub const MODEL_HZ: f64 = 50.0;
/// Frames that a pose waits for the sound after it.
pub const LOOK_AHEAD: usize = 5;
/// Frames run at once: memory stays flat in an hour of sound.
const CHUNK: usize = 256;

/// Lips begin to shut, and are shut, where the model is this sure that they are.
const SHUT: (f32, f32) = (0.2, 0.42);

/// The trained weights, as the repository holds them.
const BUILT_IN: &[u8] = include_bytes!("../../../../models/audio2motion/model.safetensors");

/// How the speech is to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Condition {
    /// 1: as captured people move; 0: as the rules articulate.
    pub captured: f32,
    /// −1 calm … 1 lively.
    pub liveliness: f32,
    pub emotion: Emotion,
    /// Of the emotion, 0 … 1.
    pub strength: f32,
    /// A speaker's habits, as training found them; zeros are nobody's.
    pub habit: [f32; HABITS],
}

/// Numbers that tell a speaker's habits.
pub const HABITS: usize = 8;

impl Condition {
    /// The same in the rules' manner.
    fn ruled(&self) -> Self {
        Self {
            captured: 0.0,
            ..*self
        }
    }

    /// As the network takes it.
    pub fn row(&self) -> [f32; CONDITIONS] {
        let mut row = [0.0; CONDITIONS];
        row[0] = self.captured;
        row[1] = self.liveliness;
        if let Some(i) = Emotion::ALL[1..].iter().position(|e| *e == self.emotion) {
            row[2 + i] = self.strength.clamp(0.0, 1.0);
        }
        row[6..].copy_from_slice(&self.habit);
        row
    }
}

impl From<&MotionOptions> for Condition {
    fn from(options: &MotionOptions) -> Self {
        Self {
            liveliness: match options.style {
                Style::Calm => -1.0,
                Style::Natural => 0.0,
                Style::Lively => 1.0,
            },
            emotion: options.emotion,
            strength: options.emotion_strength,
            captured: options.manner.captured,
            habit: options.manner.habit,
        }
    }
}

/// What the model says of one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MotionFrame {
    /// The face; blinks and gaze are not the model's.
    pub weights: ArkitWeights,
    /// Head, radians.
    pub head: Euler,
    /// Probability that a gesture's stroke lands here, 0 … 1.
    pub beat: f32,
    /// How strong that stroke is, 0 … 1.
    pub beat_strength: f32,
}

impl MotionFrame {
    /// `row` is what was asked for; `ruled` is the same in the rules' manner,
    /// which alone knows what nobody captured: cheeks, brows, head, beats, and
    /// every closing of the lips.
    fn from_rows(row: &[f32], ruled: &[f32], captured: &[bool; ARKIT_COUNT]) -> Self {
        let mut frame = Self::default();
        for (i, w) in frame.weights.0.iter_mut().enumerate() {
            *w = if captured[i] { row[i] } else { ruled[i] }.clamp(0.0, 1.0);
        }
        let rest = &ruled[ARKIT_COUNT..];
        frame.head = Euler::new(rest[0], rest[1], rest[2]);
        let likely = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        frame.beat = likely(rest[3]);
        frame.beat_strength = rest[4].clamp(0.0, 1.0);
        // A blend of likely mouths never quite shuts: where shut is likelier
        // than not, it is shut.
        let t = ((likely(rest[5]) - SHUT.0) / (SHUT.1 - SHUT.0)).clamp(0.0, 1.0);
        seal(&mut frame.weights, t * t * (3.0 - 2.0 * t));
        frame
    }
}

/// Tensors of a file.
struct Stored {
    tensors: HashMap<String, Tensor>,
    numbers: DType,
}

impl Params for Stored {
    fn get(&mut self, name: &str, shape: &[usize], _: Init) -> Candle<Tensor> {
        let Some(tensor) = self.tensors.remove(name) else {
            candle_core::bail!("the motion model has no tensor `{name}`");
        };
        if tensor.dims() != shape {
            candle_core::bail!("`{name}` has shape {:?}, not {shape:?}", tensor.dims());
        }
        tensor.to_dtype(self.numbers)
    }
}

/// A trained model, ready to hear.
pub struct Audio2Motion {
    net: Net,
    device: Device,
    numbers: DType,
    /// Shapes that somebody was captured with.
    captured: [bool; ARKIT_COUNT],
}

impl Audio2Motion {
    /// The model that ships with the engine, on the CPU.
    ///
    /// # Errors
    /// Only where the build was broken.
    pub fn built_in() -> Result<Self, MotionError> {
        Self::built_in_on(Compute::Cpu)
    }

    /// The model that ships with the engine.
    ///
    /// # Errors
    /// When the build or the machine lacks the device.
    pub fn built_in_on(compute: Compute) -> Result<Self, MotionError> {
        let (device, numbers) = compute.open()?;
        Self::from_bytes(BUILT_IN, &device, numbers)
    }

    /// A model out of a safetensors file that `tools/train` wrote: its
    /// metadata tell `design` and `width`. `numbers` is what it counts in.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn from_bytes(bytes: &[u8], device: &Device, numbers: DType) -> Result<Self, MotionError> {
        let bad = |reason: String| MotionError::Options(format!("the motion model: {reason}"));
        let (_, header) =
            safetensors::SafeTensors::read_metadata(bytes).map_err(|e| bad(e.to_string()))?;
        let told = header.metadata().clone().unwrap_or_default();
        let design = told.get("design").and_then(|d| Design::from_name(d));
        let width = told.get("width").and_then(|w| w.parse().ok());
        let (Some(design), Some(width)) = (design, width) else {
            return Err(bad("its metadata tell no design and width".to_owned()));
        };
        let tensors =
            candle_core::safetensors::load_buffer(bytes, device).map_err(|e| bad(e.to_string()))?;
        let mut stored = Stored { tensors, numbers };
        let net = Net::new(design, width, &mut stored).map_err(|e| bad(e.to_string()))?;
        let mut captured = [false; ARKIT_COUNT];
        for shape in captured_shapes() {
            captured[shape as usize] = true;
        }
        Ok(Self {
            net,
            device: device.clone(),
            numbers,
            captured,
        })
    }

    /// Begins to hear a sound of `rate_hz`.
    ///
    /// # Errors
    /// A rate outside what [`MelMeter`] takes.
    pub fn stream(
        &self,
        rate_hz: f64,
        condition: &Condition,
    ) -> Result<MotionStream<'_>, MotionError> {
        let manners: &[Condition] = match condition.captured {
            0.0 => &[*condition],
            _ => &[*condition, condition.ruled()],
        };
        Ok(MotionStream {
            model: self,
            condition: self.conditions(manners).map_err(failed)?,
            state: State::default(),
            lane: Lane::new(rate_hz)?,
            latest: Vec::new(),
        })
    }

    /// A row a condition.
    fn conditions(&self, conditions: &[Condition]) -> Candle<Tensor> {
        let rows: Vec<f32> = conditions.iter().flat_map(Condition::row).collect();
        Tensor::from_vec(rows, (conditions.len(), CONDITIONS), &self.device)?.to_dtype(self.numbers)
    }

    /// Runs the next frames of `rows` sounds, one after the other in `levels`.
    fn run(
        &self,
        levels: Vec<f32>,
        rows: usize,
        manners: usize,
        (condition, state): (&Tensor, &mut State),
    ) -> Candle<Vec<f32>> {
        let frames = levels.len() / rows / INPUTS;
        let input = Tensor::from_vec(levels, (rows, frames, INPUTS), &self.device)?
            .to_dtype(self.numbers)?
            .repeat((manners, 1, 1))?;
        self.net
            .run(&input, condition, state, &mut Ok)?
            .to_dtype(DType::F32)?
            .flatten_all()?
            .to_vec1::<f32>()
    }
}

fn failed(error: candle_core::Error) -> MotionError {
    MotionError::Options(format!("the motion model failed: {error}"))
}

/// How far one sound has been heard and told.
struct Lane {
    mel: MelMeter,
    /// Mel levels not yet run.
    waiting: Vec<f32>,
    /// Outputs still to drop: they belong before the sound's start.
    skip: usize,
    rate_hz: f64,
    heard: u64,
    told: u64,
}

impl Lane {
    fn new(rate_hz: f64) -> Result<Self, MotionError> {
        Ok(Self {
            mel: MelMeter::new(rate_hz)?,
            waiting: Vec::new(),
            skip: LOOK_AHEAD,
            rate_hz,
            heard: 0,
            told: 0,
        })
    }

    fn push(&mut self, samples: &[f32]) {
        self.heard += samples.len() as u64;
        self.push_after(samples);
    }

    /// Samples that are not of the sound any more.
    fn push_after(&mut self, samples: &[f32]) {
        let waiting = &mut self.waiting;
        self.mel
            .push(samples, &mut |row| waiting.extend_from_slice(row));
    }

    /// Silence for a frame.
    fn silence(&self) -> Vec<f32> {
        vec![0.0; (self.rate_hz / MODEL_HZ) as usize + 1]
    }

    /// Frames that belong to what was heard, at least one.
    fn frames(&self) -> u64 {
        (self.heard as f64 / self.rate_hz * MODEL_HZ).ceil() as u64 + 1
    }

    /// Whole frames of levels that wait.
    fn ready(&self) -> usize {
        self.waiting.len() / INPUTS
    }

    /// The next levels, of `frames` frames.
    fn take(&mut self, frames: usize) -> Vec<f32> {
        let rest = self.waiting.split_off(frames * INPUTS);
        std::mem::replace(&mut self.waiting, rest)
    }

    /// Appends what the network said, in the manner asked for and in the rules'.
    fn tell(
        &mut self,
        (asked, ruled): (&[f32], &[f32]),
        captured: &[bool; ARKIT_COUNT],
        out: &mut Vec<MotionFrame>,
    ) {
        for (row, ruled) in asked.chunks_exact(OUTPUTS).zip(ruled.chunks_exact(OUTPUTS)) {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            out.push(MotionFrame::from_rows(row, ruled, captured));
            self.told += 1;
        }
    }
}

/// One sound being heard; frames come out as soon as they can be told.
pub struct MotionStream<'a> {
    model: &'a Audio2Motion,
    /// A row a manner: the one asked for and, last, the rules'.
    condition: Tensor,
    state: State,
    lane: Lane,
    /// Levels of the newest frame that was heard whole.
    latest: Vec<f32>,
}

impl MotionStream<'_> {
    /// Takes the next samples, any number, and appends the frames that they
    /// complete to `out`; frame `n` of a sound belongs at `n` / [`MODEL_HZ`].
    ///
    /// # Errors
    /// When the device fails.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<MotionFrame>) -> Result<(), MotionError> {
        // In pieces, so that an hour in one slice does not become an hour of levels.
        for piece in samples.chunks(65_536) {
            self.lane.push(piece);
            self.run(out).map_err(failed)?;
        }
        Ok(())
    }

    /// The frame that comes `guessed` (1 to [`LOOK_AHEAD`]) after those told so
    /// far, as if the sound stayed as it is now. What is told later is told
    /// with the sound that came.
    ///
    /// # Errors
    /// When the device fails.
    pub fn ahead(&self, guessed: usize) -> Result<Option<MotionFrame>, MotionError> {
        if self.lane.told == 0 || self.latest.is_empty() {
            return Ok(None);
        }
        let levels = self.latest.repeat(guessed.clamp(1, LOOK_AHEAD));
        let manners = self.condition.dim(0).map_err(failed)?;
        let mut state = self.state.clone();
        let rows = self
            .model
            .run(levels, 1, manners, (&self.condition, &mut state))
            .map_err(failed)?;
        let of_one = rows.len() / manners;
        let last = |end: usize| &rows[end - OUTPUTS..end];
        let (asked, ruled) = (last(of_one), last(rows.len()));
        Ok(Some(MotionFrame::from_rows(
            asked,
            ruled,
            &self.model.captured,
        )))
    }

    /// Ends the sound: the frames up to its end, at least one.
    ///
    /// # Errors
    /// When the device fails.
    pub fn finish(mut self, out: &mut Vec<MotionFrame>) -> Result<(), MotionError> {
        let frames = self.lane.frames();
        let silence = self.lane.silence();
        while self.lane.told < frames {
            self.lane.push_after(&silence);
            self.run(out).map_err(failed)?;
        }
        out.truncate(out.len() - (self.lane.told - frames) as usize);
        Ok(())
    }

    fn run(&mut self, out: &mut Vec<MotionFrame>) -> Candle<()> {
        while self.lane.ready() > 0 {
            let levels = self.lane.take(self.lane.ready().min(CHUNK));
            self.latest.clear();
            self.latest
                .extend_from_slice(&levels[levels.len() - INPUTS..]);
            let manners = self.condition.dim(0)?;
            let state = (&self.condition, &mut self.state);
            let rows = self.model.run(levels, 1, manners, state)?;
            let of_one = rows.len() / manners;
            let told = (&rows[..of_one], &rows[(manners - 1) * of_one..]);
            self.lane.tell(told, &self.model.captured, out);
        }
        Ok(())
    }
}
