//! Motion files that other programs read and write.
//!
//! Every writer samples the track at the frame rate it is given and takes any
//! [`std::io::Write`]; give it a buffered one.

pub mod bvh;
pub mod capture;
pub mod json;
pub mod live_link;
pub(crate) mod skeleton;
pub mod vrma;

use std::io::Write;
use std::path::Path;

use huashen_core::{FrameRate, MotionTrack};

use crate::MotionError;

/// A kind of motion file, chosen by a file name's extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Live Link Face CSV: face, head and eyes.
    Csv,
    /// Everything, documented in [`json`].
    Json,
    /// Joints only.
    Bvh,
    /// VRM animation: joints, expressions, gaze.
    Vrma,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Bvh, Self::Vrma];

    /// Its extension, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Bvh => "bvh",
            Self::Vrma => "vrma",
        }
    }

    /// The format that `path`'s extension names.
    ///
    /// # Errors
    /// No extension or one of another kind of file.
    pub fn of_path(path: &Path) -> Result<Self, MotionError> {
        let found = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        Self::ALL
            .into_iter()
            .find(|f| f.extension().eq_ignore_ascii_case(found))
            .ok_or_else(|| {
                MotionError::Options(format!(
                    "`{}` does not say which motion format to write: end it in .csv, .json, .bvh or .vrma",
                    path.display()
                ))
            })
    }

    /// Writes `track`, sampled at `fps`.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write(
        self,
        track: &MotionTrack,
        fps: FrameRate,
        out: impl Write,
    ) -> Result<(), MotionError> {
        match self {
            Self::Csv => live_link::write(track, fps, out),
            Self::Json => json::write(track, fps, out),
            Self::Bvh => bvh::write(track, fps, out),
            Self::Vrma => vrma::write(track, fps, vrma::Expressions::default(), out),
        }
    }
}

/// Frames of `track` at `fps`: the nearest whole number for its length.
fn frame_count(track: &MotionTrack, fps: FrameRate) -> u64 {
    // A track's last pose stands at its end, so that n frames are n-1 steps.
    let secs = track.poses.len().saturating_sub(1) as f64 / track.rate_hz;
    if track.poses.is_empty() {
        return 0;
    }
    (secs * fps.fps() + 1e-6).floor() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_the_format_and_every_format_writes_an_empty_track() {
        assert_eq!(
            Format::of_path(Path::new("a/b.VRMA")).unwrap(),
            Format::Vrma
        );
        let e = Format::of_path(Path::new("a.fbx")).unwrap_err().to_string();
        assert!(e.contains("a.fbx") && e.contains(".csv"));
        let empty = MotionTrack {
            rate_hz: 60.0,
            poses: Vec::new(),
        };
        for format in Format::ALL {
            let mut file = Vec::new();
            format
                .write(&empty, FrameRate::whole(25), &mut file)
                .unwrap();
            assert!(!file.is_empty());
        }
    }

    #[test]
    fn a_second_at_25_frames_has_its_first_and_last_frame() {
        let track = crate::idle(1.0, &crate::MotionOptions::default());
        assert_eq!(frame_count(&track, FrameRate::whole(25)), 26);
    }
}
