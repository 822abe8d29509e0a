//! What is behind the person, and the person in it.

use huashen_core::{Frame, PixelFormat, Size};
use image::RgbaImage;
use image::imageops::{FilterType, crop_imm, overlay, resize};

use super::{Area, Scene, Turn, slides};

/// Pictures of one size: the scene, with a person's frames in it.
pub struct Canvas {
    size: Size,
    person: Area,
    turns: Vec<Turn>,
    /// Background and page, for each page that is shown.
    pages: Vec<(usize, RgbaImage)>,
}

impl Canvas {
    /// Prepares `scene` over `background`, of any size; `turns` says which page
    /// is seen when.
    ///
    /// # Errors
    /// When a page that is asked for is not there; one sentence says so.
    pub fn new(
        scene: &Scene,
        background: &RgbaImage,
        turns: Vec<Turn>,
        size: Size,
    ) -> Result<Self, String> {
        let back = cover(background, size);
        let (person, around) = scene.areas(size);
        let pages = match (&scene.slides, around) {
            (Some(path), Some(around)) => {
                let wanted: Vec<usize> = turns.iter().map(|t| t.page).collect();
                let mut pages = slides::pages(path, &wanted, around.size)?;
                for (_, page) in &mut pages {
                    let mut whole = back.clone();
                    let x = around.x + (around.size.width.saturating_sub(page.width())) / 2;
                    let y = around.y + (around.size.height.saturating_sub(page.height())) / 2;
                    overlay(&mut whole, page, i64::from(x), i64::from(y));
                    *page = whole;
                }
                pages
            }
            _ if turns.len() > 1 => {
                return Err(
                    "the script turns slides, and the scene has none: add `slides:` to it".into(),
                );
            }
            _ => vec![(0, back)],
        };
        Ok(Self {
            size,
            person,
            turns,
            pages,
        })
    }

    /// The whole picture of `frame`, the person on nothing (RGBA, straight
    /// alpha, of the person's area).
    pub fn compose(&self, frame: &Frame, at_secs: f64) -> Frame {
        let turn = self.turns.iter().rev().find(|t| t.at_secs <= at_secs);
        let page = turn.map_or(0, |t| t.page);
        let shown = self.pages.iter().find(|(number, _)| *number == page);
        let mut data = match shown.or(self.pages.first()) {
            Some((_, picture)) => picture.as_raw().clone(),
            None => vec![0; self.size.width as usize * self.size.height as usize * 4],
        };
        let (wide, across) = (self.size.width as usize * 4, frame.size.width as usize * 4);
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

/// The middle of `picture`, as much as fills `size`, solid.
fn cover(picture: &RgbaImage, size: Size) -> RgbaImage {
    let (w, h) = picture.dimensions();
    let scale = (w as f32 / size.width as f32).min(h as f32 / size.height as f32);
    let cut_w = ((size.width as f32 * scale) as u32).clamp(1, w);
    let cut_h = ((size.height as f32 * scale) as u32).clamp(1, h);
    let cut = crop_imm(picture, (w - cut_w) / 2, (h - cut_h) / 2, cut_w, cut_h).to_image();
    let mut filled = match (cut_w, cut_h) == (size.width, size.height) {
        true => cut,
        false => resize(&cut, size.width, size.height, FilterType::CatmullRom),
    };
    for pixel in filled.pixels_mut() {
        pixel.0[3] = 255;
    }
    filled
}
