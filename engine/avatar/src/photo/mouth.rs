//! What is behind the lips: teeth, tongue and the dark, at this mouth's size
//! and in the photo's light; and the photo's own teeth where they show.

use glam::{Vec2, Vec3};
use huashen_core::ArkitShape;
use image::{Rgb, RgbImage, Rgba, RgbaImage};

use super::fit::{Fit, Inside};
use super::glb::Piece;
use super::head::Part;
use super::mesh::{Edge, Net, Openings};
use super::parts::{Frame, HEAD};
use super::{landmarks as lm, outline, shapes};
use crate::raster::Raster;

/// Colours of the photo that the mouth is painted after, in linear light.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    skin: Vec3,
    lips: Vec3,
    teeth: Vec3,
}

/// The colours of what is behind the lips.
pub struct Colours {
    pub tongue: [f32; 3],
    pub dark: [f32; 3],
}

pub(super) fn linear(c: Rgb<u8>) -> Vec3 {
    Vec3::from(c.0.map(|v| (f32::from(v) / 255.0).powf(2.2)))
}

fn encoded(c: Vec3) -> [u8; 3] {
    c.to_array()
        .map(|v| (v.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0).round() as u8)
}

pub(super) fn luminance(c: Vec3) -> f32 {
    c.dot(Vec3::new(0.2126, 0.7152, 0.0722))
}

/// How much redder than grey.
pub(super) fn redness(c: Vec3) -> f32 {
    (c.x - c.y) / c.element_sum().max(1e-4)
}

/// Teeth against the skin around them, in luminance; how far they take on the
/// light's colour, and the brightest that they are made.
const TEETH_BRIGHT: f32 = 1.15;
const TEETH_TINGED: f32 = 0.3;
const TEETH_MOST: f32 = 0.72;
/// Teeth in the generic picture, side by side, and how much darker they are at
/// their sides.
const TEETH_IN_PICTURE: f32 = 16.0;
const TOOTH_ROUND: f32 = 0.3;
/// Tongue and cavity against the flesh that lips and skin show.
const TONGUE_BRIGHT: f32 = 0.5;
const DARK: f32 = 0.07;

impl Light {
    /// Measured on the face; `outer`: the lips' outer edge.
    pub fn of(photo: &RgbImage, openings: &Openings, outer: &[Vec2], own: &OwnTeeth) -> Self {
        let inner = openings.lips.outline();
        let skin = mean(photo, &openings.oval, &[]).unwrap_or(Vec3::new(0.45, 0.27, 0.2));
        let lips = mean(photo, outer, &inner).unwrap_or(skin);
        // White in this light: the skin's colour less what makes it skin.
        let white = luminance(skin) * TEETH_BRIGHT;
        let tinge = skin / skin.element_sum().max(1e-4) * 3.0;
        let guess = Vec3::ONE.lerp(tinge, TEETH_TINGED);
        let guess = guess * (white.clamp(0.03, TEETH_MOST) / luminance(guess).max(1e-4));
        Self {
            skin,
            lips,
            teeth: own.colour.unwrap_or(guess),
        }
    }

    pub fn colours(&self) -> Colours {
        let flesh = self.skin.lerp(self.lips, 0.5);
        // Deeper in colour than what is outside, and grey where the person is
        // of stone.
        let deep = flesh * flesh / luminance(flesh).max(0.05);
        Colours {
            tongue: (flesh.lerp(deep, 0.7) * TONGUE_BRIGHT).to_array(),
            dark: (deep * DARK).to_array(),
        }
    }

    /// The generic teeth in this light: gaps softened, each tooth round, gums of
    /// this flesh, and the upper lip's shadow on what is next to the gums.
    pub fn teeth_picture(&self, generic: &RgbaImage) -> RgbaImage {
        let (w, h) = generic.dimensions();
        let gums = self.skin.lerp(self.lips, 0.5) * 0.7;
        let at = |x: u32, y: u32| {
            let p = generic.get_pixel(x, y);
            linear(Rgb([p[0], p[1], p[2]]))
        };
        RgbaImage::from_fn(w, h, |x, y| {
            let own = at(x, y);
            let down = y as f32 / h as f32;
            // Gums are red in the picture, teeth are not.
            let gum = ((redness(own) - 0.12) / 0.12).clamp(0.0, 1.0);
            let gum = if down < 0.3 { gum } else { 0.0 };
            let level = (luminance(own) / 0.78).clamp(0.0, 1.1);
            // Gaps are wide and dark there: only their middles stay, faintly.
            let gap = ((level - 0.35) / 0.25).clamp(0.0, 1.0);
            let gap = (0.72 + 0.28 * gap) * (0.6 + 0.4 * level.max(0.6));
            let lip = 0.55 + 0.45 * ((down - 0.1) / 0.7).clamp(0.0, 1.0);
            let across = (x as f32 + 0.5) / w as f32 * TEETH_IN_PICTURE;
            let side = 2.0 * across.fract() - 1.0;
            let round = 1.0 - TOOTH_ROUND * side * side;
            // Light goes through the edges.
            let edge = 1.0 - 0.2 * ((down - 0.8) / 0.2).clamp(0.0, 1.0);
            let tooth = self.teeth * gap * lip * round * edge;
            let [r, g, b] = encoded(tooth.lerp(gums * lip, gum));
            Rgba([r, g, b, 255])
        })
    }
}

/// The mean colour inside of a line and outside of another one.
pub(super) fn mean(photo: &RgbImage, outer: &[Vec2], inner: &[Vec2]) -> Option<Vec3> {
    let low = outer.iter().fold(Vec2::INFINITY, |m, p| m.min(*p));
    let high = outer.iter().fold(Vec2::NEG_INFINITY, |m, p| m.max(*p));
    let (mut sum, mut n) = (Vec3::ZERO, 0.0);
    for i in 0..40 {
        for j in 0..40 {
            let p = low + (high - low) * Vec2::new(i as f32 + 0.5, j as f32 + 0.5) / 40.0;
            let hidden = !inner.is_empty() && outline::inside(inner, p);
            if hidden || !outline::inside(outer, p) {
                continue;
            }
            if let Some(c) = pixel(photo, p) {
                sum += linear(c);
                n += 1.0;
            }
        }
    }
    (n > 0.0).then(|| sum / n)
}

pub(super) fn pixel(photo: &RgbImage, p: Vec2) -> Option<Rgb<u8>> {
    let inside =
        p.x >= 0.0 && p.y >= 0.0 && (p.x as u32) < photo.width() && (p.y as u32) < photo.height();
    inside.then(|| *photo.get_pixel(p.x as u32, p.y as u32))
}

/// The upper teeth that the photo shows.
pub struct OwnTeeth {
    /// The photo around the mouth, clear where there are no teeth; none where
    /// the photo shows too little of them.
    pub picture: Option<RgbaImage>,
    /// The picture's upper left pixel in the photo.
    origin: (u32, u32),
    /// What they look like on average, in linear light.
    colour: Option<Vec3>,
    /// Their edge at the mouth's middle, in the photo; none where the lower lip
    /// hides it.
    edge: Option<f32>,
}

/// Part of the opening that has to be teeth.
const LEAST_TEETH: f32 = 0.2;
/// A gap as high as this (units) ends the upper teeth.
const GAP: f32 = 0.02;

impl OwnTeeth {
    /// Looks for them between the lips; `outer`: the lips' outer edge.
    pub fn find(photo: &RgbImage, openings: &Openings, outer: &[Vec2]) -> Self {
        let none = Self {
            picture: None,
            origin: (0, 0),
            colour: None,
            edge: None,
        };
        let inner = openings.lips.outline();
        let (Some(skin), Some(lips)) =
            (mean(photo, &openings.oval, &[]), mean(photo, outer, &inner))
        else {
            return none;
        };
        if !openings.mouth_is_open() {
            return none;
        }
        let low = inner
            .iter()
            .fold(Vec2::INFINITY, |m, p| m.min(*p))
            .max(Vec2::ZERO);
        let high = inner.iter().fold(Vec2::ZERO, |m, p| m.max(*p));
        let origin = (low.x as u32, low.y as u32);
        let (w, h) = (
            (high.x.ceil() as u32)
                .min(photo.width())
                .saturating_sub(origin.0),
            (high.y.ceil() as u32)
                .min(photo.height())
                .saturating_sub(origin.1),
        );
        if w < 8 || h < 3 {
            return none;
        }
        let bright = (0.5 * luminance(skin)).max(1.15 * luminance(lips));
        let red = 0.5 * redness(lips).max(redness(skin)) + 0.03;
        let tooth = |p: Vec2| {
            pixel(photo, p).is_some_and(|c| {
                let c = linear(c);
                luminance(c) > bright && redness(c) < red
            })
        };
        let place =
            |x: u32, y: u32| Vec2::new((origin.0 + x) as f32 + 0.5, (origin.1 + y) as f32 + 0.5);
        let gap = (GAP * openings.unit).max(1.5);
        let mut shown = vec![false; (w * h) as usize];
        let (mut open, mut found, mut sum) = (0.0, 0.0, Vec3::ZERO);
        let mut edges: Vec<f32> = Vec::new();
        for x in 0..w {
            let mut last: Option<u32> = None;
            let mut lip = 0;
            for y in 0..h {
                let p = place(x, y);
                if !outline::inside(&inner, p) {
                    continue;
                }
                open += 1.0;
                lip = y;
                // Lower teeth, behind a gap, are not these.
                if last.is_some_and(|l| (y - l) as f32 > gap) || !tooth(p) {
                    continue;
                }
                last = Some(y);
                shown[(y * w + x) as usize] = true;
                found += 1.0;
                sum += linear(pixel(photo, p).unwrap_or(Rgb([0; 3])));
            }
            if let Some(y) = last
                && (x as f32 / w as f32 - 0.5).abs() < 0.15
                && (lip - y) as f32 > gap
            {
                edges.push(place(x, y).y + 0.5);
            }
        }
        if found < LEAST_TEETH * open {
            return none;
        }
        edges.sort_by(f32::total_cmp);
        Self {
            picture: Some(cut(photo, origin, (w, h), &shown, openings.unit)),
            origin,
            colour: Some(sum / found),
            edge: (edges.len() as f32 > 0.15 * w as f32).then(|| edges[edges.len() / 2]),
        }
    }

    /// A sheet of them on the front of the upper teeth, which stays as the lips
    /// move.
    fn sheet(
        &self,
        teeth: &[Vec3],
        triangles: &[[u32; 3]],
        surface: usize,
        frame: &Frame,
    ) -> Option<Piece> {
        let picture = self.picture.as_ref()?;
        let origin = Vec2::new(self.origin.0 as f32, self.origin.1 as f32);
        let size = Vec2::new(picture.width() as f32, picture.height() as f32);
        let moved: Vec<Vec3> = teeth.iter().map(|p| *p - origin.extend(0.0)).collect();
        let raster = Raster::new(
            &moved,
            triangles,
            picture.width() as usize,
            picture.height() as usize,
        );
        // How far back the arch is, column by column.
        let arch: Vec<f32> = (0..=COLUMNS)
            .map(|i| {
                let x = (size.x - 1.0) * i as f32 / COLUMNS as f32;
                (0..picture.height())
                    .filter_map(|y| raster.at(Vec2::new(x + 0.5, y as f32 + 0.5)))
                    .map(|hit| hit.depth)
                    .fold(f32::NEG_INFINITY, f32::max)
            })
            .collect();
        let furthest = arch
            .iter()
            .copied()
            .filter(|z| z.is_finite())
            .fold(f32::INFINITY, f32::min);
        if !furthest.is_finite() {
            return None;
        }
        let points: Vec<Vec3> = [0.0, size.y]
            .into_iter()
            .flat_map(|y| {
                arch.iter().enumerate().map(move |(i, z)| {
                    let z = if z.is_finite() { *z } else { furthest };
                    Vec3::new(size.x * i as f32 / COLUMNS as f32, y, z + 0.01 * size.x)
                })
            })
            .collect();
        let n = COLUMNS as u32 + 1;
        Some(Piece {
            name: "teeth_photo",
            surface,
            uvs: points.iter().map(|p| p.truncate() / size).collect(),
            joints: vec![[(HEAD, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)]; points.len()],
            points: points
                .into_iter()
                .map(|p| frame.point(p + origin.extend(0.0)))
                .collect(),
            shades: Vec::new(),
            triangles: (0..n - 1)
                .flat_map(|k| [[k, n + k, n + k + 1], [k, n + k + 1, k + 1]])
                .collect(),
            shapes: Vec::new(),
        })
    }
}

/// Columns of the sheet of the photo's teeth.
const COLUMNS: usize = 24;

/// The photo where `shown`, with a soft edge.
fn cut(
    photo: &RgbImage,
    origin: (u32, u32),
    (w, h): (u32, u32),
    shown: &[bool],
    unit: f32,
) -> RgbaImage {
    let reach = ((0.01 * unit) as i64).max(1);
    RgbaImage::from_fn(w, h, |x, y| {
        let c = photo.get_pixel(origin.0 + x, origin.1 + y);
        let (mut near, mut all) = (0, 0);
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (qx, qy) = (i64::from(x) + dx, i64::from(y) + dy);
                all += 1;
                if qx >= 0 && qy >= 0 && qx < i64::from(w) && qy < i64::from(h) {
                    near += i32::from(shown[(qy as u32 * w + qx as u32) as usize]);
                }
            }
        }
        let a = (1.6 * near as f32 / all as f32).min(1.0);
        Rgba([c[0], c[1], c[2], (a * 255.0).round() as u8])
    })
}

/// Where in the photo the mouth is.
pub struct Site<'a> {
    pub openings: &'a Openings,
    pub net: &'a Net,
    pub depth: &'a [f32],
    /// What takes the photo's expression out, point by point.
    pub neutral: Option<&'a [Vec3]>,
    pub frame: &'a Frame,
}

/// Surfaces of teeth, tongue, cavity and the photo's own teeth.
pub struct Surfaces {
    pub teeth: usize,
    pub tongue: usize,
    pub dark: usize,
    pub own: usize,
}

impl Site<'_> {
    /// What the photo shows between open lips; it leaves when the lips move.
    pub fn photo_mouth(&self, surface: usize, size: Vec2) -> Piece {
        let Self {
            openings,
            net,
            depth,
            frame,
            ..
        } = self;
        let on = |edge| (0..net.points.len()).filter(move |i| net.edges[*i] == edge);
        let corners: Vec<usize> = on(Edge::LipCorner).collect();
        let line = |edge| {
            let mut line: Vec<usize> = corners.iter().take(1).copied().collect();
            line.extend(on(edge));
            line.extend(corners.iter().skip(1));
            line
        };
        let (upper, lower) = (line(Edge::UpperLip), line(Edge::LowerLip));
        let n = upper.len() as u32;
        let all: Vec<usize> = upper.into_iter().chain(lower).collect();
        // Behind the teeth, and into one point: a turned head would show more.
        let gone = openings.lips.middle().extend(-0.5 * openings.unit);
        let away = |i: &usize| frame.vector(gone - net.points[*i].extend(0.0));
        Piece {
            name: "mouth_photo",
            surface,
            points: all
                .iter()
                .map(|i| frame.point(net.points[*i].extend(depth[*i])))
                .collect(),
            uvs: all.iter().map(|i| net.points[*i] / size).collect(),
            shades: Vec::new(),
            joints: vec![[(HEAD, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)]; all.len()],
            triangles: (0..n.saturating_sub(1))
                .flat_map(|k| [[k, n + k, n + k + 1], [k, n + k + 1, k + 1]])
                .collect(),
            shapes: vec![(shapes::NEUTRAL, all.iter().map(away).collect())],
        }
    }

    /// Teeth, tongue and the dark behind them, from the head, at this mouth's
    /// size; the photo's own teeth on them.
    pub fn pieces(&self, fit: &Fit<'_>, own: &OwnTeeth, to: &Surfaces) -> Vec<Piece> {
        let head = fit.head;
        let inside = self.inside(fit, own);
        let mut pieces = vec![
            self.piece(fit, &lit(&head.teeth), to.teeth, "teeth", inside),
            self.piece(fit, &lying(&head.tongue), to.tongue, "tongue", inside),
            self.piece(
                fit,
                &cavity(&head.mouth, &head.teeth),
                to.dark,
                "mouth",
                inside,
            ),
        ];
        let place = |p: &Vec3| inside.point(&fit.similarity, *p);
        let teeth: Vec<Vec3> = head.teeth.points.iter().map(place).collect();
        pieces.extend(own.sheet(&teeth, &head.teeth.triangles, to.own, self.frame));
        pieces
    }

    fn inside(&self, fit: &Fit<'_>, own: &OwnTeeth) -> Inside {
        let Self {
            openings,
            net,
            depth,
            ..
        } = self;
        let unit = openings.unit;
        let rest = fit.head.landmark_points(&fit.head.skin.points);
        let corner = |i: usize| fit.similarity.point(rest[i]);
        let own_width = corner(lm::LIP_INNER_UPPER[0]).distance(corner(lm::LIP_INNER_UPPER[10]));
        let scale = (openings.lips.width() / own_width.max(1e-3)).clamp(0.75, 1.35);
        let between = (rest[13] + rest[14]) * 0.5;
        // Behind the lips wherever they are.
        let lips = (0..net.points.len())
            .filter(|i| {
                matches!(
                    net.edges[*i],
                    Edge::UpperLip | Edge::LowerLip | Edge::LipCorner
                )
            })
            .map(|i| depth[i])
            .fold(f32::INFINITY, f32::min);
        let front = depth
            .iter()
            .zip(&net.edges)
            .filter(|(_, e)| matches!(e, Edge::UpperLip))
            .map(|(z, _)| *z)
            .fold(f32::NEG_INFINITY, f32::max);
        let z = (front - 0.10 * unit).min(lips + 0.10 * unit);
        // An open mouth's upper lip tells where the teeth are, not its middle;
        // where it is once the photo's expression is taken out.
        let mut upper = openings.lips.upper[openings.lips.upper.len() / 2];
        if let Some(neutral) = self.neutral {
            let nearest = (0..net.points.len())
                .filter(|i| net.edges[*i] == Edge::UpperLip)
                .min_by(|i, j| {
                    let far = |i: usize| net.points[i].distance_squared(upper);
                    far(*i).total_cmp(&far(*j))
                });
            upper += nearest.map_or(Vec2::ZERO, |i| neutral[i].truncate());
        }
        let mut inside = Inside {
            from: between,
            to: upper.extend(z),
            scale,
        };
        if let Some(own_edge) = own.edge {
            let edge = Vec3::new(0.0, UPPER_EDGE_M, between.z);
            inside.to.y += own_edge - inside.point(&fit.similarity, edge).y;
        }
        inside
    }

    fn piece(
        &self,
        fit: &Fit<'_>,
        part: &Part,
        surface: usize,
        name: &'static str,
        inside: Inside,
    ) -> Piece {
        let place = |p: Vec3| self.frame.point(inside.point(&fit.similarity, p));
        Piece {
            name,
            surface,
            points: part.points.iter().map(|p| place(*p)).collect(),
            uvs: part.uvs.clone(),
            shades: part.shades.clone(),
            joints: vec![[(HEAD, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)]; part.points.len()],
            triangles: part.triangles.clone(),
            shapes: ArkitShape::ALL
                .into_iter()
                .zip(&part.shapes)
                .map(|(shape, deltas)| {
                    let mut all = vec![Vec3::ZERO; part.points.len()];
                    for (v, d) in deltas {
                        all[*v as usize] = self.frame.vector(inside.vector(&fit.similarity, *d));
                    }
                    (shape.name(), all)
                })
                .collect(),
        }
    }
}

/// Height of the head's upper teeth's edge, in metres.
const UPPER_EDGE_M: f32 = 0.6628;
/// How far the tongue lies below where the head has it, and how much of the
/// jaw's way all of it goes: a speaker's lies on the floor of the mouth.
const TONGUE_LOWER_M: f32 = 0.013;
/// How far back of where the head has it: behind the lower teeth, which it
/// would cover.
const TONGUE_BACK_M: f32 = 0.010;
const TONGUE_WITH_JAW: f32 = 0.85;
/// Light falls off from the tip to this far behind it, and up to this height
/// above the tongue's middle, in metres.
const TONGUE_LIT_M: f32 = 0.024;
const TONGUE_HIGH_M: f32 = 0.012;
/// Half of the furrow's width, metres.
const FURROW_M: f32 = 0.003;

/// Teeth so far behind the foremost are in full light, and those so far behind
/// in the cheeks' shadow, which leaves them so much of it; metres.
const TEETH_LIT_M: f32 = 0.003;
const TEETH_DARK_M: f32 = 0.026;
const TEETH_SHADOW: f32 = 0.12;

/// The cavity without what lies before the teeth: where lips are pushed out,
/// slivers of it would turn to the viewer, and pierce teeth and tongue.
fn cavity(mouth: &Part, teeth: &Part) -> Part {
    let mut cavity = mouth.clone();
    let front = foremost(teeth) - TEETH_LIT_M;
    let depth = |corners: &[u32; 3]| {
        corners
            .map(|v| mouth.points[v as usize].z)
            .iter()
            .sum::<f32>()
    };
    cavity
        .triangles
        .retain(|corners| depth(corners) / 3.0 < front);
    cavity
}

fn foremost(part: &Part) -> f32 {
    part.points.iter().map(|p| p.z).fold(f32::MIN, f32::max)
}

/// The teeth as light from between the lips finds them: where a turned head
/// opens the view past the corner of its mouth, there are no white molars.
fn lit(teeth: &Part) -> Part {
    let mut lit = teeth.clone();
    let front = foremost(teeth);
    for (shade, p) in lit.shades.iter_mut().zip(&teeth.points) {
        let back = ((front - p.z - TEETH_LIT_M) / (TEETH_DARK_M - TEETH_LIT_M)).clamp(0.0, 1.0);
        *shade *= 1.0 - (1.0 - TEETH_SHADOW) * back * back * (3.0 - 2.0 * back);
    }
    lit
}

/// The tongue as it lies while one speaks, lit from between the lips.
fn lying(tongue: &Part) -> Part {
    let mut lying = tongue.clone();
    let tip = foremost(tongue);
    for p in &mut lying.points {
        p.y -= TONGUE_LOWER_M;
        p.z -= TONGUE_BACK_M;
    }
    let middle = tongue.points.iter().map(|p| p.y).sum::<f32>() / tongue.points.len().max(1) as f32;
    lying.shades = tongue
        .points
        .iter()
        .map(|p| {
            let back = ((tip - p.z) / TONGUE_LIT_M).clamp(0.0, 1.0);
            let high = ((p.y - middle) / TONGUE_HIGH_M).clamp(0.0, 1.0);
            let furrow = (-(p.x / FURROW_M).powi(2)).exp();
            (1.0 - 0.85 * back) * (1.0 - 0.6 * high) * (1.0 - 0.2 * furrow)
        })
        .collect();
    let jaw = &mut lying.shapes[ArkitShape::JawOpen.index()];
    let most = jaw.iter().map(|(_, d)| d.y).fold(0.0, f32::min);
    for (_, d) in jaw {
        d.y = d.y.min(TONGUE_WITH_JAW * most);
    }
    lying
}
