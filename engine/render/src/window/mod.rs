//! A window in which an avatar lives: the same pictures as offline, drawn as
//! fast as the machine can and posed for the moment they are seen.
//!
//! The main thread runs bevy's event loop and nothing else; a thread of its own
//! draws (`show`), so that neither waits for the other.

mod paint;
mod panel;
mod show;
mod surface;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bevy::app::{App, AppExit, TaskPoolPlugin, Update};
use bevy::ecs::prelude::*;
use bevy::input::keyboard::{Key, KeyboardInput};
use bevy::window::{
    ExitCondition, FileDragAndDrop, MonitorSelection, PrimaryWindow, RawHandleWrapper, Window,
    WindowCloseRequested, WindowLevel, WindowMode, WindowPlugin, WindowResolution,
};
use bevy::winit::{UpdateMode, WinitPlugin, WinitSettings};
use crossbeam_channel::{Receiver, Sender};
use huashen_avatar::{Avatar, Framing};
use huashen_core::{Frame, Pose, Size};

use crate::{Background, Look, RenderError};
pub use panel::{
    Choice, Choices, HandMove, Language, List, Message, Panel, PanelAction, PanelOptions,
    PanelState, Question,
};
use panel::{Hands, Sketch};
use show::{News, Start};

/// What is behind the person in a picture of this size.
pub type Backdrop = Arc<dyn Fn(Size) -> Background + Send + Sync>;

/// Asked for each picture: the pose that will be seen in so many seconds.
pub type Poses = Box<dyn FnMut(f64) -> Pose + Send>;

/// Given each picture that was seen and the moment it was posed for; must not wait.
pub type FrameTap = Box<dyn FnMut(Arc<Frame>, Instant) + Send>;

/// Who is given pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapFor {
    Record,
    Camera,
}

/// Told what happens, from any thread; must not wait.
pub type Tell = Arc<dyn Fn(WindowEvent) + Send + Sync>;

/// Who is shown, and how.
pub struct Cast {
    pub avatar: Arc<Avatar>,
    pub framing: Option<Framing>,
    pub look: Look,
    pub backdrop: Backdrop,
}

/// How a window opens.
#[derive(Clone)]
pub struct WindowOptions {
    pub title: String,
    /// In logical pixels.
    pub size: Size,
    pub fullscreen: bool,
    pub on_top: bool,
    /// What is behind the window shows through where the background is
    /// [`Background::Transparent`], if the desktop can.
    pub transparent: bool,
    pub panel: Option<PanelOptions>,
}

/// What happens in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowEvent {
    /// The first picture is seen.
    FirstPicture,
    /// A key went down: a character, or a name as `Escape`, `F11`, `ArrowLeft`.
    Key(String),
    /// A file was dropped on the window.
    Dropped(PathBuf),
    /// The user wants to close it; it stays until [`WindowOrder::Quit`].
    CloseAsked,
    Resized(Size),
    /// A screenshot was written.
    Saved(PathBuf),
    /// Something was asked for that cannot be; all stays as it was.
    Failed(String),
    /// The user asks for something in the panel.
    Panel(PanelAction),
    /// A [`WindowOrder::Hand`] was carried out.
    HandDone,
}

/// What a window is told to do.
pub enum WindowOrder {
    /// Shows someone else.
    Cast(Box<Cast>),
    Backdrop(Backdrop),
    ToggleFullscreen,
    ToggleOnTop,
    /// In logical pixels.
    Resize(Size),
    Title(String),
    /// Writes what the window shows next into a PNG.
    Screenshot(PathBuf),
    /// Builds anew what draws, with what was read meanwhile.
    Rebuild,
    /// Gives pictures away from now on, or no longer; they keep their size meanwhile.
    Tap(TapFor, Option<FrameTap>),
    /// Does what a user would do with keys and pointer.
    Hand(HandMove),
    Quit,
}

/// How a window fares.
#[derive(Default)]
pub struct WindowGauge {
    shown: AtomicU64,
    fps: AtomicU64,
    latency: AtomicU64,
    most_fps: AtomicU64,
    software: AtomicBool,
    settled: AtomicBool,
    /// The last seconds of pictures: how much later than expected they were seen.
    late: Mutex<VecDeque<f32>>,
}

/// Pictures whose lateness is remembered.
const REMEMBERED: usize = 8192;

impl WindowGauge {
    /// Pictures shown so far.
    pub fn shown(&self) -> u64 {
        self.shown.load(Ordering::Relaxed)
    }

    /// Pictures a second, over the last second.
    pub fn fps(&self) -> f64 {
        f64::from_bits(self.fps.load(Ordering::Relaxed))
    }

    /// Seconds from a pose to its picture on the window, on average.
    pub fn latency_secs(&self) -> f64 {
        f64::from_bits(self.latency.load(Ordering::Relaxed))
    }

    /// Leaves processor time to others: at most this many pictures a second
    /// where a processor draws.
    pub fn limit_fps(&self, fps: f64) {
        self.most_fps.store(fps.to_bits(), Ordering::Relaxed);
    }

    /// Whether pictures have the size and the person that they are to have.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }

    /// How much later than the moment it was posed for each of the last
    /// pictures was handed to the desktop, in seconds.
    pub fn lateness_secs(&self) -> Vec<f32> {
        lock(&self.late).iter().copied().collect()
    }

    fn note_late(&self, secs: f64) {
        let mut late = lock(&self.late);
        if late.len() == REMEMBERED {
            late.pop_front();
        }
        late.push_back(secs as f32);
    }

    fn most_fps(&self) -> f64 {
        if !self.software.load(Ordering::Relaxed) {
            return f64::INFINITY;
        }
        match self.most_fps.load(Ordering::Relaxed) {
            0 => f64::INFINITY,
            bits => f64::from_bits(bits),
        }
    }

    fn count(&self) {
        self.shown.fetch_add(1, Ordering::Relaxed);
    }

    fn note(&self, fps: f64, latency_secs: f64) {
        self.fps.store(fps.to_bits(), Ordering::Relaxed);
        self.latency
            .store(latency_secs.to_bits(), Ordering::Relaxed);
    }
}

/// Between two looks at the orders when nothing else happens.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Opens a window, shows `cast` in it and returns when it is closed. Must be
/// called on the main thread, once a process.
///
/// # Errors
/// [`RenderError::NoWindow`] without a desktop; what the device reports.
pub fn run_window(
    options: &WindowOptions,
    cast: Cast,
    poses: Poses,
    orders: Receiver<WindowOrder>,
    tell: Tell,
    gauge: Arc<WindowGauge>,
) -> Result<(), RenderError> {
    check_desktop()?;
    let mut app = app(options)?;
    let (to_show, news) = crossbeam_channel::unbounded();
    let (to_paint, panels) = crossbeam_channel::unbounded();
    let start = Start {
        size: options.size,
        transparent: options.transparent,
        cast,
        poses,
        news,
        panels,
        tell_self: to_show.clone(),
        tell: Arc::clone(&tell),
        gauge,
    };
    let thread = std::thread::Builder::new()
        .name("huashen-show".to_owned())
        .spawn(move || show::run(start))
        .map_err(|e| RenderError::Stopped(e.to_string()))?;
    let outcome = Arc::new(Mutex::new(Ok(())));
    app.insert_resource(Desk {
        orders,
        to_show,
        tell: Arc::clone(&tell),
        thread: Some(thread),
        outcome: Arc::clone(&outcome),
        opened: false,
        size: options.size,
    });
    app.add_systems(Update, (follow_window, hear_user, obey).chain());
    if let Some(panel) = &options.panel {
        panel::add(&mut app, panel.clone(), to_paint, tell);
    }
    app.run();
    std::mem::replace(&mut *lock(&outcome), Ok(()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clear word where bevy would panic.
///
/// # Errors
/// [`RenderError::NoWindow`] where no desktop can be reached.
pub fn check_desktop() -> Result<(), RenderError> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let reached = ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .into_iter()
        .any(set);
    if cfg!(all(unix, not(target_os = "macos"))) && !reached {
        return Err(RenderError::NoWindow(
            "neither DISPLAY nor WAYLAND_DISPLAY is set, so no desktop can be reached".to_owned(),
        ));
    }
    Ok(())
}

/// bevy's windows and input, and no renderer: [`show`] draws.
fn app(options: &WindowOptions) -> Result<App, RenderError> {
    let window = Window {
        title: options.title.clone(),
        name: Some("huashen".to_owned()),
        resolution: WindowResolution::new(options.size.width, options.size.height),
        mode: mode(options.fullscreen),
        window_level: level(options.on_top),
        transparent: options.transparent,
        ..Default::default()
    };
    let mut app = App::new();
    app.add_plugins((
        TaskPoolPlugin::default(),
        bevy::a11y::AccessibilityPlugin,
        bevy::input::InputPlugin,
        WindowPlugin {
            primary_window: Some(window),
            exit_condition: ExitCondition::DontExit,
            close_when_requested: false,
            ..Default::default()
        },
    ));
    app.insert_resource(WinitSettings {
        focused_mode: UpdateMode::reactive_low_power(LOOK_EVERY),
        unfocused_mode: UpdateMode::reactive_low_power(LOOK_EVERY),
    });
    // winit's plugin panics where the desktop does not answer.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let opened = catch_unwind(AssertUnwindSafe(|| {
        app.add_plugins(WinitPlugin::default());
    }));
    std::panic::set_hook(hook);
    match opened {
        Ok(()) => Ok(app),
        Err(panic) => Err(RenderError::NoWindow(
            panic
                .downcast_ref::<String>()
                .cloned()
                .unwrap_or_else(|| "the desktop did not answer".to_owned()),
        )),
    }
}

fn mode(fullscreen: bool) -> WindowMode {
    match fullscreen {
        true => WindowMode::BorderlessFullscreen(MonitorSelection::Current),
        false => WindowMode::Windowed,
    }
}

fn level(on_top: bool) -> WindowLevel {
    match on_top {
        true => WindowLevel::AlwaysOnTop,
        false => WindowLevel::Normal,
    }
}

/// Between bevy's world and the thread that draws.
#[derive(Resource)]
struct Desk {
    orders: Receiver<WindowOrder>,
    to_show: Sender<News>,
    tell: Tell,
    thread: Option<JoinHandle<Result<(), RenderError>>>,
    outcome: Arc<Mutex<Result<(), RenderError>>>,
    opened: bool,
    size: Size,
}

impl Desk {
    /// The thread may have ended; then [`obey`] finds out why.
    fn news(&self, news: News) {
        self.to_show.send(news).ok();
    }

    /// Once the thread has ended: keeps what it says.
    fn has_ended(&mut self) -> bool {
        if !self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return false;
        }
        let ended = match self.thread.take().map(JoinHandle::join) {
            None => return true,
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(RenderError::Stopped("the window's thread panicked".into())),
        };
        *lock(&self.outcome) = ended;
        true
    }
}

/// Hands the window over once it is there, then its sizes.
fn follow_window(
    windows: Query<(&Window, &RawHandleWrapper), With<PrimaryWindow>>,
    mut desk: ResMut<Desk>,
) {
    let Ok((window, handle)) = windows.single() else {
        return;
    };
    let size = Size {
        width: window.resolution.physical_width(),
        height: window.resolution.physical_height(),
    };
    if !desk.opened {
        desk.opened = true;
        desk.size = size;
        desk.news(News::Opened(handle.clone(), size));
    } else if desk.size != size && size.width > 0 && size.height > 0 {
        desk.size = size;
        desk.news(News::Resized(size));
        (desk.tell)(WindowEvent::Resized(size));
    }
}

/// Passes on what the user does.
fn hear_user(
    mut keys: MessageReader<KeyboardInput>,
    mut drops: MessageReader<FileDragAndDrop>,
    mut closes: MessageReader<WindowCloseRequested>,
    mut sketch: Option<ResMut<Sketch>>,
    desk: Res<Desk>,
) {
    for key in keys.read().filter(|k| k.state.is_pressed() && !k.repeat) {
        let name = match &key.logical_key {
            Key::Character(text) => text.to_string(),
            other => format!("{other:?}"),
        };
        if let Some(sketch) = &mut sketch {
            let always = name == "F2" || name == "F11";
            if (sketch.has_keyboard && !always) || sketch.key(&name) {
                continue;
            }
        }
        (desk.tell)(WindowEvent::Key(name));
    }
    for drop in drops.read() {
        if let FileDragAndDrop::DroppedFile { path_buf, .. } = drop {
            (desk.tell)(WindowEvent::Dropped(path_buf.clone()));
        }
    }
    if closes.read().count() > 0 {
        (desk.tell)(WindowEvent::CloseAsked);
    }
}

/// Carries out orders, and ends with the thread that draws.
fn obey(
    mut windows: Query<&mut Window, With<PrimaryWindow>>,
    mut desk: ResMut<Desk>,
    mut hands: Option<ResMut<Hands>>,
    mut exit: MessageWriter<AppExit>,
) {
    while let Ok(order) = desk.orders.try_recv() {
        let Ok(mut window) = windows.single_mut() else {
            return;
        };
        match order {
            WindowOrder::Cast(cast) => desk.news(News::Cast(cast)),
            WindowOrder::Backdrop(backdrop) => desk.news(News::Backdrop(backdrop)),
            WindowOrder::ToggleFullscreen => {
                window.mode = mode(window.mode == WindowMode::Windowed);
            }
            WindowOrder::ToggleOnTop => {
                window.window_level = level(window.window_level == WindowLevel::Normal);
            }
            WindowOrder::Resize(size) => {
                window.resolution.set(size.width as f32, size.height as f32)
            }
            WindowOrder::Title(title) => window.title = title,
            WindowOrder::Screenshot(path) => desk.news(News::Screenshot(path)),
            WindowOrder::Rebuild => desk.news(News::Rebuild),
            WindowOrder::Tap(who, tap) => desk.news(News::Tap(who, tap)),
            WindowOrder::Hand(hand_move) => match (&mut hands, hand_move) {
                (Some(hands), hand_move) => hands.add(hand_move),
                (None, HandMove::Key(name)) => {
                    (desk.tell)(WindowEvent::Key(name));
                    (desk.tell)(WindowEvent::HandDone);
                }
                (None, _) => (desk.tell)(WindowEvent::Failed("there is no panel".to_owned())),
            },
            // It is not waited for here: it needs bevy's threads to end.
            WindowOrder::Quit => desk.news(News::Stop),
        }
    }
    // Nothing draws any more into a window that goes.
    if desk.has_ended() {
        exit.write(AppExit::Success);
    }
}
