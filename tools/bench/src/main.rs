//! Speed and memory, as a table: speech, motion, render alone, encode alone,
//! end to end, and their ratio.
//!
//! ```sh
//! cargo run --release -p huashen-bench                        # 10 s of speech
//! cargo run --release -p huashen-bench -- --memory            # peak memory, 1 and 10 minutes
//! cargo run --release -p huashen-bench -- --track-back        # is the face seen to do what it is driven to?
//! cargo run --release -p huashen-bench -- --learn-jaw a,b,c   # the reading of the jaw from landmarks
//! ```
//!
//! The same poses are drawn in every round, and rounds alternate (render,
//! encode, both), so that a machine that wanders slows all of them alike.
#![allow(clippy::print_stdout, reason = "a program that prints is what this is")]

mod hearing;
mod learn;
mod memory;
mod trackback;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use huashen_avatar::Avatar;
use huashen_core::{Frame, FrameRate, PixelFormat, Pose, SinkError, Size, paths};
use huashen_media::{AudioSpec, ClipSpec, ClipWriter, Encoding};
use huashen_motion::MotionOptions;
use huashen_pipeline::{Sound, SoundBuilder};
use huashen_render::{Look, RenderOptions, Renderer};
use huashen_speech::Synthesizer;

#[derive(Parser)]
struct Args {
    /// What is said
    #[arg(long, default_value = "tools/demo/hello-en.txt")]
    script: std::path::PathBuf,
    #[arg(long, default_value = huashen_avatar::DEFAULT_AVATAR)]
    avatar: String,
    #[arg(long, default_value = "1280x720")]
    size: Size,
    #[arg(long, default_value = "25")]
    fps: FrameRate,
    /// The full look, also on a processor
    #[arg(long)]
    full: bool,
    /// Rounds of each measurement; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Instead: peak memory of a 1-minute and a 10-minute clip through the binary
    #[arg(long)]
    memory: bool,
    /// Instead: jaw and blinks of the rendered face, tracked back
    #[arg(long)]
    track_back: bool,
    /// Tracked back from near by: the face fills the picture
    #[arg(long)]
    close: bool,
    /// Instead: learns to read the jaw from the landmarks of these avatars
    #[arg(long, value_delimiter = ',', value_name = "AVATARS")]
    learn_jaw: Vec<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.memory {
        return memory::table(&args.avatar, args.size);
    }
    let mut sound = speech(&args)?;
    let poses = motion(&args, &mut sound)?;
    hearing::rows()?;
    let watched = |avatar| trackback::Watched {
        avatar,
        size: args.size,
        close: args.close,
    };
    if args.track_back {
        return trackback::table(&watched(&args.avatar), &poses);
    }
    if !args.learn_jaw.is_empty() {
        let all: Vec<_> = args.learn_jaw.iter().map(|a| watched(a)).collect();
        return learn::table(&all, &poses);
    }
    pictures(&args, sound, &poses)
}

fn row(what: &str, figure: &str, note: &str) {
    println!("| {what} | {figure} | {note} |");
}

fn speech(args: &Args) -> Result<Sound> {
    let text =
        std::fs::read_to_string(&args.script).with_context(|| args.script.display().to_string())?;
    let script = huashen_script::parse(&text)?.script;
    let begun = Instant::now();
    let synth = Synthesizer::open(&paths::models_dir())?;
    let load_secs = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let mut builder = SoundBuilder::speech(synth.sample_rate_hz())?;
    for piece in synth.speak(&script, None)? {
        builder.push_speech(piece?)?;
    }
    let sound = builder.finish()?;
    let took = begun.elapsed().as_secs_f64();
    println!("| what | figure | note |\n| --- | --- | --- |");
    row(
        "speech",
        &format!("{:.2} of real time", took / sound.duration_secs()),
        &format!(
            "{:.1} s spoken in {took:.1} s, models loaded in {load_secs:.1} s",
            sound.duration_secs()
        ),
    );
    Ok(sound)
}

fn motion(args: &Args, sound: &mut Sound) -> Result<Vec<Pose>> {
    let begun = Instant::now();
    let poses: Vec<Pose> = sound
        .planner(&MotionOptions {
            rate_hz: args.fps.fps(),
            ..MotionOptions::default()
        })?
        .collect();
    let took = begun.elapsed().as_secs_f64();
    row(
        "motion",
        &format!("{:.0} poses/s", poses.len() as f64 / took),
        &format!("{} poses", poses.len()),
    );
    Ok(poses)
}

/// Seconds that each stage took for the same frames.
#[derive(Default)]
struct Rounds {
    render: Vec<f64>,
    encode: Vec<f64>,
    both: Vec<f64>,
}

fn pictures(args: &Args, mut sound: Sound, poses: &[Pose]) -> Result<()> {
    let avatar = Avatar::find(&args.avatar, &paths::avatars_dir())?;
    let options = RenderOptions {
        size: args.size,
        format: PixelFormat::I420,
        look: if args.full { Look::Full } else { Look::Auto },
        ..RenderOptions::default()
    };
    let begun = Instant::now();
    let mut renderer = Renderer::new(&avatar, &options)?;
    let start_secs = begun.elapsed().as_secs_f64();

    let mut audio = Vec::new();
    let mut levelled = sound.levelled()?;
    let mut block = Vec::new();
    loop {
        levelled.read(&mut block, 1 << 16)?;
        if block.is_empty() {
            break;
        }
        audio.extend_from_slice(&block);
    }
    let rate_hz = sound.sample_rate_hz();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.mp4");
    let clip = || -> Result<Clip> { Clip::new(&path, args, rate_hz, &audio) };

    // Kept for the encoder's rounds; the first render also warms all caches.
    let mut frames: Vec<Frame> = Vec::new();
    renderer.render(&mut poses.iter().cloned(), &mut |frame: Frame| -> Result<
        (),
        SinkError,
    > {
        frames.push(frame);
        Ok(())
    })?;
    let mut rounds = Rounds::default();
    for _ in 0..args.rounds.max(1) {
        let begun = Instant::now();
        renderer.render(&mut poses.iter().cloned(), &mut |_: Frame| -> Result<
            (),
            SinkError,
        > { Ok(()) })?;
        rounds.render.push(begun.elapsed().as_secs_f64());

        let mut writer = clip()?;
        let again = frames.clone();
        let begun = Instant::now();
        for frame in again {
            writer.push(frame)?;
        }
        writer.clip.finish()?;
        rounds.encode.push(begun.elapsed().as_secs_f64());
        std::fs::remove_file(&path)?;

        let mut writer = clip()?;
        let begun = Instant::now();
        renderer.render(&mut poses.iter().cloned(), &mut |frame: Frame| -> Result<
            (),
            SinkError,
        > {
            writer.push(frame)?;
            Ok(())
        })?;
        writer.clip.finish()?;
        rounds.both.push(begun.elapsed().as_secs_f64());
        std::fs::remove_file(&path)?;
    }
    let [render, encode, both] =
        [&mut rounds.render, &mut rounds.encode, &mut rounds.both].map(|v| median(v));
    let fps = |secs: f64| format!("{:.1} frames/s", frames.len() as f64 / secs);
    let seen = format!(
        "{}, {:?} look, {} at {} fps, {} frames, renderer ready in {start_secs:.1} s",
        renderer.adapter().name,
        renderer.look(),
        args.size,
        args.fps.fps(),
        frames.len()
    );
    row("render alone", &fps(render), &seen);
    row("encode alone", &fps(encode), "H.264 + AAC, the same frames");
    row("end to end", &fps(both), "render and encode at once");
    row(
        "end to end ÷ slower of the two",
        &format!("{:.2}", both / render.max(encode)),
        "time; 1 is perfect overlap",
    );
    row(
        "end to end ÷ clip's length",
        &format!("{:.2}", both * args.fps.fps() / frames.len() as f64),
        "time; under 1 is faster than real time",
    );
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A clip being written, with the sound pushed along.
struct Clip<'a> {
    clip: ClipWriter,
    audio: &'a [f32],
    rate: FrameRate,
    rate_hz: u32,
    pushed: usize,
}

impl<'a> Clip<'a> {
    fn new(path: &Path, args: &Args, rate_hz: u32, audio: &'a [f32]) -> Result<Self> {
        Ok(Self {
            clip: ClipWriter::create(
                path,
                ClipSpec {
                    size: args.size,
                    rate: args.fps,
                    encoding: Encoding::default(),
                    audio: Some(AudioSpec::mono(rate_hz)),
                    metadata: Vec::new(),
                },
            )?,
            audio,
            rate: args.fps,
            rate_hz,
            pushed: 0,
        })
    }

    fn push(&mut self, frame: Frame) -> Result<()> {
        let until = (self.rate.frame_time_secs(frame.index + 1) * f64::from(self.rate_hz)) as usize;
        let until = until.clamp(self.pushed, self.audio.len().max(self.pushed));
        self.clip
            .audio(self.audio.get(self.pushed..until).unwrap_or(&[]))?;
        self.pushed = until;
        self.clip.video(frame)?;
        Ok(())
    }
}
