//! A small picture with alpha, and how it is laid over frames.

use huashen_core::{Frame, PixelFormat};

use crate::lettering::Ink;

/// Premultiplied RGBA; even sides.
pub(crate) struct Sprite {
    pub width: usize,
    pub height: usize,
    pixels: Vec<[u8; 4]>,
}

/// BT.709 in 16.16, limited range, as in `engine/render/src/i420.rs`.
const BT709: [[i32; 3]; 3] = [
    [11966, 40254, 4064],
    [-6596, -22188, 28784],
    [28784, -26145, -2639],
];

impl Sprite {
    pub fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        Self {
            width,
            height,
            pixels: vec![[0; 4]; width * height],
        }
    }

    /// Ink with a dark edge of `edge_px` around it.
    pub fn of_ink(ink: &Ink, edge_px: f32) -> Self {
        let mut sprite = Self::new(ink.width, ink.height);
        let edge = spread(ink, edge_px);
        for y in 0..ink.height {
            for x in 0..ink.width {
                let at = y * ink.width + x;
                let dark = f32::from(edge[at]) / 255.0 * EDGE_ALPHA;
                sprite.over(x, y, [0, 0, 0], dark);
                sprite.over(x, y, ink.rgb[at], f32::from(ink.coverage[at]) / 255.0);
            }
        }
        sprite
    }

    /// Lays one colour over a pixel.
    pub fn over(&mut self, x: usize, y: usize, rgb: [u8; 3], alpha: f32) {
        let pixel = &mut self.pixels[y * self.width + x];
        let rest = 1.0 - alpha;
        let mix = |old: u8, new: f32| (f32::from(old) * rest + new * alpha).round() as u8;
        *pixel = [
            mix(pixel[0], f32::from(rgb[0])),
            mix(pixel[1], f32::from(rgb[1])),
            mix(pixel[2], f32::from(rgb[2])),
            mix(pixel[3], 255.0),
        ];
    }

    /// Lays another sprite, no larger, over this one, corner on corner.
    pub fn lay(&mut self, front: &Self) {
        for y in 0..front.height.min(self.height) {
            for x in 0..front.width.min(self.width) {
                let from = front.pixels[y * front.width + x].map(u32::from);
                let to = &mut self.pixels[y * self.width + x];
                let rest = 255 - from[3];
                for (to, from) in to.iter_mut().zip(from) {
                    *to = (from + (u32::from(*to) * rest + 127) / 255).min(255) as u8;
                }
            }
        }
    }

    /// Lays the sprite over `frame`, its corner at (`x`, `y`), even numbers;
    /// what does not fit is cut off.
    pub fn blend(&self, frame: &mut Frame, x: usize, y: usize, opacity: f32) {
        let opacity = (opacity * 256.0).round() as u32;
        if opacity == 0 {
            return;
        }
        match frame.format {
            PixelFormat::Rgba8 => self.blend_rgba(frame, x, y, opacity),
            PixelFormat::I420 => self.blend_planes(frame, x, y, opacity),
        }
    }

    fn faded(&self, x: usize, y: usize, opacity: u32) -> [i32; 4] {
        self.pixels[y * self.width + x].map(|v| ((u32::from(v) * opacity) >> 8) as i32)
    }

    fn blend_rgba(&self, frame: &mut Frame, x0: usize, y0: usize, opacity: u32) {
        let (width, height) = (frame.size.width as usize, frame.size.height as usize);
        for y in 0..self.height.min(height.saturating_sub(y0)) {
            for x in 0..self.width.min(width.saturating_sub(x0)) {
                let front = self.faded(x, y, opacity);
                if front[3] == 0 {
                    continue;
                }
                let at = ((y0 + y) * width + x0 + x) * 4;
                let back = &mut frame.data[at..at + 4];
                // Straight alpha in, straight alpha out.
                let behind = (255 - front[3]) * i32::from(back[3]);
                let alpha = front[3] * 255 + behind;
                for (to, front) in back.iter_mut().zip(&front[..3]) {
                    let mixed = front * 255 * 255 + i32::from(*to) * behind;
                    *to = ((mixed + alpha / 2) / alpha.max(1)).min(255) as u8;
                }
                back[3] = ((alpha + 127) / 255) as u8;
            }
        }
    }

    fn blend_planes(&self, frame: &mut Frame, x0: usize, y0: usize, opacity: u32) {
        let (width, height) = (frame.size.width as usize, frame.size.height as usize);
        let (w, h) = (
            self.width.min(width.saturating_sub(x0)) & !1,
            self.height.min(height.saturating_sub(y0)) & !1,
        );
        let (luma, chroma) = frame.data.split_at_mut(width * height);
        let quarter = chroma.len() / 2;
        let (cb, cr) = chroma.split_at_mut(quarter);
        let weigh = |plane: usize, p: [i32; 4]| {
            let [r, g, b] = BT709[plane];
            (r * p[0] + g * p[1] + b * p[2]) >> 8
        };
        // `zero` is what black and grey are in the plane; all over 255 · 256.
        let mix = |to: &mut u8, weighed: i32, alpha: i32, zero: i32| {
            let front = weighed * 255 + zero * alpha * 256;
            let back = i32::from(*to) * (255 - alpha) * 256;
            *to = ((front + back + 255 * 128) / (255 * 256)) as u8;
        };
        for y in (0..h).step_by(2) {
            for x in (0..w).step_by(2) {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)]
                    .map(|(dx, dy)| ((dx, dy), self.faded(x + dx, y + dy, opacity)));
                let sum = four.iter().fold([0; 4], |sum: [i32; 4], (_, p)| {
                    [0, 1, 2, 3].map(|c| sum[c] + p[c])
                });
                if sum[3] == 0 {
                    continue;
                }
                for ((dx, dy), p) in four {
                    let to = &mut luma[(y0 + y + dy) * width + x0 + x + dx];
                    mix(to, weigh(0, p), p[3], 16);
                }
                let mean = sum.map(|v| (v + 2) / 4);
                let at = (y0 + y) / 2 * (width / 2) + (x0 + x) / 2;
                mix(&mut cb[at], weigh(1, mean), mean[3], 128);
                mix(&mut cr[at], weigh(2, mean), mean[3], 128);
            }
        }
    }
}

/// How dark the edge around letters is.
const EDGE_ALPHA: f32 = 0.85;

/// Coverage grown by `radius` pixels, with a soft rim.
fn spread(ink: &Ink, radius: f32) -> Vec<u8> {
    let reach = radius.ceil() as i32;
    let mut discs = Vec::new();
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let far = (dx as f32).hypot(dy as f32);
            let weight = (radius + 0.5 - far).clamp(0.0, 1.0);
            if weight > 0.0 {
                discs.push((dx, dy, (weight * 256.0) as u32));
            }
        }
    }
    let mut out = vec![0_u8; ink.coverage.len()];
    let (w, h) = (ink.width as i32, ink.height as i32);
    for (i, c) in ink.coverage.iter().enumerate().filter(|(_, c)| **c > 0) {
        let (x, y) = (i as i32 % w, i as i32 / w);
        for (dx, dy, weight) in &discs {
            let (x, y) = (x + dx, y + dy);
            if x >= 0 && y >= 0 && x < w && y < h {
                let to = &mut out[(y * w + x) as usize];
                *to = (*to).max(((u32::from(*c) * weight) >> 8) as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use huashen_core::Size;

    use super::*;

    const SIZE: Size = Size {
        width: 8,
        height: 4,
    };

    fn frame(format: PixelFormat, data: Vec<u8>) -> Frame {
        Frame {
            index: 0,
            size: SIZE,
            format,
            data,
        }
    }

    #[test]
    fn planes_and_pixels_are_blended_alike() {
        let mut sprite = Sprite::new(4, 2);
        for (x, alpha) in [(0, 1.0), (1, 1.0), (2, 0.5), (3, 0.5)] {
            sprite.over(x, 0, [250, 200, 40], alpha);
            sprite.over(x, 1, [250, 200, 40], alpha);
        }
        let mut rgba = frame(PixelFormat::Rgba8, [40, 60, 90, 255].repeat(32));
        sprite.blend(&mut rgba, 2, 2, 1.0);
        // The same in planes: 66, 143, 118 is that blue in BT.709.
        let planes = [vec![66; 32], vec![143; 8], vec![118; 8]].concat();
        let mut i420 = frame(PixelFormat::I420, planes);
        sprite.blend(&mut i420, 2, 2, 1.0);
        let want = |rgb: &[u8]| {
            let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(f64::from);
            let y = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255.0;
            [
                16.0 + 219.0 * y,
                128.0 + 224.0 * (b / 255.0 - y) / 1.8556,
                128.0 + 224.0 * (r / 255.0 - y) / 1.5748,
            ]
        };
        for x in 0..8 {
            let [y, cb, cr] = want(&rgba.data[(2 * 8 + x) * 4..]);
            assert!((f64::from(i420.data[2 * 8 + x]) - y).abs() <= 1.0);
            assert!(
                (f64::from(i420.data[32 + 4 + x / 2]) - cb).abs() <= 1.5,
                "{x}"
            );
            assert!(
                (f64::from(i420.data[40 + 4 + x / 2]) - cr).abs() <= 1.5,
                "{x}"
            );
        }
        assert_eq!(i420.data[..16], [66; 16], "above it nothing changes");
        assert_eq!(rgba.data[(2 * 8 + 2) * 4..][..4], [250, 200, 40, 255]);
    }

    #[test]
    fn over_nothing_it_is_itself() {
        let mut sprite = Sprite::new(2, 2);
        sprite.over(0, 0, [250, 200, 40], 0.5);
        let mut rgba = frame(PixelFormat::Rgba8, vec![0; 128]);
        sprite.blend(&mut rgba, 0, 0, 1.0);
        let [r, g, b, a] = [0, 1, 2, 3].map(|c| rgba.data[c]);
        assert!(r.abs_diff(250) < 3 && g.abs_diff(200) < 3 && b.abs_diff(40) < 3);
        assert!(a.abs_diff(128) <= 1);
        // And half of it at half its strength, cut off at the frame's edge.
        sprite.blend(&mut rgba, 7, 3, 0.5);
        assert_eq!(rgba.data[31 * 4 + 3], 64);
    }
}
