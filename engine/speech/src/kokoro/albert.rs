//! PL-BERT: an ALBERT encoder over phonemes (one layer's weights, run twelve times).

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::KokoroError;
use super::kernels::Signal;
use super::weights::Weights;

const LAYERS: usize = 12;
const HEADS: usize = 12;
const HIDDEN: usize = 768;
/// As in the exported graph.
const LAYER_NORM_EPS: f32 = 1e-12;

struct Linear {
    /// `[in, out]`
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn load(weights: &Weights, node: &str, bias: &str) -> std::result::Result<Self, KokoroError> {
        Ok(Self {
            weight: weights.product(&format!("{node}/MatMul_quant"))?.tensor()?,
            bias: weights.param(bias)?.tensor()?,
        })
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    fn load(weights: &Weights, name: &str) -> std::result::Result<Self, KokoroError> {
        Ok(Self {
            weight: weights.param(&format!("{name}.weight"))?.tensor()?,
            bias: weights.param(&format!("{name}.bias"))?.tensor()?,
        })
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::layer_norm(&x.contiguous()?, &self.weight, &self.bias, LAYER_NORM_EPS)
    }
}

/// Tokens → `[512, T]`.
pub(super) struct Albert {
    words: Tensor,
    positions: Tensor,
    /// Row 0 of the token-type table: there is one type only.
    token_type: Tensor,
    embedding_norm: LayerNorm,
    mapping: Linear,
    query: Linear,
    key: Linear,
    value: Linear,
    dense: Linear,
    attention_norm: LayerNorm,
    ffn: Linear,
    ffn_output: Linear,
    full_norm: LayerNorm,
    project: Linear,
}

impl Albert {
    pub fn load(weights: &Weights) -> std::result::Result<Self, KokoroError> {
        let table = |name: &str| {
            weights
                .embedding(
                    &format!("encoder.bert.embeddings.{name}.weight"),
                    &format!("/encoder/bert/embeddings/{name}"),
                )?
                .tensor()
        };
        const NODE: &str = "/encoder/bert/encoder/albert_layer_groups.0/albert_layers.0";
        const PARAM: &str = "encoder.bert.encoder.albert_layer_groups.0.albert_layers.0";
        let layer = |node: &str| {
            Linear::load(
                weights,
                &format!("{NODE}/{node}"),
                &format!("{PARAM}.{}.bias", node.replace('/', ".")),
            )
        };
        Ok(Self {
            words: table("word_embeddings")?,
            positions: table("position_embeddings")?,
            token_type: table("token_type_embeddings")?.narrow(0, 0, 1)?,
            embedding_norm: LayerNorm::load(weights, "encoder.bert.embeddings.LayerNorm")?,
            mapping: Linear::load(
                weights,
                "/encoder/bert/encoder/embedding_hidden_mapping_in",
                "encoder.bert.encoder.embedding_hidden_mapping_in.bias",
            )?,
            query: layer("attention/query")?,
            key: layer("attention/key")?,
            value: layer("attention/value")?,
            dense: layer("attention/dense")?,
            attention_norm: LayerNorm::load(weights, &format!("{PARAM}.attention.LayerNorm"))?,
            ffn: layer("ffn")?,
            ffn_output: layer("ffn_output")?,
            full_norm: LayerNorm::load(weights, &format!("{PARAM}.full_layer_layer_norm"))?,
            project: Linear::load(
                weights,
                "/encoder/bert_encoder",
                "encoder.bert_encoder.bias",
            )?,
        })
    }

    /// `tokens` with their pads → `[512, T]`.
    pub fn run(&self, tokens: &[u32]) -> Result<Signal> {
        let len = tokens.len();
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let x = self
            .words
            .index_select(&ids, 0)?
            .add(&self.positions.narrow(0, 0, len)?)?
            .broadcast_add(&self.token_type)?;
        let mut x = self.mapping.run(&self.embedding_norm.run(&x)?)?;
        for _ in 0..LAYERS {
            let attended = self.dense.run(&self.attend(&x)?)?;
            let attended = self.attention_norm.run(&(attended + x)?)?;
            let inner = self.ffn.run(&attended)?.gelu()?;
            let inner = self.ffn_output.run(&inner)?;
            x = self.full_norm.run(&(inner + attended)?)?;
        }
        let y = self.project.run(&x)?.t()?.contiguous()?;
        let (channels, len) = y.dims2()?;
        Ok(Signal {
            channels,
            len,
            data: y.flatten_all()?.to_vec1()?,
        })
    }

    fn attend(&self, x: &Tensor) -> Result<Tensor> {
        let len = x.dim(0)?;
        let size = HIDDEN / HEADS;
        let heads = |y: Tensor| y.reshape((len, HEADS, size))?.transpose(0, 1)?.contiguous();
        let q = heads(self.query.run(x)?)?;
        let k = heads(self.key.run(x)?)?;
        let v = heads(self.value.run(x)?)?;
        let scores = (q.matmul(&k.transpose(D::Minus1, D::Minus2)?)? / (size as f64).sqrt())?;
        let mixed = softmax_last_dim(&scores)?.matmul(&v)?;
        mixed.transpose(0, 1)?.reshape((len, HIDDEN))
    }
}
