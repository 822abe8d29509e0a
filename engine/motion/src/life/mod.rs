//! Everything that moves besides the speaking mouth.

pub mod blink;
pub mod body;
pub mod brow;
pub mod gaze;
pub mod gesture;
pub mod head;
