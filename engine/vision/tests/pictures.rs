//! Every kind of file that people have.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Cursor;
use std::path::PathBuf;

use huashen_vision::{VisionError, load_picture};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgba, RgbaImage};

/// Writes `bytes` to a file whose name lies about the format.
fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("picture.dat");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn load(bytes: &[u8]) -> Result<RgbaImage, VisionError> {
    let (_dir, path) = file(bytes);
    load_picture(&path)
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG whose EXIF says that the camera was held this way.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend(((exif.len() + 2) as u16).to_be_bytes());
    bytes.extend(&exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

#[test]
fn depths_and_colours_become_rgba() {
    let rgba = RgbaImage::from_pixel(5, 3, Rgba([200, 100, 50, 128]));
    let png = encoded(&DynamicImage::ImageRgba8(rgba.clone()), ImageFormat::Png);
    assert_eq!(load(&png).unwrap(), rgba);
    let webp = encoded(&DynamicImage::ImageRgba8(rgba.clone()), ImageFormat::WebP);
    assert_eq!(load(&webp).unwrap(), rgba);

    let deep: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_pixel(4, 4, Luma([0x8080_u16]));
    let png = encoded(&DynamicImage::ImageLuma16(deep), ImageFormat::Png);
    assert_eq!(
        load(&png).unwrap().get_pixel(1, 1),
        &Rgba([128, 128, 128, 255])
    );

    let grey = DynamicImage::ImageLuma8(GrayImage::from_pixel(16, 16, Luma([90])));
    let jpeg = encoded(&grey, ImageFormat::Jpeg);
    assert_eq!(
        load(&jpeg).unwrap().get_pixel(8, 8),
        &Rgba([90, 90, 90, 255])
    );
}

#[test]
fn a_cmyk_jpeg_has_its_colours() {
    // Left half red, right half blue; made with Pillow, which writes them
    // inverted as Adobe does.
    let picture = load_picture(&common::fixture("cmyk.jpg")).unwrap();
    let near = |x: u32, rgb: [u8; 3]| {
        let found = picture.get_pixel(x, 8);
        let apart = (0..3).map(|c| found[c].abs_diff(rgb[c])).max().unwrap();
        assert!(apart < 40, "{found:?} for {rgb:?}");
    };
    near(4, [230, 20, 20]);
    near(28, [20, 20, 230]);
}

#[test]
fn the_camera_may_be_held_any_way() {
    // Dark on the left, bright on the right.
    let picture = GrayImage::from_fn(32, 16, |x, _| Luma([(x * 8) as u8]));
    let jpeg = encoded(&DynamicImage::ImageLuma8(picture), ImageFormat::Jpeg);
    let upright = load(&turned(&jpeg, 1)).unwrap();
    assert_eq!(upright.dimensions(), (32, 16));
    // 6: turn it clockwise to see it; the left becomes the top.
    let clockwise = load(&turned(&jpeg, 6)).unwrap();
    assert_eq!(clockwise.dimensions(), (16, 32));
    assert!(clockwise.get_pixel(8, 1)[0] < 40 && clockwise.get_pixel(8, 30)[0] > 200);
    let over = load(&turned(&jpeg, 3)).unwrap();
    assert!(over.get_pixel(1, 8)[0] > 200 && over.get_pixel(30, 8)[0] < 40);
}

#[test]
fn a_file_that_ends_early_is_said_to_end_early() {
    let whole = std::fs::read(common::fixture("astronaut.jpg")).unwrap();
    let picture = DynamicImage::ImageRgba8(common::astronaut());
    // A preview inside must not be taken for the end.
    let mut with_preview = whole[..2].to_vec();
    with_preview.extend([0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9]);
    with_preview.extend(&whole[2..]);
    assert!(load(&with_preview).is_ok());
    for bytes in [
        whole,
        with_preview,
        encoded(&picture, ImageFormat::Png),
        encoded(&picture, ImageFormat::WebP),
    ] {
        for part in [2, 3, 10] {
            let error = load(&bytes[..bytes.len() - bytes.len() / part]).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, VisionError::Truncated { .. }), "{text}");
            assert!(text.contains("copy or download the file again"), "{text}");
        }
    }
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let heic = load(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        .unwrap_err()
        .to_string();
    assert!(
        heic.contains("HEIC") && heic.contains("export it as JPEG or PNG"),
        "{heic}"
    );
    let text = load(b"#!/bin/sh").unwrap_err();
    assert!(matches!(text, VisionError::NotAPicture { .. }));
    assert!(matches!(
        load(b"").unwrap_err(),
        VisionError::NotAPicture { .. }
    ));
    assert!(matches!(
        load(b"GIF89a....").unwrap_err(),
        VisionError::Foreign { .. }
    ));
    let missing = load_picture(&PathBuf::from("no/such/file.png")).unwrap_err();
    assert!(matches!(missing, VisionError::Read { .. }));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    // A PNG header that claims 60000 × 60000 pixels.
    let small = DynamicImage::ImageLuma8(GrayImage::new(8, 8));
    let mut png = encoded(&small, ImageFormat::Png);
    png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = load(&png).unwrap_err();
    assert!(matches!(error, VisionError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("60000x60000"), "{error}");
}

/// PNG's checksum.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |c, _| {
            (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg())
        })
    })
}

#[test]
fn damage_is_an_error_and_no_panic() {
    let jpeg = std::fs::read(common::fixture("astronaut.jpg")).unwrap();
    let small = image::imageops::thumbnail(&common::astronaut(), 64, 64);
    let small = DynamicImage::ImageRgba8(small);
    for bytes in [
        jpeg,
        encoded(&small, ImageFormat::Png),
        encoded(&small, ImageFormat::WebP),
    ] {
        let (dir, path) = file(&bytes);
        for seed in 0..60_usize {
            let mut damaged = bytes.clone();
            for i in 0..8 {
                let at = seed.wrapping_mul(7919).wrapping_add(i * 104_729) % damaged.len();
                damaged[at] ^= (seed + 37 * i + 1) as u8;
            }
            std::fs::write(&path, damaged).unwrap();
            let _ = load_picture(&path);
        }
        drop(dir);
    }
}
