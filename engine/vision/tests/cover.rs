//! How much of a face is said to be covered: as it is, and with covers drawn
//! over it whose true size is known.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use glam::Vec2;
use huashen_vision::{Cover, Face, FaceFinder, FindOptions, load_picture};
use image::{Rgba, RgbaImage, imageops};

/// The outline of the face among the landmarks.
const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];

/// The covers that are drawn. Places on a face: x from -1 at the person's right
/// to 1, y from 0 at the chin to 1 at the top of the forehead.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Drawn {
    Nothing,
    /// One grey from the bridge of the nose down.
    GreyMask,
    /// The same in blue, with folds.
    BlueMask,
    /// The cheek's own colour over mouth and chin.
    Palm,
    /// A black disc before the mouth.
    Microphone,
    /// A black bar over the eyes.
    Bar,
    /// Large black glasses.
    Sunglasses,
    /// Another part of the picture over the person's left half.
    HalfPatch,
    /// One grey from the brows down.
    ToBrows,
    /// Another part of the picture over three quarters.
    MostPatch,
}

const ALL: [Drawn; 10] = [
    Drawn::Nothing,
    Drawn::GreyMask,
    Drawn::BlueMask,
    Drawn::Palm,
    Drawn::Microphone,
    Drawn::Bar,
    Drawn::Sunglasses,
    Drawn::HalfPatch,
    Drawn::ToBrows,
    Drawn::MostPatch,
];

impl Drawn {
    fn covers(self, p: Vec2) -> bool {
        match self {
            Self::Nothing => false,
            Self::GreyMask | Self::BlueMask => p.y < 0.48,
            Self::Palm => p.y < 0.4,
            Self::Microphone => p.distance(Vec2::new(0.0, 0.25)) < 0.22,
            Self::Bar => (p.y - 0.645).abs() < 0.085,
            Self::Sunglasses => [-0.42, 0.42]
                .iter()
                .any(|x| ((p - Vec2::new(*x, 0.63)) * Vec2::new(1.0, 1.9)).length() < 0.33),
            Self::HalfPatch => p.x > 0.0,
            Self::ToBrows => p.y < 0.75,
            Self::MostPatch => p.x > -0.45,
        }
    }

    fn colour(self, picture: &RgbaImage, face: &Face, x: u32, y: u32) -> Rgba<u8> {
        let (w, h) = picture.dimensions();
        let height = (face.point(152) - face.point(10)).length();
        let folds = |times: f32| ((x + y) as f32 / height * times).sin() * 9.0;
        let tinted = |[r, g, b]: [u8; 3], by: f32| {
            let add = |v: u8| (f32::from(v) + by).clamp(0.0, 255.0) as u8;
            Rgba([add(r), add(g), add(b), 255])
        };
        match self {
            Self::Nothing | Self::GreyMask | Self::ToBrows => Rgba([128, 128, 130, 255]),
            Self::BlueMask => tinted([105, 150, 190], folds(40.0)),
            Self::Palm => {
                let cheek = face.point(50).as_uvec2();
                let [r, g, b, _] = picture.get_pixel(cheek.x.min(w - 1), cheek.y.min(h - 1)).0;
                tinted([r, g, b], folds(25.0))
            }
            Self::Microphone | Self::Bar | Self::Sunglasses => Rgba([18, 18, 20, 255]),
            Self::HalfPatch | Self::MostPatch => {
                *picture.get_pixel((x + w / 3) % w, (y + (height * 1.1) as u32) % h)
            }
        }
    }

    /// The picture with the cover drawn over a face, and the part of the face
    /// that it hides.
    fn draw(self, picture: &RgbaImage, face: &Face) -> (RgbaImage, f32) {
        let (chin, top) = (face.point(152), face.point(10));
        let up = top - chin;
        let across = face.point(454) - face.point(234);
        let middle = (face.point(454) + face.point(234)) * 0.5;
        let oval = OVAL.map(|i| face.point(i));
        // Covers reach a little beyond the face.
        let centre = (chin + top) * 0.5;
        let reach = oval.map(|p| centre + (p - centre) * 1.08);
        let mut out = picture.clone();
        let (mut all, mut hidden) = (0, 0);
        for (x, y, pixel) in out.enumerate_pixels_mut() {
            let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
            if !inside(&reach, p) {
                continue;
            }
            let own = u32::from(inside(&oval, p));
            all += own;
            let place = Vec2::new(
                (p - middle).dot(across) / across.length_squared() * 2.0,
                (p - chin).dot(up) / up.length_squared(),
            );
            if self.covers(place) {
                *pixel = self.colour(picture, face, x, y);
                hidden += own;
            }
        }
        (out, hidden as f32 / all as f32)
    }
}

fn inside(line: &[Vec2], p: Vec2) -> bool {
    let mut odd = false;
    let mut b = line[line.len() - 1];
    for &a in line {
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            odd = !odd;
        }
        b = a;
    }
    odd
}

/// True share and what is measured under each cover; `None` where no face is
/// found any more, nothing at all where there was none.
fn measured(
    finder: &FaceFinder,
    picture: &RgbaImage,
    covers: &[Drawn],
) -> Vec<(Drawn, f32, Option<Cover>)> {
    let faces = finder.find(picture, &FindOptions::default()).unwrap();
    let Some(face) = faces.first() else {
        return Vec::new();
    };
    covers
        .iter()
        .map(|drawn| {
            let (hidden, truth) = drawn.draw(picture, face);
            let found = finder.find(&hidden, &FindOptions::default()).unwrap();
            let cover = found.first().map(|f| finder.cover(&hidden, f).unwrap());
            (*drawn, truth, cover)
        })
        .collect()
}

fn print(name: &str, rows: &[(Drawn, f32, Option<Cover>)]) {
    for (drawn, truth, cover) in rows {
        let said = cover.as_ref().map_or("no face".to_owned(), |c| {
            format!(
                "{:3.0} %  eyes {:.2} nose {:.2} mouth {:.2}",
                c.share * 100.0,
                c.eyes,
                c.nose,
                c.mouth
            )
        });
        println!("{name:<15} {drawn:<11?} {:3.0} %: {said}", truth * 100.0);
    }
}

#[test]
fn covers_are_measured_and_the_hidden_parts_named() {
    let Some(finder) = common::finder() else {
        return;
    };
    let rows = measured(&finder, &common::astronaut(), &ALL);
    print("astronaut", &rows);
    for (drawn, truth, cover) in rows {
        // The chin, the nose and the mouth are gone: that may well be no face.
        let Some(cover) = cover else {
            assert_eq!(drawn, Drawn::ToBrows);
            continue;
        };
        // What is small, and what has the skin's colour, is told less well.
        let apart = match drawn {
            Drawn::Nothing | Drawn::GreyMask | Drawn::BlueMask => 0.12,
            _ => 0.25,
        };
        assert!((cover.share - truth).abs() < apart, "{drawn:?}");
        let parts = [cover.eyes, cover.nose, cover.mouth];
        let expected = match drawn {
            Drawn::Nothing => [Some(false); 3],
            Drawn::GreyMask | Drawn::BlueMask => [Some(false), None, Some(true)],
            Drawn::Palm => [Some(false), None, Some(true)],
            Drawn::Bar | Drawn::Sunglasses => [Some(true), Some(false), Some(false)],
            _ => [None; 3],
        };
        for (part, expected) in parts.into_iter().zip(expected) {
            assert!(expected.is_none_or(|e| e == (part > 0.7)), "{drawn:?}");
        }
    }
}

/// Photos, paintings, drawings and a statue.
#[test]
fn portraits_are_hardly_covered_until_they_are() {
    let (Some(finder), Some(media)) = (common::finder(), common::media()) else {
        return;
    };
    let mut paths: Vec<_> = std::fs::read_dir(media.join("portraits"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let picture = load_picture(&path).unwrap();
        let (w, h) = picture.dimensions();
        let scale = (1000.0 / w.max(h) as f32).min(1.0);
        let side = |v: u32| (v as f32 * scale) as u32;
        let picture = imageops::thumbnail(&picture, side(w), side(h));
        let covers = [Drawn::Nothing, Drawn::ToBrows, Drawn::MostPatch];
        let rows = measured(&finder, &picture, &covers);
        let name = path.file_name().unwrap().to_string_lossy();
        print(&name, &rows);
        for (drawn, truth, cover) in rows {
            let share = cover.map(|c| c.share);
            match drawn {
                Drawn::Nothing => assert!(share.unwrap() < 0.2, "{name}: {share:?}"),
                _ => assert!(
                    truth > 0.7 && share.is_none_or(|s| s > 0.5),
                    "{name} {drawn:?}: {share:?} of {truth}"
                ),
            }
        }
    }
}
