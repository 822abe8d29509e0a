//! The relief's points and triangles: a flat net over the person, dense where
//! the face moves, open at the lids and cut between the lips.

use glam::Vec2;
use image::GrayImage;
use spade::{ConstrainedDelaunayTriangulation, Point2, Triangulation};

use super::outline::{self, Opening};

/// Which side of the lips or which lids a point of the net is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    None,
    UpperLip,
    LowerLip,
    /// Both lips meet.
    LipCorner,
    /// On a lid's edge: eye 0 (left) or 1.
    Lid(usize),
}

/// The net in pixels of the photo.
#[derive(Clone, Debug, Default)]
pub struct Net {
    pub points: Vec<Vec2>,
    pub edges: Vec<Edge>,
    /// Counter-clockwise with y up: they face the viewer.
    pub triangles: Vec<[u32; 3]>,
}

impl Net {
    /// The points that share a triangle's side with each point.
    pub fn neighbours(&self) -> Vec<Vec<u32>> {
        let mut around: Vec<Vec<u32>> = vec![Vec::new(); self.points.len()];
        for t in &self.triangles {
            for k in 0..3 {
                around[t[k] as usize].push(t[(k + 1) % 3]);
                around[t[(k + 1) % 3] as usize].push(t[k]);
            }
        }
        around
    }
}

/// The openings of a face.
pub struct Openings {
    pub lips: Opening,
    /// Left eye, right eye.
    pub eyes: [Opening; 2],
    /// Lower edges of the brows, left and right.
    pub brows: [Vec<Vec2>; 2],
    pub oval: Vec<Vec2>,
    /// Between the pupils.
    pub unit: f32,
}

/// Lips nearer than this (units) have no gap between them.
const CLOSED: f32 = 0.022;
/// Half the width of the cut, in pixels, while the net is made.
const CUT: f32 = 0.3;

impl Openings {
    /// Whether the lips are apart in the photo.
    pub fn mouth_is_open(&self) -> bool {
        self.lips.height() > CLOSED * self.unit
    }

    /// Wanted distance of the net's points at `p`.
    fn spacing(&self, p: Vec2) -> f32 {
        let u = self.unit;
        let oval = match outline::inside(&self.oval, p) {
            true => 0.0,
            false => {
                let last = [self.oval[self.oval.len() - 1], self.oval[0]];
                outline::distance(&self.oval, p).min(outline::distance(&last, p))
            }
        };
        let base = (0.085 * u + 0.25 * oval).min(0.5 * u);
        let near = [&self.lips, &self.eyes[0], &self.eyes[1]]
            .iter()
            .map(|o| outline::distance(&o.upper, p).min(outline::distance(&o.lower, p)))
            .fold(f32::INFINITY, f32::min);
        base.min(0.024 * u + 0.24 * near)
    }
}

/// Squares beside the mask, this much larger, still get a point: the net's rim
/// goes around all of the person.
const BEYOND: f32 = 2.4;

/// Lays the net over `mask` (not 0: covered).
pub fn net(openings: &Openings, mask: &GrayImage) -> Net {
    let mut net = Net::default();
    // Where a point is while the net is made; both lips lie on one line after.
    let mut places: Vec<Vec2> = Vec::new();
    let mut holes: Vec<Vec<Vec2>> = Vec::new();
    let mut rings: Vec<Vec<usize>> = Vec::new();
    for (e, eye) in openings.eyes.iter().enumerate() {
        let ring: Vec<usize> = eye
            .outline()
            .into_iter()
            .map(|p| {
                net.points.push(p);
                net.edges.push(Edge::Lid(e));
                places.push(p);
                places.len() - 1
            })
            .collect();
        holes.push(eye.outline());
        rings.push(ring);
    }
    let (_, down) = openings.lips.axes();
    let n = openings.lips.upper.len();
    let mut add_lip = |p: Vec2, place: Vec2, edge: Edge| {
        net.points.push(p);
        net.edges.push(edge);
        places.push(place);
        places.len() - 1
    };
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    for k in 0..n {
        let (u, l) = (openings.lips.upper[k], openings.lips.lower[k]);
        if k == 0 || k == n - 1 {
            let corner = add_lip(u, u, Edge::LipCorner);
            upper.push(corner);
            lower.push(corner);
            continue;
        }
        let gap = (l - u).dot(down);
        let middle = (u + l) * 0.5;
        let open = openings.mouth_is_open() && gap > 2.0 * CUT;
        let (u, l) = if open { (u, l) } else { (middle, middle) };
        let push = if open { 0.0 } else { CUT };
        upper.push(add_lip(u, u - down * push, Edge::UpperLip));
        lower.push(add_lip(l, l + down * push, Edge::LowerLip));
    }
    let ring: Vec<usize> = upper
        .iter()
        .chain(lower[1..n - 1].iter().rev())
        .copied()
        .collect();
    holes.push(ring.iter().map(|i| places[*i]).collect());
    rings.push(ring);

    let fixed = places.len();
    for p in grid(openings, mask) {
        let near = places[..fixed]
            .iter()
            .any(|q| q.distance(p) < 0.6 * openings.spacing(p));
        if near || holes.iter().any(|h| outline::inside(h, p)) {
            continue;
        }
        net.points.push(p);
        net.edges.push(Edge::None);
        places.push(p);
    }
    net.triangles = triangulate(&places, &rings, &holes, mask);
    net
}

/// Points as far apart as wanted, over the mask: squares cut in four until
/// they are small enough.
fn grid(openings: &Openings, mask: &GrayImage) -> Vec<Vec2> {
    let (w, h) = (mask.width() as f32, mask.height() as f32);
    let side = w.max(h);
    let mut waiting = vec![(Vec2::splat(side * 0.5), side)];
    let mut points = Vec::new();
    while let Some((middle, size)) = waiting.pop() {
        if middle.x - size * 0.5 >= w || middle.y - size * 0.5 >= h {
            continue;
        }
        if size > openings.spacing(middle) && size > 2.0 {
            let q = size * 0.25;
            for (dx, dy) in [(q, q), (-q, q), (q, -q), (-q, -q)] {
                waiting.push((middle + Vec2::new(dx, dy), size * 0.5));
            }
        } else if covered(mask, middle, BEYOND * size) {
            points.push(middle.clamp(Vec2::ZERO, Vec2::new(w, h)));
        }
    }
    // The picture's edge belongs to the person where they are cut off there.
    let step = 0.12 * openings.unit;
    let mut along = |from: Vec2, to: Vec2| {
        let n = (from.distance(to) / step).ceil() as usize;
        for i in 0..=n {
            let p = from.lerp(to, i as f32 / n as f32);
            if covered(mask, p, step) {
                points.push(p);
            }
        }
    };
    along(Vec2::ZERO, Vec2::new(w, 0.0));
    along(Vec2::new(0.0, h), Vec2::new(w, h));
    along(Vec2::new(0.0, step), Vec2::new(0.0, h - step));
    along(Vec2::new(w, step), Vec2::new(w, h - step));
    points
}

/// Whether the mask has anything in a square around `p`.
fn covered(mask: &GrayImage, p: Vec2, size: f32) -> bool {
    let clamp = |v: f32, most: u32| (v.max(0.0) as u32).min(most - 1);
    let half = size * 0.5;
    let (x0, x1) = (
        clamp(p.x - half, mask.width()),
        clamp(p.x + half, mask.width()),
    );
    let (y0, y1) = (
        clamp(p.y - half, mask.height()),
        clamp(p.y + half, mask.height()),
    );
    let step = ((size / 8.0) as usize).max(1);
    (y0..=y1)
        .step_by(step)
        .any(|y| (x0..=x1).step_by(step).any(|x| mask.get_pixel(x, y)[0] > 0))
}

fn triangulate(
    places: &[Vec2],
    rings: &[Vec<usize>],
    holes: &[Vec<Vec2>],
    mask: &GrayImage,
) -> Vec<[u32; 3]> {
    let mut net = ConstrainedDelaunayTriangulation::<Point2<f64>>::new();
    // A point that falls onto another one is the other one.
    let mut owner: Vec<u32> = Vec::new();
    let mut handles = Vec::with_capacity(places.len());
    for (i, p) in places.iter().enumerate() {
        let Ok(handle) = net.insert(Point2::new(f64::from(p.x), f64::from(p.y))) else {
            handles.push(None);
            continue;
        };
        if handle.index() == owner.len() {
            owner.push(i as u32);
        }
        handles.push(Some(handle));
    }
    for ring in rings {
        for (k, a) in ring.iter().enumerate() {
            let b = ring[(k + 1) % ring.len()];
            if let (Some(a), Some(b)) = (handles[*a], handles[b])
                && a != b
                && net.can_add_constraint(a, b)
            {
                net.add_constraint(a, b);
            }
        }
    }
    net.inner_faces()
        .filter_map(|face| {
            let ids = face.vertices().map(|v| owner[v.fix().index()]);
            let [a, b, c] = ids.map(|i| places[i as usize]);
            let middle = (a + b + c) / 3.0;
            let size = (a.distance(b) + b.distance(c) + c.distance(a)) / 3.0;
            if holes.iter().any(|h| outline::inside(h, middle)) || !covered(mask, middle, size) {
                return None;
            }
            // Facing the viewer: clockwise where y points down.
            let turn = (b - a).perp_dot(c - a);
            match turn < 0.0 {
                true => Some(ids),
                false => Some([ids[0], ids[2], ids[1]]),
            }
        })
        .collect()
}
