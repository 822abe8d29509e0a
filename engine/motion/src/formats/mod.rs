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

use huashen_core::{FrameRate, MotionTrack, Pose};

use crate::{MotionError, Planner};

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

    /// Writes what `planner` plans, sampled at `fps`. CSV and BVH go out pose by
    /// pose; the others tell at their beginning what is in all of their poses,
    /// which are kept until then.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write_planned(
        self,
        planner: Planner,
        fps: FrameRate,
        out: impl Write,
    ) -> Result<(), MotionError> {
        match self {
            Self::Csv => live_link::write(Planned::new(planner), fps, out),
            Self::Bvh => bvh::write(Planned::new(planner), fps, out),
            Self::Json | Self::Vrma => self.write(&planner.into_track(), fps, out),
        }
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

/// Motion that is written from its beginning to its end.
pub trait Moves {
    /// Poses a second, and how many there are.
    fn extent(&self) -> (f64, u64);

    /// The pose at `secs`, interpolated; no earlier one is asked for after it.
    fn pose_at(&mut self, secs: f64) -> Pose;
}

impl Moves for &MotionTrack {
    fn extent(&self) -> (f64, u64) {
        (self.rate_hz, self.poses.len() as u64)
    }

    fn pose_at(&mut self, secs: f64) -> Pose {
        self.sample(secs)
    }
}

/// A planner's poses, two of which are kept.
struct Planned {
    planner: Planner,
    extent: (f64, u64),
    /// The last two poses; the number of the later one.
    pair: [Pose; 2],
    at: u64,
}

impl Planned {
    fn new(mut planner: Planner) -> Self {
        let extent = (planner.rate_hz(), planner.size_hint().0 as u64);
        let first = planner.next().unwrap_or_default();
        Self {
            planner,
            extent,
            pair: [first.clone(), first],
            at: 0,
        }
    }
}

impl Moves for Planned {
    fn extent(&self) -> (f64, u64) {
        self.extent
    }

    fn pose_at(&mut self, secs: f64) -> Pose {
        let at = (secs * self.extent.0).max(0.0);
        while (self.at as f64) < at
            && let Some(pose) = self.planner.next()
        {
            self.pair.swap(0, 1);
            self.pair[1] = pose;
            self.at += 1;
        }
        let t = (at - self.at as f64 + 1.0).clamp(0.0, 1.0) as f32;
        if t == 1.0 {
            return self.pair[1].clone();
        }
        self.pair[0].lerp(&self.pair[1], t)
    }
}

/// Frames of `motion` at `fps`: the nearest whole number for its length.
fn frame_count(motion: &impl Moves, fps: FrameRate) -> u64 {
    let (rate_hz, poses) = motion.extent();
    // The last pose stands at the end, so that n frames are n-1 steps.
    match poses.checked_sub(1) {
        Some(steps) => (steps as f64 / rate_hz * fps.fps() + 1e-6).floor() as u64 + 1,
        None => 0,
    }
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
        assert_eq!(frame_count(&&track, FrameRate::whole(25)), 26);
    }

    #[test]
    fn poses_that_are_not_kept_give_the_same_files() {
        let options = crate::MotionOptions::default();
        let planner = || {
            let timing = huashen_core::Timing {
                duration_secs: 7.3,
                ..Default::default()
            };
            Planner::new(&timing, &huashen_core::Prosody::default(), &options)
        };
        for fps in ["24", "25", "29.97", "60", "90"] {
            let fps: FrameRate = fps.parse().unwrap();
            for format in Format::ALL {
                let (mut kept, mut planned) = (Vec::new(), Vec::new());
                format
                    .write(&planner().into_track(), fps, &mut kept)
                    .unwrap();
                format.write_planned(planner(), fps, &mut planned).unwrap();
                assert!(kept == planned, "{format:?} at {fps:?}");
            }
        }
    }
}
