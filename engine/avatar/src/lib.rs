//! Avatars: what they are made of, and how a pose moves them.
//!
//! [`Avatar::find`] loads one, [`Drive`] turns a pose into rotations and morph
//! weights, [`Deformer`] is the CPU reference of the deformation, [`Framing`]
//! places the camera. No GPU here.

mod binding;
mod bundle;
mod check;
mod drive;
mod error;
mod framing;
mod geometry;
mod manifest;
mod model;
mod names;
mod normals;
pub mod photo;
pub mod raster;
mod seal;
mod stance;
mod surface;
pub mod video;

pub use binding::{Binding, FaceRig, Source};
pub use bundle::{Avatar, DEFAULT_AVATAR, list};
pub use check::{Report, lip_gap, report, require_speech};
pub use drive::{Deformer, Drive, Driven};
pub use error::AvatarError;
pub use framing::{Camera, Framing, Lens, Window, camera, photo_window};
pub use geometry::{FaceGeometry, MouthSize, Region};
pub use manifest::{Calibration, Kind, Lips, Manifest, Photo, Video, is_name};
pub use model::{Mesh, Model, Morph, Node, Skin};
pub use surface::{AlphaMode, Material};
