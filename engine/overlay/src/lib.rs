//! Text for finished clips: subtitles out of timed words ([`cues`]), and, drawn
//! on frames ([`Overlay`]), subtitles and the label that says a clip is
//! synthetic. Frames stay in the format they come in: planes are blended as
//! planes, so nothing slower than a few small rectangles is added to a render.

mod breaking;
mod captions;
mod cue;
mod layer;
mod lettering;
mod mark;
mod sprite;
mod written;

use huashen_core::{Frame, Size};
use thiserror::Error;

pub use breaking::cues;
use captions::Captions;
pub use captions::{CaptionStyle, bottom_margin, em_px};
pub use cue::{Cue, CueShape, CueWord};
pub use layer::Spot;
pub use lettering::Lettering;
pub use mark::{MARK_SECS, MarkText};
use sprite::Sprite;

#[derive(Debug, Error)]
pub enum OverlayError {
    #[error("{0} is not a font (OpenType or TrueType)")]
    Font(String),
}

/// What is drawn over every frame of a clip.
#[derive(Default)]
pub struct Overlay {
    mark: Option<Mark>,
    layers: Vec<layer::Layer>,
    captions: Option<Captions>,
}

impl Overlay {
    /// Adds the label, in a corner of a picture of `size` where it hides the
    /// least of `face` (left, top, right, bottom in pixels): for the first
    /// seconds, or throughout. Subtitles and layers are added before it.
    pub fn mark(&mut self, text: MarkText, throughout: bool, size: Size, face: Option<[f32; 4]>) {
        let sprite = mark::sprite(text, size);
        let below = self.below(size);
        let layers = self.layers.iter().map(layer::Layer::area);
        let avoid: Vec<[f32; 4]> = layers.chain(face).collect();
        self.mark = Some(Mark {
            at: mark::place(&sprite, size, &avoid, below),
            sprite,
            until: (!throughout).then_some(MARK_SECS),
        });
    }

    /// Adds subtitles, in `letters`, to a picture of `size`.
    pub fn captions(
        &mut self,
        cues: Vec<Cue>,
        style: CaptionStyle,
        letters: Lettering,
        size: Size,
    ) {
        self.captions = Some(Captions::new(cues, style, letters, size));
    }

    /// Adds words, letters `em_px` tall in a colour, to a picture of `size`.
    pub fn text(
        &mut self,
        (text, em_px, rgb): (&str, f32, [u8; 3]),
        spot: Spot,
        letters: &mut Lettering,
        size: Size,
    ) {
        self.lay(layer::text(text, em_px, rgb, letters, size), spot, size);
    }

    /// Adds a picture, straight RGBA with `width` pixels a row, to one of
    /// `size`.
    pub fn picture(&mut self, rgba: &[u8], width: usize, spot: Spot, size: Size) {
        self.lay(layer::picture(rgba, width), spot, size);
    }

    fn lay(&mut self, sprite: Sprite, spot: Spot, size: Size) {
        let below = self.below(size);
        let layer = layer::Layer::new(sprite, spot, size, below, &self.layers);
        self.layers.push(layer);
    }

    /// What subtitles need at the bottom, in pixels.
    fn below(&self, size: Size) -> f32 {
        match &self.captions {
            Some(_) => captions::room_px(size),
            None => 0.0,
        }
    }

    /// Draws what is to be seen at `at_secs`.
    pub fn draw(&mut self, frame: &mut Frame, at_secs: f64) {
        for layer in &self.layers {
            layer.draw(frame, at_secs);
        }
        if let Some(captions) = &mut self.captions {
            captions.draw(frame, at_secs);
        }
        if let Some(mark) = &self.mark {
            let left = mark
                .until
                .map_or(1.0, |until| (until - at_secs) / mark::FADE_SECS);
            let (x, y) = mark.at;
            mark.sprite.blend(frame, x, y, left.clamp(0.0, 1.0) as f32);
        }
    }

    /// Draws the label alone, whenever it is.
    pub fn draw_mark(&self, frame: &mut Frame) {
        if let Some(mark) = &self.mark {
            mark.sprite.blend(frame, mark.at.0, mark.at.1, 1.0);
        }
    }
}

struct Mark {
    sprite: Sprite,
    at: (usize, usize),
    until: Option<f64>,
}
