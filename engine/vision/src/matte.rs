//! Mattes: how much of each pixel is person.
//!
//! MediaPipe's selfie segmenter gives a coarse matte of 256²; a guided filter
//! (K. He, J. Sun, X. Tang, "Guided Image Filtering", 2010) makes it follow the
//! picture's own edges at full resolution. The filter's coefficients are
//! computed on a reduced picture and applied to the full one (K. He, J. Sun,
//! "Fast Guided Filter", 2015), so its cost grows with the pixels only.
//!
//! The coarse matte is the median of three looks: stretched to a square as
//! upstream does, mirrored, and in its own shape. Of seven difficult portraits
//! each look took dark ground, leaves or a chair for a person in one to three;
//! they seldom agree on it, so the median leaves little.
//!
//! The salient-object net u2netp (ONNX, 4.6 MB, and a runtime for it) was
//! compared on the same 14 portraits and is not used. On photos and drawings on
//! plain ground the two are alike, and u2netp has a few more strands of hair.
//! But it loses the bust of a statue, the dress of dark paintings and half of a
//! cartoon's shirt, takes a sofa along, and costs several times the time. It is
//! better at the lower edge of a full-body picture.

use std::path::Path;

use candle_core::Device;
use glam::{Mat3, Vec2, Vec3, Vec4};
use image::{RgbaImage, imageops};
use rayon::prelude::*;

use crate::VisionError;
use crate::sample::{Border, Roi, sample};
use crate::tflite::Net;

/// Where the model lies inside the models directory.
const MODEL_FILE: &str = "selfie_segmenter/selfie_segmenter.tflite";
/// Side of the net's input and output in pixels.
const SIDE: usize = 256;
/// Longer side of the picture that the filter's coefficients are computed on.
const WORK_SIDE: u32 = 1024;

/// One value a pixel, row after row: 0 is background, 1 is person.
#[derive(Clone, Debug, PartialEq)]
pub struct Matte {
    pub width: u32,
    pub height: u32,
    pub alpha: Vec<f32>,
}

/// The net, loaded once and used from any thread.
#[derive(Debug)]
pub struct Segmenter {
    net: Net,
}

impl Segmenter {
    /// Loads the model from `models_dir` (see `huashen_core::paths::models_dir`).
    ///
    /// # Errors
    /// [`VisionError::NoModel`] where it was not fetched, [`VisionError::Model`]
    /// where it is something else.
    pub fn open(models_dir: &Path, device: &Device) -> Result<Self, VisionError> {
        let path = models_dir.join(MODEL_FILE);
        let bytes = std::fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => VisionError::NoModel { path: path.clone() },
            _ => VisionError::Read {
                path: path.clone(),
                source,
            },
        })?;
        let net = Net::load("selfie_segmenter.tflite", &bytes, device)?
            .expect(&[1, SIDE, SIDE, 3], &[SIDE * SIDE])?;
        Ok(Self { net })
    }

    /// The coarse matte of the whole picture, always 256², whatever its shape.
    pub fn coarse(&self, picture: &RgbaImage) -> Result<Matte, VisionError> {
        let size = Vec2::new(picture.width() as f32, picture.height() as f32);
        if picture.is_empty() {
            return Ok(Matte::square(vec![0.0; SIDE * SIDE]));
        }
        let view = |size: Vec2| Roi {
            center: Vec2::new(picture.width() as f32, picture.height() as f32) * 0.5,
            size,
            rotation: 0.0,
        };
        // As upstream: stretched to a square; and its mirror image.
        let input = sample(
            picture,
            &view(size),
            [SIDE, SIDE],
            [0.0, 1.0],
            Border::Nearest,
        );
        let mirrored = mirror(&input, 3);
        let stretched = self.look(input)?;
        let mirrored = mirror(&self.look(mirrored)?, 1);
        // In its own shape, with grey above and below or beside.
        let side = Vec2::splat(size.max_element());
        let boxed = sample(picture, &view(side), [SIDE, SIDE], [0.0, 1.0], Border::Grey);
        let boxed = Matte::square(self.look(boxed)?);
        let alpha = (0..SIDE * SIDE)
            .map(|i| {
                let at = Vec2::new((i % SIDE) as f32, (i / SIDE) as f32) + 0.5;
                let half = SIDE as f32 / 2.0;
                let boxed = boxed.at((at - half) * size / side + half - 0.5);
                let mut looks = [stretched[i], mirrored[i], boxed];
                looks.sort_by(f32::total_cmp);
                looks[1]
            })
            .collect();
        Ok(Matte::square(alpha))
    }

    /// The net's values for one input.
    fn look(&self, input: Vec<f32>) -> Result<Vec<f32>, VisionError> {
        Ok(self.net.run(input)?.into_iter().next().unwrap_or_default())
    }

    /// The matte at the picture's own size. A cut-out's alpha is kept: nothing
    /// transparent becomes person.
    pub fn matte(&self, picture: &RgbaImage) -> Result<Matte, VisionError> {
        Ok(self.coarse(picture)?.refined(picture))
    }
}

/// Rows of [`SIDE`] cells of `channels`, each row backwards.
fn mirror(values: &[f32], channels: usize) -> Vec<f32> {
    values
        .chunks_exact(SIDE * channels)
        .flat_map(|row| row.chunks_exact(channels).rev().flatten().copied())
        .collect()
}

/// Radius of the filter as a part of the longer side, and its smoothness (the
/// variance of a channel of 0 to 1 below which a neighbourhood is flat).
const PASSES: [(f32, f32); 2] = [(0.02, 1e-3), (0.006, 1e-5)];

impl Matte {
    /// Of the net's size.
    fn square(alpha: Vec<f32>) -> Self {
        Self {
            width: SIDE as u32,
            height: SIDE as u32,
            alpha,
        }
    }

    /// The value at `(x, y)`, pixels of this matte; bilinear, held at the edges.
    pub fn at(&self, at: Vec2) -> f32 {
        let last = Vec2::new(self.width as f32, self.height as f32) - 1.0;
        let at = at.clamp(Vec2::ZERO, last.max(Vec2::ZERO));
        let (low, t) = (at.floor().as_uvec2(), at.fract());
        let value = |x: u32, y: u32| {
            let (x, y) = (x.min(self.width - 1), y.min(self.height - 1));
            self.alpha[(y * self.width + x) as usize]
        };
        let upper = value(low.x, low.y) * (1.0 - t.x) + value(low.x + 1, low.y) * t.x;
        let lower = value(low.x, low.y + 1) * (1.0 - t.x) + value(low.x + 1, low.y + 1) * t.x;
        upper * (1.0 - t.y) + lower * t.y
    }

    /// This matte at the size of `picture`, following its edges.
    pub fn refined(&self, picture: &RgbaImage) -> Self {
        let (width, height) = picture.dimensions();
        if picture.is_empty() || self.alpha.is_empty() {
            return Self {
                width,
                height,
                alpha: vec![0.0; width as usize * height as usize],
            };
        }
        let scale = (WORK_SIDE as f32 / width.max(height) as f32).min(1.0);
        let side = |n: u32| ((n as f32 * scale).round() as u32).max(1);
        let reduced;
        let small = if scale < 1.0 {
            reduced = imageops::thumbnail(picture, side(width), side(height));
            &reduced
        } else {
            picture
        };
        let (w, h) = (small.width() as usize, small.height() as usize);
        let guide: Vec<Vec3> = small.pixels().map(|p| colour(p.0)).collect();
        let step = Vec2::new(self.width as f32 / w as f32, self.height as f32 / h as f32);
        let mut alpha: Vec<f32> = (0..w * h)
            .map(|i| {
                let at = Vec2::new((i % w) as f32, (i / w) as f32);
                self.at((at + 0.5) * step - 0.5)
            })
            .collect();
        let mut lines = Vec::new();
        for (radius, smoothness) in PASSES {
            let radius = ((w.max(h) as f32 * radius).round() as usize).max(1);
            lines = coefficients(&guide, &alpha, [w, h], radius, smoothness);
            for ((a, line), colour) in alpha.iter_mut().zip(&lines).zip(&guide) {
                *a = contrast(line.dot(colour.extend(1.0)));
            }
        }
        let mut full = vec![0.0; width as usize * height as usize];
        let step = Vec2::new(w as f32 / width as f32, h as f32 / height as f32);
        full.par_chunks_exact_mut(width as usize)
            .zip(picture.as_raw().par_chunks_exact(4 * width as usize))
            .enumerate()
            .for_each(|(y, (out, row))| {
                let at_y = ((y as f32 + 0.5) * step.y - 0.5).clamp(0.0, (h - 1) as f32);
                let (y0, ty) = (at_y as usize, at_y.fract());
                let y1 = (y0 + 1).min(h - 1);
                for (x, (out, p)) in out.iter_mut().zip(row.chunks_exact(4)).enumerate() {
                    let at_x = ((x as f32 + 0.5) * step.x - 0.5).clamp(0.0, (w - 1) as f32);
                    let (x0, tx) = (at_x as usize, at_x.fract());
                    let x1 = (x0 + 1).min(w - 1);
                    let upper = lines[y0 * w + x0].lerp(lines[y0 * w + x1], tx);
                    let lower = lines[y1 * w + x0].lerp(lines[y1 * w + x1], tx);
                    let line = upper.lerp(lower, ty);
                    let value = contrast(line.dot(colour([p[0], p[1], p[2], p[3]]).extend(1.0)));
                    *out = value.min(f32::from(p[3]) / 255.0);
                }
            });
        Self {
            width,
            height,
            alpha: full,
        }
    }
}

fn colour([r, g, b, _]: [u8; 4]) -> Vec3 {
    Vec3::new(f32::from(r), f32::from(g), f32::from(b)) / 255.0
}

/// Nearly clear becomes clear and nearly opaque opaque.
fn contrast(alpha: f32) -> f32 {
    ((alpha - 0.06) / 0.88).clamp(0.0, 1.0)
}

/// The filter's lines: `alpha ≈ line · (r, g, b, 1)` around each pixel.
fn coefficients(
    guide: &[Vec3],
    alpha: &[f32],
    [w, h]: [usize; 2],
    radius: usize,
    smoothness: f32,
) -> Vec<Vec4> {
    // Means of colour and alpha, of their products, and of the colours' squares.
    let first = guide.iter().zip(alpha).map(|(c, a)| c.extend(*a)).collect();
    let first = box_mean(first, [w, h], radius);
    let second = guide
        .iter()
        .zip(alpha)
        .map(|(c, a)| (*c * *a).extend(0.0))
        .collect();
    let second = box_mean(second, [w, h], radius);
    let squares = guide.iter().map(|c| (*c * *c).extend(0.0)).collect();
    let squares = box_mean(squares, [w, h], radius);
    let mixed = guide
        .iter()
        .map(|c| Vec4::new(c.x * c.y, c.y * c.z, c.z * c.x, 0.0))
        .collect();
    let mixed = box_mean(mixed, [w, h], radius);
    let lines = (0..w * h)
        .map(|i| {
            let (mean, mean_alpha) = (first[i].truncate(), first[i].w);
            let covariance = second[i].truncate() - mean * mean_alpha;
            let diagonal = squares[i].truncate() - mean * mean + smoothness;
            let off = mixed[i].truncate() - mean * Vec3::new(mean.y, mean.z, mean.x);
            let spread = Mat3::from_cols(
                Vec3::new(diagonal.x, off.x, off.z),
                Vec3::new(off.x, diagonal.y, off.y),
                Vec3::new(off.z, off.y, diagonal.z),
            );
            let line = spread.inverse() * covariance;
            let line = if line.is_finite() { line } else { Vec3::ZERO };
            line.extend(mean_alpha - line.dot(mean))
        })
        .collect();
    box_mean(lines, [w, h], radius)
}

/// The mean of each square of `2 · radius + 1`, cut off at the edges.
fn box_mean(values: Vec<Vec4>, [w, h]: [usize; 2], radius: usize) -> Vec<Vec4> {
    let mut rows = vec![Vec4::ZERO; w * h];
    rows.par_chunks_exact_mut(w)
        .zip(values.par_chunks_exact(w))
        .for_each(|(out, row)| {
            slide(w, radius, |i| row[i], |i, mean| out[i] = mean);
        });
    drop(values);
    // Columns become rows, and back.
    let mut columns = vec![Vec4::ZERO; w * h];
    columns
        .par_chunks_exact_mut(h)
        .enumerate()
        .for_each(|(x, out)| {
            slide(h, radius, |y| rows[y * w + x], |y, mean| out[y] = mean);
        });
    rows.par_chunks_exact_mut(w)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, to) in row.iter_mut().enumerate() {
                *to = columns[x * h + y];
            }
        });
    rows
}

/// The running mean of `len` values.
fn slide(
    len: usize,
    radius: usize,
    value: impl Fn(usize) -> Vec4,
    mut put: impl FnMut(usize, Vec4),
) {
    // In f64: in a long flat row the rounding of f32 would add up.
    let mut sum = (0..radius.min(len))
        .map(|i| value(i).as_dvec4())
        .sum::<glam::DVec4>();
    for i in 0..len {
        if i + radius < len {
            sum += value(i + radius).as_dvec4();
        }
        if i > radius {
            sum -= value(i - radius - 1).as_dvec4();
        }
        let count = (i + radius).min(len - 1) + 1 - i.saturating_sub(radius);
        put(i, (sum / count as f64).as_vec4());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_of_squares_is_the_mean_of_squares() {
        let (w, h, r) = (13, 9, 2);
        let value = |x: usize, y: usize| Vec4::splat(((x * 31 + y * 17) % 23) as f32);
        let values = (0..w * h).map(|i| value(i % w, i / w)).collect();
        let means = box_mean(values, [w, h], r);
        for (i, mean) in means.iter().enumerate() {
            let (x, y) = (i % w, i / w);
            let cells: Vec<_> = (y.saturating_sub(r)..=(y + r).min(h - 1))
                .flat_map(|v| {
                    (x.saturating_sub(r)..=(x + r).min(w - 1)).map(move |u| value(u, v).x)
                })
                .collect();
            let expected = cells.iter().sum::<f32>() / cells.len() as f32;
            assert!((mean.x - expected).abs() < 1e-4);
        }
    }

    #[test]
    fn a_rough_matte_finds_the_edge_of_the_picture() {
        // A bright disc on dark ground, and a matte that is 3 pixels too large.
        let inside =
            |x: u32, y: u32, r: f32| Vec2::new(x as f32 - 200.0, y as f32 - 150.0).length() < r;
        let picture = RgbaImage::from_fn(400, 300, |x, y| {
            let v = if inside(x, y, 80.0) { 220 } else { 40 };
            let noise = ((x * 7 + y * 13) % 5) as u8;
            image::Rgba([v, v - noise, v + noise, 255])
        });
        let rough = Matte {
            width: 100,
            height: 75,
            alpha: (0..7500)
                .map(|i| f32::from(u8::from(inside(i % 100 * 4 + 2, i / 100 * 4 + 2, 83.0))))
                .collect(),
        };
        let fine = rough.refined(&picture);
        assert_eq!((fine.width, fine.height), picture.dimensions());
        let error = |matte: &dyn Fn(u32, u32) -> f32| {
            let all = (0..400).flat_map(|x| (0..300).map(move |y| (x, y)));
            all.map(|(x, y)| (matte(x, y) - f32::from(u8::from(inside(x, y, 80.0)))).abs())
                .sum::<f32>()
        };
        let before = error(&|x, y| rough.at(Vec2::new(x as f32 + 0.5, y as f32 + 0.5) / 4.0 - 0.5));
        let after = error(&|x, y| fine.alpha[(y * 400 + x) as usize]);
        assert!(after < 0.65 * before, "{before} becomes {after}");
    }

    #[test]
    fn odd_sizes_and_clear_pixels_are_fine() {
        let matte = Matte {
            width: 2,
            height: 2,
            alpha: vec![1.0; 4],
        };
        for (w, h) in [(0, 0), (1, 1), (1, 50), (3000, 1)] {
            let refined = matte.refined(&RgbaImage::new(w, h));
            assert_eq!(refined.alpha.len(), (w * h) as usize);
            // Every pixel is transparent.
            assert!(refined.alpha.iter().all(|a| *a == 0.0));
        }
    }
}
