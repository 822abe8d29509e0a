//! The convolutions on plain f32 pictures, channels last, for processors.
//!
//! candle's own convolutions want channels first, unfold every input and run a
//! depthwise one channel by channel; these are several times faster (figures
//! in the doc of [`super`]). A 1×1 convolution is one matrix product, a larger
//! one a product over unfolded rows that stay in the cache, a depthwise one a
//! loop over eight channels at a time. Bias, sum and activation are applied
//! while the block is in the cache. One thread, every sum in a fixed order.

use gemm::Parallelism;

use super::graph::{Activation, Window};

/// Floats of a block of unfolded input: 128 KiB.
const BLOCK_FLOATS: usize = 32 * 1024;
/// Channels that a depthwise convolution takes at a time.
const LANES: usize = 8;

impl Activation {
    /// Applies it to rows of channels.
    pub fn apply(&self, rows: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Relu => rows.iter_mut().for_each(|v| *v = v.max(0.0)),
            Self::Relu6 => rows.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0)),
            Self::HardSwish => rows
                .iter_mut()
                .for_each(|v| *v *= (*v + 3.0).clamp(0.0, 6.0) / 6.0),
            Self::Prelu(slopes) => {
                for row in rows.chunks_exact_mut(slopes.len()) {
                    for (v, slope) in row.iter_mut().zip(slopes) {
                        *v = v.max(0.0) + slope * v.min(0.0);
                    }
                }
            }
        }
    }
}

/// `[height, width, channels]`.
pub(super) type Shape = [usize; 3];

/// A convolution with its weights in the order that the product wants.
#[derive(Debug)]
pub(super) struct Conv {
    /// `[kernel y · kernel x · in, out]`
    weights: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    window: Window,
    activation: Activation,
}

impl Conv {
    /// From weights `[out, kernel y, kernel x, in]`.
    pub fn new(
        ohwi: &[f32],
        bias: Vec<f32>,
        inputs: usize,
        window: Window,
        activation: Activation,
    ) -> Self {
        let outputs = bias.len();
        let depth = window.kernel[0] * window.kernel[1] * inputs;
        let mut weights = vec![0.0; ohwi.len()];
        for (o, row) in ohwi.chunks_exact(depth).enumerate() {
            for (k, w) in row.iter().enumerate() {
                weights[k * outputs + o] = *w;
            }
        }
        Self {
            weights,
            bias,
            inputs,
            window,
            activation,
        }
    }

    /// The output and its shape for a picture that fits the window and weights.
    pub fn run(&self, x: &[f32], shape: Shape) -> (Shape, Vec<f32>) {
        let outputs = self.bias.len();
        let h = self.window.fit(0, shape[0]).0;
        let w = self.window.fit(1, shape[1]).0;
        let mut out = vec![0.0; h * w * outputs];
        let pointwise = self.window.kernel == [1, 1] && self.window.stride == [1, 1];
        let depth = self.weights.len() / outputs;
        let block = (BLOCK_FLOATS / depth.max(outputs)).max(1);
        let mut unfolded = Vec::new();
        for (i, rows) in out.chunks_mut(block * outputs).enumerate() {
            let n = rows.len() / outputs;
            let lhs = if pointwise {
                &x[i * block * depth..(i * block + n) * depth]
            } else {
                unfolded.clear();
                unfolded.resize(n * depth, 0.0);
                for (j, row) in unfolded.chunks_exact_mut(depth).enumerate() {
                    let at = i * block + j;
                    self.unfold(x, shape, [at / w, at % w], row);
                }
                &unfolded
            };
            product(lhs, &self.weights, rows, [n, outputs, depth]);
            for row in rows.chunks_exact_mut(outputs) {
                for (v, b) in row.iter_mut().zip(&self.bias) {
                    *v += b;
                }
            }
            self.activation.apply(rows);
        }
        ([h, w, outputs], out)
    }

    /// The input under the window of output cell `(y, x)`; `row` is all zeros.
    fn unfold(&self, x: &[f32], [h, w, c]: Shape, at: [usize; 2], row: &mut [f32]) {
        let [ky, kx] = self.window.kernel;
        let top = (at[0] * self.window.stride[0]) as isize - self.window.fit(0, h).1 as isize;
        let left = (at[1] * self.window.stride[1]) as isize - self.window.fit(1, w).1 as isize;
        let from = (-left).max(0) as usize;
        let to = (w as isize - left).clamp(0, kx as isize) as usize;
        if from >= to {
            return;
        }
        debug_assert_eq!(c, self.inputs);
        for dy in 0..ky {
            let y = top + dy as isize;
            if y < 0 || y >= h as isize {
                continue;
            }
            let start = (y as usize * w + (left + from as isize) as usize) * c;
            row[(dy * kx + from) * c..(dy * kx + to) * c]
                .copy_from_slice(&x[start..start + (to - from) * c]);
        }
    }
}

/// `out[m, n] = lhs[m, k] · rhs[k, n]`, all row after row.
fn product(lhs: &[f32], rhs: &[f32], out: &mut [f32], [m, n, k]: [usize; 3]) {
    assert!(lhs.len() == m * k && rhs.len() == k * n && out.len() == m * n);
    // SAFETY: the three slices hold exactly the matrices, as asserted, and
    // `out` is not shared.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            lhs.as_ptr(),
            1,
            k as isize,
            rhs.as_ptr(),
            1,
            n as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// A convolution of each channel by itself.
#[derive(Debug)]
pub(super) struct Depthwise {
    /// `[kernel y · kernel x, channels]`, channels rounded up to [`LANES`].
    weights: Vec<[f32; LANES]>,
    bias: Vec<[f32; LANES]>,
    window: Window,
    activation: Activation,
}

/// Rows of `channels`, each filled up to whole lanes.
fn in_lanes(values: &[f32], channels: usize) -> Vec<[f32; LANES]> {
    let row = |row: &[f32]| -> Vec<[f32; LANES]> {
        row.chunks(LANES)
            .map(|chunk| std::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0.0)))
            .collect()
    };
    values.chunks_exact(channels).flat_map(row).collect()
}

impl Depthwise {
    /// From weights `[1, kernel y, kernel x, channels]`.
    pub fn new(hwc: &[f32], bias: &[f32], window: Window, activation: Activation) -> Self {
        let channels = bias.len();
        Self {
            weights: in_lanes(hwc, channels),
            bias: in_lanes(bias, channels),
            window,
            activation,
        }
    }

    /// The output and its shape for a picture that fits the window.
    pub fn run(&self, x: &[f32], [h, w, c]: Shape) -> (Shape, Vec<f32>) {
        let [ky, kx] = self.window.kernel;
        let [sy, sx] = self.window.stride;
        let (out_h, top) = self.window.fit(0, h);
        let (out_w, left) = self.window.fit(1, w);
        let groups = self.bias.len();
        let wide = groups * LANES;
        // Zeros around the picture and lanes filled up: no case in the loop.
        let padded_w = (out_w - 1) * sx + kx;
        let padded_h = (out_h - 1) * sy + ky;
        let mut padded = vec![[0.0_f32; LANES]; padded_h * padded_w * groups];
        let flat = padded.as_flattened_mut();
        let copied = w.min(padded_w - left);
        for y in 0..h.min(padded_h - top) {
            let from = &x[y * w * c..(y * w + copied) * c];
            let start = ((y + top) * padded_w + left) * wide;
            if wide == c {
                flat[start..start + copied * c].copy_from_slice(from);
            } else {
                let to = &mut flat[start..start + copied * wide];
                for (to, from) in to.chunks_exact_mut(wide).zip(from.chunks_exact(c)) {
                    to[..c].copy_from_slice(from);
                }
            }
        }
        let mut out = vec![0.0; out_h * out_w * c];
        for (y, row) in out.chunks_exact_mut(out_w * c).enumerate() {
            for (x, cell) in row.chunks_exact_mut(c).enumerate() {
                let corner = (y * sy * padded_w + x * sx) * groups;
                for (g, to) in cell.chunks_mut(LANES).enumerate() {
                    let mut sum = self.bias[g];
                    for dy in 0..ky {
                        let at = corner + dy * padded_w * groups + g;
                        for dx in 0..kx {
                            let value = &padded[at + dx * groups];
                            let weight = &self.weights[(dy * kx + dx) * groups + g];
                            for i in 0..LANES {
                                sum[i] += value[i] * weight[i];
                            }
                        }
                    }
                    to.copy_from_slice(&sum[..to.len()]);
                }
            }
            self.activation.apply(row);
        }
        ([out_h, out_w, c], out)
    }
}

/// The largest value of each window; windows tile the picture.
pub(super) fn max_pool(x: &[f32], [h, w, c]: Shape, [ky, kx]: [usize; 2]) -> (Shape, Vec<f32>) {
    let out_w = w / kx;
    let mut out = Vec::with_capacity(x.len() / (ky * kx));
    for band in x.chunks_exact(ky * w * c) {
        let start = out.len();
        out.resize(start + out_w * c, f32::NEG_INFINITY);
        let to = &mut out[start..];
        for row in band.chunks_exact(w * c) {
            for (to, cells) in to.chunks_exact_mut(c).zip(row.chunks_exact(kx * c)) {
                for cell in cells.chunks_exact(c) {
                    for (t, v) in to.iter_mut().zip(cell) {
                        *t = t.max(*v);
                    }
                }
            }
        }
    }
    ([h / ky, out_w, c], out)
}
