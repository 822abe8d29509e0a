//! `huashen render`: a script or a recording becomes a clip.

use std::process::ExitCode;
use std::time::Instant;

use huashen_avatar::Avatar;
use huashen_core::{Frame, FrameRate, FrameSink, PixelFormat, Pose, SinkError, paths};
use huashen_media::{AudioSpec, ClipInfo, ClipSpec, ClipWriter, VideoCodec};
use huashen_motion::MotionOptions;
use huashen_pipeline::offline::{ClipStage, RenderStage, render_clip};
use huashen_render::{RenderOptions, Renderer};
use huashen_script::Script;
use huashen_speech::Synthesizer;
use serde::Serialize;

use crate::args::{PictureArgs, Render};
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
    let input = sound::open(&args.input)?;
    let mut made = make(
        args,
        settings,
        &input,
        &mut Studio::default(),
        quiet,
        &mut |_, _| (),
    )?;
    made.elapsed_secs = started.elapsed().as_secs_f64();
    if args.json {
        output::json(&made)?;
    } else {
        output::line(&args.output.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What stays loaded from one clip to the next: the voice model, the avatar and
/// its renderer.
#[derive(Default)]
pub struct Studio {
    synth: Option<Synthesizer>,
    /// With what it was made for.
    stage: Option<(String, Avatar, RenderOptions, Renderer)>,
}

impl Studio {
    /// The avatar on its stage: the one from the last clip where it fits.
    fn stage(
        &mut self,
        args: &PictureArgs,
        settings: &Settings,
    ) -> anyhow::Result<(&Avatar, &RenderOptions, &mut Renderer)> {
        let wanted = format!("{args:?}");
        if self.stage.as_ref().is_none_or(|(have, ..)| *have != wanted) {
            // Two avatars at a time would cost memory for nothing.
            self.stage = None;
            let avatar = picture::avatar(args, settings)?;
            huashen_avatar::require_speech(&avatar)?;
            let options = picture::options(args, settings, &avatar, PixelFormat::I420)?;
            let renderer = Renderer::new(&avatar, &options)?;
            self.stage = Some((wanted, avatar, options, renderer));
        }
        match &mut self.stage {
            Some((_, avatar, options, renderer)) => Ok((avatar, options, renderer)),
            None => unreachable!("it was just set"),
        }
    }

    /// Forgets what a failed clip may have left in disorder.
    pub fn clear(&mut self) {
        self.stage = None;
    }
}

/// Makes one clip at `args.output`, whatever lies there; `args.input` is
/// `input`. `look` sees every frame before it is encoded, and their number.
pub fn make(
    args: &Render,
    settings: &Settings,
    input: &Input,
    studio: &mut Studio,
    quiet: bool,
    look: &mut dyn FnMut(&Frame, u64),
) -> anyhow::Result<Made> {
    let started = Instant::now();
    let rate: FrameRate = args
        .fps
        .as_deref()
        .or(settings.fps.as_deref())
        .unwrap_or("25")
        .parse()?;
    let manner = crate::manner::options(&args.manner, &args.voice)?;
    // Before speech is made: a missing device is known at once.
    let (avatar, ..) = studio.stage(&args.picture, settings)?;

    let mut sound = match input {
        Input::Script(script) => {
            let voice = args.voice.voice.as_deref().or(settings.voice.as_deref());
            let voice = voice
                .or_else(|| own_voice(avatar, script))
                .map(str::to_owned);
            let synth = match &mut studio.synth {
                Some(synth) => synth,
                none => none.insert(Synthesizer::open(&paths::models_dir())?),
            };
            sound::speak_with(synth, script, voice.as_deref(), true, quiet)?
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
    let (avatar, options, renderer) = studio.stage(&args.picture, settings)?;
    let writer = ClipWriter::create(
        &args.output,
        ClipSpec {
            size: options.size,
            rate,
            video: VideoCodec::default(),
            audio: Some(AudioSpec {
                sample_rate_hz: sound.sample_rate_hz(),
            }),
            metadata: args
                .title
                .iter()
                .map(|t| ("title".to_owned(), t.clone()))
                .collect(),
        },
    )?;
    let total = rate.frame_count(sound.duration_secs());
    let mut clip = Clip {
        writer,
        look: &mut |frame| look(frame, total),
    };
    let mut progress = Progress::new("render", "frames", quiet);
    let frames = render_clip(
        &mut sound,
        &mut poses,
        rate,
        &mut Stage(renderer),
        &mut clip,
        &interrupt::pressed,
        &mut |done, total| progress.at(done, total),
    )?;
    let info = clip.writer.finish()?;
    progress.done(&format!("{frames} frames"));
    if let Some(path) = &args.subtitles {
        subtitles::write(path, &sound.timing)?;
    }
    Ok(Made {
        clip: info,
        avatar: avatar.manifest.name.clone(),
        adapter: renderer.adapter().name.clone(),
        frames,
        elapsed_secs: started.elapsed().as_secs_f64(),
    })
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
pub struct Made {
    pub clip: ClipInfo,
    pub avatar: String,
    pub adapter: String,
    pub frames: u64,
    pub elapsed_secs: f64,
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

struct Clip<'a> {
    writer: ClipWriter,
    look: &'a mut dyn FnMut(&Frame),
}

impl ClipStage for Clip<'_> {
    fn video(&mut self, frame: Frame) -> Result<(), SinkError> {
        (self.look)(&frame);
        Ok(self.writer.video(frame)?)
    }

    fn audio(&mut self, samples: &[f32]) -> Result<(), SinkError> {
        Ok(self.writer.audio(samples)?)
    }
}
