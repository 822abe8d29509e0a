//! Words → shaped, anti-aliased ink.

use std::sync::Arc;

use cosmic_text::fontdb::{Database, Source};
use cosmic_text::{Attrs, Buffer, Color, Family, FontSystem, Metrics, Shaping, SwashCache, Wrap};

use crate::OverlayError;

/// One font, ready to write with.
pub struct Lettering {
    fonts: FontSystem,
    cache: SwashCache,
    family: String,
}

/// Ink on nothing: how much of each pixel it covers, and its colour there.
pub(crate) struct Ink {
    pub width: usize,
    pub height: usize,
    pub coverage: Vec<u8>,
    pub rgb: Vec<[u8; 3]>,
}

/// A word and its colour.
pub(crate) type Coloured<'a> = (&'a str, [u8; 3]);

impl Lettering {
    /// Takes a font file's bytes; `name` names it in errors. Only this font is
    /// used, so that a clip looks the same on every machine.
    pub fn new(name: &str, font: Vec<u8>) -> Result<Self, OverlayError> {
        let mut db = Database::new();
        db.load_font_source(Source::Binary(Arc::new(font)));
        let family = db
            .faces()
            .next()
            .and_then(|face| face.families.first())
            .map(|(family, _)| family.clone())
            .ok_or_else(|| OverlayError::Font(name.to_owned()))?;
        Ok(Self {
            fonts: FontSystem::new_with_locale_and_db("zh-CN".to_owned(), db),
            cache: SwashCache::new(),
            family,
        })
    }

    /// The characters of `text` that the font does not have, each once.
    pub fn lacks(&mut self, text: &str) -> Vec<char> {
        let Some(face) = self.fonts.db().faces().next() else {
            return text.chars().collect();
        };
        let (id, weight) = (face.id, face.weight);
        let Some(font) = self.fonts.get_font(id, weight) else {
            return text.chars().collect();
        };
        let charmap = font.as_swash().charmap();
        let mut lacking: Vec<char> = text
            .chars()
            .filter(|c| !c.is_whitespace() && !c.is_control() && charmap.map(*c) == 0)
            .collect();
        lacking.sort_unstable();
        lacking.dedup();
        lacking
    }

    fn shape(&mut self, words: &[Coloured<'_>], size_px: f32) -> Buffer {
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size_px, size_px * 1.3));
        let plain = Attrs::new().family(Family::Name(&self.family));
        buffer.set_wrap(Wrap::None);
        buffer.set_size(None, None);
        let spans = words.iter().map(|(text, [r, g, b])| {
            let attrs = plain.clone().color(Color::rgb(*r, *g, *b));
            (*text, attrs)
        });
        buffer.set_rich_text(spans, &plain, Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    /// How wide one line of `text` is.
    pub(crate) fn width_px(&mut self, text: &str, size_px: f32) -> f32 {
        let buffer = self.shape(&[(text, [255; 3])], size_px);
        buffer
            .layout_runs()
            .map(|run| run.line_w)
            .fold(0.0, f32::max)
    }

    /// Writes `lines`, each at its size, one under another, centred or from the
    /// left, with `margin` pixels around.
    pub(crate) fn write(
        &mut self,
        lines: &[(Vec<Coloured<'_>>, f32)],
        centred: bool,
        margin: usize,
    ) -> Ink {
        let shaped: Vec<(Buffer, f32)> = lines
            .iter()
            .map(|(words, size)| (self.shape(words, *size), *size))
            .collect();
        let width_of = |buffer: &Buffer| {
            let widths = buffer.layout_runs().map(|run| run.line_w);
            widths.fold(0.0, f32::max)
        };
        let widest = shaped.iter().map(|(b, _)| width_of(b)).fold(0.0, f32::max);
        let tall: f32 = shaped.iter().map(|(_, size)| size * LINE).sum();
        let (width, height) = (
            widest.ceil() as usize + 2 * margin,
            tall.ceil() as usize + 2 * margin,
        );
        let mut ink = Ink {
            width,
            height,
            coverage: vec![0; width * height],
            rgb: vec![[255; 3]; width * height],
        };
        let mut top = margin as f32;
        for (buffer, size) in &shaped {
            let left = match centred {
                true => margin as f32 + (widest - width_of(buffer)) / 2.0,
                false => margin as f32,
            };
            let baseline = (top + size * ASCENT).round();
            for run in buffer.layout_runs() {
                for glyph in run.glyphs {
                    let colour = glyph.color_opt.unwrap_or(Color::rgb(255, 255, 255));
                    let at = glyph.physical((left, baseline), 1.0);
                    let put = |x: i32, y: i32, pixel: Color| ink.put(at.x + x, at.y + y, pixel);
                    self.cache
                        .with_pixels(&mut self.fonts, at.cache_key, colour, put);
                }
            }
            top += size * LINE;
        }
        ink
    }
}

/// Distance of lines, and from a line's top to where its letters stand, in ems.
const LINE: f32 = 1.28;
const ASCENT: f32 = 1.0;

impl Ink {
    fn put(&mut self, x: i32, y: i32, pixel: Color) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x < self.width && y < self.height {
            let at = y * self.width + x;
            if pixel.a() >= self.coverage[at] {
                self.coverage[at] = pixel.a();
                self.rgb[at] = [pixel.r(), pixel.g(), pixel.b()];
            }
        }
    }

    /// The ink's own rectangle: left, top, right, bottom.
    #[cfg(test)]
    pub fn bounds(&self) -> Option<[usize; 4]> {
        let inked = |(i, c): (usize, &u8)| (*c > 0).then_some((i % self.width, i / self.width));
        let mut bounds: Option<[usize; 4]> = None;
        for (x, y) in self.coverage.iter().enumerate().filter_map(inked) {
            let [l, t, r, b] = bounds.unwrap_or([x, y, x, y]);
            bounds = Some([l.min(x), t.min(y), r.max(x + 1), b.max(y + 1)]);
        }
        bounds
    }
}
