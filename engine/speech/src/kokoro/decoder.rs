//! From timed text, pitch and energy to sound: the styled decoder and the
//! ISTFTNet generator with its harmonic source.

use super::KokoroError;
use super::kernels::{Activation, Conv, ConvTranspose, Signal};
use super::layers::{StyleNorm, StyledBlock, conv};
use super::weights::Weights;

/// Samples a step of the pitch curve (half a frame).
const HOP: usize = 300;
const SAMPLE_RATE_HZ: f32 = 24_000.0;
/// The generator's own transform: 20-point frames every 5 samples.
const FFT: usize = 20;
const FFT_HOP: usize = 5;
const BINS: usize = FFT / 2 + 1;
const HARMONICS: usize = 9;

const NODE: &str = "/decoder/decoder";
const PARAM: &str = "decoder.decoder";

/// Timed text and curves → samples.
pub(super) struct Decoder {
    pitch_conv: Conv,
    energy_conv: Conv,
    residual: Conv,
    encode: StyledBlock,
    decode: Vec<StyledBlock>,
    generator: Generator,
}

impl Decoder {
    pub fn load(weights: &Weights) -> Result<Self, KokoroError> {
        let halving = |name: &str| -> Result<Conv, KokoroError> {
            let mut conv = conv(
                weights,
                &format!("{NODE}/{name}"),
                Some(&format!("{PARAM}.{name}.bias")),
                1,
            )?;
            conv.stride = 2;
            Ok(conv)
        };
        let mut decode = Vec::new();
        for i in 0..4 {
            decode.push(StyledBlock::load(
                weights,
                &format!("{NODE}/decode.{i}"),
                &format!("{PARAM}.decode.{i}"),
                true,
                i == 3,
            )?);
        }
        Ok(Self {
            pitch_conv: halving("F0_conv")?,
            energy_conv: halving("N_conv")?,
            residual: conv(
                weights,
                &format!("{NODE}/asr_res/asr_res.0"),
                Some(&format!("{PARAM}.asr_res.0.bias")),
                1,
            )?,
            encode: StyledBlock::load(
                weights,
                &format!("{NODE}/encode"),
                &format!("{PARAM}.encode"),
                true,
                false,
            )?,
            decode,
            generator: Generator::load(weights)?,
        })
    }

    /// `text [512, frames]`, `pitch` and `energy [1, 2 · frames]` →
    /// 600 samples a frame.
    pub fn run(&self, text: &Signal, pitch: &Signal, energy: &Signal, style: &[f32]) -> Vec<f32> {
        let f0 = self.pitch_conv.run(pitch);
        let n = self.energy_conv.run(energy);
        let residual = self.residual.run(text);
        let mut x = self.encode.run(&Signal::stack(&[text, &f0, &n]), style);
        for block in &self.decode {
            x = block.run(&Signal::stack(&[&x, &residual, &f0, &n]), style);
        }
        self.generator.run(x, &pitch.data, style)
    }
}

/// HiFi-GAN's residual block with styled norms and snake activations.
struct SnakeBlock {
    steps: Vec<SnakeStep>,
}

struct SnakeStep {
    norm1: StyleNorm,
    alpha1: Vec<f32>,
    conv1: Conv,
    norm2: StyleNorm,
    alpha2: Vec<f32>,
    conv2: Conv,
}

impl SnakeBlock {
    fn load(weights: &Weights, name: &str) -> Result<Self, KokoroError> {
        let node = format!("{NODE}/generator/{name}");
        let param = format!("{PARAM}.generator.{name}");
        let part = |kind: &str, i: usize, dilation: usize| {
            conv(
                weights,
                &format!("{node}/{kind}.{i}"),
                Some(&format!("{param}.{kind}.{i}.bias")),
                dilation,
            )
        };
        let norm = |kind: &str, i: usize| {
            StyleNorm::load(
                weights,
                &format!("{node}/{kind}.{i}"),
                &format!("{param}.{kind}.{i}"),
            )
        };
        let alpha = |kind: &str, i: usize| {
            Ok::<_, KokoroError>(weights.param(&format!("{param}.{kind}.{i}"))?.values)
        };
        let mut steps = Vec::new();
        for (i, dilation) in [1, 3, 5].into_iter().enumerate() {
            steps.push(SnakeStep {
                norm1: norm("adain1", i)?,
                alpha1: alpha("alpha1", i)?,
                conv1: part("convs1", i, dilation)?,
                norm2: norm("adain2", i)?,
                alpha2: alpha("alpha2", i)?,
                conv2: part("convs2", i, 1)?,
            });
        }
        Ok(Self { steps })
    }

    fn run(&self, mut x: Signal, style: &[f32]) -> Signal {
        for step in &self.steps {
            let y = step.norm1.run(&x, style, Activation::Snake(&step.alpha1));
            let y = step.conv1.run(&y);
            let y = step.norm2.run(&y, style, Activation::Snake(&step.alpha2));
            let y = step.conv2.run(&y);
            x = x.add_scaled(&y, 1.0);
        }
        x
    }
}

struct Generator {
    ups: Vec<ConvTranspose>,
    noise_convs: Vec<Conv>,
    noise_blocks: Vec<SnakeBlock>,
    /// Three of each level, averaged.
    blocks: Vec<SnakeBlock>,
    post: Conv,
    source_weight: Vec<f32>,
    source_bias: f32,
    /// `[2 · BINS, FFT]`: what a frame's spectrum adds to the sound.
    inverse: Vec<f32>,
}

impl Generator {
    fn load(weights: &Weights) -> Result<Self, KokoroError> {
        let mut ups = Vec::new();
        for (i, (stride, padding)) in [(10, 5), (6, 3)].into_iter().enumerate() {
            let node = format!("{NODE}/generator/ups.{i}/ConvTranspose");
            let weight = weights.node_input(&node, 1)?;
            ups.push(ConvTranspose::new(
                &weight.values,
                weight.shape3()?,
                weights.node_input(&node, 2)?.values,
                stride,
                padding,
            ));
        }
        let mut noise_convs = Vec::new();
        for (i, (stride, padding)) in [(6, 3), (1, 0)].into_iter().enumerate() {
            let mut noise = conv(
                weights,
                &format!("{NODE}/generator/noise_convs.{i}"),
                Some(&format!("{PARAM}.generator.noise_convs.{i}.bias")),
                1,
            )?;
            noise.stride = stride;
            noise.padding = padding;
            noise_convs.push(noise);
        }
        let blocks = |name: &str, n: usize| {
            (0..n)
                .map(|i| SnakeBlock::load(weights, &format!("{name}.{i}")))
                .collect::<Result<Vec<_>, _>>()
        };
        let post = format!("{NODE}/generator/conv_post/Conv");
        let post_weight = weights.node_input(&post, 1)?;
        let bias = weights
            .param(&format!("{PARAM}.generator.m_source.l_linear.bias"))?
            .values;
        Ok(Self {
            ups,
            noise_convs,
            noise_blocks: blocks("noise_res", 2)?,
            blocks: blocks("resblocks", 6)?,
            post: Conv::new(
                &post_weight.values,
                post_weight.shape3()?,
                weights.node_input(&post, 2)?.values,
                1,
            ),
            source_weight: weights
                .node_input(&format!("{NODE}/generator/m_source/l_linear/MatMul"), 1)?
                .values,
            source_bias: bias.first().copied().unwrap_or(0.0),
            inverse: weights
                .node_input(&format!("{NODE}/generator/istft/stft/ConvTranspose"), 1)?
                .values,
        })
    }

    fn run(&self, mut x: Signal, f0_hz: &[f32], style: &[f32]) -> Vec<f32> {
        let source = spectrum(&self.source(f0_hz));
        for level in 0..2 {
            let noise = self.noise_convs[level].run(&source);
            let noise = self.noise_blocks[level].run(noise, style);
            x = self.ups[level].run(&x.leaky_relu(0.1));
            if level == 1 {
                x = reflect_left(&x);
            }
            x = x.add_scaled(&noise, 1.0);
            let [a, b, c] = [0, 1, 2].map(|i| &self.blocks[level * 3 + i]);
            let total = a
                .run(x.clone(), style)
                .add_scaled(&b.run(x.clone(), style), 1.0);
            x = total.add_scaled(&c.run(x, style), 1.0 / 3.0);
        }
        self.sound(&self.post.run(&x.leaky_relu(0.01)))
    }

    /// Sines at the pitch and its harmonics where it is voiced, mixed to one row.
    fn source(&self, f0_hz: &[f32]) -> Vec<f32> {
        let steps = f0_hz.len();
        let mut mixed = vec![self.source_bias; steps * HOP];
        for harmonic in 0..HARMONICS {
            // The phase at each step's middle, in turns; f64 so that a long
            // utterance's last harmonics are as clean as its first.
            let mut phases = Vec::with_capacity(steps);
            let mut turns = 0.0_f64;
            for f0 in f0_hz {
                let rate = f0 * (harmonic + 1) as f32 / SAMPLE_RATE_HZ;
                turns += f64::from(rate - rate.floor()) * HOP as f64;
                phases.push(turns);
            }
            for (n, out) in mixed.iter_mut().enumerate() {
                if f0_hz[n / HOP] <= 10.0 {
                    continue;
                }
                let at = ((n as f64 + 0.5) / HOP as f64 - 0.5).clamp(0.0, (steps - 1) as f64);
                let i = at as usize;
                let next = phases[(i + 1).min(steps - 1)];
                let phase = phases[i] + (next - phases[i]) * (at - i as f64);
                let sine = (phase.fract() * std::f64::consts::TAU).sin() as f32;
                *out += 0.1 * sine * self.source_weight[harmonic];
            }
        }
        for v in &mut mixed {
            *v = v.tanh();
        }
        mixed
    }

    /// Log-magnitudes and phases `[2 · BINS, frames]` → sound, by overlap-add.
    fn sound(&self, x: &Signal) -> Vec<f32> {
        let mut out = vec![0.0_f32; (x.len - 1) * FFT_HOP + FFT];
        for t in 0..x.len {
            let frame = &mut out[t * FFT_HOP..t * FFT_HOP + FFT];
            for bin in 0..BINS {
                let magnitude = x.row(bin)[t].exp();
                let phase = x.row(BINS + bin)[t].sin();
                let (re, im) = (magnitude * phase.cos(), magnitude * phase.sin());
                let re_row = &self.inverse[bin * FFT..(bin + 1) * FFT];
                let im_row = &self.inverse[(BINS + bin) * FFT..(BINS + bin + 1) * FFT];
                for ((o, a), b) in frame.iter_mut().zip(re_row).zip(im_row) {
                    *o += re * a + im * b;
                }
            }
        }
        // As the export has it: no division by the window's overlap but a
        // constant, and half a frame cut off at both ends.
        let gain = (FFT / FFT_HOP) as f32;
        out[FFT / 2..out.len() - FFT / 2]
            .iter()
            .map(|v| v * gain)
            .collect()
    }
}

/// One more column at the left: a copy of the second.
fn reflect_left(x: &Signal) -> Signal {
    let mut data = Vec::with_capacity(x.channels * (x.len + 1));
    for c in 0..x.channels {
        let row = x.row(c);
        data.push(row[1.min(row.len() - 1)]);
        data.extend_from_slice(row);
    }
    Signal {
        channels: x.channels,
        len: x.len + 1,
        data,
    }
}

/// Magnitudes and phases of 20-sample Hann frames every 5 samples, the sound
/// mirrored at both ends: `[2 · BINS, len / 5 + 1]`.
fn spectrum(sound: &[f32]) -> Signal {
    use std::f64::consts::TAU;
    let half = FFT / 2;
    let last = sound.len() - 1;
    let at = |n: isize| {
        let n = n.unsigned_abs();
        sound[if n > last { 2 * last - n } else { n }]
    };
    let basis: Vec<[(f32, f32); FFT]> = (0..BINS)
        .map(|bin| {
            std::array::from_fn(|k| {
                let window = 0.5 - 0.5 * (TAU * k as f64 / FFT as f64).cos();
                let angle = TAU * (bin * k) as f64 / FFT as f64;
                (
                    (window * angle.cos()) as f32,
                    (-window * angle.sin()) as f32,
                )
            })
        })
        .collect();
    let len = sound.len() / FFT_HOP + 1;
    let mut out = Signal::zeros(2 * BINS, len);
    for t in 0..len {
        let frame: [f32; FFT] =
            std::array::from_fn(|k| at((t * FFT_HOP + k) as isize - half as isize));
        for (bin, row) in basis.iter().enumerate() {
            let (mut re, mut im) = (0.0_f32, 0.0_f32);
            for (v, (c, s)) in frame.iter().zip(row) {
                re += v * c;
                im += v * s;
            }
            if bin == 0 || bin == BINS - 1 {
                // Real by definition: a negative one is at π.
                im = 0.0;
            }
            out.data[bin * len + t] = (re * re + im * im).sqrt();
            out.data[(BINS + bin) * len + t] = im.atan2(re);
        }
    }
    out
}
