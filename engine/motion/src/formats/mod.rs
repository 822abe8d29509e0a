//! Motion files that other programs read and write.
//!
//! Every writer samples the track at the frame rate it is given and takes any
//! [`std::io::Write`]; give it a buffered one.

pub mod bvh;
pub mod json;
pub mod live_link;
mod skeleton;
pub mod vrma;

use huashen_core::{FrameRate, MotionTrack};

/// Frames of `track` at `fps`: the nearest whole number for its length.
fn frame_count(track: &MotionTrack, fps: FrameRate) -> u64 {
    // A track's last pose stands at its end, so that n frames are n-1 steps.
    let secs = track.poses.len().saturating_sub(1) as f64 / track.rate_hz;
    if track.poses.is_empty() {
        return 0;
    }
    (secs * fps.fps() + 1e-6).floor() as u64 + 1
}
