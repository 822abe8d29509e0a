//! The thread that draws into a window: poses in, pictures on the surface.
//!
//! It never queues: a pose is asked for when its picture can be begun, for the
//! moment at which it will be seen, and what comes late is left out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bevy::window::RawHandleWrapper;
use crossbeam_channel::{Receiver, Sender};
use huashen_core::{Frame, PixelFormat, Pose, SinkError, Size};

use super::paint::PanelPicture;
use super::surface::{Presented, Surface};
use super::{Backdrop, Cast, FrameTap, Poses, TapFor, Tell, WindowEvent, WindowGauge};
use crate::adapter::Gpu;
use crate::{RenderError, RenderOptions, Renderer, adapter};

/// Pictures a second, where the machine can.
const FPS: f64 = 60.0;
/// One is drawn while the last one is put together.
const AHEAD: usize = 2;
/// A window that is being dragged is not drawn anew for every size on the way.
const SETTLE: Duration = Duration::from_millis(150);
/// The most pixels that are drawn; beyond, pictures are enlarged.
const MOST_PIXELS: f64 = 2560.0 * 1440.0;
/// The same where a processor draws.
const MOST_PIXELS_SOFTWARE: f64 = 1280.0 * 720.0;

/// What the window tells the thread.
pub(super) enum News {
    Opened(RawHandleWrapper, Size),
    Resized(Size),
    Cast(Box<Cast>),
    Backdrop(Backdrop),
    Screenshot(PathBuf),
    Tap(TapFor, Option<FrameTap>),
    Rebuild,
    /// A renderer for another size or person, from the thread that builds it.
    Rebuilt(Box<Result<Renderer, RenderError>>, Arc<Cast>),
    Stop,
}

/// All that the thread needs to start.
pub(super) struct Start {
    /// As the window will probably be.
    pub size: Size,
    pub transparent: bool,
    pub cast: Cast,
    pub poses: Poses,
    pub news: Receiver<News>,
    pub panels: Receiver<PanelPicture>,
    /// To itself.
    pub tell_self: Sender<News>,
    pub tell: Tell,
    pub gauge: Arc<WindowGauge>,
}

/// Runs until it is told to stop.
pub(super) fn run(start: Start) -> Result<(), RenderError> {
    let gpu = adapter::open()?;
    start
        .gauge
        .software
        .store(gpu.info.software, Ordering::Relaxed);
    let cast = Arc::new(start.cast);
    let drawn = drawn_size(start.size, &gpu);
    let renderer = build(&gpu, &cast, drawn)?;
    let mut show = Show {
        gpu,
        cast,
        surface: None,
        transparent: start.transparent,
        drawn,
        wanted: None,
        building: false,
        again: false,
        shots: Vec::new(),
        taps: [None, None],
        news: start.news,
        panels: start.panels,
        tell_self: start.tell_self,
        tell: start.tell,
        gauge: start.gauge,
        next_due: Instant::now(),
        posed: Vec::new(),
        ahead_secs: 0.05,
        shown: 0,
        since: (Instant::now(), 0),
    };
    show.run(renderer, start.poses)
}

fn build(gpu: &Gpu, cast: &Cast, size: Size) -> Result<Renderer, RenderError> {
    let options = RenderOptions {
        size,
        look: cast.look,
        background: (cast.backdrop)(size),
        framing: cast.framing,
        format: PixelFormat::Rgba8,
        msaa: true,
        step_secs: None,
        straight: false,
    };
    let mut renderer = Renderer::on(|| Ok(gpu.clone()), &cast.avatar, &options)?;
    renderer.keep_ahead(AHEAD);
    Ok(renderer)
}

/// The size to draw for a window of `size` physical pixels.
fn drawn_size(size: Size, gpu: &Gpu) -> Size {
    let most = match gpu.info.software {
        true => MOST_PIXELS_SOFTWARE,
        false => MOST_PIXELS,
    };
    let pixels = f64::from(size.width) * f64::from(size.height);
    let scale = (most / pixels.max(1.0)).sqrt().min(1.0);
    let side = |v: u32| ((f64::from(v) * scale).round() as u32).max(2) & !1;
    Size {
        width: side(size.width),
        height: side(size.height),
    }
}

struct Show {
    gpu: Gpu,
    cast: Arc<Cast>,
    surface: Option<Surface>,
    transparent: bool,
    drawn: Size,
    /// A size to draw for once the window rests.
    wanted: Option<(Size, Instant)>,
    building: bool,
    /// Something changed while a renderer was being built.
    again: bool,
    shots: Vec<PathBuf>,
    /// Who is given the pictures once they were seen; their size stays for so long.
    taps: [Option<FrameTap>; 2],
    news: Receiver<News>,
    panels: Receiver<PanelPicture>,
    tell_self: Sender<News>,
    tell: Tell,
    gauge: Arc<WindowGauge>,
    next_due: Instant,
    /// When poses were asked for whose frames are under way.
    posed: Vec<(u64, Instant, f64)>,
    /// From a pose to its picture on the window.
    ahead_secs: f64,
    shown: u64,
    /// When and at which picture the rate was last counted.
    since: (Instant, u64),
}

impl Show {
    fn run(&mut self, mut renderer: Renderer, mut poses: Poses) -> Result<(), RenderError> {
        loop {
            // Nothing is drawn before there is a window.
            while self.surface.is_none() {
                let Ok(news) = self.news.recv() else {
                    return Ok(());
                };
                if !self.hear(news, &mut renderer)? {
                    return Ok(());
                }
            }
            while let Ok(news) = self.news.try_recv() {
                if !self.hear(news, &mut renderer)? {
                    return Ok(());
                }
            }
            self.rebuild_when_due();
            self.posed.clear();
            let state = std::cell::RefCell::new(&mut *self);
            let mut asked = 0_u64;
            let mut next = || -> Option<Pose> {
                let mut show = state.borrow_mut();
                if !show.news.is_empty() || show.rebuild_is_due() {
                    return None;
                }
                show.wait_for_turn();
                let ahead_secs = show.ahead_secs;
                show.posed.push((asked, Instant::now(), ahead_secs));
                let pose = poses(ahead_secs);
                asked += 1;
                Some(pose)
            };
            let mut sink = |frame: Frame| -> Result<(), SinkError> {
                state.borrow_mut().show(frame);
                Ok(())
            };
            renderer.render(&mut std::iter::from_fn(&mut next), &mut sink)?;
        }
    }

    /// Takes one piece of news; false to stop.
    fn hear(&mut self, news: News, renderer: &mut Renderer) -> Result<bool, RenderError> {
        match news {
            News::Opened(window, size) => {
                self.surface = Some(Surface::new(&self.gpu, window, size, self.transparent)?);
                self.want(size);
            }
            News::Resized(size) => {
                if let Some(surface) = &mut self.surface
                    && surface.size() != size
                {
                    surface.resize(size);
                }
                let area = self.surface.as_ref().map_or(size, Surface::area);
                self.want(area);
            }
            News::Cast(cast) => {
                self.cast = Arc::from(cast);
                self.rebuild();
            }
            News::Backdrop(backdrop) => {
                // The person stays; a renderer under way was begun with the old one.
                renderer.set_background(&backdrop(self.drawn));
                let old = &self.cast;
                self.cast = Arc::new(Cast {
                    avatar: Arc::clone(&old.avatar),
                    framing: old.framing,
                    look: old.look,
                    backdrop,
                });
                self.again |= self.building;
            }
            News::Screenshot(path) => self.shots.push(path),
            News::Tap(who, tap) => self.taps[who as usize] = tap,
            News::Rebuild => {
                if let Some(surface) = &mut self.surface {
                    surface.rebuild();
                }
                self.rebuild();
            }
            News::Rebuilt(built, cast) => {
                self.building = false;
                match *built {
                    Ok(built) => {
                        self.drawn = built.size();
                        *renderer = built;
                    }
                    Err(error) => (self.tell)(WindowEvent::Failed(format!(
                        "{} cannot be shown: {error}",
                        cast.avatar.manifest.name
                    ))),
                }
                if std::mem::take(&mut self.again) {
                    self.rebuild();
                }
            }
            News::Stop => return Ok(false),
        }
        Ok(true)
    }

    fn want(&mut self, window: Size) {
        let size = drawn_size(window, &self.gpu);
        self.wanted = (size != self.drawn).then(|| (size, Instant::now() + SETTLE));
    }

    fn rebuild_is_due(&self) -> bool {
        !self.building
            && self.taps.iter().all(Option::is_none)
            && self.wanted.is_some_and(|(_, at)| Instant::now() >= at)
    }

    fn rebuild_when_due(&mut self) {
        if self.rebuild_is_due()
            && let Some((size, _)) = self.wanted.take()
        {
            self.drawn = size;
            self.rebuild();
        }
    }

    /// Builds another renderer beside the one that draws.
    fn rebuild(&mut self) {
        if self.building {
            self.again = true;
            return;
        }
        self.building = true;
        let (gpu, cast, size) = (self.gpu.clone(), Arc::clone(&self.cast), self.drawn);
        let done = self.tell_self.clone();
        let spawned = std::thread::Builder::new()
            .name("huashen-rebuild".to_owned())
            .spawn(move || {
                let built = Box::new(build(&gpu, &cast, size));
                done.send(News::Rebuilt(built, cast)).ok();
            });
        if let Err(error) = spawned {
            self.building = false;
            (self.tell)(WindowEvent::Failed(format!(
                "the window stays as it is: {error}"
            )));
        }
    }

    /// Waits until another picture may be begun.
    fn wait_for_turn(&mut self) {
        let now = Instant::now();
        if let Some(wait) = self.next_due.checked_duration_since(now) {
            std::thread::sleep(wait);
        } else {
            // Late: those between are left out.
            self.next_due = now;
        }
        let fps = self.gauge.most_fps().clamp(1.0, FPS);
        self.next_due += Duration::from_secs_f64(1.0 / fps);
    }

    fn show(&mut self, frame: Frame) {
        let Some(surface) = &mut self.surface else {
            return;
        };
        let mut area = None;
        while let Ok(picture) = self.panels.try_recv() {
            if surface.take_panel(picture) {
                area = Some(surface.area());
            }
        }
        let presented = surface.present(&frame);
        for path in std::mem::take(&mut self.shots) {
            let saved = surface.picture(&frame).and_then(|p| save(&p, &path));
            (self.tell)(match saved {
                Ok(()) => WindowEvent::Saved(path),
                Err(error) => WindowEvent::Failed(error.to_string()),
            });
        }
        let posed = self
            .posed
            .iter()
            .position(|(index, ..)| *index == frame.index);
        if let Some(at) = posed {
            let (_, at, expected) = self.posed.swap_remove(at);
            let secs = at.elapsed().as_secs_f64();
            self.gauge.note_late(secs - expected);
            self.ahead_secs += (secs.min(1.0) - self.ahead_secs) * 0.1;
            let seen = at + Duration::from_secs_f64(expected);
            let frame = Arc::new(frame);
            for tap in self.taps.iter_mut().flatten() {
                tap(Arc::clone(&frame), seen);
            }
        }
        if presented == Presented::Shown {
            if self.shown == 0 {
                (self.tell)(WindowEvent::FirstPicture);
            }
            self.shown += 1;
            self.gauge.count();
        }
        if let Some(area) = area {
            self.want(area);
        }
        let settled = !self.building && self.wanted.is_none();
        self.gauge.settled.store(settled, Ordering::Relaxed);
        let elapsed = self.since.0.elapsed().as_secs_f64();
        if elapsed >= 1.0 {
            let fps = (self.shown - self.since.1) as f64 / elapsed;
            self.gauge.note(fps, self.ahead_secs);
            self.since = (Instant::now(), self.shown);
        }
    }
}

/// Writes a picture that appears whole or not at all.
fn save(picture: &image::RgbaImage, path: &Path) -> Result<(), RenderError> {
    let failed = |reason: String| RenderError::Screenshot {
        path: path.to_owned(),
        reason,
    };
    let name = path
        .file_name()
        .ok_or_else(|| failed("it has no name".to_owned()))?;
    let mut hidden = std::ffi::OsString::from(".huashen-");
    hidden.push(name);
    let temp = path.with_file_name(hidden);
    let written = picture
        .save_with_format(&temp, image::ImageFormat::Png)
        .map_err(|e| e.to_string())
        .and_then(|()| std::fs::rename(&temp, path).map_err(|e| e.to_string()));
    written.map_err(|reason| {
        std::fs::remove_file(&temp).ok();
        failed(reason)
    })
}
