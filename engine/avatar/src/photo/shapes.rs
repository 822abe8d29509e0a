//! What each ARKit shape moves the net's points by: carried over from the
//! head, with lips that meet and lids that close on this very face.

use std::collections::BTreeMap;

use glam::{Vec2, Vec3};
use huashen_core::{ARKIT_COUNT, ArkitShape as A, ArkitWeights};

use super::fit::Fit;
use super::mesh::{Edge, Net, Openings};
use super::outline::{self, Opening};
use crate::raster::{Hit, Raster};

/// The head under every point of the net.
pub struct Ground<'a> {
    fit: &'a Fit<'a>,
    raster: Raster,
    /// Pixels of the photo → pixels of the raster.
    origin: Vec2,
    scale: f32,
    /// Shape by shape, a displacement for each vertex of the skin.
    deltas: Vec<Vec<Vec3>>,
}

/// Pixels of the raster between the eyes.
const RASTER_UNIT: f32 = 120.0;

impl<'a> Ground<'a> {
    pub fn new(fit: &'a Fit<'a>, unit: f32) -> Self {
        let low = fit
            .skin
            .iter()
            .fold(Vec2::INFINITY, |m, p| m.min(p.truncate()));
        let high = fit
            .skin
            .iter()
            .fold(Vec2::NEG_INFINITY, |m, p| m.max(p.truncate()));
        let scale = RASTER_UNIT / unit;
        let size = ((high - low) * scale).clamp(Vec2::ONE, Vec2::splat(4096.0));
        let points: Vec<Vec3> = fit
            .skin
            .iter()
            .map(|p| ((p.truncate() - low) * scale).extend(p.z))
            .collect();
        let skin = &fit.head.skin;
        let deltas = skin
            .shapes
            .iter()
            .map(|shape| {
                let mut all = vec![Vec3::ZERO; skin.points.len()];
                for (v, d) in shape {
                    all[*v as usize] = *d;
                }
                all
            })
            .collect();
        Self {
            fit,
            raster: Raster::new(
                &points,
                &skin.triangles,
                size.x as usize + 1,
                size.y as usize + 1,
            ),
            origin: low,
            scale,
            deltas,
        }
    }

    pub fn hit(&self, p: Vec2) -> Option<&Hit> {
        self.raster.at((p - self.origin) * self.scale)
    }

    /// The nearest hit from `p` on along `way`, up to `reach` pixels.
    fn hit_along(&self, p: Vec2, way: Vec2, reach: f32) -> Option<&Hit> {
        (0..24).find_map(|i| self.hit(p + way * (reach * i as f32 / 23.0)))
    }

    /// What `shape` moves the skin under `hit` by, in metres of the head.
    fn delta(&self, hit: &Hit, shape: usize) -> Vec3 {
        let corners = self.fit.head.skin.triangles[hit.triangle as usize];
        corners
            .iter()
            .zip(hit.corners)
            .map(|(v, w)| self.deltas[shape][*v as usize] * w)
            .sum()
    }
}

/// Displacements in pixels (y down, z towards the viewer), point by point.
pub type Deltas = BTreeMap<&'static str, Vec<Vec3>>;

/// Name of the shape that takes the photo's own expression out.
pub const NEUTRAL: &str = "photoNeutral";

/// The hit under each point of the net: none beside the head.
pub fn hits(net: &Net, openings: &Openings, ground: &Ground<'_>) -> Vec<Option<Hit>> {
    let u = openings.unit;
    let (_, down) = openings.lips.axes();
    net.points
        .iter()
        .zip(&net.edges)
        .map(|(p, edge)| {
            // Beside an edge, on its own side of it.
            let hit = match edge {
                Edge::None => ground.hit(*p),
                Edge::UpperLip => ground.hit_along(*p - down * 0.015 * u, -down, 0.1 * u),
                Edge::LowerLip => ground.hit_along(*p + down * 0.015 * u, down, 0.1 * u),
                Edge::LipCorner => {
                    let out = (*p - openings.lips.middle()).normalize_or_zero();
                    ground.hit_along(*p + out * 0.01 * u, out, 0.1 * u)
                }
                Edge::Lid(e) => {
                    let out = (*p - openings.eyes[*e].middle()).normalize_or_zero();
                    ground.hit_along(*p + out * 0.01 * u, out, 0.12 * u)
                }
            };
            hit.copied()
        })
        .collect()
}

/// All shapes of the net.
pub fn deltas(net: &Net, openings: &Openings, ground: &Ground<'_>, hits: &[Option<Hit>]) -> Deltas {
    let mut out = Deltas::new();
    for shape in A::ALL {
        let i = shape.index();
        let moved: Vec<Vec3> = net
            .points
            .iter()
            .zip(hits)
            .map(|(p, hit)| match hit {
                Some(hit) => ground.fit.displacement(*p, ground.delta(hit, i)),
                None => Vec3::ZERO,
            })
            .collect();
        out.insert(shape.name(), moved);
    }
    soften(net, openings, &mut out);
    for (shape, eye) in [(A::EyeBlinkLeft, 0), (A::EyeBlinkRight, 1)] {
        out.insert(
            shape.name(),
            blink(
                net,
                &openings.eyes[eye],
                &openings.brows[eye],
                openings.unit,
            ),
        );
    }
    for (shape, upper) in [(A::MouthFunnel, FUNNEL_LIFT), (A::JawOpen, 1.0)] {
        if let Some(all) = out.get_mut(shape.name()) {
            round(net, openings, all, upper);
        }
    }
    seal(net, openings, &mut out);
    if let Some(neutral) = neutral(net, openings, &ground.fit.weights, &out) {
        out.insert(NEUTRAL, neutral);
    }
    debug_assert!(out.len() >= ARKIT_COUNT);
    out
}

/// Rounds of smoothing beside the face, and how far inside of its outline (in
/// units) they begin.
const SOFT_ROUNDS: usize = 24;
const SOFT_RIM: f32 = 0.12;
/// Rounds of smoothing on the lips, and how far (in units) from their edges.
const LIP_ROUNDS: usize = 8;
const LIP_RIM: f32 = 0.12;

/// The jaw's outline lies over the neck: without this a point on the one side
/// moves, its neighbour on the other stays, and the outline tears into teeth.
/// At the lips' edges the head's triangles fold inwards, and neighbours would
/// move with very different ones: the edges would show steps.
fn soften(net: &Net, openings: &Openings, out: &mut Deltas) {
    let around = net.neighbours();
    let chosen = |choose: &dyn Fn(usize, Vec2) -> bool| -> Vec<usize> {
        (0..net.points.len())
            .filter(|i| choose(*i, net.points[*i]) && !around[*i].is_empty())
            .collect()
    };
    let outline = chosen(&|i, p| {
        net.edges[i] == Edge::None
            && (!outline::inside(&openings.oval, p)
                || outline::distance(&openings.oval, p) < SOFT_RIM * openings.unit)
    });
    let lips = chosen(&|i, p| {
        let lips = &openings.lips;
        net.edges[i] != Edge::LipCorner
            && outline::distance(&lips.upper, p).min(outline::distance(&lips.lower, p))
                < LIP_RIM * openings.unit
    });
    for all in out.values_mut() {
        if all.iter().any(|d| *d != Vec3::ZERO) {
            smooth(all, &outline, &around, SOFT_ROUNDS);
            smooth(all, &lips, &around, LIP_ROUNDS);
        }
    }
}

/// Draws the chosen points' displacements to their neighbours'.
fn smooth(all: &mut [Vec3], chosen: &[usize], around: &[Vec<u32>], rounds: usize) {
    for _ in 0..rounds {
        let before = all.to_vec();
        for i in chosen {
            let near = &around[*i];
            let sum: Vec3 = near.iter().map(|j| before[*j as usize]).sum();
            all[*i] = before[*i] * 0.4 + sum * (0.6 / near.len() as f32);
        }
    }
}

/// Where the lids meet, above the lower one's bow, as a part of the opening; and
/// how far the upper one goes beyond.
const MEET: f32 = 0.08;
const OVER: f32 = 0.03;
/// Eyes that are higher than this part of their width are drawn.
const ROUND: f32 = 0.5;
/// How far skin follows a lid: up to this part of the way to the brow, and down
/// the cheek by so many units.
const TO_BROW: f32 = 0.8;
const TO_CHEEK: f32 = 0.2;

/// The lids meet: each point goes with the lid's edge below (or above) it, less
/// the farther it is. They meet on an even bow, however the lower lid runs.
fn blink(net: &Net, eye: &Opening, brow: &[Vec2], unit: f32) -> Vec<Vec3> {
    let (along, down) = eye.axes();
    let [a, _] = eye.corners();
    let width = eye.width().max(1e-3);
    let arc = |t: f32| 4.0 * t * (1.0 - t);
    let (mut onto, mut norm) = (0.0, 1e-6);
    for p in &eye.lower {
        let t = (*p - a).dot(along) / width;
        onto += arc(t) * (*p - a).dot(down);
        norm += arc(t) * arc(t);
    }
    let bow = onto / norm;
    // A round eye's lids meet nearer to its middle.
    let meets = MEET + 0.5 * (eye.height() / width - ROUND).clamp(0.0, 0.6);
    net.points
        .iter()
        .map(|p| {
            let t = (*p - a).dot(along) / width;
            if !(-0.25..=1.25).contains(&t) {
                return Vec3::ZERO;
            }
            let (upper, lower) = eye.edges_at(t);
            let gap = lower - upper;
            let inside = t.clamp(0.0, 1.0);
            let meet = a + along * (inside * width) + down * (bow * arc(inside)) - gap * meets;
            // Beside the corners, what is left of the movement dies away.
            let beside = (t.clamp(0.0, 1.0) - t).abs() / 0.25;
            let side = (1.0 - beside).max(0.0);
            let above = (upper - *p).dot(down);
            let below = (*p - lower).dot(down);
            // Points on an edge are a hair's breadth off its own line.
            let near = -0.01 * unit;
            let (way, far, reach) = if above >= near && above >= below {
                let brow = outline::distance(brow, upper);
                let way = meet + gap * OVER - upper;
                // The lid of a large eye brings skin for all of its way.
                let reach = (TO_BROW * brow).max(0.08 * unit);
                (way, above, reach.max(2.0 * (gap.length() - 0.3 * unit)))
            } else if below >= near {
                (meet - lower, below, TO_CHEEK * unit)
            } else {
                return Vec3::ZERO;
            };
            let fall = (1.0 - far.max(0.0) / reach).clamp(0.0, 1.0);
            let fall = fall * fall * (3.0 - 2.0 * fall);
            (way * fall * side).extend(0.0)
        })
        .collect()
}

/// How far from the cut the lips are drawn together, in units.
const SEAL_REACH: f32 = 0.2;

/// Makes `mouthClose` close what `jawOpen` opens, exactly, all along the lips.
fn seal(net: &Net, openings: &Openings, out: &mut Deltas) {
    let sum = |i: usize| out["jawOpen"][i] + out["mouthClose"][i];
    let pull = meet(net, openings, &sum);
    if let Some(close) = out.get_mut("mouthClose") {
        for (d, pull) in close.iter_mut().zip(pull) {
            *d += pull;
        }
    }
}

/// What brings the lips' edges together once everything moved by `moved`,
/// spread over the lips.
fn meet(net: &Net, openings: &Openings, moved: &dyn Fn(usize) -> Vec3) -> Vec<Vec3> {
    // Half of what is left of the gap, at each pair; at rest they are equally deep.
    let halves = pairs(net).map(|(u, l)| {
        let gap = (net.points[l] - net.points[u]).extend(0.0) + moved(l) - moved(u);
        [gap * 0.5, gap * -0.5]
    });
    spread(net, openings, &halves.collect::<Vec<_>>())
}

/// How full the bow of a round mouth's lips is: 1 is a parabola, 0.5 an ellipse.
const ROUNDED: f32 = 0.6;
/// Where the bow ends, as a part of the way from the middle to a corner.
const BOW_ENDS: f32 = 0.92;

/// Lips that are pushed out cover the upper teeth: what is left of the head's
/// lift of the upper one.
const FUNNEL_LIFT: f32 = 0.1;

/// The head's lips part in a peak, and with them an O is a rhomb: each edge goes
/// along a bow instead, as high as the peak; the upper one by `lift` of it.
fn round(net: &Net, openings: &Openings, all: &mut [Vec3], lift: f32) {
    let (along, down) = openings.lips.axes();
    let origin = openings.lips.corners()[0];
    let width = openings.lips.width().max(1e-3);
    let way = |i: usize| all[i].truncate().dot(down);
    let pairs: Vec<(usize, usize)> = pairs(net).collect();
    if pairs.len() < 5 {
        return;
    }
    let middle = &pairs[pairs.len() / 2 - 1..pairs.len() / 2 + 2];
    let mean = |of: &dyn Fn(&(usize, usize)) -> usize| {
        middle.iter().map(|pair| way(of(pair))).sum::<f32>() / middle.len() as f32
    };
    let peaks = [lift * mean(&|pair| pair.0), mean(&|pair| pair.1)];
    let ends = [pairs[0], pairs[pairs.len() - 1]];
    let pulls: Vec<[Vec3; 2]> = pairs
        .iter()
        .map(|pair| {
            let t = ((net.points[pair.0] - origin).dot(along) / width).clamp(0.0, 1.0);
            let beside = ((2.0 * t - 1.0) / BOW_ENDS).clamp(-1.0, 1.0);
            let bow = (1.0 - beside * beside).powf(ROUNDED);
            let side = |i: usize, peak: f32, a: usize, b: usize| {
                let rest = way(a) + (way(b) - way(a)) * t;
                (down * (rest + (peak - rest) * bow - way(i))).extend(0.0)
            };
            [
                side(pair.0, peaks[0], ends[0].0, ends[1].0),
                side(pair.1, peaks[1], ends[0].1, ends[1].1),
            ]
        })
        .collect();
    for (d, pull) in all.iter_mut().zip(spread(net, openings, &pulls)) {
        *d += pull;
    }
}

/// Points of the upper and of the lower lip's edge that lie on one another, from
/// one corner to the other.
pub fn pairs(net: &Net) -> impl Iterator<Item = (usize, usize)> {
    let [upper, lower] = [Edge::UpperLip, Edge::LowerLip].map(|edge| points_on(net, edge));
    upper.into_iter().zip(lower)
}

/// Spreads what moves the lips' edges, pair by pair, over the lips.
fn spread(net: &Net, openings: &Openings, pulls: &[[Vec3; 2]]) -> Vec<Vec3> {
    let mut own = vec![None; net.points.len()];
    for ((u, l), [upper, lower]) in pairs(net).zip(pulls) {
        own[u] = Some(*upper);
        own[l] = Some(*lower);
    }
    let (along, down) = openings.lips.axes();
    let reach = SEAL_REACH * openings.unit;
    let origin = openings.lips.corners()[0];
    let width = openings.lips.width().max(1e-3);
    net.points
        .iter()
        .zip(&net.edges)
        .zip(&own)
        .map(|((p, edge), own)| {
            // The edges themselves go all the way.
            if let Some(own) = own {
                return *own;
            }
            let t = (*p - origin).dot(along) / width;
            if !(0.0..=1.0).contains(&t) || pulls.is_empty() || *edge == Edge::LipCorner {
                return Vec3::ZERO;
            }
            let k = (t * (pulls.len() + 1) as f32 - 1.0).clamp(0.0, (pulls.len() - 1) as f32);
            let i = (k as usize).min(pulls.len().saturating_sub(2));
            let j = (i + 1).min(pulls.len() - 1);
            let (upper, lower) = openings.lips.edges_at(t);
            let above = (upper - *p).dot(down);
            let below = (*p - lower).dot(down);
            let (side, far) = match above >= below {
                true => (0, above),
                false => (1, below),
            };
            let pull = pulls[i][side].lerp(pulls[j][side], k - i as f32);
            let fall = (1.0 - far.max(0.0) / reach).max(0.0);
            pull * fall * fall * (3.0 - 2.0 * fall)
        })
        .collect()
}

fn points_on(net: &Net, edge: Edge) -> Vec<usize> {
    (0..net.points.len())
        .filter(|i| net.edges[*i] == edge)
        .collect()
}

/// The way from the photo's mouth to a shut one at rest; none where it is that.
fn neutral(
    net: &Net,
    openings: &Openings,
    weights: &ArkitWeights,
    out: &Deltas,
) -> Option<Vec<Vec3>> {
    let open = openings.mouth_is_open();
    let shown: f32 = A::ALL.into_iter().map(|s| weights[s]).sum();
    if !open && shown < 0.3 {
        return None;
    }
    let mut moved = vec![Vec3::ZERO; net.points.len()];
    for shape in A::ALL {
        let w = weights[shape];
        if w > 0.02 {
            for (m, d) in moved.iter_mut().zip(&out[shape.name()]) {
                *m -= *d * w;
            }
        }
    }
    let pull = meet(net, openings, &|i| moved[i]);
    for (m, p) in moved.iter_mut().zip(pull) {
        *m += p;
    }
    Some(moved)
}
