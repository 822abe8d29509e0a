//! Cutting a turned rectangle out of a picture for a net.

use glam::Vec2;
use image::RgbaImage;

/// A rectangle that may be turned, in pixels of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roi {
    pub center: Vec2,
    /// Width and height along its own axes.
    pub size: Vec2,
    /// Radians, clockwise as seen (y points down).
    pub rotation: f32,
}

impl Roi {
    /// Where a point lies whose place inside is `(0, 0)` to `(1, 1)`.
    pub fn point(&self, inside: Vec2) -> Vec2 {
        self.center + Vec2::from_angle(self.rotation).rotate((inside - 0.5) * self.size)
    }

    /// Whether its numbers can be those of a place in or near a picture.
    pub(crate) fn is_sound(&self) -> bool {
        let finite = self.center.is_finite() && self.size.is_finite() && self.rotation.is_finite();
        finite && self.center.abs().max(self.size.abs()).max_element() < 1e9
    }
}

/// What lies beyond the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Border {
    Black,
    /// Mid-grey, as behind transparent pixels.
    Grey,
    Nearest,
}

/// What shows through a transparent pixel: mid-grey, so that a cut-out keeps an edge.
const BEHIND: f32 = 127.0;

/// Samples a side of an output pixel, at most.
const MAX_SUBSAMPLES: usize = 16;

/// RGB of pixel `(x, y)`, 0 to 255, over mid-grey.
fn pixel(picture: &RgbaImage, x: i64, y: i64, border: Border) -> [f32; 3] {
    let (w, h) = (i64::from(picture.width()), i64::from(picture.height()));
    let inside = (0..w).contains(&x) && (0..h).contains(&y);
    match border {
        Border::Black if !inside => return [0.0; 3],
        Border::Grey if !inside => return [BEHIND; 3],
        _ => {}
    }
    let at = 4 * (y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize;
    let [r, g, b, a] = [0, 1, 2, 3].map(|i| f32::from(picture.as_raw()[at + i]));
    if a == 255.0 {
        return [r, g, b];
    }
    [r, g, b].map(|v| BEHIND + (v - BEHIND) * (a / 255.0))
}

/// Bilinear, with pixel (0, 0) centred at (0, 0) as in OpenCV's warps.
fn bilinear(picture: &RgbaImage, at: Vec2, border: Border) -> [f32; 3] {
    let low = at.floor();
    let t = at - low;
    let (x, y) = (low.x as i64, low.y as i64);
    let weights = [
        (1.0 - t.x) * (1.0 - t.y),
        t.x * (1.0 - t.y),
        (1.0 - t.x) * t.y,
        t.x * t.y,
    ];
    let mut sum = [0.0; 3];
    let (w, h) = (i64::from(picture.width()), i64::from(picture.height()));
    if x >= 0 && y >= 0 && x + 1 < w && y + 1 < h {
        // Well inside: two rows of two opaque pixels, mostly.
        let start = 4 * (y * w + x) as usize;
        let stride = 4 * w as usize;
        let raw = picture.as_raw();
        let (upper, lower) = (
            &raw[start..start + 8],
            &raw[start + stride..start + stride + 8],
        );
        if upper[3] & upper[7] & lower[3] & lower[7] == 255 {
            for (c, s) in sum.iter_mut().enumerate() {
                *s = weights[0] * f32::from(upper[c])
                    + weights[1] * f32::from(upper[c + 4])
                    + weights[2] * f32::from(lower[c])
                    + weights[3] * f32::from(lower[c + 4]);
            }
            return sum;
        }
    }
    for ((dx, dy), weight) in [(0, 0), (1, 0), (0, 1), (1, 1)].into_iter().zip(weights) {
        for (s, v) in sum.iter_mut().zip(pixel(picture, x + dx, y + dy, border)) {
            *s += weight * v;
        }
    }
    sum
}

/// `[height, width, 3]` values: 0 becomes `range[0]` and 255 `range[1]`.
///
/// Upstream (MediaPipe's `ImageToTensorCalculator` on a processor) takes one
/// bilinear sample a pixel. So does this where the picture is at most twice as
/// fine as the output; where it is finer, several samples are averaged, or a
/// face in a large photo would be noise.
pub(crate) fn sample(
    picture: &RgbaImage,
    roi: &Roi,
    [width, height]: [usize; 2],
    range: [f32; 2],
    border: Border,
) -> Vec<f32> {
    let step = roi.size / Vec2::new(width as f32, height as f32);
    let n = ((step.abs().max_element() / 2.0).ceil() as usize).clamp(1, MAX_SUBSAMPLES);
    let offset = |i: usize| (i as f32 + 0.5) / n as f32 - 0.5;
    let axis = Vec2::from_angle(roi.rotation);
    let (right, down) = (axis * step.x, axis.perp() * step.y);
    let corner = roi.point(Vec2::ZERO);
    let gain = (range[1] - range[0]) / 255.0 / (n * n) as f32;
    let mut out = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0; 3];
            for sy in 0..n {
                for sx in 0..n {
                    let at =
                        corner + right * (x as f32 + offset(sx)) + down * (y as f32 + offset(sy));
                    for (s, v) in sum.iter_mut().zip(bilinear(picture, at, border)) {
                        *s += v;
                    }
                }
            }
            out.extend(sum.map(|v| range[0] + v * gain));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_turned_cut_reads_the_pixels_it_names() {
        let picture = RgbaImage::from_fn(8, 8, |x, y| {
            image::Rgba([x as u8 * 10, y as u8 * 10, 0, 255])
        });
        let whole = Roi {
            center: Vec2::splat(4.0),
            size: Vec2::splat(8.0),
            rotation: 0.0,
        };
        let cut = sample(&picture, &whole, [8, 8], [0.0, 255.0], Border::Black);
        assert_eq!(cut[3 * (8 * 2 + 5)..][..2], [50.0, 20.0]);
        // A quarter turn clockwise: the cut's right is the picture's down.
        let turned = Roi {
            rotation: std::f32::consts::FRAC_PI_2,
            ..whole
        };
        let cut = sample(&picture, &turned, [8, 8], [0.0, 255.0], Border::Nearest);
        let [r, g] = cut[3 * (8 * 2 + 5)..][..2].try_into().unwrap();
        assert!(
            (r - 60.0).abs() < 1e-3 && (g - 50.0).abs() < 1e-3,
            "{r} {g}"
        );
    }

    #[test]
    fn a_fine_pattern_becomes_its_mean() {
        let stripes = RgbaImage::from_fn(256, 256, |x, _| {
            let v = 255 * (x / 2 % 2) as u8;
            image::Rgba([v, v, v, 255])
        });
        let roi = Roi {
            center: Vec2::splat(128.0),
            size: Vec2::splat(200.0),
            rotation: 0.3,
        };
        for v in sample(&stripes, &roi, [16, 16], [0.0, 1.0], Border::Black) {
            // One sample a pixel would give 0 and 1.
            assert!((v - 0.5).abs() < 0.2, "{v}");
        }
    }
}
