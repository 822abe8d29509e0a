//! `huashen preview`: an avatar, live in a window.
//!
//! The main thread belongs to the window. One thread makes what is heard and
//! seen ([`Maker`]), one obeys the user ([`Controller`]), one a source from
//! outside, one a recording; what moves the person is behind one lock that nobody
//! holds for long.

#[cfg(target_os = "linux")]
mod camera;
mod control;
mod make;
mod outside;
mod panel;
mod record;
mod scenery;
mod steps;
mod watch;

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Context;
use crossbeam_channel::Sender;
use huashen_audio::{Notice, Player};
use huashen_avatar::Avatar;
use huashen_core::{PixelFormat, Size};
use huashen_motion::formats::live_link;
use huashen_pipeline::live::{Live, TrackClock, vmc};
use huashen_render::{
    FrameTap, Panel, TapFor, WindowGauge, WindowOptions, WindowOrder, run_window,
};
use serde::Serialize;

use crate::args::Preview;
use crate::settings::Settings;
use crate::{output, picture, progress};
use control::{Controller, Happening};
use make::{Job, Maker};
use watch::Watch;

/// A folder with shaders to be used in place of the built-in ones.
const SHADERS: &str = "HUASHEN_SHADERS";
/// Windows open no larger than this, in logical pixels.
const MOST: Size = Size {
    width: 1280,
    height: 800,
};
const HELP: &str = "keys: P panel · L type a line · Space hold · X stop · R record · S screenshot · \
M microphone · A avatar · V voice · E emotion · Y style · B background · 1-9 gestures · 0 let go · \
F full screen · T on top · ? help · Esc quit; drop a recording, a script, a photo, a video or a model";

/// What all threads of a preview share.
pub struct Shared {
    pub live: Mutex<Live>,
    pub player: Player,
    pub gauge: Arc<WindowGauge>,
    pub panel: Panel,
    /// Who is seen.
    pub avatar: Mutex<Arc<Avatar>>,
    /// Who speaks; none goes with the language.
    pub voice: Mutex<Option<String>>,
    pub say: Notice,
    quiet: bool,
    pub start: Instant,
    /// The first picture was seen: sound may begin.
    pub seen: AtomicBool,
    /// When that was, in seconds since the start, as bits.
    pub opened: AtomicU64,
    pub stop: AtomicBool,
    /// Jobs not finished yet.
    pub busy: AtomicUsize,
    /// Counts what follows a voice or a face from outside: older ones end.
    pub follower: AtomicU64,
    /// From a microphone's sound to the motion that goes with it.
    pub voice_late: Lateness,
    /// From an order to speak to its first sound.
    pub first_sound: Lateness,
    /// The microphone's peak since it was looked at, as bits.
    pub voice_peak: AtomicU32,
    pub faces: AtomicU64,
}

impl Shared {
    pub fn live(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }

    pub fn wall_secs(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The keys; the panel shows what they do.
    fn help(&self) {
        if !self.quiet {
            output::note(HELP);
        }
    }

    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last times that something took, in seconds.
#[derive(Default)]
pub struct Lateness(Mutex<VecDeque<f32>>);

impl Lateness {
    const KEPT: usize = 8192;

    pub fn add(&self, secs: f64) {
        let mut all = lock(&self.0);
        if all.len() == Self::KEPT {
            all.pop_front();
        }
        all.push_back(secs as f32);
    }

    /// Of the last second or so; none without any.
    pub fn mean(&self) -> Option<f64> {
        let all = lock(&self.0);
        let last = all.iter().rev().take(60);
        let count = last.len();
        (count > 0).then(|| last.map(|v| f64::from(*v)).sum::<f64>() / count as f64)
    }

    /// What half of them, and 95 of 100, stay below.
    fn shares(&self) -> Option<[f32; 2]> {
        shares(lock(&self.0).iter().copied())
    }
}

fn shares(all: impl Iterator<Item = f32>) -> Option<[f32; 2]> {
    let mut all: Vec<f32> = all.collect();
    all.sort_by(f32::total_cmp);
    let share = |p: usize| all.get(all.len() * p / 100).copied();
    share(50).zip(share(95)).map(|(a, b)| [a, b])
}

pub fn run(args: &Preview, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    // Everything that can be wrong is found before the window opens.
    huashen_render::check_desktop()?;
    let steps = args.script_ui.as_deref().map(steps::read).transpose()?;
    if let Some(path) = &args.record {
        output::check_target(path, args.force)?;
        huashen_media::ClipFormat::of(path, None, false)?;
    }
    let shaders = std::env::var_os(SHADERS).map(std::path::PathBuf::from);
    if let Some(folder) = &shaders {
        huashen_render::read_shaders(folder)?;
    }
    let avatar = Arc::new(picture::avatar(&args.picture, settings)?);
    let size = picture::size(&args.picture, settings, &avatar, u32::MAX)?;
    let options = picture::options(&args.picture, settings, &avatar, size, PixelFormat::Rgba8)?;
    let manner = huashen_motion::MotionOptions {
        manner: crate::footage::manner(&avatar),
        ..crate::manner::options(&args.manner, &args.voice)?
    };
    let first = first_job(args)?;
    let track = args.track.as_deref().map(read_track).transpose()?;
    let transparent = options.background == huashen_render::Background::Transparent;
    let scenery = scenery::Scenery::new(&args.picture, settings, options.clone());
    let voice = args.voice.voice.clone().or_else(|| settings.voice.clone());

    let state = panel::new(args, &avatar.manifest.name, voice.as_deref(), &manner);
    let told = Arc::clone(&state);
    let say: Notice = Arc::new(move |text: &str| {
        if !quiet {
            output::note(text);
        }
        lock(&told).tell(text, false);
    });
    let shared = Arc::new(Shared {
        live: Mutex::new(Live::new(&manner)),
        player: Player::new(args.speaker.clone(), Arc::clone(&say)),
        gauge: Arc::new(WindowGauge::default()),
        panel: Arc::clone(&state),
        avatar: Mutex::new(Arc::clone(&avatar)),
        voice: Mutex::new(voice),
        say,
        quiet,
        start,
        seen: AtomicBool::new(false),
        opened: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        busy: AtomicUsize::new(0),
        follower: AtomicU64::new(0),
        voice_late: Lateness::default(),
        first_sound: Lateness::default(),
        voice_peak: AtomicU32::new(0),
        faces: AtomicU64::new(0),
    });
    if let Some(track) = track {
        let clock = match args.audio {
            Some(_) => TrackClock::Heard,
            None => TrackClock::Wall,
        };
        shared.live().play_track(track, clock);
    }
    let (happens, happened) = crossbeam_channel::unbounded();
    let (jobs, todo) = crossbeam_channel::unbounded();
    let maker = Maker::new(
        Arc::clone(&shared),
        happens.clone(),
        args.track.is_some(),
        quiet,
    );
    spawn("huashen-make", move || maker.run(&todo))?;
    if let Some(job) = first {
        send(&shared, &jobs, job);
    }
    outside::start(args, &manner, &shared)?;

    let (orders, obey) = crossbeam_channel::unbounded();
    let title = title(&avatar);
    let cast = scenery.cast(Arc::clone(&avatar))?;
    let failed = Arc::default();
    let controller = Controller {
        shared: Arc::clone(&shared),
        scenery,
        orders,
        jobs,
        steps: steps.unwrap_or_default().into_iter(),
        waiting: None,
        scripted: args.script_ui.is_some(),
        failed: Arc::clone(&failed),
        due: 0,
        microphone: args.microphone.clone(),
        vmc_port: args.vmc_in.unwrap_or(vmc::IN_PORT),
        producer: settings.producer.clone(),
        recording: None,
        record_to: args.record.clone(),
        record_at_once: args.record.is_some(),
        finishing: Vec::new(),
        film: None,
        script: args.script.as_deref().map(Watch::new),
        folder: control::watched(&avatar),
        shaders: shaders.as_deref().map(Watch::new),
    };
    if let Some(path) = &args.camera {
        let tap = camera(path, &shared)?;
        controller.order(WindowOrder::Tap(TapFor::Camera, Some(tap)));
    }
    let controls = std::thread::Builder::new()
        .name("huashen-control".to_owned())
        .spawn(move || controller.run(&happened))
        .context("no thread can be started")?;
    let panel = panel::options(args, &state);
    if panel.is_some() {
        // What takes long is told in the panel.
        progress::listen(move |stage, done, total| {
            let share = done * 100 / total.max(1);
            lock(&state).busy = Some(format!("{stage} {share} %"));
        });
    }

    let poser = Arc::clone(&shared);
    let window = WindowOptions {
        title,
        size: fit(options.size),
        fullscreen: args.fullscreen,
        on_top: args.on_top,
        transparent,
        panel,
    };
    let outcome = run_window(
        &window,
        cast,
        Box::new(move |ahead_secs| {
            let heard = poser.player.heard_secs();
            // What is held does not go on.
            let moving = !poser.player.is_paused() && poser.player.is_playing();
            let heard = heard + if moving { ahead_secs } else { 0.0 };
            let mut pose = poser.live().pose(poser.wall_secs() + ahead_secs, heard);
            if let Some(video) = &lock(&poser.avatar).video {
                video.person.in_style(&mut pose);
            }
            pose
        }),
        obey,
        Arc::new(move |event| {
            happens.send(Happening::Window(event)).ok();
        }),
        Arc::clone(&shared.gauge),
    );
    shared.stop.store(true, Ordering::Relaxed);
    // What was recorded is put in place.
    controls.join().ok();
    outcome?;
    if args.json {
        output::json(&Report::of(&shared))?;
    }
    let failed = lock(&failed).take();
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

/// Opens a loopback device, as which other programs see the window.
#[cfg(target_os = "linux")]
fn camera(path: &Path, shared: &Arc<Shared>) -> anyhow::Result<FrameTap> {
    camera::Camera::open(path)?.start(shared)
}

#[cfg(not(target_os = "linux"))]
fn camera(path: &Path, _: &Arc<Shared>) -> anyhow::Result<FrameTap> {
    let path = path.display();
    let text = format!("--camera {path}: only Linux has loopback devices; capture the window");
    Err(crate::failure::Missing(text).into())
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
struct Report {
    avatar: String,
    pictures: u64,
    fps: f64,
    secs: f64,
    /// From the command to the first picture.
    opened_secs: f64,
    /// From a pose to its picture on the window, on average.
    latency_secs: f64,
    /// How far pictures were from the sound they belong to: the median and
    /// what 95 of 100 stay below, of the last pictures.
    offset_secs: Option<[f32; 2]>,
    /// Seconds of sound that were heard.
    heard_secs: f64,
    /// How often sound came too late.
    starved: u64,
    /// How many buffers the sound device went without.
    missed: u64,
    /// From an order to speak to its first sound: median and 95 of 100.
    first_sound_secs: Option<[f32; 2]>,
    /// From the microphone's sound to motion, the same; the model's waiting
    /// for what comes after is in it.
    voice_to_motion_secs: Option<[f32; 2]>,
    /// Faces that came by VMC.
    faces: u64,
}

impl Report {
    fn of(shared: &Shared) -> Self {
        Self {
            avatar: lock(&shared.avatar).manifest.name.clone(),
            pictures: shared.gauge.shown(),
            fps: shared.gauge.fps(),
            secs: shared.wall_secs(),
            opened_secs: f64::from_bits(shared.opened.load(Ordering::Relaxed)),
            latency_secs: shared.gauge.latency_secs(),
            offset_secs: shares(shared.gauge.lateness_secs().into_iter().map(f32::abs)),
            heard_secs: shared.player.heard_secs(),
            starved: shared.player.starved(),
            missed: shared.player.missed(),
            first_sound_secs: shared.first_sound.shares(),
            voice_to_motion_secs: shared.voice_late.shares(),
            faces: shared.faces.load(Ordering::Relaxed),
        }
    }
}
