//! `huashen render`: a script or a recording becomes a clip.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::ensure;
use huashen_avatar::Avatar;
use huashen_core::{
    Frame, FrameRate, FrameSink, PixelFormat, Pose, SinkError, Size, Timing, paths,
};
use huashen_media::{AudioSpec, ClipInfo, ClipSpec, ClipWriter};
use huashen_motion::MotionOptions;
use huashen_overlay::{CaptionStyle, Cue, CueShape, Overlay};
use huashen_pipeline::Sound;
use huashen_pipeline::offline::{RenderStage, render_clip};
use huashen_render::{RenderOptions, Renderer};
use huashen_script::Script;
use huashen_speech::{Recogniser, Synthesizer};
use serde::Serialize;

use super::dub;
use crate::args::{PictureArgs, Render};
use crate::delivery::{Delivery, Seal};
use crate::label::{self, Label};
use crate::progress::Progress;
use crate::scene::Setting;
use crate::settings::Settings;
use crate::sound::Input;
use crate::soundtrack::Soundtrack;
use crate::staging::Staging;
use crate::{interrupt, output, picture, sound, sound_file, subtitles};

/// Motion is planned at least this often, whatever the clip's frame rate.
const LEAST_MOTION_HZ: f64 = 50.0;

pub fn run(args: &Render, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    if args.picture.avatar.as_deref() == Some(dub::SAME) {
        return dub::run(args, settings, quiet);
    }
    ensure!(
        args.say.is_none() && args.consent.is_none(),
        "--say and --consent are for a video whose person says other words: add --avatar same"
    );
    run_with(args, settings, &mut Studio::default(), quiet)
}

/// The same, with what is loaded already.
pub fn run_with(
    args: &Render,
    settings: &Settings,
    studio: &mut Studio,
    quiet: bool,
) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // Everything that can be wrong is found before the long work begins.
    label::check(&args.delivery)?;
    if let Some(path) = &args.subtitles {
        subtitles::format_of(path)?;
        output::check_target(path, args.force)?;
    }
    let delivery = studio.delivery(args, settings)?;
    delivery.check_target(args.force)?;
    let input = sound::open(&args.input)?;
    let mut made = make(args, settings, &input, studio, quiet, &mut |_, _| ())?;
    made.elapsed_secs = started.elapsed().as_secs_f64();
    if args.json {
        output::json(&made)?;
    } else {
        output::line(&delivery.place.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What stays loaded from one clip to the next: the voice model and the avatar.
#[derive(Default)]
pub struct Studio {
    synth: Option<Synthesizer>,
    avatar: Option<(String, Avatar)>,
    set: Option<Set>,
    /// Footage is shown as it was filmed.
    pub straight: bool,
}

/// An avatar before its camera.
struct Set {
    size: Size,
    /// Where the face is in the picture, in pixels.
    face: Option<[f32; 4]>,
    renderer: Renderer,
}

impl Studio {
    /// The avatar: the one of the last clip where it is the same.
    fn avatar(&mut self, args: &PictureArgs, settings: &Settings) -> anyhow::Result<&Avatar> {
        let wanted = format!("{:?}", args.avatar);
        if self.avatar.as_ref().is_none_or(|(have, _)| *have != wanted) {
            // Two avatars at a time would cost memory for nothing.
            (self.avatar, self.set) = (None, None);
            self.avatar = Some((wanted, picture::avatar(args, settings)?));
        }
        match &self.avatar {
            Some((_, avatar)) => Ok(avatar),
            None => unreachable!("it was just loaded"),
        }
    }

    /// In what form the clip comes out.
    fn delivery(&mut self, args: &Render, settings: &Settings) -> anyhow::Result<Delivery> {
        let avatar = self.avatar(&args.picture, settings)?;
        let alpha =
            args.scene.is_none() && picture::is_transparent(&args.picture, settings, avatar);
        Delivery::of(&args.output, &args.delivery, alpha)
    }

    /// Puts the avatar before its camera.
    fn set_up(
        &mut self,
        args: &PictureArgs,
        settings: &Settings,
        (pixels, longest_px): (PixelFormat, u32),
        rate: FrameRate,
    ) -> anyhow::Result<()> {
        // A renderer that has drawn before draws into a larger part of the
        // picture, and rounds otherwise: clips would tell what came before them.
        self.set = None;
        let straight = self.straight;
        let avatar = self.avatar(args, settings)?;
        huashen_avatar::require_speech(avatar)?;
        let size = picture::size(args, settings, avatar, longest_px)?;
        let options = RenderOptions {
            step_secs: Some(rate.frame_time_secs(1)),
            straight,
            ..picture::options(args, settings, avatar, size, pixels)?
        };
        let set = Set {
            size,
            face: picture::face_px(avatar, options.framing, size),
            renderer: Renderer::new(avatar, &options)?,
        };
        self.set = Some(set);
        Ok(())
    }

    /// Forgets what a failed clip may have left in disorder.
    pub fn clear(&mut self) {
        self.set = None;
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
    let delivery = studio.delivery(args, settings)?;
    let format = delivery.encoding.format;
    let asked = args.fps.as_deref().or(settings.fps.as_deref());
    let rate: FrameRate = match (asked, &studio.avatar(&args.picture, settings)?.video) {
        (None, Some(video)) if !format.is_preview() => FrameRate {
            num: video.about.rate[0],
            den: video.about.rate[1],
        },
        _ => asked.unwrap_or(delivery.fps()).parse()?,
    };
    delivery.encoding.check(&args.output, rate)?;
    let seal = Seal::of(&args.output, &args.delivery.seal)?;
    // Before speech is made: a missing device is known at once.
    let setting = match format.has_pictures() {
        true => Setting::of(args, settings, delivery.longest_px())?,
        false => None,
    };
    if format.has_pictures() {
        let (picture, pixels) = match &setting {
            Some(setting) => (&setting.picture(&args.picture), PixelFormat::Rgba8),
            None => (&args.picture, delivery.encoding.pixels()),
        };
        studio.set_up(picture, settings, (pixels, delivery.longest_px()), rate)?;
    }
    let manner = crate::manner::options(&args.manner, &args.voice)?;
    let wants_words = args.subtitles.is_some() || args.delivery.burn_subtitles;
    let recogniser = match (input, wants_words) {
        (Input::Recording(_), true) => Some(Recogniser::open(&paths::models_dir())?),
        _ => None,
    };
    if let (Some(setting), Input::Script(script)) = (&setting, input) {
        setting.check_pages(script)?;
    }
    let letters = match args.delivery.burn_subtitles && format.has_pictures() {
        true => Some(subtitles::letters(args.delivery.font.as_deref())?),
        false => None,
    };
    studio.avatar(&args.picture, settings)?;
    let Studio {
        synth, avatar, set, ..
    } = studio;
    let Some((_, avatar)) = avatar else {
        unreachable!("it was just loaded")
    };

    let mut sound = match input {
        Input::Script(script) => {
            let voice = args.voice.voice.as_deref().or(settings.voice.as_deref());
            let voice = voice.or_else(|| own_voice(avatar, script));
            let synth = match synth {
                Some(synth) => synth,
                none => none.insert(Synthesizer::open(&paths::models_dir())?),
            };
            sound::speak_with(synth, script, voice, true, quiet)?
        }
        Input::Recording(path) => sound::record(path, quiet)?,
    };
    sound.level_to(delivery.loudness);
    interrupt::check()?;

    let holds = (format.has_pictures(), format.keeps_metadata());
    let name = &avatar.manifest.name;
    let mut label = Label::new(&args.delivery, settings, input, &sound, name, holds);
    label.signed_by = seal.signer().map(str::to_owned);
    let mut metadata = label.pairs()?;
    if format.keeps_metadata() {
        metadata.extend(args.title.iter().map(|t| ("title".to_owned(), t.clone())));
    }
    let mut set = match format.has_pictures() {
        true => set.as_mut(),
        false => None,
    };
    let size = match (&setting, &set) {
        (Some(setting), _) => setting.size,
        (None, Some(set)) => set.size,
        (None, None) => subtitles::SCREEN,
    };
    let shape = CueShape::for_aspect(size.aspect());
    let cues = match (input, recogniser) {
        (Input::Script(script), _) if wants_words => {
            huashen_overlay::cues(&sound.timing, &script.plain_text(), shape)
        }
        (Input::Recording(path), Some(recogniser)) => {
            let heard = sound::listen(&recogniser, path, quiet)?;
            let timing = Timing {
                duration_secs: sound.duration_secs(),
                words: heard.words,
                ..Timing::default()
            };
            huashen_overlay::cues(&timing, &heard.text, shape)
        }
        _ => Vec::new(),
    };
    let highlight = args.delivery.highlight_words;
    let mut before_secs = 0.0;
    let (clip, frames) = match &mut set {
        Some(set) => {
            let mut overlay = Overlay::default();
            if let Some(mut letters) = letters {
                let text: String = cues.iter().flat_map(Cue::texts).collect();
                subtitles::check_letters(&mut letters, &text);
                overlay.captions(cues.clone(), CaptionStyle { highlight }, letters, size);
            }
            let (mut face, mut canvas, mut soundtrack) = (set.face, None, None);
            let mut bookends = [None, None];
            if let Some(setting) = &setting {
                face = setting.face(face);
                canvas = Some(setting.canvas(&mut sound.timing.marks)?);
                setting.layers(&mut overlay, args.delivery.font.as_deref())?;
                soundtrack = setting.soundtrack(&sound, delivery.loudness)?;
                bookends = setting.bookends(rate, delivery.loudness)?;
            }
            if let Some(text) = label.text {
                overlay.mark(text, label.throughout, size, face);
            }
            let motion = MotionOptions {
                rate_hz: rate.fps() * motion_steps(rate),
                manner: crate::footage::manner(avatar),
                ..manner
            };
            let spec = ClipSpec {
                size,
                rate,
                encoding: delivery.encoding,
                audio: Some(match soundtrack {
                    Some(_) => Soundtrack::SPEC,
                    None => AudioSpec::mono(sound.sample_rate_hz()),
                }),
                metadata,
            };
            let mut clip = Staging {
                writer: ClipWriter::create(&args.output, spec)?,
                canvas,
                overlay,
                soundtrack,
                rate,
                total: rate.frame_count(sound.duration_secs()),
                look,
                written: 0,
            };
            let [intro, outro] = bookends;
            if let Some(intro) = intro {
                clip.play(intro, true)?;
                before_secs = rate.frame_time_secs(clip.written);
            }
            let person = (&*avatar, &mut set.renderer);
            draw(&mut clip, &mut sound, &motion, person, quiet)?;
            if let Some(outro) = outro {
                clip.play(outro, label.throughout)?;
            }
            clip.finish(&seal)?
        }
        None => {
            sound_file::write(
                &delivery.place,
                delivery.encoding,
                metadata,
                &mut sound,
                &seal,
            )?;
            (huashen_media::probe(&delivery.place)?, 0)
        }
    };
    if let Some(path) = &args.subtitles {
        let cues: Vec<Cue> = cues.into_iter().map(|c| c.later(before_secs)).collect();
        subtitles::write(path, &cues, size, highlight)?;
    }
    Ok(Made {
        clip,
        avatar: avatar.manifest.name.clone(),
        adapter: set.map(|set| set.renderer.adapter().name.clone()),
        frames,
        label,
        elapsed_secs: started.elapsed().as_secs_f64(),
    })
}

/// Motion steps a frame, a whole number: no pose is interpolated.
fn motion_steps(rate: FrameRate) -> f64 {
    (LEAST_MOTION_HZ / rate.fps()).ceil().max(1.0)
}

/// Renders and encodes the person.
fn draw(
    clip: &mut Staging<'_>,
    sound: &mut Sound,
    motion: &MotionOptions,
    (avatar, renderer): (&Avatar, &mut Renderer),
    quiet: bool,
) -> anyhow::Result<()> {
    let rate = clip.rate;
    let mut poses = sound
        .planner(motion)?
        .step_by(motion_steps(rate) as usize)
        .map(|mut pose| {
            if let Some(video) = &avatar.video {
                video.person.in_style(&mut pose);
            }
            pose
        });
    let mut progress = Progress::new("render", "frames", quiet);
    let frames = render_clip(
        sound,
        &mut poses,
        rate,
        &mut Stage(renderer),
        clip,
        &interrupt::pressed,
        &mut |done, total| progress.at(done, total),
    )?;
    clip.end_sound()?;
    progress.done(&format!("{frames} frames"));
    Ok(())
}

/// The voice that the avatar's maker chose for the script's language.
pub fn own_voice<'a>(avatar: &'a Avatar, script: &Script) -> Option<&'a str> {
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
    avatar: String,
    /// None where nothing was drawn.
    adapter: Option<String>,
    pub frames: u64,
    pub label: Label,
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
