//! `huashen preview`: an avatar, live in a window.
//!
//! The main thread belongs to the window. One thread makes what is heard and
//! seen ([`Maker`]), one obeys the user ([`Controller`]), one a source from
//! outside; what moves the person is behind one lock that nobody holds for long.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender};
use huashen_audio::{Notice, Player};
use huashen_avatar::Avatar;
use huashen_core::{PixelFormat, Size};
use huashen_motion::formats::live_link;
use huashen_pipeline::live::{Live, TrackClock};
use huashen_render::{Cast, WindowEvent, WindowGauge, WindowOptions, WindowOrder, run_window};
use serde::Serialize;

use super::preview_make::{Job, Maker};
use super::preview_steps::{self, PATIENCE_SECS, Step, Until};
use super::{preview_outside, preview_scenery};
use crate::args::Preview;
use crate::settings::Settings;
use crate::{interrupt, output, picture};

/// Windows open no larger than this, in logical pixels.
const MOST: Size = Size {
    width: 1280,
    height: 800,
};
const HELP: &str = "keys: Space hold the sound · B background · F full screen · T on top · \
S screenshot · ? help · Esc quit; drop a recording, a script, a photo or a model";

/// What all threads of a preview share.
pub struct Shared {
    pub live: Mutex<Live>,
    pub player: Player,
    pub gauge: Arc<WindowGauge>,
    pub start: Instant,
    /// The first picture was seen: sound may begin.
    pub seen: AtomicBool,
    pub stop: AtomicBool,
    /// Jobs not finished yet.
    pub busy: AtomicUsize,
    /// Microseconds from a microphone's sound to the motion that goes with it:
    /// the sum, and of how many.
    pub heard_late: [AtomicU64; 2],
    pub faces: AtomicU64,
}

impl Shared {
    pub fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wall_secs(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

pub fn run(args: &Preview, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    // Everything that can be wrong is found before the window opens.
    huashen_render::check_desktop()?;
    let steps = args
        .script_ui
        .as_deref()
        .map(preview_steps::read)
        .transpose()?;
    let avatar = Arc::new(picture::avatar(&args.picture, settings)?);
    let size = picture::size(&args.picture, settings, &avatar, u32::MAX)?;
    let options = picture::options(&args.picture, settings, &avatar, size, PixelFormat::Rgba8)?;
    let manner = crate::manner::options(&args.manner, &args.voice)?;
    let first = first_job(args)?;
    let track = args.track.as_deref().map(read_track).transpose()?;
    let transparent = options.background == huashen_render::Background::Transparent;
    let scenery = preview_scenery::Scenery::new(&args.picture, settings, options.clone());

    let say = Arc::new(move |text: &str| {
        if !quiet {
            output::note(text);
        }
    });
    let notice: Notice = say.clone();
    let shared = Arc::new(Shared {
        live: Mutex::new(Live::new(&manner)),
        player: Player::new(args.speaker.clone(), Arc::clone(&notice)),
        gauge: Arc::new(WindowGauge::default()),
        start: Instant::now(),
        seen: AtomicBool::new(false),
        stop: AtomicBool::new(false),
        busy: AtomicUsize::new(0),
        heard_late: Default::default(),
        faces: AtomicU64::new(0),
    });
    if let Some(track) = track {
        let clock = match args.audio {
            Some(_) => TrackClock::Heard,
            None => TrackClock::Wall,
        };
        shared.live().play_track(track, clock);
    }
    let voice = args.voice.voice.clone().or_else(|| settings.voice.clone());
    let (jobs, todo) = crossbeam_channel::unbounded();
    let maker = Maker::new(Arc::clone(&shared), voice, args.track.is_some(), quiet);
    spawn("huashen-make", move || maker.run(&todo))?;
    if let Some(job) = first {
        send(&shared, &jobs, job);
    }
    preview_outside::start(args, &manner, &shared, &notice)?;

    let (events, happened) = crossbeam_channel::unbounded();
    let (orders, obey) = crossbeam_channel::unbounded();
    let title = title(&avatar);
    let cast = scenery.cast(Arc::clone(&avatar))?;
    let controller = Controller {
        shared: Arc::clone(&shared),
        scenery,
        orders,
        jobs,
        steps: steps.unwrap_or_default().into_iter(),
        waiting: None,
        scripted: args.script_ui.is_some(),
        say: notice,
        failed: Arc::default(),
        shots: 0,
        shots_due: 0,
        avatar: Arc::clone(&avatar),
    };
    let failed = Arc::clone(&controller.failed);
    spawn("huashen-control", move || controller.run(&happened))?;

    let poser = Arc::clone(&shared);
    let window = WindowOptions {
        title,
        size: fit(options.size),
        fullscreen: args.fullscreen,
        on_top: args.on_top,
        transparent,
    };
    let outcome = run_window(
        &window,
        cast,
        Box::new(move |ahead_secs| {
            let heard = poser.player.heard_secs();
            // What is held does not go on.
            let moving = !poser.player.is_paused() && poser.player.is_playing();
            let heard = heard + if moving { ahead_secs } else { 0.0 };
            poser.live().pose(poser.wall_secs() + ahead_secs, heard)
        }),
        obey,
        Arc::new(move |event| {
            events.send(event).ok();
        }),
        Arc::clone(&shared.gauge),
    );
    shared.stop.store(true, Ordering::Relaxed);
    outcome?;
    if args.json {
        output::json(&Report::of(&shared, &avatar))?;
    }
    let failed = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
    match failed {
        Some(error) => Err(error),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .context("no thread can be started")?;
    Ok(())
}

/// Gives the maker something to do.
fn send(shared: &Shared, jobs: &Sender<Job>, job: Job) {
    shared.busy.fetch_add(1, Ordering::AcqRel);
    if jobs.send(job).is_err() {
        shared.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What the flags ask to be heard. Files are looked at now, so that a wrong
/// name is told before a window opens.
fn first_job(args: &Preview) -> anyhow::Result<Option<Job>> {
    if let Some(path) = &args.script {
        return Ok(Some(Job::Script(crate::sound::open_script(path)?)));
    }
    if let Some(path) = &args.audio {
        huashen_media::AudioReader::open(path, None)?;
        return Ok(Some(Job::Recording(path.clone())));
    }
    Ok(None)
}

fn read_track(path: &Path) -> anyhow::Result<huashen_core::MotionTrack> {
    let file =
        std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    live_link::read(std::io::BufReader::new(file), None).with_context(|| path.display().to_string())
}

fn title(avatar: &Avatar) -> String {
    format!("{} · Huashen", avatar.manifest.name)
}

/// A window's size with the shape of `size`.
fn fit(size: Size) -> Size {
    let scale = |most: u32, side: u32| f64::from(most) / f64::from(side.max(1));
    let by = scale(MOST.width, size.width)
        .min(scale(MOST.height, size.height))
        .min(1.0);
    let side = |v: u32| ((f64::from(v) * by).round() as u32).max(64) & !1;
    Size {
        width: side(size.width),
        height: side(size.height),
    }
}

/// How it went.
#[derive(Serialize)]
struct Report<'a> {
    avatar: &'a str,
    pictures: u64,
    fps: f64,
    secs: f64,
    /// From a pose to its picture on the window, on average.
    latency_secs: f64,
    /// How far pictures were from the sound they belong to: the median and
    /// what 95 of 100 stay below, of the last pictures.
    offset_secs: Option<[f32; 2]>,
    /// Seconds of sound that were heard.
    heard_secs: f64,
    /// How often sound came too late.
    starved: u64,
    /// From the microphone's sound to motion, on average; the model's waiting
    /// for what comes after is in it.
    voice_to_motion_secs: Option<f64>,
    /// Faces that came by VMC.
    faces: u64,
}

impl<'a> Report<'a> {
    fn of(shared: &Shared, avatar: &'a Avatar) -> Self {
        let mut late: Vec<f32> = shared
            .gauge
            .lateness_secs()
            .into_iter()
            .map(f32::abs)
            .collect();
        late.sort_by(f32::total_cmp);
        let share = |p: usize| late.get(late.len() * p / 100).copied();
        let [sum, count] = [0, 1].map(|i| shared.heard_late[i].load(Ordering::Relaxed));
        Self {
            avatar: &avatar.manifest.name,
            pictures: shared.gauge.shown(),
            fps: shared.gauge.fps(),
            secs: shared.wall_secs(),
            latency_secs: shared.gauge.latency_secs(),
            offset_secs: share(50).zip(share(95)).map(|(a, b)| [a, b]),
            heard_secs: shared.player.heard_secs(),
            starved: shared.player.starved(),
            voice_to_motion_secs: (count > 0).then(|| sum as f64 * 1e-6 / count as f64),
            faces: shared.faces.load(Ordering::Relaxed),
        }
    }
}

/// Does what the user, or a file in place of one, asks for.
struct Controller {
    shared: Arc<Shared>,
    scenery: preview_scenery::Scenery,
    orders: Sender<WindowOrder>,
    jobs: Sender<Job>,
    steps: std::vec::IntoIter<Step>,
    /// The step that waits, and since when.
    waiting: Option<(Step, Instant)>,
    scripted: bool,
    say: Notice,
    failed: Arc<Mutex<Option<anyhow::Error>>>,
    shots: u32,
    /// Screenshots asked for that are not written yet.
    shots_due: u32,
    avatar: Arc<Avatar>,
}

impl Controller {
    fn run(mut self, happened: &Receiver<WindowEvent>) {
        while !self.shared.stopped() {
            match happened.recv_timeout(Duration::from_millis(10)) {
                Ok(event) => self.hear(event),
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return,
            }
            if interrupt::pressed() {
                self.order(WindowOrder::Quit);
            }
            if self.scripted && self.shared.seen.load(Ordering::Acquire) {
                self.step();
            }
        }
    }

    fn order(&self, order: WindowOrder) {
        self.orders.send(order).ok();
    }

    fn hear(&mut self, event: WindowEvent) {
        match event {
            WindowEvent::FirstPicture => {
                let secs = self.shared.wall_secs();
                (self.say)(&format!("window: open after {secs:.1} s; {HELP}"));
                self.shared.seen.store(true, Ordering::Release);
            }
            WindowEvent::Key(key) => self.key(&key),
            WindowEvent::Dropped(path) => self.drop(&path),
            WindowEvent::CloseAsked => self.order(WindowOrder::Quit),
            WindowEvent::Resized(_) => {}
            WindowEvent::Saved(path) => {
                self.shots_due = self.shots_due.saturating_sub(1);
                (self.say)(&format!("screenshot: {}", path.display()));
            }
            WindowEvent::Failed(reason) => {
                self.shots_due = 0;
                (self.say)(&reason);
            }
        }
    }

    fn key(&mut self, key: &str) {
        match key.to_lowercase().as_str() {
            "escape" | "q" => self.order(WindowOrder::Quit),
            "space" | " " => {
                let player = &self.shared.player;
                player.set_paused(!player.is_paused());
                (self.say)(match player.is_paused() {
                    true => "held",
                    false => "going on",
                });
            }
            "f" | "f11" => self.order(WindowOrder::ToggleFullscreen),
            "t" => self.order(WindowOrder::ToggleOnTop),
            "b" => {
                let (name, backdrop) = self.scenery.next(&self.avatar);
                (self.say)(&format!("background: {name}"));
                self.order(WindowOrder::Backdrop(backdrop));
            }
            "s" => {
                // The first name that is free.
                let path = loop {
                    self.shots += 1;
                    let path = PathBuf::from(format!("huashen-{}.png", self.shots));
                    if !path.exists() {
                        break path;
                    }
                };
                self.shoot(path);
            }
            "?" | "f1" | "h" => (self.say)(HELP),
            _ => {}
        }
    }

    fn shoot(&mut self, path: PathBuf) {
        self.shots_due += 1;
        self.order(WindowOrder::Screenshot(path));
    }

    /// Takes a dropped file for what it is.
    fn drop(&mut self, path: &Path) {
        if let Err(error) = self.try_drop(path) {
            (self.say)(&format!("{}: {error:#}", path.display()));
        }
    }

    fn try_drop(&mut self, path: &Path) -> anyhow::Result<()> {
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        match extension.as_str() {
            "csv" => {
                let track = read_track(path)?;
                self.shared.live().play_track(track, TrackClock::Wall);
            }
            "glb" | "gltf" | "vrm" => self.swap(&path.to_string_lossy())?,
            "png" | "jpg" | "jpeg" | "webp" => {
                let name = super::avatar_new::from_dropped(path)?;
                self.swap(&name)?;
            }
            _ if path.is_dir() => self.swap(&path.to_string_lossy())?,
            _ => {
                let job = match crate::sound::open(path)? {
                    crate::sound::Input::Script(script) => Job::Script(script),
                    crate::sound::Input::Recording(path) => Job::Recording(path),
                };
                self.shared.player.clear();
                self.shared.live().be_quiet();
                send(&self.shared, &self.jobs, job);
            }
        }
        Ok(())
    }

    /// Shows another avatar.
    fn swap(&mut self, name: &str) -> anyhow::Result<()> {
        let avatar = Arc::new(crate::footage::avatar(name)?);
        let cast: Cast = self.scenery.cast(Arc::clone(&avatar))?;
        (self.say)(&format!("avatar: {}", avatar.manifest.name));
        self.order(WindowOrder::Title(title(&avatar)));
        self.order(WindowOrder::Cast(Box::new(cast)));
        self.avatar = avatar;
        Ok(())
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
                Step::Wait(secs) => waited >= *secs,
                Step::Until(until) => self.is_so(*until),
                // One that was written is waited for before the next step.
                _ => self.shots_due == 0,
            };
            if over {
                self.carry_out(step);
                continue;
            }
            if waited > PATIENCE_SECS && !matches!(step, Step::Wait(_)) {
                let error = anyhow::anyhow!("the step {step:?} did not come about");
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                self.order(WindowOrder::Quit);
                self.steps = Vec::new().into_iter();
                return;
            }
            self.waiting = Some((step, since));
            return;
        }
    }

    fn is_so(&self, until: Until) -> bool {
        use huashen_core::ArkitShape as A;
        let shared = &self.shared;
        // What goes with the sound of this moment, and stays if it is held now.
        let (now, heard) = (shared.wall_secs(), shared.player.heard_secs());
        let weight = |shape| shared.live().pose(now, heard).weights[shape];
        let sounding = shared.player.is_playing() && shared.player.heard_secs() > 0.0;
        match until {
            Until::Pictures(count) => shared.gauge.shown() >= count,
            Until::Sound => sounding,
            Until::Silence => {
                shared.busy.load(Ordering::Acquire) == 0 && !shared.player.is_playing()
            }
            Until::Open(least) => weight(A::JawOpen) >= least,
            Until::Shut(most) => weight(A::JawOpen) <= most,
            Until::EyesOpen => weight(A::EyeBlinkLeft) < 0.05,
        }
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Wait(_) | Step::Until(_) => {}
            Step::Key(key) => self.key(&key),
            Step::Say(text) => match huashen_script::parse(&text) {
                Ok(parsed) => send(&self.shared, &self.jobs, Job::Script(parsed.script)),
                Err(error) => (self.say)(&error.to_string()),
            },
            Step::Drop(path) => self.drop(&path),
            Step::Resize(size) => self.order(WindowOrder::Resize(size)),
            Step::Screenshot(path) => self.shoot(path),
            Step::Quit => self.order(WindowOrder::Quit),
        }
    }
}
