//! Video avatars: frames of footage, their mouths composed in a shader.
//!
//! Only the square around the mouth goes through the device; the rest of each
//! picture stays as the decoder gave it.

mod ahead;
mod blend;
mod compose;
mod planes;
mod readers;

use std::sync::Arc;
use std::time::Instant;

use huashen_avatar::video::film::Shown;
use huashen_avatar::video::walk::Walk;
use huashen_avatar::video::{AHEAD, MouthComposer, Planned, TakeComposer, VideoAvatar};
use huashen_core::{Frame, FrameSink, PixelFormat, Pose, Size};

use crate::adapter::Gpu;
use crate::{AdapterInfo, RenderError, RenderOptions, RenderStats};
use ahead::Ahead;
use blend::HeadMove;
use compose::Composer;
use readers::Readers;

/// A walk's seed: the same person, the same clip.
const SEED: u64 = 1;

/// A video avatar on its stage.
pub(crate) struct FootageRenderer {
    info: AdapterInfo,
    avatar: Arc<VideoAvatar>,
    shown: Shown,
    format: PixelFormat,
    footage: Readers,
    walk: Walk,
    mouths: Box<dyn MouthComposer>,
    composer: Composer,
    /// Seconds from one pose to the next; none: as time passes.
    step_secs: Option<f64>,
    last: Option<Instant>,
    ahead: Ahead,
    base: Vec<u8>,
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
        let lost = |e: huashen_core::SinkError| RenderError::Footage(e.to_string());
        let mouths = Readers::open(|| footage.mouths()).map_err(lost)?;
        let footage = Readers::open(|| footage.open(shown)).map_err(lost)?;
        let gpu = open()?;
        let info = gpu.info.clone();
        Ok(Self {
            info,
            shown,
            format: options.format,
            footage,
            walk: avatar.walk(SEED),
            mouths: Box::new(TakeComposer::new(Arc::clone(avatar), shown, AHEAD)),
            composer: Composer::new(gpu, mouths),
            step_secs: options.step_secs,
            last: None,
            ahead: Ahead::new(options.step_secs),
            base: Vec::new(),
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

    /// Seconds since the pose before.
    fn step_secs(&self) -> f64 {
        let passed = || self.last.map_or(0.04, |last| last.elapsed().as_secs_f64());
        self.step_secs.unwrap_or_else(passed).min(0.25)
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
            self.ahead = Ahead::new(self.step_secs);
            self.walk = self.avatar.walk(SEED);
            self.mouths = Box::new(TakeComposer::new(
                Arc::clone(&self.avatar),
                self.shown,
                AHEAD,
            ));
        }
        loop {
            let secs = self.step_secs();
            let pose = self.ahead.next(secs, poses);
            let over = pose.is_none();
            if let Some(pose) = pose {
                self.last = Some(Instant::now());
                let step = self.walk.step(secs, self.ahead.coming());
                self.mouths.want(step, &pose);
            }
            match self.mouths.next(over) {
                Some(planned) => {
                    let frame = self.draw(&planned)?;
                    sink.frame(frame).map_err(RenderError::Sink)?;
                }
                None if !over => {}
                None => return Ok(RenderStats { frames: self.next }),
            }
        }
    }

    fn draw(&mut self, planned: &Planned) -> Result<Frame, RenderError> {
        let size = self.shown.size;
        let lost = |e: huashen_core::SinkError| RenderError::Footage(e.to_string());
        let step = planned.step;
        let base = self.footage.read(u64::from(step.frame)).map_err(lost)?;
        self.base.clear();
        self.base.extend_from_slice(base);
        if let Some((to, t)) = step.over {
            let other = self.footage.read(u64::from(to)).map_err(lost)?;
            let (from, onto) = self.avatar.heads(step.frame, to, self.shown);
            let middle = from.middle;
            let head = HeadMove {
                middle,
                reach: from.half * 2.2,
                to: &|p| onto.to_px(from.from_px(p)),
            };
            blend::blend(&mut self.base, other, size, t, &head);
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
