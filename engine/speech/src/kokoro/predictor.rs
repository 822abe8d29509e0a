//! From phonemes to prosody: durations, pitch (F0) and energy (N).

use super::KokoroError;
use super::kernels::{Conv, Lstm, Signal};
use super::layers::{StyleNorm, StyledBlock, conv};
use super::weights::Weights;

const HIDDEN: usize = 256;
const LAYER_NORM_EPS: f32 = 1e-5;

/// Each column to mean 0 and variance 1 over the channels, then
/// `· gain + shift`, one of each a channel.
fn normalise_columns(x: &Signal, gain: &[f32], shift: &[f32]) -> Signal {
    let mut out = x.transposed();
    for column in out.data.chunks_exact_mut(x.channels) {
        let n = column.len() as f32;
        let mean = column.iter().sum::<f32>() / n;
        let variance = column.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n;
        let inverse = 1.0 / (variance + LAYER_NORM_EPS).sqrt();
        for ((v, g), s) in column.iter_mut().zip(gain).zip(shift) {
            *v = (*v - mean) * inverse * g + s;
        }
    }
    out.transposed()
}

/// The style as `STYLE` constant rows under `x`.
fn with_style(x: &Signal, style: &[f32]) -> Signal {
    let rows = Signal {
        channels: style.len(),
        len: x.len,
        data: style
            .iter()
            .flat_map(|v| std::iter::repeat_n(*v, x.len))
            .collect(),
    };
    Signal::stack(&[x, &rows])
}

/// What the text sounds like, for the decoder: tokens → `[512, T]`.
pub(super) struct TextEncoder {
    /// `[178, 512]`
    embedding: Vec<f32>,
    convs: Vec<(Conv, Vec<f32>, Vec<f32>)>,
    lstm: Lstm,
}

impl TextEncoder {
    const WIDTH: usize = 512;

    pub fn load(weights: &Weights) -> Result<Self, KokoroError> {
        let mut convs = Vec::new();
        for i in 0..3 {
            let param = format!("encoder.text_encoder.cnn.{i}");
            convs.push((
                conv(
                    weights,
                    &format!("/encoder/text_encoder/cnn.{i}/cnn.{i}.0"),
                    Some(&format!("{param}.0.bias")),
                    1,
                )?,
                weights.param(&format!("{param}.1.gamma"))?.values,
                weights.param(&format!("{param}.1.beta"))?.values,
            ));
        }
        Ok(Self {
            embedding: weights
                .embedding(
                    "encoder.text_encoder.embedding.weight",
                    "/encoder/text_encoder/embedding",
                )?
                .values,
            convs,
            lstm: Lstm::new(
                weights.lstm("/encoder/text_encoder/lstm/LSTM_quant")?,
                HIDDEN,
            ),
        })
    }

    pub fn run(&self, tokens: &[u32]) -> Signal {
        let rows: Vec<f32> = tokens
            .iter()
            .flat_map(|t| {
                let at = *t as usize * Self::WIDTH;
                self.embedding[at..at + Self::WIDTH].iter().copied()
            })
            .collect();
        let mut x = Signal {
            channels: tokens.len(),
            len: Self::WIDTH,
            data: rows,
        }
        .transposed();
        for (conv, gain, shift) in &self.convs {
            x = normalise_columns(&conv.run(&x), gain, shift).leaky_relu(0.2);
        }
        self.lstm.run(&x)
    }
}

/// Durations from text and style, then pitch and energy from the timed text.
pub(super) struct Predictor {
    encoder: Vec<(Lstm, StyleNorm)>,
    duration_lstm: Lstm,
    /// `[512, 50]`
    duration_weight: Vec<f32>,
    duration_bias: Vec<f32>,
    shared: Lstm,
    pitch: Curve,
    energy: Curve,
}

/// Three styled blocks and a projection to one row, at twice the frame rate.
struct Curve {
    blocks: Vec<StyledBlock>,
    project: Conv,
}

impl Curve {
    fn load(weights: &Weights, name: &str) -> Result<Self, KokoroError> {
        let mut blocks = Vec::new();
        for i in 0..3 {
            blocks.push(StyledBlock::load(
                weights,
                &format!("/encoder/{name}.{i}"),
                &format!("encoder.predictor.{name}.{i}"),
                i == 1,
                i == 1,
            )?);
        }
        Ok(Self {
            blocks,
            project: conv(
                weights,
                &format!("/encoder/{name}_proj"),
                Some(&format!("encoder.predictor.{name}_proj.bias")),
                1,
            )?,
        })
    }

    fn run(&self, x: &Signal, style: &[f32]) -> Signal {
        let mut y = self.blocks[0].run(x, style);
        for block in &self.blocks[1..] {
            y = block.run(&y, style);
        }
        self.project.run(&y)
    }
}

impl Predictor {
    pub fn load(weights: &Weights) -> Result<Self, KokoroError> {
        let lstm = |node: &str| Ok::<_, KokoroError>(Lstm::new(weights.lstm(node)?, HIDDEN));
        let mut encoder = Vec::new();
        for i in [0, 2, 4] {
            encoder.push((
                lstm(&format!(
                    "/encoder/predictor/text_encoder/lstms.{i}/LSTM_quant"
                ))?,
                StyleNorm::load(
                    weights,
                    &format!("/encoder/predictor/text_encoder/lstms.{}", i + 1),
                    &format!("encoder.predictor.text_encoder.lstms.{}", i + 1),
                )?,
            ));
        }
        const DURATION: &str = "/encoder/predictor/duration_proj/linear_layer/MatMul_quant";
        Ok(Self {
            encoder,
            duration_lstm: lstm("/encoder/predictor/lstm/LSTM_quant")?,
            duration_weight: weights.product(DURATION)?.values,
            duration_bias: weights
                .param("encoder.predictor.duration_proj.linear_layer.bias")?
                .values,
            shared: lstm("/encoder/shared/LSTM_quant")?,
            pitch: Curve::load(weights, "F0")?,
            energy: Curve::load(weights, "N")?,
        })
    }

    /// `bert [512, T]` → the styled text, `[640, T]`.
    pub fn encode(&self, bert: &Signal, style: &[f32]) -> Signal {
        let mut x = with_style(bert, style);
        for (lstm, norm) in &self.encoder {
            let (mut gain, shift) = norm.gain_shift(style);
            for g in &mut gain {
                *g += 1.0;
            }
            x = with_style(&normalise_columns(&lstm.run(&x), &gain, &shift), style);
        }
        x
    }

    /// Expected length of each token at speed 1, in frames of 25 ms, unrounded.
    pub fn durations(&self, text: &Signal) -> Vec<f32> {
        let x = self.duration_lstm.run(text);
        let bins = self.duration_bias.len();
        (0..x.len)
            .map(|t| {
                let mut logits = self.duration_bias.clone();
                for (c, row) in self.duration_weight.chunks_exact(bins).enumerate() {
                    let v = x.row(c)[t];
                    for (l, w) in logits.iter_mut().zip(row) {
                        *l += v * w;
                    }
                }
                logits.iter().map(|l| 1.0 / (1.0 + (-l).exp())).sum()
            })
            .collect()
    }

    /// Pitch in Hz and energy, two values a frame, of the timed text `[640, frames]`.
    pub fn curves(&self, timed: &Signal, style: &[f32]) -> (Signal, Signal) {
        let shared = self.shared.run(timed);
        (
            self.pitch.run(&shared, style),
            self.energy.run(&shared, style),
        )
    }
}
