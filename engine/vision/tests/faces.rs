//! Finding faces: turned, small, several, none; and a folder of portraits.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use glam::Vec2;
use huashen_vision::{FindOptions, load_picture};
use image::imageops::{self, FilterType};
use image::{Rgba, RgbaImage};

/// A plain picture with `small` laid on it at each place.
fn collage(size: (u32, u32), parts: &[(&RgbaImage, i64, i64)]) -> RgbaImage {
    let mut picture = RgbaImage::from_pixel(size.0, size.1, Rgba([90, 110, 120, 255]));
    for (part, x, y) in parts {
        imageops::overlay(&mut picture, *part, *x, *y);
    }
    picture
}

#[test]
fn small_faces_are_found_where_they_are_and_the_largest_comes_first() {
    let Some(finder) = common::finder() else {
        return;
    };
    let whole = common::astronaut();
    let scaled = |w| imageops::resize(&whole, w, w, FilterType::Triangle);
    // Her face has about 105 of 512 pixels.
    let (tiny, middle) = (scaled(200), scaled(300));
    let picture = collage((1600, 1100), &[(&tiny, 1300, 850), (&middle, 100, 600)]);
    let faces = finder.find(&picture, &FindOptions::default()).unwrap();
    assert_eq!(
        faces.len(),
        2,
        "{:?}",
        faces.iter().map(|f| f.bounds).collect::<Vec<_>>()
    );
    let alone = &finder.find(&whole, &FindOptions::default()).unwrap()[0];
    for (face, (w, x, y)) in faces
        .iter()
        .zip([(300.0, 100.0, 600.0), (200.0, 1300.0, 850.0)])
    {
        let scale = w / 512.0;
        let worst = (0..468)
            .map(|i| {
                face.point(i)
                    .distance(alone.point(i) * scale + Vec2::new(x, y))
                    / scale
            })
            .fold(0.0, f32::max);
        println!("at {w}: {worst:.2} px of the original");
        assert!(worst < 6.0, "{worst}");
    }
}

#[test]
fn a_tilted_head_has_the_same_face() {
    let Some(finder) = common::finder() else {
        return;
    };
    let whole = common::astronaut();
    let upright = &finder.find(&whole, &FindOptions::default()).unwrap()[0];
    let center = Vec2::splat(256.0);
    for degrees in [-30.0_f32, 25.0] {
        let turn = Vec2::from_angle(degrees.to_radians());
        let turned = RgbaImage::from_fn(512, 512, |x, y| {
            let at = turn.rotate(Vec2::new(x as f32, y as f32) - center) + center;
            let at = at.round().clamp(Vec2::ZERO, Vec2::splat(511.0)).as_uvec2();
            *whole.get_pixel(at.x, at.y)
        });
        let faces = finder.find(&turned, &FindOptions::default()).unwrap();
        assert_eq!(faces.len(), 1, "at {degrees}");
        let mean = (0..468)
            .map(|i| {
                let back = turn.rotate(faces[0].point(i) - center) + center;
                back.distance(upright.point(i))
            })
            .sum::<f32>()
            / 468.0;
        let roll = faces[0].head.degrees()[2] - upright.head.degrees()[2];
        println!("turned by {degrees}: {mean:.2} px in the mean, roll {roll:.1}");
        assert!(mean < 2.0, "{mean}");
        // The picture turned the other way than it was read.
        assert!((roll - degrees).abs() < 4.0, "{roll} for {degrees}");
    }
}

#[test]
fn nothing_is_no_face() {
    let Some(finder) = common::finder() else {
        return;
    };
    let noise = RgbaImage::from_fn(640, 480, |x, y| {
        let v = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(69_069) >> 16;
        Rgba([v as u8, (v >> 3) as u8, (v >> 5) as u8, 255])
    });
    for picture in [
        collage((640, 480), &[]),
        noise,
        RgbaImage::new(1, 1),
        RgbaImage::new(0, 0),
        RgbaImage::new(3000, 2),
    ] {
        assert!(
            finder
                .find(&picture, &FindOptions::default())
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn a_lost_face_is_said_to_be_lost() {
    let Some(finder) = common::finder() else {
        return;
    };
    let face = &finder
        .find(&common::astronaut(), &FindOptions::default())
        .unwrap()[0];
    let empty = collage((512, 512), &[]);
    assert!(finder.track(&empty, face).unwrap().is_none());
}

#[test]
fn every_person_of_the_portraits_is_found_and_no_animal() {
    let Some(finder) = common::finder() else {
        return;
    };
    let Some(media) = common::media() else { return };
    let mut paths: Vec<_> = std::fs::read_dir(media.join("portraits"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let picture = load_picture(&path).unwrap();
        let start = std::time::Instant::now();
        let faces = finder.find(&picture, &FindOptions::default()).unwrap();
        let millis = start.elapsed().as_millis();
        for (i, face) in faces.iter().enumerate() {
            println!(
                "{name}[{i}] {:.0} px at {:.0}, presence {:.3}, yaw pitch roll {:.0?}",
                face.bounds.size().max_element(),
                face.bounds.center(),
                face.presence,
                face.head.degrees(),
            );
        }
        println!("{name}: {} faces, {millis} ms", faces.len());
        let animal = ["lp_s36", "lp_s41"].contains(&name.as_str());
        if faces.is_empty() != animal {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "wrong for {wrong:?}");
}
