//! Small numerics: similarity transforms, dense systems, smooth displacement.

use glam::{Mat3, Mat4, Quat, Vec2, Vec3, Vec4};

/// `to ≈ scale · rotation · from + shift`, least squares with weights.
///
/// Horn, "Closed-form solution of absolute orientation using unit quaternions"
/// (1987). `None` for fewer than three points or points all in one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    pub scale: f32,
    pub rotation: Mat3,
    pub shift: Vec3,
}

impl Similarity {
    pub fn fit(from: &[Vec3], to: &[Vec3], weights: &[f32]) -> Option<Self> {
        let sum: f32 = weights.iter().sum();
        if from.len() < 3 || sum.is_nan() || sum <= 0.0 {
            return None;
        }
        let mean = |points: &[Vec3]| {
            points
                .iter()
                .zip(weights)
                .map(|(p, w)| *p * *w)
                .sum::<Vec3>()
                / sum
        };
        let (mf, mt) = (mean(from), mean(to));
        let mut s = Mat3::ZERO;
        let (mut spread, mut onto) = (0.0, 0.0);
        for ((f, t), w) in from.iter().zip(to).zip(weights) {
            let (a, b) = (*f - mf, *t - mt);
            // s[j][i] = Σ a_i b_j
            s += Mat3::from_cols(a * b.x, a * b.y, a * b.z) * *w;
            spread += w * a.length_squared();
            onto += w * b.length_squared();
        }
        if spread <= 1e-12 || onto <= 1e-12 {
            return None;
        }
        let m = |i: usize, j: usize| s.col(j)[i];
        let n = Mat4::from_cols(
            Vec4::new(
                m(0, 0) + m(1, 1) + m(2, 2),
                m(1, 2) - m(2, 1),
                m(2, 0) - m(0, 2),
                m(0, 1) - m(1, 0),
            ),
            Vec4::new(
                m(1, 2) - m(2, 1),
                m(0, 0) - m(1, 1) - m(2, 2),
                m(0, 1) + m(1, 0),
                m(2, 0) + m(0, 2),
            ),
            Vec4::new(
                m(2, 0) - m(0, 2),
                m(0, 1) + m(1, 0),
                m(1, 1) - m(0, 0) - m(2, 2),
                m(1, 2) + m(2, 1),
            ),
            Vec4::new(
                m(0, 1) - m(1, 0),
                m(2, 0) + m(0, 2),
                m(1, 2) + m(2, 1),
                m(2, 2) - m(0, 0) - m(1, 1),
            ),
        );
        // The largest eigenvector by shifted power iteration.
        let bound = (0..4)
            .map(|i| n.row(i).abs().element_sum())
            .fold(0.0, f32::max);
        let shifted = n + Mat4::from_diagonal(Vec4::splat(bound));
        let mut q = Vec4::new(1.0, 0.01, 0.02, 0.03).normalize();
        for _ in 0..400 {
            let next = (shifted * q).normalize_or(q);
            let settled = next.distance_squared(q) < 1e-14;
            q = next;
            if settled {
                break;
            }
        }
        let rotation = Mat3::from_quat(Quat::from_xyzw(q.y, q.z, q.w, q.x).normalize());
        let along: f32 = from
            .iter()
            .zip(to)
            .zip(weights)
            .map(|((f, t), w)| w * (rotation * (*f - mf)).dot(*t - mt))
            .sum();
        let scale = along / spread;
        (scale > 0.0).then_some(Self {
            scale,
            rotation,
            shift: mt - rotation * mf * scale,
        })
    }

    pub fn point(&self, p: Vec3) -> Vec3 {
        self.vector(p) + self.shift
    }

    pub fn vector(&self, v: Vec3) -> Vec3 {
        self.rotation * v * self.scale
    }
}

/// Solves `a · x = b` for several right sides (`b` row by row); Gauss with
/// partial pivoting. `None` when `a` is singular.
pub fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let n = a.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|i, j| a[*i][k].abs().total_cmp(&a[*j][k].abs()))?;
        if a[pivot][k].abs() < 1e-12 {
            return None;
        }
        a.swap(k, pivot);
        b.swap(k, pivot);
        let (head, tail) = a.split_at_mut(k + 1);
        let (b_head, b_tail) = b.split_at_mut(k + 1);
        for (row, right) in tail.iter_mut().zip(b_tail) {
            let f = row[k] / head[k][k];
            if f == 0.0 {
                continue;
            }
            for j in k..n {
                row[j] -= f * head[k][j];
            }
            for (r, h) in right.iter_mut().zip(&b_head[k]) {
                *r -= f * h;
            }
        }
    }
    for k in (0..n).rev() {
        for c in 0..b[k].len() {
            let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j][c]).sum();
            b[k][c] = (b[k][c] - known) / a[k][k];
        }
    }
    Some(b)
}

/// A smooth displacement of the plane that carries `from` to `to`: radial basis
/// functions with the kernel r, and a constant.
#[derive(Clone, Debug)]
pub struct Warp {
    centres: Vec<Vec2>,
    /// One a centre, then the constant.
    weights: Vec<Vec2>,
}

impl Warp {
    /// `softness` (pixels) lets points that ask for opposite things meet.
    pub fn fit(from: &[Vec2], to: &[Vec2], softness: f32) -> Option<Self> {
        let n = from.len();
        let mut a = vec![vec![0.0; n + 1]; n + 1];
        let mut b = vec![vec![0.0; 2]; n + 1];
        for i in 0..n {
            for j in 0..n {
                a[i][j] = f64::from(from[i].distance(from[j]));
            }
            // The kernel is conditionally negative definite.
            a[i][i] -= f64::from(softness);
            a[i][n] = 1.0;
            a[n][i] = 1.0;
            let d = to[i] - from[i];
            b[i] = vec![f64::from(d.x), f64::from(d.y)];
        }
        let x = solve(a, b)?;
        Some(Self {
            centres: from.to_vec(),
            weights: x
                .iter()
                .map(|w| Vec2::new(w[0] as f32, w[1] as f32))
                .collect(),
        })
    }

    /// Where the warp takes `p`.
    pub fn point(&self, p: Vec2) -> Vec2 {
        let mut moved = p + self.weights[self.centres.len()];
        for (c, w) in self.centres.iter().zip(&self.weights) {
            moved += *w * p.distance(*c);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similarity_is_found_again() {
        let rotation = Mat3::from_quat(Quat::from_euler(glam::EulerRot::YXZ, 0.5, -0.3, 0.2));
        let made = Similarity {
            scale: 2.5,
            rotation,
            shift: Vec3::new(10.0, -4.0, 3.0),
        };
        let from: Vec<Vec3> = (0..20)
            .map(|i| {
                let t = i as f32;
                Vec3::new((t * 0.7).sin(), (t * 1.3).cos(), (t * 0.37).sin())
            })
            .collect();
        let to: Vec<Vec3> = from.iter().map(|p| made.point(*p)).collect();
        let found = Similarity::fit(&from, &to, &[1.0; 20]).unwrap();
        for (f, t) in from.iter().zip(&to) {
            assert!(found.point(*f).distance(*t) < 1e-3);
        }
        assert!(Similarity::fit(&from[..2], &to[..2], &[1.0; 2]).is_none());
        assert!(Similarity::fit(&[Vec3::ONE; 4], &to[..4], &[1.0; 4]).is_none());
    }

    #[test]
    fn a_warp_carries_its_points_and_is_smooth_between() {
        let from: Vec<Vec2> = (0..25)
            .map(|i| Vec2::new((i % 5) as f32 * 10.0, (i / 5) as f32 * 10.0))
            .collect();
        let to: Vec<Vec2> = from
            .iter()
            .map(|p| *p * 1.2 + Vec2::new(0.002 * p.y * p.y, 3.0))
            .collect();
        let warp = Warp::fit(&from, &to, 1e-4).unwrap();
        for (f, t) in from.iter().zip(&to) {
            assert!(warp.point(*f).distance(*t) < 0.02);
        }
        let between = warp.point(Vec2::new(15.0, 15.0));
        assert!(between.distance(Vec2::new(18.45, 21.0)) < 0.5, "{between}");
    }
}
