//! Motion as JSON, version 1.
//!
//! ```json
//! {
//!   "format": "huashen-motion", "version": 1,
//!   "rate_hz": 30.0,            // frame n is at n / rate_hz seconds
//!   "shapes": ["eyeBlinkLeft", …],   // the 52 ARKit names, in the order of `weights`
//!   "joints": ["hips", …],           // VRM 1.0 names, in the order of `joints` below
//!   "frames": [
//!     { "weights": [0.0, …],         // 0…1
//!       "head": [yaw, pitch, roll],  // radians: left, up, to the right shoulder
//!       "left_eye": [yaw, pitch, roll], "right_eye": [yaw, pitch, roll],
//!       "joints": [[x, y, z, w], …]  // quaternions against the T-pose, +Y up, +Z forward
//!     }
//!   ]
//! }
//! ```
//! One frame a line. Numbers have at most 6 decimals.

use std::io::Write;

use huashen_core::{ArkitShape, Euler, FrameRate, MotionTrack};

use crate::MotionError;

/// Writes `track`, sampled at `fps`.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write(track: &MotionTrack, fps: FrameRate, mut out: impl Write) -> Result<(), MotionError> {
    let joints = super::skeleton::moving_joints(track);
    let names: Vec<&str> = joints.iter().map(|j| j.name()).collect();
    let shapes: Vec<&str> = ArkitShape::ALL.iter().map(|s| s.name()).collect();
    write!(
        out,
        "{{\"format\":\"huashen-motion\",\"version\":1,\"rate_hz\":{},\n\"shapes\":{},\n\"joints\":{},\n\"frames\":[",
        fps.fps(),
        serde_json::to_string(&shapes)?,
        serde_json::to_string(&names)?,
    )?;
    for n in 0..super::frame_count(&track, fps) {
        let pose = track.sample(fps.frame_time_secs(n));
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        out.write_all(b"{\"weights\":")?;
        numbers(&mut out, pose.weights.0)?;
        for (name, e) in [
            ("head", pose.head),
            ("left_eye", pose.left_eye),
            ("right_eye", pose.right_eye),
        ] {
            let Euler { yaw, pitch, roll } = e;
            write!(out, ",\"{name}\":")?;
            numbers(&mut out, [yaw, pitch, roll])?;
        }
        out.write_all(b",\"joints\":[")?;
        for (i, joint) in joints.iter().enumerate() {
            if i > 0 {
                out.write_all(b",")?;
            }
            numbers(&mut out, pose.joint(*joint).to_array())?;
        }
        out.write_all(b"]}")?;
    }
    out.write_all(b"\n]}\n")?;
    out.flush()?;
    Ok(())
}

fn numbers(out: &mut impl Write, all: impl IntoIterator<Item = f32>) -> Result<(), MotionError> {
    out.write_all(b"[")?;
    for (i, v) in all.into_iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        // JSON has no NaN; a broken curve rests.
        let v = if v.is_finite() { v } else { 0.0 };
        let text = format!("{v:.6}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        out.write_all(if text == "-0" { b"0" } else { text.as_bytes() })?;
    }
    out.write_all(b"]")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_json_of_the_documented_shape() {
        let track = crate::idle(1.0, &crate::MotionOptions::default());
        let mut file = Vec::new();
        write(&track, FrameRate::whole(30), &mut file).unwrap();
        let v: serde_json::Value = serde_json::from_slice(&file).unwrap();
        assert_eq!(v["version"], 1);
        assert_eq!(v["shapes"].as_array().unwrap().len(), 52);
        let frames = v["frames"].as_array().unwrap();
        assert_eq!(frames.len(), 31);
        let joints = v["joints"].as_array().unwrap().len();
        assert!(joints > 0);
        for f in frames {
            assert_eq!(f["weights"].as_array().unwrap().len(), 52);
            assert_eq!(f["joints"].as_array().unwrap().len(), joints);
            assert_eq!(f["head"].as_array().unwrap().len(), 3);
        }
        let pitch = frames[30]["head"][1].as_f64().unwrap();
        let want = f64::from(track.sample(1.0).head.pitch);
        assert!((pitch - want).abs() < 1e-6);
    }
}
