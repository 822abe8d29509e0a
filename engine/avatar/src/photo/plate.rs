//! Behind the person: the photo with the person painted out, and the person's
//! own colours along soft edges.

use glam::Vec3;
use image::{GrayImage, Rgb, RgbImage, Rgba, RgbaImage};

/// Fills `missing` (not 0) from what is around it, coarse to fine ("pull-push",
/// Gortler and others, "The Lumigraph", 1996).
pub fn fill(picture: &RgbImage, missing: &GrayImage) -> RgbImage {
    let (w, h) = picture.dimensions();
    let mut levels = vec![Level {
        w: w as usize,
        h: h as usize,
        pixels: picture
            .pixels()
            .zip(missing.pixels())
            .map(|(p, m)| match m[0] {
                0 => [f32::from(p[0]), f32::from(p[1]), f32::from(p[2]), 1.0],
                _ => [0.0; 4],
            })
            .collect(),
    }];
    while let Some(last) = levels.last()
        && last.w.max(last.h) > 1
    {
        let next = last.half();
        levels.push(next);
    }
    for k in (0..levels.len().saturating_sub(1)).rev() {
        let (fine, coarse) = levels.split_at_mut(k + 1);
        fine[k].fill_from(&coarse[0]);
    }
    let level = &levels[0];
    RgbImage::from_fn(w, h, |x, y| {
        if missing.get_pixel(x, y)[0] == 0 {
            return *picture.get_pixel(x, y);
        }
        let p = level.pixels[(y * w + x) as usize];
        Rgb([p[0], p[1], p[2]].map(|v| v.round().clamp(0.0, 255.0) as u8))
    })
}

/// Colour times weight, and weight.
struct Level {
    w: usize,
    h: usize,
    pixels: Vec<[f32; 4]>,
}

impl Level {
    fn half(&self) -> Self {
        let (w, h) = (self.w.div_ceil(2), self.h.div_ceil(2));
        let mut pixels = Vec::with_capacity(w * h);
        for y in 0..h {
            for x in 0..w {
                let mut sum = [0.0; 4];
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let (fx, fy) = ((2 * x + dx).min(self.w - 1), (2 * y + dy).min(self.h - 1));
                    for (s, v) in sum.iter_mut().zip(self.pixels[fy * self.w + fx]) {
                        *s += v;
                    }
                }
                // A weight over 1 says no more than 1.
                let over = sum[3].max(1.0);
                pixels.push(sum.map(|v| v / over));
            }
        }
        Self { w, h, pixels }
    }

    /// Blends in what is missing from a coarser level, bilinearly.
    fn fill_from(&mut self, coarse: &Self) {
        for y in 0..self.h {
            for x in 0..self.w {
                let at = y * self.w + x;
                let have = self.pixels[at][3];
                if have >= 1.0 {
                    continue;
                }
                let (cx, cy) = ((x as f32 - 0.5) * 0.5, (y as f32 - 0.5) * 0.5);
                let (x0, y0) = (cx.floor(), cy.floor());
                let mut sum = [0.0; 4];
                for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                    let weight = (1.0 - (cx - x0 - dx).abs()) * (1.0 - (cy - y0 - dy).abs());
                    let px = (x0 + dx).clamp(0.0, (coarse.w - 1) as f32) as usize;
                    let py = (y0 + dy).clamp(0.0, (coarse.h - 1) as f32) as usize;
                    for (s, v) in sum.iter_mut().zip(coarse.pixels[py * coarse.w + px]) {
                        *s += v * weight;
                    }
                }
                if sum[3] > 1e-6 {
                    let (scale, left) = (1.0 / sum[3], 1.0 - have);
                    for (p, s) in self.pixels[at].iter_mut().zip(sum) {
                        *p += s * scale * left;
                    }
                }
            }
        }
    }
}

/// All pixels within `radius` of one that is not 0.
pub fn dilate(mask: &GrayImage, radius: u32) -> GrayImage {
    let (w, h) = mask.dimensions();
    let r = radius as usize;
    // Along rows, then along columns: a square.
    let pass = |from: &[u8], w: usize, h: usize, step: usize, line: usize| {
        let mut out = vec![0_u8; from.len()];
        for j in 0..h {
            let start = j * line;
            let mut last: Option<usize> = None;
            for i in 0..w + r {
                if i < w && from[start + i * step] > 0 {
                    last = Some(i);
                }
                if i >= r && last.is_some_and(|l| l + 2 * r >= i) {
                    out[start + (i - r) * step] = 255;
                }
            }
        }
        out
    };
    let (wu, hu) = (w as usize, h as usize);
    let rows = pass(mask.as_raw(), wu, hu, 1, wu);
    let columns = pass(&rows, hu, wu, wu, 1);
    GrayImage::from_raw(w, h, columns).unwrap_or_else(|| GrayImage::new(w, h))
}

/// Colours of the person and of what is behind that differ less tell no coverage.
const CONTRAST: f32 = 30.0;
/// What is neither the person's colour nor the other's, nor between them, by
/// more than the first belongs to the person in part, by more than the second
/// altogether.
const STRAY: [f32; 2] = [12.0, 48.0];

/// The matte's soft edge as the photo's colours have it, up to `near` beside it.
///
/// A segmenter's edge is smooth: it covers some background, and misses strands
/// of hair, which would stay behind as ghosts when the head turns. `behind`:
/// the photo with the person painted out.
pub fn refined(
    alpha: &GrayImage,
    picture: &RgbImage,
    behind: &RgbImage,
    near: &GrayImage,
) -> GrayImage {
    let before = fill(picture, &unsure(alpha));
    let colour = |picture: &RgbImage, x, y| {
        let [r, g, b] = picture.get_pixel(x, y).0.map(f32::from);
        Vec3::new(r, g, b)
    };
    GrayImage::from_fn(alpha.width(), alpha.height(), |x, y| {
        let own = alpha.get_pixel(x, y)[0];
        if own == 255 || near.get_pixel(x, y)[0] == 0 {
            return image::Luma([own]);
        }
        let p = colour(picture, x, y);
        let (f, b) = (colour(&before, x, y), colour(behind, x, y));
        let way = f - b;
        if way.length() < CONTRAST {
            return image::Luma([own]);
        }
        let along = ((p - b).dot(way) / way.length_squared()).clamp(0.0, 1.0);
        let aside = (p - b - way * along).length();
        let stray = ((aside - STRAY[0]) / (STRAY[1] - STRAY[0])).clamp(0.0, 1.0);
        // Never sure: a solid part has no hole in its edge.
        image::Luma([(along.max(stray) * 254.0).round() as u8])
    })
}

/// Where the matte is not sure of the person.
fn unsure(alpha: &GrayImage) -> GrayImage {
    GrayImage::from_fn(alpha.width(), alpha.height(), |x, y| {
        image::Luma([255 - u8::from(alpha.get_pixel(x, y)[0] == 255) * 255])
    })
}

/// The photo taken apart: what is behind the person, and the person's own
/// colours with their coverage. Laid over each other, encoded values mixed by
/// coverage, they are the photo again, or as near as `GHOST` allows.
pub struct Layers {
    pub plate: RgbImage,
    pub foreground: RgbaImage,
}

/// Along soft edges, `behind` and the nearest sure colours of the person take
/// what the photo shows otherwise, each by its share (the least change that
/// gives the photo). Right beside the matte (`near`), faint traces of the person
/// are painted out.
pub fn layers(
    picture: &RgbImage,
    behind: &RgbImage,
    alpha: &GrayImage,
    near: &GrayImage,
) -> Layers {
    let (w, h) = picture.dimensions();
    let before = fill(picture, &unsure(alpha));
    let mut plate = RgbImage::new(w, h);
    let mut foreground = RgbaImage::new(w, h);
    for (x, y, p) in picture.enumerate_pixels() {
        let (a, f, b) = (
            alpha.get_pixel(x, y)[0],
            before.get_pixel(x, y),
            behind.get_pixel(x, y),
        );
        let near = near.get_pixel(x, y)[0] != 0;
        let (front, back) = match a {
            255 => (*p, *b),
            // Filters reach a little beyond the edge.
            0 => match near {
                true => (*f, *b),
                false => (Rgb([0; 3]), *p),
            },
            _ => taken_apart(*p, *f, *b, f32::from(a) / 255.0),
        };
        plate.put_pixel(x, y, back);
        foreground.put_pixel(x, y, Rgba([front[0], front[1], front[2], a]));
    }
    Layers { plate, foreground }
}

/// In so many steps what is painted out goes over into the photo.
const STEPS: u32 = 8;

/// `filled` at the matte and halfway to `reach` pixels beside it, from there on
/// more and more of the photo: a step would stand beside a turned head as an
/// outline.
pub fn eased(picture: &RgbImage, filled: &RgbImage, matte: &GrayImage, reach: u32) -> RgbImage {
    let rings: Vec<GrayImage> = (1..=STEPS)
        .map(|k| dilate(matte, reach * (STEPS + k - 1) / (2 * STEPS)))
        .collect();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let within = rings.iter().filter(|ring| ring.get_pixel(x, y)[0] != 0);
        let share = within.count() as f32 / STEPS as f32;
        let (from, to) = (picture.get_pixel(x, y), filled.get_pixel(x, y));
        Rgb([0, 1, 2].map(|c| {
            let (from, to) = (f32::from(from[c]), f32::from(to[c]));
            (from + (to - from) * share).round() as u8
        }))
    })
}

/// The plate differs from the fill by this at most where it was partly hidden.
const GHOST: f32 = 4.0;

/// `front` and `back` changed as little as can be so that `front` over `back`
/// with coverage `a` is `seen`.
fn taken_apart(seen: Rgb<u8>, front: Rgb<u8>, back: Rgb<u8>, a: f32) -> (Rgb<u8>, Rgb<u8>) {
    let b = 1.0 - a;
    let channel = |c: usize| {
        let [p, f, g] = [seen[c], front[c], back[c]].map(f32::from);
        let off = (p - a * f - b * g) / (a * a + b * b);
        // Too much of it would stay behind as a bright or dark line.
        let (least, most) = ((g - GHOST).max(0.0), (g + GHOST).min(255.0));
        let g = (g + off * b).clamp(least, most);
        // Where one of them reaches its end, the other takes the rest.
        let f = ((p - b * g) / a).clamp(0.0, 255.0);
        let g = ((p - a * f) / b).clamp(least, most);
        [f.round() as u8, g.round() as u8]
    };
    let [r, g, b] = [0, 1, 2].map(channel);
    (Rgb([r[0], g[0], b[0]]), Rgb([r[1], g[1], b[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_from_around_them_and_nothing_else_changes() {
        let picture = RgbImage::from_fn(37, 23, |x, _| Rgb([100, (x * 5) as u8, 20]));
        let missing = GrayImage::from_fn(37, 23, |x, y| {
            image::Luma([if (10..20).contains(&x) && (5..15).contains(&y) {
                255
            } else {
                0
            }])
        });
        let filled = fill(&picture, &missing);
        for (x, y, p) in filled.enumerate_pixels() {
            if missing.get_pixel(x, y)[0] == 0 {
                assert_eq!(p, picture.get_pixel(x, y));
            } else {
                assert!(p[0].abs_diff(100) <= 1 && p[2].abs_diff(20) <= 1, "{p:?}");
                assert!(p[1].abs_diff((x * 5) as u8) < 30, "{x}: {p:?}");
            }
        }
    }

    #[test]
    fn layers_are_the_photo_again_and_stay_near_their_sides() {
        // Orange in front of blue, with a soft edge, and some noise.
        let (front, back) = ([230.0, 140.0, 60.0], [20.0, 60.0, 160.0]);
        let alpha = GrayImage::from_fn(64, 8, |x, _| {
            image::Luma([((f64::from(x) - 20.0) * 12.0).clamp(0.0, 255.0) as u8])
        });
        let picture = RgbImage::from_fn(64, 8, |x, y| {
            let a = f64::from(alpha.get_pixel(x, y)[0]) / 255.0;
            let noise = f64::from((x * 7 + y * 13) % 5) - 2.0;
            Rgb([0, 1, 2].map(|c| (front[c] * a + back[c] * (1.0 - a) + noise) as u8))
        });
        let behind = RgbImage::from_pixel(64, 8, Rgb(back.map(|v| v as u8)));
        let layers = layers(&picture, &behind, &alpha, &dilate(&alpha, 3));
        for (x, y, p) in picture.enumerate_pixels() {
            let (f, b) = (
                layers.foreground.get_pixel(x, y),
                layers.plate.get_pixel(x, y),
            );
            let a = f64::from(f[3]) / 255.0;
            for c in 0..3 {
                let again = a * f64::from(f[c]) + (1.0 - a) * f64::from(b[c]);
                if f[3] > 0 {
                    assert!((again - f64::from(p[c])).abs() < 1.6, "{x} {y}: {again}");
                    assert!((f64::from(f[c]) - front[c]).abs() < 12.0, "{x} {y}: {f:?}");
                }
                assert!((f64::from(b[c]) - back[c]).abs() < 12.0, "{x} {y}: {b:?}");
            }
        }
    }

    #[test]
    fn what_is_painted_out_goes_over_into_the_photo() {
        let picture = RgbImage::from_pixel(64, 3, Rgb([200; 3]));
        let filled = RgbImage::from_pixel(64, 3, Rgb([40; 3]));
        let matte = GrayImage::from_fn(64, 3, |x, _| image::Luma([u8::from(x < 20) * 255]));
        let eased = eased(&picture, &filled, &matte, 32);
        let row: Vec<u8> = (0..64).map(|x| eased.get_pixel(x, 1)[0]).collect();
        assert!(row[..36].iter().all(|v| *v == 40), "{row:?}");
        assert!(row[52..].iter().all(|v| *v == 200), "{row:?}");
        assert!(
            row.windows(2).all(|w| w[0] <= w[1] && w[1] - w[0] <= 20),
            "{row:?}"
        );
    }

    #[test]
    fn dilation_reaches_as_far_as_it_says() {
        let mut mask = GrayImage::new(20, 20);
        mask.put_pixel(10, 3, image::Luma([1]));
        let wide = dilate(&mask, 2);
        for (x, y, p) in wide.enumerate_pixels() {
            let near = x.abs_diff(10) <= 2 && y.abs_diff(3) <= 2;
            assert_eq!(p[0] > 0, near, "{x} {y}");
        }
    }
}
