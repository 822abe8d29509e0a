//! `huashen render`: a script or a recording becomes a clip.

use std::process::ExitCode;
use std::time::Instant;

use huashen_avatar::Avatar;
use huashen_core::{Frame, FrameRate, FrameSink, PixelFormat, Pose, SinkError};
use huashen_media::{AudioSpec, ClipInfo, ClipSpec, ClipWriter, VideoCodec};
use huashen_motion::MotionOptions;
use huashen_pipeline::offline::{ClipStage, RenderStage, render_clip};
use huashen_render::Renderer;
use huashen_script::Script;
use huashen_speech::Synthesizer;
use serde::Serialize;

use crate::args::Render;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::sound::Input;
use crate::{interrupt, output, picture, sound, subtitles};

/// Motion is planned at least this often, whatever the clip's frame rate.
const LEAST_MOTION_HZ: f64 = 50.0;

pub fn run(args: &Render, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // Everything that can be wrong is found before the long work begins.
    output::check_target(&args.output, args.force)?;
    ClipWriter::check_path(&args.output)?;
    if let Some(path) = &args.subtitles {
        subtitles::format_of(path)?;
        output::check_target(path, args.force)?;
    }
    let rate: FrameRate = args
        .fps
        .as_deref()
        .or(settings.fps.as_deref())
        .unwrap_or("25")
        .parse()?;
    let avatar = picture::avatar(&args.picture, settings)?;
    huashen_avatar::require_speech(&avatar)?;
    let options = picture::options(&args.picture, settings, &avatar, PixelFormat::I420)?;
    let manner = crate::manner::options(&args.manner, &args.voice)?;
    let input = sound::open(&args.input)?;
    let mut renderer = Renderer::new(&avatar, &options)?;

    let mut sound = match &input {
        Input::Script(script) => {
            let voice = args.voice.voice.as_deref().or(settings.voice.as_deref());
            let voice = voice.or_else(|| own_voice(&avatar, script));
            sound::speak(script, voice, true, quiet)?
        }
        Input::Recording(path) => sound::record(path, quiet)?,
    };
    interrupt::check()?;

    // A whole number of motion steps a frame: no pose is interpolated.
    let steps = (LEAST_MOTION_HZ / rate.fps()).ceil().max(1.0);
    let mut poses = sound
        .planner(&MotionOptions {
            rate_hz: rate.fps() * steps,
            ..manner
        })?
        .step_by(steps as usize);
    let mut clip = Clip(ClipWriter::create(
        &args.output,
        ClipSpec {
            size: options.size,
            rate,
            video: VideoCodec::default(),
            audio: Some(AudioSpec {
                sample_rate_hz: sound.sample_rate_hz(),
            }),
            metadata: Vec::new(),
        },
    )?);
    let mut progress = Progress::new("render", "frames", quiet);
    let frames = render_clip(
        &mut sound,
        &mut poses,
        rate,
        &mut Stage(&mut renderer),
        &mut clip,
        &interrupt::pressed,
        &mut |done, total| progress.at(done, total),
    )?;
    let info = clip.0.finish()?;
    progress.done(&format!("{frames} frames"));
    if let Some(path) = &args.subtitles {
        subtitles::write(path, &sound.timing)?;
    }
    if args.json {
        output::json(&Made {
            clip: info,
            avatar: &avatar.manifest.name,
            adapter: &renderer.adapter().name,
            frames,
            elapsed_secs: started.elapsed().as_secs_f64(),
        })?;
    } else {
        output::line(&args.output.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The voice that the avatar's maker chose for the script's language.
fn own_voice<'a>(avatar: &'a Avatar, script: &Script) -> Option<&'a str> {
    // Names of Mandarin voices begin with z.
    let language = if Synthesizer::default_voice(script).starts_with('z') {
        "zh"
    } else {
        "en"
    };
    avatar.manifest.voices.get(language).map(String::as_str)
}

/// What was made, for machines.
#[derive(Serialize)]
struct Made<'a> {
    clip: ClipInfo,
    avatar: &'a str,
    adapter: &'a str,
    frames: u64,
    elapsed_secs: f64,
}

struct Stage<'a>(&'a mut Renderer);

impl RenderStage for Stage<'_> {
    fn render(
        &mut self,
        poses: &mut dyn Iterator<Item = Pose>,
        sink: &mut dyn FrameSink,
    ) -> Result<(), SinkError> {
        self.0.render(poses, sink)?;
        Ok(())
    }
}

struct Clip(ClipWriter);

impl ClipStage for Clip {
    fn video(&mut self, frame: Frame) -> Result<(), SinkError> {
        Ok(self.0.video(frame)?)
    }

    fn audio(&mut self, samples: &[f32]) -> Result<(), SinkError> {
        Ok(self.0.audio(samples)?)
    }
}
