//! How much of a face is said to be covered: as it is, and with covers drawn on.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use glam::Vec2;
use huashen_vision::{Face, FaceFinder, FindOptions, load_picture};
use image::{Rgba, RgbaImage};

const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];

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

/// Covers what is inside of the face's outline (a little larger) where `covers`
/// says so of its place: x from -1 at the person's right to 1, y from 0 at the
/// chin to 1 at the top. Gives the true share as well.
fn covered(
    picture: &RgbaImage,
    face: &Face,
    covers: impl Fn(Vec2) -> bool,
    colour: impl Fn(u32, u32) -> Rgba<u8>,
) -> (RgbaImage, f32) {
    let (chin, top) = (face.point(152), face.point(10));
    let up = top - chin;
    let across = face.point(454) - face.point(234);
    let middle = (face.point(454) + face.point(234)) * 0.5;
    let oval: Vec<Vec2> = OVAL.iter().map(|i| face.point(*i)).collect();
    let centre = (chin + top) * 0.5;
    let wide: Vec<Vec2> = oval.iter().map(|p| centre + (*p - centre) * 1.08).collect();
    let mut out = picture.clone();
    let (mut all, mut hidden) = (0.0, 0.0_f32);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
        if !inside(&wide, p) {
            continue;
        }
        let own = inside(&oval, p);
        all += f32::from(u8::from(own));
        let place = Vec2::new(
            (p - middle).dot(across) / across.length_squared() * 2.0,
            (p - chin).dot(up) / up.length_squared(),
        );
        if covers(place) {
            *pixel = colour(x, y);
            hidden += f32::from(u8::from(own));
        }
    }
    (out, hidden / all)
}

type Covers = Box<dyn Fn(Vec2) -> bool>;
type Paint<'a> = Box<dyn Fn(u32, u32) -> Rgba<u8> + 'a>;

fn rows(name: &str, picture: &RgbaImage, finder: &FaceFinder) {
    let faces = finder.find(picture, &FindOptions::default()).unwrap();
    let Some(face) = faces.first() else {
        println!("{name:<12} no face");
        return;
    };
    let (w, h) = picture.dimensions();
    let chin = face.point(152) - face.point(10);
    let grey = |_, _| Rgba([128, 128, 130, 255]);
    let dark = |_, _| Rgba([18, 18, 20, 255]);
    let blue = |x: u32, y: u32| {
        let fold = ((y as f32 / chin.y * 40.0).sin() * 9.0 + x as f32 / w as f32 * 20.0) as i32;
        Rgba([105 + fold, 150 + fold, 190 + fold, 255].map(|v: i32| v.clamp(0, 255) as u8))
    };
    let patch =
        |x: u32, y: u32| *picture.get_pixel((x + w / 3) % w, (y + (chin.y * 1.1) as u32) % h);
    let skin = {
        let at =
            (face.point(50) + face.point(280)) * 0.5 + (face.point(50) - face.point(280)) * 0.5;
        *picture.get_pixel((at.x as u32).min(w - 1), (at.y as u32).min(h - 1))
    };
    let palm = move |x: u32, y: u32| {
        let n = ((x * 31 + y * 17) % 7) as i32 - 3;
        let shade = ((x as f32 / chin.y * 25.0).sin() * 10.0) as i32;
        Rgba(
            skin.0
                .map(|v| (i32::from(v) + n + shade).clamp(0, 255) as u8),
        )
    };
    let below = |line: f32| -> Covers { Box::new(move |p| p.y < line) };
    let bar: Covers = Box::new(|p| (p.y - 0.645).abs() < 0.085);
    let half: Covers = Box::new(|p| p.x > 0.0);
    let most: Covers = Box::new(|p| p.x > -0.45);
    let mic: Covers = Box::new(|p| (p - Vec2::new(0.0, 0.25)).length() < 0.22);
    let lenses: Covers = Box::new(|p| {
        [-0.42, 0.42]
            .iter()
            .any(|x| ((p - Vec2::new(*x, 0.63)) * Vec2::new(1.0, 1.9)).length() < 0.33)
    });
    let plain: Covers = Box::new(|_| false);
    let all: Vec<(&str, Covers, Paint<'_>)> = vec![
        ("as it is", plain, Box::new(grey)),
        ("mask grey", below(0.48), Box::new(grey)),
        ("mask blue", below(0.48), Box::new(blue)),
        ("palm", below(0.40), Box::new(palm)),
        ("mic", mic, Box::new(dark)),
        ("bar", bar, Box::new(dark)),
        ("sunglasses", lenses, Box::new(dark)),
        ("half patch", half, Box::new(patch)),
        ("to brows", below(0.75), Box::new(grey)),
        ("3/4 patch", most, Box::new(patch)),
    ];
    for (cover, covers, colour) in all {
        let (hidden, truth) = covered(picture, face, covers, colour);
        let faces = finder.find(&hidden, &FindOptions::default()).unwrap();
        let Some(found) = faces.first() else {
            println!("{name:<12} {cover:<10} {:>3.0} % no face", truth * 100.0);
            continue;
        };
        let said = finder.cover(&hidden, found).unwrap();
        println!(
            "{name:<12} {cover:<10} {:>3.0} % {:>3.0}",
            truth * 100.0,
            said.share * 100.0
        );
        println!(
            "   eyes {:.2} nose {:.2} mouth {:.2}",
            said.eyes, said.nose, said.mouth
        );
        let mut shown = hidden.clone();
        let low = found.bounds.min.max(Vec2::ZERO).as_uvec2();
        for (corners, covered) in &said.cells {
            let lo = corners[0].min(corners[1]).min(corners[2]).floor();
            let hi = corners[0].max(corners[1]).max(corners[2]).ceil();
            for y in lo.y as i64..hi.y as i64 {
                for x in lo.x as i64..hi.x as i64 {
                    let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
                    if x >= 0 && y >= 0 && (x as u32) < w && (y as u32) < h && inside(corners, p) {
                        let px = shown.get_pixel_mut(x as u32, y as u32);
                        px[0] = (f32::from(px[0]) * (1.0 - 0.6 * covered) + 255.0 * 0.6 * covered)
                            as u8;
                        px[1] = (f32::from(px[1]) * (1.0 - 0.6 * covered)) as u8;
                    }
                }
            }
        }
        let size = found.bounds.size().as_uvec2();
        let cut = image::imageops::crop_imm(
            &shown,
            low.x,
            low.y,
            size.x.min(w - low.x),
            size.y.min(h - low.y),
        )
        .to_image();
        image::imageops::resize(&cut, 200, 240, image::imageops::FilterType::Triangle)
            .save(format!(
                "/tmp/wt/see/cover/{name}-{}.png",
                cover.replace(['/', ' '], "")
            ))
            .unwrap();
    }
}

#[test]
fn covers_are_measured() {
    let Some(finder) = common::finder() else {
        return;
    };
    rows("astronaut", &common::astronaut(), &finder);
    let Some(media) = common::media() else {
        return;
    };
    let mut paths: Vec<_> = std::fs::read_dir(media.join("portraits"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let picture = load_picture(&path).unwrap();
        let scale = (1000.0 / picture.width().max(picture.height()) as f32).min(1.0);
        let picture = image::imageops::thumbnail(
            &picture,
            (picture.width() as f32 * scale) as u32,
            (picture.height() as f32 * scale) as u32,
        );
        rows(&name, &picture, &finder);
    }
}
