//! The panel of a live window: clicked, typed into and looked at; recordings.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it measures and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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
key e
until said sad
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

/// Enough of every mouth to make an avatar of.
const FILMED: &str = "Mother bought a blue boat by the far palm. You see two cool cheese shops.";

/// Waits until `file` is there; the program must still run.
fn wait_for(file: &Path, child: &mut Child) {
    while !file.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before {}",
            file.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_changes_on_disk_is_taken_over_and_what_is_wrong_is_told() {
    if !common::has(&["vulkan", "desktop", "speech"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let (_desktop, display) = desktop();
    let shaders = dir.join("shaders");
    let avatar = dir.join("avatars/own");
    for (from, to) in [("shaders", &shaders), ("avatars/lin", &avatar)] {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(common::root().join(from)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }
    std::fs::write(dir.join("line.txt"), "Hello!").unwrap();
    let steps = "\
until sound
until silence
screenshot one.png
until said needs a gesture
screenshot two.png
until said read again
until open 0.15
until silence
screenshot three.png
until said avatar.toml
screenshot four.png
until said avatar: lin
screenshot five.png
until said present.wgsl is wrong
screenshot six.png
wait 3
until settled
screenshot seven.png
quit
";
    let mut child = preview(
        dir,
        &display,
        steps,
        "320x240",
        &[&FACE[..], &["--script", "line.txt", "--avatar", "own"]].concat(),
    )
    .env("HUASHEN_SHADERS", &shaders)
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let manifest = std::fs::read_to_string(avatar.join("avatar.toml")).unwrap();
    let present = std::fs::read_to_string(shaders.join("present.wgsl")).unwrap();
    let blue_first = present.replace("c.rgb * c.a", "c.bgr * c.a");
    assert_ne!(present, blue_first);
    for (seen, file, text) in [
        ("one", "line.txt", "[gesture]"),
        ("two", "line.txt", "Good morning to you all!"),
        ("three", "avatars/own/avatar.toml", "name = 3"),
        ("four", "avatars/own/avatar.toml", &format!("{manifest}\n")),
        ("five", "shaders/present.wgsl", "fn show( {"),
        ("six", "shaders/present.wgsl", &blue_first),
    ] {
        wait_for(&dir.join(format!("{seen}.png")), &mut child);
        std::fs::write(dir.join(file), text).unwrap();
    }
    let (report, _) = report(&child.wait_with_output().unwrap());
    assert!(report["heard_secs"].as_f64().unwrap() > 1.5);
    // The old state stays where something is wrong.
    for name in ["two", "four", "six"] {
        assert_eq!(
            shot(dir, &format!("{name}.png")).get_pixel(2, 2).0,
            [0x28, 0x3c, 0x5a, 255]
        );
    }
    assert_eq!(
        shot(dir, "seven.png").get_pixel(2, 2).0,
        [0x5a, 0x3c, 0x28, 255]
    );
}

#[test]
fn a_dropped_photo_and_a_dropped_video_speak_the_latter_with_consent() {
    if !common::has(&["vulkan", "desktop", "speech", "face", "font", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let (_desktop, display) = desktop();
    std::fs::copy(common::portrait(), dir.join("astronaut.jpg")).unwrap();
    std::fs::write(dir.join("line.txt"), FILMED).unwrap();
    let film = ["render", "line.txt", "-o", "film.mp4", "--size", "384x384"];
    common::made(dir, &[&film[..], &["--shot", "face"]].concat());
    let steps = "\
until pictures 3
drop astronaut.jpg
until said avatar: astronaut
until settled
wait 1
until settled
until shut 0.03
screenshot photo.png
say Hello there, how are you today?
until open 0.25
key space
wait 0.4
screenshot speaks.png
key space
until silence
key p
drop film.mp4
click leave
until said left alone
drop film.mp4
click answer
type She is ours and agrees
click confirm
until said avatar: film
key p
wait 0.5
until settled
until shut 0.05
screenshot film.png
say Hello there, how are you today?
until open 0.25
key space
wait 0.4
screenshot says.png
key space
until silence
quit
";
    let output = preview(dir, &display, steps, "640x480", &["--shot", "face"])
        .output()
        .unwrap();
    let (report, _) = report(&output);
    assert_eq!(report["avatar"], "film");
    let shown = common::made(dir, &["avatar", "show", "film"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("She is ours and agrees"));
    // Their mouths have opened.
    for (shut, open) in [("photo", "speaks"), ("film", "says")] {
        let [shut, open] = [shut, open].map(|name| shot(dir, &format!("{name}.png")));
        let (w, h) = shut.dimensions();
        let changed = (h / 2..h * 4 / 5)
            .flat_map(|y| (w * 2 / 5..w * 3 / 5).map(move |x| (x, y)))
            .filter(|(x, y)| {
                let [a, b] = [&shut, &open].map(|p| p.get_pixel(*x, *y).0[1]);
                a.abs_diff(b) > 40
            })
            .count();
        println!("changed: {changed}");
        assert!(changed > 80);
    }
}
