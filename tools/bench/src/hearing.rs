//! How fast the motion model hears.

use std::time::{Duration, Instant};

use anyhow::Result;
use huashen_motion::model::{Audio2Motion, Condition};

const RATE_HZ: usize = 16_000;
const SECS: usize = 120;
/// Streaming comes 20 ms at a time.
const STEP: usize = RATE_HZ / 50;

/// Prints the offline speed and the time of a streaming step.
pub fn rows() -> Result<()> {
    // Any sound costs the same; this one is not silent.
    let sound: Vec<f32> = (0..SECS * RATE_HZ)
        .map(|i| 0.2 * (i as f32 * 0.05).sin() * (i as f32 * 0.0016).sin())
        .collect();
    let model = Audio2Motion::built_in()?;
    let condition = Condition::default();
    let begun = Instant::now();
    let mut frames = Vec::new();
    let mut stream = model.stream(RATE_HZ as f64, &condition)?;
    stream.push(&sound, &mut frames)?;
    stream.finish(&mut frames)?;
    let took = begun.elapsed().as_secs_f64();
    super::row(
        "motion model, offline",
        &format!("{:.0} × real time", SECS as f64 / took),
        &format!("{SECS} s heard in {took:.2} s"),
    );
    let mut stream = model.stream(RATE_HZ as f64, &condition)?;
    let mut steps: Vec<Duration> = sound
        .chunks(STEP)
        .take(2000)
        .map(|samples| {
            let begun = Instant::now();
            stream.push(samples, &mut frames)?;
            Ok(begun.elapsed())
        })
        .collect::<Result<_>>()?;
    steps.sort();
    let ms = |share: f64| steps[((steps.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    super::row(
        "motion model, a streaming step of 20 ms",
        &format!("{:.2} ms", ms(0.5)),
        &format!("95 % under {:.2} ms, all under {:.2} ms", ms(0.95), ms(1.0)),
    );
    Ok(())
}
