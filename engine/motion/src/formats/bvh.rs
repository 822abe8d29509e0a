//! Biovision hierarchy: the skeleton's motion as text, without the face.
//!
//! Lengths in centimetres, angles in degrees; +Y up, the person faces +Z and
//! stands in a T-pose. Joints carry the VRM names with a capital first letter.
//! Rotation channels are Y, X, Z: `R = Ry · Rx · Rz`.

use std::io::Write;

use glam::{EulerRot, Quat};
use huashen_core::{FrameRate, Joint};

use super::Moves;
use super::skeleton::{Rest, SKELETON, children, local_rotation};
use crate::MotionError;

const CM: f32 = 100.0;

/// Writes `motion`, sampled at `fps`.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write(
    mut motion: impl Moves,
    fps: FrameRate,
    mut out: impl Write,
) -> Result<(), MotionError> {
    writeln!(out, "HIERARCHY")?;
    joint(&mut out, &SKELETON[0], 0)?;
    let frames = super::frame_count(&motion, fps);
    writeln!(
        out,
        "MOTION\nFrames: {frames}\nFrame Time: {:.8}",
        1.0 / fps.fps()
    )?;
    let root = SKELETON[0].offset * CM;
    for n in 0..frames {
        let pose = motion.pose_at(fps.frame_time_secs(n));
        write!(out, "{:.4} {:.4} {:.4}", root.x, root.y, root.z)?;
        for r in &SKELETON {
            angles(&mut out, local_rotation(&pose, r.joint))?;
        }
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

fn angles(out: &mut impl Write, q: Quat) -> Result<(), MotionError> {
    let (y, x, z) = q.to_euler(EulerRot::YXZ);
    for a in [y, x, z] {
        let degrees = a.to_degrees();
        // No NaN and no "-0.0000".
        let shown = if degrees.is_finite() && degrees.abs() >= 5e-5 {
            degrees
        } else {
            0.0
        };
        write!(out, " {shown:.4}")?;
    }
    Ok(())
}

fn title(joint: Joint) -> String {
    let name = joint.name();
    name[..1].to_ascii_uppercase() + &name[1..]
}

fn joint(out: &mut impl Write, rest: &Rest, depth: usize) -> Result<(), MotionError> {
    let pad = "\t".repeat(depth);
    let o = if depth == 0 {
        // The root's place is in its position channels.
        glam::Vec3::ZERO
    } else {
        rest.offset * CM
    };
    let (kind, channels) = if depth == 0 {
        (
            "ROOT",
            "6 Xposition Yposition Zposition Yrotation Xrotation Zrotation",
        )
    } else {
        ("JOINT", "3 Yrotation Xrotation Zrotation")
    };
    writeln!(out, "{pad}{kind} {}\n{pad}{{", title(rest.joint))?;
    writeln!(out, "{pad}\tOFFSET {:.4} {:.4} {:.4}", o.x, o.y, o.z)?;
    writeln!(out, "{pad}\tCHANNELS {channels}")?;
    let mut leaf = true;
    for child in children(rest.joint) {
        leaf = false;
        joint(out, child, depth + 1)?;
    }
    if leaf {
        let tip = rest.offset.normalize_or_zero() * 0.04 * CM;
        writeln!(
            out,
            "{pad}\tEnd Site\n{pad}\t{{\n{pad}\t\tOFFSET {:.4} {:.4} {:.4}\n{pad}\t}}",
            tip.x, tip.y, tip.z
        )?;
    }
    writeln!(out, "{pad}}}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use huashen_core::{Euler, MotionTrack, Pose};

    #[test]
    fn rows_have_a_number_for_every_channel_in_hierarchy_order() {
        let pose = Pose {
            left_eye: Euler::new(0.2, 0.1, 0.0),
            ..Pose::default()
        };
        let track = MotionTrack {
            rate_hz: 30.0,
            poses: vec![pose; 4],
        };
        let mut file = Vec::new();
        write(&track, FrameRate::whole(30), &mut file).unwrap();
        let text = String::from_utf8(file).unwrap();
        let names: Vec<&str> = text
            .lines()
            .filter_map(|l| {
                l.trim()
                    .strip_prefix("JOINT ")
                    .or(l.trim().strip_prefix("ROOT "))
            })
            .collect();
        assert_eq!(names.len(), SKELETON.len());
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        let rows: Vec<&str> = text
            .lines()
            .skip_while(|l| !l.starts_with("Frame Time"))
            .skip(1)
            .collect();
        assert_eq!(rows.len(), 4);
        let row: Vec<f32> = rows[0].split(' ').map(|v| v.parse().unwrap()).collect();
        assert_eq!(row.len(), 3 + 3 * SKELETON.len());
        let at = 3 + 3 * names.iter().position(|n| *n == "LeftEye").unwrap();
        assert!((row[at] - 0.2f32.to_degrees()).abs() < 1e-3);
        // Pitch up is a negative turn about +X.
        assert!((row[at + 1] + 0.1f32.to_degrees()).abs() < 1e-3);
    }
}
