//! Pictures of high dynamic range for screens that have none: PQ and HLG in
//! BT.2020 become sRGB with BT.709's primaries.
//!
//! Transfer functions: ITU-R BT.2100-2. Diffuse white (203 nits, BT.2408) stays
//! where it is seen as white; what is brighter is bent under it (Reinhard).

use ffmpeg::util::color::TransferCharacteristic as Transfer;
use ffmpeg_next as ffmpeg;

/// Nits of what is white in a picture, and of the brightest thing that counts.
const WHITE_NITS: f32 = 203.0;
const PEAK_NITS: f32 = 1000.0;
/// BT.2020's primaries in BT.709's, in linear light.
const TO_709: [[f32; 3]; 3] = [
    [1.6605, -0.5876, -0.0728],
    [-0.1246, 1.1329, -0.0083],
    [-0.0182, -0.1006, 1.1187],
];
/// Steps of the table back to 8 bits.
const STEPS: usize = 4096;

/// Knows one kind of picture.
pub(crate) struct Tone {
    /// From 16 bits, in 1/1024, to linear light, 1 = white.
    light: Vec<f32>,
    /// From linear light in 1/[`STEPS`] to sRGB.
    encoded: Vec<u8>,
}

impl Tone {
    /// None for pictures that need none.
    pub fn of(transfer: Transfer) -> Option<Self> {
        let to_nits: fn(f32) -> f32 = match transfer {
            Transfer::SMPTE2084 => pq,
            Transfer::ARIB_STD_B67 => hlg,
            _ => return None,
        };
        Some(Self {
            light: (0..=1023)
                .map(|i| to_nits(i as f32 / 1023.0) / WHITE_NITS)
                .collect(),
            encoded: (0..=STEPS)
                .map(|i| {
                    let v = i as f32 / STEPS as f32;
                    let v = match v <= 0.003_130_8 {
                        true => v * 12.92,
                        false => 1.055 * v.powf(1.0 / 2.4) - 0.055,
                    };
                    (v * 255.0).round() as u8
                })
                .collect(),
        })
    }

    /// One pixel of 16-bit encoded R, G, B.
    pub fn pixel(&self, rgb: [u16; 3]) -> [u8; 3] {
        let light = rgb.map(|v| self.light[usize::from(v >> 6)]);
        let mapped = TO_709.map(|row| {
            row.iter()
                .zip(light)
                .map(|(k, v)| k * v)
                .sum::<f32>()
                .max(0.0)
        });
        // The brightest channel decides, so that hues stay.
        let most = mapped.iter().fold(0.0_f32, |a, b| a.max(*b));
        let peak = PEAK_NITS / WHITE_NITS;
        let scale = (1.0 + most / (peak * peak)) / (1.0 + most) * (1.0 + 1.0 / peak);
        mapped.map(|v| self.encoded[((v * scale).min(1.0) * STEPS as f32) as usize])
    }
}

/// PQ's signal to nits.
fn pq(v: f32) -> f32 {
    let (m1, m2) = (0.159_301_76, 78.843_75);
    let (c1, c2, c3) = (0.835_937_5, 18.851_563, 18.6875);
    let p = v.max(0.0).powf(1.0 / m2);
    10_000.0 * ((p - c1).max(0.0) / (c2 - c3 * p)).powf(1.0 / m1)
}

/// HLG's signal to nits of a display of 1000.
fn hlg(v: f32) -> f32 {
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_7);
    let scene = match v <= 0.5 {
        true => v * v / 3.0,
        false => (((v - c) / a).exp() + b) / 12.0,
    };
    1000.0 * scene.powf(1.2)
}

/// Replaces every second line of a plane by the mean of its neighbours: one
/// field of an interlaced picture, without combs.
pub(crate) fn one_field(plane: &mut [u8], stride: usize, rows: usize, bytes_a_sample: usize) {
    for y in (1..rows).step_by(2) {
        let (before, rest) = plane.split_at_mut(y * stride);
        let above = &before[(y - 1) * stride..];
        let (line, after) = rest.split_at_mut(stride.min(rest.len()));
        let below = match y + 1 < rows && after.len() >= line.len() {
            true => &*after,
            false => above,
        };
        match bytes_a_sample {
            1 => {
                for ((out, a), b) in line.iter_mut().zip(above).zip(below) {
                    *out = ((u16::from(*a) + u16::from(*b)).div_ceil(2)) as u8;
                }
            }
            _ => {
                let pairs = line.chunks_exact_mut(2).zip(above.chunks_exact(2));
                for ((out, a), b) in pairs.zip(below.chunks_exact(2)) {
                    let number = |v: &[u8]| u32::from(u16::from_le_bytes([v[0], v[1]]));
                    let mean = (number(a) + number(b)).div_ceil(2) as u16;
                    out.copy_from_slice(&mean.to_le_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_and_grey_keep_their_place() {
        // 58 % of PQ's signal and 75 % of HLG's are diffuse white (BT.2408).
        for (transfer, white) in [(Transfer::SMPTE2084, 0.58), (Transfer::ARIB_STD_B67, 0.75)] {
            let tone = Tone::of(transfer).unwrap();
            let grey = |v: f32| tone.pixel([(v * 65_535.0) as u16; 3]);
            let [r, g, b] = grey(white);
            assert!(
                r > 190 && r.abs_diff(g) < 3 && r.abs_diff(b) < 3,
                "{r} {g} {b}"
            );
            assert_eq!(grey(0.0), [0, 0, 0]);
            let steps: Vec<u8> = (0..=20).map(|i| grey(i as f32 / 20.0)[0]).collect();
            assert!(steps.is_sorted(), "{steps:?}");
            assert!(steps[20] > 240, "{steps:?}");
        }
        assert!(Tone::of(Transfer::BT709).is_none());
    }

    #[test]
    fn combs_are_gone() {
        let mut plane: Vec<u8> = (0..8u8)
            .flat_map(|y| [if y % 2 == 0 { 10 } else { 200 }; 4])
            .collect();
        one_field(&mut plane, 4, 8, 1);
        assert!(plane.iter().all(|v| *v == 10), "{plane:?}");
    }
}
