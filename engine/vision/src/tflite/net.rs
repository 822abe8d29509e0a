//! Runs a [`Graph`] on candle tensors.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};

use super::graph::{Activation, Graph, Node, Op, Unusable, Window};
use super::kernels::{Conv, Depthwise, max_pool};
use crate::VisionError;

/// Whose convolutions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// This crate's; the device must be a processor.
    Plain,
    /// candle's; any device.
    Candle,
}

/// A net that is ready to run.
#[derive(Debug)]
pub(crate) struct Net {
    name: String,
    steps: Vec<Step>,
    /// Values that are there before a run.
    constants: Vec<Option<Tensor>>,
    /// Each input and its shape.
    inputs: Vec<(usize, Vec<usize>)>,
    outputs: Vec<usize>,
    device: Device,
}

#[derive(Debug)]
struct Step {
    kind: Kind,
    inputs: Vec<usize>,
    output: usize,
    /// Shape of the output.
    shape: Vec<usize>,
    /// Values that no later step reads.
    done: Vec<usize>,
}

#[derive(Debug)]
enum Kind {
    Plain(Plain),
    PlainSum(PlainSum),
    Conv(CandleConv),
    /// 1×1 convolution to `k²` times the channels, then one block a cell.
    TransposeConv(Box<Kind>, usize),
    Sum(CandleActivation),
    Activate(CandleActivation),
    /// Matrices that interpolate rows and columns.
    Resize(Tensor, Tensor),
    Other(Op),
}

impl Net {
    /// Parses the bytes of the `.tflite` file `name` for `device`.
    pub fn load(
        name: &str,
        bytes: &[u8],
        device: &Device,
    ) -> std::result::Result<Self, VisionError> {
        let kernels = if device.is_cpu() {
            Kernels::Plain
        } else {
            Kernels::Candle
        };
        Self::load_with(name, bytes, device, kernels)
    }

    pub fn load_with(
        name: &str,
        bytes: &[u8],
        device: &Device,
        kernels: Kernels,
    ) -> std::result::Result<Self, VisionError> {
        let mut graph = Graph::parse(bytes).map_err(|Unusable(reason)| VisionError::Model {
            model: name.to_owned(),
            reason,
        })?;
        graph.fuse_activations();
        let mut last_use = vec![0; graph.values.len()];
        for (i, node) in graph.nodes.iter().enumerate() {
            for &v in &node.inputs {
                last_use[v] = i;
            }
        }
        for &v in &graph.outputs {
            last_use[v] = usize::MAX;
        }
        let mut constants = vec![None; graph.values.len()];
        let mut steps = Vec::with_capacity(graph.nodes.len());
        for (i, node) in graph.nodes.iter().enumerate() {
            let kind = kind(&graph, node, device, kernels)?;
            // Weights and biases live in the step.
            let inputs = match kind {
                Kind::Plain(_) | Kind::Conv(_) | Kind::TransposeConv(..) => &node.inputs[..1],
                _ => &node.inputs[..],
            };
            for &v in inputs {
                if let (None, Some(data)) = (&constants[v], &graph.values[v].constant) {
                    let shape = graph.values[v].shape.as_slice();
                    constants[v] = Some(Tensor::from_slice(data, shape, device)?);
                }
            }
            steps.push(Step {
                kind,
                inputs: inputs.to_vec(),
                output: node.output,
                shape: graph.values[node.output].shape.clone(),
                done: inputs
                    .iter()
                    .copied()
                    .filter(|v| last_use[*v] == i)
                    .collect(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            steps,
            constants,
            inputs: graph
                .inputs
                .iter()
                .map(|v| (*v, graph.values[*v].shape.clone()))
                .collect(),
            outputs: graph.outputs,
            device: device.clone(),
        })
    }

    /// Checks that the net takes one input of `input` and gives outputs of
    /// these numbers of elements.
    pub fn expect(
        self,
        input: &[usize],
        outputs: &[usize],
    ) -> std::result::Result<Self, VisionError> {
        let found: Vec<&[usize]> = self.inputs.iter().map(|(_, s)| s.as_slice()).collect();
        let made: Vec<Option<usize>> = self
            .outputs
            .iter()
            .map(|v| {
                let step = self.steps.iter().rev().find(|s| s.output == *v)?;
                Some(step.shape.iter().product())
            })
            .collect();
        let wanted: Vec<Option<usize>> = outputs.iter().copied().map(Some).collect();
        if found == [input] && made == wanted {
            return Ok(self);
        }
        Err(VisionError::Model {
            model: self.name,
            reason: format!(
                "it maps {found:?} to {made:?} values, expected {input:?} to {outputs:?}"
            ),
        })
    }

    /// Runs the net on its one input, row after row; gives every output's values.
    pub fn run(&self, input: Vec<f32>) -> std::result::Result<Vec<Vec<f32>>, VisionError> {
        let [(at, shape)] = &self.inputs[..] else {
            return Err(VisionError::Model {
                model: self.name.clone(),
                reason: format!("it has {} inputs, expected 1", self.inputs.len()),
            });
        };
        let mut values = self.constants.clone();
        values[*at] = Some(Tensor::from_vec(input, shape.as_slice(), &self.device)?);
        for step in &self.steps {
            let made = step.run(&values)?;
            for &v in &step.done {
                values[v] = None;
            }
            values[step.output] = Some(made);
        }
        self.outputs
            .iter()
            .map(|v| Ok(value(&values, *v)?.flatten_all()?.to_vec1()?))
            .collect()
    }
}

fn value(values: &[Option<Tensor>], v: usize) -> Result<&Tensor> {
    match &values[v] {
        Some(tensor) => Ok(tensor),
        // The parser has proved the order of the nodes.
        None => bail!("value {v} is read before it is made"),
    }
}

fn kind(graph: &Graph, node: &Node, device: &Device, kernels: Kernels) -> Result<Kind> {
    let constant = |i: usize| {
        graph.values[node.inputs[i]]
            .constant
            .clone()
            .unwrap_or_default()
    };
    let channels = || {
        graph.values[node.inputs[0]]
            .shape
            .last()
            .copied()
            .unwrap_or(0)
    };
    let conv = |ohwi: Vec<f32>, bias: Vec<f32>, window, activation: &Activation| -> Result<Kind> {
        if kernels == Kernels::Plain {
            let conv = Conv::new(&ohwi, bias, channels(), window, activation.clone());
            return Ok(Kind::Plain(Plain::Conv(conv)));
        }
        let shape = (bias.len(), window.kernel[0], window.kernel[1], channels());
        Ok(Kind::Conv(CandleConv {
            weights: Tensor::from_vec(ohwi, shape, device)?
                .permute((0, 3, 1, 2))?
                .contiguous()?,
            bias: Tensor::new(bias.as_slice(), device)?,
            groups: 1,
            window,
            activation: CandleActivation::new(activation, device)?,
        }))
    };
    Ok(match (&node.op, kernels) {
        (Op::Conv(window, activation), _) => conv(constant(1), constant(2), *window, activation)?,
        (Op::Depthwise(window, activation), Kernels::Plain) => Kind::Plain(Plain::Depthwise(
            Depthwise::new(&constant(1), &constant(2), *window, activation.clone()),
        )),
        (Op::Depthwise(window, activation), Kernels::Candle) => {
            let c = channels();
            let shape = (1, window.kernel[0], window.kernel[1], c);
            Kind::Conv(CandleConv {
                weights: Tensor::from_vec(constant(1), shape, device)?
                    .permute((3, 0, 1, 2))?
                    .contiguous()?,
                bias: Tensor::from_vec(constant(2), c, device)?,
                groups: c,
                window: *window,
                activation: CandleActivation::new(activation, device)?,
            })
        }
        (Op::TransposeConv(k), _) => {
            // Weights [out, k, k, in]: cell (y, x) makes a block of k × k.
            let (weights, bias) = (constant(1), constant(2));
            let c = channels();
            let mut blocks = Vec::with_capacity(weights.len());
            let mut biases = Vec::with_capacity(k * k * bias.len());
            for cell in 0..k * k {
                for (o, b) in bias.iter().enumerate() {
                    let at = (o * k * k + cell) * c;
                    blocks.extend_from_slice(&weights[at..at + c]);
                    biases.push(*b);
                }
            }
            let window = Window {
                same: false,
                stride: [1, 1],
                kernel: [1, 1],
            };
            let inner = conv(blocks, biases, window, &Activation::None)?;
            Kind::TransposeConv(Box::new(inner), *k)
        }
        (Op::MaxPool(window), Kernels::Plain) => Kind::Plain(Plain::MaxPool(*window)),
        (Op::Activate(activation), Kernels::Plain) => {
            Kind::Plain(Plain::Activate(activation.clone()))
        }
        (Op::Activate(activation), Kernels::Candle) => {
            Kind::Activate(CandleActivation::new(activation, device)?)
        }
        (Op::Add(activation), Kernels::Plain)
            if graph.values[node.inputs[0]].shape == graph.values[node.inputs[1]].shape =>
        {
            Kind::PlainSum(PlainSum(activation.clone()))
        }
        (Op::Add(activation), _) => Kind::Sum(CandleActivation::new(activation, device)?),
        (Op::Resize, _) => {
            let from = &graph.values[node.inputs[0]].shape;
            let to = &graph.values[node.output].shape;
            let matrix = |a: usize| {
                let weights = interpolation(from[a], to[a]);
                Tensor::from_vec(weights, (to[a], from[a]), device)
            };
            Kind::Resize(matrix(1)?, matrix(2)?)
        }
        (op, _) => Kind::Other(op.clone()),
    })
}

/// `[to, from]`: linear interpolation with pixel centres at the half.
fn interpolation(from: usize, to: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; to * from];
    let scale = from as f32 / to as f32;
    for (i, row) in matrix.chunks_exact_mut(from).enumerate() {
        let at = ((i as f32 + 0.5) * scale - 0.5).clamp(0.0, (from - 1) as f32);
        let low = at.floor() as usize;
        let t = at - low as f32;
        row[low] += 1.0 - t;
        row[(low + 1).min(from - 1)] += t;
    }
    matrix
}

impl Step {
    fn run(&self, values: &[Option<Tensor>]) -> Result<Tensor> {
        let x = value(values, self.inputs[0])?;
        let second = || value(values, self.inputs[1]);
        match &self.kind {
            Kind::Plain(op) => x.contiguous()?.apply_op1_no_bwd(op),
            Kind::PlainSum(op) => {
                let y = second()?.contiguous()?;
                x.contiguous()?.apply_op2_no_bwd(&y, op)
            }
            Kind::Conv(conv) => conv.run(x),
            Kind::TransposeConv(inner, k) => {
                let blocks = match &**inner {
                    Kind::Plain(op) => x.contiguous()?.apply_op1_no_bwd(op)?,
                    Kind::Conv(conv) => conv.run(x)?,
                    _ => bail!("a transposed convolution is made of a convolution"),
                };
                let (_, h, w, c) = blocks.dims4()?;
                blocks
                    .reshape((h, w, *k, *k, c / (k * k)))?
                    .permute((0, 2, 1, 3, 4))?
                    .reshape(self.shape.as_slice())
            }
            Kind::Sum(activation) => activation.run(&x.broadcast_add(second()?)?),
            Kind::Activate(activation) => activation.run(x),
            Kind::Resize(rows, columns) => {
                let (_, h, w, c) = x.dims4()?;
                let tall = rows.matmul(&x.reshape((h, w * c))?)?;
                let out_h = tall.dim(0)?;
                let tall = tall.reshape((out_h, w, c))?;
                columns.broadcast_matmul(&tall)?.unsqueeze(0)
            }
            Kind::Other(op) => self.other(op, x, values),
        }
    }

    fn other(&self, op: &Op, x: &Tensor, values: &[Option<Tensor>]) -> Result<Tensor> {
        let second = || value(values, self.inputs[1]);
        match op {
            Op::MaxPool(window) => {
                let [ky, kx] = window.kernel;
                x.permute((0, 3, 1, 2))?
                    .contiguous()?
                    .max_pool2d((ky, kx))?
                    .permute((0, 2, 3, 1))
            }
            Op::GlobalAveragePool => x.mean_keepdim(2)?.mean_keepdim(1),
            Op::Sub => x.broadcast_sub(second()?),
            Op::Mul => x.broadcast_mul(second()?),
            Op::Div => x.broadcast_div(second()?),
            Op::SquaredDifference => x.broadcast_sub(second()?)?.sqr(),
            Op::Logistic => x.neg()?.exp()?.affine(1.0, 1.0)?.recip(),
            Op::Neg => x.neg(),
            Op::Sqrt => x.sqrt(),
            Op::Rsqrt => x.sqrt()?.recip(),
            Op::Mean(axes) => axes.iter().try_fold(x.clone(), |x, a| x.mean_keepdim(*a)),
            Op::Sum(axes) => axes.iter().try_fold(x.clone(), |x, a| x.sum_keepdim(*a)),
            Op::Concat(a) => {
                let parts = self
                    .inputs
                    .iter()
                    .map(|v| value(values, *v))
                    .collect::<Result<Vec<_>>>()?;
                Tensor::cat(&parts, *a)
            }
            Op::Reshape => x.reshape(self.shape.as_slice()),
            Op::Transpose(order) => x.permute(order.as_slice())?.contiguous(),
            Op::Pad(pads) => pads
                .iter()
                .enumerate()
                .try_fold(x.clone(), |x, (a, [before, after])| {
                    x.pad_with_zeros(a, *before, *after)
                }),
            Op::Slice(ranges) => ranges
                .iter()
                .enumerate()
                .try_fold(x.clone(), |x, (a, [from, to])| {
                    x.narrow(a, *from, to - from)
                })?
                .reshape(self.shape.as_slice()),
            Op::Conv(..)
            | Op::Depthwise(..)
            | Op::TransposeConv(_)
            | Op::Add(_)
            | Op::Activate(_)
            | Op::Resize => bail!("{op:?} has a step of its own"),
        }
    }
}

/// The contiguous elements of a tensor.
fn elements<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (layout.contiguous_offsets(), storage) {
        (Some((from, to)), CpuStorage::F32(data)) => Ok(&data[from..to]),
        _ => bail!("a kernel wants contiguous f32"),
    }
}

/// One of this crate's kernels, as candle sees it.
#[derive(Debug)]
enum Plain {
    Conv(Conv),
    Depthwise(Depthwise),
    MaxPool(Window),
    Activate(Activation),
}

impl CustomOp1 for Plain {
    fn name(&self) -> &'static str {
        "huashen-plain"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = elements(storage, layout)?;
        if let Self::Activate(activation) = self {
            let mut out = x.to_vec();
            activation.apply(&mut out);
            return Ok((CpuStorage::F32(out), layout.shape().clone()));
        }
        let (_, h, w, c) = layout.shape().dims4()?;
        let shape = [h, w, c];
        let (made, out) = match self {
            Self::Conv(conv) => conv.run(x, shape),
            Self::Depthwise(conv) => conv.run(x, shape),
            Self::MaxPool(window) => max_pool(x, shape, window.kernel),
            Self::Activate(_) => bail!("it is not a convolution"),
        };
        let [h, w, c] = made;
        Ok((CpuStorage::F32(out), (1, h, w, c).into()))
    }
}

/// A sum and its activation, for equal shapes.
#[derive(Debug)]
struct PlainSum(Activation);

impl CustomOp2 for PlainSum {
    fn name(&self) -> &'static str {
        "huashen-sum"
    }

    fn cpu_fwd(
        &self,
        left: &CpuStorage,
        left_layout: &Layout,
        right: &CpuStorage,
        right_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (elements(left, left_layout)?, elements(right, right_layout)?);
        let mut out: Vec<f32> = a.iter().zip(b).map(|(a, b)| a + b).collect();
        self.0.apply(&mut out);
        Ok((CpuStorage::F32(out), left_layout.shape().clone()))
    }
}

/// A convolution by candle's kernels: channels first inside, last outside.
#[derive(Debug)]
struct CandleConv {
    /// `[out, in / groups, kernel y, kernel x]`
    weights: Tensor,
    bias: Tensor,
    groups: usize,
    window: Window,
    activation: CandleActivation,
}

impl CandleConv {
    fn run(&self, x: &Tensor) -> Result<Tensor> {
        let (_, h, w, _) = x.dims4()?;
        let mut x = x.permute((0, 3, 1, 2))?;
        for (a, len) in [h, w].into_iter().enumerate() {
            let (out, before) = self.window.fit(a, len);
            let reach = (out - 1) * self.window.stride[a] + self.window.kernel[a];
            x = x.pad_with_zeros(2 + a, before, reach.saturating_sub(len + before))?;
        }
        let [sy, sx] = self.window.stride;
        if sy != sx {
            bail!("strides {sy} and {sx} differ");
        }
        let y = x
            .contiguous()?
            .conv2d(&self.weights, 0, sy, 1, self.groups)?
            .permute((0, 2, 3, 1))?;
        self.activation.run(&y.broadcast_add(&self.bias)?)
    }
}

/// An activation with its slopes on the device.
#[derive(Debug)]
enum CandleActivation {
    Plain(Activation),
    Prelu(Tensor),
}

impl CandleActivation {
    fn new(activation: &Activation, device: &Device) -> Result<Self> {
        Ok(match activation {
            Activation::Prelu(slopes) => Self::Prelu(Tensor::new(slopes.as_slice(), device)?),
            other => Self::Plain(other.clone()),
        })
    }

    fn run(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Prelu(slopes) => x.relu()? - x.neg()?.relu()?.broadcast_mul(slopes)?,
            Self::Plain(Activation::Relu) => x.relu(),
            Self::Plain(Activation::Relu6) => x.clamp(0.0_f32, 6.0_f32),
            Self::Plain(Activation::HardSwish) => {
                x * (x.affine(1.0, 3.0)?.clamp(0.0_f32, 6.0_f32)? / 6.0)?
            }
            Self::Plain(_) => Ok(x.clone()),
        }
    }
}
