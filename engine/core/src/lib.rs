//! The types that every stage of Huashen speaks: time, PCM, ARKit-52, joints,
//! [`Pose`], [`MotionTrack`], timed speech, frames.
//!
//! Pure: no file, no clock, no network, no GPU. Units are metres, radians and
//! seconds; +Y is up, +Z points from the face to the viewer, right-handed.
//! "Left" is the person's left, as in ARKit.

pub mod arkit;
pub mod frame;
pub mod joint;
pub mod motion;
pub mod paths;
pub mod speech;
pub mod time;
pub mod tuning;

pub use arkit::{ARKIT_COUNT, ArkitShape, ArkitWeights};
pub use frame::{Frame, FrameSink, PixelFormat, SinkError, Size};
pub use joint::Joint;
pub use motion::{Euler, MotionTrack, Pose};
pub use speech::{Mark, MarkKind, Phoneme, Prosody, Speech, Timing, Word};
pub use time::FrameRate;
pub use tuning::{Part, Tuning};
