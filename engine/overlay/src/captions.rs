//! Burnt-in subtitles.

use huashen_core::{Frame, Size};

use crate::lettering::Lettering;
use crate::sprite::Sprite;
use crate::{Cue, CueShape};

/// How subtitles look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptionStyle {
    /// The word that is heard stands out.
    pub highlight: bool,
}

const PLAIN: [u8; 3] = [255, 255, 255];
/// Seen beside white by everyone, colour-blind people too.
const HIGHLIGHT: [u8; 3] = [255, 214, 10];
/// Letters over the picture's short side.
const EM: f32 = 0.056;
/// Of the width, what lines may fill.
const SAFE_WIDTH: f32 = 0.9;
/// Mean width of Latin letters, in ems.
const LETTER_EM: f32 = 0.56;

/// What is below the last line, over the height: upright pictures are shown
/// under a platform's own writing.
pub fn bottom_margin(size: Size) -> f32 {
    match size.aspect() {
        a if a > 1.2 => 0.06,
        a if a > 0.8 => 0.08,
        _ => 0.16,
    }
}

/// Letter size for a picture, in pixels.
pub fn em_px(size: Size) -> f32 {
    let shape = CueShape::for_aspect(size.aspect());
    let by_width = size.width as f32 * SAFE_WIDTH / (shape.narrow as f32 * LETTER_EM);
    (size.width.min(size.height) as f32 * EM)
        .min(by_width)
        .max(8.0)
}

/// What two lines and the margin under them take, in pixels.
pub(crate) fn room_px(size: Size) -> f32 {
    bottom_margin(size) * size.height as f32 + 2.0 * 1.3 * em_px(size)
}

pub(crate) struct Captions {
    cues: Vec<Cue>,
    style: CaptionStyle,
    letters: Lettering,
    size: Size,
    /// The next cue that has not ended.
    next: usize,
    /// What was drawn last: cue, highlighted word, picture.
    drawn: Option<(usize, Option<usize>, Sprite)>,
}

impl Captions {
    pub fn new(cues: Vec<Cue>, style: CaptionStyle, letters: Lettering, size: Size) -> Self {
        Self {
            cues,
            style,
            letters,
            size,
            next: 0,
            drawn: None,
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, at_secs: f64) {
        while self
            .cues
            .get(self.next)
            .is_some_and(|c| c.end_secs <= at_secs)
        {
            self.next += 1;
        }
        let Some(cue) = self.cues.get(self.next) else {
            return;
        };
        if cue.start_secs > at_secs {
            return;
        }
        let words = || cue.lines.iter().flatten();
        // The last word that has begun, until the next one does.
        let said = words().filter(|w| w.start_secs <= at_secs).count();
        let word = (self.style.highlight && said > 0).then(|| said - 1);
        let known = matches!(&self.drawn, Some((c, w, _)) if (*c, *w) == (self.next, word));
        if !known {
            let sprite = sprite(&mut self.letters, cue, word, self.size);
            self.drawn = Some((self.next, word, sprite));
        }
        let Some((_, _, sprite)) = &self.drawn else {
            return;
        };
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let bottom = (height as f32 * bottom_margin(self.size)) as usize;
        let x = (width.saturating_sub(sprite.width) / 2) & !1;
        let y = height.saturating_sub(bottom + sprite.height) & !1;
        sprite.blend(frame, x, y, 1.0);
    }
}

fn sprite(letters: &mut Lettering, cue: &Cue, highlighted: Option<usize>, size: Size) -> Sprite {
    let room = size.width as f32 * SAFE_WIDTH;
    let mut em = em_px(size);
    let widest = cue
        .texts()
        .map(|line| letters.width_px(&line, em))
        .fold(0.0, f32::max);
    if widest > room {
        em *= room / widest;
    }
    let mut n = 0;
    let lines: Vec<_> = cue
        .lines
        .iter()
        .map(|line| {
            let words: Vec<_> = line
                .iter()
                .map(|word| {
                    let colour = match highlighted == Some(n) {
                        true => HIGHLIGHT,
                        false => PLAIN,
                    };
                    n += 1;
                    (word.text.as_str(), colour)
                })
                .collect();
            (words, em)
        })
        .collect();
    let edge = (em * 0.075).max(1.0);
    let ink = letters.write(&lines, true, edge.ceil() as usize + 1);
    Sprite::of_ink(&ink, edge)
}
