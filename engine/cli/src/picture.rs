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
    let size = args.size.as_deref().or(settings.size.as_deref());
    let size: Size = size.unwrap_or("1280x720").parse()?;
    let background = args
        .background
        .as_deref()
        .or(settings.background.as_deref())
        .or(avatar.manifest.background.as_deref());
    let background = match background {
        Some(text) => background_of(text)?,
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
        framing: match args.shot {
            Shot::Face => Framing::Face,
            Shot::Bust => Framing::Bust,
            Shot::Half => Framing::Half,
            Shot::Full => Framing::Full,
        },
        format,
        ..RenderOptions::default()
    })
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
