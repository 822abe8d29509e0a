//! Behind the person: the photo with the person painted out, and the person's
//! own colours along soft edges.

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

/// sRGB to light: renderers blend light.
fn decode(v: u8) -> f32 {
    let v = f32::from(v) / 255.0;
    match v <= 0.040_45 {
        true => v / 12.92,
        false => ((v + 0.055) / 1.055).powf(2.4),
    }
}

fn encode(light: f32) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let v = match light <= 0.003_130_8 {
        true => light * 12.92,
        false => 1.055 * light.powf(1.0 / 2.4) - 0.055,
    };
    (v * 255.0).round() as u8
}

/// Traces of the person beside the matte differ less from the fill than this.
const TRACE: u8 = 24;

/// What is behind the person: `filled` where the matte hides it, within what
/// lets the photo come out again under some colour of the person. Right beside
/// the matte (`near`), faint traces of hair are painted out as well.
pub fn plate(
    picture: &RgbImage,
    filled: &RgbImage,
    alpha: &GrayImage,
    near: &GrayImage,
) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (p, f) = (picture.get_pixel(x, y), filled.get_pixel(x, y));
        let a = f32::from(alpha.get_pixel(x, y)[0]) / 255.0;
        if a >= 1.0 {
            return *f;
        }
        if a <= 0.0 {
            let far = p.0.iter().zip(f.0).any(|(p, f)| p.abs_diff(f) >= TRACE);
            return match near.get_pixel(x, y)[0] == 0 || far {
                true => *p,
                false => *f,
            };
        }
        Rgb([0, 1, 2].map(|c| {
            let seen = decode(p[c]);
            let least = ((seen - a) / (1.0 - a)).max(0.0);
            let most = (seen / (1.0 - a)).min(1.0);
            encode(decode(f[c]).clamp(least.min(most), most))
        }))
    })
}

/// The person's own colours: what gives `picture` again when it is laid over
/// `plate` with `alpha`.
pub fn foreground(picture: &RgbImage, plate: &RgbImage, alpha: &GrayImage) -> RgbaImage {
    RgbaImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (p, b, a) = (
            picture.get_pixel(x, y),
            plate.get_pixel(x, y),
            alpha.get_pixel(x, y)[0],
        );
        let mut out = [p[0], p[1], p[2], a];
        if a > 0 && a < 255 {
            let f = f32::from(a) / 255.0;
            for c in 0..3 {
                out[c] = encode((decode(p[c]) - (1.0 - f) * decode(b[c])) / f);
            }
        }
        Rgba(out)
    })
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
