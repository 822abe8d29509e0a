//! Soft edges on pictures drawn with one sample a pixel.
//!
//! Four samples cost a software adapter as much as all the rest. Instead steps
//! in the drawn picture are followed to their ends, and the pixels beside them
//! take the share of the far side that a straight edge would give them (after
//! Lottes' FXAA). Coverage counts as brightness does, so that the outline is
//! found whatever is behind it.

use crate::mixing::Mixing;

/// The least step in brightness and coverage that counts as an edge, of 510.
const STEP: i16 = 14;
/// How far a step is followed, in pixels.
const REACH: isize = 12;
/// How much of a lone pixel goes into its surroundings.
const LONE: f32 = 0.5;

/// A drawn picture: rows of RGBA that are `row_bytes` apart.
#[derive(Clone, Copy)]
pub(crate) struct Drawn<'a> {
    pub bytes: &'a [u8],
    pub row_bytes: usize,
    pub width: usize,
    pub height: usize,
}

impl Drawn<'_> {
    pub fn row(&self, y: usize) -> &[u8] {
        &self.bytes[y * self.row_bytes..][..self.width * 4]
    }

    fn pixel(&self, x: usize, y: usize) -> [u8; 4] {
        let at = y * self.row_bytes + x * 4;
        [0, 1, 2, 3].map(|i| self.bytes[at + i])
    }
}

/// A pixel that comes out otherwise than it was drawn.
pub(crate) struct Softened {
    pub x: usize,
    pub y: usize,
    pub pixel: [u8; 4],
}

/// Finds edges; keeps its memory from picture to picture.
pub(crate) struct Edges {
    mixing: Mixing,
    /// What steps at edges: brightness plus coverage, or the layer.
    level: Vec<i16>,
    width: usize,
    marked: Vec<u8>,
}

impl Edges {
    pub fn new(mixing: Mixing) -> Self {
        Self {
            mixing,
            level: Vec::new(),
            width: 0,
            marked: Vec::new(),
        }
    }

    /// Appends to `out` what edges change in `drawn`; its border stays.
    pub fn soften(&mut self, drawn: Drawn<'_>, out: &mut Vec<Softened>) {
        out.clear();
        self.width = drawn.width;
        self.level.resize(drawn.width * drawn.height, 0);
        let arch = pulp::Arch::new();
        let rows: Vec<bool> = (0..drawn.height)
            .map(|y| {
                arch.dispatch(
                    #[inline(always)]
                    || self.read(drawn, y),
                )
            })
            .collect();
        for y in 1..drawn.height.saturating_sub(1) {
            let stepped = rows[y - 1..=y + 1].contains(&true);
            if !stepped
                || !arch.dispatch(
                    #[inline(always)]
                    || self.mark(y),
                )
            {
                continue;
            }
            for x in 0..self.marked.len() {
                if self.marked[x] != 0
                    && let Some(softened) = self.edge(drawn, x + 1, y)
                {
                    out.push(softened);
                }
            }
        }
    }

    /// Takes the levels of row `y`; tells if there may be steps.
    #[inline(always)]
    fn read(&mut self, drawn: Drawn<'_>, y: usize) -> bool {
        let levels = &mut self.level[y * self.width..][..self.width];
        let (pixels, _) = drawn.row(y).as_chunks::<4>();
        match self.mixing {
            Mixing::Light => {
                for (level, p) in levels.iter_mut().zip(pixels) {
                    let [r, g, b, a] = p.map(i16::from);
                    *level = (r * 4 + g * 9 + b * 3) / 16 + a;
                }
                true
            }
            // A photo's outline is soft already and its details are its own:
            // only lids, lips and teeth have edges.
            Mixing::Encoded => {
                let mut any = 0;
                for (level, p) in levels.iter_mut().zip(pixels) {
                    let layer = 255 - p[3];
                    let behind = i16::from(layer) * i16::from(layer <= 255 - Mixing::BEHIND);
                    *level = behind * 64;
                    any |= behind;
                }
                any != 0
            }
        }
    }

    /// Marks where row `y` steps, from its second pixel on; tells if anywhere.
    #[inline(always)]
    fn mark(&mut self, y: usize) -> bool {
        let w = self.width;
        let inner = w.saturating_sub(2);
        let rows = &self.level[(y - 1) * w..(y + 2) * w];
        let cut = |at: usize| &rows[at..at + inner];
        let (above, below) = (cut(1), cut(2 * w + 1));
        let (left, middle, right) = (cut(w), cut(w + 1), cut(w + 2));
        self.marked.resize(inner, 0);
        let mut any = 0;
        for i in 0..inner {
            let (a, b, l, m, r) = (above[i], below[i], left[i], middle[i], right[i]);
            let most = a.max(b).max(l).max(m).max(r);
            let least = a.min(b).min(l).min(m).min(r);
            let mark = u8::from(most - least >= STEP);
            self.marked[i] = mark;
            any |= mark;
        }
        any != 0
    }

    fn edge(&self, drawn: Drawn<'_>, x: usize, y: usize) -> Option<Softened> {
        let w = self.width as isize;
        let at = y * self.width + x;
        let level = |offset: isize| i32::from(self.level[at.wrapping_add_signed(offset)]);
        let m = level(0);
        let (n, s, l, r) = (level(-w), level(w), level(-1), level(1));
        let (nl, nr, sl, sr) = (level(-w - 1), level(-w + 1), level(w - 1), level(w + 1));
        let bend = |a: i32, b: i32, c: i32| (a + c - 2 * b).abs();
        let lies = bend(nl, l, sl) + 2 * bend(n, m, s) + bend(nr, r, sr)
            >= bend(nl, n, nr) + 2 * bend(l, m, r) + bend(sl, s, sr);
        // Along the edge, and across it to the side that differs most.
        let (along, across, here, there, side) = if lies {
            let up = (n - m).abs() >= (s - m).abs();
            let room = (x as isize, w - 1 - x as isize);
            (
                1,
                if up { -w } else { w },
                room,
                if up { n } else { s },
                (0, if up { -1 } else { 1 }),
            )
        } else {
            let left = (l - m).abs() >= (r - m).abs();
            let room = (y as isize, drawn.height as isize - 1 - y as isize);
            (
                w,
                if left { -1 } else { 1 },
                room,
                if left { l } else { r },
                (if left { -1 } else { 1 }, 0),
            )
        };
        let between = m + there;
        let end = (there - m).abs();
        // Twice the mean over both sides changes by half the step where it ends.
        let follow = |towards: isize, room: isize| {
            let mut last = 0;
            for i in 1..=REACH.min(room) {
                let at = along * towards * i;
                last = level(at) + level(at + across) - between;
                if last.abs() * 2 >= end {
                    return (i as f32 - 0.5, last);
                }
            }
            (REACH as f32, last)
        };
        let back = follow(-1, here.0);
        let forth = follow(1, here.1);
        let near = if back.0 < forth.0 { back } else { forth };
        // Only on the side of the step that the straight edge cuts.
        let mut share = if (near.1 < 0) != (m < there) {
            (0.5 - near.0 / (back.0 + forth.0)).max(0.0)
        } else {
            0.0
        };
        let around = (2 * (n + s + l + r) + nl + nr + sl + sr) as f32 / 12.0;
        let range = m.max(n).max(s).max(l).max(r) - m.min(n).min(s).min(l).min(r);
        // A third is what a straight edge shows.
        let lone = (around - m as f32).abs() / range.max(1) as f32;
        let lone = ((lone - 1.0 / 3.0) * 1.5).clamp(0.0, 1.0);
        let lone = lone * lone * (3.0 - 2.0 * lone);
        share = share.max(lone * lone * LONE);
        if share < 0.02 {
            return None;
        }
        let other = drawn.pixel(x.wrapping_add_signed(side.0), y.wrapping_add_signed(side.1));
        Some(Softened {
            x,
            y,
            pixel: self.mixing.blend(drawn.pixel(x, y), other, share),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soften(width: usize, height: usize, covered: impl Fn(usize, usize) -> bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        for y in 0..height {
            for x in 0..width {
                bytes.extend(if covered(x, y) {
                    [0, 0, 0, 255]
                } else {
                    [0; 4]
                });
            }
        }
        let drawn = Drawn {
            bytes: &bytes,
            row_bytes: width * 4,
            width,
            height,
        };
        let mut out = Vec::new();
        Edges::new(Mixing::Light).soften(drawn, &mut out);
        let mut alpha: Vec<u8> = bytes.chunks_exact(4).map(|p| p[3]).collect();
        for s in out {
            alpha[s.y * width + s.x] = s.pixel[3];
        }
        alpha
    }

    #[test]
    fn straight_edges_and_flats_stay() {
        let alpha = soften(24, 24, |x, _| x >= 12);
        assert!(alpha.iter().all(|a| matches!(a, 0 | 255)));
    }

    #[test]
    fn a_slant_becomes_a_ramp() {
        let (w, h) = (32, 16);
        let alpha = soften(w, h, |x, y| y * 8 >= x + 40);
        // Along a row, coverage falls without a jump over the length of a step.
        let row: Vec<i32> = (10..26).map(|x| i32::from(alpha[7 * w + x])).collect();
        let jump = row.windows(2).map(|p| (p[0] - p[1]).abs()).max();
        assert!(jump.is_some_and(|jump| jump < 80), "{row:?}");
        assert!(row.windows(2).all(|p| p[0] + 20 >= p[1]), "{row:?}");
    }
}
