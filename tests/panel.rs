//! The panel of a live window: clicked, typed into and looked at; recordings.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it measures and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::window::{FACE, desktop, mouth, preview, report, shot};
use image::RgbaImage;

/// A recorded clip, 30 frames a second.
struct Clip {
    /// How far the mouth is open in each frame.
    mouths: Vec<usize>,
    /// How loud the sound of each frame is.
    levels: Vec<f64>,
}

impl Clip {
    fn read(path: &Path) -> Self {
        let ffmpeg = |args: &[&str]| {
            let mut command = Command::new("ffmpeg");
            let command = command.args(["-v", "error", "-i"]).arg(path).args(args);
            let output = command.output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            output.stdout
        };
        let size = ffmpeg(&["-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"]);
        let (w, h) = image::load_from_memory(&size)
            .unwrap()
            .into_rgba8()
            .dimensions();
        let pixels = ffmpeg(&["-f", "rawvideo", "-pix_fmt", "rgba", "-"]);
        let mouths = pixels
            .chunks_exact((w * h * 4) as usize)
            .map(|frame| mouth(&RgbaImage::from_raw(w, h, frame.to_vec()).unwrap()))
            .collect();
        let sound = ffmpeg(&["-f", "f32le", "-ac", "1", "-ar", "48000", "-"]);
        let samples: Vec<f32> = sound
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let levels = samples
            .chunks(1600)
            .map(|frame| {
                let power: f64 = frame.iter().map(|s| f64::from(*s).powi(2)).sum();
                (power / frame.len() as f64).sqrt()
            })
            .collect();
        Self { mouths, levels }
    }
}

/// Where the panel is, in windows that are 960 wide.
const PANEL: u32 = 960 - 330;

/// How bright the panel's lower left corner is.
fn light(picture: &RgbaImage) -> u32 {
    let [r, g, b, _] = picture.get_pixel(PANEL + 2, picture.height() - 3).0;
    u32::from(r) + u32::from(g) + u32::from(b)
}

/// Pixels of letters: far from the panel's own colour.
fn letters(picture: &RgbaImage) -> usize {
    let (w, h) = picture.dimensions();
    let back = picture.get_pixel(PANEL + 2, h - 3).0;
    (0..h)
        .flat_map(|y| (PANEL..w).map(move |x| picture.get_pixel(x, y).0))
        .filter(|p| (0..3).any(|i| p[i].abs_diff(back[i]) > 90))
        .count()
}

/// The mouth of a person in the middle of what the panel leaves.
fn mouth_beside(picture: &RgbaImage) -> usize {
    mouth(&image::imageops::crop_imm(picture, 0, 0, PANEL, picture.height()).to_image())
}

#[test]
fn the_panel_is_clicked_typed_into_and_looked_at() {
    if !common::has(&["vulkan", "desktop", "speech", "font", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let (_desktop, display) = desktop();
    let steps = "\
until pictures 3
screenshot closed.png
key p
wait 0.5
until settled
wait 0.2
screenshot open.png
click shapes
drag jawOpen 0.8
until open 0.6
wait 0.3
screenshot held.png
click release
until shut 0.1
click shapes
click gestures
click gesture:nod
click background
click background:green
click language
click theme
wait 0.5
screenshot light.png
click record
click line
type Hello there, how are you?
key enter
until open 0.25
key f2
until silence
key f2
click record
until said recorded:
click emotion
click emotion:happy
wait 0.8
screenshot happy.png
click line
type p
wait 0.2
key escape
key p
wait 0.5
until settled
wait 0.2
screenshot shut.png
quit
";
    let output = preview(dir, &display, steps, "960x540", &FACE)
        .env("LANG", "en_GB.UTF-8")
        .env_remove("LC_ALL")
        .output()
        .unwrap();
    let (report, said) = report(&output);
    let [closed, open, held, lit, happy, shut] =
        ["closed", "open", "held", "light", "happy", "shut"]
            .map(|name| shot(dir, &format!("{name}.png")));
    assert_eq!(open.dimensions(), (960, 540));
    // The panel is dark, has letters, and leaves the rest to the person.
    assert_eq!(closed.get_pixel(958, 2).0, [0x28, 0x3c, 0x5a, 255]);
    println!(
        "light {} then {}, {} letters",
        light(&open),
        light(&lit),
        letters(&open)
    );
    assert!(light(&open) < 150 && light(&lit) > 600);
    assert!(letters(&open) > 2000 && letters(&lit) > 2000);
    assert!(letters(&happy) > 2000);
    // A shape that is held is seen.
    let [rest, wide] = [&open, &held].map(mouth_beside);
    println!("mouth {rest}, held {wide}");
    assert!(rest < 10 && wide > 60);
    // The background was chosen, and typing is no command.
    assert_eq!(lit.get_pixel(2, 2).0, [0, 177, 64, 255]);
    assert_eq!(shut.get_pixel(958, 2).0, [0, 177, 64, 255]);
    assert!(report["heard_secs"].as_f64().unwrap() > 1.0, "{said}");
    // What was seen and heard meanwhile.
    let clip = Clip::read(&dir.join("huashen-1.mp4"));
    println!(
        "{} frames, {} s of sound",
        clip.mouths.len(),
        clip.levels.len() as f64 / 30.0
    );
    let count = clip.mouths.len();
    assert!(count > 60 && count.abs_diff(clip.levels.len()) < 3);
    let loud = clip.levels.iter().filter(|l| **l > 0.02).count();
    let open = clip.mouths.iter().filter(|m| **m > 20).count();
    println!("{loud} loud frames, {open} with an open mouth");
    assert!(loud > 20 && open > 20);
}
