//! What is behind the person, and the person in it.

use huashen_core::{Frame, PixelFormat, Size};
use image::RgbaImage;
use image::imageops::overlay;

use super::{Area, Scene, Turn, slides};

/// Pictures of one size: the scene, with a person's frames in it.
pub struct Canvas {
    size: Size,
    person: Area,
    turns: Vec<Turn>,
    /// What is behind everything; none where it moves.
    back: Option<RgbaImage>,
    pages: Vec<Page>,
}

/// A page that is shown, and where; with what is behind it where that stands still.
struct Page {
    number: usize,
    picture: RgbaImage,
    x: u32,
    y: u32,
}

impl Canvas {
    /// Prepares `scene` over `back`, a solid picture of `size`, or over a
    /// moving one; `turns` says which page is seen when.
    ///
    /// # Errors
    /// When a page that is asked for is not there; one sentence says so.
    pub fn new(
        scene: &Scene,
        back: Option<RgbaImage>,
        turns: Vec<Turn>,
        size: Size,
    ) -> Result<Self, String> {
        let (person, around) = scene.areas(size);
        let mut pages = Vec::new();
        if let (Some(deck), Some(around)) = (&scene.slides, around) {
            let wanted: Vec<usize> = turns.iter().map(|t| t.page).collect();
            for (number, picture) in slides::pages(&deck.file, &wanted, around.size)? {
                let x = around.x + (around.size.width.saturating_sub(picture.width())) / 2;
                let y = around.y + (around.size.height.saturating_sub(picture.height())) / 2;
                let page = Page {
                    number,
                    picture,
                    x,
                    y,
                };
                pages.push(match &back {
                    Some(back) => page.before(back),
                    None => page,
                });
            }
        }
        Ok(Self {
            size,
            person,
            turns,
            back,
            pages,
        })
    }

    /// The whole picture of `frame`, the person on nothing (RGBA, straight
    /// alpha, of the person's area). `moving`: what is behind everything now,
    /// RGBA of the whole size, where that moves.
    pub fn compose(&self, frame: &Frame, at_secs: f64, moving: Option<&[u8]>) -> Frame {
        let turn = self.turns.iter().rev().find(|t| t.at_secs <= at_secs);
        let number = turn.map_or(0, |t| t.page);
        let page = self.pages.iter().find(|page| page.number == number);
        let mut data = match (moving, page, &self.back) {
            (Some(moving), ..) => moving.to_vec(),
            (None, Some(page), Some(_)) => page.picture.as_raw().clone(),
            (None, _, Some(back)) => back.as_raw().clone(),
            (None, _, None) => vec![0; self.size.width as usize * self.size.height as usize * 4],
        };
        let wide = self.size.width as usize * 4;
        if let (Some(page), Some(_)) = (page, moving) {
            let across = page.picture.width() as usize * 4;
            let corner = page.y as usize * wide + page.x as usize * 4;
            for (y, row) in page.picture.as_raw().chunks_exact(across).enumerate() {
                let at = corner + y * wide;
                data[at..at + across].copy_from_slice(row);
            }
        }
        let across = frame.size.width as usize * 4;
        let corner = self.person.y as usize * wide + self.person.x as usize * 4;
        for (y, row) in frame.data.chunks_exact(across).enumerate() {
            let at = corner + y * wide;
            let behind = data[at..at + across].chunks_exact_mut(4);
            for (to, from) in behind.zip(row.chunks_exact(4)) {
                match from[3] {
                    0 => {}
                    255 => to.copy_from_slice(from),
                    alpha => {
                        let alpha = u32::from(alpha);
                        for (to, from) in to.iter_mut().zip(&from[..3]) {
                            let mixed = u32::from(*from) * alpha + u32::from(*to) * (255 - alpha);
                            *to = ((mixed + 127) / 255) as u8;
                        }
                    }
                }
            }
        }
        Frame {
            index: frame.index,
            size: self.size,
            format: PixelFormat::Rgba8,
            data,
        }
    }
}

impl Page {
    /// The page, with `back` around it.
    fn before(self, back: &RgbaImage) -> Self {
        let mut whole = back.clone();
        overlay(
            &mut whole,
            &self.picture,
            i64::from(self.x),
            i64::from(self.y),
        );
        Self {
            picture: whole,
            x: 0,
            y: 0,
            ..self
        }
    }
}
