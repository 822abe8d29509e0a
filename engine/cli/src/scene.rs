//! `--scene FILE`: from the flags and the file to what is around the person.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use huashen_core::{Mark, Size};
use huashen_overlay::{Lettering, Overlay, Spot};
use huashen_pipeline::batch::{Problem, file_sha256};
use huashen_pipeline::scene::{Area, Canvas, Layer, Scene, What, turns};
use huashen_render::Background;
use image::RgbaImage;
use image::imageops::{FilterType, resize};

use crate::args::{PictureArgs, Render};
use crate::picture;
use crate::settings::Settings;
use crate::subtitles;

/// A scene for one clip.
pub struct Setting {
    scene: Scene,
    pub size: Size,
    person: Area,
    background: RgbaImage,
}

fn read(path: &Path) -> Result<Scene, Vec<Problem>> {
    Scene::read(path, &|text| {
        csscolorparser::parse(text).is_ok_and(|c| c.a >= 1.0)
    })
}

fn told(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    format!("{}: {}", path.display(), lines.join("\n  "))
}

/// What tells the scene at `path`, its files among it, from every other one;
/// or all that is wrong with it.
pub fn identity(path: &Path) -> Result<String, String> {
    let scene = read(path).map_err(|problems| told(path, &problems))?;
    let mut hashes = Vec::new();
    for file in std::iter::once(path).chain(scene.files.iter().map(AsRef::as_ref)) {
        hashes.push(file_sha256(file).map_err(|e| format!("{}: {e}", file.display()))?);
    }
    Ok(hashes.join(" "))
}

impl Setting {
    /// The scene that `args` ask for, if any; `longest` is the most that a size
    /// nobody asked for may have a side.
    pub fn of(args: &Render, settings: &Settings, longest: u32) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.scene else {
            return Ok(None);
        };
        let scene = read(path).map_err(|problems| anyhow!(told(path, &problems)))?;
        let asked = args.picture.size.as_deref().or(settings.size.as_deref());
        let usual = scene.aspect.map_or("1280x720", |aspect| aspect.size());
        let mut size: Size = asked.unwrap_or(usual).parse()?;
        let most = size.width.max(size.height);
        if asked.is_none() && most > longest {
            let side = |v: u32| (v * longest / most).max(64) & !1;
            (size.width, size.height) = (side(size.width), side(size.height));
        }
        let text = args
            .picture
            .background
            .as_ref()
            .unwrap_or(&scene.background);
        let background = match picture::background_of(text)? {
            Background::Color([r, g, b]) => RgbaImage::from_pixel(1, 1, [r, g, b, 255].into()),
            Background::Picture(picture) => picture,
            Background::Transparent | Background::AsFilmed => {
                bail!("a scene has something behind it: leave out --background, or --scene")
            }
        };
        let (person, _) = scene.areas(size);
        Ok(Some(Self {
            scene,
            size,
            person,
            background,
        }))
    }

    /// How the person alone is drawn.
    pub fn picture(&self, args: &PictureArgs) -> PictureArgs {
        let Size { width, height } = self.person.size;
        PictureArgs {
            size: Some(format!("{width}x{height}")),
            background: Some("transparent".to_owned()),
            ..args.clone()
        }
    }

    /// Where the face, `face` of the person's own picture, is in the whole.
    pub fn face(&self, face: Option<[f32; 4]>) -> Option<[f32; 4]> {
        let (x, y) = (self.person.x as f32, self.person.y as f32);
        face.map(|[left, top, right, bottom]| [left + x, top + y, right + x, bottom + y])
    }

    /// What is behind the person, with the pages that `marks` turn to; takes
    /// those marks out.
    pub fn canvas(&self, marks: &mut Vec<Mark>) -> anyhow::Result<Canvas> {
        Canvas::new(&self.scene, &self.background, turns(marks), self.size)
            .map_err(|text| anyhow!(text))
    }

    /// Lays titles and pictures over everything; subtitles are there before.
    pub fn layers(&self, overlay: &mut Overlay, font: Option<&Path>) -> anyhow::Result<()> {
        let mut letters: Option<Lettering> = None;
        let short = self.size.width.min(self.size.height) as f32;
        for layer in &self.scene.layers {
            let spot = Spot {
                align: layer.align,
                from_secs: layer.from_secs,
                until_secs: layer.until_secs,
            };
            match &layer.what {
                What::Text { text, color } => {
                    let letters = match &mut letters {
                        Some(letters) => letters,
                        none => none.insert(subtitles::letters(font)?),
                    };
                    let color = csscolorparser::parse(color).context("a title has no colour")?;
                    let [r, g, b, _] = color.to_rgba8();
                    overlay.text(
                        (text, layer.size * short, [r, g, b]),
                        spot,
                        letters,
                        self.size,
                    );
                }
                What::Picture(path) => {
                    let shown = self.scaled(layer, path, short)?;
                    overlay.picture(shown.as_raw(), shown.width() as usize, spot, self.size);
                }
            }
        }
        Ok(())
    }

    fn scaled(&self, layer: &Layer, path: &Path, short: f32) -> anyhow::Result<RgbaImage> {
        let whole = picture::read(path)?;
        let room = self.size.width as f32 * 0.9;
        let by = (layer.size * short / whole.height() as f32).min(room / whole.width() as f32);
        let side = |v: u32| ((v as f32 * by) as u32).max(2) & !1;
        let (width, height) = (side(whole.width()), side(whole.height()));
        Ok(resize(&whole, width, height, FilterType::CatmullRom))
    }
}
