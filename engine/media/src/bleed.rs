//! Colour behind what cannot be seen.
//!
//! Where alpha is straight, transparent pixels have a colour, and lossy codecs
//! and halved chroma carry it over the person's edge. So it is made what the
//! nearest visible pixels have: averages over ever larger blocks fill the holes.

/// Fills the colour of every pixel whose alpha is 0 from visible ones near it;
/// alpha and visible pixels stay. `rgba`: tight rows of `width` pixels, straight.
pub(crate) fn bleed(rgba: &mut [u8], width: usize) {
    let height = rgba.len() / 4 / width.max(1);
    let (pixels, _) = rgba.as_chunks_mut::<4>();
    if pixels.iter().all(|p| p[3] != 0) {
        return;
    }
    let whole = Level {
        width,
        height,
        sums: pixels
            .iter()
            .map(|p| {
                let weight = f32::from(p[3]) / 255.0;
                let [r, g, b] = [p[0], p[1], p[2]].map(|v| f32::from(v) * weight);
                [r, g, b, weight]
            })
            .collect(),
    };
    let mut levels = vec![whole];
    while let Some(last) = levels.last()
        && (last.width > 1 || last.height > 1)
    {
        let next = last.halved();
        levels.push(next);
    }
    // From the coarsest to the finest, a hole takes what lies over it.
    for i in (1..levels.len()).rev() {
        let (fine, coarse) = levels.split_at_mut(i);
        fine[i - 1].fill_from(&coarse[0]);
    }
    for (pixel, sum) in pixels.iter_mut().zip(&levels[0].sums) {
        if pixel[3] == 0 && sum[3] > 0.0 {
            for c in 0..3 {
                pixel[c] = (sum[c] / sum[3]).round() as u8;
            }
        }
    }
}

/// Colour times weight, and weight.
struct Level {
    width: usize,
    height: usize,
    sums: Vec<[f32; 4]>,
}

impl Level {
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut sums = vec![[0.0; 4]; width * height];
        for (y, row) in self.sums.chunks_exact(self.width).enumerate() {
            let to = &mut sums[y / 2 * width..][..width];
            for (x, from) in row.iter().enumerate() {
                for (to, from) in to[x / 2].iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
        Self {
            width,
            height,
            sums,
        }
    }

    fn fill_from(&mut self, coarse: &Self) {
        for (y, row) in self.sums.chunks_exact_mut(self.width).enumerate() {
            let over = &coarse.sums[y / 2 * coarse.width..][..coarse.width];
            for (x, hole) in row.iter_mut().enumerate() {
                if hole[3] == 0.0 {
                    *hole = over[x / 2];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_take_their_neighbours_colour_and_nothing_else_changes() {
        let (width, height) = (9, 5);
        let mut rgba = vec![0; width * height * 4];
        let at = |x: usize, y: usize| (y * width + x) * 4;
        rgba[at(1, 1)..][..4].copy_from_slice(&[200, 40, 10, 255]);
        rgba[at(7, 3)..][..4].copy_from_slice(&[10, 250, 90, 128]);
        let before = rgba.clone();
        bleed(&mut rgba, width);
        assert_eq!(rgba[at(1, 1)..][..4], before[at(1, 1)..][..4]);
        assert_eq!(rgba[at(7, 3)..][..4], before[at(7, 3)..][..4]);
        assert_eq!(rgba[at(0, 0)..][..4], [200, 40, 10, 0]);
        assert_eq!(rgba[at(6, 2)..][..4], [10, 250, 90, 0]);
        assert!(rgba.chunks(4).all(|p| p[..3] != [0, 0, 0]));
    }

    #[test]
    fn nothing_visible_stays_nothing() {
        let mut rgba = vec![0; 64];
        bleed(&mut rgba, 4);
        assert!(rgba.iter().all(|v| *v == 0));
    }
}
