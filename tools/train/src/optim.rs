//! AdamW (Loshchilov and Hutter 2019) whose state can be kept and taken up
//! again, with a running mean of the weights beside it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Result as Candle, Tensor, Var};
use huashen_motion::model::net::{Init, Params};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const BETA: (f64, f64) = (0.9, 0.98);
const DECAY: f64 = 0.02;
const MEAN_KEEPS: f64 = 0.998;
/// Gradients longer than this are shortened to it.
const LONGEST: f64 = 1.0;

struct Weight {
    var: Var,
    first: Tensor,
    second: Tensor,
    mean: Tensor,
    decays: bool,
}

/// Weights in training, by name.
pub struct Store {
    weights: BTreeMap<String, Weight>,
    rng: Pcg64Mcg,
    device: Device,
}

impl Store {
    pub fn new(seed: u64, device: &Device) -> Self {
        Self {
            weights: BTreeMap::new(),
            rng: Pcg64Mcg::seed_from_u64(seed),
            device: device.clone(),
        }
    }

    pub fn count(&self) -> usize {
        self.weights.values().map(|w| w.var.elem_count()).sum()
    }

    /// One step down the gradients at a rate; gives the gradients' length.
    pub fn step(&mut self, gradients: &GradStore, rate: f64, step: u64) -> Result<f64> {
        // Summed on the device: a GPU is asked once.
        let squares: Vec<Tensor> = self
            .weights
            .values()
            .filter_map(|weight| gradients.get(&weight.var))
            .map(|g| g.sqr()?.sum_all())
            .collect::<Candle<_>>()?;
        let length = Tensor::stack(&squares, 0)?.sum_all()?.to_scalar::<f32>()?;
        let length = f64::from(length).sqrt();
        let scale = (LONGEST / length.max(1e-9)).min(1.0);
        let n = step as i32 + 1;
        let (one, two) = (1.0 - BETA.0.powi(n), 1.0 - BETA.1.powi(n));
        // Young means follow faster.
        let keep = MEAN_KEEPS.min((1.0 + step as f64) / (10.0 + step as f64));
        for weight in self.weights.values_mut() {
            let Some(g) = gradients.get(&weight.var) else {
                continue;
            };
            let g = (g * scale)?;
            weight.first = ((&weight.first * BETA.0)? + (&g * (1.0 - BETA.0))?)?.detach();
            weight.second = ((&weight.second * BETA.1)? + (g.sqr()? * (1.0 - BETA.1))?)?.detach();
            let size = ((&weight.second / two)?.sqrt()? + 1e-8)?;
            let way = ((&weight.first / one)? / size)?;
            let now = weight.var.as_tensor();
            let decay = if weight.decays {
                1.0 - rate * DECAY
            } else {
                1.0
            };
            let next = ((now * decay)? - (way * rate)?)?.detach();
            weight.var.set(&next)?;
            weight.mean = ((&weight.mean * keep)? + (next * (1.0 - keep))?)?.detach();
        }
        Ok(length)
    }

    /// Everything, to go on from.
    pub fn checkpoint(&self) -> BTreeMap<String, Tensor> {
        let mut all = BTreeMap::new();
        for (name, w) in &self.weights {
            all.insert(format!("now/{name}"), w.var.as_tensor().clone());
            all.insert(format!("first/{name}"), w.first.clone());
            all.insert(format!("second/{name}"), w.second.clone());
            all.insert(format!("mean/{name}"), w.mean.clone());
        }
        all
    }

    /// Takes up what [`checkpoint`](Self::checkpoint) gave.
    pub fn resume(&mut self, tensors: &std::collections::HashMap<String, Tensor>) -> Result<()> {
        for (name, w) in &mut self.weights {
            let get = |part: &str| {
                let name = format!("{part}/{name}");
                tensors
                    .get(&name)
                    .with_context(|| format!("the checkpoint lacks {name}"))
            };
            w.var.set(get("now")?)?;
            w.first = get("first")?.clone();
            w.second = get("second")?.clone();
            w.mean = get("mean")?.clone();
        }
        Ok(())
    }

    /// Takes the weights that a model has; the others stay as they are.
    pub fn begin_with(&mut self, model: &std::collections::HashMap<String, Tensor>) -> Result<()> {
        for (name, tensor) in model {
            let w = self.weights.get_mut(name);
            let w = w.with_context(|| format!("the model has {name}, this design does not"))?;
            w.var.set(&tensor.to_dtype(w.var.dtype())?)?;
            w.mean = w.var.as_tensor().copy()?.detach();
        }
        Ok(())
    }

    /// The running means, by name: what is shipped.
    pub fn means(&self) -> BTreeMap<String, Tensor> {
        let means = self.weights.iter();
        means.map(|(n, w)| (n.clone(), w.mean.clone())).collect()
    }
}

impl Params for Store {
    fn get(&mut self, name: &str, shape: &[usize], init: Init) -> Candle<Tensor> {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = match init {
            Init::Zeros => vec![0.0; count],
            Init::Uniform { inputs, gain } => {
                let reach = gain * (3.0 / inputs as f32).sqrt();
                (0..count)
                    .map(|_| self.rng.random_range(-reach..reach))
                    .collect()
            }
        };
        let var = Var::from_vec(values, shape, &self.device)?;
        let tensor = var.as_tensor().clone();
        let zeros = tensor.zeros_like()?;
        self.weights.insert(
            name.to_owned(),
            Weight {
                first: zeros.clone(),
                second: zeros,
                mean: tensor.copy()?.detach(),
                decays: shape.len() > 1,
                var,
            },
        );
        Ok(tensor)
    }
}
