//! From finished pictures to frames: the CPU twin of
//! `shaders/rgba_to_i420.wgsl`, with the same arithmetic.

use huashen_core::Size;

/// BT.709 R'G'B' (0..=255) to limited-range Y'CbCr as 16.16 fixed point; rows
/// Y', Cb, Cr. `219/255 · K`, `224/255 · (B'-Y')/1.8556`, `224/255 · (R'-Y')/1.5748`,
/// rounded so that each chroma row sums to zero (greys stay at 128).
pub(crate) const BT709: [[i32; 3]; 3] = [
    [11966, 40254, 4064],
    [-6596, -22188, 28784],
    [28784, -26145, -2639],
];

/// A rectangle of a picture, in pixels; even edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub fn full(size: Size) -> Self {
        Self {
            x: 0,
            y: 0,
            width: size.width,
            height: size.height,
        }
    }

    pub fn contains(self, other: Self) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && self.x + self.width >= other.x + other.width
            && self.y + self.height >= other.y + other.height
    }

    pub fn union(self, other: Self) -> Self {
        let x = self.x.min(other.x);
        let y = self.y.min(other.y);
        Self {
            x,
            y,
            width: (self.x + self.width).max(other.x + other.width) - x,
            height: (self.y + self.height).max(other.y + other.height) - y,
        }
    }
}

/// Writes the pixels of `rect` from RGBA rows into an I420 frame of `size`.
///
/// `rgba` is the whole finished picture (`size`, tight rows). Chroma is sited
/// left: each sample takes `[1 2 1]/4` about its left pixel, over two rows.
pub(crate) fn rgba_to_i420(rgba: &[u8], size: Size, rect: Rect, out: &mut [u8]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || convert(rgba, size, rect, out),
    );
}

#[inline(always)]
fn convert(rgba: &[u8], size: Size, rect: Rect, out: &mut [u8]) {
    let (w, h) = (size.width as usize, size.height as usize);
    let (luma, chroma) = out.split_at_mut(w * h);
    let (cb, cr) = chroma.split_at_mut(w * h / 4);
    let (x0, x1) = (rect.x as usize, (rect.x + rect.width) as usize);
    let (y0, y1) = (rect.y as usize, (rect.y + rect.height) as usize);
    let [ky, kb, kr] = BT709;
    for y in y0..y1 {
        let row = &rgba[(y * w + x0) * 4..(y * w + x1) * 4];
        let (row, _) = row.as_chunks::<4>();
        for (pixel, y_out) in row.iter().zip(&mut luma[y * w + x0..y * w + x1]) {
            let [r, g, b, _] = pixel.map(i32::from);
            *y_out = (16 + ((ky[0] * r + ky[1] * g + ky[2] * b + (1 << 15)) >> 16)) as u8;
        }
    }
    // The filter reaches one pixel to the left of the rectangle and one beyond
    // it, so the neighbouring sample to the right changes with it.
    let last = (x1 / 2 + 1).min(w / 2);
    for row in y0 / 2..y1 / 2 {
        let top = &rgba[row * 2 * w * 4..(row * 2 + 1) * w * 4];
        let bottom = &rgba[(row * 2 + 1) * w * 4..(row * 2 + 2) * w * 4];
        let (top, _) = top.as_chunks::<4>();
        let (bottom, _) = bottom.as_chunks::<4>();
        let column =
            |a: &[u8; 4], b: &[u8; 4]| [0, 1, 2].map(|c| i32::from(a[c]) + i32::from(b[c]));
        let (first, left) = (x0 / 2, x0.max(1) - 1);
        let mut left = column(&top[left], &bottom[left]);
        let (top, _) = top[first * 2..last * 2].as_chunks::<2>();
        let (bottom, _) = bottom[first * 2..last * 2].as_chunks::<2>();
        let at = row * (w / 2);
        let (cb, cr) = (
            &mut cb[at + first..at + last],
            &mut cr[at + first..at + last],
        );
        for (((top, bottom), cb), cr) in top.iter().zip(bottom).zip(cb).zip(cr) {
            let middle = column(&top[0], &bottom[0]);
            let right = column(&top[1], &bottom[1]);
            let [r, g, b] = [0, 1, 2].map(|c| left[c] + 2 * middle[c] + right[c]);
            *cb = (128 + ((kb[0] * r + kb[1] * g + kb[2] * b + (1 << 18)) >> 19)) as u8;
            *cr = (128 + ((kr[0] * r + kr[1] * g + kr[2] * b + (1 << 18)) >> 19)) as u8;
            left = right;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(size: Size, rgb: [u8; 3]) -> Vec<u8> {
        let pixels = (size.width * size.height) as usize;
        [rgb[0], rgb[1], rgb[2], 255].repeat(pixels)
    }

    /// BT.709 limited range by its definition, in floats.
    fn reference(rgb: [u8; 3]) -> [f64; 3] {
        let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        [
            16.0 + 219.0 * y,
            128.0 + 224.0 * (b - y) / 1.8556,
            128.0 + 224.0 * (r - y) / 1.5748,
        ]
    }

    #[test]
    fn flat_colours_match_the_definition() {
        let size = Size {
            width: 8,
            height: 4,
        };
        for rgb in [
            [40, 60, 90],
            [0, 0, 0],
            [255, 255, 255],
            [255, 0, 0],
            [0, 255, 0],
            [0, 0, 255],
            [191, 191, 0],
            [17, 128, 250],
        ] {
            let mut out = vec![0; 48];
            rgba_to_i420(&flat(size, rgb), size, Rect::full(size), &mut out);
            let want = reference(rgb);
            for (plane, want) in [&out[..32], &out[32..40], &out[40..]].iter().zip(want) {
                for v in *plane {
                    assert!((f64::from(*v) - want).abs() <= 0.51, "{rgb:?} {v} {want}");
                }
            }
        }
        let mut out = vec![0; 48];
        rgba_to_i420(&flat(size, [40, 60, 90]), size, Rect::full(size), &mut out);
        assert_eq!((out[0], out[32], out[40]), (66, 143, 118));
    }

    #[test]
    fn a_rectangle_updates_what_the_whole_picture_would() {
        let size = Size {
            width: 16,
            height: 8,
        };
        let mut rgba = flat(size, [40, 60, 90]);
        let mut part = vec![0; 192];
        rgba_to_i420(&rgba, size, Rect::full(size), &mut part);
        let rect = Rect {
            x: 4,
            y: 2,
            width: 6,
            height: 4,
        };
        for y in 2..6 {
            for x in 4..10 {
                let at = (y * 16 + x) * 4;
                rgba[at..at + 3].copy_from_slice(&[(x * 20) as u8, (y * 30) as u8, 200]);
            }
        }
        rgba_to_i420(&rgba, size, rect, &mut part);
        let mut whole = vec![0; 192];
        rgba_to_i420(&rgba, size, Rect::full(size), &mut whole);
        assert_eq!(part, whole);
    }
}
