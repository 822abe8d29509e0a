//! Who is shown and how: flags and settings → avatar and render options.

use std::path::Path;

use anyhow::{Context, bail};
use huashen_avatar::{Avatar, Lens};
use huashen_core::{Joint, PixelFormat, Size};
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
    Ok(crate::footage::avatar(name)?)
}

/// The picture's size: as asked for, its own, or what most screens show;
/// `longest` is the most that a size nobody asked for may have a side.
pub fn size(
    args: &PictureArgs,
    settings: &Settings,
    avatar: &Avatar,
    longest: u32,
) -> anyhow::Result<Size> {
    let Some(text) = args.size.as_deref().or(settings.size.as_deref()) else {
        let Size { width, height } = own_size(avatar);
        let most = width.max(height);
        let side = |v: u32| match most > longest {
            true => (v * longest / most).max(64) & !1,
            false => v,
        };
        return Ok(Size {
            width: side(width),
            height: side(height),
        });
    };
    Ok(text.parse()?)
}

/// Whether nothing is to be behind the person.
pub fn is_transparent(args: &PictureArgs, settings: &Settings, avatar: &Avatar) -> bool {
    background_text(args, settings, avatar).is_some_and(is_clear)
}

fn background_text<'a>(
    args: &'a PictureArgs,
    settings: &'a Settings,
    avatar: &'a Avatar,
) -> Option<&'a str> {
    args.background
        .as_deref()
        .or(settings.background.as_deref())
        .or(avatar.manifest.background.as_deref())
}

/// Whether a background is none.
pub fn is_clear(text: &str) -> bool {
    text.eq_ignore_ascii_case("transparent")
}

/// How it is drawn.
pub fn options(
    args: &PictureArgs,
    settings: &Settings,
    avatar: &Avatar,
    size: Size,
    format: PixelFormat,
) -> anyhow::Result<RenderOptions> {
    let framing = framing(args);
    if avatar.video.is_some() && framing.is_some() {
        bail!(
            "{} is footage and is shown as it was filmed: leave out --shot, and choose the shape by --size",
            avatar.manifest.name
        );
    }
    let background = match background_text(args, settings, avatar) {
        Some(text) => {
            let background = background_of(text)?;
            crate::footage::cut_out(avatar)?;
            background
        }
        None if avatar.video.is_some() => Background::AsFilmed,
        None if avatar.manifest.photo.is_some() => plate(avatar, framing, size)?,
        None => RenderOptions::default().background,
    };
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

/// A photo's or footage's own size; what most screens show for everyone else.
fn own_size(avatar: &Avatar) -> Size {
    match &avatar.manifest.photo {
        Some(photo) => Size {
            width: photo.width,
            height: photo.height,
        },
        None => match &avatar.video {
            Some(video) => video.size(),
            None => Size {
                width: 1280,
                height: 720,
            },
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

/// Where the face is in the picture, with room to move: left, top, right,
/// bottom in pixels. None where the model has no eyes.
pub fn face_px(avatar: &Avatar, framing: Option<Framing>, size: Size) -> Option<[f32; 4]> {
    if let Some(video) = &avatar.video {
        return video.face_px(video.shown(size));
    }
    let left = avatar.model.joint_position(Joint::LeftEye)?;
    let right = avatar.model.joint_position(Joint::RightEye)?;
    let camera = huashen_avatar::camera(avatar, framing, size.aspect());
    let middle = (left + right) * 0.5;
    // Metres from the picture's lower to its upper edge, where the eyes are.
    let tall = match camera.lens {
        Lens::Perspective { fov_y } => 2.0 * (camera.eye.z - middle.z) * (fov_y * 0.5).tan(),
        Lens::Orthographic { height } => height,
    };
    let px_per_m = size.height as f32 / tall.max(1e-4);
    let x = size.width as f32 * 0.5 + (middle.x - camera.target.x) * px_per_m;
    let y = size.height as f32 * 0.5 - (middle.y - camera.target.y) * px_per_m;
    // A face is about three and a half times as wide and as tall, from brow to
    // chin, as its eyes are apart.
    let unit = left.distance(right) * px_per_m;
    Some([
        x - 1.75 * unit,
        y - 1.3 * unit,
        x + 1.75 * unit,
        y + 2.3 * unit,
    ])
}

/// A colour or a picture.
pub fn background_of(text: &str) -> anyhow::Result<Background> {
    if is_clear(text) {
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
        bail!("`{text}` lets something through: choose a solid colour, or `transparent`");
    }
    Ok(Background::Color([r, g, b]))
}

/// Reads a picture the right way up.
pub fn read(path: &Path) -> anyhow::Result<RgbaImage> {
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
