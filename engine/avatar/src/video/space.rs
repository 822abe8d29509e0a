//! A person's own mouth: where its points are in the head, the few ways in
//! which they move together, and how ARKit weights tell them.

use glam::{Mat4, Vec2, Vec3};
use huashen_core::{ArkitShape, ArkitWeights};

use crate::photo::solve::solve;

/// Ways to move that are kept; the first dozen hold nearly everything.
pub const MODES: usize = 16;

/// How far a mouth has gone along each mode, in centimetres.
pub type Mouth = [f32; MODES];

/// Landmarks around the mouth, outer edge, from a corner around the lower lip.
#[rustfmt::skip]
pub const LIPS: [u16; 20] = [
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
];
/// Inner edge, the same way around: [`GAPS`] pairs lower and upper.
#[rustfmt::skip]
const INNER: [u16; 20] = [
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
];
/// Lower and upper inner lip, across from each other.
#[rustfmt::skip]
const GAPS: [(u16, u16); 9] = [
    (95, 191), (88, 80), (178, 81), (87, 82), (14, 13), (317, 312), (402, 311), (318, 310),
    (324, 415),
];
/// Chin, jaw, cheeks and the nose's base: what moves with a mouth, and what holds it.
#[rustfmt::skip]
const AROUND: [u16; 92] = [
    152, 148, 176, 149, 150, 136, 172, 58, 377, 400, 378, 379, 365, 397, 288, 18, 200, 199, 175,
    83, 313, 201, 421, 208, 428, 171, 396, 194, 418, 32, 262, 140, 369, 170, 395, 169, 394, 204,
    424, 182, 406, 106, 335, 211, 431, 210, 430, 57, 287, 43, 273, 202, 422, 212, 432, 214, 434,
    216, 436, 206, 426, 205, 425, 207, 427, 186, 410, 92, 322, 165, 391, 167, 393, 164, 203, 423,
    187, 411, 192, 416, 135, 364, 2, 97, 326, 98, 327, 1, 4, 5, 129, 358,
];
/// How many landmarks are followed.
pub const POINTS: usize = LIPS.len() + INNER.len() + AROUND.len();

/// Those of the lips come first.
pub const LIPS_POINTS: usize = LIPS.len() + INNER.len();

/// Lips count for more than chin and cheeks, whose landmarks slide.
const LIPS_WEIGHT: f32 = 2.0;
/// Where the first of the inner lips is among the points.
const INNER_AT: usize = LIPS.len();

/// The landmarks that are followed: outer lips, inner lips, the rest.
pub fn points() -> impl Iterator<Item = usize> {
    LIPS.iter()
        .chain(&INNER)
        .chain(&AROUND)
        .map(|p| usize::from(*p))
}

/// How a head's frame is seen: upstream's camera over a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eye {
    /// Pixels.
    pub width: f32,
    pub height: f32,
}

impl Eye {
    /// Pixels that one unit at distance one spans; the view is 63° high.
    fn focal(self) -> f32 {
        self.height * 0.5 / 31.5_f32.to_radians().tan()
    }

    /// Where a point of the head (centimetres) is in the picture.
    pub fn see(self, camera_from_head: &Mat4, point: Vec3) -> Vec2 {
        let p = camera_from_head.transform_point3(point);
        let k = self.focal() / (-p.z).max(1e-3);
        Vec2::new(self.width * 0.5 + p.x * k, self.height * 0.5 - p.y * k)
    }

    /// Pixels a centimetre of the head at `point`.
    pub fn px_per_cm(self, camera_from_head: &Mat4, point: Vec3) -> f32 {
        let z = -camera_from_head.transform_point3(point).z;
        self.focal() * camera_from_head.x_axis.truncate().length() / z.max(1e-3)
    }
}

/// One person's mouth.
#[derive(Clone, Debug, PartialEq)]
pub struct MouthSpace {
    /// [`POINTS`] of them, in the head's frame, centimetres.
    pub mean: Vec<Vec3>,
    /// [`MODES`] × [`POINTS`].
    pub modes: Vec<Vec<Vec3>>,
    /// The least and the most that this person did of each mode.
    pub range: Vec<[f32; 2]>,
    /// From the weights of [`mouth_shapes`], and 1, to the modes: row by row.
    pub from_weights: Vec<Vec<f32>>,
}

/// The ARKit shapes that tell a mouth.
pub fn mouth_shapes() -> impl Iterator<Item = ArkitShape> {
    ArkitShape::ALL
        .into_iter()
        .filter(|s| s.name().starts_with("jaw") || s.name().starts_with("mouth"))
}

impl MouthSpace {
    /// Learns from what was seen: for each picture [`POINTS`] in the head's
    /// frame, and the weights that tell them. `None` for fewer than 25.
    pub fn fit(seen: &[(Vec<Vec3>, ArkitWeights)]) -> Option<Self> {
        if seen.len() < 25 || seen.iter().any(|s| s.0.len() != POINTS) {
            return None;
        }
        let n = seen.len() as f32;
        let mean: Vec<Vec3> = (0..POINTS)
            .map(|p| seen.iter().map(|s| s.0[p]).sum::<Vec3>() / n)
            .collect();
        let weight = |p: usize| if p < LIPS_POINTS { LIPS_WEIGHT } else { 1.0 };
        let rows: Vec<Vec<f32>> = seen
            .iter()
            .map(|s| {
                (0..POINTS)
                    .flat_map(|p| ((s.0[p] - mean[p]) * weight(p)).to_array())
                    .collect()
            })
            .collect();
        let modes = principal(&rows)
            .into_iter()
            .map(|v| {
                (0..POINTS)
                    .map(|p| Vec3::new(v[p * 3], v[p * 3 + 1], v[p * 3 + 2]) / weight(p))
                    .collect()
            })
            .collect();
        let mut space = Self {
            mean,
            modes,
            range: vec![[0.0; 2]; MODES],
            from_weights: Vec::new(),
        };
        let mouths: Vec<Mouth> = seen.iter().map(|s| space.read(&s.0)).collect();
        space.range = (0..MODES)
            .map(|m| {
                let all = mouths.iter().map(|c| c[m]);
                [
                    all.clone().fold(f32::INFINITY, f32::min),
                    all.fold(f32::NEG_INFINITY, f32::max),
                ]
            })
            .collect();
        let inputs: Vec<Vec<f32>> = seen.iter().map(|s| inputs(&s.1)).collect();
        let targets: Vec<Vec<f32>> = mouths.iter().map(|m| m.to_vec()).collect();
        space.from_weights = ridge(&inputs, &targets, 0.02)?;
        Some(space)
    }

    /// The mouth that points in a head's frame show.
    pub fn read(&self, points: &[Vec3]) -> Mouth {
        // The modes are orthonormal in weighted points.
        std::array::from_fn(|m| {
            let along = |p: usize| {
                let w = if p < LIPS_POINTS { LIPS_WEIGHT } else { 1.0 };
                (points[p] - self.mean[p]).dot(self.modes[m][p]) * w * w
            };
            (0..POINTS).map(along).sum()
        })
    }

    /// Where the points of a mouth are in the head's frame, centimetres.
    pub fn points(&self, mouth: &Mouth) -> Vec<Vec3> {
        let mut points = self.mean.clone();
        for (mode, c) in self.modes.iter().zip(mouth) {
            for (p, d) in points.iter_mut().zip(mode) {
                *p += *d * *c;
            }
        }
        points
    }

    /// The mouth that weights ask for, within what this person can do.
    pub fn wanted(&self, weights: &ArkitWeights) -> Mouth {
        let inputs = inputs(weights);
        std::array::from_fn(|m| {
            let [low, high] = self.range[m];
            let slack = 0.25 * (high - low);
            let sum: f32 = self.from_weights[m]
                .iter()
                .zip(&inputs)
                .map(|(k, x)| k * x)
                .sum();
            sum.clamp(low - slack, high + slack)
        })
    }

    /// Between the inner lips, in centimetres: mean of the pairs; below zero
    /// where a mouth asks for more than shut.
    pub fn gap(&self, mouth: &Mouth) -> f32 {
        let points = self.points(mouth);
        let gaps = inner_pairs().map(|(low, up)| points[up].y - points[low].y);
        gaps.sum::<f32>() / GAPS.len() as f32
    }

    /// The middle of the mouth at its mean, in the head's frame.
    pub fn middle(&self) -> Vec3 {
        let lips = &self.mean[..LIPS.len()];
        lips.iter().copied().sum::<Vec3>() / lips.len() as f32
    }
}

/// Lips meet, they do not pass through each other.
pub fn part_lips(points: &mut [Vec3]) {
    for (low, up) in inner_pairs() {
        let over = points[low].y - points[up].y;
        if over > 0.0 {
            points[low].y -= over * 0.5;
            points[up].y += over * 0.5;
        }
    }
}

/// The lower and upper points of [`GAPS`], as numbers among the points.
fn inner_pairs() -> impl Iterator<Item = (usize, usize)> {
    let place = |id: u16| INNER_AT + INNER.iter().position(|i| *i == id).unwrap_or(0);
    GAPS.iter().map(move |(low, up)| (place(*low), place(*up)))
}

/// What a ridge sees of weights: those of [`mouth_shapes`], and 1.
fn inputs(weights: &ArkitWeights) -> Vec<f32> {
    mouth_shapes()
        .map(|s| weights[s])
        .chain(std::iter::once(1.0))
        .collect()
}

/// Least squares from rows of inputs (the last of which is 1) to rows of
/// targets, held back by `hold` of each input's own spread; a row a target.
fn ridge(inputs: &[Vec<f32>], targets: &[Vec<f32>], hold: f64) -> Option<Vec<Vec<f32>>> {
    let n = inputs.first()?.len();
    let mean: Vec<f64> = (0..n)
        .map(|i| inputs.iter().map(|r| f64::from(r[i])).sum::<f64>() / inputs.len() as f64)
        .collect();
    let mut a = vec![vec![0.0; n]; n];
    let mut b = vec![vec![0.0; targets.first()?.len()]; n];
    for (x, t) in inputs.iter().zip(targets) {
        for i in 0..n {
            let xi = f64::from(x[i]);
            if xi == 0.0 {
                continue;
            }
            for j in 0..n {
                a[i][j] += xi * f64::from(x[j]);
            }
            for (b, t) in b[i].iter_mut().zip(t) {
                *b += xi * f64::from(*t);
            }
        }
    }
    let spread: f64 = (0..n - 1)
        .map(|i| a[i][i] - inputs.len() as f64 * mean[i] * mean[i])
        .sum::<f64>()
        / (n - 1).max(1) as f64;
    for (i, row) in a.iter_mut().enumerate().take(n - 1) {
        row[i] += hold * spread.max(1e-9) + 1e-9;
    }
    let x = solve(a, b)?;
    Some(
        (0..targets[0].len())
            .map(|t| x.iter().map(|row| row[t] as f32).collect())
            .collect(),
    )
}

/// The first [`MODES`] principal directions of rows, by subspace iteration.
fn principal(rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let d = rows[0].len();
    // A start that favours no direction and is the same every time.
    let mut basis: Vec<Vec<f32>> = (0..MODES)
        .map(|m| {
            (0..d)
                .map(|i| ((i * 7919 + m * 104_729 + 13) % 1009) as f32 / 504.5 - 1.0)
                .collect()
        })
        .collect();
    orthonormal(&mut basis);
    for _ in 0..24 {
        let mut next = vec![vec![0.0; d]; MODES];
        for row in rows {
            for (v, out) in basis.iter().zip(&mut next) {
                let along: f32 = v.iter().zip(row).map(|(a, b)| a * b).sum();
                for (o, r) in out.iter_mut().zip(row) {
                    *o += along * r;
                }
            }
        }
        basis = next;
        orthonormal(&mut basis);
    }
    basis
}

fn orthonormal(basis: &mut [Vec<f32>]) {
    for m in 0..basis.len() {
        let (before, rest) = basis.split_at_mut(m);
        let v = &mut rest[0];
        let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        let whole = length(v);
        for u in before.iter() {
            let along: f32 = u.iter().zip(v.iter()).map(|(a, b)| a * b).sum();
            for (v, u) in v.iter_mut().zip(u) {
                *v -= along * u;
            }
        }
        // What is left of one that the others make up is noise.
        let left = length(v);
        let k = if left > 1e-4 * whole { 1.0 / left } else { 0.0 };
        for x in v.iter_mut() {
            *x *= k;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(open: f32, wide: f32) -> (Vec<Vec3>, ArkitWeights) {
        let points = (0..POINTS)
            .map(|p| {
                let at = Vec3::new(p as f32 * 0.1 % 3.0, (p as f32 * 0.7).sin(), 4.0);
                at + Vec3::new(wide * (p % 5) as f32 * 0.1, -open * (p % 3) as f32, 0.0)
            })
            .collect();
        let mut w = ArkitWeights::default();
        w[ArkitShape::JawOpen] = open;
        w[ArkitShape::MouthPucker] = wide;
        (points, w)
    }

    #[test]
    fn weights_lead_back_to_the_points_they_came_with() {
        let all: Vec<_> = (0..60)
            .map(|i| {
                seen(
                    0.5 + 0.5 * (i as f32 * 0.7).sin(),
                    0.5 + 0.5 * (i as f32 * 1.9).cos(),
                )
            })
            .collect();
        let space = MouthSpace::fit(&all).unwrap();
        for (points, weights) in &all {
            let read = space.points(&space.read(points));
            let told = space.points(&space.wanted(weights));
            for i in 0..POINTS {
                assert!(read[i].distance(points[i]) < 1e-3);
                assert!(
                    told[i].distance(points[i]) < 0.05,
                    "{}",
                    told[i].distance(points[i])
                );
            }
        }
        assert!(MouthSpace::fit(&all[..20]).is_none());
    }

    #[test]
    fn lips_that_cross_meet_halfway() {
        let (mut points, _) = seen(0.0, 0.0);
        let (low, up) = inner_pairs().next().unwrap();
        (points[low].y, points[up].y) = (1.0, 0.5);
        part_lips(&mut points);
        assert_eq!((points[low].y, points[up].y), (0.75, 0.75));
    }
}
