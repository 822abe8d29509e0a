//! Going over from one frame of footage to another that looks nearly the same:
//! each is bent towards the other by how far things have moved, then mixed.

use glam::Vec2;
use huashen_core::Size;

/// Longer side of the pictures that movement is looked for in.
const FLOW_SIDE: usize = 128;
const LEVELS: usize = 4;
const ROUNDS: usize = 30;
/// How much smoother than true to the pictures movement is.
const SMOOTHNESS: f32 = 250.0;
/// One level corrects the one before by so many of its pixels, at most.
const MOST_PX: f32 = 2.0;

struct Grey {
    w: usize,
    h: usize,
    v: Vec<f32>,
}

impl Grey {
    /// A luma plane, made smaller by means over boxes.
    fn of(luma: &[u8], size: Size) -> Self {
        let (w, h) = (size.width as usize, size.height as usize);
        let k = w.max(h).div_ceil(FLOW_SIDE).max(1);
        let (gw, gh) = ((w / k).max(1), (h / k).max(1));
        let mut v = Vec::with_capacity(gw * gh);
        for y in 0..gh {
            for x in 0..gw {
                let mut sum = 0_u32;
                for row in luma.chunks(w).skip(y * k).take(k) {
                    sum += row[x * k..(x * k + k).min(w)]
                        .iter()
                        .map(|p| u32::from(*p))
                        .sum::<u32>();
                }
                v.push(sum as f32 / (k * k) as f32);
            }
        }
        Self { w: gw, h: gh, v }
    }

    fn half(&self) -> Self {
        let (w, h) = ((self.w / 2).max(1), (self.h / 2).max(1));
        let at = |x: usize, y: usize| self.v[y.min(self.h - 1) * self.w + x.min(self.w - 1)];
        let v = (0..w * h)
            .map(|i| {
                let (x, y) = (i % w * 2, i / w * 2);
                (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
            })
            .collect();
        Self { w, h, v }
    }

    fn at(&self, p: Vec2) -> f32 {
        sample(&self.v, self.w, self.h, p, |v| v, |a, b, t| a + (b - a) * t)
    }
}

fn sample<T: Copy, U>(
    v: &[T],
    w: usize,
    h: usize,
    p: Vec2,
    get: impl Fn(T) -> U,
    mix: impl Fn(U, U, f32) -> U,
) -> U {
    let p = p.clamp(Vec2::ZERO, Vec2::new(w as f32 - 1.0, h as f32 - 1.0));
    let (x, y) = (p.x as usize, p.y as usize);
    let (x1, y1) = ((x + 1).min(w - 1), (y + 1).min(h - 1));
    let t = p.fract();
    let row = |y: usize| mix(get(v[y * w + x]), get(v[y * w + x1]), t.x);
    mix(row(y), row(y1), t.y)
}

/// How a head has moved: from a point about it, in pixels of the picture, to
/// where that is in the other one; and how far around its middle that holds.
pub(super) struct HeadMove<'a> {
    pub middle: Vec2,
    pub reach: f32,
    pub to: &'a dyn Fn(Vec2) -> Vec2,
}

/// How far each point of `a` has moved in `b`: Horn and Schunck (1981), from
/// coarse to fine; begun with `guess`.
fn flow(a: &Grey, b: &Grey, guess: &dyn Fn(Vec2) -> Vec2) -> Vec<Vec2> {
    let mut pyramid = vec![];
    for _ in 1..LEVELS {
        let (a, b) = pyramid.last().map_or((a, b), |(a, b)| (a, b));
        let halves = (a.half(), b.half());
        if halves.0.w < 8 || halves.0.h < 8 {
            break;
        }
        pyramid.push(halves);
    }
    let mut from = pyramid.last().map_or((a.w, a.h), |(a, _)| (a.w, a.h));
    let scale = Vec2::new(a.w as f32 / from.0 as f32, a.h as f32 / from.1 as f32);
    let mut moved: Vec<Vec2> = (0..from.0 * from.1)
        .map(|i| {
            let p = Vec2::new((i % from.0) as f32, (i / from.0) as f32);
            guess((p + 0.5) * scale - 0.5) / scale
        })
        .collect();
    let levels = pyramid.iter().rev().map(|(a, b)| (a, b)).chain([(a, b)]);
    for (a, b) in levels {
        let (w, h) = (a.w, a.h);
        let scale = Vec2::new(w as f32 / from.0 as f32, h as f32 / from.1 as f32);
        let mut now: Vec<Vec2> = (0..w * h)
            .map(|i| {
                let p = (Vec2::new((i % w) as f32, (i / w) as f32) + 0.5) / scale - 0.5;
                sample(&moved, from.0, from.1, p, |v| v, Vec2::lerp) * scale
            })
            .collect();
        let begun = now.clone();
        let slopes: Vec<(Vec2, f32)> = (0..w * h)
            .map(|i| {
                let p = Vec2::new((i % w) as f32, (i / w) as f32);
                let q = p + begun[i];
                let d = |v: Vec2| (b.at(q + v) - b.at(q - v) + a.at(p + v) - a.at(p - v)) / 4.0;
                (Vec2::new(d(Vec2::X), d(Vec2::Y)), b.at(q) - a.at(p))
            })
            .collect();
        for _ in 0..ROUNDS {
            let before = now.clone();
            for y in 0..h {
                for x in 0..w {
                    let i = y * w + x;
                    let (left, right) = (x.max(1) - 1, (x + 1).min(w - 1));
                    let (up, down) = (y.max(1) - 1, (y + 1).min(h - 1));
                    let mean = (before[y * w + left]
                        + before[y * w + right]
                        + before[up * w + x]
                        + before[down * w + x])
                        / 4.0;
                    let (slope, apart) = slopes[i];
                    let k = (slope.dot(mean - begun[i]) + apart)
                        / (SMOOTHNESS + slope.length_squared());
                    now[i] = mean - slope * k;
                }
            }
        }
        for (now, begun) in now.iter_mut().zip(&begun) {
            *now = *begun + (*now - *begun).clamp_length_max(MOST_PX);
        }
        (moved, from) = (middling(&now, w, h), (w, h));
    }
    moved
}

/// The median of each point and its neighbours, along each axis.
fn middling(moved: &[Vec2], w: usize, h: usize) -> Vec<Vec2> {
    (0..w * h)
        .map(|i| {
            let (x, y) = (i % w, i / w);
            let mut xs = Vec::with_capacity(25);
            let mut ys = Vec::with_capacity(25);
            for y in y.saturating_sub(2)..(y + 3).min(h) {
                for m in &moved[y * w + x.saturating_sub(2)..y * w + (x + 3).min(w)] {
                    xs.push(m.x);
                    ys.push(m.y);
                }
            }
            let middle = |v: &mut Vec<f32>| {
                let n = v.len() / 2;
                *v.select_nth_unstable_by(n, f32::total_cmp).1
            };
            Vec2::new(middle(&mut xs), middle(&mut ys))
        })
        .collect()
}

/// Turns `base` into the picture that is `t` of the way to `other`.
pub(super) fn blend(base: &mut [u8], other: &[u8], size: Size, t: f32, head: &HeadMove<'_>) {
    let (w, h) = (size.width as usize, size.height as usize);
    let (a, b) = (
        Grey::of(&base[..w * h], size),
        Grey::of(&other[..w * h], size),
    );
    let small = Vec2::new(a.w as f32 / w as f32, a.h as f32 / h as f32);
    let moved = flow(&a, &b, &|p| {
        let p = (p + 0.5) / small - 0.5;
        let far = p.distance(head.middle) / head.reach.max(1.0);
        ((head.to)(p) - p) * small * (-0.5 * far.powi(4)).exp()
    });
    let mut at = 0;
    for part in [1, 2, 2] {
        let (pw, ph) = (w / part, h / part);
        let from = base[at..at + pw * ph].to_vec();
        let to = &other[at..at + pw * ph];
        let scale = Vec2::new(pw as f32 / a.w as f32, ph as f32 / a.h as f32);
        let bytes = |v: &[u8], p: Vec2| sample(v, pw, ph, p, f32::from, |a, b, t| a + (b - a) * t);
        for (y, row) in base[at..at + pw * ph].chunks_mut(pw).enumerate() {
            for (x, out) in row.iter_mut().enumerate() {
                let p = Vec2::new(x as f32, y as f32);
                let q = (p + 0.5) / scale - 0.5;
                let m = sample(&moved, a.w, a.h, q, |v| v, Vec2::lerp) * scale;
                let (a, b) = (bytes(&from, p - m * t), bytes(to, p + m * (1.0 - t)));
                *out = (a + (b - a) * t).round() as u8;
            }
        }
        at += pw * ph;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A soft spot on grey.
    fn spot(size: Size, middle: Vec2) -> Vec<u8> {
        let (w, h) = (size.width, size.height);
        let mut planes: Vec<u8> = (0..w * h)
            .map(|i| {
                let p = Vec2::new((i % w) as f32, (i / w) as f32);
                (60.0 + 150.0 * (-p.distance_squared(middle) / 300.0).exp()) as u8
            })
            .collect();
        planes.resize((w * h * 3 / 2) as usize, 128);
        planes
    }

    #[test]
    fn halfway_a_thing_is_halfway_and_one_thing() {
        let size = Size {
            width: 160,
            height: 120,
        };
        let (a, b) = (Vec2::new(70.0, 60.0), Vec2::new(86.0, 60.0));
        let mut half = spot(size, a);
        let still = HeadMove {
            middle: a,
            reach: 1.0,
            to: &|p| p,
        };
        blend(&mut half, &spot(size, b), size, 0.5, &still);
        let wanted = spot(size, (a + b) * 0.5);
        let apart = |x: &[u8], y: &[u8]| {
            x.iter()
                .zip(y)
                .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
                .sum::<f64>()
        };
        let mixed: Vec<u8> = spot(size, a)
            .iter()
            .zip(&spot(size, b))
            .map(|(a, b)| a / 2 + b / 2)
            .collect();
        assert!(apart(&half, &wanted) < 0.2 * apart(&mixed, &wanted));
        let mut same = spot(size, a);
        blend(&mut same, &spot(size, a), size, 0.5, &still);
        assert!(
            same.iter()
                .zip(&spot(size, a))
                .all(|(a, b)| a.abs_diff(*b) <= 1)
        );
    }
}
