//! The network: 30 s of mel bands to 1500 frames, and token after token out of
//! them, each knowing those before.
//!
//! Follows openai/whisper (`model.py`); `tests/whisper.rs` holds it against
//! CTranslate2 on the same weights.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::kv_cache::KvCache;
use candle_nn::ops::softmax_last_dim;

use super::mel::{BANDS, FRAMES};
use super::weights::Weights;

const WIDTH: usize = 512;
pub(super) const HEADS: usize = 8;
const HEAD_WIDTH: usize = WIDTH / HEADS;
const INNER: usize = 2048;
pub(super) const LAYERS: usize = 6;
/// Frames that the encoder gives: 20 ms each.
pub(super) const ENCODED: usize = FRAMES / 2;
/// The most tokens that the decoder knows.
pub(super) const CONTEXT: usize = 448;
pub(super) const VOCABULARY: usize = 51_865;
const LAYER_NORM_EPS: f32 = 1e-5;

struct Linear {
    /// `[in, out]`, a view of what is stored.
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn load(
        weights: &Weights,
        name: &str,
        [out, width]: [usize; 2],
    ) -> std::result::Result<Self, String> {
        let weight = weights.tensor(&format!("{name}/weight"), &[out, width])?;
        Ok(Self {
            weight: weight.t().map_err(|e| e.to_string())?,
            bias: weights.tensor(&format!("{name}/bias"), &[out])?,
        })
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

struct LayerNorm {
    gamma: Tensor,
    beta: Tensor,
}

impl LayerNorm {
    fn load(weights: &Weights, name: &str) -> std::result::Result<Self, String> {
        Ok(Self {
            gamma: weights.tensor(&format!("{name}/gamma"), &[WIDTH])?,
            beta: weights.tensor(&format!("{name}/beta"), &[WIDTH])?,
        })
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::layer_norm(&x.contiguous()?, &self.gamma, &self.beta, LAYER_NORM_EPS)
    }
}

/// Attention of a sequence to itself.
struct SelfAttention {
    norm: LayerNorm,
    /// To queries, keys and values, one beside the other.
    all: Linear,
    out: Linear,
}

impl SelfAttention {
    fn load(weights: &Weights, layer: &str) -> std::result::Result<Self, String> {
        let name = format!("{layer}/self_attention");
        Ok(Self {
            norm: LayerNorm::load(weights, &format!("{name}/layer_norm"))?,
            all: Linear::load(weights, &format!("{name}/linear_0"), [3 * WIDTH, WIDTH])?,
            out: Linear::load(weights, &format!("{name}/linear_1"), [WIDTH, WIDTH])?,
        })
    }

    /// Queries, keys and values, `[HEADS, n, HEAD_WIDTH]` each.
    fn parts(&self, x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let all = self.all.run(&self.norm.run(x)?)?;
        let part = |i: usize| heads(&all.narrow(1, i * WIDTH, WIDTH)?);
        Ok((part(0)?, part(1)?, part(2)?))
    }
}

/// Attention of the text to the sound.
struct CrossAttention {
    norm: LayerNorm,
    query: Linear,
    /// To keys and values, one beside the other.
    memory: Linear,
    out: Linear,
}

impl CrossAttention {
    fn load(weights: &Weights, layer: &str) -> std::result::Result<Self, String> {
        let name = format!("{layer}/attention");
        Ok(Self {
            norm: LayerNorm::load(weights, &format!("{name}/layer_norm"))?,
            query: Linear::load(weights, &format!("{name}/linear_0"), [WIDTH, WIDTH])?,
            memory: Linear::load(weights, &format!("{name}/linear_1"), [2 * WIDTH, WIDTH])?,
            out: Linear::load(weights, &format!("{name}/linear_2"), [WIDTH, WIDTH])?,
        })
    }
}

struct FeedForward {
    norm: LayerNorm,
    inner: Linear,
    out: Linear,
}

impl FeedForward {
    fn load(weights: &Weights, layer: &str) -> std::result::Result<Self, String> {
        let name = format!("{layer}/ffn");
        Ok(Self {
            norm: LayerNorm::load(weights, &format!("{name}/layer_norm"))?,
            inner: Linear::load(weights, &format!("{name}/linear_0"), [INNER, WIDTH])?,
            out: Linear::load(weights, &format!("{name}/linear_1"), [WIDTH, INNER])?,
        })
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        let inner = self.inner.run(&self.norm.run(x)?)?.gelu_erf()?;
        x + self.out.run(&inner)?
    }
}

/// `[n, WIDTH]` → `[HEADS, n, HEAD_WIDTH]`
fn heads(x: &Tensor) -> Result<Tensor> {
    let n = x.dim(0)?;
    x.reshape((n, HEADS, HEAD_WIDTH))?
        .transpose(0, 1)?
        .contiguous()
}

/// `[HEADS, n, HEAD_WIDTH]` → `[n, WIDTH]`
fn joined(x: &Tensor) -> Result<Tensor> {
    let n = x.dim(1)?;
    x.transpose(0, 1)?.reshape((n, WIDTH))
}

/// How much each of `q` is about each of `k`: `[HEADS, n, m]`.
fn scores(q: &Tensor, k: &Tensor) -> Result<Tensor> {
    q.matmul(&k.transpose(D::Minus2, D::Minus1)?)? / (HEAD_WIDTH as f64).sqrt()
}

/// Mel bands → frames.
pub(super) struct Encoder {
    conv1: Tensor,
    conv1_bias: Tensor,
    conv2: Tensor,
    conv2_bias: Tensor,
    positions: Tensor,
    layers: Vec<(SelfAttention, FeedForward)>,
    norm: LayerNorm,
}

impl Encoder {
    pub fn load(weights: &Weights) -> std::result::Result<Self, String> {
        let layer = |i: usize| {
            let name = format!("encoder/layer_{i}");
            Ok((
                SelfAttention::load(weights, &name)?,
                FeedForward::load(weights, &name)?,
            ))
        };
        let bias = |name: &str| {
            let bias = weights.tensor(&format!("encoder/{name}/bias"), &[WIDTH])?;
            bias.reshape((1, WIDTH, 1)).map_err(|e| e.to_string())
        };
        Ok(Self {
            conv1: weights.tensor("encoder/conv1/weight", &[WIDTH, BANDS, 3])?,
            conv1_bias: bias("conv1")?,
            conv2: weights.tensor("encoder/conv2/weight", &[WIDTH, WIDTH, 3])?,
            conv2_bias: bias("conv2")?,
            positions: weights.tensor("encoder/position_encodings/encodings", &[ENCODED, WIDTH])?,
            layers: (0..LAYERS)
                .map(layer)
                .collect::<std::result::Result<_, String>>()?,
            norm: LayerNorm::load(weights, "encoder/layer_norm")?,
        })
    }

    /// `[80, 3000]` → `[1500, 512]`
    pub fn run(&self, mel: Vec<f32>) -> Result<Tensor> {
        let mel = Tensor::from_vec(mel, (1, BANDS, FRAMES), &Device::Cpu)?;
        let x = mel.conv1d(&self.conv1, 1, 1, 1, 1)?;
        let x = x.broadcast_add(&self.conv1_bias)?.gelu_erf()?;
        let x = x.conv1d(&self.conv2, 1, 2, 1, 1)?;
        let x = x.broadcast_add(&self.conv2_bias)?.gelu_erf()?;
        let mut x = x.squeeze(0)?.t()?.add(&self.positions)?;
        for (attention, feed_forward) in &self.layers {
            let (q, k, v) = attention.parts(&x)?;
            let mixed = softmax_last_dim(&scores(&q, &k)?)?.matmul(&v)?;
            x = (x + attention.out.run(&joined(&mixed)?)?)?;
            x = feed_forward.run(&x)?;
        }
        self.norm.run(&x)
    }
}

/// Frames and tokens → the next token.
pub(super) struct Decoder {
    /// `[VOCABULARY, WIDTH]`: tokens in, and out again.
    embedding: Tensor,
    positions: Tensor,
    layers: Vec<(SelfAttention, CrossAttention, FeedForward)>,
    norm: LayerNorm,
}

/// The sound as the decoder's layers look at it.
pub(super) struct Memory {
    /// Keys and values of every layer, `[HEADS, ENCODED, HEAD_WIDTH]` each.
    layers: Vec<(Tensor, Tensor)>,
}

/// What a text so far has left behind.
pub(super) struct Past {
    layers: Vec<KvCache>,
    len: usize,
}

impl Past {
    pub fn new() -> Self {
        Self {
            layers: vec![KvCache::new(1, CONTEXT); LAYERS],
            len: 0,
        }
    }
}

impl Decoder {
    pub fn load(weights: &Weights) -> std::result::Result<Self, String> {
        let layer = |i: usize| {
            let name = format!("decoder/layer_{i}");
            Ok((
                SelfAttention::load(weights, &name)?,
                CrossAttention::load(weights, &name)?,
                FeedForward::load(weights, &name)?,
            ))
        };
        Ok(Self {
            embedding: weights.tensor("decoder/embeddings/weight", &[VOCABULARY, WIDTH])?,
            positions: weights.tensor("decoder/position_encodings/encodings", &[CONTEXT, WIDTH])?,
            layers: (0..LAYERS)
                .map(layer)
                .collect::<std::result::Result<_, String>>()?,
            norm: LayerNorm::load(weights, "decoder/layer_norm")?,
        })
    }

    /// `frames` (`[1500, 512]`) made ready for all tokens of a window.
    pub fn memory(&self, frames: &Tensor) -> Result<Memory> {
        let layers = self
            .layers
            .iter()
            .map(|(_, cross, _)| {
                let both = cross.memory.run(frames)?;
                Ok((
                    heads(&both.narrow(1, 0, WIDTH)?)?,
                    heads(&both.narrow(1, WIDTH, WIDTH)?)?,
                ))
            })
            .collect::<Result<_>>()?;
        Ok(Memory { layers })
    }

    /// `tokens` after those of `past`, to which they are added → `[n, 512]`.
    /// At most [`CONTEXT`] in all. `look` is shown, layer by layer, how much
    /// each token is about each frame: `[HEADS, n, 1500]`, before the softmax.
    pub fn run(
        &self,
        tokens: &[u32],
        memory: &Memory,
        past: &mut Past,
        mut look: impl FnMut(usize, &Tensor) -> Result<()>,
    ) -> Result<Tensor> {
        let n = tokens.len();
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let positions = self.positions.narrow(0, past.len, n)?;
        let mut x = self.embedding.index_select(&ids, 0)?.add(&positions)?;
        let mask = (n > 1).then(|| later(past.len, n)).transpose()?;
        for (i, (attention, cross, feed_forward)) in self.layers.iter().enumerate() {
            let (q, k, v) = attention.parts(&x)?;
            let (k, v) = past.layers[i].append(&k, &v)?;
            let mut about = scores(&q, &k)?;
            if let Some(mask) = &mask {
                about = about.broadcast_add(mask)?;
            }
            let mixed = softmax_last_dim(&about)?.matmul(&v)?;
            x = (x + attention.out.run(&joined(&mixed)?)?)?;

            let (k, v) = &memory.layers[i];
            let q = heads(&cross.query.run(&cross.norm.run(&x)?)?)?;
            let about = scores(&q, k)?;
            look(i, &about)?;
            let mixed = softmax_last_dim(&about)?.matmul(v)?;
            x = (x + cross.out.run(&joined(&mixed)?)?)?;
            x = feed_forward.run(&x)?;
        }
        past.len += n;
        self.norm.run(&x)
    }

    /// How likely each token comes after row `i` of what [`Self::run`] gave, as
    /// logarithms that are not normalised.
    pub fn logits(&self, x: &Tensor, i: usize) -> Result<Vec<f32>> {
        let row = x.narrow(0, i, 1)?;
        row.matmul(&self.embedding.t()?)?.flatten_all()?.to_vec1()
    }
}

/// −∞ where a token would look at a later one: `[n, past + n]`.
fn later(past: usize, n: usize) -> Result<Tensor> {
    let all = past + n;
    let mask: Vec<f32> = (0..n * all)
        .map(|i| match i % all > past + i / all {
            true => f32::NEG_INFINITY,
            false => 0.0,
        })
        .collect();
    Tensor::from_vec(mask, (n, all), &Device::Cpu)
}
