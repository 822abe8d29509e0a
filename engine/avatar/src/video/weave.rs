//! How one picture's mouth is put together: a grid over the lower face, and for
//! each of its corners where in the base frame and where in the takes to look.
//!
//! The base's own skin is bent so that jaw, chin and cheeks go where the wanted
//! mouth takes them; lips and what is between them come from a take, bent to
//! the same points. Colours are matched around the lips and carried inward.

use glam::{Vec2, Vec3};

use super::film::{Filmed, Square};
use super::space::{Eye, LIPS, Mouth, MouthSpace, part_lips};
use crate::photo::solve::Warp;

/// Corners along each side of the grid.
pub const CORNERS: usize = 41;
/// Points around the lips where colours are matched.
const RING: usize = 36;
/// From the lips outward, in centimetres: where a take is shown alone, where no
/// longer, and where colours are matched.
const ALONE_CM: f32 = 0.35;
const GONE_CM: f32 = 1.35;
const RING_CM: f32 = 1.15;
/// Longer than a cell of the grid, in centimetres.
const NEXT_CM: f32 = 0.6;
/// Lets landmarks that ask for opposite things meet.
const SOFTNESS_PX: f32 = 1.0;

/// A corner of the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Corner {
    /// Where it is, in pixels of the picture shown.
    pub at: Vec2,
    /// Where the base is looked up, in the same pixels.
    pub base: Vec2,
    /// Where each take is looked up: 0 to 1 across its square.
    pub takes: [Vec2; 2],
    /// How much of the takes is seen.
    pub cover: f32,
    /// The takes are seen here or next to here.
    near: bool,
    /// Added to each take's colours (encoded, 0 to 1).
    pub shift: [[f32; 3]; 2],
}

/// A picture's plan.
#[derive(Clone, Debug)]
pub struct Weave {
    /// [`CORNERS`]², row by row.
    pub corners: Vec<Corner>,
    /// Where colours are matched: in the base, and in each take.
    pub ring: Vec<[Vec2; 3]>,
}

/// All that a plan is made from.
pub struct Wish<'a> {
    pub space: &'a MouthSpace,
    /// The footage's size.
    pub eye: Eye,
    pub base: &'a Filmed,
    pub mouth: &'a Mouth,
    /// Their frames, and the squares they were cut out of.
    pub takes: [(&'a Filmed, Square); 2],
    /// From pixels of the footage to those shown.
    pub place: &'a dyn Fn(Vec2) -> Vec2,
}

/// Plans a picture; `None` where its points are in one place.
pub fn weave(wish: &Wish<'_>) -> Option<Weave> {
    let Wish {
        space, eye, base, ..
    } = *wish;
    let head = &base.camera_from_head;
    let mut wanted: Vec<Vec3> = space.points(wish.mouth);
    part_lips(&mut wanted);
    let see =
        |head, points: &[Vec3]| -> Vec<Vec2> { points.iter().map(|p| eye.see(head, *p)).collect() };
    let target = see(head, &wanted);
    let own = see(head, &space.points(&base.mouth));
    let bend = Warp::fit(&target, &own, SOFTNESS_PX)?;
    let square = Square::of(eye, head);
    let mut lookups = Vec::with_capacity(2);
    for (n, (take, theirs)) in wish.takes.iter().enumerate() {
        if n == 1 && std::ptr::eq(wish.takes[0].0, *take) {
            break;
        }
        let mut points = space.points(&take.mouth);
        part_lips(&mut points);
        let theirs: Vec<Vec2> = see(&take.camera_from_head, &points)
            .into_iter()
            .map(|p| square.to_px(theirs.from_px(p)))
            .collect();
        lookups.push(Warp::fit(&target, &theirs, SOFTNESS_PX)?);
    }
    let second = lookups.len() - 1;
    let look = |n: usize, p: Vec2| {
        let u = square.from_px(lookups[n.min(second)].point(p));
        u * 0.5 + Vec2::splat(0.5)
    };
    // Bent whole in the middle, not at all at the edge.
    let bent = |p: Vec2| {
        let u = square.from_px(p).abs().max_element();
        p + (bend.point(p) - p) * (1.0 - smoothstep(0.62, 0.97, u))
    };
    let lips = &target[..LIPS.len()];
    let outside_cm = |p: Vec2| outside(lips, p) / square.px_per_cm;
    let step = 2.0 / (CORNERS - 1) as f32;
    let mut corners = Vec::with_capacity(CORNERS * CORNERS);
    for row in 0..CORNERS {
        for column in 0..CORNERS {
            let u = Vec2::new(column as f32, row as f32) * step - Vec2::ONE;
            let p = square.to_px(u);
            let far = outside_cm(p);
            let cover = 1.0 - smoothstep(ALONE_CM, GONE_CM, far);
            // Also where nothing is seen any more, but next to where it is:
            // between corners all is interpolated.
            let near = far < GONE_CM + NEXT_CM;
            let takes = match near {
                true => [look(0, p), look(1, p)],
                false => [Vec2::splat(0.5); 2],
            };
            corners.push(Corner {
                at: (wish.place)(p),
                base: (wish.place)(bent(p)),
                takes,
                cover,
                near,
                shift: [[0.0; 3]; 2],
            });
        }
    }
    let middle = lips.iter().copied().sum::<Vec2>() / lips.len() as f32;
    let ring = (0..RING)
        .map(|i| {
            let angle = i as f32 / RING as f32 * std::f32::consts::TAU;
            let way = Vec2::from_angle(angle);
            // Outward until far enough from the lips.
            let mut far = 0.0;
            while outside_cm(middle + way * far) < RING_CM && far < square.half {
                far += 0.1 * square.px_per_cm;
            }
            let p = middle + way * far;
            [(wish.place)(bent(p)), look(0, p), look(1, p)]
        })
        .collect();
    Some(Weave { corners, ring })
}

impl Weave {
    /// Carries differences of colour at the ring inward: `apart` tells, for
    /// each point of the ring, how much lighter the base is than each take.
    pub fn tint(&mut self, apart: &[[[f32; 3]; 2]]) {
        let at: Vec<Vec2> = self.ring.iter().map(|r| r[0]).collect();
        for corner in self.corners.iter_mut().filter(|c| c.near) {
            let mut sum = 0.0;
            let mut shift = [[0.0; 3]; 2];
            for (p, apart) in at.iter().zip(apart) {
                let k = 1.0 / (p.distance_squared(corner.base) + 4.0).powf(1.25);
                sum += k;
                for (s, a) in shift.iter_mut().zip(apart) {
                    for (s, a) in s.iter_mut().zip(a) {
                        *s += k * a;
                    }
                }
            }
            corner.shift = shift.map(|s| s.map(|v| v / sum));
        }
    }
}

fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// How far `p` is outside of a polygon; 0 inside.
fn outside(polygon: &[Vec2], p: Vec2) -> f32 {
    let mut nearest = f32::INFINITY;
    let mut inside = false;
    for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
        let (along, to) = (*b - *a, p - *a);
        let t = (to.dot(along) / along.length_squared().max(1e-6)).clamp(0.0, 1.0);
        nearest = nearest.min(to.distance_squared(along * t));
        if (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * along.x {
            inside = !inside;
        }
    }
    if inside { 0.0 } else { nearest.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_is_measured_from_the_nearest_edge() {
        let square = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)].map(Vec2::from);
        assert_eq!(outside(&square, Vec2::ONE), 0.0);
        assert_eq!(outside(&square, Vec2::new(5.0, 1.0)), 3.0);
        assert!((outside(&square, Vec2::new(3.0, 3.0)) - 2f32.sqrt()).abs() < 1e-6);
    }
}
