//! A `.tflite` file as values and nodes, parsed with limits: constants decoded,
//! fp16 `DEQUANTIZE` folded, every shape inferred and compared with the file's.
//!
//! Field numbers are those of TensorFlow Lite's `schema.fbs`.

use half::f16;

use super::flatbuffer::{Malformed, Table, Vector};

/// Largest file that is parsed.
const MAX_BYTES: usize = 64 << 20;
/// Most values and nodes of a graph.
const MAX_ITEMS: usize = 8192;
/// Most elements of one value: 64 MiB of f32.
const MAX_ELEMENTS: usize = 1 << 24;
const MAX_RANK: usize = 6;

/// Why a file cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable(pub String);

impl From<Malformed> for Unusable {
    fn from(e: Malformed) -> Self {
        Self(e.0.to_owned())
    }
}

pub(super) type Result<T> = std::result::Result<T, Unusable>;

pub(super) fn unusable<T>(reason: impl Into<String>) -> Result<T> {
    Err(Unusable(reason.into()))
}

/// The parsed net. Nodes are in an order in which they can run.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub values: Vec<Value>,
    pub nodes: Vec<Node>,
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub shape: Vec<usize>,
    /// Its elements, where the file stores them.
    pub constant: Option<Vec<f32>>,
    /// The elements of an integer constant: axes, paddings, shapes.
    ints: Option<Vec<i32>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub op: Op,
    pub inputs: Vec<usize>,
    pub output: usize,
}

/// What happens to a value on its way out of an operator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Activation {
    None,
    Relu,
    Relu6,
    HardSwish,
    /// Slope below zero, one a channel.
    Prelu(Vec<f32>),
}

/// Geometry of a sliding window; TensorFlow's `SAME` pads less before than after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub same: bool,
    /// (y, x)
    pub stride: [usize; 2],
    pub kernel: [usize; 2],
}

impl Window {
    /// Whether it has a size and fits into `input` cells along axis `a`.
    pub fn fits(&self, a: usize, input: usize) -> bool {
        let (kernel, stride) = (self.kernel[a], self.stride[a]);
        kernel > 0 && stride > 0 && input > 0 && (self.same || input >= kernel)
    }

    /// Output length and padding before, along axis `a` of `input` cells that
    /// it fits into.
    pub fn fit(&self, a: usize, input: usize) -> (usize, usize) {
        let (kernel, stride) = (self.kernel[a], self.stride[a]);
        if self.same {
            let out = input.div_ceil(stride);
            let reach = (out - 1) * stride + kernel;
            (out, reach.saturating_sub(input) / 2)
        } else {
            ((input - kernel) / stride + 1, 0)
        }
    }
}

/// The operators that these nets use, with their parameters resolved.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Input, weights OHWI, bias.
    Conv(Window, Activation),
    /// Input, weights 1HWC, bias.
    Depthwise(Window, Activation),
    /// MediaPipe's `Convolution2DTransposeBias`: kernel = stride, no overlap.
    TransposeConv(usize),
    MaxPool(Window),
    /// Over the whole height and width.
    GlobalAveragePool,
    Add(Activation),
    Sub,
    Mul,
    Div,
    SquaredDifference,
    Activate(Activation),
    Logistic,
    Neg,
    Sqrt,
    Rsqrt,
    /// Axes ascending; reduced axes stay with length 1.
    Mean(Vec<usize>),
    Sum(Vec<usize>),
    Concat(usize),
    Reshape,
    Transpose(Vec<usize>),
    /// Zeros before and after, one pair an axis.
    Pad(Vec<[usize; 2]>),
    /// `[from, to)` of each axis with stride 1; the output's shape drops axes.
    Slice(Vec<[usize; 2]>),
    /// Bilinear with half-pixel centres, to the output's height and width.
    Resize,
}

mod code {
    pub const ADD: i32 = 0;
    pub const AVERAGE_POOL_2D: i32 = 1;
    pub const CONCATENATION: i32 = 2;
    pub const CONV_2D: i32 = 3;
    pub const DEPTHWISE_CONV_2D: i32 = 4;
    pub const DEQUANTIZE: i32 = 6;
    pub const LOGISTIC: i32 = 14;
    pub const MAX_POOL_2D: i32 = 17;
    pub const MUL: i32 = 18;
    pub const RELU: i32 = 19;
    pub const RELU6: i32 = 21;
    pub const RESHAPE: i32 = 22;
    pub const RESIZE_BILINEAR: i32 = 23;
    pub const CUSTOM: i32 = 32;
    pub const PAD: i32 = 34;
    pub const TRANSPOSE: i32 = 39;
    pub const MEAN: i32 = 40;
    pub const SUB: i32 = 41;
    pub const DIV: i32 = 42;
    pub const STRIDED_SLICE: i32 = 45;
    pub const PRELU: i32 = 54;
    pub const NEG: i32 = 59;
    pub const SUM: i32 = 74;
    pub const SQRT: i32 = 75;
    pub const RSQRT: i32 = 76;
    pub const SQUARED_DIFFERENCE: i32 = 99;
    pub const HARD_SWISH: i32 = 117;
}

const FLOAT32: u8 = 0;
const FLOAT16: u8 = 1;
const INT32: u8 = 2;

/// Elements of a shape, within the limits.
pub(super) fn elements(shape: &[usize]) -> Result<usize> {
    let n = (shape.len() <= MAX_RANK)
        .then(|| shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d)))
        .flatten();
    match n {
        Some(n) if (1..=MAX_ELEMENTS).contains(&n) => Ok(n),
        _ => unusable(format!("the shape {shape:?} is empty or too large")),
    }
}

fn activation(code: u8) -> Result<Activation> {
    match code {
        0 => Ok(Activation::None),
        1 => Ok(Activation::Relu),
        3 => Ok(Activation::Relu6),
        other => unusable(format!("activation {other} is not known")),
    }
}

impl Graph {
    /// Parses the bytes of a `.tflite` file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_BYTES {
            return unusable(format!("{} bytes are too many", bytes.len()));
        }
        let model = Table::root(bytes, b"TFL3")?;
        let codes = operator_codes(&model)?;
        let subgraphs = model.vector(2, 4)?;
        if subgraphs.len() != 1 {
            return unusable(format!("it has {} subgraphs, expected 1", subgraphs.len()));
        }
        let subgraph = subgraphs.table(0)?;
        let values = values(&subgraph, &model.vector(4, 4)?)?;
        let count = values.len();
        let indices = |list: Vec<i32>| -> Result<Vec<usize>> {
            list.into_iter()
                .map(|i| {
                    usize::try_from(i)
                        .ok()
                        .filter(|i| *i < count)
                        .ok_or_else(|| Unusable(format!("value {i} does not exist")))
                })
                .collect()
        };
        let mut graph = Self {
            values,
            nodes: Vec::new(),
            inputs: indices(subgraph.ints(1)?)?,
            outputs: indices(subgraph.ints(2)?)?,
        };
        let operators = subgraph.vector(3, 4)?;
        if operators.len() > MAX_ITEMS {
            return unusable(format!("{} operators are too many", operators.len()));
        }
        // A value must be there before it is read.
        let mut known: Vec<bool> = graph
            .values
            .iter()
            .map(|v| v.constant.is_some() || v.ints.is_some())
            .collect();
        for &i in &graph.inputs {
            known[i] = true;
        }
        let mut products = 0;
        for i in 0..operators.len() {
            let operator = operators.table(i)?;
            let code = codes
                .get(operator.i32_or(0, 0)? as usize)
                .ok_or(Malformed("an operator has no code"))?;
            let inputs = indices(operator.ints(1)?)?;
            let outputs = indices(operator.ints(2)?)?;
            let [output] = outputs[..] else {
                return unusable(format!("operator {i} has {} outputs", outputs.len()));
            };
            if known[output] || inputs.iter().any(|v| !known[*v]) {
                return unusable(format!("operator {i} is out of order"));
            }
            known[output] = true;
            graph
                .add(code, &operator, inputs, output, &mut products)
                .map_err(|e| Unusable(format!("operator {i} ({code:?}): {}", e.0)))?;
        }
        if let Some(v) = graph.outputs.iter().find(|v| !known[**v]) {
            return unusable(format!("output {v} is never made"));
        }
        Ok(graph)
    }

    /// Lets convolutions and sums apply the activation that alone reads them.
    pub fn fuse_activations(&mut self) {
        let mut uses = vec![0; self.values.len()];
        for &v in self
            .nodes
            .iter()
            .flat_map(|n| &n.inputs)
            .chain(&self.outputs)
        {
            uses[v] += 1;
        }
        let mut maker = vec![None; self.values.len()];
        let mut kept: Vec<Node> = Vec::with_capacity(self.nodes.len());
        for node in std::mem::take(&mut self.nodes) {
            if let (Op::Activate(activation), [input]) = (&node.op, &node.inputs[..])
                && uses[*input] == 1
                && let Some(at) = maker[*input]
            {
                let before: &mut Node = &mut kept[at];
                if let Some(slot) = before.op.activation_mut()
                    && *slot == Activation::None
                {
                    *slot = activation.clone();
                    before.output = node.output;
                    maker[node.output] = Some(at);
                    continue;
                }
            }
            maker[node.output] = Some(kept.len());
            kept.push(node);
        }
        self.nodes = kept;
    }

    pub(super) fn shape(&self, value: usize) -> &[usize] {
        &self.values[value].shape
    }

    pub(super) fn ints(&self, inputs: &[usize], i: usize) -> Result<&[i32]> {
        inputs
            .get(i)
            .and_then(|v| self.values[*v].ints.as_deref())
            .ok_or_else(|| Unusable(format!("input {i} is not an integer constant")))
    }

    pub(super) fn floats(&self, inputs: &[usize], i: usize) -> Result<&[f32]> {
        inputs
            .get(i)
            .and_then(|v| self.values[*v].constant.as_deref())
            .ok_or_else(|| Unusable(format!("input {i} is not a constant")))
    }

    /// Shape `[1, h, w, c]` of an input.
    pub(super) fn image(&self, inputs: &[usize]) -> Result<[usize; 3]> {
        match inputs.first().map(|v| self.shape(*v)) {
            Some(&[1, h, w, c]) if h > 0 && w > 0 && c > 0 => Ok([h, w, c]),
            other => unusable(format!("the input {other:?} is not [1, h, w, c]")),
        }
    }

    /// Translates one operator and infers its output's shape.
    fn add(
        &mut self,
        code: &Code,
        operator: &Table<'_>,
        inputs: Vec<usize>,
        output: usize,
        products: &mut u64,
    ) -> Result<()> {
        let options = operator.table(4)?;
        let flag = |id| options.map_or(Ok(0), |o| o.u8(id));
        let number = |id, default| options.map_or(Ok(default), |o| o.i32_or(id, default));
        let size = |id, default| -> Result<usize> {
            let n = number(id, default)?;
            usize::try_from(n)
                .ok()
                .filter(|n| (1..=4096).contains(n))
                .ok_or_else(|| Unusable(format!("{n} is not a size")))
        };
        let window = |kernel: [usize; 2]| -> Result<Window> {
            Ok(Window {
                same: flag(0)? == 0,
                stride: [size(2, 0)?, size(1, 0)?],
                kernel,
            })
        };
        let (op, mut runtime_inputs) = match (code.builtin, inputs.len()) {
            (code::DEQUANTIZE, 1) => {
                // The value is stored as fp16 and was widened when it was read.
                let constant = self.floats(&inputs, 0)?.to_vec();
                let shape = self.shape(inputs[0]).to_vec();
                self.check(output, &shape)?;
                self.values[output].constant = Some(constant);
                return Ok(());
            }
            (code::CONV_2D, 3) => {
                if (size(4, 1)?, size(5, 1)?) != (1, 1) {
                    return unusable("dilation is not known");
                }
                let &[_, h, w, _] = self.shape(inputs[1]) else {
                    return unusable("the weights are not OHWI");
                };
                (Op::Conv(window([h, w])?, activation(flag(3)?)?), inputs)
            }
            (code::DEPTHWISE_CONV_2D, 3) => {
                if (size(3, 1)?, size(5, 1)?, size(6, 1)?) != (1, 1, 1) {
                    return unusable("a multiplier or dilation is not known");
                }
                let &[1, h, w, _] = self.shape(inputs[1]) else {
                    return unusable("the weights are not 1HWC");
                };
                (
                    Op::Depthwise(window([h, w])?, activation(flag(4)?)?),
                    inputs,
                )
            }
            (code::CUSTOM, 3) if code.custom == b"Convolution2DTransposeBias" => {
                let &[_, h, w, _] = self.shape(inputs[1]) else {
                    return unusable("the weights are not OHWI");
                };
                // TfLiteTransposeConvParams: padding, stride width, stride height.
                let data = operator.vector(5, 1)?.data();
                let stride = |at: usize| data.get(at).map(|b| usize::from(*b));
                if h != w || h == 0 || stride(4) != Some(w) || stride(8) != Some(h) {
                    return unusable("its windows overlap");
                }
                (Op::TransposeConv(h), inputs)
            }
            (code::MAX_POOL_2D, 1) => {
                let window = window([size(4, 0)?, size(3, 0)?])?;
                let [h, w, _] = self.image(&inputs)?;
                let whole = h % window.kernel[0] == 0 && w % window.kernel[1] == 0;
                if window.stride != window.kernel || !whole || flag(5)? != 0 {
                    return unusable("its windows overlap or leave the picture");
                }
                (Op::MaxPool(window), inputs)
            }
            (code::AVERAGE_POOL_2D, 1) => {
                let [h, w, _] = self.image(&inputs)?;
                if [size(4, 0)?, size(3, 0)?] != [h, w] || flag(5)? != 0 {
                    return unusable("it does not cover the picture");
                }
                (Op::GlobalAveragePool, inputs)
            }
            (code::ADD, 2) => (Op::Add(activation(flag(0)?)?), inputs),
            (code::SUB | code::MUL | code::DIV, 2) if flag(0)? != 0 => {
                return unusable("its activation is not known");
            }
            (code::SUB, 2) => (Op::Sub, inputs),
            (code::MUL, 2) => (Op::Mul, inputs),
            (code::DIV, 2) => (Op::Div, inputs),
            (code::SQUARED_DIFFERENCE, 2) => (Op::SquaredDifference, inputs),
            (code::RELU, 1) => (Op::Activate(Activation::Relu), inputs),
            (code::RELU6, 1) => (Op::Activate(Activation::Relu6), inputs),
            (code::HARD_SWISH, 1) => (Op::Activate(Activation::HardSwish), inputs),
            (code::PRELU, 2) => {
                let slopes = self.floats(&inputs, 1)?.to_vec();
                if self.shape(inputs[0]).last() != Some(&slopes.len()) {
                    return unusable("there is not one slope a channel");
                }
                (Op::Activate(Activation::Prelu(slopes)), inputs)
            }
            (code::LOGISTIC, 1) => (Op::Logistic, inputs),
            (code::NEG, 1) => (Op::Neg, inputs),
            (code::SQRT, 1) => (Op::Sqrt, inputs),
            (code::RSQRT, 1) => (Op::Rsqrt, inputs),
            (code::MEAN | code::SUM, 2) => {
                if flag(0)? == 0 {
                    return unusable("it drops the axes it reduces");
                }
                let rank = self.shape(inputs[0]).len();
                let mut axes = self
                    .ints(&inputs, 1)?
                    .iter()
                    .map(|a| axis(*a, rank))
                    .collect::<Result<Vec<_>>>()?;
                axes.sort_unstable();
                axes.dedup();
                match code.builtin {
                    code::MEAN => (Op::Mean(axes), inputs),
                    _ => (Op::Sum(axes), inputs),
                }
            }
            (code::CONCATENATION, 1..) if flag(1)? == 0 => {
                let rank = self.shape(inputs[0]).len();
                (Op::Concat(axis(number(0, 0)?, rank)?), inputs)
            }
            (code::RESHAPE, 1 | 2) => (Op::Reshape, inputs),
            (code::TRANSPOSE, 2) => {
                let rank = self.shape(inputs[0]).len();
                let order = self
                    .ints(&inputs, 1)?
                    .iter()
                    .map(|a| axis(*a, rank))
                    .collect::<Result<Vec<_>>>()?;
                if (0..rank).any(|a| !order.contains(&a)) || order.len() != rank {
                    return unusable(format!("{order:?} is not an order of the axes"));
                }
                (Op::Transpose(order), inputs)
            }
            (code::PAD, 2) => {
                let pairs = self.ints(&inputs, 1)?;
                let amount = |n: i32| usize::try_from(n).ok().filter(|n| *n <= 1 << 16);
                let pads = pairs
                    .chunks_exact(2)
                    .map(|p| Some([amount(p[0])?, amount(p[1])?]))
                    .collect::<Option<Vec<_>>>();
                match pads {
                    Some(pads) if pads.len() == self.shape(inputs[0]).len() => {
                        (Op::Pad(pads), inputs)
                    }
                    _ => return unusable(format!("{pairs:?} are not paddings")),
                }
            }
            (code::STRIDED_SLICE, 4) => {
                if flag(2)? != 0 || flag(3)? != 0 {
                    return unusable("an ellipsis or a new axis is not known");
                }
                let masks = [number(0, 0)?, number(1, 0)?, number(4, 0)?];
                (Op::Slice(self.slice(&inputs, masks)?), inputs)
            }
            (code::RESIZE_BILINEAR, 2) => {
                if (flag(2)?, flag(3)?) != (0, 1) {
                    return unusable("its pixel centres are not at the half");
                }
                self.ints(&inputs, 1)?;
                (Op::Resize, inputs)
            }
            (_, n) => return unusable(format!("it is not known with {n} inputs")),
        };
        match &op {
            // The file's shape is the parameter: only the elements must fit.
            Op::Reshape | Op::Slice(_) => {
                let made = self.infer(&op, &runtime_inputs, products)?;
                if elements(&made)? != elements(self.shape(output))? {
                    return unusable(format!("{made:?} becomes {:?}", self.shape(output)));
                }
            }
            _ => {
                let made = self.infer(&op, &runtime_inputs, products)?;
                self.check(output, &made)?;
            }
        }
        // Parameters now live in the operator.
        let kept = match op {
            Op::Activate(_)
            | Op::Mean(_)
            | Op::Sum(_)
            | Op::Reshape
            | Op::Transpose(_)
            | Op::Pad(_)
            | Op::Slice(_)
            | Op::Resize => 1,
            _ => runtime_inputs.len(),
        };
        runtime_inputs.truncate(kept);
        if runtime_inputs
            .iter()
            .any(|v| self.values[*v].ints.is_some())
        {
            return unusable("an integer takes part in its arithmetic");
        }
        self.nodes.push(Node {
            op,
            inputs: runtime_inputs,
            output,
        });
        Ok(())
    }

    /// The file's shape of a value must be the inferred one.
    fn check(&self, output: usize, shape: &[usize]) -> Result<()> {
        elements(shape)?;
        if self.shape(output) == shape {
            return Ok(());
        }
        unusable(format!(
            "the output is {:?} in the file and {shape:?} by its inputs",
            self.shape(output)
        ))
    }

    /// The ranges of a `STRIDED_SLICE`; masks are begin, end and shrink.
    fn slice(&self, inputs: &[usize], masks: [i32; 3]) -> Result<Vec<[usize; 2]>> {
        let shape = self.shape(inputs[0]);
        let (begin, end) = (self.ints(inputs, 1)?, self.ints(inputs, 2)?);
        let strides = self.ints(inputs, 3)?;
        if [begin.len(), end.len(), strides.len()] != [shape.len(); 3]
            || strides.iter().any(|s| *s != 1)
        {
            return unusable("it does not name every axis with stride 1");
        }
        (0..shape.len())
            .map(|a| {
                let len = shape[a] as i64;
                let at = |n: i32| (i64::from(n) + if n < 0 { len } else { 0 }).clamp(0, len);
                let has = |mask: i32| mask >> a & 1 == 1;
                let from = if has(masks[0]) { 0 } else { at(begin[a]) };
                let to = match (has(masks[2]), has(masks[1])) {
                    (true, _) => from + 1,
                    (false, true) => len,
                    (false, false) => at(end[a]),
                };
                if from < to && to <= len {
                    Ok([from as usize, to as usize])
                } else {
                    unusable(format!("axis {a} is cut to nothing"))
                }
            })
            .collect()
    }
}

impl Op {
    /// Where an activation that follows can be taken along.
    fn activation_mut(&mut self) -> Option<&mut Activation> {
        match self {
            Self::Conv(_, a) | Self::Depthwise(_, a) | Self::Add(a) => Some(a),
            _ => None,
        }
    }
}

/// What an operator code names.
#[derive(Clone, Debug)]
struct Code {
    builtin: i32,
    custom: Vec<u8>,
}

fn operator_codes(model: &Table<'_>) -> Result<Vec<Code>> {
    let codes = model.vector(1, 4)?;
    if codes.len() > MAX_ITEMS {
        return unusable(format!("{} operator codes are too many", codes.len()));
    }
    (0..codes.len())
        .map(|i| {
            let code = codes.table(i)?;
            // Codes above 127 did not fit the first, one-byte field.
            let builtin = code.i32_or(3, 0)?.max(i32::from(code.u8(0)?));
            Ok(Code {
                builtin,
                custom: code.vector(1, 1)?.data().to_vec(),
            })
        })
        .collect()
}

/// The tensors of a subgraph; constants come from `buffers`.
fn values(subgraph: &Table<'_>, buffers: &Vector<'_>) -> Result<Vec<Value>> {
    let tensors = subgraph.vector(0, 4)?;
    if tensors.len() > MAX_ITEMS {
        return unusable(format!("{} tensors are too many", tensors.len()));
    }
    let mut total = 0_usize;
    (0..tensors.len())
        .map(|i| {
            let tensor = tensors.table(i)?;
            let shape = tensor
                .ints(0)?
                .into_iter()
                .map(|d| usize::try_from(d).map_err(|_| Unusable(format!("{d} is not a length"))))
                .collect::<Result<Vec<_>>>()?;
            let len = elements(&shape)?;
            // Buffer 0 is the empty one of values that are made at run time.
            let buffer = tensor.i32_or(2, 0)? as u32 as usize;
            let data = match buffer {
                0 => &[][..],
                _ => buffers.table(buffer)?.vector(0, 1)?.data(),
            };
            // Many tensors may name one buffer: bound what they unpack to.
            total += data.len();
            if total > 2 * MAX_BYTES {
                return unusable("its constants are too large");
            }
            let (width, kind) = match tensor.u8(1)? {
                kind @ (FLOAT32 | INT32) => (4, kind),
                kind @ FLOAT16 => (2, kind),
                other => return unusable(format!("tensor {i} has type {other}, expected f32")),
            };
            let mut value = Value {
                shape,
                constant: None,
                ints: None,
            };
            if data.is_empty() {
                return Ok(value);
            }
            if data.len() != len * width {
                return unusable(format!("tensor {i} has {} bytes for {len}", data.len()));
            }
            let words = data.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
            match kind {
                FLOAT32 => value.constant = Some(words.map(f32::from_le_bytes).collect()),
                INT32 => value.ints = Some(words.map(i32::from_le_bytes).collect()),
                _ => {
                    let halves = data.chunks_exact(2).map(|b| [b[0], b[1]]);
                    let widened = halves.map(|b| f16::from_le_bytes(b).to_f32());
                    value.constant = Some(widened.collect());
                }
            }
            Ok(value)
        })
        .collect()
}

/// An axis that may count from the end.
fn axis(a: i32, rank: usize) -> Result<usize> {
    let at = i64::from(a) + if a < 0 { rank as i64 } else { 0 };
    usize::try_from(at)
        .ok()
        .filter(|a| *a < rank)
        .ok_or_else(|| Unusable(format!("axis {a} does not exist")))
}
