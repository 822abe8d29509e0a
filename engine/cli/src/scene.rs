//! `--scene FILE`: from the flags and the file to what is around the person.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use huashen_core::{FrameRate, Mark, Size};
use huashen_media::{Fit, Playback};
use huashen_overlay::{Lettering, Overlay, Spot};
use huashen_pipeline::Sound;
use huashen_pipeline::batch::{Problem, file_sha256};
use huashen_pipeline::scene::{Area, Canvas, Holds, Layer, Scene, What, turns};
use huashen_render::{Background, cover};
use huashen_script::Script;
use huashen_speech::Loudness;
use image::imageops::{FilterType, resize};
use image::{ImageFormat, ImageReader, RgbaImage};

use crate::args::{PictureArgs, Render};
use crate::bookend::Bookend;
use crate::picture;
use crate::settings::Settings;
use crate::soundtrack::Soundtrack;
use crate::subtitles;

/// A scene for one clip.
pub struct Setting {
    scene: Scene,
    pub size: Size,
    person: Area,
    back: Back,
}

/// What is behind everything.
enum Back {
    Still(RgbaImage),
    Video(PathBuf),
}

/// What is in the file at `path`.
///
/// # Errors
/// One sentence where nothing of it can be used.
pub fn holds(path: &Path) -> Result<Holds, String> {
    let format = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| format!("it cannot be read: {e}"))?
        .format();
    // These two move, or may.
    if format.is_some_and(|f| f != ImageFormat::Gif) {
        return Ok(Holds {
            picture: true,
            ..Holds::default()
        });
    }
    let info = huashen_media::probe(path).map_err(|e| without_path(&e.to_string(), path))?;
    let any = |kind| info.streams.iter().any(|s| s.kind == kind);
    Ok(Holds {
        picture: false,
        video: any("video"),
        sound: any("audio"),
    })
}

/// A text without the path that is told beside it already.
pub fn without_path(text: &str, path: &Path) -> String {
    let path = path.display().to_string();
    match text.strip_prefix(&path) {
        Some(rest) => format!("it{rest}").replacen("it:", "", 1).trim().to_owned(),
        None => text.to_owned(),
    }
}

/// The video that `text` names as a background; none where it is something else.
fn video(text: &str) -> Option<PathBuf> {
    let path = PathBuf::from(text);
    let moves = path.is_file() && holds(&path).is_ok_and(|holds| holds.video);
    moves.then_some(path)
}

/// Whether `text` can be behind the person.
pub fn check_background(text: &str) -> anyhow::Result<()> {
    match video(text) {
        Some(_) => Ok(()),
        None => picture::background_of(text).map(|_| ()),
    }
}

/// The scene at `path`, or all that is wrong with it.
pub fn read(path: &Path) -> Result<Scene, Vec<Problem>> {
    let is_color = |text: &str| csscolorparser::parse(text).is_ok_and(|c| c.a >= 1.0);
    Scene::read(path, &is_color, &holds)
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
        let asked = args.picture.background.as_ref();
        let scene = match &args.scene {
            Some(path) => {
                let mut scene = read(path).map_err(|problems| anyhow!(told(path, &problems)))?;
                scene
                    .fill(&args.values)
                    .map_err(|wrong| anyhow!("{}: {}", path.display(), wrong.join("; ")))?;
                scene
            }
            // A video behind the person makes a scene by itself.
            None if asked.is_some_and(|text| video(text).is_some()) => Scene::plain(),
            None => return Ok(None),
        };
        let text = asked.unwrap_or(&scene.background);
        let moving = video(text);
        let asked = args.picture.size.as_deref().or(settings.size.as_deref());
        let usual = scene.aspect.map_or("1280x720", |aspect| aspect.size());
        let mut size: Size = asked.unwrap_or(usual).parse()?;
        let most = size.width.max(size.height);
        if asked.is_none() && most > longest {
            let side = |v: u32| (v * longest / most).max(64) & !1;
            (size.width, size.height) = (side(size.width), side(size.height));
        }
        let back = match moving {
            Some(path) => Back::Video(path),
            None => Back::Still(match picture::background_of(text)? {
                Background::Color([r, g, b]) => {
                    RgbaImage::from_pixel(size.width, size.height, [r, g, b, 255].into())
                }
                Background::Picture(picture) => cover(&picture, size),
                Background::Transparent | Background::AsFilmed => {
                    bail!("a scene has something behind it: leave out --background, or --scene")
                }
            }),
        };
        let (person, _) = scene.areas(size);
        Ok(Some(Self {
            scene,
            size,
            person,
            back,
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

    /// Whether every page that `script` turns to is there.
    pub fn check_pages(&self, script: &Script) -> anyhow::Result<()> {
        self.scene
            .has_pages_for(script)
            .map_err(|text| anyhow!(text))
    }

    /// What is behind the person, with the pages that `marks` turn to, and the
    /// video behind all of it; takes those marks out.
    pub fn canvas(&self, marks: &mut Vec<Mark>) -> anyhow::Result<(Canvas, Option<Playback>)> {
        let (still, video) = match &self.back {
            Back::Still(picture) => (Some(picture.clone()), None),
            Back::Video(path) => {
                let video = Playback::open(path, self.size, Fit::Cover, true)?;
                (None, Some(video))
            }
        };
        let canvas = Canvas::new(&self.scene, still, turns(marks), self.size)
            .map_err(|text| anyhow!(text))?;
        Ok((canvas, video))
    }

    /// What is heard beside the voice; none where there is nothing.
    pub fn soundtrack(
        &self,
        sound: &Sound,
        loudness: Loudness,
    ) -> anyhow::Result<Option<Soundtrack>> {
        let Scene {
            music,
            intro,
            outro,
            ..
        } = &self.scene;
        if music.is_none() && intro.is_none() && outro.is_none() {
            return Ok(None);
        }
        Soundtrack::new(sound, loudness, music.as_ref()).map(Some)
    }

    /// What comes before the person, and after.
    pub fn bookends(
        &self,
        rate: FrameRate,
        loudness: Loudness,
    ) -> anyhow::Result<[Option<Bookend>; 2]> {
        let open = |path: &Option<PathBuf>| {
            let open = |path| Bookend::open(path, self.size, rate, loudness);
            path.as_deref().map(open).transpose()
        };
        Ok([open(&self.scene.intro)?, open(&self.scene.outro)?])
    }

    /// Lays titles and pictures over everything; subtitles are there before.
    pub fn layers(&self, overlay: &mut Overlay, font: Option<&Path>) -> anyhow::Result<()> {
        let mut letters: Option<Lettering> = None;
        let titles: String = self.scene.titles().collect();
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
                        none => {
                            let letters = none.insert(subtitles::letters(font)?);
                            subtitles::check_letters(letters, &titles);
                            letters
                        }
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
