//! What a picture shows of the triangles, found before they are drawn.
//!
//! A software adapter shades every vertex that a draw names and sets up every
//! triangle, seen or not; telling by their corners costs a small part of that.

use std::ops::Range;

use glam::{Mat4, Vec2, Vec3};

use crate::scene::Vertex;

/// A corner where the picture is taken.
#[derive(Clone, Copy, Default)]
struct Corner {
    x: f32,
    y: f32,
    /// The edges of the picture that it lies beyond, a bit each.
    beyond: u8,
    /// Behind the camera: nothing can be told.
    behind: bool,
}

impl Corner {
    fn new(clip_from_world: Mat4, position: Vec3) -> Self {
        let clip = clip_from_world * position.extend(1.0);
        if clip.w <= 1e-4 {
            return Self {
                behind: true,
                ..Self::default()
            };
        }
        let (x, y) = (clip.x / clip.w, clip.y / clip.w);
        let bit = |on: bool, at: u8| u8::from(on) << at;
        Self {
            x,
            y,
            beyond: bit(x < -1.0, 0) | bit(x > 1.0, 1) | bit(y < -1.0, 2) | bit(y > 1.0, 3),
            behind: false,
        }
    }
}

/// A run of triangles that are kept or dropped by the same rule.
#[derive(Clone)]
pub(super) struct Run {
    pub indices: Range<usize>,
    pub double_sided: bool,
}

/// Keeps what is seen of runs of triangles.
#[derive(Default)]
pub(super) struct Cull {
    corners: Vec<Corner>,
    /// Half the picture's size, where a pixel is one sample in its middle.
    half: Option<Vec2>,
}

impl Cull {
    /// Takes the picture that the following runs are seen in; with its size in
    /// pixels, triangles between the middles of pixels are not seen.
    pub fn look(&mut self, vertices: &[Vertex], clip_from_world: Mat4, pixels: Option<Vec2>) {
        self.half = pixels.map(|size| size * 0.5);
        self.corners.clear();
        self.corners.extend(
            vertices
                .iter()
                .map(|v| Corner::new(clip_from_world, v.position.into())),
        );
    }

    /// Appends the seen triangles of `run` and gives where they lie in `seen`.
    pub fn run(&self, indices: &[u32], run: &Run, seen: &mut Vec<u32>) -> Range<u32> {
        let start = seen.len() as u32;
        for triangle in indices[run.indices.clone()].chunks_exact(3) {
            let [a, b, c] = [0, 1, 2].map(|i| self.corners[triangle[i] as usize]);
            let unknown = a.behind || b.behind || c.behind;
            let outside = a.beyond & b.beyond & c.beyond != 0;
            let turned = (b.x - a.x) * (c.y - a.y) <= (b.y - a.y) * (c.x - a.x);
            let missed = self.half.is_some_and(|half| misses([a, b, c], half));
            if unknown || !(outside || missed || turned && !run.double_sided) {
                seen.extend_from_slice(triangle);
            }
        }
        start..seen.len() as u32
    }
}

/// Whether a triangle lies between the middles of pixels.
fn misses([a, b, c]: [Corner; 3], half: Vec2) -> bool {
    // Rasterisers round corners to a fraction of a pixel.
    const ROUNDING: f32 = 1.0 / 64.0;
    let between = |a: f32, b: f32, c: f32, half: f32| {
        // Above zero, so that a cast rounds down; processors of old lack a floor.
        let at = |v: f32| (v + 1.0) * half + 1e4;
        let low = at(a.min(b).min(c)) - 0.5 - ROUNDING;
        let high = at(a.max(b).max(c)) - 0.5 + ROUNDING;
        low as i32 == high as i32
    };
    between(a.x, b.x, c.x, half.x) || between(a.y, b.y, c.y, half.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(corners: [[f32; 2]; 3], double_sided: bool) -> bool {
        let vertices = corners.map(|[x, y]| Vertex {
            position: [x, y, 0.5],
            normal: [0.0, 0.0, 1.0],
        });
        let mut cull = Cull::default();
        cull.look(&vertices, Mat4::IDENTITY, Some(Vec2::splat(16.0)));
        let run = Run {
            indices: 0..3,
            double_sided,
        };
        !cull.run(&[0, 1, 2], &run, &mut Vec::new()).is_empty()
    }

    #[test]
    fn what_faces_away_or_lies_outside_is_dropped() {
        let facing = [[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]];
        let [a, b, c] = facing;
        assert!(seen(facing, false));
        assert!(!seen([a, c, b], false));
        assert!(seen([a, c, b], true));
        let beside = facing.map(|[x, y]| [x + 1.5, y]);
        assert!(!seen(beside, false));
        assert!(!seen(beside, true));
        // Around a pixel's middle, and between two.
        let tiny = |x: f32| facing.map(|[u, v]| [x + u * 0.02, v * 0.02 + 0.0615]);
        assert!(seen(tiny(0.0605), false));
        assert!(!seen(tiny(0.09), false));
        // Larger than the picture: every corner outside, all of it seen.
        assert!(seen([[-9.0, -9.0], [9.0, -9.0], [0.0, 9.0]], false));
    }
}
