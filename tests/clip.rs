//! Real clips through the binary, as the `ffprobe` and `ffmpeg` programs see them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::made;

const NEEDS: [&str; 3] = ["speech", "vulkan", "ffmpeg"];

fn ffprobe(path: &Path) -> serde_json::Value {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_frames",
            "-show_streams",
            "-show_packets",
            "-of",
            "json",
        ])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &serde_json::Value) -> f64 {
    match value {
        serde_json::Value::String(s) => s.parse().unwrap(),
        other => other.as_f64().unwrap(),
    }
}

/// One decoded frame as full-range RGB, by ffmpeg's own conversion.
fn frame_rgb(clip: &Path, index: u32) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(clip)
        .args(["-vf", &format!("select=eq(n\\,{index})"), "-frames:v", "1"])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

const SCRIPT: &str = "你好，Bob！[pause 0.3s] Maybe we meet.";
const SIZE: (usize, usize) = (320, 240);
const RENDER: [&str; 8] = [
    "render",
    "script.txt",
    "--size",
    "320x240",
    "--background",
    "#283c5a",
    "--json",
    "-o",
];

#[test]
fn a_script_becomes_a_clip_that_plays_everywhere() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("script.txt"), SCRIPT).unwrap();
    let said = made(
        dir,
        &[&RENDER[..], &["a.mp4", "--subtitles", "a.srt"]].concat(),
    );
    let report: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();

    let found = ffprobe(&dir.join("a.mp4"));
    let stream = |kind: &str| {
        let all = found["streams"].as_array().unwrap();
        assert_eq!(all.len(), 2);
        all.iter()
            .find(|s| s["codec_type"] == kind)
            .unwrap()
            .clone()
    };
    let (video, audio) = (stream("video"), stream("audio"));
    assert_eq!(video["codec_name"], "h264");
    assert_eq!(video["pix_fmt"], "yuv420p");
    assert_eq!(audio["codec_name"], "aac");
    for tag in ["color_space", "color_primaries", "color_transfer"] {
        assert_eq!(video[tag], "bt709", "{tag}");
    }
    assert_eq!(video["color_range"], "tv");

    let duration = number(&video["duration"]);
    assert!((2.0..8.0).contains(&duration), "{duration} s");
    let frames = number(&video["nb_read_frames"]);
    assert!((frames - (duration * 25.0).round()).abs() <= 1.0);
    assert_eq!(Some(frames as u64), report["frames"].as_u64());
    let ends = (duration - number(&audio["duration"])).abs();
    assert!(ends <= 0.040, "streams end {ends} s apart");

    let mut shown: Vec<f64> = found["packets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["codec_type"] == "video")
        .map(|p| number(&p["pts_time"]))
        .collect();
    shown.sort_by(f64::total_cmp);
    for (n, pts) in shown.iter().enumerate() {
        assert!((pts - n as f64 / 25.0).abs() < 1e-4, "frame {n} at {pts}");
    }

    // The corner is background: sRGB in, sRGB out.
    let rgb = frame_rgb(&dir.join("a.mp4"), 10);
    let corner = &rgb[(5 * SIZE.0 + 5) * 3..][..3];
    for (got, want) in corner.iter().zip([40_u8, 60, 90]) {
        assert!(got.abs_diff(want) <= 3, "{corner:?}");
    }
    // And somebody stands before it.
    let middle = &rgb[(SIZE.1 / 2 * SIZE.0 + SIZE.0 / 2) * 3..][..3];
    assert!(middle[0] > middle[2] && middle[0] > 90, "{middle:?}");

    let subtitles = std::fs::read_to_string(dir.join("a.srt")).unwrap();
    assert!(subtitles.contains("你好") && subtitles.contains("-->"));

    made(dir, &[&RENDER[..], &["b.mp4"]].concat());
    let same =
        std::fs::read(dir.join("a.mp4")).unwrap() == std::fs::read(dir.join("b.mp4")).unwrap();
    assert!(same, "two runs gave different bytes");

    // The mouth moves while she speaks and is still in the silence before.
    let mouth = |index: u32| -> Vec<i32> {
        let rgb = frame_rgb(&dir.join("a.mp4"), index);
        let rows = SIZE.1 * 4 / 10..SIZE.1 * 6 / 10;
        rows.flat_map(|y| {
            let row = &rgb[(y * SIZE.0 + SIZE.0 * 4 / 10) * 3..(y * SIZE.0 + SIZE.0 * 6 / 10) * 3];
            row.iter().map(|v| i32::from(*v)).collect::<Vec<_>>()
        })
        .collect()
    };
    let differs = |a: u32, b: u32| -> f64 {
        let (a, b) = (mouth(a), mouth(b));
        let sum: i32 = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum();
        f64::from(sum) / a.len() as f64
    };
    let silent = differs(0, 2);
    let spoken = (8..20).map(|n| differs(n, n + 2)).fold(0.0, f64::max);
    assert!(
        spoken > 4.0 * silent.max(0.3),
        "silent {silent}, spoken {spoken}"
    );
}

#[test]
fn a_recording_drives_the_same_presenter() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("script.txt"), SCRIPT).unwrap();
    made(dir, &["speak", "script.txt", "-o", "talk.wav"]);
    made(
        dir,
        &[
            "render", "talk.wav", "--size", "320x240", "--fps", "30", "-o", "talk.mp4",
        ],
    );
    let found = ffprobe(&dir.join("talk.mp4"));
    let video = &found["streams"][0];
    assert_eq!(video["r_frame_rate"], "30/1");
    let sound = number(&ffprobe(&dir.join("talk.wav"))["streams"][0]["duration"]);
    assert!((number(&video["duration"]) - sound).abs() <= 1.0 / 30.0);

    made(dir, &["motion", "talk.wav", "-o", "talk.csv"]);
    let csv = std::fs::read_to_string(dir.join("talk.csv")).unwrap();
    let header = csv.lines().next().unwrap();
    assert_eq!(
        header.split(',').count(),
        63,
        "timecode, count and 61 curves"
    );
    let jaw = header.split(',').position(|c| c == "JawOpen").unwrap();
    let open = csv
        .lines()
        .skip(1)
        .map(|l| l.split(',').nth(jaw).unwrap().parse::<f32>().unwrap())
        .fold(0.0, f32::max);
    assert!(open > 0.1, "the jaw opens to {open}");
}

/// Integrated loudness and true peak by ffmpeg's own meter.
#[test]
fn speech_is_as_loud_as_promised() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(
        dir.join("script.txt"),
        "The quick brown fox jumps over the lazy dog, again and again.",
    )
    .unwrap();
    made(dir, &["speak", "script.txt", "-o", "loud.wav"]);
    let output = Command::new("ffmpeg")
        .args(["-nostats", "-i"])
        .arg(dir.join("loud.wav"))
        .args(["-af", "ebur128=peak=true", "-f", "null", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let summary = text.rsplit_once("Summary:").unwrap().1;
    let after = |label: &str| -> f64 {
        let rest = summary.split_once(label).unwrap().1;
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    assert!((after("I:") + 16.0).abs() < 0.5, "{summary}");
    assert!(after("Peak:") <= -1.0 + 0.1, "{summary}");
}

/// Peak resident memory of one render, in KiB, as the kernel counts it.
#[cfg(target_os = "linux")]
fn peak_kib(dir: &Path, sound: &str) -> u64 {
    let size = ["--size", "128x72", "--force"];
    let mut child = common::command(dir, &["-q", "render", sound, "-o", "clip.mp4"])
        .args(size)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The mark only grows: the last look before the end is it.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        if let Some(exit) = child.try_wait().unwrap() {
            assert!(exit.success());
            return peak;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_clip() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let peak = |secs: u32| {
        let name = format!("{secs}.wav");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i"])
            .arg(format!("sine=220:d={secs}"))
            .arg(temp.path().join(&name))
            .status();
        assert!(made.unwrap().success());
        peak_kib(temp.path(), &name)
    };
    let (short, long) = (peak(4), peak(24));
    println!("4 s: {short} KiB, 24 s: {long} KiB");
    assert!(long * 10 <= short * 11, "{short} KiB became {long} KiB");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_half_written() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let script = "We will be here for a long while, and nobody will see it. ".repeat(60);
    std::fs::write(dir.join("script.txt"), "Hello there.").unwrap();
    std::fs::write(dir.join("long.txt"), script).unwrap();
    made(dir, &["speak", "script.txt", "-o", "long.wav"]);
    // While speech is made, and while frames are drawn.
    let runs: [&[&str]; 2] = [
        &["render", "long.txt", "-o", "clip.mp4"],
        &[
            "render",
            "long.wav",
            "--size",
            "1920x1080",
            "--fps",
            "60",
            "-o",
            "clip.mp4",
        ],
    ];
    for args in runs {
        let child = common::command(dir, args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The half-written clip appears beside its place once frames are drawn.
        let begun = Instant::now();
        let waits_for_frames = args[1] == "long.wav";
        while begun.elapsed() < Duration::from_secs(20) {
            let hidden = std::fs::read_dir(dir)
                .unwrap()
                .any(|e| e.unwrap().file_name().to_string_lossy().starts_with('.'));
            if hidden || (!waits_for_frames && begun.elapsed() > Duration::from_secs(4)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let killed = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{stderr}");
        assert!(stderr.contains("stopped"), "{stderr}");
        let mut left: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["long.txt", "long.wav", "script.txt"]);
    }
}
