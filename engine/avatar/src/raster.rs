//! Which triangle is seen at each pixel: a small rasteriser for building
//! avatars and for reading points off a mesh.

use glam::{Vec2, Vec3};

/// What is seen at a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub triangle: u32,
    /// Weights of the triangle's corners; they sum to 1.
    pub corners: [f32; 3],
    /// z of the point; larger is nearer.
    pub depth: f32,
}

/// The nearest triangles, seen along −z, pixel by pixel.
#[derive(Clone, Debug)]
pub struct Raster {
    pub width: usize,
    pub height: usize,
    hits: Vec<Option<Hit>>,
}

impl Raster {
    /// Draws `triangles` over `points`: x to the right and y down in pixels
    /// (pixel centres at .5), z towards the viewer. Triangles that show their
    /// back (clockwise in a y-up frame) are left out.
    pub fn new(points: &[Vec3], triangles: &[[u32; 3]], width: usize, height: usize) -> Self {
        let mut hits: Vec<Option<Hit>> = vec![None; width * height];
        for (t, corners) in triangles.iter().enumerate() {
            let [a, b, c] = corners.map(|i| points[i as usize]);
            let area = cross(a, b, c);
            // y points down: what faces the viewer turns the other way.
            if area >= -1e-6 {
                continue;
            }
            let low = a.min(b).min(c);
            let high = a.max(b).max(c);
            let from = |v: f32, size: usize| (v - 0.5).ceil().clamp(0.0, size as f32) as usize;
            let to =
                |v: f32, size: usize| ((v - 0.5).floor() + 1.0).clamp(0.0, size as f32) as usize;
            for y in from(low.y, height)..to(high.y, height) {
                for x in from(low.x, width)..to(high.x, width) {
                    let p = Vec3::new(x as f32 + 0.5, y as f32 + 0.5, 0.0);
                    let wa = cross(b, c, p) / area;
                    let wb = cross(c, a, p) / area;
                    let wc = 1.0 - wa - wb;
                    if wa < -1e-5 || wb < -1e-5 || wc < -1e-5 {
                        continue;
                    }
                    let depth = wa * a.z + wb * b.z + wc * c.z;
                    let slot = &mut hits[y * width + x];
                    if slot.is_none_or(|h| h.depth < depth) {
                        *slot = Some(Hit {
                            triangle: t as u32,
                            corners: [wa, wb, wc],
                            depth,
                        });
                    }
                }
            }
        }
        Self {
            width,
            height,
            hits,
        }
    }

    /// What is seen at the pixel that holds `at`.
    pub fn at(&self, at: Vec2) -> Option<&Hit> {
        if !(at.x >= 0.0 && at.y >= 0.0) {
            return None;
        }
        let (x, y) = (at.x as usize, at.y as usize);
        if x >= self.width || y >= self.height {
            return None;
        }
        self.hits[y * self.width + x].as_ref()
    }
}

fn cross(a: Vec3, b: Vec3, c: Vec3) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_front_is_seen() {
        let square = |z: f32| {
            [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)].map(|(x, y)| Vec3::new(x, y, z))
        };
        let points: Vec<Vec3> = square(1.0).into_iter().chain(square(2.0)).collect();
        // Counter-clockwise seen with y up is clockwise with y down.
        let front = [[0, 2, 1], [0, 3, 2], [4, 6, 5], [4, 7, 6]];
        let raster = Raster::new(&points, &front, 4, 4);
        for (x, y) in [(0.5, 0.5), (3.5, 0.5), (1.5, 3.5)] {
            let hit = raster.at(Vec2::new(x, y)).unwrap();
            assert!(hit.triangle >= 2 && (hit.depth - 2.0).abs() < 1e-5);
            let sum: f32 = hit.corners.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5);
        }
        let back = front.map(|[a, b, c]| [a, c, b]);
        assert!(Raster::new(&points, &back, 4, 4).at(Vec2::ONE).is_none());
        assert!(raster.at(Vec2::new(-1.0, 2.0)).is_none());
        assert!(raster.at(Vec2::new(9.0, 2.0)).is_none());
    }
}
