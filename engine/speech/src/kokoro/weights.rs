//! Kokoro's weights out of the int8 ONNX file, as f32.
//!
//! Only what is needed of the ONNX protobuf is declared. The file's tensors are
//! found through the *nodes*, whose names are the module paths of the original
//! PyTorch model (`/decoder/decoder/encode/conv1/Conv_quant`): weights are named
//! by where the exporter folded them, and zero points are shared across nodes.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use candle_core::{Device, Tensor};
use prost::Message;
use prost::bytes::Bytes;

use super::KokoroError;

/// `onnx.ModelProto`, the part that is read.
#[derive(Message)]
struct ModelProto {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
}

#[derive(Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
}

#[derive(Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
}

#[derive(Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(string, tag = "8")]
    name: String,
    /// A slice of the file, not a copy.
    #[prost(bytes = "bytes", tag = "9")]
    raw_data: Bytes,
}

const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;

/// Numbers of the model, and how they lie.
pub(super) struct Constant {
    pub values: Vec<f32>,
    shape: Vec<usize>,
}

impl Constant {
    /// Of a convolution's weights.
    pub fn shape3(&self) -> Result<[usize; 3], KokoroError> {
        <[usize; 3]>::try_from(self.shape.as_slice()).map_err(|_| KokoroError::Model {
            reason: format!("a convolution has shape {:?}", self.shape),
        })
    }

    pub fn tensor(self) -> Result<Tensor, KokoroError> {
        Ok(Tensor::from_vec(self.values, self.shape, &Device::Cpu)?)
    }
}

/// 8-bit values as they are stored.
#[derive(Clone, Copy)]
enum Eights<'a> {
    Unsigned(&'a [u8]),
    Signed(&'a [u8]),
    /// One a protobuf integer.
    Written(&'a [i32]),
}

impl Eights<'_> {
    fn len(self) -> usize {
        match self {
            Self::Unsigned(v) | Self::Signed(v) => v.len(),
            Self::Written(v) => v.len(),
        }
    }

    fn append(self, range: Range<usize>, to: &mut Vec<f32>) {
        match self {
            Self::Unsigned(v) => to.extend(v[range].iter().map(|b| f32::from(*b))),
            Self::Signed(v) => to.extend(v[range].iter().map(|b| f32::from(*b as i8))),
            Self::Written(v) => to.extend(v[range].iter().map(|v| *v as f32)),
        }
    }
}

/// The graph's constants, by name, and its nodes' inputs, by module path.
pub(super) struct Weights {
    tensors: HashMap<String, TensorProto>,
    inputs: HashMap<String, Vec<String>>,
}

impl Weights {
    /// Reads `model.onnx`.
    pub fn open(path: &Path) -> Result<Self, KokoroError> {
        let bytes = std::fs::read(path).map_err(|source| KokoroError::Read {
            path: path.to_owned(),
            source,
        })?;
        let graph = ModelProto::decode(Bytes::from(bytes))
            .ok()
            .and_then(|m| m.graph)
            .ok_or_else(|| KokoroError::Model {
                reason: format!("{} is not an ONNX model", path.display()),
            })?;
        Ok(Self {
            tensors: graph
                .initializer
                .into_iter()
                .map(|t| (t.name.clone(), t))
                .collect(),
            inputs: graph.node.into_iter().map(|n| (n.name, n.input)).collect(),
        })
    }

    fn tensor(&self, name: &str) -> Result<&TensorProto, KokoroError> {
        self.tensors.get(name).ok_or_else(|| KokoroError::Model {
            reason: format!("it has no tensor `{name}`"),
        })
    }

    fn input(&self, node: &str, i: usize) -> Result<&str, KokoroError> {
        self.inputs
            .get(node)
            .and_then(|inputs| inputs.get(i))
            .map(String::as_str)
            .ok_or_else(|| KokoroError::Model {
                reason: format!("it has no node `{node}` with input {i}"),
            })
    }

    /// An f32 constant by its own name (`encoder.bert_encoder.bias`).
    pub fn param(&self, name: &str) -> Result<Constant, KokoroError> {
        let tensor = self.tensor(name)?;
        let shape: Vec<usize> = tensor.dims.iter().map(|d| *d as usize).collect();
        let values: Vec<f32> = match tensor.data_type {
            FLOAT if tensor.raw_data.is_empty() => tensor.float_data.clone(),
            FLOAT => tensor
                .raw_data
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            other => {
                return Err(KokoroError::Model {
                    reason: format!("`{name}` has type {other}, expected f32"),
                });
            }
        };
        check_len(name, values.len(), &shape)?;
        Ok(Constant { values, shape })
    }

    /// An 8-bit constant and its shape.
    fn bytes(&self, name: &str) -> Result<(Eights<'_>, Vec<usize>), KokoroError> {
        let tensor = self.tensor(name)?;
        let shape: Vec<usize> = tensor.dims.iter().map(|d| *d as usize).collect();
        let values = match (tensor.data_type, tensor.raw_data.is_empty()) {
            (UINT8 | INT8, true) => Eights::Written(&tensor.int32_data),
            (UINT8, false) => Eights::Unsigned(&tensor.raw_data),
            (INT8, false) => Eights::Signed(&tensor.raw_data),
            (other, _) => {
                return Err(KokoroError::Model {
                    reason: format!("`{name}` has type {other}, expected 8 bits"),
                });
            }
        };
        check_len(name, values.len(), &shape)?;
        Ok((values, shape))
    }

    /// `(q − zero) · scale`: scale and zero for the whole tensor, one a column
    /// (the last axis), or one a block (the first axis).
    fn dequantised(
        &self,
        quantised: &str,
        scale: &str,
        zero: &str,
    ) -> Result<Constant, KokoroError> {
        let (values, shape) = self.bytes(quantised)?;
        let scales = self.param(scale)?.values;
        let (stored, _) = self.bytes(zero)?;
        let mut zeros = Vec::with_capacity(stored.len());
        stored.append(0..stored.len(), &mut zeros);
        let columns = shape.last().copied().unwrap_or(1);
        // LSTMs have one scale a direction: [2] over [2, in, 4H].
        let blocks = shape.first().copied().unwrap_or(1).max(1);
        let fits = |len: usize| len == 1 || len == columns || len == blocks;
        if !fits(scales.len()) || !fits(zeros.len()) {
            return Err(KokoroError::Model {
                reason: format!("`{quantised}` has {} scales for {shape:?}", scales.len()),
            });
        }
        let per_block = values.len() / blocks;
        // A run's values have a scale and a zero each, or all the same.
        let run = match [&scales, &zeros].iter().any(|t| t.len() == columns) {
            true => columns,
            false => per_block,
        };
        let mut real = Vec::with_capacity(values.len());
        for from in (0..values.len()).step_by(run.max(1)) {
            let first = real.len();
            values.append(from..from + run, &mut real);
            let of = |told: &[f32]| match told.len() {
                1 => Some(told[0]),
                len if len == columns => None,
                _ => Some(told[from / per_block]),
            };
            let part: &mut [f32] = &mut real[first..];
            match (of(&zeros), of(&scales)) {
                (Some(zero), Some(scale)) => part.iter_mut().for_each(|v| *v = (*v - zero) * scale),
                (zero, scale) => {
                    for (n, v) in part.iter_mut().enumerate() {
                        *v = (*v - zero.unwrap_or_else(|| zeros[n]))
                            * scale.unwrap_or_else(|| scales[n]);
                    }
                }
            }
        }
        Ok(Constant {
            values: real,
            shape,
        })
    }

    /// The weight of a quantised product (`…/Conv_quant`, `…/MatMul_quant`).
    pub fn product(&self, node: &str) -> Result<Constant, KokoroError> {
        let weight = self.input(node, 1)?;
        let scale = weight.replace("_quantized", "_scale");
        let zero = self.input(node, 3)?;
        self.dequantised(weight, &scale, zero)
    }

    /// An f32 weight that a node names as input `i` (`ConvTranspose`, `Conv`).
    pub fn node_input(&self, node: &str, i: usize) -> Result<Constant, KokoroError> {
        self.param(self.input(node, i)?)
    }

    /// A quantised embedding table, `[rows, width]`, by the node that reads it.
    pub fn embedding(&self, table: &str, node: &str) -> Result<Constant, KokoroError> {
        let node = format!("{node}/Gather_quant_DequantizeLinear");
        self.dequantised(
            &format!("{table}_quantized"),
            self.input(&node, 1)?,
            self.input(&node, 2)?,
        )
    }

    /// An LSTM's `(W [2, in, 4H], R [2, H, 4H], B [2, 8H])`, gates i, o, f, c.
    pub fn lstm(&self, node: &str) -> Result<[Vec<f32>; 3], KokoroError> {
        let name = |i| self.input(node, i);
        let w = self.dequantised(name(1)?, name(8)?, name(9)?)?;
        let r = self.dequantised(name(2)?, name(10)?, name(11)?)?;
        let b = self.param(name(3)?)?;
        Ok([w.values, r.values, b.values])
    }
}

fn check_len(name: &str, len: usize, shape: &[usize]) -> Result<(), KokoroError> {
    if len == shape.iter().product::<usize>() {
        return Ok(());
    }
    Err(KokoroError::Model {
        reason: format!("`{name}` has {len} values for shape {shape:?}"),
    })
}
