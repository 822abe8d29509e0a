//! Draws what is seen in a picture: landmarks, irises, boxes, head axes; beside
//! it the matte, coarse and refined, and the cut-out on green.
//!
//! `cargo run --release -p huashen-vision --example look -- picture.jpg out.png`
#![allow(clippy::print_stdout, reason = "an example tells what it saw")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use glam::{Vec2, Vec3};
use huashen_core::paths::models_dir;
use huashen_vision::{
    Face, FaceFinder, FindOptions, MESH_COUNT, Segmenter, VisionError, load_picture,
};
use image::{Rgba, RgbaImage, imageops};

/// Longer side of each panel.
const PANEL: u32 = 900;

fn dot(picture: &mut RgbaImage, at: Vec2, radius: f32, colour: [u8; 3]) {
    let r = radius.ceil() as i64;
    for dy in -r..=r {
        for dx in -r..=r {
            let (x, y) = (at.x.round() as i64 + dx, at.y.round() as i64 + dy);
            let near = Vec2::new(dx as f32, dy as f32).length() <= radius;
            if near
                && let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
                && let Some(p) = picture.get_pixel_mut_checked(x, y)
            {
                *p = Rgba([colour[0], colour[1], colour[2], 255]);
            }
        }
    }
}

fn line(picture: &mut RgbaImage, from: Vec2, to: Vec2, colour: [u8; 3]) {
    let steps = from.distance(to).ceil().clamp(1.0, 10_000.0);
    for i in 0..=steps as usize {
        dot(picture, from.lerp(to, i as f32 / steps), 1.0, colour);
    }
}

fn draw(picture: &mut RgbaImage, face: &Face, scale: f32) {
    let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
        .map(|(x, y)| face.roi.point(Vec2::new(x, y)) * scale);
    for i in 0..4 {
        line(picture, corners[i], corners[(i + 1) % 4], [255, 200, 0]);
    }
    for (i, p) in face.landmarks.iter().enumerate() {
        let colour = if i < MESH_COUNT {
            [0, 255, 120]
        } else {
            [255, 40, 40]
        };
        dot(picture, p.truncate() * scale, 1.2, colour);
    }
    // The head's axes from the nose: x red, y green, z blue.
    let nose = face.point(4) * scale;
    let length = face.bounds.size().y * 0.5 * scale;
    for (axis, colour) in [
        (Vec3::X, [255, 0, 0]),
        (Vec3::Y, [0, 200, 0]),
        (Vec3::Z, [60, 60, 255]),
    ] {
        let turned = face.head.camera_from_head.transform_vector3(axis);
        line(
            picture,
            nose,
            nose + Vec2::new(turned.x, -turned.y) * length,
            colour,
        );
    }
}

fn main() -> Result<(), VisionError> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(output)) = (args.next(), args.next()) else {
        println!("usage: look PICTURE OUT.png");
        return Ok(());
    };
    let finder = FaceFinder::open(&models_dir(), &Device::Cpu)?;
    let segmenter = Segmenter::open(&models_dir(), &Device::Cpu)?;
    let picture = load_picture(&input)?;

    let start = Instant::now();
    let faces = finder.find(&picture, &FindOptions::default())?;
    println!("{} faces in {:.0?}", faces.len(), start.elapsed());
    if let Some(face) = faces.first() {
        let start = Instant::now();
        finder.track(&picture, face)?;
        println!("tracked in {:.1?}", start.elapsed());
        let mut active: Vec<_> = face.blendshapes.active().collect();
        active.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (shape, weight) in active.iter().take(6) {
            println!("  {} {weight:.2}", shape.name());
        }
        println!("  yaw, pitch, roll {:.1?}", face.head.degrees());
    }
    let start = Instant::now();
    let coarse = segmenter.coarse(&picture)?;
    let segmented = start.elapsed();
    let matte = coarse.refined(&picture);
    println!(
        "matte in {segmented:.0?}, refined in {:.0?}",
        start.elapsed() - segmented
    );

    let scale = PANEL as f32 / picture.width().max(picture.height()) as f32;
    let (w, h) = (
        (picture.width() as f32 * scale) as u32,
        (picture.height() as f32 * scale) as u32,
    );
    let mut seen = imageops::resize(&picture, w, h, imageops::FilterType::Triangle);
    for face in &faces {
        draw(&mut seen, face, scale);
    }
    let rough = RgbaImage::from_fn(w, h, |x, y| {
        let at = (Vec2::new(x as f32, y as f32) + 0.5) / Vec2::new(w as f32, h as f32);
        let v = (coarse.at(at * 256.0 - 0.5) * 255.0) as u8;
        Rgba([v, v, v, 255])
    });
    let fine = RgbaImage::from_fn(picture.width(), picture.height(), |x, y| {
        let v = (matte.alpha[(y * matte.width + x) as usize] * 255.0) as u8;
        Rgba([v, v, v, 255])
    });
    let cut = RgbaImage::from_fn(picture.width(), picture.height(), |x, y| {
        let a = matte.alpha[(y * matte.width + x) as usize];
        let p = picture.get_pixel(x, y);
        let over = |c: usize, ground: f32| (f32::from(p[c]) * a + ground * (1.0 - a)) as u8;
        Rgba([over(0, 20.0), over(1, 200.0), over(2, 40.0), 255])
    });
    let mut sheet = RgbaImage::new(2 * w, 2 * h);
    imageops::overlay(&mut sheet, &seen, 0, 0);
    imageops::overlay(&mut sheet, &rough, i64::from(w), 0);
    for (panel, x) in [(&fine, 0), (&cut, w)] {
        let panel = imageops::resize(panel, w, h, imageops::FilterType::Triangle);
        imageops::overlay(&mut sheet, &panel, i64::from(x), i64::from(h));
    }
    save(&sheet, &output)
}

fn save(sheet: &RgbaImage, path: &Path) -> Result<(), VisionError> {
    sheet.save(path).map_err(|e| VisionError::Read {
        path: path.to_owned(),
        source: std::io::Error::other(e),
    })
}
