//! Who is shown and how: flags and settings → avatar and render options.

use std::path::Path;

use anyhow::{Context, bail};
use huashen_avatar::Avatar;
use huashen_core::{PixelFormat, Size, paths};
use huashen_render::{Background, Framing, Look, RenderOptions};
use image::{DynamicImage, ImageDecoder, ImageReader, RgbaImage};

use crate::args::{LookArg, PictureArgs, Shot};
use crate::settings::Settings;

/// Pictures behind the person are read up to this many pixels a side.
const MAX_SIDE: u32 = 16_384;

/// The avatar that was asked for.
pub fn avatar(args: &PictureArgs, settings: &Settings) -> anyhow::Result<Avatar> {
    let name = args
        .avatar
        .as_deref()
        .or(settings.avatar.as_deref())
        .unwrap_or(huashen_avatar::DEFAULT_AVATAR);
    Ok(Avatar::find(name, &paths::avatars_dir())?)
}

/// How it is drawn.
pub fn options(
    args: &PictureArgs,
    settings: &Settings,
    avatar: &Avatar,
    format: PixelFormat,
) -> anyhow::Result<RenderOptions> {
    let size = match args.size.as_deref().or(settings.size.as_deref()) {
        Some(text) => text.parse()?,
        None => own_size(avatar),
    };
    let framing = framing(args);
    let background = args
        .background
        .as_deref()
        .or(settings.background.as_deref())
        .or(avatar.manifest.background.as_deref());
    let background = match background {
        Some(text) => background_of(text)?,
        None if avatar.manifest.photo.is_some() => plate(avatar, framing, size)?,
        None => RenderOptions::default().background,
    };
    if background == Background::Transparent && format != PixelFormat::Rgba8 {
        bail!("an mp4 cannot be transparent: choose a background colour or picture");
    }
    Ok(RenderOptions {
        size,
        background,
        look: match args.look {
            LookArg::Auto => Look::Auto,
            LookArg::Lean => Look::Lean,
            LookArg::Full => Look::Full,
        },
        framing,
        format,
        ..RenderOptions::default()
    })
}

/// How much of the person was asked for.
fn framing(args: &PictureArgs) -> Option<Framing> {
    args.shot.map(|shot| match shot {
        Shot::Face => Framing::Face,
        Shot::Bust => Framing::Bust,
        Shot::Half => Framing::Half,
        Shot::Full => Framing::Full,
    })
}

/// A photo's own size; what most screens show for everyone else.
fn own_size(avatar: &Avatar) -> Size {
    match &avatar.manifest.photo {
        Some(photo) => Size {
            width: photo.width,
            height: photo.height,
        },
        None => Size {
            width: 1280,
            height: 720,
        },
    }
}

/// What was behind the person in the photo: the part that the camera sees.
pub fn plate(avatar: &Avatar, framing: Option<Framing>, size: Size) -> anyhow::Result<Background> {
    let Some(photo) = &avatar.manifest.photo else {
        return Ok(RenderOptions::default().background);
    };
    let whole = read(&avatar.dir.join(&photo.plate))?;
    let window = huashen_avatar::photo_window(avatar, photo, framing, size.aspect());
    let px = |v: f32, most: u32| (v.round().max(0.0) as u32).min(most);
    let (x, y) = (
        px(window.x, whole.width() - 1),
        px(window.y, whole.height() - 1),
    );
    let (w, h) = (
        px(window.width, whole.width() - x).max(1),
        px(window.height, whole.height() - y).max(1),
    );
    let cut = image::imageops::crop_imm(&whole, x, y, w, h).to_image();
    Ok(Background::Picture(
        match (w, h) == (size.width, size.height) {
            true => cut,
            false => image::imageops::resize(
                &cut,
                size.width,
                size.height,
                image::imageops::FilterType::CatmullRom,
            ),
        },
    ))
}

fn background_of(text: &str) -> anyhow::Result<Background> {
    if text.eq_ignore_ascii_case("transparent") {
        return Ok(Background::Transparent);
    }
    let path = Path::new(text);
    if path.is_file() {
        return Ok(Background::Picture(read(path)?));
    }
    let Ok(colour) = csscolorparser::parse(text) else {
        bail!(
            "`{text}` is neither a picture that is there nor a colour: write a file's path, \
             #rrggbb or a colour's name"
        );
    };
    let [r, g, b, a] = colour.to_rgba8();
    if a != 255 {
        bail!(
            "`{text}` lets something through: choose a solid colour, or `transparent` for stills"
        );
    }
    Ok(Background::Color([r, g, b]))
}

/// Reads a picture the right way up.
fn read(path: &Path) -> anyhow::Result<RgbaImage> {
    let failed = || format!("{} cannot be used as a picture", path.display());
    let mut reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .with_context(failed)?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().with_context(failed)?;
    let orientation = decoder.orientation().with_context(failed)?;
    let mut picture = DynamicImage::from_decoder(decoder).with_context(failed)?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgba8())
}
