//! The training itself.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use huashen_motion::model::net::{CONDITIONS, Design, Init, Net, Params, State};
use huashen_motion::model::{Audio2Motion, UNHEARD_CAPTURE, UNHEARD_VOICES};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::batch::{Drawer, HABITS_AT};
use crate::data::{self, Clip};
use crate::loss::Loss;
use crate::optim::Store;
use crate::score::{self, Scores};

#[derive(clap::Args)]
pub struct Args {
    /// What `speak` made
    #[arg(long, default_value_os_t = crate::data_dir().join("speech"))]
    speech: PathBuf,
    /// Facial capture: a folder of N.npy + N.wav and channels.json
    #[arg(long)]
    capture: Option<PathBuf>,
    /// Faces tracked in videos: a folder of N.csv (from `huashen track`) + N.wav
    #[arg(long)]
    tracked: Option<PathBuf>,
    /// Where checkpoints, the log and the model go; what is there is gone on from
    #[arg(long)]
    out: PathBuf,
    /// Weights to begin with: a model of the same design and width
    #[arg(long, value_name = "MODEL")]
    from: Option<PathBuf>,
    /// conv, attention, recurrent, or plain (the yardstick)
    #[arg(long, default_value = "conv", value_parser = |s: &str| Design::from_name(s).ok_or("choose conv, attention, recurrent or plain"))]
    design: Design,
    /// Numbers that each layer passes on
    #[arg(long, default_value_t = 128)]
    width: usize,
    #[arg(long, default_value_t = 3000)]
    steps: u64,
    /// Crops a step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Frames a crop, 50 a second
    #[arg(long, default_value_t = 160)]
    time: usize,
    #[arg(long, default_value_t = 1.5e-3)]
    rate: f64,
    #[arg(long, default_value_t = 0.05)]
    dropout: f32,
    /// Share of crops from facial capture: little of it lasts long, more of it is learned by heart
    #[arg(long, default_value_t = 0.35)]
    captured_share: f64,
    /// Threads that draw crops
    #[arg(long, default_value_t = 1)]
    drawers: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Steps between checkpoints and looks at the held-out recordings
    #[arg(long, default_value_t = 250)]
    every: u64,
}

const WARM_UP: u64 = 100;

pub fn run(args: &Args) -> Result<()> {
    ensure!(
        args.time > 60 && args.batch > 0 && args.steps > 0 && args.drawers > 0,
        "nothing to train on"
    );
    let device = device()?;
    let spoken = data::spoken(&args.speech)?;
    let mut captured = match &args.capture {
        Some(dir) => data::captured(dir)?,
        None => Vec::new(),
    };
    if let Some(dir) = &args.tracked {
        captured.extend(data::tracked(dir)?);
    }
    let held = |c: &&Clip| {
        c.name == UNHEARD_CAPTURE || UNHEARD_VOICES.iter().any(|v| c.name.starts_with(v))
    };
    let everything: Vec<&Clip> = captured.iter().chain(&spoken).collect();
    let (checked, heard): (Vec<&Clip>, Vec<&Clip>) = everything.into_iter().partition(held);
    let of = |source| {
        heard
            .iter()
            .copied()
            .filter(|c| c.source == source)
            .collect()
    };
    let drawer = Drawer {
        captured: of(data::Source::Captured),
        ruled: of(data::Source::Ruled),
        batch: args.batch,
        time: args.time,
        captured_share: args.captured_share,
        seed: args.seed,
    };
    println!(
        "{} recordings to learn from ({:.0} s), {} held out ({:.0} s)",
        heard.len(),
        heard.iter().map(|c| c.secs()).sum::<f64>(),
        checked.len(),
        checked.iter().map(|c| c.secs()).sum::<f64>(),
    );

    let mut store = Store::new(args.seed, &device);
    let net = Net::new(args.design, args.width, &mut store)?;
    let speakers = drawer.captured.len().max(1);
    let habits = store.get(
        "habits",
        &[speakers, CONDITIONS - HABITS_AT],
        Init::Uniform {
            inputs: 3,
            gain: 0.3,
        },
    )?;
    println!("{} weights", store.count());
    let loss = Loss::new(&heard, &device)?;
    std::fs::create_dir_all(&args.out)?;
    if let Some(from) = &args.from {
        let weights = candle_core::safetensors::load(from, &device)
            .with_context(|| from.display().to_string())?;
        store.begin_with(&weights)?;
    }
    let mut step = resume(&mut store, &args.out, &device)?;
    let mut log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(args.out.join("log.csv"))?;
    if step == 0 {
        writeln!(log, "step,loss,{}", Scores::HEADER)?;
    }

    let (mut sum, mut begun) = (0.0, Instant::now());
    let first = step;
    std::thread::scope(|scope| -> Result<()> {
        let drawer = &drawer;
        // Batches are drawn beside the training, a few ahead; each thread has
        // its own steps, so that their number changes nothing.
        let drawn: Vec<_> = (0..args.drawers)
            .map(|own| {
                let (sender, batches) = std::sync::mpsc::sync_channel(3);
                scope.spawn(move || {
                    let steps = (first..args.steps).filter(|s| s % args.drawers == own);
                    for step in steps {
                        if sender.send(drawer.draw(step)).is_err() {
                            break;
                        }
                    }
                });
                batches
            })
            .collect();
        while step < args.steps {
            let batch = drawn[(step % args.drawers) as usize].recv()??;
            let batch = batch.on(&device)?;
            let mut rng = Pcg64Mcg::seed_from_u64(args.seed.wrapping_mul(31) ^ step);
            let pad = Tensor::zeros((args.batch, HABITS_AT), DType::F32, &device)?;
            let own = Tensor::cat(&[&pad, &batch.speaker.matmul(&habits)?], 1)?;
            let condition = (&batch.condition + own)?;
            let mut dropout = |x: Tensor| drop_some(x, args.dropout, &mut rng);
            let out = net.run(
                &batch.frames,
                &condition,
                &mut State::default(),
                &mut dropout,
            )?;
            let error = loss.of(&out, &batch)?;
            sum += f64::from(error.to_scalar::<f32>()?);
            store.step(&error.backward()?, rate(args, step), step)?;
            step += 1;
            if step % 50 == 0 {
                println!(
                    "step {step}: loss {:.4}, {:.2} s a step",
                    sum / 50.0,
                    begun.elapsed().as_secs_f64() / 50.0
                );
                begun = Instant::now();
                if step % args.every == 0 || step == args.steps {
                    let model = bytes(&store, args)?;
                    let scores = score::of(
                        &Audio2Motion::from_bytes(&model, &device, DType::F32)?,
                        &checked,
                    )?;
                    println!("{scores}");
                    writeln!(log, "{step},{:.5},{}", sum / 50.0, scores.row())?;
                    save(&store, step, &args.out)?;
                    write(&args.out.join("model.safetensors"), &model)?;
                    write(&args.out.join(format!("model-{step}.safetensors")), &model)?;
                    begun = Instant::now();
                }
                sum = 0.0;
            }
        }
        Ok(())
    })
}

/// A GPU where the build and the machine have one.
fn device() -> Result<Device> {
    #[cfg(feature = "cuda")]
    return Ok(Device::new_cuda(0)?);
    #[cfg(not(feature = "cuda"))]
    Ok(Device::Cpu)
}

/// Up in a line, then down along a cosine.
fn rate(args: &Args, step: u64) -> f64 {
    let up = ((step + 1) as f64 / WARM_UP as f64).min(1.0);
    let along = (step as f64 / args.steps as f64).min(1.0);
    args.rate * up * (0.02 + 0.98 * 0.5 * (1.0 + (std::f64::consts::PI * along).cos()))
}

/// Zeroes whole channels of a crop, so that no few of them are relied on.
fn drop_some(x: Tensor, share: f32, rng: &mut Pcg64Mcg) -> candle_core::Result<Tensor> {
    if share <= 0.0 {
        return Ok(x);
    }
    let (batch, _, width) = x.dims3()?;
    let keep: Vec<f32> = (0..batch * width)
        .map(|_| {
            if rng.random::<f32>() < share {
                0.0
            } else {
                1.0 / (1.0 - share)
            }
        })
        .collect();
    x.broadcast_mul(&Tensor::from_vec(keep, (batch, 1, width), x.device())?)
}

/// The model file: running means in half precision, design and width told.
fn bytes(store: &Store, args: &Args) -> Result<Vec<u8>> {
    let means: BTreeMap<String, Tensor> = store
        .means()
        .into_iter()
        .filter(|(name, _)| name != "habits")
        .map(|(name, t)| Ok((name, t.to_dtype(DType::F16)?)))
        .collect::<Result<_>>()?;
    let told = HashMap::from([
        ("design".to_owned(), args.design.name().to_owned()),
        ("width".to_owned(), args.width.to_string()),
        ("licence".to_owned(), "MIT OR Apache-2.0".to_owned()),
    ]);
    Ok(safetensors::serialize(means, Some(told))?)
}

const CHECKPOINT: &str = "checkpoint.safetensors";

fn save(store: &Store, step: u64, out: &Path) -> Result<()> {
    let told = HashMap::from([("step".to_owned(), step.to_string())]);
    write(
        &out.join(CHECKPOINT),
        &safetensors::serialize(store.checkpoint(), Some(told))?,
    )
}

/// Goes on from the checkpoint in `out`, if there is one; gives its step.
fn resume(store: &mut Store, out: &Path, device: &Device) -> Result<u64> {
    let path = out.join(CHECKPOINT);
    if !path.exists() {
        return Ok(0);
    }
    let bytes = std::fs::read(&path)?;
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes)?;
    let step = header
        .metadata()
        .as_ref()
        .and_then(|m| m.get("step")?.parse().ok())
        .with_context(|| format!("{} tells no step", path.display()))?;
    store.resume(&candle_core::safetensors::load_buffer(&bytes, device)?)?;
    println!("going on from step {step}");
    Ok(step)
}

/// Never half a file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let half = path.with_extension("half");
    std::fs::write(&half, bytes)?;
    std::fs::rename(&half, path).with_context(|| path.display().to_string())
}
