//! Reading a user's picture: any common file becomes upright 8-bit RGBA, and
//! what cannot be read says what to do.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbaImage};

use crate::VisionError;

/// Most pixels that are read: 400 MB of RGBA.
pub const MAX_MEGAPIXELS: u64 = 100;
/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Reads a PNG, JPEG or WebP picture, whatever its name says it is.
///
/// Greyscale, palettes, CMYK, 16 bits and alpha become 8-bit RGBA (sRGB as it
/// is encoded, straight alpha); the EXIF orientation is applied. At most
/// [`MAX_MEGAPIXELS`].
///
/// # Errors
/// One clear error a cause: unreadable, another format (HEIC by name), too
/// large, ending early, damaged.
pub fn load_picture(path: &Path) -> Result<RgbaImage, VisionError> {
    let read = |source| VisionError::Read {
        path: path.to_owned(),
        source,
    };
    let length = std::fs::metadata(path).map_err(read)?.len();
    if length > MAX_FILE_BYTES {
        return Err(VisionError::Damaged {
            path: path.to_owned(),
            reason: format!(
                "{length} bytes are more than a picture of {MAX_MEGAPIXELS} megapixels has"
            ),
        });
    }
    let bytes = std::fs::read(path).map_err(read)?;
    decode(path, &bytes)
}

/// [`load_picture`] of bytes; `path` names them in errors.
fn decode(path: &Path, bytes: &[u8]) -> Result<RgbaImage, VisionError> {
    let path = path.to_owned();
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => format,
        _ => {
            return Err(match foreign(bytes) {
                Some(kind) => VisionError::Foreign { path, kind },
                None => VisionError::NotAPicture { path },
            });
        }
    };
    let complete = match format {
        // The decoder fills what is missing with grey and says nothing.
        ImageFormat::Jpeg => jpeg_is_complete(bytes),
        ImageFormat::WebP => riff_is_complete(bytes),
        _ => true,
    };
    if !complete {
        return Err(VisionError::Truncated { path });
    }
    let failed = |e: ImageError| {
        let early = match &e {
            ImageError::IoError(e) => e.kind() == std::io::ErrorKind::UnexpectedEof,
            ImageError::Decoding(e) => {
                let text = e.to_string().to_lowercase();
                ["unexpected end", "end of file", "eof", "failed to fill"]
                    .iter()
                    .any(|t| text.contains(t))
            }
            _ => false,
        };
        if early {
            return VisionError::Truncated { path: path.clone() };
        }
        VisionError::Damaged {
            path: path.clone(),
            reason: e.to_string(),
        }
    };
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format)
        .into_decoder()
        .map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_MEGAPIXELS * 1_000_000 {
        return Err(VisionError::TooLarge {
            path,
            width,
            height,
            max_megapixels: MAX_MEGAPIXELS,
        });
    }
    if width == 0 || height == 0 {
        return Err(VisionError::Empty {
            path,
            width,
            height,
        });
    }
    // 16-bit RGBA of the largest picture, and as much again to work in.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(2 * 8 * MAX_MEGAPIXELS * 1_000_000);
    decoder.set_limits(limits).map_err(failed)?;
    let orientation = decoder.orientation().map_err(failed)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgba8())
}

/// Formats that people have and that are not read, by their first bytes.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12)? {
            b"avif" | b"avis" => Some("AVIF"),
            b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
                Some("HEIC")
            }
            _ => None,
        };
    }
    match bytes {
        [b'G', b'I', b'F', b'8', ..] => Some("(animated) GIF"),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some("TIFF or raw"),
        [b'B', b'M', ..] => Some("uncompressed BMP"),
        _ => None,
    }
}

/// Whether the file is as long as its header says.
fn riff_is_complete(bytes: &[u8]) -> bool {
    match bytes {
        [_, _, _, _, a, b, c, d, rest @ ..] => {
            rest.len() as u64 >= u64::from(u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => false,
    }
}

/// Whether the end marker follows the picture's data. Walks the segments, for
/// a preview inside has an end marker of its own.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Entropy-coded data runs up to a marker that is neither a stuffed
        // zero, nor a restart, nor fill.
        let Some(skip) = bytes.get(at..).and_then(|rest| {
            rest.windows(2)
                .position(|w| w[0] == 0xFF && !matches!(w[1], 0 | 0xD0..=0xD7 | 0xFF))
        }) else {
            return false;
        };
        at += skip;
        if bytes[at + 1] == 0xD9 {
            return true;
        }
        let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
            return false;
        };
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}
