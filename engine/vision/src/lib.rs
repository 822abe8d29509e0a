//! Faces in pictures: detection, landmarks, blendshapes, head pose, mattes.
//!
//! Pictures are upright 8-bit sRGB with straight alpha ([`image::RgbaImage`]);
//! x points to the right and y down, in pixels. "Left" is the person's left.

mod error;
mod face;
mod matte;
mod picture;
mod rect;
mod sample;
mod tflite;

pub use candle_core::Device;
pub use error::VisionError;
pub use face::{
    CanonicalMesh, Cover, Detection, EYE_CORNERS, Face, FaceFinder, FindOptions, HeadPose,
    LANDMARK_COUNT, LEFT_IRIS, MESH_COUNT, RIGHT_IRIS,
};
pub use matte::{Matte, Segmenter};
pub use picture::{MAX_MEGAPIXELS, load_picture};
pub use rect::Rect;
pub use sample::Roi;
