//! `huashen avatar new`: a photo becomes an avatar (for videos see `avatar_film`).

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use huashen_avatar::photo::{self, PhotoInput};
use huashen_avatar::{Avatar, Kind, Lips, Manifest, Photo};
use huashen_core::{ArkitShape, paths};
use huashen_vision::{Cover, Device, Face, FaceFinder, FindOptions, Segmenter, load_picture};
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use serde::Serialize;

use crate::args::NewAvatar;
use crate::progress::Progress;
use crate::{interrupt, output};

use super::avatar_debug;

/// Photos are worked on, and shown, up to this many pixels a side.
const WORK_SIDE: u32 = 1920;
/// Smaller faces have no lips to move.
const LEAST_FACE_PX: f32 = 96.0;
/// Below this a face looks soft when it fills a picture.
const GOOD_FACE_PX: f32 = 200.0;
/// Farther turned faces hide an eye.
const MOST_YAW: f32 = 45.0;
const GOOD_YAW: f32 = 20.0;
/// Uncovered faces measure up to 11 % (see `huashen_vision`'s `tests/cover.rs`).
const GOOD_COVERED: f32 = 0.2;
const MOST_COVERED: f32 = 0.5;
/// Beyond this nothing that moves was seen.
const MOST_COVERED_BY_FORCE: f32 = 0.75;
/// A part that is covered more surely than this is named; a nose seen from the
/// side measures 0.53.
const PART_COVERED: f32 = 0.7;

/// What was found in a photo.
#[derive(Serialize)]
struct Findings {
    name: String,
    folder: String,
    faces: usize,
    face_px: f32,
    yaw_degrees: f32,
    pitch_degrees: f32,
    roll_degrees: f32,
    /// 0 blurred … 1 crisp.
    sharpness: f32,
    /// 0 shut … 1 wide open.
    mouth_open: f32,
    /// 0 open … 1 shut, of the more open eye.
    eyes_shut: f32,
    /// Part of the face that is inside the picture.
    in_picture: f32,
    /// Part of the face that something hides: a mask, a hand, hair.
    covered: f32,
    /// Parts that are hidden, of eyes, nose and mouth.
    hidden: Vec<&'static str>,
    advice: Vec<String>,
}

pub fn run(args: &NewAvatar, quiet: bool) -> anyhow::Result<ExitCode> {
    let (Some(origin), filmed) = (
        args.photo.as_ref().or(args.video.as_ref()),
        args.video.is_some(),
    ) else {
        bail!("name a --photo or a --video");
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(origin),
    };
    ensure!(
        huashen_avatar::is_name(&name),
        "`{name}` is not a name: use letters, digits, - and _ (--name)"
    );
    let folder = paths::avatars_dir().join(&name);
    ensure!(
        args.force || !folder.exists(),
        "there is an avatar `{name}` already: choose another --name, or add --force to replace it"
    );
    if filmed {
        return super::avatar_film::run(args, origin, &name, quiet);
    }
    let findings = make(args, origin, &name, quiet)?;
    tell(&findings, args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds the avatar of a photo, the whole folder or nothing of it.
fn make(args: &NewAvatar, photo: &Path, name: &str, quiet: bool) -> anyhow::Result<Findings> {
    let folder = paths::avatars_dir().join(name);
    let debug = args.debug.as_deref();
    if let Some(dir) = debug {
        avatar_debug::folder(dir)?;
    }
    let original = load_picture(photo)?;
    let models = paths::models_dir();
    let finder = FaceFinder::open(&models, &Device::Cpu)?;
    let segmenter = Segmenter::open(&models, &Device::Cpu)?;

    let progress = Progress::new("photo", "steps", quiet);
    let (picture, scale) = working(original);
    let faces = finder.find(&picture, &FindOptions::default())?;
    let file = photo.display();
    ensure!(
        !faces.is_empty(),
        "no human face was found in {file}: use a picture in which one person looks towards the camera"
    );
    let Some(face) = args.face.checked_sub(1).and_then(|i| faces.get(i)) else {
        bail!(
            "there is no face {} in {file}: it has {}",
            args.face,
            faces.len()
        );
    };
    let cover = finder.cover(&picture, face)?;
    if let Some(dir) = debug {
        avatar_debug::landmarks(dir, &picture, face, &cover)?;
    }
    let findings = judge(&picture, face, &cover, faces.len(), scale, name, &folder);
    refuse(&findings, args.force, &file.to_string())?;
    interrupt::check()?;

    let matte = matte(&segmenter, &picture)?;
    if let Some(dir) = debug {
        avatar_debug::matte(dir, &matte)?;
    }
    let rgb = DynamicImage::ImageRgba8(picture).into_rgb8();
    let relief = huashen_avatar::photo::build(&PhotoInput {
        picture: &rgb,
        landmarks: &face.landmarks,
        expression: &face.blendshapes,
        matte: &matte,
    })?;
    interrupt::check()?;
    write(name, &folder, photo, &rgb, &relief)?;
    if let Some(dir) = debug {
        avatar_debug::relief(dir, &rgb, &relief.plate, &Avatar::open(&folder)?)?;
    }
    progress.done(&format!("avatar `{name}` with {} points", relief.vertices));
    Ok(findings)
}

/// The name of the avatar of a photo that was dropped somewhere; it is made
/// where there is none of the file's name yet.
pub fn from_dropped(photo: &Path) -> anyhow::Result<String> {
    let name = name_of(photo);
    if !paths::avatars_dir().join(&name).exists() {
        let args = NewAvatar {
            photo: Some(photo.to_owned()),
            video: None,
            consent: None,
            name: Some(name.clone()),
            face: 1,
            force: false,
            json: false,
            debug: None,
        };
        make(&args, photo, &name, false)?;
    }
    Ok(name)
}

/// The same for a video, with the words of who agreed.
pub fn from_dropped_film(video: &Path, consent: &str) -> anyhow::Result<String> {
    let name = name_of(video);
    let folder = paths::avatars_dir().join(&name);
    if !folder.exists() {
        super::avatar_film::from_dropped(video, &name, &folder, consent)
            .with_context(|| format!("{} cannot become an avatar", video.display()))?;
    }
    Ok(name)
}

/// A name made of the file's.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .take(64)
        .collect()
}

/// The photo at a size to work with, both sides even, and how much smaller it is.
fn working(picture: RgbaImage) -> (RgbaImage, f32) {
    let (w, h) = picture.dimensions();
    let scale = (WORK_SIDE as f32 / w.max(h) as f32).min(1.0);
    let side = |v: u32| ((v as f32 * scale).round() as u32).max(2) & !1;
    let (nw, nh) = (side(w), side(h));
    let smaller = if scale < 1.0 {
        image::imageops::resize(&picture, nw, nh, image::imageops::FilterType::Lanczos3)
    } else {
        image::imageops::crop_imm(&picture, 0, 0, nw, nh).to_image()
    };
    (smaller, scale)
}

fn judge(
    picture: &RgbaImage,
    face: &Face,
    cover: &Cover,
    faces: usize,
    scale: f32,
    name: &str,
    folder: &Path,
) -> Findings {
    let size = face.bounds.size();
    let face_px = size.max_element() / scale;
    let [yaw, pitch, roll] = face.head.degrees();
    let w = &face.blendshapes;
    let inside = face
        .landmarks
        .iter()
        .filter(|p| {
            (0.0..picture.width() as f32).contains(&p.x)
                && (0.0..picture.height() as f32).contains(&p.y)
        })
        .count() as f32
        / face.landmarks.len().max(1) as f32;
    let mut advice = Vec::new();
    let sharpness = sharpness(picture, face);
    let mouth_open = w[ArkitShape::JawOpen];
    let eyes_shut = w[ArkitShape::EyeBlinkLeft].min(w[ArkitShape::EyeBlinkRight]);
    if face_px < GOOD_FACE_PX {
        advice.push(format!(
            "the face is {face_px:.0} pixels high: with {GOOD_FACE_PX:.0} or more it stays crisp"
        ));
    }
    if yaw.abs() > GOOD_YAW {
        advice.push(format!(
            "the head is turned by {:.0}°: a face that looks at the camera moves more truly",
            yaw.abs()
        ));
    }
    if sharpness < 0.25 {
        advice.push("the face is blurred: take a sharper picture".to_owned());
    }
    if mouth_open > 0.15 {
        advice.push("the mouth is open: a shut mouth gives cleaner lips".to_owned());
    }
    if eyes_shut > 0.6 {
        advice.push("the eyes are shut: with open eyes the avatar can look".to_owned());
    }
    let hidden: Vec<&str> = [
        ("eyes", cover.eyes),
        ("nose", cover.nose),
        ("mouth", cover.mouth),
    ]
    .into_iter()
    .filter(|(_, covered)| *covered > PART_COVERED)
    .map(|(part, _)| part)
    .collect();
    if cover.share > GOOD_COVERED || !hidden.is_empty() {
        let parts = match hidden.is_empty() {
            true => String::new(),
            false => format!(" ({})", hidden.join(", ")),
        };
        advice.push(format!(
            "{:.0} % of the face is covered{parts}: what is in front of it will move as skin",
            cover.share * 100.0
        ));
    }
    Findings {
        name: name.to_owned(),
        folder: folder.display().to_string(),
        faces,
        face_px,
        yaw_degrees: yaw,
        pitch_degrees: pitch,
        roll_degrees: roll,
        sharpness,
        mouth_open,
        eyes_shut,
        in_picture: inside,
        covered: cover.share,
        hidden,
        advice,
    }
}

/// How much detail a face shows, from 0 to 1: the second difference of its
/// brightness at 192 pixels a face, against that of a crisp photo.
fn sharpness(picture: &RgbaImage, face: &Face) -> f32 {
    const SIDE: u32 = 192;
    const CRISP: f32 = 9.0;
    let b = &face.bounds;
    let at = |v: f32, most: u32| (v.max(0.0) as u32).min(most.saturating_sub(1));
    let low = b.center() - b.size() * 0.5;
    let (x, y) = (at(low.x, picture.width()), at(low.y, picture.height()));
    let w = (b.size().x as u32).clamp(1, picture.width() - x);
    let h = (b.size().y as u32).clamp(1, picture.height() - y);
    let cut = image::imageops::crop_imm(picture, x, y, w, h).to_image();
    let grey = DynamicImage::ImageRgba8(cut)
        .resize_exact(SIDE, SIDE, image::imageops::FilterType::Triangle)
        .into_luma8();
    let mut sum = 0.0;
    for y in 1..SIDE - 1 {
        for x in 1..SIDE - 1 {
            let p = |dx: i32, dy: i32| {
                f32::from(grey.get_pixel((x as i32 + dx) as u32, (y as i32 + dy) as u32)[0])
            };
            sum += (4.0 * p(0, 0) - p(1, 0) - p(-1, 0) - p(0, 1) - p(0, -1)).abs();
        }
    }
    (sum / ((SIDE - 2) * (SIDE - 2)) as f32 / CRISP).min(1.0)
}

/// Says no where nothing good can come of it.
fn refuse(found: &Findings, force: bool, file: &str) -> anyhow::Result<()> {
    ensure!(
        found.face_px >= LEAST_FACE_PX || (force && found.face_px >= LEAST_FACE_PX / 2.0),
        "the face in {file} is only {:.0} pixels high, {LEAST_FACE_PX:.0} are needed: use a larger picture",
        found.face_px
    );
    ensure!(
        found.yaw_degrees.abs() <= MOST_YAW,
        "the head in {file} is turned by {:.0}°, {MOST_YAW:.0}° at most: use a picture that looks towards the camera",
        found.yaw_degrees.abs()
    );
    ensure!(
        found.in_picture >= 0.5,
        "more than half of the face in {file} is outside of the picture"
    );
    let percent = found.covered * 100.0;
    ensure!(
        found.covered <= MOST_COVERED_BY_FORCE,
        "more than half of the face in {file} is covered ({percent:.0} %): use a picture with nothing in front of the face"
    );
    ensure!(
        found.covered <= MOST_COVERED || force,
        "more than half of the face in {file} is covered ({percent:.0} %): use a picture with nothing in front of the face, or add --force"
    );
    Ok(())
}

/// A cut-out's own alpha, else what the segmenter sees.
fn matte(segmenter: &Segmenter, picture: &RgbaImage) -> anyhow::Result<GrayImage> {
    let matte = segmenter.matte(picture)?;
    let bytes = matte
        .alpha
        .iter()
        .map(|a| (a.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect();
    GrayImage::from_raw(matte.width, matte.height, bytes)
        .context("the matte has another size: this is a bug, please report it")
}

/// The whole folder, or nothing of it.
fn write(
    name: &str,
    folder: &Path,
    photo: &Path,
    picture: &RgbImage,
    relief: &photo::Relief,
) -> anyhow::Result<()> {
    let parent = folder.parent().context("avatars have no folder")?;
    std::fs::create_dir_all(parent)
        .with_context(|| format!("{} cannot be made", parent.display()))?;
    let temp = tempfile::Builder::new()
        .prefix(".huashen-")
        .tempdir_in(parent)
        .with_context(|| format!("{} cannot be written", parent.display()))?;
    let [upper, lower] = relief.lips.clone();
    let manifest = Manifest {
        name: name.to_owned(),
        title: Default::default(),
        kind: Kind::Photo,
        file: "relief.glb".to_owned(),
        licence: "as the photo's".to_owned(),
        source: photo.file_name().map_or_else(
            || "a photo".to_owned(),
            |f| f.to_string_lossy().into_owned(),
        ),
        voices: Default::default(),
        background: None,
        calibration: Default::default(),
        lips: Some(Lips {
            mesh: "relief".to_owned(),
            upper,
            lower,
        }),
        video: None,
        photo: Some(Photo {
            width: picture.width(),
            height: picture.height(),
            metres_per_px: relief.metres_per_px,
            plate: "plate.png".to_owned(),
        }),
    };
    let dir = temp.path();
    output::write_whole(&dir.join("relief.glb"), &relief.glb)?;
    output::write_file(&dir.join("plate.png"), |file| {
        use image::ImageEncoder;
        image::codecs::png::PngEncoder::new(file).write_image(
            &relief.plate,
            relief.plate.width(),
            relief.plate.height(),
            image::ExtendedColorType::Rgb8,
        )?;
        Ok(())
    })?;
    output::write_whole(
        &dir.join("avatar.toml"),
        toml::to_string(&manifest)?.as_bytes(),
    )?;
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("{} cannot be replaced", folder.display()))?;
    }
    std::fs::rename(temp.keep(), folder)
        .with_context(|| format!("{} cannot be written", folder.display()))
}

fn tell(found: &Findings, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(found);
    }
    let line = |label: &str, text: String| output::line(&format!("{label:<10} {text}"));
    line("avatar", found.name.clone())?;
    line("folder", found.folder.clone())?;
    line(
        "face",
        format!(
            "{:.0} pixels high, turned {:.0}° sideways, {:.0}° up{}",
            found.face_px,
            found.yaw_degrees,
            found.pitch_degrees,
            match found.faces {
                1 => String::new(),
                n => format!("; one of {n} faces"),
            }
        ),
    )?;
    line("sharpness", format!("{:.0} %", found.sharpness * 100.0))?;
    line(
        "mouth",
        match found.mouth_open > 0.15 {
            true => "open".to_owned(),
            false => "shut".to_owned(),
        },
    )?;
    line("covered", format!("{:.0} %", found.covered * 100.0))?;
    for advice in &found.advice {
        line("advice", advice.clone())?;
    }
    line(
        "next",
        format!(
            "huashen render hello.txt --avatar {} -o hello.mp4",
            found.name
        ),
    )
}
