//! Photo avatars through the binary: the photo comes back at rest, and the
//! person in it moves.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use common::{huashen, made};
use huashen_core::ArkitShape;
use image::{DynamicImage, RgbImage, imageops};

const NEEDS: [&str; 2] = ["face", "vulkan"];

fn portrait() -> RgbImage {
    image::open(common::portrait()).unwrap().into_rgb8()
}

fn psnr_db(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: f64 = a
        .as_raw()
        .iter()
        .zip(b.as_raw())
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    10.0 * (255.0_f64.powi(2) / (sum / a.as_raw().len() as f64).max(1e-9)).log10()
}

/// Mean difference in a part of the picture, given in parts of its sides.
fn differs(a: &RgbImage, b: &RgbImage, [x0, y0, x1, y1]: [f64; 4]) -> f64 {
    let px = |v: f64, size: u32| (v * f64::from(size)) as u32;
    let (w, h) = a.dimensions();
    let (mut sum, mut n) = (0.0, 0.0);
    for y in px(y0, h)..px(y1, h) {
        for x in px(x0, w)..px(x1, w) {
            for (p, q) in a.get_pixel(x, y).0.iter().zip(b.get_pixel(x, y).0) {
                sum += f64::from(p.abs_diff(q));
                n += 1.0;
            }
        }
    }
    sum / n
}

#[test]
fn a_photo_comes_back_at_rest_and_moves_where_it_should() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let photo = portrait();
    photo.save(dir.join("eileen.png")).unwrap();
    made(dir, &["avatar", "new", "--photo", "eileen.png"]);
    made(dir, &["avatar", "check", "eileen"]);
    let still = |name: &str, pose: &str| -> RgbImage {
        let out = format!("{name}.png");
        let mut args = vec!["still", "--avatar", "eileen", "-o", &out];
        if !pose.is_empty() {
            args.extend(["--pose", pose]);
        }
        made(dir, &args);
        image::open(dir.join(&out)).unwrap().into_rgb8()
    };
    let rest = still("rest", "");
    let likeness = psnr_db(&rest, &photo);
    println!("rest: {likeness:.1} dB");
    assert!(likeness >= 40.0, "{likeness:.1} dB");

    // Parts of this picture.
    let (mouth, eyes, corner) = (
        [0.38, 0.27, 0.52, 0.40],
        [0.34, 0.17, 0.52, 0.22],
        [0.0, 0.0, 0.1, 0.1],
    );
    let neutral = still("neutral", "browInnerUp=0.001");
    let open = still("open", "jawOpen=.7");
    let blink = still("blink", "eyeBlinkLeft=1,eyeBlinkRight=1");
    let moved = [
        differs(&neutral, &open, mouth),
        differs(&neutral, &open, eyes),
        differs(&neutral, &blink, eyes),
        differs(&neutral, &blink, mouth),
    ];
    println!(
        "jaw: mouth {:.2}, eyes {:.2}; blink: eyes {:.2}, mouth {:.2}",
        moved[0], moved[1], moved[2], moved[3]
    );
    assert!(moved[0] > 4.0 && moved[1] < 1.0, "{moved:?}");
    assert!(moved[2] > 1.0 && moved[3] < 0.5, "{moved:?}");
    let turned = still("turned", "headYaw=15");
    assert!(differs(&neutral, &turned, eyes) > 4.0);
    assert!(
        differs(&rest, &turned, corner) < 0.5,
        "the background moved"
    );

    // The same photo gives the same files.
    let first = std::fs::read(dir.join("avatars/eileen/relief.glb")).unwrap();
    made(dir, &["avatar", "new", "--photo", "eileen.png", "--force"]);
    let second = std::fs::read(dir.join("avatars/eileen/relief.glb")).unwrap();
    assert!(first == second, "two builds differ");
}

/// The cell of the sheet of expressions that shows this shape.
fn cell(sheet: &RgbImage, shape: ArkitShape) -> RgbImage {
    // Nine in a row, each 240 × 240 below a label of 20; the first is at rest.
    let n = shape.index() as u32 + 1;
    imageops::crop_imm(sheet, n % 9 * 240, n / 9 * 260 + 20, 240, 240).to_image()
}

#[test]
fn debug_shows_every_stage() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    portrait().save(dir.join("eileen.png")).unwrap();
    let new = ["avatar", "new", "--photo", "eileen.png", "--force"];
    for stages in ["deep/one", "two"] {
        made(dir, &[&new[..], &["--debug", stages]].concat());
    }
    let files = |stages: &str| {
        let files = std::fs::read_dir(dir.join(stages)).unwrap();
        let mut names: Vec<String> = files
            .map(|f| f.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let names = [
        "depth.png",
        "expressions.png",
        "landmarks.png",
        "matte.png",
        "mesh.png",
        "plate.png",
    ];
    assert_eq!(files("deep/one"), names);
    for name in names {
        let read = |stages: &str| std::fs::read(dir.join(stages).join(name)).unwrap();
        assert!(read("deep/one") == read("two"), "{name} differs");
    }
    let open = |name: &str| image::open(dir.join("two").join(name)).unwrap();
    let photo = portrait();
    for name in ["depth.png", "matte.png", "plate.png"] {
        assert_eq!((open(name).width(), open(name).height()), (512, 512));
    }
    // Her chin is nearer than her suit, and far from her is nothing; her face
    // is hers, the wall behind her is not.
    let depth = open("depth.png").into_luma8();
    let near = |x, y| depth.get_pixel(x, y)[0];
    assert!(near(225, 165) > near(225, 300) && near(225, 300) > 0 && near(5, 5) == 0);
    let matte = open("matte.png").into_luma8();
    assert!(matte.get_pixel(225, 140)[0] == 255 && matte.get_pixel(5, 5)[0] == 0);
    // Enlarged until lines on a small face can be seen, and drawn on.
    for name in ["landmarks.png", "mesh.png"] {
        let drawn = open(name).into_rgb8();
        assert_eq!(drawn.dimensions(), (2048, 2048), "{name}");
        let plain = imageops::resize(&photo, 2048, 2048, imageops::FilterType::Triangle);
        let [face, corner] = [[0.35, 0.14, 0.53, 0.35], [0.0, 0.0, 0.02, 0.02]];
        assert!(differs(&drawn, &plain, face) > 2.0, "{name}");
        assert_eq!(differs(&drawn, &plain, corner), 0.0, "{name}");
    }
    let sheet = open("expressions.png").into_rgb8();
    assert_eq!(sheet.dimensions(), (2160, 1560));
    for n in 0..53 {
        let label = imageops::crop_imm(&sheet, n % 9 * 240, n / 9 * 260, 240, 20).to_image();
        assert!(label.pixels().any(|p| p.0 == [255; 3]), "label {n}");
    }
    // Her mouth and her brows in a cell.
    let [mouth, brows] = [[0.3, 0.55, 0.7, 0.9], [0.2, 0.15, 0.8, 0.32]];
    let [jaw, up, down] = [
        ArkitShape::JawOpen,
        ArkitShape::BrowInnerUp,
        ArkitShape::BrowDownLeft,
    ]
    .map(|shape| cell(&sheet, shape));
    let moved = [
        differs(&jaw, &up, mouth),
        differs(&up, &down, mouth),
        differs(&up, &down, brows),
    ];
    println!(
        "mouth: {:.2} by the jaw, {:.2} by the brows; brows: {:.2}",
        moved[0], moved[1], moved[2]
    );
    assert!(
        moved[0] > 8.0 && moved[1] < 0.5 && moved[2] > 0.5,
        "{moved:?}"
    );
}

/// The portrait with another part of itself over the face, from the right edge
/// of the picture to this place.
fn behind_a_curtain(from: u32) -> RgbImage {
    let photo = portrait();
    RgbImage::from_fn(512, 512, |x, y| match x >= from && (60..190).contains(&y) {
        true => *photo.get_pixel((x + 170) % 512, y + 120),
        false => *photo.get_pixel(x, y),
    })
}

#[test]
fn a_covered_face_is_measured_and_refused() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    portrait().save(dir.join("eileen.png")).unwrap();
    // Her face reaches from 180 to 271, her nose is at 225.
    behind_a_curtain(243).save(dir.join("cheek.png")).unwrap();
    behind_a_curtain(203).save(dir.join("most.png")).unwrap();
    let new = |photo: &str, more: &[&str]| {
        let output = huashen(
            dir,
            &[&["avatar", "new", "--json", "--photo", photo], more].concat(),
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), found["covered"].as_f64(), said, found)
    };
    let (code, plain, said, found) = new("eileen.png", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(plain.unwrap() < 0.1, "{plain:?}");
    assert_eq!(found["hidden"], serde_json::json!([]));
    let (code, cheek, said, found) = new("cheek.png", &[]);
    assert_eq!(code, Some(0), "{said}");
    let advice = found["advice"].to_string();
    assert!(advice.contains("of the face is covered"), "{advice}");
    let (code, _, said, _) = new("most.png", &[]);
    println!("plain {plain:?}, cheek {cheek:?}; {said}");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("more than half of the face in most.png is covered ("),
        "{said}"
    );
    assert!(said.contains("add --force"), "{said}");
    assert!(!dir.join("avatars/most").exists());
    let (code, most, said, _) = new("most.png", &["--force"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        cheek < most && plain < cheek,
        "{plain:?} {cheek:?} {most:?}"
    );
}

#[test]
fn what_cannot_become_an_avatar_is_refused_with_a_reason() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let sky = RgbImage::from_fn(400, 300, |x, y| {
        image::Rgb([(x / 4) as u8, (y / 2) as u8, 200])
    });
    sky.save(dir.join("sky.png")).unwrap();
    let small = imageops::resize(&portrait(), 180, 180, imageops::FilterType::Triangle);
    DynamicImage::ImageRgb8(small)
        .save(dir.join("small.jpg"))
        .unwrap();
    portrait().save(dir.join("eileen.png")).unwrap();
    let png = std::fs::read(dir.join("eileen.png")).unwrap();
    std::fs::write(dir.join("cut.png"), &png[..png.len() / 2]).unwrap();
    for (args, reason) in [
        (
            &["--photo", "sky.png"][..],
            "no human face was found in sky.png",
        ),
        (&["--photo", "small.jpg"], "pixels high, 96 are needed"),
        (
            &["--photo", "cut.png"],
            "cut.png ends before the picture is complete",
        ),
        (&["--photo", "gone.png"], "gone.png cannot be read"),
        (
            &["--photo", "eileen.png", "--face", "3"],
            "there is no face 3",
        ),
        (
            &["--photo", "eileen.png", "--debug", "sky.png"],
            "the folder sky.png for --debug cannot be made",
        ),
        (
            &["--photo", "eileen.png", "--name", "a/b"],
            "`a/b` is not a name",
        ),
    ] {
        let output = huashen(dir, &[&["avatar", "new"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(reason), "{args:?}: {said}");
        let left = std::fs::read_dir(dir.join("avatars")).map_or(0, |d| d.count());
        assert_eq!(left, 0, "{args:?} left something");
    }
}
