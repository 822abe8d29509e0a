//! Video avatars: frames of footage, their mouths composed in a shader.
//!
//! Only the square around the mouth goes through the device; the rest of each
//! picture stays as the decoder gave it.

mod blend;
mod compose;
mod planes;

use std::sync::Arc;
use std::time::Instant;

use huashen_avatar::video::film::{Footage, Shown};
use huashen_avatar::video::graph::Walk;
use huashen_avatar::video::{AHEAD, MouthComposer, Planned, TakeComposer, VideoAvatar};
use huashen_core::{ArkitShape, Frame, FrameSink, PixelFormat, Pose, Size};

use crate::adapter::Gpu;
use crate::{AdapterInfo, RenderError, RenderOptions, RenderStats};
use blend::HeadMove;
use compose::Composer;

/// A walk's seed: the same person, the same clip.
const SEED: u64 = 1;

/// Who opens the jaw this far speaks; who has not for so long pauses.
const OPEN_JAW: f32 = 0.06;
const PAUSE_SECS: f64 = 0.5;

/// A video avatar on its stage.
pub(crate) struct FootageRenderer {
    info: AdapterInfo,
    avatar: Arc<VideoAvatar>,
    shown: Shown,
    format: PixelFormat,
    footage: Box<dyn Footage>,
    walk: Walk,
    mouths: Box<dyn MouthComposer>,
    composer: Composer,
    /// Seconds from one pose to the next; none: as time passes.
    step_secs: Option<f64>,
    last: Option<Instant>,
    /// Seconds since the jaw was last open.
    quiet_secs: f64,
    base: Vec<u8>,
    other: Vec<u8>,
    /// Of frames under way.
    next: u64,
}

impl FootageRenderer {
    pub fn new(
        open: impl FnOnce() -> Result<Gpu, RenderError>,
        avatar: &Arc<VideoAvatar>,
        options: &RenderOptions,
    ) -> Result<Self, RenderError> {
        let size = options.size;
        let even = |v: u32| v >= 2 && v.is_multiple_of(2);
        if !even(size.width) || !even(size.height) {
            return Err(RenderError::OddSize(size));
        }
        let Some(footage) = &avatar.footage else {
            return Err(RenderError::Footage("nobody here can decode it".to_owned()));
        };
        let shown = avatar.shown(size);
        let footage = footage
            .open(shown)
            .map_err(|e| RenderError::Footage(e.to_string()))?;
        let gpu = open()?;
        let info = gpu.info.clone();
        Ok(Self {
            info,
            shown,
            format: options.format,
            footage,
            walk: avatar.walk(SEED),
            mouths: Box::new(TakeComposer::new(Arc::clone(avatar), shown, AHEAD)),
            composer: Composer::new(gpu),
            step_secs: options.step_secs,
            last: None,
            quiet_secs: 0.0,
            base: Vec::new(),
            other: Vec::new(),
            avatar: Arc::clone(avatar),
            next: 0,
        })
    }

    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }

    pub fn size(&self) -> Size {
        self.shown.size
    }

    /// Each picture is wanted at once.
    pub fn live(&mut self) {
        self.mouths = Box::new(TakeComposer::new(Arc::clone(&self.avatar), self.shown, 0));
    }

    fn step(&mut self) -> f64 {
        match self.step_secs {
            Some(secs) => secs,
            None => {
                let now = Instant::now();
                let secs = self.last.map_or(0.04, |last| (now - last).as_secs_f64());
                self.last = Some(now);
                secs.min(0.25)
            }
        }
    }

    /// Whether words are said about now.
    fn speaks(&mut self, pose: &Pose, secs: f64) -> bool {
        match pose.weights[ArkitShape::JawOpen] > OPEN_JAW {
            true => self.quiet_secs = 0.0,
            false => self.quiet_secs += secs,
        }
        self.quiet_secs < PAUSE_SECS
    }

    /// Like [`crate::Renderer::render`].
    pub fn render(
        &mut self,
        poses: &mut dyn Iterator<Item = Pose>,
        sink: &mut dyn FrameSink,
    ) -> Result<RenderStats, RenderError> {
        self.next = 0;
        if self.step_secs.is_some() {
            // Each clip begins anew, whatever was rendered before.
            self.quiet_secs = 0.0;
            self.walk = self.avatar.walk(SEED);
            self.mouths = Box::new(TakeComposer::new(
                Arc::clone(&self.avatar),
                self.shown,
                AHEAD,
            ));
        }
        let mut open = true;
        loop {
            if open {
                let secs = self.step();
                match poses.next() {
                    Some(pose) => {
                        let speaks = self.speaks(&pose, secs);
                        let step = self.walk.step(secs, speaks);
                        self.mouths.want(step, &pose);
                    }
                    None => open = false,
                }
            }
            match self.mouths.next(!open) {
                Some(planned) => {
                    let frame = self.draw(&planned)?;
                    sink.frame(frame).map_err(RenderError::Sink)?;
                }
                None if open => {}
                None => return Ok(RenderStats { frames: self.next }),
            }
        }
    }

    fn draw(&mut self, planned: &Planned) -> Result<Frame, RenderError> {
        let size = self.shown.size;
        let lost = |e: huashen_core::SinkError| RenderError::Footage(e.to_string());
        let step = planned.step;
        self.footage
            .read(u64::from(step.frame), &mut self.base)
            .map_err(lost)?;
        if let Some((to, t)) = step.over {
            self.footage
                .read(u64::from(to), &mut self.other)
                .map_err(lost)?;
            let (from, onto) = self.avatar.heads(step.frame, to, self.shown);
            let middle = from.middle;
            let head = HeadMove {
                middle,
                reach: from.half * 2.2,
                to: &|p| onto.to_px(from.from_px(p)),
            };
            blend::blend(&mut self.base, &self.other, size, t, &head);
        }
        if let Some(woven) = &planned.mouth {
            self.composer
                .compose(&self.avatar, woven, size, &mut self.base)?;
        }
        let data = match self.format {
            PixelFormat::I420 => self.base.clone(),
            PixelFormat::Rgba8 => planes::to_rgba(&self.base, size),
        };
        let index = self.next;
        self.next += 1;
        Ok(Frame {
            index,
            size,
            format: self.format,
            data,
        })
    }
}
