//! A face in a video becomes motion: what was rendered is tracked back.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::made;
use huashen_motion::measure::{best_lag, pearson};

const SCRIPT: &str = "Blue boats bob by the bar. My mother may open the window and watch.";

/// Column `name` of a Live Link Face file.
fn curve(path: &Path, name: &str) -> Vec<f32> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|l| l.split(',').collect::<Vec<_>>());
    let at = lines.next().unwrap().iter().position(|c| *c == name);
    let at = at.unwrap_or_else(|| panic!("no column {name}"));
    lines.map(|l| l[at].parse().unwrap()).collect()
}

#[test]
fn what_was_rendered_is_tracked_back() {
    if !common::has(&["speech", "vulkan", "ffmpeg", "face"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("script.txt"), SCRIPT).unwrap();
    let face = ["--size", "384x384", "--shot", "face"];
    made(
        dir,
        &[&["render", "script.txt", "-o", "clip.mp4"][..], &face].concat(),
    );
    made(
        dir,
        &["motion", "script.txt", "-o", "truth.csv", "--fps", "25"],
    );
    made(dir, &["track", "clip.mp4", "-o", "seen.csv", "--fps", "25"]);
    for (name, at_least) in [
        ("JawOpen", 0.8),
        ("EyeBlinkLeft", 0.8),
        ("HeadYaw", 0.6),
        ("HeadRoll", 0.8),
        ("MouthFunnel", 0.7),
    ] {
        let of = |file: &str| curve(&dir.join(file), name);
        let (truth, seen) = (of("truth.csv"), of("seen.csv"));
        assert!(truth.len().abs_diff(seen.len()) <= 1);
        let r = pearson(&truth, &seen).unwrap();
        println!("{name}: r = {r:.3}");
        assert!(r > at_least, "{name}: r = {r:.3}");
        if name == "JawOpen" {
            assert_eq!(best_lag(&truth, &seen, 5), 0, "the track lags");
        }
    }
}

#[test]
fn a_turned_video_is_tracked_and_one_without_a_face_is_refused() {
    if !common::has(&["ffmpeg", "face"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let ffmpeg = |args: &[&str]| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error"]).args(args).current_dir(dir);
        assert!(command.status().unwrap().success());
    };
    let portrait = common::portrait();
    let portrait = portrait.to_str().unwrap();
    // Filmed lying on the side, with a flag that says so.
    ffmpeg(&[
        "-loop",
        "1",
        "-t",
        "0.6",
        "-r",
        "25",
        "-i",
        portrait,
        "-vf",
        "transpose=2",
        "-pix_fmt",
        "yuv420p",
        "lying.mp4",
    ]);
    ffmpeg(&[
        "-i",
        "lying.mp4",
        "-c",
        "copy",
        "-metadata:s:v",
        "rotate=270",
        "turned.mp4",
    ]);
    made(dir, &["track", "turned.mp4", "-o", "turned.csv"]);
    let roll = curve(&dir.join("turned.csv"), "HeadRoll");
    assert!(roll.iter().all(|r| r.abs() < 0.3), "{roll:?}");

    ffmpeg(&["-f", "lavfi", "-i", "testsrc=d=0.4:s=320x240", "nobody.mp4"]);
    let refused = common::huashen(dir, &["track", "nobody.mp4", "-o", "nobody.csv"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("nobody.mp4") && said.contains("no face"),
        "{said}"
    );
    assert!(!dir.join("nobody.csv").exists());
}
