//! The public face: options, and a renderer that turns poses into frames.

use std::sync::Arc;

use huashen_avatar::{Avatar, Framing};
use huashen_core::{FrameSink, PixelFormat, Pose, Size};

use crate::adapter::Gpu;
use crate::engine::{Engine, Setup};
use crate::finish::{Deliverer, Finisher, RING};
use crate::from_avatar;
use crate::mixing::Mixing;
use crate::plate::Plate;
use crate::scene::{Deform, Scene, Shot};
use crate::{AdapterInfo, Background, RenderError};

/// How surfaces are shaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// [`Look::Full`] on a GPU, [`Look::Lean`] on a software adapter.
    #[default]
    Auto,
    /// A short shader of our own.
    Lean,
    /// bevy's physically based shading, image-based light, shadows.
    Full,
}

/// What pictures are wanted.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// Both sides even.
    pub size: Size,
    pub look: Look,
    pub background: Background,
    /// How much of the person is seen; when none is asked for, a bust, or a
    /// photo as it was taken.
    pub framing: Option<Framing>,
    /// [`PixelFormat::I420`] for clips, [`PixelFormat::Rgba8`] for stills and
    /// whatever keeps alpha.
    pub format: PixelFormat,
    /// Smooth edges: four samples a pixel, or on software adapters, where those
    /// cost too much, edges softened after drawing.
    pub msaa: bool,
    /// Seconds from one pose to the next, for footage that plays along; none
    /// where poses are live.
    pub step_secs: Option<f64>,
    /// Footage is shown as it was filmed, as long as it lasts, rather than
    /// walked through.
    pub straight: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            size: Size {
                width: 1280,
                height: 720,
            },
            look: Look::Auto,
            background: Background::PLAIN,
            framing: None,
            format: PixelFormat::I420,
            msaa: true,
            step_secs: Some(0.04),
            straight: false,
        }
    }
}

/// What a render did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenderStats {
    /// Frames delivered.
    pub frames: u64,
}

/// An avatar on its stage. Its device, pipelines and meshes live as long as it does.
pub struct Renderer {
    engine: Engine,
    deliverer: Deliverer,
    info: AdapterInfo,
    look: Look,
    next: u64,
    /// Poses taken before their frames are delivered, at most.
    ahead: usize,
}

/// The most vertices that fit one buffer on every adapter.
const MAX_VERTICES: usize = 4_000_000;

impl Renderer {
    /// On a device that `open` gives, once all else is found good.
    pub(crate) fn on(
        open: impl FnOnce() -> Result<Gpu, RenderError>,
        avatar: &Avatar,
        options: &RenderOptions,
    ) -> Result<Self, RenderError> {
        let scene = from_avatar::scene(&avatar.model)?;
        let shot = from_avatar::shot(avatar, options.framing, options.size);
        Self::with_scene(open, scene, from_avatar::deform(avatar), shot, options)
    }

    pub(crate) fn with_scene(
        open: impl FnOnce() -> Result<Gpu, RenderError>,
        scene: Scene,
        deform: Box<dyn Deform>,
        shot: Shot,
        options: &RenderOptions,
    ) -> Result<Self, RenderError> {
        let size = options.size;
        if size.width < 2
            || size.height < 2
            || !size.width.is_multiple_of(2)
            || !size.height.is_multiple_of(2)
        {
            return Err(RenderError::OddSize(size));
        }
        if scene.fixed.len() > MAX_VERTICES {
            return Err(RenderError::TooManyVertices {
                found: scene.fixed.len(),
                limit: MAX_VERTICES,
            });
        }
        if scene.parts.iter().all(|p| p.indices.is_empty()) {
            return Err(RenderError::Empty);
        }
        let gpu = open()?;
        let limit = gpu.device.limits().max_texture_dimension_2d;
        if size.width > limit || size.height > limit {
            return Err(RenderError::TooLarge {
                size,
                limit,
                adapter: gpu.info.name,
            });
        }
        // On a software adapter the compute pass would run on the same cores
        // as its twin, only slower.
        let convert_on_gpu = options.format == PixelFormat::I420 && !gpu.info.software;
        Self::start(gpu, scene, deform, shot, options, convert_on_gpu)
    }

    pub(crate) fn start(
        gpu: Gpu,
        scene: Scene,
        deform: Box<dyn Deform>,
        shot: Shot,
        options: &RenderOptions,
        convert_on_gpu: bool,
    ) -> Result<Self, RenderError> {
        let size = options.size;
        let full = match options.look {
            // Nothing of a flat person can be lit.
            Look::Auto => !gpu.info.software && !scene.is_flat(),
            Look::Lean => false,
            Look::Full => true,
        };
        let multisampled = options.msaa && (full || !gpu.info.software);
        let mixing = match scene.is_flat() && !full {
            true => Mixing::Encoded,
            false => Mixing::Light,
        };
        let keep_alpha = options.format == PixelFormat::Rgba8;
        let plate = Arc::new(Plate::new(&options.background, size, keep_alpha, mixing));
        let (give, free) = crossbeam_channel::bounded(RING);
        for _ in 0..RING {
            // A fresh bounded channel has room for all of them.
            give.try_send(None)
                .map_err(|e| RenderError::Stopped(e.to_string()))?;
        }
        let finisher = Finisher::new(&gpu.device, &gpu.queue, size, &plate, convert_on_gpu, free);
        let deliverer = Deliverer::new(
            &gpu.device,
            size,
            options.format,
            convert_on_gpu,
            plate,
            give,
            options.msaa && !multisampled && !convert_on_gpu,
        );
        let info = gpu.info.clone();
        tracing::debug!(adapter = %info.name, software = info.software, full, %size, "renderer");
        let engine = Engine::start(Setup {
            gpu,
            scene,
            deform,
            shot,
            size,
            samples: if multisampled { 4 } else { 1 },
            full,
            finisher,
        })?;
        Ok(Self {
            engine,
            deliverer,
            info,
            look: if full { Look::Full } else { Look::Lean },
            next: 0,
            ahead: RING,
        })
    }

    /// The adapter that draws.
    pub fn adapter(&self) -> &AdapterInfo {
        &self.info
    }

    /// The size of its pictures.
    pub(crate) fn size(&self) -> Size {
        self.deliverer.size()
    }

    /// The look that was chosen; never [`Look::Auto`].
    pub fn look(&self) -> Look {
        self.look
    }

    /// Takes at most `frames` poses before their frames are delivered: fewer
    /// for a window, where what waits is late.
    pub(crate) fn keep_ahead(&mut self, frames: usize) {
        self.ahead = frames.clamp(1, RING);
    }

    /// Puts another background behind the person, from the next frame on.
    /// Only where frames keep RGBA; elsewhere it may lie on the device.
    pub(crate) fn set_background(&mut self, background: &Background) {
        self.deliverer.set_background(background);
    }

    /// Draws each pose as one frame, indices from 0, and hands the frames to
    /// `sink` in order; neither waits for the other while the ring has room.
    ///
    /// # Errors
    /// [`RenderError::Sink`] when the sink ends the render, and what the
    /// device reports.
    pub fn render(
        &mut self,
        poses: &mut dyn Iterator<Item = Pose>,
        sink: &mut dyn FrameSink,
    ) -> Result<RenderStats, RenderError> {
        let first = self.next;
        let mut delivered = 0;
        let mut open = true;
        let result = loop {
            while open && ((self.next - first - delivered) as usize) < self.ahead {
                let Some(pose) = poses.next() else {
                    open = false;
                    break;
                };
                let sent = match &self.engine.poses {
                    Some(poses) => poses.send((self.next, pose)).is_ok(),
                    None => false,
                };
                if !sent {
                    return Err(self.engine.stop());
                }
                self.next += 1;
            }
            if delivered == self.next - first {
                break Ok(());
            }
            let Ok(answer) = self.engine.answers.recv() else {
                return Err(self.engine.stop());
            };
            let due = first + delivered;
            let frame = answer.and_then(|frame| {
                if frame.index == due {
                    self.deliverer.take(frame)
                } else {
                    Err(RenderError::OutOfOrder {
                        expected: due,
                        found: frame.index,
                    })
                }
            });
            delivered += 1;
            let sunk = frame.and_then(|mut frame| {
                frame.index -= first;
                sink.frame(frame).map_err(RenderError::Sink)
            });
            if let Err(error) = sunk {
                break Err(error);
            }
        };
        // After an error, frames still under way go back to the ring unseen.
        while result.is_err() && delivered < self.next - first {
            let Ok(answer) = self.engine.answers.recv() else {
                break;
            };
            delivered += 1;
            if let Ok(frame) = answer {
                self.deliverer.take(frame).ok();
            }
        }
        result.map(|()| RenderStats { frames: delivered })
    }
}
