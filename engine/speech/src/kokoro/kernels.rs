//! The few kernels where Kokoro spends its time, on plain f32 rows.
//!
//! candle's CPU convolutions unfold their input (im2col) and copy the result;
//! here a convolution is one accumulating matrix product a tap over a shifted
//! view of the padded input, in blocks of time that stay in the cache. See
//! engine/speech/README.md for the figures. Every sum runs in a fixed order,
//! whatever the number of threads.

use gemm::Parallelism;
use rayon::prelude::*;

/// `channels` rows of `len` values, row after row.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    pub channels: usize,
    pub len: usize,
    pub data: Vec<f32>,
}

impl Signal {
    pub fn zeros(channels: usize, len: usize) -> Self {
        Self {
            channels,
            len,
            data: vec![0.0; channels * len],
        }
    }

    pub fn row(&self, channel: usize) -> &[f32] {
        &self.data[channel * self.len..(channel + 1) * self.len]
    }

    /// `self + other`, then every value times `gain`.
    pub fn add_scaled(mut self, other: &Self, gain: f32) -> Self {
        for (a, b) in self.data.iter_mut().zip(&other.data) {
            *a = (*a + b) * gain;
        }
        self
    }

    /// The rows of `parts`, one signal below the other.
    pub fn stack(parts: &[&Self]) -> Self {
        let len = parts.first().map_or(0, |p| p.len);
        let mut data = Vec::with_capacity(parts.iter().map(|p| p.data.len()).sum());
        for part in parts {
            data.extend_from_slice(&part.data);
        }
        Self {
            channels: data.len() / len.max(1),
            len,
            data,
        }
    }

    /// Every column `times` times in a row.
    pub fn repeat_columns(&self, times: usize) -> Self {
        let data = self
            .data
            .iter()
            .flat_map(|v| std::iter::repeat_n(*v, times))
            .collect();
        Self {
            channels: self.channels,
            len: self.len * times,
            data,
        }
    }

    /// Column t repeated `counts[t]` times.
    pub fn expand_columns(&self, counts: &[u32]) -> Self {
        let len: usize = counts.iter().map(|c| *c as usize).sum();
        let mut data = Vec::with_capacity(self.channels * len);
        for channel in 0..self.channels {
            for (value, count) in self.row(channel).iter().zip(counts) {
                data.extend(std::iter::repeat_n(*value, *count as usize));
            }
        }
        Self {
            channels: self.channels,
            len,
            data,
        }
    }

    /// Rows become columns.
    pub fn transposed(&self) -> Self {
        let mut out = Self::zeros(self.len, self.channels);
        for c in 0..self.channels {
            for (t, v) in self.row(c).iter().enumerate() {
                out.data[t * self.channels + c] = *v;
            }
        }
        out
    }

    pub fn leaky_relu(mut self, slope: f32) -> Self {
        for v in &mut self.data {
            if *v < 0.0 {
                *v *= slope;
            }
        }
        self
    }
}

/// A pointer that worker threads write disjoint columns through.
#[derive(Clone, Copy)]
struct Columns(*mut f32);

// SAFETY: every task writes its own range of columns only.
unsafe impl Send for Columns {}
// SAFETY: as above.
unsafe impl Sync for Columns {}

impl Columns {
    fn at(self, offset: usize) -> *mut f32 {
        // SAFETY: callers pass offsets inside the signal.
        unsafe { self.0.add(offset) }
    }
}

/// `dst += lhs · rhs`, f32; strides are (row, column).
///
/// # Safety
/// The pointers must be valid for `m × n`, `m × k` and `k × n` with their strides.
#[allow(
    clippy::too_many_arguments,
    reason = "a matrix product has that many facts"
)]
unsafe fn accumulate(
    (m, n, k): (usize, usize, usize),
    dst: *mut f32,
    dst_strides: (usize, usize),
    lhs: *const f32,
    lhs_strides: (usize, usize),
    rhs: *const f32,
    rhs_strides: (usize, usize),
) {
    // SAFETY: as this function's own contract.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst,
            dst_strides.1 as isize,
            dst_strides.0 as isize,
            true,
            lhs,
            lhs_strides.1 as isize,
            lhs_strides.0 as isize,
            rhs,
            rhs_strides.1 as isize,
            rhs_strides.0 as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Columns a task works on: with 256 channels, 512 KiB of output.
const BLOCK: usize = 512;

/// A one-dimensional convolution.
pub(super) struct Conv {
    /// `taps[k]` is `[out, in]`, one tap after the other.
    taps: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
}

impl Conv {
    /// From `weight [out, in, kernel]`; an empty bias is none. Padding keeps the
    /// length at stride 1.
    pub fn new(weight: &[f32], shape: [usize; 3], bias: Vec<f32>, dilation: usize) -> Self {
        let [outputs, inputs, kernel] = shape;
        let mut taps = vec![0.0; weight.len()];
        for k in 0..kernel {
            for o in 0..outputs {
                for i in 0..inputs {
                    taps[(k * outputs + o) * inputs + i] = weight[(o * inputs + i) * kernel + k];
                }
            }
        }
        Self {
            taps,
            bias,
            inputs,
            outputs,
            kernel,
            stride: 1,
            padding: dilation * (kernel - 1) / 2,
            dilation,
        }
    }

    pub fn run(&self, x: &Signal) -> Signal {
        debug_assert_eq!(x.channels, self.inputs);
        let padded_len = x.len + 2 * self.padding;
        let padded_storage;
        let padded: &[f32] = if self.padding == 0 {
            &x.data
        } else {
            let mut padded = vec![0.0; self.inputs * padded_len];
            padded
                .par_chunks_mut(padded_len)
                .zip(x.data.par_chunks(x.len))
                .for_each(|(to, from)| {
                    to[self.padding..self.padding + x.len].copy_from_slice(from)
                });
            padded_storage = padded;
            &padded_storage
        };
        let reach = self.dilation * (self.kernel - 1) + 1;
        let len = (padded_len.saturating_sub(reach)) / self.stride + 1;
        let mut out = Signal::zeros(self.outputs, len);
        if !self.bias.is_empty() {
            for (row, bias) in out.data.chunks_exact_mut(len).zip(&self.bias) {
                row.fill(*bias);
            }
        }
        let columns = Columns(out.data.as_mut_ptr());
        (0..len.div_ceil(BLOCK)).into_par_iter().for_each(|block| {
            let from = block * BLOCK;
            let n = BLOCK.min(len - from);
            for k in 0..self.kernel {
                let offset = from * self.stride + k * self.dilation;
                // SAFETY: the block's columns are this task's alone; the shifted
                // view ends at `(len − 1)·stride + reach ≤ padded_len`.
                unsafe {
                    accumulate(
                        (self.outputs, n, self.inputs),
                        columns.at(from),
                        (len, 1),
                        self.taps.as_ptr().add(k * self.outputs * self.inputs),
                        (self.inputs, 1),
                        padded.as_ptr().add(offset),
                        (padded_len, self.stride),
                    );
                }
            }
        });
        out
    }
}

/// A transposed convolution whose kernel is a multiple of its stride.
pub(super) struct ConvTranspose {
    /// `taps[k]` is `[out, in]`.
    taps: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl ConvTranspose {
    /// From `weight [in, out, kernel]`.
    pub fn new(
        weight: &[f32],
        [inputs, outputs, kernel]: [usize; 3],
        bias: Vec<f32>,
        stride: usize,
        padding: usize,
    ) -> Self {
        let mut taps = vec![0.0; weight.len()];
        for k in 0..kernel {
            for o in 0..outputs {
                for i in 0..inputs {
                    taps[(k * outputs + o) * inputs + i] = weight[(i * outputs + o) * kernel + k];
                }
            }
        }
        Self {
            taps,
            bias,
            inputs,
            outputs,
            kernel,
            stride,
            padding,
        }
    }

    pub fn run(&self, x: &Signal) -> Signal {
        let len = (x.len - 1) * self.stride + self.kernel - 2 * self.padding;
        let mut out = Signal::zeros(self.outputs, len);
        if !self.bias.is_empty() {
            for (row, bias) in out.data.chunks_exact_mut(len).zip(&self.bias) {
                row.fill(*bias);
            }
        }
        let columns = Columns(out.data.as_mut_ptr());
        // Taps of one residue modulo the stride reach the same columns and no
        // others: one task a residue.
        (0..self.stride).into_par_iter().for_each(|residue| {
            for k in (residue..self.kernel).step_by(self.stride) {
                // Input t lands on column t·stride + k − padding.
                let first = (self.padding.saturating_sub(k)).div_ceil(self.stride);
                let Some(room) = (len - 1 + self.padding).checked_sub(k) else {
                    continue;
                };
                let last = (room / self.stride).min(x.len - 1);
                if first > last {
                    continue;
                }
                let column = first * self.stride + k - self.padding;
                // SAFETY: columns of another residue are never touched; `first`
                // and `last` keep every column inside `0..len`.
                unsafe {
                    accumulate(
                        (self.outputs, last - first + 1, self.inputs),
                        columns.at(column),
                        (len, self.stride),
                        self.taps.as_ptr().add(k * self.outputs * self.inputs),
                        (self.inputs, 1),
                        x.data.as_ptr().add(first),
                        (x.len, 1),
                    );
                }
            }
        });
        out
    }
}

/// Doubles the length, each channel with its own three taps (stride 2,
/// padding 1, output padding 1): `weight [channels, 3]`.
pub(super) fn upsample_depthwise(x: &Signal, weight: &[f32], bias: &[f32]) -> Signal {
    let len = x.len * 2;
    let mut out = Signal::zeros(x.channels, len);
    for c in 0..x.channels {
        let row = x.row(c);
        let target = &mut out.data[c * len..(c + 1) * len];
        target.fill(bias[c]);
        for (t, v) in row.iter().enumerate() {
            for k in 0..3 {
                if let Some(at) = (2 * t + k).checked_sub(1).filter(|at| *at < len) {
                    target[at] += v * weight[c * 3 + k];
                }
            }
        }
    }
    out
}

/// What follows an [`adain`].
#[derive(Clone, Copy)]
pub(super) enum Activation<'a> {
    Leaky(f32),
    /// `x + sin²(αx)/α`, one α a channel.
    Snake(&'a [f32]),
}

/// Adaptive instance normalisation: each row to mean 0 and variance 1, times
/// `1 + gain`, plus `shift`; then the activation.
pub(super) fn adain(x: &Signal, gain: &[f32], shift: &[f32], activation: Activation<'_>) -> Signal {
    let mut out = Signal::zeros(x.channels, x.len);
    out.data
        .par_chunks_mut(x.len)
        .zip(x.data.par_chunks(x.len))
        .enumerate()
        .for_each(|(c, (to, from))| {
            let n = from.len() as f32;
            let mean = sum(from.iter().copied()) / n;
            let variance = sum(from.iter().map(|v| (v - mean) * (v - mean))) / n;
            let scale = (1.0 + gain[c]) / (variance + 1e-5).sqrt();
            let offset = shift[c] - mean * scale;
            match activation {
                Activation::Leaky(slope) => {
                    for (t, f) in to.iter_mut().zip(from) {
                        let v = f * scale + offset;
                        *t = if v < 0.0 { v * slope } else { v };
                    }
                }
                Activation::Snake(alpha) => {
                    let (a, inverse) = (alpha[c], 1.0 / alpha[c]);
                    for (t, f) in to.iter_mut().zip(from) {
                        let v = f * scale + offset;
                        let s = sin_up_to_sign(v * a);
                        *t = v + inverse * s * s;
                    }
                }
            }
        });
    out
}

/// A long sum in f64: rows have up to 10⁵ values.
fn sum(values: impl Iterator<Item = f32>) -> f32 {
    values.map(f64::from).sum::<f64>() as f32
}

/// ±sin(x): the sign is of no use to a square. Absolute error below 1e-6 for
/// |x| < 10⁴ (Taylor to the 11th power after reduction to ±π/2), and free of
/// branches, so that it vectorises.
#[inline]
fn sin_up_to_sign(x: f32) -> f32 {
    // Adding and subtracting 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    const PI_HIGH: f32 = 3.140_625;
    const PI_LOW: f32 = 9.676_536e-4;
    let turns = (x * std::f32::consts::FRAC_1_PI + ROUND) - ROUND;
    let r = (x - turns * PI_HIGH) - turns * PI_LOW;
    let r2 = r * r;
    r * (1.0
        + r2 * (-1.0 / 6.0
            + r2 * (1.0 / 120.0
                + r2 * (-1.0 / 5040.0 + r2 * (1.0 / 362_880.0 - r2 / 39_916_800.0)))))
}

/// A bidirectional LSTM, ONNX gate order (i, o, f, c).
pub(super) struct Lstm {
    directions: [Direction; 2],
    inputs: usize,
    hidden: usize,
}

struct Direction {
    /// `[in, 4H]`
    input: Vec<f32>,
    /// `[H, 4H]`
    recurrent: Vec<f32>,
    /// `[4H]`, both biases added.
    bias: Vec<f32>,
}

impl Lstm {
    /// From `w [2, in, 4H]`, `r [2, H, 4H]`, `b [2, 8H]`.
    pub fn new([w, r, b]: [Vec<f32>; 3], hidden: usize) -> Self {
        let gates = 4 * hidden;
        let inputs = w.len() / (2 * gates);
        let direction = |d: usize| Direction {
            input: w[d * inputs * gates..(d + 1) * inputs * gates].to_vec(),
            recurrent: r[d * hidden * gates..(d + 1) * hidden * gates].to_vec(),
            bias: (0..gates)
                .map(|g| b[d * 2 * gates + g] + b[d * 2 * gates + gates + g])
                .collect(),
        };
        Self {
            directions: [direction(0), direction(1)],
            inputs,
            hidden,
        }
    }

    /// `x [in, T]` → `[2H, T]`: the forward states above the backward ones.
    pub fn run(&self, x: &Signal) -> Signal {
        debug_assert_eq!(x.channels, self.inputs);
        let (len, hidden) = (x.len, self.hidden);
        let mut out = Signal::zeros(2 * hidden, len);
        out.data
            .par_chunks_mut(hidden * len)
            .zip(&self.directions)
            .enumerate()
            .for_each(|(d, (rows, direction))| direction.run(x, hidden, d == 1, rows));
        out
    }
}

impl Direction {
    fn run(&self, x: &Signal, hidden: usize, backward: bool, rows: &mut [f32]) {
        let (len, gates) = (x.len, 4 * hidden);
        // All steps' input products at once: [T, 4H].
        let mut products: Vec<f32> = self.bias.repeat(len);
        // SAFETY: `x` is [in, T] read transposed, `input` [in, 4H], products [T, 4H].
        unsafe {
            accumulate(
                (len, gates, x.channels),
                products.as_mut_ptr(),
                (gates, 1),
                x.data.as_ptr(),
                (1, len),
                self.input.as_ptr(),
                (gates, 1),
            );
        }
        let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
        let (mut h, mut c) = (vec![0.0_f32; hidden], vec![0.0_f32; hidden]);
        for step in 0..len {
            let t = if backward { len - 1 - step } else { step };
            let gate = &mut products[t * gates..(t + 1) * gates];
            for (h, weights) in h.iter().zip(self.recurrent.chunks_exact(gates)) {
                for (g, w) in gate.iter_mut().zip(weights) {
                    *g += h * w;
                }
            }
            for j in 0..hidden {
                let input = sigmoid(gate[j]);
                let output = sigmoid(gate[hidden + j]);
                let forget = sigmoid(gate[2 * hidden + j]);
                c[j] = forget * c[j] + input * gate[3 * hidden + j].tanh();
                h[j] = output * c[j].tanh();
                rows[j * len + t] = h[j];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(channels: usize, len: usize) -> Signal {
        let data = (0..channels * len).map(|n| ((n * 7919) % 101) as f32 / 50.0 - 1.0);
        Signal {
            channels,
            len,
            data: data.collect(),
        }
    }

    /// Against the definition, written out.
    #[test]
    fn convolution_is_the_sum_over_taps() {
        for (kernel, dilation, stride, padding) in [(3, 1, 1, 1), (11, 5, 1, 25), (12, 1, 6, 3)] {
            let (inputs, outputs, len) = (5, 4, 1300);
            let weight = wave(outputs * inputs, kernel).data;
            let bias = vec![0.5, -0.25, 0.0, 1.0];
            let mut conv = Conv::new(&weight, [outputs, inputs, kernel], bias.clone(), dilation);
            conv.stride = stride;
            conv.padding = padding;
            let x = wave(inputs, len);
            let y = conv.run(&x);
            for (o, t) in [
                (0, 0),
                (1, 1),
                (2, y.len / 2),
                (3, y.len - 1),
                (0, 511),
                (1, 512.min(y.len - 1)),
            ] {
                if t >= y.len {
                    continue;
                }
                let mut expected = f64::from(bias[o]);
                for i in 0..inputs {
                    for k in 0..kernel {
                        let at = (t * stride + k * dilation).checked_sub(padding);
                        if let Some(at) = at.filter(|at| *at < len) {
                            expected += f64::from(weight[(o * inputs + i) * kernel + k])
                                * f64::from(x.row(i)[at]);
                        }
                    }
                }
                let found = f64::from(y.row(o)[t]);
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }

    #[test]
    fn transposed_convolution_is_the_adjoint_sum() {
        let (inputs, outputs, kernel, stride, padding, len) = (3, 2, 20, 10, 5, 17);
        let weight = wave(inputs * outputs, kernel).data;
        let up = ConvTranspose::new(
            &weight,
            [inputs, outputs, kernel],
            vec![0.1, 0.2],
            stride,
            padding,
        );
        let x = wave(inputs, len);
        let y = up.run(&x);
        assert_eq!(y.len, len * stride);
        let mut expected = vec![0.0_f32; outputs * y.len];
        for o in 0..outputs {
            for t in 0..y.len {
                expected[o * y.len + t] = [0.1, 0.2][o];
            }
            for i in 0..inputs {
                for t in 0..len {
                    for k in 0..kernel {
                        if let Some(at) = (t * stride + k)
                            .checked_sub(padding)
                            .filter(|at| *at < y.len)
                        {
                            expected[o * y.len + at] +=
                                x.row(i)[t] * weight[(i * outputs + o) * kernel + k];
                        }
                    }
                }
            }
        }
        for (a, b) in y.data.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-4);
        }
    }

    #[test]
    fn the_fast_sine_is_a_sine() {
        for n in -20_000..20_000 {
            let x = n as f32 * 0.37;
            let exact = f64::from(x).sin();
            let found = f64::from(sin_up_to_sign(x));
            assert!(
                (found * found - exact * exact).abs() < 1e-5,
                "{x}: {found} {exact}"
            );
        }
    }
}
