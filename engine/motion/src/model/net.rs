//! The network: frames of sound in, frames of motion out, strictly causal.
//!
//! One forward pass serves training (whole crops, gradients) and inference
//! (any number of frames at a time, [`State`] carried): what a layer needs of
//! the past is kept as a tensor, zeros at the start of a sound.

use candle_core::{D, DType, Device, Result, Tensor};

use super::mel::MELS;

/// Numbers a frame of sound: two hops.
pub const INPUTS: usize = 2 * MELS;
/// Numbers a frame of motion: 52 weights, head (yaw, pitch, roll in radians),
/// the logit of a gesture beat and its strength, the logit of shut lips.
pub const OUTPUTS: usize = 58;
/// Conditions: see [`Condition`](super::Condition).
pub const CONDITIONS: usize = 14;

/// How time is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Dilated causal convolutions.
    Conv,
    /// Convolutions below, attention over the last second above.
    Attention,
    /// Convolutions below, gated recurrent units above.
    Recurrent,
    /// Two layers on the last 0.37 s: the yardstick.
    Plain,
}

impl Design {
    pub const ALL: [Self; 4] = [Self::Conv, Self::Attention, Self::Recurrent, Self::Plain];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv => "conv",
            Self::Attention => "attention",
            Self::Recurrent => "recurrent",
            Self::Plain => "plain",
        }
    }

    /// The design of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }

    fn layers(self) -> Vec<Kind> {
        let conv = |dilations: &[usize]| dilations.iter().map(|d| Kind::Conv(*d)).collect();
        let mut layers: Vec<Kind> = match self {
            Self::Conv => conv(&[1, 2, 4, 8, 16, 1, 2, 4]),
            Self::Attention | Self::Recurrent => conv(&[1, 2, 4, 1, 2]),
            Self::Plain => Vec::new(),
        };
        match self {
            Self::Attention => layers.extend([Kind::Attention; 3]),
            Self::Recurrent => layers.extend([Kind::Recurrent; 2]),
            Self::Plain => layers.push(Kind::Window),
            Self::Conv => {}
        }
        layers
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Conv(usize),
    Attention,
    Recurrent,
    Window,
}

/// How a tensor begins.
#[derive(Clone, Copy, Debug)]
pub enum Init {
    Zeros,
    /// Uniform within ±√(3 / inputs) times the gain.
    Uniform {
        inputs: usize,
        gain: f32,
    },
}

/// Where tensors come from: a file, or their beginning in training.
pub trait Params {
    /// The tensor of this name, which must have this shape.
    fn get(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Tensor>;
}

struct Linear {
    /// inputs × outputs.
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn new(p: &mut dyn Params, name: &str, (inputs, outputs): (usize, usize)) -> Result<Self> {
        let init = Init::Uniform { inputs, gain: 1.0 };
        Self::with(p, name, (inputs, outputs), init)
    }

    fn with(
        p: &mut dyn Params,
        name: &str,
        (inputs, outputs): (usize, usize),
        init: Init,
    ) -> Result<Self> {
        Ok(Self {
            weight: p.get(&format!("{name}.weight"), &[inputs, outputs], init)?,
            bias: Some(p.get(&format!("{name}.bias"), &[outputs], Init::Zeros)?),
        })
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        let dims = x.dims();
        let (rows, inputs) = (x.elem_count() / dims[dims.len() - 1], dims[dims.len() - 1]);
        let y = x.reshape((rows, inputs))?.matmul(&self.weight)?;
        let y = match &self.bias {
            Some(b) => y.broadcast_add(b)?,
            None => y,
        };
        let mut out = dims.to_vec();
        if let Some(last) = out.last_mut() {
            *last = self.weight.dim(1)?;
        }
        y.reshape(out)
    }
}

/// What each layer remembers of the sound so far.
#[derive(Clone, Default)]
pub struct State(Vec<Option<Tensor>>);

/// Zeroes some of a tensor's numbers in training; hands it back otherwise.
pub type Dropout<'a> = &'a mut dyn FnMut(Tensor) -> Result<Tensor>;

struct Block {
    kind: Kind,
    /// Scale and shift by condition.
    film: Linear,
    inner: Inner,
}

enum Inner {
    Conv {
        taps: Linear,
        out: Linear,
    },
    Attention {
        query: Linear,
        key_value: Linear,
        out: Linear,
        nearness: Tensor,
    },
    Recurrent {
        input: Linear,
        hidden: Linear,
    },
    Window {
        first: Linear,
    },
}

/// Frames that attention sees: itself and the last second.
const SPAN: usize = 50;
const HEADS: usize = 4;
/// Frames of the plain network's window (0.38 s).
const WINDOW: usize = 19;

/// The network of one [`Design`].
pub struct Net {
    input: Linear,
    blocks: Vec<Block>,
    middle: Linear,
    output: Linear,
}

impl Net {
    /// Builds a network `width` numbers wide out of `params`.
    ///
    /// # Errors
    /// What `params` says of a tensor that is missing or of another shape.
    pub fn new(design: Design, width: usize, params: &mut dyn Params) -> Result<Self> {
        let p = params;
        let input = Linear::new(p, "input", (INPUTS, width))?;
        let blocks = design
            .layers()
            .into_iter()
            .enumerate()
            .map(|(i, kind)| Block::new(p, &format!("block{i}"), kind, width))
            .collect::<Result<_>>()?;
        Ok(Self {
            input,
            blocks,
            middle: Linear::new(p, "middle", (width, width))?,
            output: Linear::with(
                p,
                "output",
                (width, OUTPUTS),
                Init::Uniform {
                    inputs: width,
                    gain: 0.3,
                },
            )?,
        })
    }

    /// `frames`: batch × time × [`INPUTS`]; `condition`: batch ×
    /// [`CONDITIONS`]. Gives batch × time × [`OUTPUTS`] and moves `state` on.
    pub fn run(
        &self,
        frames: &Tensor,
        condition: &Tensor,
        state: &mut State,
        dropout: Dropout<'_>,
    ) -> Result<Tensor> {
        state.0.resize(self.blocks.len(), None);
        let mut x = self.input.run(frames)?;
        for (block, memory) in self.blocks.iter().zip(&mut state.0) {
            x = (&x + dropout(block.run(&x, condition, memory)?)?)?;
        }
        let x = normal(&x)?;
        let x = self.middle.run(&x)?.relu()?;
        self.output.run(&dropout(x)?)
    }
}

/// Scales each row to root mean square 1; squares outgrow half precision.
fn normal(x: &Tensor) -> Result<Tensor> {
    let wide = x.to_dtype(DType::F32)?;
    let size = (wide.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?.sqrt()?;
    wide.broadcast_div(&size)?.to_dtype(x.dtype())
}

/// `x` with `len` frames of the past before it; the past moves on.
fn with_past(x: &Tensor, len: usize, memory: &mut Option<Tensor>) -> Result<Tensor> {
    let (batch, time, width) = x.dims3()?;
    let past = match memory.take() {
        Some(past) => past,
        None => Tensor::zeros((batch, len, width), x.dtype(), x.device())?,
    };
    let all = Tensor::cat(&[&past, x], 1)?;
    *memory = Some(all.narrow(1, time, len)?.contiguous()?);
    Ok(all)
}

impl Block {
    fn new(p: &mut dyn Params, name: &str, kind: Kind, width: usize) -> Result<Self> {
        let at = |part: &str| format!("{name}.{part}");
        let out = Init::Uniform {
            inputs: width,
            gain: 0.3,
        };
        let inner = match kind {
            Kind::Conv(_) => Inner::Conv {
                taps: Linear::new(p, &at("taps"), (3 * width, 2 * width))?,
                out: Linear::with(p, &at("out"), (width, width), out)?,
            },
            Kind::Attention => Inner::Attention {
                query: Linear::new(p, &at("query"), (width, width))?,
                key_value: Linear::new(p, &at("key_value"), (width, 2 * width))?,
                out: Linear::with(p, &at("out"), (width, width), out)?,
                nearness: p.get(&at("nearness"), &[SPAN, HEADS], Init::Zeros)?,
            },
            Kind::Recurrent => Inner::Recurrent {
                input: Linear::new(p, &at("input"), (width, 3 * width))?,
                hidden: Linear::new(p, &at("hidden"), (width, 3 * width))?,
            },
            Kind::Window => Inner::Window {
                first: Linear::new(p, &at("first"), (WINDOW * width, width))?,
            },
        };
        Ok(Self {
            kind,
            film: Linear::with(p, &at("film"), (CONDITIONS, 2 * width), Init::Zeros)?,
            inner,
        })
    }

    fn run(&self, x: &Tensor, condition: &Tensor, memory: &mut Option<Tensor>) -> Result<Tensor> {
        let (_, time, width) = x.dims3()?;
        let film = self.film.run(condition)?.unsqueeze(1)?;
        let scale = (film.narrow(2, 0, width)? + 1.0)?;
        let shift = film.narrow(2, width, width)?;
        let x = normal(x)?.broadcast_mul(&scale)?.broadcast_add(&shift)?;
        match (&self.inner, self.kind) {
            (Inner::Conv { taps, out }, Kind::Conv(dilation)) => {
                let all = with_past(&x, 2 * dilation, memory)?;
                let seen: Vec<Tensor> = (0..3)
                    .map(|k| all.narrow(1, k * dilation, time))
                    .collect::<Result<_>>()?;
                let y = taps.run(&Tensor::cat(&seen, 2)?)?;
                let open = candle_nn::ops::sigmoid(&y.narrow(2, width, width)?.contiguous()?)?;
                out.run(&(y.narrow(2, 0, width)? * open)?)
            }
            (Inner::Window { first }, _) => {
                let all = with_past(&x, WINDOW - 1, memory)?;
                let seen: Vec<Tensor> = (0..WINDOW)
                    .map(|k| all.narrow(1, k, time))
                    .collect::<Result<_>>()?;
                first.run(&Tensor::cat(&seen, 2)?)?.tanh()
            }
            (
                Inner::Attention {
                    query,
                    key_value,
                    out,
                    nearness,
                },
                _,
            ) => {
                let all = with_past(&x, SPAN - 1, memory)?;
                let y = attend(&query.run(&x)?, &key_value.run(&all)?, nearness)?;
                out.run(&y)
            }
            (Inner::Recurrent { input, hidden }, _) => {
                let (y, last) = recur(&input.run(&x)?, hidden, memory.take())?;
                *memory = Some(last);
                Ok(y)
            }
            (Inner::Conv { .. }, _) => candle_core::bail!("a convolution without dilation"),
        }
    }
}

/// Each frame of `query` looks at the [`SPAN`] frames of `key_value` that end at it.
fn attend(query: &Tensor, key_value: &Tensor, nearness: &Tensor) -> Result<Tensor> {
    let (batch, time, width) = query.dims3()?;
    let all = key_value.dim(1)?;
    let size = width / HEADS;
    let heads = |x: &Tensor, len: usize| -> Result<Tensor> {
        x.reshape((batch, len, HEADS, size))?
            .transpose(1, 2)?
            .contiguous()
    };
    let q = heads(query, time)?;
    let k = heads(&key_value.narrow(2, 0, width)?.contiguous()?, all)?;
    let v = heads(&key_value.narrow(2, width, width)?.contiguous()?, all)?;
    let (near, mask) = spans(time, all, query.device())?;
    let near = nearness
        .index_select(&near, 0)?
        .reshape((time, all, HEADS))?
        .permute((2, 0, 1))?
        .contiguous()?;
    let scores = (q.matmul(&k.transpose(2, 3)?.contiguous()?)? / (size as f64).sqrt())?;
    let scores = scores
        .broadcast_add(&near)?
        .broadcast_add(&mask.to_dtype(query.dtype())?)?;
    let y = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&v)?;
    y.transpose(1, 2)?
        .contiguous()?
        .reshape((batch, time, width))
}

/// For each pair of frames, how far apart they are, and −∞ where out of sight.
fn spans(time: usize, all: usize, device: &Device) -> Result<(Tensor, Tensor)> {
    let mut near = Vec::with_capacity(time * all);
    let mut mask = Vec::with_capacity(time * all);
    for t in 0..time {
        for s in 0..all {
            // `all` begins SPAN − 1 frames before the first query.
            let back = (t + SPAN - 1).checked_sub(s).filter(|b| *b < SPAN);
            near.push(back.unwrap_or(0) as u32);
            mask.push(if back.is_some() { 0f32 } else { -1e9 });
        }
    }
    Ok((
        Tensor::from_vec(near, time * all, device)?,
        Tensor::from_vec(mask, (time, all), device)?,
    ))
}

/// Gated recurrent units (Cho et al. 2014) over batch × time × 3 widths.
fn recur(x: &Tensor, hidden: &Linear, memory: Option<Tensor>) -> Result<(Tensor, Tensor)> {
    let (batch, time, triple) = x.dims3()?;
    let width = triple / 3;
    let mut h = match memory {
        Some(h) => h,
        None => Tensor::zeros((batch, width), x.dtype(), x.device())?,
    };
    let mut all = Vec::with_capacity(time);
    for t in 0..time {
        let x = x.narrow(1, t, 1)?.squeeze(1)?;
        let u = hidden.run(&h)?;
        let gate = |k: usize| -> Result<Tensor> {
            let sum = (x.narrow(1, k * width, width)? + u.narrow(1, k * width, width)?)?;
            candle_nn::ops::sigmoid(&sum)
        };
        let (keep, reset) = (gate(0)?, gate(1)?);
        let new =
            (x.narrow(1, 2 * width, width)? + (reset * u.narrow(1, 2 * width, width)?)?)?.tanh()?;
        h = (&new + (keep * (&h - &new)?)?)?;
        all.push(h.clone());
    }
    Ok((Tensor::stack(&all, 1)?, h))
}
