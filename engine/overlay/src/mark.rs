//! The visible label: this clip is synthetic.

use huashen_core::Size;

use crate::lettering::Lettering;
use crate::sprite::Sprite;

/// How long the label stands when it does not stand throughout; its last
/// moments fade. China's rule asks for two seconds.
pub const MARK_SECS: f64 = 4.0;
pub(crate) const FADE_SECS: f64 = 0.4;

/// What the label says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkText {
    Chinese,
    English,
    /// Where nobody knows what is spoken.
    Both,
}

impl MarkText {
    /// The lines.
    pub const fn lines(self) -> &'static [&'static str] {
        match self {
            Self::Chinese => &[CHINESE],
            Self::English => &[ENGLISH],
            Self::Both => &[CHINESE, ENGLISH],
        }
    }
}

const CHINESE: &str = "人工智能生成";
const ENGLISH: &str = "AI-generated";
/// Em of a line over the picture's short side, so that a Chinese character, or
/// an English capital, is at least a twentieth of it tall.
const CHINESE_EM: f32 = 0.06;
const ENGLISH_EM: f32 = 0.071;
/// Distance from the picture's corner over its short side.
const INSET: f32 = 0.045;
const BOX_ALPHA: f32 = 0.5;

/// White letters with a dark edge on a dark, rounded, half transparent box.
pub(crate) fn sprite(text: MarkText, size: Size) -> Sprite {
    let short = size.width.min(size.height) as f32;
    let lines: Vec<_> = text
        .lines()
        .iter()
        .map(|line| {
            let em = if *line == CHINESE {
                CHINESE_EM
            } else {
                ENGLISH_EM
            };
            (vec![(*line, [255; 3])], (short * em).max(8.0))
        })
        .collect();
    let font = include_bytes!("../data/mark.otf").to_vec();
    let Ok(mut letters) = Lettering::new("the label's font", font) else {
        // It is compiled in; a test draws it.
        return Sprite::new(2, 2);
    };
    let em = lines[0].1;
    let pad = (em * 0.45).ceil() as usize;
    let ink = letters.write(&lines, false, pad);
    let mut sprite = Sprite::new(ink.width, ink.height);
    let radius = em * 0.3;
    let (w, h) = (ink.width as f32, ink.height as f32);
    for y in 0..ink.height {
        for x in 0..ink.width {
            // Distance into the rounded rectangle.
            let outside = |v: f32, size: f32| (radius - v).max(v - (size - radius)).max(0.0);
            let far = outside(x as f32 + 0.5, w).hypot(outside(y as f32 + 0.5, h));
            let inside = (radius - far + 0.5).clamp(0.0, 1.0);
            sprite.over(x, y, [0, 0, 0], inside * BOX_ALPHA);
        }
    }
    sprite.lay(&Sprite::of_ink(&ink, (em * 0.05).max(0.8)));
    sprite
}

/// Where the sprite's upper left corner lies: in the first of the picture's
/// corners where it hides nothing of `face`, or where it hides the least.
/// `below`: what is taken at the lower edge.
pub(crate) fn place(sprite: &Sprite, size: Size, avoid: &[[f32; 4]], below: f32) -> (usize, usize) {
    let (width, height) = (size.width as f32, size.height as f32);
    let inset = width.min(height) * INSET;
    let (w, h) = (sprite.width as f32, sprite.height as f32);
    let right = (width - inset - w).max(0.0);
    let bottom = (height - below.max(inset) - h).max(0.0);
    let hidden = |(x, y): (f32, f32)| -> f32 {
        let share = |[left, top, right, bottom]: &[f32; 4]| {
            let wide = (right.min(x + w) - left.max(x)).max(0.0);
            let tall = (bottom.min(y + h) - top.max(y)).max(0.0);
            wide * tall
        };
        avoid.iter().map(share).sum()
    };
    let corners = [
        (inset, inset),
        (right, inset),
        (inset, bottom),
        (right, bottom),
    ];
    let mut best = corners[0];
    for corner in corners {
        if hidden(corner) < hidden(best) {
            best = corner;
        }
    }
    (best.0.round() as usize & !1, best.1.round() as usize & !1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_a_twentieth_of_the_short_side_tall() {
        let font = include_bytes!("../data/mark.otf").to_vec();
        let mut letters = Lettering::new("mark.otf", font).unwrap();
        for short in [240.0, 720.0, 2160.0] {
            for (text, em) in [("人", CHINESE_EM), ("A", ENGLISH_EM)] {
                let ink = letters.write(&[(vec![(text, [255; 3])], short * em)], false, 4);
                let [_, top, _, bottom] = ink.bounds().unwrap();
                let tall = (bottom - top) as f32;
                assert!(tall >= short * 0.05, "{text} at {short}: {tall} px");
            }
        }
        assert!(letters.lacks("人工智能生成 AI-generated").is_empty());
        assert_eq!(letters.lacks("人好人好"), ['好']);
    }

    #[test]
    fn it_keeps_off_the_face_and_the_subtitles() {
        let size = Size {
            width: 512,
            height: 512,
        };
        let mark = sprite(MarkText::Both, size);
        let at = |face: Option<[f32; 4]>, below| place(&mark, size, face.as_slice(), below);
        assert_eq!(at(None, 0.0), (22, 22));
        assert_eq!(at(Some([150.0, 200.0, 350.0, 400.0]), 0.0), (22, 22));
        // A face high in the middle, as photos have it.
        let (x, y) = at(Some([150.0, 60.0, 350.0, 260.0]), 0.0);
        assert!(x == 22 && y > 260, "{x} {y}");
        let (_, above) = at(Some([150.0, 60.0, 350.0, 260.0]), 100.0);
        assert!(above + mark.height <= 412, "{above}");
    }
}
