//! The panel's content, and what is done when its widgets are used.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use huashen_core::{ArkitShape, paths};
use huashen_media::{ClipFormat, Encoding};
use huashen_motion::emotion::Emotion;
use huashen_motion::{GESTURES, MotionOptions, Style};
use huashen_overlay::MarkText;
use huashen_render::{
    Choice, Choices, Language, List, Panel, PanelAction, PanelOptions, PanelState, TapFor,
    WindowOrder,
};

use super::control::Controller;
use super::make::Job;
use super::record::{self, Recipe, Recording};
use super::scenery::Scenery;
use super::{Shared, lock, outside, send};
use crate::args::Preview;
use crate::label::Aigc;

/// The font that has both languages.
const FONT: &str = "noto_sans_sc/NotoSansSC-Regular.otf";
/// A meter falls by this much from one look to the next.
const FALL: f32 = 0.7;
/// Sources that are not files.
pub const IDLE: &str = "idle";
pub const MICROPHONE: &str = "microphone";
pub const VMC: &str = "vmc";
/// The voice that goes with the language.
const ANY_VOICE: &str = "";

/// A panel for a preview with these flags; its avatar is `avatar`.
pub fn new(args: &Preview, avatar: &str, voice: Option<&str>, manner: &MotionOptions) -> Panel {
    let mut state = PanelState {
        emotion_strength: manner.emotion_strength,
        gestures: GESTURES.iter().map(gesture).collect(),
        ..PanelState::default()
    };
    let named = |names: Vec<&str>, picked: &str| {
        Choices::new(names.into_iter().map(Choice::named).collect(), picked)
    };
    let avatars = huashen_avatar::list(&paths::avatars_dir());
    let mut list = named(avatars.keys().map(String::as_str).collect(), avatar);
    list.pick(avatar);
    *state.list_mut(List::Avatar) = list;
    // Without voices there is the automatic one alone, which says what is missing.
    let voices = huashen_speech::voices(&paths::models_dir()).unwrap_or_default();
    let any = Choice {
        name: ANY_VOICE.to_owned(),
        ..Choice::named("automatic")
    };
    let all = voices.iter().map(|v| Choice::named(&v.name));
    let voice = voice.unwrap_or(ANY_VOICE);
    *state.list_mut(List::Voice) = Choices::new(std::iter::once(any).chain(all).collect(), voice);
    *state.list_mut(List::Source) = sources(args);
    let styles = Style::ALL.map(Style::name).to_vec();
    *state.list_mut(List::Style) = named(styles, manner.style.name());
    let emotions = Emotion::ALL.map(Emotion::name).to_vec();
    *state.list_mut(List::Emotion) = named(emotions, manner.emotion.name());
    *state.list_mut(List::Background) = named(Scenery::names().collect(), "");
    Arc::new(Mutex::new(state))
}

fn gesture(gesture: &huashen_motion::Gesture) -> Choice {
    Choice {
        chinese: gesture
            .also
            .iter()
            .find(|n| !n.is_ascii())
            .map(|n| (*n).to_owned()),
        ..Choice::named(gesture.name)
    }
}

fn sources(args: &Preview) -> Choices {
    let port = args.vmc_in.unwrap_or(huashen_pipeline::live::vmc::IN_PORT);
    let source = |name: &str, label: &str, chinese: &str| Choice {
        name: name.to_owned(),
        label: label.to_owned(),
        chinese: Some(chinese.to_owned()),
    };
    let mut all = Choices {
        all: vec![
            source(IDLE, "waiting", "待机"),
            source(MICROPHONE, "microphone", "麦克风"),
            source(
                VMC,
                &format!("VMC, port {port}"),
                &format!("VMC，端口 {port}"),
            ),
        ],
        picked: 0,
    };
    if let Some(path) = args
        .script
        .as_ref()
        .or(args.audio.as_ref())
        .or(args.track.as_ref())
    {
        all.pick(&path.to_string_lossy());
    } else if args.mic {
        all.pick(MICROPHONE);
    } else if args.vmc_in.is_some() {
        all.pick(VMC);
    }
    all
}

/// What the window needs to show the panel; none where its font is missing.
pub fn options(args: &Preview, state: &Panel) -> Option<PanelOptions> {
    let path = paths::models_dir().join(FONT);
    let font = std::fs::read(path).ok()?;
    Some(PanelOptions {
        state: Arc::clone(state),
        font: Arc::new(font),
        open: args.panel,
        language: Language::of_desktop(),
    })
}

impl Controller {
    /// Brings numbers and meters up to date.
    pub fn refresh(&mut self) {
        let shared = &self.shared;
        let pose = shared
            .live()
            .pose(shared.wall_secs(), shared.player.heard_secs());
        let voice = f32::from_bits(shared.voice_peak.swap(0, Ordering::Relaxed));
        let peaks = [shared.player.peak(), voice];
        let recording = self.recording.as_ref().map(Recording::secs);
        let late = shared.voice_late.mean();
        let mut state = lock(&shared.panel);
        state.pose = pose;
        for (level, peak) in state.levels.iter_mut().zip(peaks) {
            *level = peak.max(*level * FALL);
        }
        state.paused = shared.player.is_paused();
        state.recording = recording;
        state.fps = shared.gauge.fps();
        state.latency_secs = [Some(shared.gauge.latency_secs()), late];
        if shared.busy.load(Ordering::Acquire) == 0 {
            state.busy = None;
        }
    }

    /// Does what was asked for in the panel.
    pub fn act(&mut self, action: PanelAction) {
        if let Err(error) = self.try_act(action) {
            self.shared.complain(&format!("{error:#}"));
        }
    }

    fn try_act(&mut self, action: PanelAction) -> anyhow::Result<()> {
        match action {
            PanelAction::Picked(list) => self.picked(list)?,
            PanelAction::Say(text) => self.say(&text)?,
            PanelAction::EmotionStrength => {
                let strength = lock(&self.shared.panel).emotion_strength;
                self.remanner(|options| options.emotion_strength = strength);
            }
            PanelAction::Tuned => {
                let tuning = lock(&self.shared.panel).tuning.clone();
                self.shared.live().set_tuning(tuning);
            }
            PanelAction::Rest(true) => {
                let now = self.shared.wall_secs();
                if !self.shared.live().rest_now(now) {
                    anyhow::bail!("no face comes in: choose the microphone or VMC as the source");
                }
                self.shared.note("this is a face at rest from now on");
            }
            PanelAction::Rest(false) => self.shared.live().forget_rest(),
            PanelAction::Gesture(name) => {
                let now = self.shared.wall_secs();
                self.shared.live().gesture(&name, now);
            }
            PanelAction::Record => self.toggle_record()?,
            PanelAction::Pause => self.toggle_pause(),
            PanelAction::Stop => self.hush(),
            PanelAction::Answer(answer) => self.answered(answer)?,
        }
        Ok(())
    }

    /// Silence, and nothing to come.
    pub fn hush(&self) {
        self.shared.player.clear();
        self.shared.live().be_quiet();
    }

    pub fn toggle_pause(&self) {
        let player = &self.shared.player;
        player.set_paused(!player.is_paused());
        self.shared.note(match player.is_paused() {
            true => "held",
            false => "going on",
        });
    }

    pub fn say(&self, text: &str) -> anyhow::Result<()> {
        let parsed = huashen_script::parse(text)?;
        send(&self.shared, &self.jobs, Job::Script(parsed.script));
        Ok(())
    }

    /// Moves on in a list by a key, as if the next entry had been picked.
    pub fn next_of(&mut self, list: List) {
        {
            let mut state = lock(&self.shared.panel);
            let choices = state.list_mut(list);
            choices.picked = (choices.picked + 1) % choices.all.len().max(1);
        }
        self.act(PanelAction::Picked(list));
        let name = lock(&self.shared.panel).list(list).name().to_owned();
        if list != List::Avatar && !name.is_empty() {
            self.shared.note(&name);
        }
    }

    /// Chooses a source by its name, as if it had been picked.
    pub fn take_source(&mut self, name: &str) {
        lock(&self.shared.panel).list_mut(List::Source).pick(name);
        self.act(PanelAction::Picked(List::Source));
    }

    fn picked(&mut self, list: List) -> anyhow::Result<()> {
        let (name, at) = {
            let state = lock(&self.shared.panel);
            let choices = state.list(list);
            (choices.name().to_owned(), choices.picked)
        };
        match list {
            List::Avatar => {
                let swapped = self.swap(&name);
                if swapped.is_err() {
                    // The one that is still seen.
                    let seen = self.avatar().manifest.name.clone();
                    lock(&self.shared.panel).list_mut(List::Avatar).pick(&seen);
                }
                swapped?;
            }
            List::Voice => *lock(&self.shared.voice) = (name != ANY_VOICE).then_some(name),
            List::Source => self.source(&name)?,
            List::Style => {
                let style: Style = name.parse()?;
                self.remanner(|options| options.style = style);
            }
            List::Emotion => {
                let emotion: Emotion = name.parse()?;
                self.remanner(|options| options.emotion = emotion);
            }
            List::Background => {
                let avatar = self.avatar();
                let backdrop = self.scenery.choose(at, &avatar);
                self.order(WindowOrder::Backdrop(backdrop));
            }
        }
        Ok(())
    }

    fn remanner(&self, change: impl FnOnce(&mut MotionOptions)) {
        let now = self.shared.wall_secs();
        let mut live = self.shared.live();
        let mut options = *live.options();
        change(&mut options);
        live.set_options(&options, now);
    }

    fn source(&mut self, name: &str) -> anyhow::Result<()> {
        outside::stop(&self.shared);
        self.hush();
        match name {
            IDLE => Ok(()),
            MICROPHONE => {
                let manner = *self.shared.live().options();
                outside::listen(&self.shared, self.microphone.clone(), &manner)
            }
            VMC => outside::follow_vmc(&self.shared, self.vmc_port),
            path => self.play(&PathBuf::from(path)),
        }
    }

    /// Begins or ends a recording.
    pub fn toggle_record(&mut self) -> anyhow::Result<()> {
        if let Some(recording) = self.recording.take() {
            self.order(WindowOrder::Tap(TapFor::Record, None));
            self.finishing.push(recording.stop());
            return Ok(());
        }
        let path = match self.record_to.take() {
            Some(path) => path,
            None => record::free_name("huashen", "mp4"),
        };
        let avatar = self.avatar();
        let alpha = self.scenery.is_clear();
        let encoding = Encoding {
            format: ClipFormat::of(&path, None, alpha)?,
            alpha,
            ..Encoding::default()
        };
        crate::output::check_target(&path, false)?;
        let name = &avatar.manifest.name;
        let recipe = Recipe {
            metadata: vec![Aigc::live(self.producer.as_ref(), name).pair()?],
            mark: MarkText::Both,
            face: self.scenery.face(&avatar),
            encoding,
            path,
        };
        let note = format!("recording: {}", recipe.path.display());
        let (recording, tap) = Recording::start(&self.shared, recipe)?;
        self.order(WindowOrder::Tap(TapFor::Record, Some(tap)));
        self.recording = Some(recording);
        self.shared.note(&note);
        Ok(())
    }

    /// Tells what became of recordings, and ends one that failed by itself.
    pub fn look_after_recordings(&mut self) {
        if self.recording.as_ref().is_some_and(Recording::has_ended)
            && let Some(failed) = self.recording.take()
        {
            self.order(WindowOrder::Tap(TapFor::Record, None));
            self.finishing.push(failed.stop());
        }
        let (ended, going) = std::mem::take(&mut self.finishing)
            .into_iter()
            .partition(|thread| thread.is_finished());
        self.finishing = going;
        for thread in ended {
            self.told(thread);
        }
    }

    /// Waits for what is being written, at the end.
    pub fn finish_recordings(&mut self) {
        if let Some(recording) = self.recording.take() {
            self.order(WindowOrder::Tap(TapFor::Record, None));
            self.finishing.push(recording.stop());
        }
        for thread in std::mem::take(&mut self.finishing) {
            self.told(thread);
        }
    }

    fn told(&self, thread: std::thread::JoinHandle<anyhow::Result<huashen_media::ClipInfo>>) {
        match thread.join() {
            Ok(Ok(info)) => {
                let secs = info.duration_secs;
                self.shared
                    .note(&format!("recorded: {}, {secs:.1} s", info.path.display()));
            }
            Ok(Err(error)) => self
                .shared
                .complain(&format!("the recording failed: {error:#}")),
            Err(_) => self
                .shared
                .complain("the recording failed: this is a bug, please report it"),
        }
    }

    /// Asks who agreed before a video becomes an avatar.
    pub fn ask_consent(&mut self, video: PathBuf) {
        let file = video
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        lock(&self.shared.panel).question = Some(huashen_render::Question {
            english: format!(
                "Make an avatar from {file}? Write who is in it, and who agreed that their likeness may speak other words."
            ),
            chinese: format!("用 {file} 制作形象？请写明视频中是谁，以及谁同意其形象说别的话。"),
        });
        self.film = Some(video);
        self.shared
            .note("a video: the panel asks who is in it (P shows it)");
    }

    fn answered(&mut self, answer: Option<String>) -> anyhow::Result<()> {
        lock(&self.shared.panel).question = None;
        let video = self.film.take().context("nothing was asked")?;
        match answer {
            Some(consent) => send(&self.shared, &self.jobs, Job::Film(video, consent)),
            None => self.shared.note("the video was left alone"),
        }
        Ok(())
    }

    /// Whether the weight of a shape is what a test waits for.
    pub fn weight(&self, shape: ArkitShape) -> f32 {
        let shared = &self.shared;
        // What goes with the sound of this moment, and stays if it is held now.
        let (now, heard) = (shared.wall_secs(), shared.player.heard_secs());
        shared.live().pose(now, heard).weights[shape]
    }
}

impl Shared {
    /// Something that is good to know, on stderr and in the panel.
    pub fn note(&self, text: &str) {
        (self.say)(text);
    }

    /// Something that went wrong; all goes on as it was.
    pub fn complain(&self, text: &str) {
        crate::output::error_line(text);
        lock(&self.panel).tell(text, true);
    }
}
