//! Pages of a PDF, and when they turn.

use std::path::Path;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use huashen_core::{Mark, MarkKind, Size};
use huashen_script::{Item, Script};
use image::RgbaImage;

use super::Scene;

/// `[slide]` and `[slide 3]` come down the timeline as `slide` and `slide-3`.
const MARK: &str = "slide";

/// From when a page is shown; pages count from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    pub at_secs: f64,
    pub page: usize,
}

/// Takes the slides' marks out of `marks`: the first page from the start, then
/// whichever each asks for.
pub fn turns(marks: &mut Vec<Mark>) -> Vec<Turn> {
    let mut page = 0;
    let mut turns = vec![Turn { at_secs: 0.0, page }];
    marks.retain(|mark| {
        let Some(asked) = asked(&mark.kind, page) else {
            return true;
        };
        page = asked;
        turns.push(Turn {
            at_secs: mark.at_secs,
            page,
        });
        false
    });
    turns
}

/// The page that a mark turns to from `page`; none where it turns none.
fn asked(mark: &MarkKind, page: usize) -> Option<usize> {
    let MarkKind::Gesture(name) = mark else {
        return None;
    };
    let rest = name.strip_prefix(MARK)?;
    match rest.strip_prefix('-').map(|n| n.parse::<usize>()) {
        Some(Ok(number)) => Some(number.saturating_sub(1)),
        None if rest.is_empty() => Some(page + 1),
        _ => None,
    }
}

impl Scene {
    /// Whether every page that `script` turns to is there.
    ///
    /// # Errors
    /// One sentence that says which is not.
    pub fn has_pages_for(&self, script: &Script) -> Result<(), String> {
        let (mut page, mut last) = (0, 0);
        let mut turns = false;
        for item in &script.items {
            if let Item::Mark(mark) = item
                && let Some(asked) = asked(mark, page)
            {
                turns = true;
                page = asked;
                last = last.max(page);
            }
        }
        match &self.slides {
            Some(slides) if last >= slides.pages => Err(lacks(last, slides.pages)),
            None if turns => {
                Err("the script turns slides, and the scene has none: add `slides:` to it".into())
            }
            _ => Ok(()),
        }
    }
}

fn lacks(page: usize, there: usize) -> String {
    let asked = page + 1;
    let pages = if there == 1 { "page" } else { "pages" };
    format!("the script asks for slide {asked}, and the PDF has {there} {pages}")
}

fn open(path: &Path) -> Result<Pdf, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("it cannot be read: {e}"))?;
    Pdf::new(bytes).map_err(|_| {
        "it is not a PDF that can be read, or has a password: save it again as PDF".to_owned()
    })
}

/// How many pages `path` has.
pub(super) fn count(path: &Path) -> Result<usize, String> {
    match open(path)?.pages().len() {
        0 => Err("the PDF has no pages".to_owned()),
        pages => Ok(pages),
    }
}

/// The pages of `path` that `wanted` names, each as large as fits in `most`.
pub(super) fn pages(
    path: &Path,
    wanted: &[usize],
    most: Size,
) -> Result<Vec<(usize, RgbaImage)>, String> {
    let pdf = open(path)?;
    let all = pdf.pages();
    let cache = RenderCache::new();
    let mut drawn: Vec<(usize, RgbaImage)> = Vec::new();
    for number in wanted {
        if drawn.iter().any(|(have, _)| have == number) {
            continue;
        }
        let Some(page) = all.get(*number) else {
            return Err(lacks(*number, all.len()));
        };
        let (width, height) = page.render_dimensions();
        let scale = (most.width as f32 / width.max(1.0)).min(most.height as f32 / height.max(1.0));
        let pixels = render(
            page,
            &cache,
            &InterpreterSettings::default(),
            &RenderSettings::default(),
            &PixmapSettings {
                x_scale: scale,
                y_scale: scale,
                bg_color: WHITE,
            },
        );
        let (w, h) = (u32::from(pixels.width()), u32::from(pixels.height()));
        let bytes = pixels.data_as_u8_slice().to_vec();
        let picture = RgbaImage::from_raw(w, h, bytes).ok_or("a page of the PDF has no size")?;
        drawn.push((*number, picture));
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_turn_pages_and_other_marks_stay() {
        let mark = |at_secs, name: &str| Mark {
            at_secs,
            kind: MarkKind::Gesture(name.to_owned()),
        };
        let mut marks = vec![
            mark(1.0, "slide"),
            mark(2.0, "wave"),
            mark(3.0, "slide-5"),
            mark(4.0, "slide"),
        ];
        let turns = turns(&mut marks);
        let pages: Vec<(f64, usize)> = turns.iter().map(|t| (t.at_secs, t.page)).collect();
        assert_eq!(pages, [(0.0, 0), (1.0, 1), (3.0, 4), (4.0, 5)]);
        assert_eq!(marks, [mark(2.0, "wave")]);
    }
}
