//! What can go wrong while rendering.

use huashen_core::{SinkError, Size};
use thiserror::Error;

/// What can go wrong while rendering.
#[derive(Debug, Error)]
pub enum RenderError {
    #[error(
        "no graphics adapter was found ({0}); install a Vulkan driver: your GPU's own, or \
         `apt install mesa-vulkan-drivers` to render on the processor"
    )]
    NoAdapter(String),
    #[error("the graphics adapter `{adapter}` gave no device ({reason}); update its driver")]
    NoDevice { adapter: String, reason: String },
    #[error(
        "{size} pictures are too large for the adapter `{adapter}`, which draws up to \
         {limit}x{limit}; ask for a smaller --size"
    )]
    TooLarge {
        size: Size,
        limit: u32,
        adapter: String,
    },
    #[error("{0} pictures cannot be rendered: both sides must be even and at least 2 pixels")]
    OddSize(Size),
    #[error(
        "the avatar has {found} vertices; up to {limit} can be rendered: simplify it before importing"
    )]
    TooManyVertices { found: usize, limit: usize },
    #[error("the avatar shows nothing: its model has no triangles")]
    Empty,
    #[error("the avatar's model cannot be rendered: {0}")]
    Model(String),
    #[error("the avatar's footage cannot be shown: {0}")]
    Footage(String),
    #[error(
        "the graphics adapter failed while rendering ({0}); run again, with fewer programs using it"
    )]
    Device(String),
    #[error("the render thread stopped ({0}): this is a bug, please report it")]
    Stopped(String),
    #[error("frame {found} came where frame {expected} was due: this is a bug, please report it")]
    OutOfOrder { expected: u64, found: u64 },
    #[error(
        "no window can be opened ({0}); run on a desktop, or under `xvfb-run`, or make a clip \
         instead: huashen render"
    )]
    NoWindow(String),
    #[error("the screenshot {} cannot be written: {reason}", .path.display())]
    Screenshot {
        path: std::path::PathBuf,
        reason: String,
    },
    #[error("the shader {} is wrong: {reason}", .path.display())]
    Shader {
        path: std::path::PathBuf,
        reason: String,
    },
    #[error("the frames' receiver stopped the render")]
    Sink(#[source] SinkError),
}

impl RenderError {
    /// Whether the machine lacks something (an adapter, a driver), rather than
    /// the input being wrong.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::NoAdapter(_) | Self::NoDevice { .. } | Self::Device(_) | Self::NoWindow(_)
        )
    }
}
