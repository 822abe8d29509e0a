//! The mean of several models of one training: between its last steps, better
//! than each of them.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};

#[derive(clap::Args)]
pub struct Args {
    /// Models of the same design and width
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// Where the mean goes
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let mut sums: Option<HashMap<String, Tensor>> = None;
    for path in &args.models {
        let weights = candle_core::safetensors::load(path, &Device::Cpu)
            .with_context(|| path.display().to_string())?;
        sums = Some(match sums {
            None => weights
                .into_iter()
                .map(|(name, t)| Ok((name, t.to_dtype(DType::F32)?)))
                .collect::<Result<_>>()?,
            Some(sums) => {
                ensure!(
                    sums.len() == weights.len(),
                    "{} is of another design",
                    path.display()
                );
                sums.into_iter()
                    .map(|(name, sum)| {
                        let own = weights
                            .get(&name)
                            .with_context(|| format!("{} has no {name}", path.display()))?;
                        let sum = (sum + own.to_dtype(DType::F32)?)?;
                        Ok((name, sum))
                    })
                    .collect::<Result<_>>()?
            }
        });
    }
    let count = args.models.len() as f64;
    let means = sums
        .into_iter()
        .flatten()
        .map(|(name, sum)| Ok((name, (sum / count)?.to_dtype(DType::F16)?)))
        .collect::<Result<std::collections::BTreeMap<_, _>>>()?;
    let first = std::fs::read(&args.models[0])?;
    let (_, header) = safetensors::SafeTensors::read_metadata(&first)?;
    let bytes = safetensors::serialize(means, header.metadata().clone())?;
    crate::fit::write(&args.out, &bytes)
}
