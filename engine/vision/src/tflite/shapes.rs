//! The shape that each operator makes of its inputs' shapes.

use super::graph::{Graph, Op, Result, Window, elements, unusable};

/// Most multiplications of one run.
const MAX_PRODUCTS: u64 = 20_000_000_000;

/// The shape of an element-by-element operation: lengths are equal or 1.
fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => unusable(format!("{a:?} and {b:?} do not fit")),
        })
        .collect()
}

impl Graph {
    /// The shape that `op` makes of its inputs; counts its multiplications.
    pub(super) fn infer(
        &self,
        op: &Op,
        inputs: &[usize],
        products: &mut u64,
    ) -> Result<Vec<usize>> {
        let first = self.shape(inputs[0]);
        let mut count = |out: &[usize], each: usize| -> Result<()> {
            let n = (elements(out)? as u64).saturating_mul(each as u64);
            *products = products.saturating_add(n);
            if *products > MAX_PRODUCTS {
                return unusable("it is too much work");
            }
            Ok(())
        };
        let placed = |window: &Window, [h, w, _]: [usize; 3]| -> Result<[usize; 2]> {
            if window.fits(0, h) && window.fits(1, w) {
                return Ok([window.fit(0, h).0, window.fit(1, w).0]);
            }
            unusable("its window is larger than the picture")
        };
        let out = match op {
            Op::Conv(window, _) => {
                let image = self.image(inputs)?;
                let &[o, _, _, i] = self.shape(inputs[1]) else {
                    return unusable("the weights are not OHWI");
                };
                let bias = self.floats(inputs, 2)?.len();
                self.floats(inputs, 1)?;
                if i != image[2] || bias != o {
                    return unusable("weights and input do not fit");
                }
                let [h, w] = placed(window, image)?;
                let out = vec![1, h, w, o];
                count(&out, window.kernel[0] * window.kernel[1] * i)?;
                out
            }
            Op::Depthwise(window, _) => {
                let image = self.image(inputs)?;
                let bias = self.floats(inputs, 2)?.len();
                self.floats(inputs, 1)?;
                let fits = self.shape(inputs[1]).last() == Some(&image[2]) && bias == image[2];
                if !fits {
                    return unusable("weights and input do not fit");
                }
                let [h, w] = placed(window, image)?;
                let out = vec![1, h, w, image[2]];
                count(&out, window.kernel[0] * window.kernel[1])?;
                out
            }
            Op::TransposeConv(k) => {
                let [h, w, c] = self.image(inputs)?;
                let &[o, _, _, i] = self.shape(inputs[1]) else {
                    return unusable("the weights are not OHWI");
                };
                let bias = self.floats(inputs, 2)?.len();
                self.floats(inputs, 1)?;
                if i != c || bias != o {
                    return unusable("weights and input do not fit");
                }
                let out = vec![1, h * k, w * k, o];
                count(&out, i)?;
                out
            }
            Op::MaxPool(window) => {
                let image = self.image(inputs)?;
                let [h, w] = placed(window, image)?;
                vec![1, h, w, image[2]]
            }
            Op::GlobalAveragePool => vec![1, 1, 1, self.image(inputs)?[2]],
            Op::Add(_) | Op::Sub | Op::Mul | Op::Div | Op::SquaredDifference => {
                broadcast(first, self.shape(inputs[1]))?
            }
            Op::Activate(_) | Op::Logistic | Op::Neg | Op::Sqrt | Op::Rsqrt => first.to_vec(),
            Op::Mean(axes) | Op::Sum(axes) => {
                let mut out = first.to_vec();
                for &a in axes {
                    out[a] = 1;
                }
                out
            }
            Op::Concat(a) => {
                let mut out = first.to_vec();
                for &v in &inputs[1..] {
                    let other = self.shape(v);
                    let fits = other.len() == out.len()
                        && (0..out.len()).all(|i| i == *a || other[i] == out[i]);
                    if !fits {
                        return unusable("the parts do not fit");
                    }
                    out[*a] += other[*a];
                }
                out
            }
            Op::Reshape => first.to_vec(),
            Op::Transpose(order) => order.iter().map(|a| first[*a]).collect(),
            Op::Pad(pads) => first
                .iter()
                .zip(pads)
                .map(|(d, [before, after])| d + before + after)
                .collect(),
            Op::Slice(ranges) => ranges.iter().map(|[from, to]| to - from).collect(),
            Op::Resize => {
                let [_, _, c] = self.image(inputs)?;
                match self.ints(inputs, 1)? {
                    &[h, w] if (1..=4096).contains(&h) && (1..=4096).contains(&w) => {
                        let out = vec![1, h as usize, w as usize, c];
                        count(&out, 4)?;
                        out
                    }
                    other => return unusable(format!("{other:?} is not a size")),
                }
            }
        };
        elements(&out)?;
        Ok(out)
    }
}
