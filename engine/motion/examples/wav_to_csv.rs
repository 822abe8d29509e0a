//! Motion of a recording from its sound alone, as Live Link Face CSV on stdout.
//!
//! `cargo run -p huashen-motion --example wav_to_csv -- speech.wav [fps] > speech.csv`

use huashen_core::{FrameRate, Prosody};
use huashen_motion::{MotionOptions, formats::live_link, plan_from_audio};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("name a WAV file")?;
    let fps: FrameRate = args.next().as_deref().unwrap_or("30").parse()?;
    let mut wav = hound::WavReader::open(&path)?;
    let spec = wav.spec();
    let full = (1u32 << (spec.bits_per_sample - 1)) as f32;
    let all: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => wav.samples::<f32>().collect::<Result<_, _>>()?,
        hound::SampleFormat::Int => wav
            .samples::<i32>()
            .map(|s| s.map(|s| s as f32 / full))
            .collect::<Result<_, _>>()?,
    };
    let channels = usize::from(spec.channels);
    let mono: Vec<f32> = all
        .chunks(channels)
        .map(|c| c.iter().sum::<f32>() / channels as f32)
        .collect();
    let options = MotionOptions::default();
    let track = plan_from_audio(&mono, spec.sample_rate, &Prosody::default(), &options)?;
    live_link::write(&track, fps, std::io::stdout().lock())?;
    Ok(())
}
