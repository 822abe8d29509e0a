//! Draws an avatar's poses as pictures: bevy on wgpu, one frame a pose, in
//! order, the same bytes every time on one machine; or live, in a window.
//!
//! Two looks share scene, deformation and camera: [`Look::Full`] is bevy's
//! physically based renderer, [`Look::Lean`] a short pass of our own that a
//! processor draws at video rate. What is drawn is the person alone; the
//! background is put behind afterwards, so that its colours come out exactly.

mod adapter;
mod edges;
mod engine;
mod error;
mod finish;
mod footage;
mod from_avatar;
mod full;
mod i420;
mod lean;
mod mips;
mod mixing;
mod occlusion;
mod plate;
mod renderer;
mod scene;
mod shaders;
mod stage;
mod target;
#[cfg(test)]
mod tests;
mod window;

pub use adapter::{AdapterInfo, probe};
pub use error::RenderError;
pub use huashen_avatar::Framing;
pub use plate::{Background, cover};
pub use renderer::{Look, RenderOptions, RenderStats};
pub use shaders::read_shaders;
pub use stage::Renderer;
pub use window::{
    Backdrop, Cast, Choice, Choices, FrameTap, HandMove, Language, List, Message, Panel,
    PanelAction, PanelOptions, PanelState, Poses, Question, TapFor, Tell, WindowEvent, WindowGauge,
    WindowOptions, WindowOrder, check_desktop, run_window,
};
