//! What is asked of the network, in one number.

use candle_core::{Device, Result, Tensor};
use huashen_core::{ARKIT_COUNT, ArkitShape};
use huashen_motion::LIP_GAP;
use huashen_motion::model::net::OUTPUTS;

use crate::batch::Batch;
use crate::data::{Clip, told};

/// Changes count this much beside values: frames are 20 ms apart, so changes
/// are small.
const CHANGE: f64 = 6.0;
const GAP: f64 = 1.0;
/// Lips that should be shut and are not.
const SHUT: f64 = 3.0;
const BEAT: f64 = 0.15;
const SEAL: f64 = 0.6;
/// A closure missed counts as this many closures too many: eyes forgive a lip
/// that shuts for a d, not one that stays open for a b.
const MISSED: f64 = 3.0;
/// Shapes that move less than this count no more than it.
const STILL: f32 = 0.03;

/// The loss, made for the spread of the data.
pub struct Loss {
    /// 1 / variance of each output.
    scale: Tensor,
    /// Output × 1: the lips' gap, unclamped.
    gap: Tensor,
    /// Widest gaps are about this.
    gap_size: f64,
}

impl Loss {
    pub fn new(clips: &[&Clip], device: &Device) -> Result<Self> {
        let mut sums = vec![(0f64, 0f64, 0f64); OUTPUTS];
        for clip in clips {
            let counts = told(Some(clip.source));
            for row in clip.faces[clip.faces.len() / 2].iter().step_by(3) {
                for (k, sum) in sums.iter_mut().enumerate() {
                    let (c, v) = (f64::from(counts[k]), f64::from(row[k]));
                    *sum = (sum.0 + c, sum.1 + c * v, sum.2 + c * v * v);
                }
            }
        }
        let scale: Vec<f32> = sums
            .iter()
            .enumerate()
            .map(|(k, (n, sum, squares))| {
                let n = n.max(1.0);
                let deviation = (squares / n - (sum / n).powi(2)).max(0.0).sqrt() as f32;
                match k - k.min(ARKIT_COUNT) {
                    // The beat and shut lips have losses of their own.
                    1.. if k == ARKIT_COUNT + 3 || k == ARKIT_COUNT + 5 => 0.0,
                    _ if k == ArkitShape::JawOpen as usize => 3.0 / deviation.max(STILL).powi(2),
                    _ => 1.0 / deviation.max(STILL).powi(2),
                }
            })
            .collect();
        let mut gap = vec![0f32; OUTPUTS];
        for (shape, k) in LIP_GAP {
            gap[shape as usize] = k;
        }
        Ok(Self {
            scale: Tensor::from_vec(scale, OUTPUTS, device)?,
            gap: Tensor::from_vec(gap, (OUTPUTS, 1), device)?,
            gap_size: 0.12,
        })
    }

    /// Of a batch's outputs.
    pub fn of(&self, out: &Tensor, batch: &Batch) -> Result<Tensor> {
        let (n, time, _) = out.dims3()?;
        let counts = batch.counts.broadcast_mul(&self.scale)?;
        let asked = f64::from(batch.counts.sum_all()?.to_scalar::<f32>()?).max(1.0);
        let error = (out - &batch.wanted)?;
        let value = (error.sqr()? * &counts)?.sum_all()?;
        let step = (error.narrow(1, 1, time - 1)? - error.narrow(1, 0, time - 1)?)?;
        let change = (step.sqr()? * counts.narrow(1, 1, time - 1)?)?.sum_all()?;

        let gap = |x: &Tensor| -> Result<Tensor> {
            x.reshape((n * time, OUTPUTS))?
                .matmul(&self.gap)?
                .reshape((n, time))
        };
        let (got, wanted) = (gap(out)?, gap(&batch.wanted)?);
        let jaw = ArkitShape::JawOpen as usize;
        let on = batch.counts.narrow(2, jaw, 1)?.squeeze(2)?;
        let on_count = f64::from(on.sum_all()?.to_scalar::<f32>()?).max(1.0);
        let far = ((got.clone() - wanted.relu()?)? / self.gap_size)?;
        let far = (far.sqr()? * &on)?.sum_all()?;
        let shut = (wanted.le(0.02)?.to_dtype(out.dtype())? * &on)?;
        let open = ((got - 0.01)?.relu()? / self.gap_size)?;
        let open = (open.sqr()? * shut)?.sum_all()?;

        let cross = |at: usize, missed: f64| -> Result<Tensor> {
            let logit = out.narrow(2, at, 1)?;
            let truth = batch.wanted.narrow(2, at, 1)?;
            // Cross entropy with logits: max(x, 0) − x·t + ln(1 + e^−|x|).
            let soft = (logit.abs()?.neg()?.exp()? + 1.0)?.log()?;
            let cross = ((logit.relu()? - (&logit * &truth)?)? + soft)?;
            let weight = ((truth * (missed - 1.0))? + 1.0)?;
            ((cross * weight)? * batch.counts.narrow(2, at, 1)?)?.sum_all()
        };
        let beat = cross(ARKIT_COUNT + 3, 1.0)?;
        let seal = cross(ARKIT_COUNT + 5, MISSED)?;

        let values = ((value + (change * CHANGE)?)? / asked)?;
        let lips = (((far * GAP)? + (open * SHUT)?)? / on_count)?;
        let events = ((beat * (BEAT / on_count))? + (seal * (SEAL / on_count))?)?;
        values + (lips + events)?
    }
}
