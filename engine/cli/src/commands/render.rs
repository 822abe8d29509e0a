//! `huashen render`: a script or a recording becomes a clip.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use huashen_avatar::Avatar;
use huashen_core::{Frame, FrameRate, FrameSink, Pose, SinkError};
use huashen_media::{AudioSpec, ClipInfo, ClipSpec, ClipWriter};
use huashen_motion::MotionOptions;
use huashen_pipeline::Sound;
use huashen_pipeline::offline::{ClipStage, RenderStage, render_clip};
use huashen_render::Renderer;
use huashen_script::Script;
use huashen_speech::Synthesizer;
use serde::Serialize;

use crate::args::Render;
use crate::delivery::Delivery;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::sound::Input;
use crate::{interrupt, output, picture, sound, sound_file, subtitles};

/// Motion is planned at least this often, whatever the clip's frame rate.
const LEAST_MOTION_HZ: f64 = 50.0;

pub fn run(args: &Render, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // Everything that can be wrong is found before the long work begins.
    if let Some(path) = &args.subtitles {
        subtitles::format_of(path)?;
        output::check_target(path, args.force)?;
    }
    let avatar = picture::avatar(&args.picture, settings)?;
    let alpha = picture::is_transparent(&args.picture, settings, &avatar);
    let delivery = Delivery::of(&args.output, &args.delivery, alpha)?;
    delivery.check_target(args.force)?;
    let rate: FrameRate = args
        .fps
        .as_deref()
        .or(settings.fps.as_deref())
        .unwrap_or(delivery.fps())
        .parse()?;
    let mut renderer = match delivery.encoding.format.has_pictures() {
        true => {
            huashen_avatar::require_speech(&avatar)?;
            let size = picture::size(&args.picture, settings, &avatar, delivery.longest_px())?;
            let pixels = delivery.encoding.pixels();
            let options = picture::options(&args.picture, settings, &avatar, size, pixels)?;
            Some((size, Renderer::new(&avatar, &options)?))
        }
        false => None,
    };
    let manner = crate::manner::options(&args.manner, &args.voice)?;
    let input = sound::open(&args.input)?;

    let mut sound = match &input {
        Input::Script(script) => {
            let voice = args.voice.voice.as_deref().or(settings.voice.as_deref());
            let voice = voice.or_else(|| own_voice(&avatar, script));
            sound::speak(script, voice, true, quiet)?
        }
        Input::Recording(path) => sound::record(path, quiet)?,
    };
    interrupt::check()?;

    let (clip, frames) = match &mut renderer {
        Some((size, renderer)) => {
            let motion = MotionOptions {
                rate_hz: rate.fps() * motion_steps(rate),
                ..manner
            };
            let spec = ClipSpec {
                size: *size,
                rate,
                encoding: delivery.encoding,
                audio: Some(AudioSpec {
                    sample_rate_hz: sound.sample_rate_hz(),
                }),
                metadata: Vec::new(),
            };
            draw(&args.output, spec, &mut sound, &motion, renderer, quiet)?
        }
        None => {
            sound_file::write(&delivery.place, delivery.encoding, Vec::new(), &mut sound)?;
            (huashen_media::probe(&delivery.place)?, 0)
        }
    };
    if let Some(path) = &args.subtitles {
        subtitles::write(path, &sound.timing)?;
    }
    if args.json {
        output::json(&Made {
            clip,
            avatar: &avatar.manifest.name,
            adapter: renderer.as_ref().map(|(_, r)| r.adapter().name.as_str()),
            frames,
            elapsed_secs: started.elapsed().as_secs_f64(),
        })?;
    } else {
        output::line(&delivery.place.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Motion steps a frame, a whole number: no pose is interpolated.
fn motion_steps(rate: FrameRate) -> f64 {
    (LEAST_MOTION_HZ / rate.fps()).ceil().max(1.0)
}

/// Renders and encodes; gives what the clip holds and its number of frames.
fn draw(
    path: &Path,
    spec: ClipSpec,
    sound: &mut Sound,
    motion: &MotionOptions,
    renderer: &mut Renderer,
    quiet: bool,
) -> anyhow::Result<(ClipInfo, u64)> {
    let rate = spec.rate;
    let mut poses = sound.planner(motion)?.step_by(motion_steps(rate) as usize);
    let mut clip = Clip(ClipWriter::create(path, spec)?);
    let mut progress = Progress::new("render", "frames", quiet);
    let frames = render_clip(
        sound,
        &mut poses,
        rate,
        &mut Stage(renderer),
        &mut clip,
        &interrupt::pressed,
        &mut |done, total| progress.at(done, total),
    )?;
    let info = clip.0.finish()?;
    progress.done(&format!("{frames} frames"));
    Ok((info, frames))
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
    /// None where nothing was drawn.
    adapter: Option<&'a str>,
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
