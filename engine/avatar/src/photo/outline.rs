//! The lines that the relief is cut along: lips and lids.

use glam::Vec2;

/// Points along a smooth line through `points`, ends included: `steps` a piece
/// (Catmull and Rom's spline).
pub fn smooth(points: &[Vec2], steps: usize) -> Vec<Vec2> {
    let at = |i: isize| points[i.clamp(0, points.len() as isize - 1) as usize];
    let mut out = Vec::with_capacity((points.len() - 1) * steps + 1);
    for i in 0..points.len() as isize - 1 {
        let (a, b, c, d) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        for k in 0..steps {
            let t = k as f32 / steps as f32;
            out.push(
                0.5 * (2.0 * b
                    + (c - a) * t
                    + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
                    + (3.0 * b - a - 3.0 * c + d) * t * t * t),
            );
        }
    }
    out.push(at(points.len() as isize - 1));
    out
}

/// Distance of `p` to a line.
pub fn distance(line: &[Vec2], p: Vec2) -> f32 {
    line.windows(2)
        .map(|w| {
            let d = w[1] - w[0];
            let t = ((p - w[0]).dot(d) / d.length_squared().max(1e-9)).clamp(0.0, 1.0);
            p.distance(w[0] + d * t)
        })
        .fold(f32::INFINITY, f32::min)
}

/// Whether `p` is inside a closed line.
pub fn inside(line: &[Vec2], p: Vec2) -> bool {
    let mut odd = false;
    let mut b = line[line.len() - 1];
    for &a in line {
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            odd = !odd;
        }
        b = a;
    }
    odd
}

/// An opening with two edges that share their ends: lips, lids.
#[derive(Clone, Debug)]
pub struct Opening {
    pub upper: Vec<Vec2>,
    pub lower: Vec<Vec2>,
}

impl Opening {
    /// Both edges made smooth, with `steps` points a piece.
    pub fn new(upper: &[Vec2], lower: &[Vec2], steps: usize) -> Self {
        Self {
            upper: smooth(upper, steps),
            lower: smooth(lower, steps),
        }
    }

    /// The closed outline: along the upper edge and back along the lower one.
    pub fn outline(&self) -> Vec<Vec2> {
        let back = self.lower[1..self.lower.len() - 1].iter().rev();
        self.upper.iter().chain(back).copied().collect()
    }

    pub fn corners(&self) -> [Vec2; 2] {
        [self.upper[0], self.upper[self.upper.len() - 1]]
    }

    pub fn width(&self) -> f32 {
        self.corners()[0].distance(self.corners()[1])
    }

    pub fn middle(&self) -> Vec2 {
        let sum: Vec2 = self.upper.iter().chain(&self.lower).sum();
        sum / (self.upper.len() + self.lower.len()) as f32
    }

    /// Along the corners' line, and across it towards the lower edge.
    pub fn axes(&self) -> (Vec2, Vec2) {
        let [a, b] = self.corners();
        let along = (b - a).normalize_or(Vec2::X);
        let down = along.perp();
        let to_lower = (self.lower[self.lower.len() / 2] - a).dot(down)
            - (self.upper[self.upper.len() / 2] - a).dot(down);
        // A closed mouth does not tell; pictures are upright.
        let down = if to_lower.abs() > 1e-3 {
            down * to_lower.signum()
        } else {
            down * down.y.signum()
        };
        (along, down)
    }

    /// Widest distance between the edges.
    pub fn height(&self) -> f32 {
        let (_, down) = self.axes();
        self.upper
            .iter()
            .zip(&self.lower)
            .map(|(u, l)| (*l - *u).dot(down))
            .fold(0.0, f32::max)
    }

    /// The edges at `t` of the corners' line, 0 to 1.
    pub fn edges_at(&self, t: f32) -> (Vec2, Vec2) {
        let [a, b] = self.corners();
        let line = b - a;
        let length = line.length_squared().max(1e-9);
        let t = t.clamp(0.0, 1.0);
        let at = |edge: &[Vec2]| {
            let place = |p: Vec2| (p - a).dot(line) / length;
            for w in edge.windows(2) {
                let (from, to) = (place(w[0]), place(w[1]));
                if t <= to {
                    let f = ((t - from) / (to - from).max(1e-6)).clamp(0.0, 1.0);
                    return w[0].lerp(w[1], f);
                }
            }
            edge[edge.len() - 1]
        };
        (at(&self.upper), at(&self.lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_measured() {
        let points: Vec<Vec2> = (0..9)
            .map(|i| Vec2::new(i as f32, (i as f32 * 0.7).sin()))
            .collect();
        let line = smooth(&points, 4);
        assert_eq!(line.len(), 33);
        assert!(points.iter().all(|p| distance(&line, *p) < 1e-5));
        let square = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)].map(|(x, y)| Vec2::new(x, y));
        assert!(inside(&square, Vec2::new(1.0, 1.0)));
        assert!(!inside(&square, Vec2::new(3.0, 1.0)));
    }
}
