//! How a drawn picture and what is behind it are mixed.
//!
//! A drawn picture holds the person alone: sRGB-encoded channels of
//! *premultiplied* colour, and coverage. Where nothing was drawn the plate
//! passes untouched, so that a background comes out as it was given.

use std::sync::LazyLock;

/// What is mixed where coverage is partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Mixing {
    /// Linear light, as lit surfaces are.
    Light = 0,
    /// The encoded values, as painting programs do: a photo's own pixels. From
    /// [`Self::BEHIND`] on, alpha is full and tells a [`Layer`](crate::scene::Layer).
    Encoded = 1,
}

/// 8-bit sRGB to linear light, and linear light in 1/4095 back to 8 bits.
struct Curves {
    decode: [f32; 256],
    encode: Vec<u8>,
}

static CURVES: LazyLock<Curves> = LazyLock::new(|| {
    let decode = std::array::from_fn(|i| srgb_decode(i as f32 / 255.0));
    let encode = (0..=ENCODE_STEPS)
        .map(|i| (srgb_encode(i as f32 / ENCODE_STEPS as f32) * 255.0).round() as u8)
        .collect();
    Curves { decode, encode }
});

/// Fine enough that every 8-bit value survives decode and encode.
const ENCODE_STEPS: usize = 16383;

pub(crate) fn srgb_decode(v: f32) -> f32 {
    if v <= 0.04045 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}

pub(crate) fn srgb_encode(v: f32) -> f32 {
    if v <= 0.003_130_8 {
        v * 12.92
    } else {
        1.055 * v.powf(1.0 / 2.4) - 0.055
    }
}

fn encode(linear: f32) -> u8 {
    let at = (linear.clamp(0.0, 1.0) * ENCODE_STEPS as f32 + 0.5) as usize;
    CURVES.encode[at]
}

impl Mixing {
    /// The least alpha of layers behind openings; see [`Self::alpha_of`].
    pub const BEHIND: u8 = 252;

    /// The alpha that a layer is drawn with, 0 to 1, where it tells layers.
    pub fn alpha_of(layer: crate::scene::Layer) -> f32 {
        f32::from(255 - layer as u8) / 255.0
    }

    /// One drawn pixel over one plate pixel, sRGB-encoded.
    #[inline]
    pub fn over(self, drawn: [u8; 4], plate: [u8; 4]) -> [u8; 4] {
        let a = drawn[3];
        let whole = [drawn[0], drawn[1], drawn[2], 255];
        match self {
            _ if a == 0 => plate,
            _ if a >= self.full() => whole,
            Self::Light => {
                let c = &*CURVES;
                let rest = 1.0 - f32::from(a) / 255.0;
                let mix = |i: usize| {
                    encode(c.decode[usize::from(drawn[i])] + rest * c.decode[usize::from(plate[i])])
                };
                [mix(0), mix(1), mix(2), 255]
            }
            Self::Encoded => {
                let rest = 255 - u32::from(a);
                let mix = |i: usize| {
                    let behind = (u32::from(plate[i]) * rest + 127) / 255;
                    (u32::from(drawn[i]) + behind).min(255) as u8
                };
                [mix(0), mix(1), mix(2), 255]
            }
        }
    }

    /// [`Self::over`] for a row. Almost all pixels are covered wholly or not at all.
    pub fn over_row(self, drawn: &[u8], plate: &[u8], out: &mut [u8]) {
        let full = u32::from(self.full());
        let (drawn, _) = drawn.as_chunks::<4>();
        let (plate, _) = plate.as_chunks::<4>();
        let (out, _) = out.as_chunks_mut::<4>();
        let mixed = pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let mut mixed = 0;
                for ((out, drawn), plate) in out.iter_mut().zip(drawn).zip(plate) {
                    let front = u32::from_le_bytes(*drawn);
                    let alpha = front >> 24;
                    let pixel = if alpha >= full {
                        front | 0xff00_0000
                    } else {
                        u32::from_le_bytes(*plate)
                    };
                    *out = pixel.to_le_bytes();
                    mixed |= u32::from(alpha < full) & u32::from(alpha != 0);
                }
                mixed != 0
            },
        );
        if mixed {
            for ((out, drawn), plate) in out.iter_mut().zip(drawn).zip(plate) {
                if drawn[3] != 0 && drawn[3] < self.full() {
                    *out = self.over(*drawn, *plate);
                }
            }
        }
    }

    /// A drawn pixel that `share` of another one covers; both premultiplied.
    pub fn blend(self, pixel: [u8; 4], other: [u8; 4], share: f32) -> [u8; 4] {
        let c = &*CURVES;
        let mix = |a: f32, b: f32| a + (b - a) * share;
        let plain = |i: usize| mix(f32::from(pixel[i]), f32::from(other[i])).round() as u8;
        let colour = |i: usize| match self {
            Self::Encoded => plain(i),
            Self::Light => encode(mix(
                c.decode[usize::from(pixel[i])],
                c.decode[usize::from(other[i])],
            )),
        };
        [colour(0), colour(1), colour(2), plain(3)]
    }

    /// Premultiplied to straight alpha, for pictures that keep their transparency.
    pub fn straighten(self, drawn: [u8; 4]) -> [u8; 4] {
        let a = drawn[3];
        let scale = 255.0 / f32::from(a.max(1));
        let lift = |i: usize| match self {
            Self::Light => encode(CURVES.decode[usize::from(drawn[i])] * scale),
            Self::Encoded => (f32::from(drawn[i]) * scale).round().min(255.0) as u8,
        };
        match a {
            0 => [0; 4],
            a if a >= self.full() => [drawn[0], drawn[1], drawn[2], 255],
            a => [lift(0), lift(1), lift(2), a],
        }
    }

    /// The least alpha that hides all behind it.
    fn full(self) -> u8 {
        match self {
            Self::Light => 255,
            Self::Encoded => Self::BEHIND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_8_bit_value_survives_the_curves() {
        for v in 0..=255_u8 {
            assert_eq!(encode(CURVES.decode[usize::from(v)]), v);
        }
    }

    #[test]
    fn what_is_covered_wholly_or_not_at_all_stays_as_it_is() {
        for mixing in [Mixing::Light, Mixing::Encoded] {
            let plate = [40, 60, 90, 255];
            assert_eq!(mixing.over([0; 4], plate), plate);
            assert_eq!(mixing.over([1, 2, 3, 255], plate), [1, 2, 3, 255]);
            assert_eq!(mixing.straighten([1, 2, 3, 255]), [1, 2, 3, 255]);
        }
        // An eye behind its lids.
        assert_eq!(
            Mixing::Encoded.over([1, 2, 3, 254], [40, 60, 90, 255]),
            [1, 2, 3, 255]
        );
    }

    #[test]
    fn half_of_white_over_black() {
        let black = [0, 0, 0, 255];
        // Half of the light is 188 in sRGB.
        assert_eq!(Mixing::Light.over([188, 188, 188, 128], black)[0], 188);
        assert_eq!(Mixing::Light.straighten([188, 188, 188, 128])[0], 255);
        assert_eq!(Mixing::Encoded.over([128, 128, 128, 128], black)[0], 128);
        assert_eq!(Mixing::Encoded.straighten([128, 128, 128, 128])[0], 255);
        let [r, ..] = Mixing::Encoded.over([0, 0, 0, 128], [255; 4]);
        assert_eq!(r, 127);
    }

    #[test]
    fn a_row_is_mixed_as_its_pixels_are() {
        let drawn: Vec<u8> = (0..=255).flat_map(|a| [a / 2, a / 3, a, a]).collect();
        let plate: Vec<u8> = (0..=255).flat_map(|v| [v, 255 - v, 7, 255]).collect();
        for mixing in [Mixing::Light, Mixing::Encoded] {
            let mut row = vec![0; drawn.len()];
            mixing.over_row(&drawn, &plate, &mut row);
            for ((row, d), p) in row.chunks(4).zip(drawn.chunks(4)).zip(plate.chunks(4)) {
                let want = mixing.over([d[0], d[1], d[2], d[3]], [p[0], p[1], p[2], p[3]]);
                assert_eq!(row, want);
            }
        }
    }
}
