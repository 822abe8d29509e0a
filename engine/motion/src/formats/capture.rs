//! Facial-capture recordings of FACEGOOD's Voice2Face dataset: a NumPy array
//! of frames × 116 rig channels at 30 fps, and the channels' names.

use std::path::Path;

use huashen_core::{ArkitShape as A, ArkitWeights};

use crate::MotionError;

/// Frames a second of the recordings.
pub const CAPTURE_HZ: f64 = 30.0;

/// What a rig channel means in ARKit's shapes.
///
/// Found by the names (FACS-like) and by what moves together: the five
/// recordings say a rounded mouth either as `mouth_oh_c` (2_03, 3_15) or as
/// `mouth_pucker_*` with `mouth_oo_c` (2_02, 2_04), so all of these round the
/// lips here. `mouth_stretch_c` is the jaw: it follows loudness, and nothing
/// else opens the mouth. `mouth_suck_*` draws a lip over the teeth, which
/// ARKit calls a roll. The rig has no `mouthClose`: a shut mouth is a jaw at 0.
/// Channels not named here never move (standard deviation under 0.001).
const TABLE: [(&str, &[(A, f32)]); 30] = [
    ("mouth_stretch_c", &[(A::JawOpen, 1.0)]),
    (
        "mouth_oh_c",
        &[(A::MouthPucker, 0.7), (A::MouthFunnel, 0.3)],
    ),
    ("mouth_oo_c", &[(A::MouthPucker, 0.6)]),
    ("mouth_pucker_l", &[(A::MouthPucker, 0.5)]),
    ("mouth_pucker_r", &[(A::MouthPucker, 0.5)]),
    ("mouth_funnel_dl", &[(A::MouthFunnel, 0.25)]),
    ("mouth_funnel_dr", &[(A::MouthFunnel, 0.25)]),
    ("mouth_funnel_ul", &[(A::MouthFunnel, 0.25)]),
    ("mouth_funnel_ur", &[(A::MouthFunnel, 0.25)]),
    ("mouth_lowerLipDepress_l", &[(A::MouthLowerDownLeft, 1.0)]),
    ("mouth_lowerLipDepress_r", &[(A::MouthLowerDownRight, 1.0)]),
    ("mouth_upperLipRaise_l", &[(A::MouthUpperUpLeft, 1.0)]),
    ("mouth_upperLipRaise_r", &[(A::MouthUpperUpRight, 1.0)]),
    ("mouth_lipCornerPull_l", &[(A::MouthSmileLeft, 1.0)]),
    ("mouth_lipCornerPull_r", &[(A::MouthSmileRight, 1.0)]),
    ("mouth_lipCornerDepress_l", &[(A::MouthFrownLeft, 1.0)]),
    ("mouth_lipCornerDepress_r", &[(A::MouthFrownRight, 1.0)]),
    ("mouth_lipStretch_l", &[(A::MouthStretchLeft, 1.0)]),
    ("mouth_lipStretch_r", &[(A::MouthStretchRight, 1.0)]),
    ("mouth_dimple_l", &[(A::MouthDimpleLeft, 1.0)]),
    ("mouth_dimple_r", &[(A::MouthDimpleRight, 1.0)]),
    ("mouth_suck_dl", &[(A::MouthRollLower, 0.5)]),
    ("mouth_suck_dr", &[(A::MouthRollLower, 0.5)]),
    ("mouth_suck_ul", &[(A::MouthRollUpper, 0.5)]),
    ("mouth_suck_ur", &[(A::MouthRollUpper, 0.5)]),
    ("mouth_press_l", &[(A::MouthPressLeft, 1.0)]),
    ("mouth_press_r", &[(A::MouthPressRight, 1.0)]),
    ("mouth_chinRaise_u", &[(A::MouthShrugLower, 1.0)]),
    ("nose_wrinkle_l", &[(A::NoseSneerLeft, 1.0)]),
    ("nose_wrinkle_r", &[(A::NoseSneerRight, 1.0)]),
];

/// The shapes that the capture can tell; it says nothing of the others.
pub fn captured_shapes() -> Vec<A> {
    let mut shapes: Vec<A> = TABLE.iter().flat_map(|(_, to)| *to).map(|t| t.0).collect();
    shapes.sort_unstable();
    shapes.dedup();
    shapes
}

/// Reads `array` (`N.npy`) with the channels that `names` (`channels.json`, a
/// list of strings in column order) tells: ARKit weights at [`CAPTURE_HZ`].
///
/// # Errors
/// What is wrong with a file, by its name.
pub fn read_capture(array: &Path, names: &Path) -> Result<Vec<ArkitWeights>, MotionError> {
    let text = std::fs::read_to_string(names).map_err(|e| bad(names, &e.to_string()))?;
    let names: Vec<String> = serde_json::from_str(&text).map_err(|e| bad(names, &e.to_string()))?;
    let bytes = std::fs::read(array).map_err(|e| bad(array, &e.to_string()))?;
    let rows = npy_rows(&bytes, names.len()).map_err(|reason| bad(array, &reason))?;
    let columns: Vec<(usize, &[(A, f32)])> = TABLE
        .iter()
        .filter_map(|(name, to)| Some((names.iter().position(|n| n == name)?, *to)))
        .collect();
    Ok(rows
        .map(|row| {
            let mut w = ArkitWeights::default();
            for (column, to) in &columns {
                for (shape, gain) in *to {
                    w[*shape] += gain * row[*column];
                }
            }
            for v in &mut w.0 {
                *v = if v.is_finite() {
                    v.clamp(0.0, 1.0)
                } else {
                    0.0
                };
            }
            w
        })
        .collect())
}

fn bad(path: &Path, reason: &str) -> MotionError {
    MotionError::Options(format!("{}: {reason}", path.display()))
}

/// The rows of a little-endian f32 array in C order (NumPy format 1.0 to 3.0).
fn npy_rows(bytes: &[u8], columns: usize) -> Result<impl Iterator<Item = Vec<f32>> + '_, String> {
    let word = |at: usize, len: usize| -> Option<usize> {
        let bytes = bytes.get(at..at + len)?;
        Some(bytes.iter().rev().fold(0, |v, b| v << 8 | usize::from(*b)))
    };
    let broken = || "not a NumPy array".to_owned();
    if bytes.get(..6) != Some(b"\x93NUMPY") {
        return Err(broken());
    }
    let (at, len) = match bytes.get(6) {
        Some(1) => (10usize, word(8, 2)),
        _ => (12, word(8, 4)),
    };
    let len = len.ok_or_else(broken)?;
    let end = at.checked_add(len).ok_or_else(broken)?;
    let header = bytes.get(at..end).ok_or_else(broken)?;
    let header = String::from_utf8_lossy(header);
    if !header.contains("'<f4'") || header.contains("'fortran_order': True") {
        return Err("expected 32-bit floats in C order".to_owned());
    }
    let shape = format!(", {columns})");
    if columns == 0 || !header.contains(&shape) {
        return Err(format!("expected {columns} columns, found {header}"));
    }
    Ok(bytes[end..].chunks_exact(4 * columns).map(|row| {
        row.chunks_exact(4)
            .map(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]]))
            .collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[f32]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data.iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }

    #[test]
    fn channels_are_found_by_name_and_mapped_by_meaning() {
        let dir = std::env::temp_dir().join(format!("huashen-capture-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (array, names) = (dir.join("a.npy"), dir.join("channels.json"));
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
        let data = [0.1, 0.5, 1.0, 0.0, 0.25, f32::NAN];
        std::fs::write(&array, npy(header, &data)).unwrap();
        std::fs::write(&names, r#"["tongue_u", "mouth_stretch_c", "mouth_oh_c"]"#).unwrap();
        let rows = read_capture(&array, &names).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0][A::JawOpen], 0.5);
        assert_eq!(rows[0][A::MouthPucker], 0.7);
        assert_eq!(rows[1][A::MouthFunnel], 0.0);
        std::fs::write(&names, r#"["a"]"#).unwrap();
        assert!(read_capture(&array, &names).is_err());
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn broken_arrays_are_refused() {
        for bytes in [
            &b""[..],
            b"\x93NUMPY",
            b"\x93NUMPY\x01\x00\xff\xff{}",
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        ] {
            assert!(npy_rows(bytes, 3).is_err());
        }
    }
}
