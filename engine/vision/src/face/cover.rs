//! How much of a face is covered: by a mask, a hand, a microphone, hair.
//!
//! No net here was made for that, but the landmark net can be asked. A part of
//! the face (an eye, a brow, the nose, half of the mouth) is pushed aside by a
//! few pixels: where the net sees the part its landmarks follow, where the part
//! is hidden they are a guess and stay. That holds for any skin, light, beard,
//! painting or statue. Between the parts, on cheeks, forehead and chin, nothing
//! could follow: such a place counts as covered when its colour is not that of
//! the skin around the parts that are seen.
//!
//! Limits, from 14 portraits with covers drawn over them (`tests/cover.rs`):
//! what has the skin's own colour (a palm, a grey mask on a grey statue) counts
//! only where it hides a part; small things before the mouth or the eyes count
//! for two or three times their size; half a face under a pattern in part of the
//! skin's colours for as little as a quarter.

use std::ops::Range;

use glam::{Vec2, Vec3, Vec3Swizzles};
use image::RgbaImage;
use rayon::prelude::*;

use super::landmarks::{LandmarkNet, SIDE};
use super::{CanonicalMesh, Face, FaceFinder};
use crate::VisionError;

/// How much of a face is covered; everything from 0, nothing, to 1, all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cover {
    /// Of the face's area in the picture.
    pub share: f32,
    /// Of the two eyes.
    pub eyes: f32,
    pub nose: f32,
    pub mouth: f32,
    /// Triangles that make up the face, in pixels of the picture.
    pub cells: Vec<([Vec2; 3], f32)>,
}

/// A part of the face that the net can be asked about.
struct Part {
    /// Its landmarks.
    points: &'static [usize],
    /// Landmarks that follow by less than the start are of a hidden part, those
    /// that follow by more than the end of one that is seen.
    follows: Range<f32>,
}

/// The person's right before their left. On 15 uncovered portraits eyes follow
/// by 0.58 and more, brows by 0.67, noses by 0.39 (turned away; 0.53 else),
/// halves of mouths by 0.54; under flat covers by 0.46, 0.7, 0.4 and 0.2 at most.
const PARTS: [Part; 7] = [
    Part {
        points: &[33, 160, 158, 133, 153, 144, 468],
        follows: 0.45..0.6,
    },
    Part {
        points: &[263, 387, 385, 362, 380, 373, 473],
        follows: 0.45..0.6,
    },
    Part {
        points: &[70, 63, 105, 66, 107, 53, 52, 65],
        follows: 0.5..0.7,
    },
    Part {
        points: &[300, 293, 334, 296, 336, 283, 282, 295],
        follows: 0.5..0.7,
    },
    Part {
        points: &[1, 4, 98, 327, 2, 97, 326, 48, 278],
        follows: 0.3..0.5,
    },
    Part {
        points: &[61, 37, 84, 39, 181, 91, 40],
        follows: 0.3..0.55,
    },
    Part {
        points: &[291, 267, 314, 269, 405, 321, 270],
        follows: 0.3..0.55,
    },
];
const EYES: [usize; 2] = [0, 1];
const BROWS: [usize; 2] = [2, 3];
const NOSE: usize = 4;
const MOUTH: [usize; 2] = [5, 6];

// Lengths in pixels of the net's view, where a face is about 170 high.

/// How far a part is pushed.
const PUSH: f32 = 6.0;
/// How far beyond its landmarks all of a part is pushed.
const MARGIN: f32 = 6.0;
/// What is nearer to a part's landmarks is the part itself.
const PART: f32 = 7.0;
/// What is nearer than this to a hidden part is at least as hidden.
const BESIDE: f32 = 13.0;
/// Where the skin around a part is looked at.
const AROUND: Range<f32> = 5.0..18.0;

/// How much darker or brighter (in logarithms of OKLab's lightness) skin may be
/// than the skin that it is compared to.
const DARKER: f32 = 0.6;
const BRIGHTER: f32 = 0.35;
/// How far its chroma may be off: this many times what the skin around the
/// parts is itself, within limits.
const CHROMA_SPREADS: f32 = 3.0;
const CHROMA: Range<f32> = 0.02..0.06;
/// Beside a hidden part only this much of all that.
const STRICT: f32 = 0.6;

/// The outline of the face: hair begins, and landmarks are least sure there.
const OVAL: [u32; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
const TOP: usize = 10;
const CHIN: usize = 152;

/// A piece of the face in the net's view.
struct Cell {
    corners: [Vec2; 3],
    middle: Vec2,
    area: f32,
    /// Whether it touches the face's outline.
    rim: bool,
    /// See [`shade_and_chroma`].
    colour: Vec3,
    /// The nearest part and how far its landmarks are.
    part: usize,
    far: f32,
}

impl FaceFinder {
    /// Measures how much of `face`, found in `picture`, is covered. Runs the
    /// landmark net 29 times.
    ///
    /// # Errors
    /// [`VisionError`] where the net fails.
    pub fn cover(&self, picture: &RgbaImage, face: &Face) -> Result<Cover, VisionError> {
        let view = LandmarkNet::view(picture, &face.roi);
        let points = flat(&self.landmarks.read(view.clone())?.points);
        let hidden: Vec<f32> = PARTS
            .par_iter()
            .map(|part| self.hidden(&view, &points, part))
            .collect::<Result<_, _>>()?;
        let cells = cells(&self.mesh, &view, &points);
        let covered = covered(&cells, &points, &hidden);
        let area: f32 = cells.iter().map(|c| c.area).sum();
        let sum: f32 = cells.iter().zip(&covered).map(|(c, v)| c.area * v).sum();
        let mean = |parts: [usize; 2]| (hidden[parts[0]] + hidden[parts[1]]) * 0.5;
        Ok(Cover {
            // A face without area shows nothing.
            share: if area > 0.0 { sum / area } else { 1.0 },
            eyes: mean(EYES),
            nose: hidden[NOSE],
            mouth: mean(MOUTH),
            cells: cells
                .iter()
                .zip(covered)
                .map(|(c, v)| (c.corners.map(|p| face.roi.point(p / SIDE as f32)), v))
                .collect(),
        })
    }

    /// How surely a part is hidden, 0 to 1: pushed each way, its landmarks stay.
    fn hidden(&self, view: &[f32], points: &[Vec2], part: &Part) -> Result<f32, VisionError> {
        let count = part.points.len() as f32;
        let own = || part.points.iter().map(|i| points[*i]);
        let middle = own().sum::<Vec2>() / count;
        let radius = own().map(|p| p.distance(middle)).fold(0.0, f32::max) + MARGIN;
        let mut least = f32::INFINITY;
        // The edge of a cover can be mistaken for a part, but along one axis only.
        for axis in [Vec2::X, Vec2::Y] {
            let mut follows = 0.0;
            for push in [axis * PUSH, -axis * PUSH] {
                let moved = self.landmarks.read(pushed(view, middle, radius, push))?;
                let moved = flat(&moved.points);
                let mean = part.points.iter().map(|i| moved[*i] - points[*i]);
                follows += 0.5 * (mean.sum::<Vec2>() / count).dot(push) / (PUSH * PUSH);
            }
            least = least.min(follows);
        }
        let Range { start, end } = part.follows;
        Ok(1.0 - ((least - start) / (end - start)).clamp(0.0, 1.0))
    }
}

fn flat(points: &[Vec3]) -> Vec<Vec2> {
    points.iter().map(|p| p.truncate()).collect()
}

/// How surely each cell is covered.
fn covered(cells: &[Cell], points: &[Vec2], hidden: &[f32]) -> Vec<f32> {
    let (skins, tolerance) = skins(cells, points, hidden);
    let mut covered: Vec<f32> = cells
        .iter()
        .map(|cell| {
            let hidden = hidden[cell.part];
            if cell.far < PART {
                return hidden;
            }
            let strict = 1.0 - (1.0 - STRICT) * hidden;
            let off = skins
                .iter()
                .map(|skin| {
                    let d = cell.colour - *skin;
                    let shade = (-d.x / DARKER).max(d.x / BRIGHTER);
                    shade.max(d.yz().length() / tolerance) / strict
                })
                .fold(f32::INFINITY, f32::min);
            let own = ((off - 1.0) / 0.5).clamp(0.0, 1.0);
            if cell.far < BESIDE {
                own.max(hidden)
            } else {
                own
            }
        })
        .collect();
    // The rim is as covered as what is beside it.
    for i in (0..cells.len()).filter(|i| cells[*i].rim) {
        let far = |j: &usize| cells[*j].middle.distance_squared(cells[i].middle);
        let inner = (0..cells.len()).filter(|j| !cells[*j].rim);
        if let Some(j) = inner.min_by(|a, b| far(a).total_cmp(&far(b))) {
            covered[i] = covered[j];
        }
    }
    covered
}

/// The skin's colour around each part that is seen, and how far the chroma of
/// other skin may be off.
fn skins(cells: &[Cell], points: &[Vec2], hidden: &[f32]) -> (Vec<Vec3>, f32) {
    let seen = |k: usize| hidden[k] < 0.5;
    let up = points[TOP] - points[CHIN];
    // What begins at a brow may be a fringe or, below, what hides the eye.
    let by_brows = !EYES.into_iter().any(seen);
    let (mut skins, mut spreads) = (Vec::new(), Vec::new());
    for k in (0..PARTS.len()).filter(|k| seen(*k)) {
        let brow = BROWS.contains(&k);
        if brow && !by_brows {
            continue;
        }
        let first = points[PARTS[k].points[0]];
        let around: Vec<Vec3> = cells
            .iter()
            .filter(|c| !c.rim && c.part == k && AROUND.contains(&c.far))
            .filter(|c| !brow || (c.middle - first).dot(up) > 0.0)
            .map(|c| c.colour)
            .collect();
        if around.is_empty() {
            continue;
        }
        let skin = Vec3::from_array(
            [0, 1, 2].map(|channel| median(around.iter().map(|c| c[channel]).collect())),
        );
        spreads.extend(around.iter().map(|c| (*c - skin).yz().length()));
        skins.push(skin);
    }
    let tolerance = match spreads.is_empty() {
        true => CHROMA.start,
        false => (CHROMA_SPREADS * median(spreads)).clamp(CHROMA.start, CHROMA.end),
    };
    (skins, tolerance)
}

/// Of at least one value.
fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values[values.len() / 2]
}

/// The canonical mesh's triangles that face the viewer, each in four.
fn cells(mesh: &CanonicalMesh, view: &[f32], points: &[Vec2]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for t in &mesh.triangles {
        let [a, b, c] = t.to_array().map(|i| points[i as usize]);
        let rim = t.to_array().iter().any(|i| OVAL.contains(i));
        let (ab, bc, ca) = ((a + b) * 0.5, (b + c) * 0.5, (c + a) * 0.5);
        for corners in [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]] {
            let [a, b, c] = corners;
            // Counter-clockwise from outside is clockwise where y points down.
            let area = (c - a).perp_dot(b - a) * 0.5;
            if area <= 0.0 {
                continue;
            }
            let middle = (a + b + c) / 3.0;
            let (part, far) = nearest(points, middle);
            let samples = corners.map(|p| rgb(view, (p + middle) * 0.5));
            let mean = (samples.iter().sum::<Vec3>() + rgb(view, middle)) * 0.25;
            cells.push(Cell {
                corners,
                middle,
                area,
                rim,
                colour: shade_and_chroma(mean),
                part,
                far,
            });
        }
    }
    cells
}

fn nearest(points: &[Vec2], to: Vec2) -> (usize, f32) {
    let far = |part: &Part| {
        let own = part.points.iter().map(|i| points[*i].distance(to));
        own.fold(f32::INFINITY, f32::min)
    };
    let all = PARTS.iter().map(far).enumerate();
    all.fold((0, f32::INFINITY), |m, f| if f.1 < m.1 { f } else { m })
}

/// The view's pixel at `p`, or the nearest one.
fn rgb(view: &[f32], p: Vec2) -> Vec3 {
    let last = (SIDE - 1) as f32;
    let p = p.clamp(Vec2::ZERO, Vec2::splat(last)).as_uvec2();
    let at = (p.y as usize * SIDE + p.x as usize) * 3;
    Vec3::from_slice(&view[at..at + 3])
}

/// The logarithm of OKLab's lightness, and its a and b over the lightness: more
/// or less light on one skin changes the first alone (B. Ottosson, "A perceptual
/// color space for image processing", 2020). sRGB of 0 to 1 in.
fn shade_and_chroma(srgb: Vec3) -> Vec3 {
    let linear = |v: f32| match v <= 0.040_45 {
        true => v / 12.92,
        false => ((v + 0.055) / 1.055).powf(2.4),
    };
    let rgb = Vec3::from_array(srgb.to_array().map(linear));
    let lms = Vec3::new(
        Vec3::new(0.412_221_46, 0.536_332_55, 0.051_445_995).dot(rgb),
        Vec3::new(0.211_903_5, 0.680_699_5, 0.107_396_96).dot(rgb),
        Vec3::new(0.088_302_46, 0.281_718_85, 0.629_978_7).dot(rgb),
    );
    let lms = Vec3::from_array(lms.to_array().map(f32::cbrt));
    // A little is added: the chroma of black is noise.
    let light = Vec3::new(0.210_454_26, 0.793_617_8, -0.004_072_047).dot(lms) + 0.05;
    let a = Vec3::new(1.977_998_5, -2.428_592_2, 0.450_593_7).dot(lms);
    let b = Vec3::new(0.025_904_037, 0.782_771_77, -0.808_675_77).dot(lms);
    Vec3::new(light.ln(), a / light, b / light)
}

/// The view with what is within `radius` of `middle` moved by `push`, and ever
/// less of what is farther away.
fn pushed(view: &[f32], middle: Vec2, radius: f32, push: Vec2) -> Vec<f32> {
    const FADES: f32 = 0.8;
    let mut out = view.to_vec();
    for (i, pixel) in out.chunks_exact_mut(3).enumerate() {
        let p = Vec2::new((i % SIDE) as f32, (i / SIDE) as f32);
        let t = (p.distance(middle) / radius - 1.0) / FADES;
        if t >= 1.0 {
            continue;
        }
        let t = t.max(0.0);
        let from = p - push * (1.0 - t * t * (3.0 - 2.0 * t));
        let (low, f) = (from.floor(), from - from.floor());
        let at = |x: f32, y: f32| rgb(view, low + Vec2::new(x, y));
        let upper = at(0.0, 0.0).lerp(at(1.0, 0.0), f.x);
        let lower = at(0.0, 1.0).lerp(at(1.0, 1.0), f.x);
        pixel.copy_from_slice(&upper.lerp(lower, f.y).to_array());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_changes_the_shade_of_skin_and_not_its_chroma() {
        // Linear 0.5, 0.3, 0.2 and half of it, as sRGB.
        let bright = shade_and_chroma(Vec3::new(0.735, 0.584, 0.485));
        let dark = shade_and_chroma(Vec3::new(0.537, 0.422, 0.349));
        let grey = shade_and_chroma(Vec3::splat(0.6));
        assert!((bright - dark).x > 0.15, "{bright} {dark}");
        assert!((bright - dark).yz().length() < 0.02, "{bright} {dark}");
        assert!((bright - grey).yz().length() > 0.06, "{bright} {grey}");
    }

    #[test]
    fn what_is_pushed_moves_and_the_rest_stays() {
        // A ramp: every pixel's red is its x.
        let view: Vec<f32> = (0..SIDE * SIDE)
            .flat_map(|i| [(i % SIDE) as f32, 0.0, 0.0])
            .collect();
        let out = pushed(&view, Vec2::new(100.0, 80.0), 20.0, Vec2::new(4.5, 0.0));
        let red = |x: usize, y: usize| out[(y * SIDE + x) * 3];
        assert!((red(100, 80) - 95.5).abs() < 1e-3);
        assert!((red(118, 80) - 113.5).abs() < 1e-3);
        assert_eq!(red(140, 80), 140.0);
        assert_eq!(red(100, 120), 100.0);
    }
}
