//! Scenes: what is around the person in a clip. [`Scene::read`] takes a small
//! YAML file and finds all that is wrong with it at once, each with its line
//! and column; [`Canvas`] puts the person's frames into it, and [`Ducking`] lets
//! its music step back while they speak.

mod canvas;
mod ducking;
mod read;
mod slides;

use std::path::PathBuf;

use huashen_core::Size;

use crate::batch::{Values, expand};

pub use canvas::Canvas;
pub use ducking::Ducking;
pub use slides::{Turn, turns};

/// A scene, its files found.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub aspect: Option<Aspect>,
    /// A colour, a picture or a video, as `--background` takes it.
    pub background: String,
    pub person: Person,
    pub slides: Option<Slides>,
    pub layers: Vec<Layer>,
    pub music: Option<Music>,
    /// Videos or pictures before and after the person.
    pub intro: Option<PathBuf>,
    pub outro: Option<PathBuf>,
    /// Every file it shows.
    pub files: Vec<PathBuf>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    pub picture: bool,
    pub video: bool,
    pub sound: bool,
}

/// A PDF.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slides {
    pub file: PathBuf,
    pub pages: usize,
}

/// Sound under the voice.
#[derive(Clone, Debug, PartialEq)]
pub struct Music {
    pub file: PathBuf,
    /// A factor; 1 is as loud as it should be.
    pub volume: f32,
}

/// Where the person stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// 0 left, 1 right; in the middle, or beside the slides, when none.
    pub across: Option<f32>,
    /// Share of the picture's height, or of what the slides leave of it.
    pub height: f32,
}

/// The shapes that screens have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    Wide,
    Tall,
    Square,
    Portrait,
}

/// Words or a picture over everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub what: What,
    /// From the left and from the top, 0 to 1.
    pub align: [f32; 2],
    /// Height of letters or of the picture, as a share of the short side.
    pub size: f32,
    pub from_secs: f64,
    pub until_secs: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Text { text: String, color: String },
    Picture(PathBuf),
}

/// A rectangle in pixels; all even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub size: Size,
}

impl Aspect {
    pub const NAMES: [(&'static str, Self); 4] = [
        ("16:9", Self::Wide),
        ("9:16", Self::Tall),
        ("1:1", Self::Square),
        ("4:5", Self::Portrait),
    ];

    /// The size of a clip when nobody asks for any.
    pub fn size(self) -> &'static str {
        match self {
            Self::Wide => "1280x720",
            Self::Tall => "720x1280",
            Self::Square => "1080x1080",
            Self::Portrait => "1080x1350",
        }
    }
}

/// What is kept above slides, as a part of the short side.
const HEAD_ROOM: f32 = 0.21;
/// What is kept below them in a wide picture, for a title or subtitles.
const FOOT_ROOM: f32 = 0.16;

impl Scene {
    /// The texts of its titles.
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().filter_map(|layer| match &layer.what {
            What::Text { text, .. } => Some(text.as_str()),
            What::Picture(_) => None,
        })
    }

    /// Puts `values` into its titles.
    ///
    /// # Errors
    /// One text for each placeholder that is wrong.
    pub fn fill(&mut self, values: &Values) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        for layer in &mut self.layers {
            if let What::Text { text, .. } = &mut layer.what {
                match expand(text, values) {
                    Ok(filled) => *text = filled,
                    Err(why) => wrong.extend(why),
                }
            }
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong),
        }
    }

    /// A person before a background, and nothing else.
    pub fn plain() -> Self {
        Self {
            aspect: None,
            background: "#e9edf2".to_owned(),
            person: Person {
                across: None,
                height: 1.0,
            },
            slides: None,
            layers: Vec::new(),
            music: None,
            intro: None,
            outro: None,
            files: Vec::new(),
        }
    }

    /// Where the person and the slides are in a picture of `size`: beside each
    /// other where it is wide, else slides above.
    pub fn areas(&self, size: Size) -> (Area, Option<Area>) {
        let (w, h) = (size.width as f32, size.height as f32);
        let inset = w.min(h) * 0.05;
        // For the label and a logo.
        let head_room = w.min(h) * HEAD_ROOM;
        let (tall, across) = (self.person.height, self.person.across);
        let half = if across.is_some() { w * 0.5 } else { w };
        let half_x = (w - half) * across.unwrap_or(0.5);
        if self.slides.is_none() {
            return (area(half_x, h * (1.0 - tall), half, h * tall), None);
        }
        if w > h * 1.2 {
            let wide = w * 0.3;
            let across = across.unwrap_or(1.0);
            let x = (w - wide) * across.round();
            let left = if across < 0.5 { wide } else { inset };
            let between = h * (1.0 - HEAD_ROOM - FOOT_ROOM);
            let slides = area(left, head_room, w - wide - inset, between);
            return (area(x, h * (1.0 - tall), wide, h * tall), Some(slides));
        }
        // As tall as a page of 4:3 is, or half of all; where that is little, the
        // label lies on its corner.
        let top = if h > w * 1.5 { head_room } else { inset };
        let above = (w * 0.68 + top - inset).min(h * 0.5);
        let slides = area(inset, top, w - 2.0 * inset, above - top - inset);
        let rest = (h - above) * tall;
        // A wider picture of the person would cut the head.
        let wide = half.min(rest * 1.1);
        let x = (w - wide) * across.unwrap_or(0.5);
        (area(x, h - rest, wide, rest), Some(slides))
    }
}

fn area(x: f32, y: f32, width: f32, height: f32) -> Area {
    let even = |v: f32| (v.max(0.0) as u32) & !1;
    Area {
        x: even(x),
        y: even(y),
        size: Size {
            width: even(width).max(2),
            height: even(height).max(2),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn person_and_slides_stay_in_the_picture_and_apart() {
        for (_, aspect) in Aspect::NAMES {
            let size: Size = aspect.size().parse().unwrap();
            for across in [None, Some(0.0), Some(1.0)] {
                let scene = Scene {
                    person: Person {
                        across,
                        height: 1.0,
                    },
                    slides: Some(Slides::default()),
                    ..Scene::plain()
                };
                let (person, slides) = scene.areas(size);
                let slides = slides.unwrap();
                for a in [person, slides] {
                    assert!(a.x + a.size.width <= size.width, "{a:?}");
                    assert!(a.y + a.size.height <= size.height, "{a:?}");
                }
                let beside = person.x + person.size.width <= slides.x
                    || slides.x + slides.size.width <= person.x;
                assert!(beside || slides.y + slides.size.height <= person.y);
            }
        }
    }
}
