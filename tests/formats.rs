//! Clips in every form, their label and their subtitles, through the binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::Path;

use common::{huashen, made, png, tone};
use serde_json::Value;

fn inspect(dir: &Path, name: &str) -> Value {
    let said = made(dir, &["inspect", name, "--json"]);
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn every_form_comes_out_as_its_name_says() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    tone(dir, "0.8");
    let clear: &[&str] = &["--background", "transparent"];
    for (name, more, codec, alpha, sound) in [
        ("a.mp4", &[][..], "h264", false, Some("aac")),
        ("b.mp4", &["--codec", "h265"], "hevc", false, Some("aac")),
        ("c.mp4", &["--bitrate", "300k"], "h264", false, Some("aac")),
        ("a.mov", clear, "prores", true, Some("pcm_s24le")),
        ("a.webm", clear, "vp9", true, Some("opus")),
        ("b.webm", &[], "vp9", false, Some("opus")),
        ("a.gif", &[], "gif", false, None),
        ("a.m4a", &[], "", false, Some("aac")),
        ("a.mp3", &[], "", false, Some("mp3")),
    ] {
        let render = ["render", "tone.wav", "--size", "160x90", "-o", name];
        made(dir, &[&render[..], more].concat());
        let found = inspect(dir, name);
        let stream = |kind: &str| {
            let all = found["streams"].as_array().unwrap();
            all.iter().find(|s| s["kind"] == kind).cloned()
        };
        match stream("video") {
            Some(video) => {
                assert_eq!(video["codec"], codec, "{name}");
                assert_eq!(video["size"], "160x90", "{name}");
                assert_eq!(video["alpha"], alpha || name == "a.gif", "{name}");
                let fps = if name == "a.gif" { 12.5 } else { 25.0 };
                assert_eq!(video["fps"], fps, "{name}");
            }
            None => assert_eq!(codec, "", "{name}"),
        }
        let heard = stream("audio").map(|s| s["codec"].clone());
        assert_eq!(
            heard.unwrap_or_default(),
            sound.map_or(Value::Null, Value::from),
            "{name}"
        );
        let secs = found["duration_secs"].as_f64().unwrap();
        assert!((secs - 0.8).abs() < 0.08, "{name}: {secs} s");
        assert_eq!(found["label"]["Label"], "1", "{name}");
        assert_eq!(found["label"]["ContentProducer"], "huashen", "{name}");
        assert_eq!(
            found["label"]["ProduceID"].as_str().unwrap().len(),
            32,
            "{name}"
        );
    }
    // A side that no block divides, twice.
    made(
        dir,
        &["render", "tone.wav", "--size", "160x90", "-o", "d.mp4"],
    );
    let same = |a: &str, b: &str| {
        std::fs::read(dir.join(a)).unwrap() == std::fs::read(dir.join(b)).unwrap()
    };
    assert!(same("a.mp4", "d.mp4"), "two runs gave different bytes");

    let render = ["render", "tone.wav", "--size", "160x90", "--json", "-o"];
    let said = made(dir, &[&render[..], &["shots/%04d.png"], clear].concat());
    let report: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(report["frames"], 20);
    let mut files: Vec<_> = std::fs::read_dir(dir.join("shots"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        (files.len(), &*files[0], &*files[20]),
        (21, "0000.png", "sound.wav")
    );
    let shot = image::open(dir.join("shots/0010.png"))
        .unwrap()
        .into_rgba8();
    assert_eq!(shot.get_pixel(159, 0)[3], 0, "nothing is in the corner");
    assert_eq!(shot.get_pixel(80, 45)[3], 255, "somebody is in the middle");
    // What is there is not replaced unasked.
    let again = huashen(dir, &[&render[..], &["shots/"], clear].concat());
    assert_eq!(again.status.code(), Some(2));
    made(dir, &[&render[..], &["small.webp"], clear].concat());
    assert!(
        std::fs::read(dir.join("small.webp"))
            .unwrap()
            .starts_with(b"RIFF")
    );
}

#[test]
fn a_clip_says_that_it_is_synthetic_unless_it_is_said_elsewhere() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    tone(dir, "4.4");
    let render = |out: &str, more: &[&str]| -> Value {
        let args = [
            "render", "tone.wav", "--size", "320x180", "--fps", "5", "--json",
        ];
        let said = made(dir, &[&args[..], &["-o", out], more].concat());
        serde_json::from_slice(&said.stdout).unwrap()
    };
    for back in ["white", "black"] {
        let (marked, plain) = (format!("marked-{back}/"), format!("plain-{back}/"));
        let off = [
            "--label",
            "off",
            "--i-label-elsewhere",
            "in the app",
            "--background",
            back,
        ];
        let report = render(&marked, &["--background", back]);
        assert_eq!(report["label"]["visible"], "人工智能生成 AI-generated");
        let report = render(&plain, &off);
        assert_eq!(report["label"]["visible"], Value::Null);
        assert_eq!(report["label"]["elsewhere"], "in the app");
        for n in 0..22 {
            let [marked, plain] =
                [&marked, &plain].map(|d| png(&dir.join(format!("{d}{n:05}.png"))));
            let changed: Vec<_> = marked
                .enumerate_pixels()
                .filter(|(x, y, p)| plain.get_pixel(*x, *y) != *p)
                .collect();
            if n >= 20 {
                assert!(changed.is_empty(), "{back}, frame {n} is after the label");
                continue;
            }
            // All in the upper left corner, two lines tall.
            assert!(
                changed.iter().all(|(x, y, _)| *x < 180 && *y < 80),
                "{back} {n}"
            );
            if n < 15 {
                let tall = changed.iter().map(|c| c.1).max().unwrap()
                    - changed.iter().map(|c| c.1).min().unwrap();
                assert!(tall > 24, "{back}, frame {n}: {tall} px");
                // Bright letters on a dark ground, whatever is behind.
                let near = |white: bool| {
                    let light = |p: &image::Rgb<u8>| p[1] > 200 && white || p[1] < 150 && !white;
                    (8..120)
                        .flat_map(|x| (8..60).map(move |y| (x, y)))
                        .filter(|(x, y)| light(marked.get_pixel(*x, *y)))
                        .count()
                };
                assert!(
                    near(true) > 150 && near(false) > 1200,
                    "{back} {n}: {} {}",
                    near(true),
                    near(false)
                );
            }
        }
    }
}

/// What was drawn on nothing, laid over a colour, is what is drawn on the colour.
#[test]
fn a_transparent_clip_composites_over_two_colours() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    tone(dir, "0.4");
    let render = |out: &str, back: &str| {
        let args = ["render", "tone.wav", "--size", "320x180", "--fps", "5"];
        made(
            dir,
            &[&args[..], &["-o", out, "--background", back]].concat(),
        );
    };
    render("clear/", "transparent");
    for (out, back) in [("white/", [255.0; 3]), ("blue/", [40.0, 60.0, 90.0])] {
        let [r, g, b] = back;
        render(out, &format!("rgb({r},{g},{b})"));
        for n in ["00000.png", "00001.png"] {
            let clear = image::open(dir.join("clear").join(n)).unwrap().into_rgba8();
            let drawn = png(&dir.join(out).join(n));
            let mut squares = 0.0;
            for (front, want) in clear.pixels().zip(drawn.pixels()) {
                let a = f64::from(front[3]) / 255.0;
                for c in 0..3 {
                    let over = f64::from(front[c]) * a + back[c] * (1.0 - a);
                    squares += (over - f64::from(want[c])).powi(2);
                }
            }
            // Players mix encoded values, the renderer light: edges differ a little.
            let psnr = 10.0 * (255.0_f64.powi(2) * 320.0 * 180.0 * 3.0 / squares).log10();
            println!("{out}{n}: {psnr:.1} dB");
            assert!(psnr > 38.0, "{out}{n}: {psnr:.1} dB");
        }
    }
}

#[test]
fn subtitles_are_written_and_burnt_in() {
    if !common::has(&["vulkan", "ffmpeg", "speech", "font", "listen"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("script.txt"), "他说：“你好！”Then we met.").unwrap();
    let render = ["render", "script.txt", "--size", "320x180", "--fps", "10"];
    made(
        dir,
        &[&render[..], &["-o", "plain/", "--subtitles", "a.srt"]].concat(),
    );
    let burn = [
        "-o",
        "burnt/",
        "--burn-subtitles",
        "--highlight-words",
        "--subtitles",
        "a.ass",
    ];
    made(dir, &[&render[..], &burn].concat());
    let srt = std::fs::read_to_string(dir.join("a.srt")).unwrap();
    // As written, not as the voice reads it.
    assert!(srt.contains("他说：“你好！”"), "{srt}");
    assert!(srt.contains("Then we met."), "{srt}");
    let ass = std::fs::read_to_string(dir.join("a.ass")).unwrap();
    assert!(ass.contains("{\\k"), "{ass}");
    let found = inspect(dir, "a.ass");
    assert_eq!(found["streams"][0]["codec"], "ass");
    // A picture differs where a cue stands, and only there.
    let secs = |t: &str| {
        let t: Vec<f64> = t.split([':', ',']).map(|v| v.parse().unwrap()).collect();
        t[0] * 3600.0 + t[1] * 60.0 + t[2] + t[3] / 1000.0
    };
    let times: Vec<(f64, f64)> = srt
        .lines()
        .filter_map(|l| l.split_once(" --> "))
        .map(|(a, b)| (secs(a), secs(b)))
        .collect();
    let (mut with, mut without) = (0, 0);
    for n in 0.. {
        let name = format!("{n:05}.png");
        if !dir.join("plain").join(&name).exists() {
            break;
        }
        let (plain, burnt) = (
            png(&dir.join("plain").join(&name)),
            png(&dir.join("burnt").join(&name)),
        );
        let changed: Vec<_> = plain
            .enumerate_pixels()
            .filter(|(x, y, p)| burnt.get_pixel(*x, *y) != *p)
            .collect();
        let at = f64::from(n) / 10.0;
        if times.iter().any(|(a, b)| *a + 0.01 < at && at < *b - 0.01) {
            with += 1;
            assert!(changed.len() > 100, "nothing is read at {at} s");
            assert!(
                changed
                    .iter()
                    .all(|(x, y, _)| *y > 110 && (8..312).contains(x)),
                "{at} s"
            );
            let yellow = burnt
                .pixels()
                .filter(|p| p[0] > 150 && p[1] > 110 && p[2] < 90)
                .count();
            assert!(yellow > 5, "no word stands out at {at} s");
        } else if times.iter().all(|(a, b)| at < *a - 0.01 || *b + 0.01 < at) {
            without += 1;
            assert!(changed.is_empty(), "something is read at {at} s");
        }
    }
    assert!(with > 10 && without > 2, "{with} and {without}");

    tone(dir, "0.5");
    let silent = made(
        dir,
        &["render", "tone.wav", "-o", "c.mp4", "--burn-subtitles"],
    );
    assert!(String::from_utf8_lossy(&silent.stderr).contains("no words were heard"));
}
