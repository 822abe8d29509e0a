//! Eyes larger than any person's: drawn figures have them, and the landmarks,
//! which know people only, lie on a part of such an eye. Its white tells where
//! it ends.

use glam::{Mat3, Vec2, Vec3};
use image::RgbImage;

use super::mesh::Openings;
use super::mouth::{linear, luminance, mean, pixel, redness};
use super::outline::{self, Opening};

/// One eye as the picture shows it.
pub struct Found {
    pub opening: Opening,
    /// The iris's middle, then its right, top, left and bottom.
    pub iris: [Vec2; 5],
}

/// How far around the landmarks' eye is looked, in units; half of a unit away
/// is the middle of the nose.
const REACH: f32 = 0.62;
const TO_NOSE: f32 = 0.45;
/// White of an eye against the skin: so much of its redness at most, so much of
/// its light at least.
const WHITE_RED: f32 = 0.6;
const WHITE_LIGHT: f32 = 0.35;
/// So many times the landmarks' eye, and as high against its width: no person's.
const LARGER: f32 = 1.8;
const ROUNDER: f32 = 0.55;
/// Two eyes' areas differ less than so many times.
const UNLIKE: f32 = 1.6;
/// The white's end is the iris's where it is so far inside of the eye, in units.
const RIM: f32 = 0.04;
/// How broad the rim around the white is, in units.
const OWN_RIM: f32 = 0.015;
/// How full such an eye is at most: an ellipse has 2, a rectangle no end.
const FULL: f32 = 3.0;
/// Part of the opening that is white at least.
const LEAST_WHITE: f32 = 0.2;

/// Both eyes, where both are such ones; `steps` points a piece of a lid.
pub fn find(photo: &RgbImage, openings: &Openings, steps: usize) -> Option<[Found; 2]> {
    let skin = mean(photo, &openings.oval, &[])?;
    let own = [0, 1].map(|e| eye(photo, openings, e, steps, (redness(skin), luminance(skin))));
    let [Some(left), Some(right)] = own else {
        return None;
    };
    let [a, b] = [&left, &right].map(|eye| area(&eye.opening.outline()));
    (a.max(b) < UNLIKE * a.min(b)).then_some([left, right])
}

fn eye(
    photo: &RgbImage,
    openings: &Openings,
    e: usize,
    steps: usize,
    (red, light): (f32, f32),
) -> Option<Found> {
    let unit = openings.unit;
    let known = &openings.eyes[e];
    let middle = known.middle();
    let nose = (openings.eyes[1 - e].middle() - middle).normalize_or(Vec2::X);
    let side = (2.0 * REACH * unit) as usize + 1;
    let origin = middle - REACH * unit;
    let place = |i: usize| origin + Vec2::new((i % side) as f32 + 0.5, (i / side) as f32 + 0.5);
    let white: Vec<bool> = (0..side * side)
        .map(|i| {
            let p = place(i);
            (p - middle).dot(nose) < TO_NOSE * unit
                && pixel(photo, p).map(linear).is_some_and(|c| {
                    redness(c) < WHITE_RED * red && luminance(c) > WHITE_LIGHT * light
                })
        })
        .collect();
    let own = known.outline();
    let begins = |p: Vec2| {
        outline::inside(&own, p)
            || outline::distance(&known.upper, p).min(outline::distance(&known.lower, p))
                < 0.06 * unit
    };
    let component = connected(&white, side, &|i| begins(place(i)))?;
    let hull = hull_of(component.iter().map(|i| place(*i)).collect())?;
    let (low, high) = bounds(&hull);
    let size = high - low;
    let inside = |p: Vec2| outline::inside(&hull, p);
    let covered: Vec<usize> = (0..side * side).filter(|i| inside(place(*i))).collect();
    let fits = covered.len() as f32 > LARGER * area(&own)
        && size.y > ROUNDER * size.x
        && component.len() as f32 > LEAST_WHITE * covered.len() as f32
        && low.cmpgt(origin + 1.5).all()
        && high.cmplt(origin + side as f32 - 1.5).all();
    if !fits {
        return None;
    }

    let mut shown = vec![false; side * side];
    for i in &component {
        shown[*i] = true;
    }
    // Where the white ends inside of the eye begins the iris.
    let closed: Vec<Vec2> = hull.iter().chain(&hull[..1]).copied().collect();
    let rim: Vec<Vec2> = component
        .iter()
        .filter(|i| {
            [*i - 1, *i + 1, *i - side, *i + side]
                .into_iter()
                .any(|j| !shown[j])
        })
        .map(|i| place(*i))
        .filter(|p| outline::distance(&closed, *p) > RIM * unit)
        .collect();
    let (centre, radius) = circle(rim)?;
    if !inside(centre) || radius > 0.6 * size.y || radius < 0.15 * size.y {
        return None;
    }
    let iris = [(0.0, 0.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0)]
        .map(|(x, y)| centre + radius * Vec2::new(x, y));
    // Beside the nose the iris may be all that is seen of the eye.
    let turned = |k: usize| Vec2::from_angle(k as f32 * std::f32::consts::TAU / 24.0);
    let round = (0..24).map(|k| centre + turned(k) * (radius * 1.12));
    let mut hull = hull_of(hull.iter().copied().chain(round).collect())?;
    // With the eye's own rim, which would be drawn out over the lids.
    let heart = 0.5 * (bounds(&hull).0 + bounds(&hull).1);
    for p in &mut hull {
        *p += (*p - heart).normalize_or_zero() * OWN_RIM * unit;
    }
    let (low, high) = bounds(&hull);
    let size = high - low;

    // From the outer corner to the inner one, as the landmarks go; closer
    // together where the outline is steep. A full ellipse keeps the corners half
    // way up, where lids of such an eye can meet.
    let outer_right = known.corners()[0].x > known.corners()[1].x;
    let [upper, lower] = [true, false].map(|up| -> Vec<Vec2> {
        let line: Vec<Vec2> = (0..=8)
            .map(|k| {
                let turn = std::f32::consts::PI * k as f32 / 8.0;
                let across = if outer_right { turn.cos() } else { -turn.cos() };
                let x = 0.5 * (low.x + high.x + across * size.x);
                let bow = (1.0 - across.abs().powf(FULL)).max(0.0).powf(1.0 / FULL);
                let (middle, half) = (0.5 * (low.y + high.y), 0.5 * size.y * bow);
                let y = match up {
                    true => edge(&hull, x, up).max(middle - half).min(middle),
                    false => edge(&hull, x, up).min(middle + half).max(middle),
                };
                Vec2::new(x, y)
            })
            .collect();
        outline::smooth(&line, steps)
    });
    Some(Found {
        opening: Opening { upper, lower },
        iris,
    })
}

/// Area of a closed line.
fn area(line: &[Vec2]) -> f32 {
    let next = line.iter().cycle().skip(1);
    0.5 * line
        .iter()
        .zip(next)
        .map(|(a, b)| a.perp_dot(*b))
        .sum::<f32>()
        .abs()
}

fn bounds(line: &[Vec2]) -> (Vec2, Vec2) {
    let begin = (line[0], line[0]);
    line.iter()
        .fold(begin, |(low, high), p| (low.min(*p), high.max(*p)))
}

/// The circle through points (Kåsa's least squares), then once more through the
/// nearer half of them.
fn circle(mut points: Vec<Vec2>) -> Option<(Vec2, f32)> {
    let mut found = None;
    for _ in 0..2 {
        if points.len() < 12 {
            return None;
        }
        let middle = points.iter().sum::<Vec2>() / points.len() as f32;
        let (mut a, mut right) = (Mat3::ZERO, Vec3::ZERO);
        for p in &points {
            let p = *p - middle;
            let row = Vec3::new(p.x, p.y, 1.0);
            a += Mat3::from_cols(row * row.x, row * row.y, row * row.z);
            right += row * p.length_squared();
        }
        if a.determinant().abs() < 1e-3 {
            return None;
        }
        let s = a.inverse() * right;
        let centre = s.truncate() * 0.5;
        let radius = (s.z + centre.length_squared()).max(0.0).sqrt();
        let centre = centre + middle;
        let off = |p: &Vec2| (p.distance(centre) - radius).abs();
        points.sort_by(|p, q| off(p).total_cmp(&off(q)));
        points.truncate(points.len() / 2);
        found = Some((centre, radius));
    }
    found
}

/// All of `mask` that hangs together with what `begins`; none where that is nothing.
fn connected(mask: &[bool], side: usize, begins: &dyn Fn(usize) -> bool) -> Option<Vec<usize>> {
    let mut seen = vec![false; mask.len()];
    let mut found: Vec<usize> = (0..mask.len()).filter(|i| mask[*i] && begins(*i)).collect();
    for i in &found {
        seen[*i] = true;
    }
    let mut next = 0;
    while let Some(&i) = found.get(next) {
        next += 1;
        let (x, y) = (i % side, i / side);
        let around = [
            (x > 0).then(|| i - 1),
            (x + 1 < side).then_some(i + 1),
            (y > 0).then(|| i - side),
            (y + 1 < side).then_some(i + side),
        ];
        for j in around.into_iter().flatten() {
            if mask[j] && !seen[j] {
                seen[j] = true;
                found.push(j);
            }
        }
    }
    (found.len() >= 12).then_some(found)
}

/// The convex line around points (Andrew's monotone chain).
fn hull_of(mut points: Vec<Vec2>) -> Option<Vec<Vec2>> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let chain = |points: &mut dyn Iterator<Item = Vec2>| {
        let mut line: Vec<Vec2> = Vec::new();
        for p in points {
            while let [.., a, b] = line[..]
                && (b - a).perp_dot(p - a) <= 0.0
            {
                line.pop();
            }
            line.push(p);
        }
        line.pop();
        line
    };
    let mut line = chain(&mut points.iter().copied());
    line.extend(chain(&mut points.iter().rev().copied()));
    (line.len() >= 3).then_some(line)
}

/// Height of the upper or lower point of a convex line at `x`.
fn edge(hull: &[Vec2], x: f32, up: bool) -> f32 {
    let next = hull.iter().cycle().skip(1);
    let crossings = hull.iter().zip(next).filter_map(|(a, b)| {
        let (from, to) = if a.x < b.x { (a, b) } else { (b, a) };
        let t = (x - from.x) / (to.x - from.x).max(1e-6);
        (0.0..=1.0).contains(&t).then(|| from.lerp(*to, t).y)
    });
    match up {
        true => crossings.fold(f32::INFINITY, f32::min),
        false => crossings.fold(f32::NEG_INFINITY, f32::max),
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// Two eyes of these half axes with an iris of `iris` pixels on skin, and
    /// landmarks' eyes of a person's shape in them.
    fn face(half: Vec2, iris: f32) -> (RgbImage, Openings) {
        let middles = [Vec2::new(300.0, 200.0), Vec2::new(180.0, 200.0)];
        let picture = RgbImage::from_fn(480, 400, |x, y| {
            let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
            for m in middles {
                if p.distance(m) < iris && ((p - m) / half).length() < 1.0 {
                    return Rgb([60, 40, 30]);
                }
                if ((p - m) / half).length() < 1.0 {
                    return Rgb([225, 222, 220]);
                }
            }
            Rgb([205, 150, 125])
        });
        let lid = |m: Vec2, out: f32, bow: f32| -> Vec<Vec2> {
            (0..9)
                .map(|k| {
                    let t = k as f32 / 4.0 - 1.0;
                    m + Vec2::new(-out * t * 24.0, bow * (1.0 - t * t))
                })
                .collect()
        };
        let eye = |m: Vec2, out: f32| Opening::new(&lid(m, out, -9.0), &lid(m, out, 9.0), 4);
        let square = [(60.0, 40.0), (420.0, 40.0), (420.0, 380.0), (60.0, 380.0)];
        let openings = Openings {
            lips: eye(Vec2::new(240.0, 330.0), 1.0),
            eyes: [eye(middles[0], 1.0), eye(middles[1], -1.0)],
            brows: middles.map(|m| lid(m - Vec2::new(0.0, 60.0), 1.0, 0.0)),
            oval: square.map(|(x, y)| Vec2::new(x, y)).to_vec(),
            unit: 120.0,
        };
        (picture, openings)
    }

    #[test]
    fn a_drawn_eye_is_found_whole_with_its_iris() {
        let (picture, openings) = face(Vec2::new(40.0, 38.0), 20.0);
        let found = find(&picture, &openings, 4).expect("large eyes");
        for (eye, known) in found.iter().zip(&openings.eyes) {
            let (low, high) = bounds(&eye.opening.outline());
            assert!(
                (high - low - Vec2::new(80.0, 76.0)).abs().max_element() < 4.0,
                "{low} {high}"
            );
            assert!(
                eye.iris[0].distance(known.middle()) < 1.5,
                "{}",
                eye.iris[0]
            );
            assert!((eye.iris[0].distance(eye.iris[1]) - 20.0).abs() < 1.5);
            // Outer corner first, as the landmarks have it.
            let way = |o: &Opening| o.corners()[0].x > o.corners()[1].x;
            assert_eq!(way(&eye.opening), way(known));
        }
    }

    #[test]
    fn a_persons_eye_stays_as_the_landmarks_have_it() {
        let (picture, openings) = face(Vec2::new(26.0, 11.0), 12.0);
        assert!(find(&picture, &openings, 4).is_none());
    }
}
