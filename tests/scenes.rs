//! What is around the person, through the binary: backgrounds that move, slides,
//! music, what comes before and after.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{huashen, made, png, tone};

/// A PDF of two pages, all green and all blue.
fn deck(path: &Path) {
    let page = |n: usize, colour: &str| {
        let drawn = format!("{colour} rg 0 0 160 90 re f");
        let length = drawn.len();
        [
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 160 90] /Contents {} 0 R >>",
                n + 1
            ),
            format!("<< /Length {length} >>\nstream\n{drawn}\nendstream"),
        ]
    };
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R 5 0 R] /Count 2 >>".to_owned(),
    ];
    objects.extend(page(3, "0 1 0"));
    objects.extend(page(5, "0 0 1"));
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut starts = Vec::new();
    for (object, n) in objects.iter().zip(1..) {
        starts.push(pdf.len());
        pdf += &format!("{n} 0 obj\n{object}\nendobj\n");
    }
    let (table, count) = (pdf.len(), objects.len() + 1);
    pdf += &format!("xref\n0 {count}\n0000000000 65535 f \n");
    for start in starts {
        pdf += &format!("{start:010} 00000 n \n");
    }
    pdf += &format!("trailer << /Size {count} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    std::fs::write(path, pdf).unwrap();
}

#[test]
fn a_scene_is_around_the_person_in_every_shape() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    tone(dir, "0.2");
    deck(&dir.join("deck.pdf"));
    let logo = image::RgbaImage::from_pixel(20, 20, image::Rgba([255, 0, 0, 255]));
    logo.save(dir.join("logo.png")).unwrap();
    let scene = "background: '#102030'\nslides: deck.pdf\nlayers:\n\
                 - {picture: logo.png, place: bottom-left, size: 10%}\n";
    std::fs::write(dir.join("scene.yaml"), scene).unwrap();
    for (size, slide) in [("320x180", [60, 90]), ("180x320", [90, 70])] {
        let [w, h] = [0, 1].map(|i| size.split('x').nth(i).unwrap().parse::<u32>().unwrap());
        let out = format!("{size}/");
        let render = [
            "render",
            "tone.wav",
            "--scene",
            "scene.yaml",
            "--size",
            size,
        ];
        let plain = [
            "--label",
            "off",
            "--i-label-elsewhere",
            "a test",
            "-o",
            &out,
        ];
        made(dir, &[&render[..], &plain].concat());
        let picture = png(&pictures(&dir.join(size))[0]);
        assert_eq!(picture.dimensions(), (w, h));
        assert_eq!(
            picture.get_pixel(1, 1).0,
            [16, 32, 48],
            "{size}: background"
        );
        let [r, g, b] = picture.get_pixel(slide[0], slide[1]).0;
        assert!(
            g > 250 && r < 5 && b < 5,
            "{size}: the first page: {r} {g} {b}"
        );
        let short = w.min(h);
        let (x, y) = (short / 20 + short / 20, h - short / 20 - short / 20);
        assert_eq!(picture.get_pixel(x, y).0, [255, 0, 0], "{size}: the logo");
        let skin = picture
            .pixels()
            .filter(|p| p[0] > 150 && p[1] > 90 && p[1] < p[0] - 20);
        assert!(skin.count() > 100, "{size}: nobody is there");
    }

    // A page that is not there is said before a frame is drawn.
    if !common::has(&["speech"]) {
        return;
    }
    std::fs::write(dir.join("far.txt"), "One. [slide 9] Two.").unwrap();
    let far = [
        "render",
        "far.txt",
        "--scene",
        "scene.yaml",
        "-o",
        "far.mp4",
    ];
    let refused = huashen(dir, &far);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("slide 9") && said.contains("2 pages"),
        "{said}"
    );
    assert!(!dir.join("far.mp4").exists());
}

/// Lets FFmpeg make `name` of `sources` (lavfi).
fn forge(dir: &Path, sources: &[&str], name: &str) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y"]).current_dir(dir);
    for source in sources {
        ffmpeg.args(["-f", "lavfi", "-i", source]);
    }
    assert!(ffmpeg.arg(name).status().unwrap().success(), "{name}");
}

/// The numbered pictures in `dir`, in order.
fn pictures(dir: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path());
    let mut names: Vec<_> = all
        .filter(|p| p.extension().is_some_and(|e| e == "png"))
        .collect();
    names.sort();
    names
}

/// How strong a tone of `hz` is in `samples` (48 kHz), in dB.
fn level(samples: &[f32], hz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let turn = i as f32 / 48_000.0 * hz * std::f32::consts::TAU;
        re += sample * turn.cos();
        im += sample * turn.sin();
    }
    20.0 * (2.0 * re.hypot(im) / samples.len() as f32 + 1e-9).log10()
}

#[test]
fn a_background_moves_music_steps_back_and_films_come_before_and_after() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    // A second of silence, one of voice, three of silence.
    let voice = "aevalsrc='0.2*sin(2*PI*220*t)*between(t,1,2)':s=48000:d=5";
    forge(dir, &[voice], "voice.wav");
    // Blue for half a second, then green, then anew.
    let back = "color=blue:s=80x45:r=20:d=0.5[a];color=lime:s=80x45:r=20:d=0.5[b];[a][b]concat";
    forge(dir, &[back], "back.mp4");
    let song = "aevalsrc='0.1*sin(2*PI*1000*t)|0.1*sin(2*PI*1500*t)':s=44100:d=1.5";
    forge(dir, &[song], "song.mp3");
    forge(
        dir,
        &["color=red:s=90x90:r=25:d=0.6", "sine=700:d=0.6"],
        "intro.mp4",
    );
    forge(dir, &["color=yellow:s=64x36:d=0.1"], "card%d.png");
    let scene = "background: back.mp4\nmusic: song.mp3\nintro: intro.mp4\noutro: card1.png\n";
    std::fs::write(dir.join("scene.yaml"), scene).unwrap();
    let render = [
        "render",
        "voice.wav",
        "--scene",
        "scene.yaml",
        "--fps",
        "10",
    ];
    let rest = ["--size", "160x90", "--force", "-o", "shots/"];
    made(dir, &[&render[..], &rest].concat());

    let shots = pictures(&dir.join("shots"));
    // 0.6 s before, 5 s of the person, 3 s after.
    assert_eq!(shots.len(), 6 + 50 + 30);
    let corner = |n: usize| {
        let [r, g, b] = png(&shots[n]).get_pixel(158, 1).0;
        [r, g, b].map(|v| v > 127)
    };
    let middle = |n: usize| png(&shots[n]).get_pixel(80, 60).0.map(|v| v > 127);
    assert_eq!(middle(3), [true, false, false], "the intro");
    assert_eq!(corner(3), [false; 3], "black beside what is square");
    for (n, color) in [
        (6 + 2, [false, false, true]),
        (6 + 7, [false, true, false]),
        (6 + 32, [false, false, true]),
        (6 + 37, [false, true, false]),
    ] {
        assert_eq!(corner(n), color, "background of frame {n}");
    }
    assert_eq!(middle(80), [true, true, false], "the outro");

    let mut wav = hound::WavReader::open(dir.join("shots/sound.wav")).unwrap();
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 48_000));
    let samples: Vec<f32> = wav
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32768.0)
        .collect();
    assert_eq!(samples.len() / 2, 48_000 * 86 / 10);
    let heard = |channel: usize, from_secs: f64, hz: f32| {
        let from = (from_secs * 48_000.0) as usize;
        let part = samples.iter().skip(channel).step_by(2);
        let part: Vec<f32> = part.skip(from).take(14_400).copied().collect();
        level(&part, hz)
    };
    assert!(heard(0, 0.1, 700.0) > -25.0, "the intro is heard");
    // Left stays left; the pause is louder than beside the voice.
    assert!(heard(0, 4.0, 1500.0) < -60.0 && heard(1, 4.0, 1000.0) < -60.0);
    for (channel, hz) in [(0, 1000.0), (1, 1500.0)] {
        let (pause, ducked) = (heard(channel, 3.7, hz), heard(channel, 2.1, hz));
        let step = pause - ducked;
        assert!((8.5..11.5).contains(&step), "{pause} dB, then {ducked} dB");
        assert!(ducked > -60.0, "{ducked} dB");
    }
    assert!(heard(0, 2.1, 220.0) > heard(0, 2.1, 1000.0) + 15.0);
    assert!(
        heard(0, 6.0, 1000.0) < -60.0,
        "the music ends with the person"
    );
}

#[test]
fn subtitles_come_later_by_what_is_before() {
    if !common::has(&["vulkan", "ffmpeg", "speech"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("hi.txt"), "Hello.").unwrap();
    forge(dir, &["color=red:s=64x36:r=25:d=2"], "intro.mp4");
    std::fs::write(dir.join("scene.yaml"), "intro: intro.mp4\n").unwrap();
    let starts = |more: &[&str], name: &str| {
        let render = ["render", "hi.txt", "--size", "64x64", "--subtitles", name];
        let out = format!("{name}.mp4");
        made(dir, &[&render[..], more, &["-o", &out]].concat());
        let text = std::fs::read_to_string(dir.join(name)).unwrap();
        let line = text.lines().nth(1).unwrap().to_owned();
        line[6..8].parse::<f64>().unwrap() + line[9..12].parse::<f64>().unwrap() / 1000.0
    };
    let plain = starts(&[], "a.srt");
    let later = starts(&["--scene", "scene.yaml"], "b.srt");
    assert!((later - plain - 2.0).abs() < 2e-3, "{plain} and {later}");
}

#[test]
fn what_a_scene_cannot_use_is_told_with_its_place() {
    if !common::has(&["ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    tone(dir, "0.2");
    deck(&dir.join("deck.pdf"));
    forge(dir, &["color=red:s=64x36:r=25:d=0.2"], "mute.mp4");
    let scene = "background: tone.wav\nmusic: {file: mute.mp4, volume: 200%}\n\
                 intro: deck.pdf\noutro: gone.mp4\n";
    std::fs::write(dir.join("bad.yaml"), scene).unwrap();
    std::fs::write(dir.join("good.yaml"), "slides: deck.pdf\n").unwrap();
    let csv = "script,scene\nHi,bad.yaml\n[slide 9] Hi,good.yaml\n[slide 2] Hi,good.yaml\n";
    std::fs::write(dir.join("jobs.csv"), csv).unwrap();
    let output = huashen(dir, &["batch", "jobs.csv", "--check"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for expected in [
        "line 1, column 13: `background`: there is no picture and no video in it",
        "line 2, column 15: `file`: there is no sound in it",
        "line 2, column 33: `volume`",
        "line 3, column 8: `intro`: it cannot be opened: it is not a sound or video file",
        "line 4, column 8: `outro`: `gone.mp4` is no file that is there",
        "line 3, column 14: `scene`: the script asks for slide 9, and the PDF has 2 pages",
        "1 clip can be rendered",
    ] {
        assert!(said.contains(expected), "no `{expected}` in\n{said}");
    }
}

#[test]
fn titles_of_a_batch_take_each_rows_values() {
    if !common::has(&["vulkan", "ffmpeg", "font"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    tone(dir, "0.2");
    std::fs::write(
        dir.join("scene.yaml"),
        "background: black\nlayers:\n  - {text: \"{{姓名}}\", place: top, size: 20%, color: \"#00ff00\"}\n",
    )
    .unwrap();
    std::fs::write(
        dir.join("jobs.csv"),
        "audio,out,scene,姓名\ntone.wav,a/,scene.yaml,I\ntone.wav,b/,scene.yaml,WWWW\n",
    )
    .unwrap();
    made(dir, &["batch", "jobs.csv", "--set", "size=320x180", "-q"]);
    let ink = |clip: &str| {
        let picture = png(&dir.join("jobs").join(clip).join("00001.png"));
        let green = |p: &&image::Rgb<u8>| p.0[1] > 200 && p.0[0] < 60 && p.0[2] < 60;
        picture.pixels().filter(green).count()
    };
    let (one, many) = (ink("a"), ink("b"));
    assert!(one > 20 && many > 6 * one, "{one} {many}");
}
