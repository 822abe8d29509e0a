//! Does what the user asks for, or a file in place of one.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use huashen_avatar::Avatar;
use huashen_core::ArkitShape as A;
use huashen_media::ClipInfo;
use huashen_motion::GESTURES;
use huashen_pipeline::live::TrackClock;
use huashen_render::{Cast, List, PanelAction, WindowEvent, WindowOrder};

use super::make::Job;
use super::panel::{IDLE, MICROPHONE};
use super::record::{self, Recording};
use super::scenery::Scenery;
use super::steps::{PATIENCE_SECS, Step, Until};
use super::watch::Watch;
use super::{Shared, lock, send, title};
use crate::interrupt;

/// Numbers in the panel are brought up to date this often.
const REFRESH: Duration = Duration::from_millis(100);
/// Files that are films rather than sound.
const FILMS: [&str; 6] = ["mp4", "mov", "mkv", "webm", "avi", "m4v"];

/// What happens in a preview.
pub enum Happening {
    Window(WindowEvent),
    /// An avatar of this name was built.
    Built(String),
}

pub struct Controller {
    pub shared: Arc<Shared>,
    pub scenery: Scenery,
    pub orders: Sender<WindowOrder>,
    pub jobs: Sender<Job>,
    pub steps: std::vec::IntoIter<Step>,
    /// The step that waits, and since when.
    pub waiting: Option<(Step, Instant)>,
    pub scripted: bool,
    pub failed: Arc<Mutex<Option<anyhow::Error>>>,
    /// Screenshots and moves of hands that were asked for and are not done yet.
    pub due: u32,
    pub microphone: Option<String>,
    pub vmc_port: u16,
    pub producer: Option<String>,
    pub recording: Option<Recording>,
    /// Where the next recording goes.
    pub record_to: Option<PathBuf>,
    /// Begins with the first picture.
    pub record_at_once: bool,
    pub finishing: Vec<JoinHandle<anyhow::Result<ClipInfo>>>,
    /// A video that waits for somebody's consent.
    pub film: Option<PathBuf>,
    pub script: Option<Watch>,
    pub folder: Watch,
    pub shaders: Option<Watch>,
}

impl Controller {
    pub fn run(mut self, happened: &Receiver<Happening>) {
        let mut refreshed = Instant::now();
        while !self.shared.stopped() {
            match happened.recv_timeout(Duration::from_millis(10)) {
                Ok(Happening::Window(event)) => self.hear(event),
                Ok(Happening::Built(name)) => {
                    if let Err(error) = self.swap(&name) {
                        self.shared.complain(&format!("{error:#}"));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if interrupt::pressed() {
                self.quit();
            }
            if refreshed.elapsed() >= REFRESH {
                refreshed = Instant::now();
                self.refresh();
                self.look_after_recordings();
                self.look_at_files();
            }
            if self.scripted && self.shared.seen.load(Ordering::Acquire) {
                self.step();
            }
        }
        self.finish_recordings();
    }

    pub fn order(&self, order: WindowOrder) {
        self.orders.send(order).ok();
    }

    /// What was recorded is whole before the window goes.
    fn quit(&mut self) {
        self.finish_recordings();
        self.order(WindowOrder::Quit);
    }

    pub fn avatar(&self) -> Arc<Avatar> {
        Arc::clone(&lock(&self.shared.avatar))
    }

    fn hear(&mut self, event: WindowEvent) {
        match event {
            WindowEvent::FirstPicture => {
                let secs = self.shared.wall_secs();
                self.shared.opened.store(secs.to_bits(), Ordering::Relaxed);
                self.shared.note(&format!("window: open after {secs:.1} s"));
                self.shared.help();
                self.shared.seen.store(true, Ordering::Release);
                if std::mem::take(&mut self.record_at_once) {
                    self.act(PanelAction::Record);
                }
            }
            WindowEvent::Key(key) => self.key(&key),
            WindowEvent::Dropped(path) => self.drop(&path),
            WindowEvent::CloseAsked => self.quit(),
            WindowEvent::Resized(_) => {}
            WindowEvent::Saved(path) => {
                self.due = self.due.saturating_sub(1);
                self.shared.note(&format!("screenshot: {}", path.display()));
            }
            WindowEvent::Failed(reason) => {
                self.shared.complain(&reason);
                if self.due > 0 && self.scripted {
                    self.fail(anyhow::anyhow!(reason));
                }
                self.due = 0;
            }
            WindowEvent::Panel(action) => self.act(action),
            WindowEvent::HandDone => self.due = self.due.saturating_sub(1),
        }
    }

    fn key(&mut self, key: &str) {
        let key = key.to_lowercase();
        match key.as_str() {
            "escape" | "q" => self.quit(),
            "space" | " " => self.toggle_pause(),
            "x" => self.hush(),
            "f" | "f11" => self.order(WindowOrder::ToggleFullscreen),
            "t" => self.order(WindowOrder::ToggleOnTop),
            "a" => self.next_of(List::Avatar),
            "v" => self.next_of(List::Voice),
            "b" => self.next_of(List::Background),
            "e" => self.next_of(List::Emotion),
            "y" => self.next_of(List::Style),
            "m" => {
                let listens = lock(&self.shared.panel).list(List::Source).name() == MICROPHONE;
                self.take_source(if listens { IDLE } else { MICROPHONE });
            }
            "r" => self.act(PanelAction::Record),
            "s" => self.shoot(record::free_name("huashen", "png")),
            "0" => {
                lock(&self.shared.panel).tuning.release();
                self.act(PanelAction::Tuned);
            }
            "p" | "f2" | "l" => self.shared.complain(
                "the panel's letters are missing: run `huashen setup text`, then start again",
            ),
            "?" | "f1" | "h" => self.shared.help(),
            _ => {
                let place = key.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                if let Some(gesture) = place.and_then(|at| GESTURES.get(at)) {
                    self.act(PanelAction::Gesture(gesture.name.to_owned()));
                }
            }
        }
    }

    fn shoot(&mut self, path: PathBuf) {
        self.due += 1;
        self.order(WindowOrder::Screenshot(path));
    }

    /// Takes a dropped file for what it is.
    fn drop(&mut self, path: &Path) {
        if let Err(error) = self.try_drop(path) {
            self.shared
                .complain(&format!("{}: {error:#}", path.display()));
        }
    }

    fn try_drop(&mut self, path: &Path) -> anyhow::Result<()> {
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        match extension.as_str() {
            "glb" | "gltf" | "vrm" => self.swap(&path.to_string_lossy())?,
            "png" | "jpg" | "jpeg" | "webp" => {
                send(&self.shared, &self.jobs, Job::Photo(path.to_owned()));
            }
            film if FILMS.contains(&film) => self.ask_consent(path.to_owned()),
            _ if path.is_dir() => self.swap(&path.to_string_lossy())?,
            _ => {
                self.hush();
                self.play(path)?;
                lock(&self.shared.panel)
                    .list_mut(List::Source)
                    .pick(&path.to_string_lossy());
            }
        }
        Ok(())
    }

    /// Plays a track or a recording, or reads a script.
    pub fn play(&mut self, path: &Path) -> anyhow::Result<()> {
        if path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
        {
            let track = super::read_track(path)?;
            self.shared.live().play_track(track, TrackClock::Wall);
            return Ok(());
        }
        let job = match crate::sound::open(path)? {
            crate::sound::Input::Script(script) => {
                self.script = Some(Watch::new(path));
                Job::Script(script)
            }
            crate::sound::Input::Recording(path) => Job::Recording(path),
        };
        send(&self.shared, &self.jobs, job);
        Ok(())
    }

    /// Shows another avatar.
    pub fn swap(&mut self, name: &str) -> anyhow::Result<()> {
        let avatar = Arc::new(crate::footage::avatar(name)?);
        let cast: Cast = self.scenery.cast(Arc::clone(&avatar))?;
        self.shared
            .note(&format!("avatar: {}", avatar.manifest.name));
        self.order(WindowOrder::Title(title(&avatar)));
        self.order(WindowOrder::Cast(Box::new(cast)));
        {
            // By its name where it has one, else as it calls itself.
            let mut state = lock(&self.shared.panel);
            let list = state.list_mut(List::Avatar);
            let known = list.all.iter().any(|choice| choice.name == name);
            list.pick(if known { name } else { &avatar.manifest.name });
        }
        self.folder = watched(&avatar);
        {
            let now = self.shared.wall_secs();
            let mut live = self.shared.live();
            let mut options = *live.options();
            options.manner = crate::footage::manner(&avatar);
            live.set_options(&options, now);
        }
        *lock(&self.shared.avatar) = avatar;
        Ok(())
    }

    /// Takes over what was changed on disk; what is wrong with it is said, and
    /// all stays as it was.
    fn look_at_files(&mut self) {
        if let Some(script) = &mut self.script
            && script.changed()
        {
            let path = script.path().to_owned();
            match crate::sound::open_script(&path) {
                Ok(script) => {
                    self.hush();
                    self.shared.note(&format!("{}: read again", path.display()));
                    send(&self.shared, &self.jobs, Job::Script(script));
                }
                Err(error) => self.shared.complain(&format!("{error:#}")),
            }
        }
        if self.folder.changed() {
            let folder = self.folder.path().to_string_lossy().into_owned();
            if let Err(error) = self.swap(&folder) {
                self.shared.complain(&format!("{error:#}"));
            }
        }
        if let Some(shaders) = &mut self.shaders
            && shaders.changed()
        {
            let folder = shaders.path().to_owned();
            match huashen_render::read_shaders(&folder) {
                Ok(()) => self.order(WindowOrder::Rebuild),
                Err(error) => self.shared.complain(&error.to_string()),
            }
        }
    }

    /// Goes on with the steps of a file.
    fn step(&mut self) {
        loop {
            let (step, since) = match self.waiting.take() {
                Some(waiting) => waiting,
                None => match self.steps.next() {
                    Some(step) => (step, Instant::now()),
                    None => return,
                },
            };
            let waited = since.elapsed().as_secs_f64();
            let over = match &step {
                Step::Wait(secs) => waited >= *secs && self.due == 0,
                Step::Until(until) => self.due == 0 && self.is_so(until),
                // What was asked for before is waited for.
                _ => self.due == 0,
            };
            if over {
                self.carry_out(step);
                continue;
            }
            if waited > PATIENCE_SECS && !matches!(step, Step::Wait(_)) {
                self.fail(anyhow::anyhow!("the step {step:?} did not come about"));
                return;
            }
            self.waiting = Some((step, since));
            return;
        }
    }

    fn fail(&mut self, error: anyhow::Error) {
        *lock(&self.failed) = Some(error);
        self.steps = Vec::new().into_iter();
        self.waiting = None;
        self.quit();
    }

    fn is_so(&self, until: &Until) -> bool {
        let shared = &self.shared;
        let sounding = shared.player.is_playing() && shared.player.heard_secs() > 0.0;
        match until {
            Until::Pictures(count) => shared.gauge.shown() >= *count,
            Until::Sound => sounding,
            Until::Silence => {
                shared.busy.load(Ordering::Acquire) == 0 && !shared.player.is_playing()
            }
            Until::Open(least) => self.weight(A::JawOpen) >= *least,
            Until::Shut(most) => self.weight(A::JawOpen) <= *most,
            Until::EyesOpen => self.weight(A::EyeBlinkLeft) < 0.05,
            Until::Settled => shared.gauge.is_settled(),
            Until::Said(text) => {
                let state = lock(&shared.panel);
                state.messages.iter().any(|m| m.text.contains(text))
            }
        }
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Wait(_) | Step::Until(_) => {}
            Step::Hand(hand_move) => {
                self.due += 1;
                self.order(WindowOrder::Hand(hand_move));
            }
            Step::Say(text) => self.act(PanelAction::Say(text)),
            Step::Drop(path) => self.drop(&path),
            Step::Resize(size) => self.order(WindowOrder::Resize(size)),
            Step::Screenshot(path) => self.shoot(path),
            Step::Quit => self.quit(),
        }
    }
}

/// What an avatar is read from: its folder, or a model file by itself.
pub fn watched(avatar: &Avatar) -> Watch {
    let bundle = avatar.dir.join("avatar.toml").exists();
    match bundle {
        true => Watch::new(&avatar.dir),
        false => Watch::new(&avatar.dir.join(&avatar.manifest.file)),
    }
}
