//! Photo avatars through the binary: the photo comes back at rest, and the
//! person in it moves.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use image::{DynamicImage, RgbImage, imageops};

/// Whether photos can become avatars here; a failure where `HUASHEN_REQUIRE` promised it.
fn can_build() -> bool {
    let face = huashen_core::paths::models_dir()
        .join("face_landmarker/face_landmarker.task")
        .is_file();
    let vulkan = huashen_render::probe().is_ok();
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    for (name, here) in [("face", face), ("vulkan", vulkan)] {
        if !here {
            assert!(
                !required.split_whitespace().any(|r| r == name),
                "HUASHEN_REQUIRE names {name}, which is missing"
            );
            println!("skipped: this machine has no {name}");
            return false;
        }
    }
    true
}

fn huashen(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_huashen"))
        .args(args)
        .current_dir(dir)
        .env("HUASHEN_AVATARS", dir.join("avatars"))
        .output()
        .unwrap()
}

fn made(dir: &Path, args: &[&str]) {
    let output = huashen(dir, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
}

/// A portrait in the public domain (NASA), as `scikit-image` ships it.
fn portrait() -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../engine/vision/tests/fixtures/astronaut.jpg");
    image::open(path).unwrap().into_rgb8()
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
    if !can_build() {
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

#[test]
fn what_cannot_become_an_avatar_is_refused_with_a_reason() {
    if !can_build() {
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
