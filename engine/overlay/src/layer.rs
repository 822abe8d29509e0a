//! Words and pictures that a scene lays over a clip, where they hide neither
//! subtitles nor one another.

use huashen_core::{Frame, Size};

use crate::lettering::Lettering;
use crate::sprite::Sprite;

/// Free at the picture's edges, as a share of its short side.
const INSET: f32 = 0.05;
/// Seconds in which a layer comes and goes.
const FADE_SECS: f64 = 0.3;
/// Edge of letters, in ems.
const EDGE_EM: f32 = 0.06;

/// Where and when a layer is seen.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// From the left and from the top, 0 to 1.
    pub align: [f32; 2],
    pub from_secs: f64,
    pub until_secs: f64,
}

pub(crate) struct Layer {
    sprite: Sprite,
    spot: Spot,
    at: (usize, usize),
}

/// Text as a sprite, no wider than fits in `size`.
pub(crate) fn text(
    text: &str,
    em_px: f32,
    rgb: [u8; 3],
    letters: &mut Lettering,
    size: Size,
) -> Sprite {
    let widest = text
        .lines()
        .map(|line| letters.width_px(line, em_px))
        .fold(1.0, f32::max);
    let room = size.width as f32 - 2.0 * inset(size);
    let em_px = em_px * (room * 0.96 / widest).min(1.0);
    let lines: Vec<_> = text
        .lines()
        .map(|line| (vec![(line, rgb)], em_px))
        .collect();
    let edge = em_px * EDGE_EM;
    Sprite::of_ink(&letters.write(&lines, true, edge.ceil() as usize + 1), edge)
}

/// Straight RGBA, `width` pixels a row, as a sprite.
pub(crate) fn picture(rgba: &[u8], width: usize) -> Sprite {
    let height = rgba.len() / (width.max(1) * 4);
    let mut sprite = Sprite::new(width, height);
    for (i, pixel) in rgba.chunks_exact(4).enumerate() {
        let alpha = f32::from(pixel[3]) / 255.0;
        sprite.over(i % width, i / width, [pixel[0], pixel[1], pixel[2]], alpha);
    }
    sprite
}

fn inset(size: Size) -> f32 {
    size.width.min(size.height) as f32 * INSET
}

impl Layer {
    /// Puts `sprite` in a picture of `size`, beside those of `others` that are
    /// in its place at its time; `below` pixels are kept for subtitles.
    pub fn new(sprite: Sprite, spot: Spot, size: Size, below: f32, others: &[Self]) -> Self {
        let inset = inset(size);
        let (w, h) = (sprite.width as f32, sprite.height as f32);
        let x = inset + (size.width as f32 - 2.0 * inset - w) * spot.align[0];
        let bottom = below.max(inset);
        let mut y = inset + (size.height as f32 - inset - bottom - h) * spot.align[1];
        // From the top downwards, from the bottom upwards.
        let step = if spot.align[1] > 0.9 { -1.0 } else { 1.0 };
        for other in others {
            let apart =
                other.spot.until_secs <= spot.from_secs || spot.until_secs <= other.spot.from_secs;
            let [left, top, right, low] = other.area();
            let covered = left < x + w && x < right && top < y + h && y < low;
            if !apart && covered {
                y = if step > 0.0 { low } else { top - h };
            }
        }
        let even = |v: f32| (v.max(0.0) as usize) & !1;
        Self {
            at: (even(x), even(y)),
            sprite,
            spot,
        }
    }

    /// Left, top, right, bottom in pixels.
    pub fn area(&self) -> [f32; 4] {
        let (x, y) = self.at;
        [x, y, x + self.sprite.width, y + self.sprite.height].map(|v| v as f32)
    }

    pub fn draw(&self, frame: &mut Frame, at_secs: f64) {
        let Spot {
            from_secs,
            until_secs,
            ..
        } = self.spot;
        // What is there from the start is there at once.
        let came = match from_secs > 0.0 {
            true => (at_secs - from_secs) / FADE_SECS,
            false => 1.0,
        };
        let opacity = came.min((until_secs - at_secs) / FADE_SECS).clamp(0.0, 1.0);
        self.sprite
            .blend(frame, self.at.0, self.at.1, opacity as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        width: 640,
        height: 360,
    };

    fn layer(align: [f32; 2], times: (f64, f64), below: f32, others: &[Layer]) -> Layer {
        let spot = Spot {
            align,
            from_secs: times.0,
            until_secs: times.1,
        };
        Layer::new(Sprite::new(100, 40), spot, SIZE, below, others)
    }

    #[test]
    fn layers_at_one_time_stand_apart_and_over_subtitles() {
        let first = layer([0.5, 1.0], (0.0, 4.0), 90.0, &[]);
        assert!(first.area()[3] <= 270.0);
        let all = [first];
        let second = layer([0.5, 1.0], (2.0, 6.0), 90.0, &all);
        assert!(second.area()[3] <= all[0].area()[1]);
        let later = layer([0.5, 1.0], (4.0, 6.0), 90.0, &all);
        assert_eq!(later.area(), all[0].area());
    }
}
