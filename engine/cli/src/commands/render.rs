//! `huashen render`: a script or a recording becomes a clip.

use std::process::ExitCode;
use std::time::Instant;

use huashen_avatar::Avatar;
use huashen_core::{Frame, FrameRate, FrameSink, Pose, SinkError};
use huashen_media::{AudioSpec, ClipInfo, ClipSpec, ClipWriter};
use huashen_motion::MotionOptions;
use huashen_overlay::{CaptionStyle, CueShape, Overlay};
use huashen_pipeline::Sound;
use huashen_pipeline::offline::{ClipStage, RenderStage, render_clip};
use huashen_render::Renderer;
use huashen_script::Script;
use huashen_speech::Synthesizer;
use serde::Serialize;

use crate::args::Render;
use crate::delivery::Delivery;
use crate::label::{self, Label};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::sound::Input;
use crate::{interrupt, output, picture, sound, sound_file, subtitles};

/// Motion is planned at least this often, whatever the clip's frame rate.
const LEAST_MOTION_HZ: f64 = 50.0;

pub fn run(args: &Render, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // Everything that can be wrong is found before the long work begins.
    label::check(&args.delivery)?;
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
    delivery.encoding.check(&args.output, rate)?;
    let mut renderer = match delivery.encoding.format.has_pictures() {
        true => {
            huashen_avatar::require_speech(&avatar)?;
            let size = picture::size(&args.picture, settings, &avatar, delivery.longest_px())?;
            let pixels = delivery.encoding.pixels();
            let options = picture::options(&args.picture, settings, &avatar, size, pixels)?;
            let face = picture::face_px(&avatar, options.framing, size);
            Some((size, face, Renderer::new(&avatar, &options)?))
        }
        false => None,
    };
    let manner = crate::manner::options(&args.manner, &args.voice)?;
    let input = sound::open(&args.input)?;
    let wants_words = args.subtitles.is_some() || args.delivery.burn_subtitles;
    if wants_words && matches!(input, Input::Recording(_)) {
        anyhow::bail!(
            "subtitles need a script: nobody knows the words of {} yet",
            args.input.display()
        );
    }
    let letters = match args.delivery.burn_subtitles && renderer.is_some() {
        true => Some(subtitles::letters(args.delivery.font.as_deref())?),
        false => None,
    };

    let mut sound = match &input {
        Input::Script(script) => {
            let voice = args.voice.voice.as_deref().or(settings.voice.as_deref());
            let voice = voice.or_else(|| own_voice(&avatar, script));
            sound::speak(script, voice, true, quiet)?
        }
        Input::Recording(path) => sound::record(path, quiet)?,
    };
    interrupt::check()?;

    let format = delivery.encoding.format;
    let holds = (format.has_pictures(), format.keeps_metadata());
    let name = &avatar.manifest.name;
    let label = Label::new(&args.delivery, settings, &input, &sound, name, holds);
    let size = renderer.as_ref().map_or(subtitles::SCREEN, |(s, _, _)| *s);
    let cues = match (&input, wants_words) {
        (Input::Script(script), true) => {
            let shape = CueShape::for_aspect(size.aspect());
            huashen_overlay::cues(&sound.timing, &script.plain_text(), shape)
        }
        _ => Vec::new(),
    };
    let highlight = args.delivery.highlight_words;
    let (clip, frames) = match &mut renderer {
        Some((_, face, renderer)) => {
            let mut overlay = Overlay::default();
            if let Some(mut letters) = letters {
                subtitles::check_letters(&mut letters, &cues);
                overlay.captions(cues.clone(), CaptionStyle { highlight }, letters, size);
            }
            if let Some(text) = label.text {
                overlay.mark(text, label.throughout, size, *face);
            }
            let motion = MotionOptions {
                rate_hz: rate.fps() * motion_steps(rate),
                ..manner
            };
            let spec = ClipSpec {
                size,
                rate,
                encoding: delivery.encoding,
                audio: Some(AudioSpec {
                    sample_rate_hz: sound.sample_rate_hz(),
                }),
                metadata: label.pairs()?,
            };
            let clip = Clip {
                writer: ClipWriter::create(&args.output, spec)?,
                overlay,
                rate,
            };
            draw(clip, &mut sound, &motion, renderer, quiet)?
        }
        None => {
            let encoding = delivery.encoding;
            sound_file::write(&delivery.place, encoding, label.pairs()?, &mut sound)?;
            (huashen_media::probe(&delivery.place)?, 0)
        }
    };
    if let Some(path) = &args.subtitles {
        subtitles::write(path, &cues, size, highlight)?;
    }
    if args.json {
        output::json(&Made {
            clip,
            avatar: &avatar.manifest.name,
            adapter: renderer.as_ref().map(|(_, _, r)| r.adapter().name.as_str()),
            frames,
            label,
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
    mut clip: Clip,
    sound: &mut Sound,
    motion: &MotionOptions,
    renderer: &mut Renderer,
    quiet: bool,
) -> anyhow::Result<(ClipInfo, u64)> {
    let rate = clip.rate;
    let mut poses = sound.planner(motion)?.step_by(motion_steps(rate) as usize);
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
    let info = clip.writer.finish()?;
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
    label: Label,
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

struct Clip {
    writer: ClipWriter,
    overlay: Overlay,
    rate: FrameRate,
}

impl ClipStage for Clip {
    fn video(&mut self, mut frame: Frame) -> Result<(), SinkError> {
        let at_secs = self.rate.frame_time_secs(frame.index);
        self.overlay.draw(&mut frame, at_secs);
        Ok(self.writer.video(frame)?)
    }

    fn audio(&mut self, samples: &[f32]) -> Result<(), SinkError> {
        Ok(self.writer.audio(samples)?)
    }
}
