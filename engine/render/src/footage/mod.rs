//! Video avatars: frames of footage, their mouths composed in a shader.
//!
//! Only the square around the mouth goes through the device; the rest of each
//! picture stays as the decoder gave it.

mod ahead;
mod behind;
mod blend;
mod compose;
mod planes;
mod readers;

use std::sync::Arc;
use std::time::Instant;

use huashen_avatar::video::film::{Shown, matte_size};
use huashen_avatar::video::walk::Walk;
use huashen_avatar::video::{AHEAD, MouthComposer, Planned, TakeComposer, VideoAvatar};
use huashen_core::{Frame, FrameSink, PixelFormat, Pose, SinkError, Size};

use crate::adapter::Gpu;
use crate::{AdapterInfo, Background, RenderError, RenderOptions, RenderStats};
use ahead::Ahead;
use behind::Behind;
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
    straight: bool,
    mouths: Box<dyn MouthComposer>,
    composer: Composer,
    /// None: the footage keeps what was behind the person.
    behind: Option<Behind>,
    /// Seconds from one pose to the next; none: as time passes.
    step_secs: Option<f64>,
    last: Option<Instant>,
    ahead: Ahead,
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
        let lost = |e: SinkError| RenderError::Footage(e.to_string());
        let mouths = Readers::open(|| footage.mouths()).map_err(lost)?;
        let footage = Readers::open(|| footage.open(shown)).map_err(lost)?;
        let behind = behind(avatar, shown, options)?;
        let gpu = open()?;
        let info = gpu.info.clone();
        Ok(Self {
            info,
            shown,
            format: options.format,
            footage,
            walk: avatar.walk(options.straight, SEED),
            straight: options.straight,
            mouths: Box::new(TakeComposer::new(Arc::clone(avatar), shown, AHEAD)),
            composer: Composer::new(gpu, mouths),
            step_secs: options.step_secs,
            behind,
            last: None,
            ahead: Ahead::new(options.step_secs),
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

    /// Puts something else behind the person, where that can be done.
    pub fn set_background(&mut self, background: &Background) -> Result<(), RenderError> {
        let options = RenderOptions {
            background: background.clone(),
            format: self.format,
            ..RenderOptions::default()
        };
        self.behind = behind(&self.avatar, self.shown, &options)?;
        Ok(())
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
            self.walk = self.avatar.walk(self.straight, SEED);
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
        let lost = |e: SinkError| RenderError::Footage(e.to_string());
        let step = planned.step;
        let base = self.footage.read(u64::from(step.frame)).map_err(lost)?;
        self.base.clear();
        self.base.extend_from_slice(base);
        let mut alpha = match &mut self.behind {
            Some(behind) => Some(behind.put(step.frame, &mut self.base)?),
            None => None,
        };
        if let Some((to, t)) = step.over {
            let other = self.footage.read(u64::from(to)).map_err(lost)?;
            self.other.clear();
            self.other.extend_from_slice(other);
            if let (Some(behind), Some(alpha)) = (&mut self.behind, &mut alpha) {
                let over = behind.put(to, &mut self.other)?;
                for (a, b) in alpha.iter_mut().zip(over) {
                    *a = (f32::from(*a) + (f32::from(b) - f32::from(*a)) * t).round() as u8;
                }
            }
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
            PixelFormat::Rgba8 => {
                let mut rgba = planes::to_rgba(&self.base, size);
                let clear = self.behind.as_ref().is_some_and(Behind::is_clear);
                if let (true, Some(alpha)) = (clear, alpha) {
                    for (pixel, alpha) in rgba.chunks_exact_mut(4).zip(alpha) {
                        pixel[3] = alpha;
                    }
                }
                rgba
            }
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

/// What is to be behind the person; none where that is what was filmed.
fn behind(
    avatar: &VideoAvatar,
    shown: Shown,
    options: &RenderOptions,
) -> Result<Option<Behind>, RenderError> {
    let Some(files) = &avatar.footage else {
        return Ok(None);
    };
    if options.background == Background::AsFilmed {
        return Ok(None);
    }
    let lost = |e: SinkError| RenderError::Footage(e.to_string());
    // Where nobody has looked yet what is the person, all of it stays.
    if files.matte().map_err(lost)?.is_none() {
        return Ok(None);
    }
    let open = || {
        let matte = files.matte()?;
        matte.ok_or_else(|| SinkError::from("its matte is gone"))
    };
    let matte = Readers::open(open).map_err(lost)?;
    let keep_alpha = options.format == PixelFormat::Rgba8;
    let sizes = (matte, matte_size(avatar.size()), avatar.size());
    Ok(Some(Behind::new(
        &options.background,
        keep_alpha,
        shown,
        sizes,
    )))
}
