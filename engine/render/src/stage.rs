//! One renderer for all kinds of avatar.

use huashen_avatar::Avatar;
use huashen_core::{FrameSink, Pose, Size};

use crate::adapter::{self, Gpu};
use crate::footage::FootageRenderer;
use crate::renderer;
use crate::{AdapterInfo, Background, Look, RenderError, RenderOptions, RenderStats};

/// An avatar on its stage. Its device, pipelines and meshes live as long as it does.
pub struct Renderer(Kind);

enum Kind {
    Mesh(Box<renderer::Renderer>),
    Footage(Box<FootageRenderer>),
}

impl Renderer {
    /// Opens the adapter and puts `avatar` on the stage.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`] without a driver; sizes, models and footage
    /// that cannot be drawn.
    pub fn new(avatar: &Avatar, options: &RenderOptions) -> Result<Self, RenderError> {
        Self::on(adapter::open, avatar, options)
    }

    /// On a device that `open` gives, once all else is found good.
    pub(crate) fn on(
        open: impl FnOnce() -> Result<Gpu, RenderError>,
        avatar: &Avatar,
        options: &RenderOptions,
    ) -> Result<Self, RenderError> {
        Ok(Self(match &avatar.video {
            Some(video) => Kind::Footage(Box::new(FootageRenderer::new(open, video, options)?)),
            None => Kind::Mesh(Box::new(renderer::Renderer::on(open, avatar, options)?)),
        }))
    }

    /// The adapter that draws.
    pub fn adapter(&self) -> &AdapterInfo {
        match &self.0 {
            Kind::Mesh(mesh) => mesh.adapter(),
            Kind::Footage(footage) => footage.info(),
        }
    }

    /// The size of its pictures.
    pub(crate) fn size(&self) -> Size {
        match &self.0 {
            Kind::Mesh(mesh) => mesh.size(),
            Kind::Footage(footage) => footage.size(),
        }
    }

    /// The look that was chosen; never [`Look::Auto`]. Footage looks as it was filmed.
    pub fn look(&self) -> Look {
        match &self.0 {
            Kind::Mesh(mesh) => mesh.look(),
            Kind::Footage(_) => Look::Lean,
        }
    }

    /// Takes at most `frames` poses before their frames are delivered: fewer
    /// for a window, where what waits is late.
    pub(crate) fn keep_ahead(&mut self, frames: usize) {
        match &mut self.0 {
            Kind::Mesh(mesh) => mesh.keep_ahead(frames),
            Kind::Footage(footage) => footage.live(),
        }
    }

    /// Puts another background behind the person, from the next frame on.
    /// Only where frames keep RGBA; elsewhere it may lie on the device.
    pub(crate) fn set_background(&mut self, background: &Background) {
        match &mut self.0 {
            Kind::Mesh(mesh) => mesh.set_background(background),
            Kind::Footage(footage) => {
                if let Err(error) = footage.set_background(background) {
                    tracing::warn!(%error, "the background stays");
                }
            }
        }
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
        match &mut self.0 {
            Kind::Mesh(mesh) => mesh.render(poses, sink),
            Kind::Footage(footage) => footage.render(poses, sink),
        }
    }
}
