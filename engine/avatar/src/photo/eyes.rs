//! The eyes of a photo taken apart: the white, painted in under the iris, and
//! the iris with its pupil, made whole where lids cover it.

use glam::Vec2;
use image::{GrayImage, Luma, RgbImage, Rgba, RgbaImage};

use super::mesh::Openings;
use super::outline;
use super::plate;

/// One eye in pictures, cut from the photo pixel by pixel.
#[derive(Clone, Debug)]
pub struct Eye {
    /// Upper left pixel of both pictures in the photo.
    pub origin: (u32, u32),
    pub white: RgbImage,
    /// Clear beside the iris.
    pub iris: RgbaImage,
    /// In the photo.
    pub centre: Vec2,
    pub radius: f32,
}

/// What is kept around the opening, as a part of its width: the lids move.
const MARGIN: f32 = 0.45;
/// The iris picture is whole up to here and gone at the second, in radii. Both
/// are white of the eye, so that the two pictures together are the photo.
const WHOLE: f32 = 1.12;
pub const GONE: f32 = 1.28;

impl Eye {
    /// Cuts eye `e`; `iris`: its middle and four points on its rim.
    pub fn cut(photo: &RgbImage, openings: &Openings, e: usize, iris: [Vec2; 5]) -> Self {
        let opening = &openings.eyes[e];
        let outline = opening.outline();
        let centre = iris[0];
        let radius = (iris[1..].iter().map(|p| p.distance(centre)).sum::<f32>() / 4.0).max(1.5);
        let margin = MARGIN * opening.width();
        let low = outline.iter().fold(centre - radius, |m, p| m.min(*p)) - margin;
        let high = outline.iter().fold(centre + radius, |m, p| m.max(*p)) + margin;
        let clamp = |v: f32, most: u32| v.clamp(0.0, most as f32) as u32;
        let (x0, y0) = (
            clamp(low.x, photo.width() - 1),
            clamp(low.y, photo.height() - 1),
        );
        let (x1, y1) = (
            clamp(high.x.ceil(), photo.width()),
            clamp(high.y.ceil(), photo.height()),
        );
        let (w, h) = ((x1 - x0).max(1), (y1 - y0).max(1));
        let cut = image::imageops::crop_imm(photo, x0, y0, w, h).to_image();
        let at = |x: u32, y: u32| Vec2::new((x0 + x) as f32 + 0.5, (y0 + y) as f32 + 0.5);
        let distance = |p: Vec2| p.distance(centre) / radius;
        let edge = |p: Vec2| {
            outline::distance(&opening.upper, p).min(outline::distance(&opening.lower, p))
        };
        // Lashes and the lids' wet edges are no white.
        let rim = 0.10 * radius.min(opening.height() * 0.5);
        let seen = |p: Vec2| outline::inside(&outline, p) && edge(p) > rim;

        let not_white = GrayImage::from_fn(w, h, |x, y| {
            let p = at(x, y);
            Luma([if seen(p) && distance(p) > WHOLE {
                0
            } else {
                255
            }])
        });
        let white = Self::white(&cut, &not_white, &|x, y| {
            let p = at(x, y);
            outline::inside(&outline, p) && distance(p) > WHOLE
        });

        // The lower half of an iris is seen whole; the upper one is its mirror
        // where a lid lies over it.
        let not_iris = GrayImage::from_fn(w, h, |x, y| {
            let p = at(x, y);
            Luma([if seen(p) && distance(p) <= GONE {
                0
            } else {
                255
            }])
        });
        let mut whole = cut.clone();
        let mut missing = not_iris.clone();
        for y in 0..h {
            for x in 0..w {
                let p = at(x, y);
                if not_iris.get_pixel(x, y)[0] == 0 || distance(p) > GONE {
                    continue;
                }
                for q in [
                    Vec2::new(p.x, 2.0 * centre.y - p.y),
                    2.0 * centre - p,
                    Vec2::new(2.0 * centre.x - p.x, p.y),
                ] {
                    let (qx, qy) = (q.x - x0 as f32, q.y - y0 as f32);
                    if qx >= 0.0
                        && qy >= 0.0
                        && (qx as u32) < w
                        && (qy as u32) < h
                        && not_iris.get_pixel(qx as u32, qy as u32)[0] == 0
                    {
                        whole.put_pixel(x, y, *cut.get_pixel(qx as u32, qy as u32));
                        missing.put_pixel(x, y, Luma([0]));
                        break;
                    }
                }
            }
        }
        let whole = plate::fill(&whole, &missing);
        let iris = RgbaImage::from_fn(w, h, |x, y| {
            let d = distance(at(x, y));
            let a = ((GONE - d) / (GONE - WHOLE)).clamp(0.0, 1.0);
            let c = whole.get_pixel(x, y);
            Rgba([c[0], c[1], c[2], (a * 255.0).round() as u8])
        });
        Self {
            origin: (x0, y0),
            white,
            iris,
            centre,
            radius,
        }
    }

    /// The white, painted in where it is not seen; what the photo shows stays.
    fn white(cut: &RgbImage, missing: &GrayImage, shown: &dyn Fn(u32, u32) -> bool) -> RgbImage {
        let seen = missing.pixels().filter(|m| m[0] == 0).count();
        let mut filled = if seen >= 12 {
            plate::fill(cut, missing)
        } else {
            // No white to learn from: a soft grey of the picture's own brightness.
            let brightest = cut
                .pixels()
                .map(|p| (u32::from(p[0]) + u32::from(p[1]) + u32::from(p[2])) / 3)
                .max()
                .unwrap_or(220) as u8;
            let grey = (f32::from(brightest) * 0.92) as u8;
            RgbImage::from_pixel(cut.width(), cut.height(), image::Rgb([grey, grey, grey]))
        };
        for (x, y, p) in filled.enumerate_pixels_mut() {
            if shown(x, y) {
                *p = *cut.get_pixel(x, y);
            }
        }
        filled
    }
}
