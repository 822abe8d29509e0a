//! Something else behind a person who was filmed: what a matte lets through.

use huashen_avatar::video::film::Shown;
use huashen_core::{PixelFormat, SinkError, Size};

use super::planes;
use super::readers::Readers;
use crate::i420::Rect;
use crate::mixing::Mixing;
use crate::plate::Plate;
use crate::{Background, RenderError};

/// Mattes are soft where hair and ground mix, and carry a little of the old
/// ground with them: what is below is clear, what is above is the person.
const CLEAR: f32 = 0.18;
const PERSON: f32 = 0.9;

/// What is behind a person, and where it shows.
pub(super) struct Behind {
    matte: Readers,
    matte_size: Size,
    shown: Shown,
    /// I420; none where nothing is behind.
    ground: Option<Vec<u8>>,
    /// Of the picture's columns and rows: the matte's, and how far to the next.
    columns: Vec<(usize, u16)>,
    rows: Vec<(usize, u16)>,
}

impl Behind {
    pub fn new(
        background: &Background,
        keep_alpha: bool,
        shown: Shown,
        (matte, matte_size, footage): (Readers, Size, Size),
    ) -> Self {
        let plate = Plate::new(background, shown.size, keep_alpha, Mixing::Encoded);
        let ground = (!plate.is_transparent()).then(|| {
            let mut ground = vec![0; PixelFormat::I420.byte_len(shown.size)];
            let row = shown.size.width as usize * 4;
            planes::put(
                &mut ground,
                shown.size,
                Rect::full(shown.size),
                plate.rgba(),
                row,
            );
            ground
        });
        let [x, y, w, h] = shown.window;
        let line = |first: u32, len: u32, whole: u32, n: u32, cells: u32| {
            (0..n)
                .map(|i| {
                    let at =
                        f64::from(first) + (f64::from(i) + 0.5) * f64::from(len) / f64::from(n);
                    let at = at * f64::from(cells) / f64::from(whole) - 0.5;
                    let at = at.clamp(0.0, f64::from(cells - 1) - 1e-6);
                    (at as usize, (at.fract() * 256.0) as u16)
                })
                .collect()
        };
        Self {
            columns: line(x, w, footage.width, shown.size.width, matte_size.width),
            rows: line(y, h, footage.height, shown.size.height, matte_size.height),
            matte,
            matte_size,
            shown,
            ground,
        }
    }

    /// Whether nothing is behind.
    pub fn is_clear(&self) -> bool {
        self.ground.is_none()
    }

    /// How much of each pixel of frame `index` is person.
    fn alpha(&mut self, index: u32) -> Result<Vec<u8>, RenderError> {
        let lost = |e: SinkError| RenderError::Footage(e.to_string());
        let planes = self.matte.read(u64::from(index)).map_err(lost)?;
        let width = self.matte_size.width as usize;
        let luma = &planes[..width * self.matte_size.height as usize];
        let levels: Vec<u8> = (0..=255_u8)
            .map(|v| {
                let alpha = (f32::from(v) - 16.0) / 219.0;
                let alpha = ((alpha - CLEAR) / (PERSON - CLEAR)).clamp(0.0, 1.0);
                (alpha * 255.0).round() as u8
            })
            .collect();
        let mut out = Vec::with_capacity(self.columns.len() * self.rows.len());
        for (y, ty) in &self.rows {
            let upper = &luma[y * width..][..width];
            let lower = luma.get((y + 1) * width..).unwrap_or(upper);
            let ty = u32::from(*ty);
            for (x, tx) in &self.columns {
                let tx = u32::from(*tx);
                let across = |row: &[u8]| {
                    u32::from(row[*x]) * (256 - tx) + u32::from(row[(x + 1).min(width - 1)]) * tx
                };
                let value = across(upper) * (256 - ty) + across(lower) * ty;
                out.push(levels[(value >> 16) as usize]);
            }
        }
        Ok(out)
    }

    /// Puts the ground behind frame `index`, whose planes these are; gives how
    /// much of each pixel is person.
    pub fn put(&mut self, index: u32, planes: &mut [u8]) -> Result<Vec<u8>, RenderError> {
        let alpha = self.alpha(index)?;
        let Some(ground) = &self.ground else {
            return Ok(alpha);
        };
        let (w, h) = (
            self.shown.size.width as usize,
            self.shown.size.height as usize,
        );
        let mix = |person: &mut u8, ground: u8, alpha: u32| {
            let mixed = u32::from(*person) * alpha + u32::from(ground) * (255 - alpha);
            *person = ((mixed + 127) / 255) as u8;
        };
        for ((p, g), a) in planes.iter_mut().zip(ground).zip(&alpha) {
            mix(p, *g, u32::from(*a));
        }
        for y in 0..h / 2 {
            for x in 0..w / 2 {
                let at = 2 * y * w + 2 * x;
                let four = [at, at + 1, at + w, at + w + 1].map(|i| u32::from(alpha[i]));
                let share = (four.iter().sum::<u32>() + 2) / 4;
                for plane in 0..2 {
                    let i = w * h + plane * w * h / 4 + y * (w / 2) + x;
                    mix(&mut planes[i], ground[i], share);
                }
            }
        }
        Ok(alpha)
    }
}
