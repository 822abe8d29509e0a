//! Clips as an independent decoder (the `ffmpeg` and `ffprobe` programs) sees them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use huashen_core::{Frame, FrameRate, PixelFormat, Size};
use huashen_media::{
    AudioReader, AudioSpec, ClipSpec, ClipWriter, Encoding, MediaError, WavWriter,
};

const SIZE: Size = Size {
    width: 128,
    height: 96,
};
const RATE_HZ: u32 = 24_000;

/// Whether the independent decoder is here; without it a test is skipped in
/// words, and fails where HUASHEN_REQUIRE names it.
fn decoder_is_here() -> bool {
    if Command::new("ffprobe").arg("-version").output().is_ok() {
        return true;
    }
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    assert!(
        !required.split_whitespace().any(|r| r == "ffmpeg"),
        "ffprobe is required and missing"
    );
    println!("skipped: no ffprobe");
    false
}

fn spec(rate: FrameRate) -> ClipSpec {
    ClipSpec {
        size: SIZE,
        rate,
        encoding: Encoding::default(),
        audio: Some(AudioSpec::mono(RATE_HZ)),
        metadata: vec![],
    }
}

fn flat_i420(index: u64, y: u8, cb: u8, cr: u8) -> Frame {
    let luma = (SIZE.width * SIZE.height) as usize;
    let mut data = vec![y; luma];
    data.extend(vec![cb; luma / 4]);
    data.extend(vec![cr; luma / 4]);
    Frame {
        index,
        size: SIZE,
        format: PixelFormat::I420,
        data,
    }
}

/// `frames` frames with sound made by `sample(n)` and pictures by `picture(n)`.
fn write_clip(
    path: &Path,
    rate: FrameRate,
    frames: u64,
    picture: impl Fn(u64) -> Frame,
    sample: impl Fn(u64) -> f32,
) -> Result<huashen_media::ClipInfo, MediaError> {
    let mut clip = ClipWriter::create(path, spec(rate))?;
    let mut pushed = 0;
    for n in 0..frames {
        let until = (rate.frame_time_secs(n + 1) * f64::from(RATE_HZ)).round() as u64;
        let block: Vec<f32> = (pushed..until).map(&sample).collect();
        pushed = until;
        clip.audio(&block)?;
        clip.video(picture(n))?;
    }
    clip.finish()
}

fn ffprobe(path: &Path) -> serde_json::Value {
    let out = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-of",
            "json",
            "-show_streams",
            "-show_packets",
            "-count_frames",
        ])
        .arg(path)
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

fn decode(path: &Path, args: &[&str]) -> Vec<u8> {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(args)
        .arg("-")
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

fn number(value: &serde_json::Value) -> f64 {
    match value {
        serde_json::Value::String(s) => s.parse().unwrap(),
        other => other.as_f64().unwrap(),
    }
}

#[test]
fn a_clip_has_the_right_streams_tags_lengths_and_order() {
    if !decoder_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for rate in [
        FrameRate::whole(25),
        FrameRate {
            num: 30000,
            den: 1001,
        },
        FrameRate::whole(60),
    ] {
        let path = dir.path().join("clip.mp4");
        let picture = |n: u64| flat_i420(n, 40 + (n * 3 % 150) as u8, 128, 128);
        let sample = |n: u64| (n as f32 * 0.05).sin() * 0.3;
        write_clip(&path, rate, 101, picture, sample).unwrap();
        let probed = ffprobe(&path);
        let streams = probed["streams"].as_array().unwrap();
        let (video, audio) = (&streams[0], &streams[1]);
        assert_eq!(video["codec_name"], "h264");
        assert_eq!(video["pix_fmt"], "yuv420p");
        assert_eq!(audio["codec_name"], "aac");
        for tag in ["color_space", "color_primaries", "color_transfer"] {
            assert_eq!(video[tag], "bt709", "{tag}");
        }
        assert_eq!(video["color_range"], "tv");
        assert_eq!(video["chroma_location"], "left");
        assert_eq!(video["nb_read_frames"], "101");
        assert_eq!(video["r_frame_rate"], format!("{}/{}", rate.num, rate.den));
        let (v, a) = (number(&video["duration"]), number(&audio["duration"]));
        assert!(
            (v - rate.frame_time_secs(101)).abs() < 1e-3,
            "video lasts {v}"
        );
        assert!((v - a).abs() < 1.0 / rate.fps(), "video {v}, audio {a}");
        for index in [0, 1] {
            let dts: Vec<f64> = probed["packets"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|p| p["stream_index"] == index)
                .map(|p| number(&p["dts"]))
                .collect();
            assert!(dts.windows(2).all(|w| w[0] < w[1]), "stream {index}");
        }
        let bytes = std::fs::read(&path).unwrap();
        let at = |name: &[u8]| bytes.windows(4).position(|w| w == name).unwrap();
        assert!(at(b"moov") < at(b"mdat"), "the index must come first");
    }
}

/// A frame flashes exactly when a click sounds; decoded, both must coincide.
#[test]
fn picture_and_sound_stay_together() {
    if !decoder_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for rate in [
        FrameRate::whole(24),
        FrameRate::whole(25),
        FrameRate {
            num: 30000,
            den: 1001,
        },
        FrameRate::whole(60),
    ] {
        let path = dir.path().join("clapper.mp4");
        let frames = (rate.fps() * 8.0) as u64;
        let every = (rate.fps() * 1.5) as u64;
        let claps: Vec<u64> = (1..frames / every).map(|k| k * every).collect();
        let first_samples: Vec<u64> = claps
            .iter()
            .map(|&n| (rate.frame_time_secs(n) * f64::from(RATE_HZ)).round() as u64)
            .collect();
        let picture = |n: u64| flat_i420(n, if claps.contains(&n) { 235 } else { 16 }, 128, 128);
        let sample = |n: u64| {
            let heard = first_samples.iter().any(|&at| n >= at && n < at + 48);
            if heard {
                if n % 8 < 4 { 0.9 } else { -0.9 }
            } else {
                0.0
            }
        };
        write_clip(&path, rate, frames, picture, sample).unwrap();

        let luma = decode(
            &path,
            &[
                "-map",
                "0:v",
                "-fps_mode",
                "passthrough",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "gray",
            ],
        );
        let pixels = (SIZE.width * SIZE.height) as usize;
        let flashes: Vec<f64> = luma
            .chunks_exact(pixels)
            .enumerate()
            .filter(|(_, f)| f[pixels / 2] > 150)
            .map(|(n, _)| rate.frame_time_secs(n as u64))
            .collect();
        let pcm = decode(&path, &["-map", "0:a", "-f", "f32le"]);
        let samples: Vec<f32> = pcm
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let mut clicks = Vec::new();
        let mut quiet_until = 0;
        for (n, s) in samples.iter().enumerate() {
            if n >= quiet_until && s.abs() > 0.3 {
                clicks.push(n as f64 / 48_000.0);
                quiet_until = n + 24_000;
            }
        }
        assert_eq!(flashes.len(), claps.len());
        assert_eq!(clicks.len(), claps.len());
        for (flash, click) in flashes.iter().zip(&clicks) {
            let offset = click - flash;
            assert!(
                offset.abs() < 0.5 / rate.fps(),
                "{offset} s at {flash} s, {rate} fps"
            );
        }
    }
}

/// Known sRGB colours, as I420 made with the BT.709 definition, decoded back to RGB.
#[test]
fn colours_survive_and_both_inputs_agree() {
    if !decoder_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let colours: [[u8; 3]; 6] = [
        [40, 60, 90],
        [255, 255, 255],
        [0, 0, 0],
        [200, 30, 30],
        [30, 180, 60],
        [240, 190, 160],
    ];
    for rgb in colours {
        let [r, g, b] = rgb.map(|c| f64::from(c) / 255.0);
        let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let y = (16.0 + 219.0 * luma).round() as u8;
        let cb = (128.0 + 224.0 * (b - luma) / 1.8556).round() as u8;
        let cr = (128.0 + 224.0 * (r - luma) / 1.5748).round() as u8;
        if rgb == [40, 60, 90] {
            assert_eq!([y, cb, cr], [66, 143, 118]);
        }
        let rgba = move |n: u64| Frame {
            index: n,
            size: SIZE,
            format: PixelFormat::Rgba8,
            data: [rgb[0], rgb[1], rgb[2], 255].repeat((SIZE.width * SIZE.height) as usize),
        };
        let (one, two) = (dir.path().join("i420.mp4"), dir.path().join("rgba.mp4"));
        write_clip(
            &one,
            FrameRate::whole(25),
            5,
            |n| flat_i420(n, y, cb, cr),
            |_| 0.0,
        )
        .unwrap();
        write_clip(&two, FrameRate::whole(25), 5, rgba, |_| 0.0).unwrap();
        for path in [&one, &two] {
            let out = decode(
                path,
                &[
                    "-map",
                    "0:v",
                    "-vf",
                    "scale=in_color_matrix=bt709:in_range=tv,format=rgb24",
                    "-f",
                    "rawvideo",
                ],
            );
            let at = out.len() - (SIZE.width * SIZE.height) as usize * 3 / 2;
            let at = at - at % 3;
            for (c, (&found, &given)) in out[at..at + 3].iter().zip(&rgb).enumerate() {
                assert!(
                    found.abs_diff(given) <= 3,
                    "{path:?} {rgb:?}: channel {c} came back as {found}"
                );
            }
        }
    }
}

#[test]
fn two_runs_give_identical_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let path = dir.path().join(name);
        let picture = |n: u64| {
            let mut frame = flat_i420(n, 60, 120, 140);
            for (i, byte) in frame.data.iter_mut().enumerate() {
                *byte = byte.wrapping_add(((i as u64 * 31 + n * 7) % 50) as u8);
            }
            frame
        };
        write_clip(&path, FrameRate::whole(25), 60, picture, |n| {
            (n as f32 * 0.01).sin()
        })
        .unwrap();
        std::fs::read(path).unwrap()
    };
    assert!(make("one.mp4") == make("two.mp4"));
}

#[test]
fn an_unfinished_clip_leaves_nothing_and_keeps_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clip.mp4");
    std::fs::write(&path, b"old").unwrap();
    let mut clip = ClipWriter::create(&path, spec(FrameRate::whole(25))).unwrap();
    clip.video(flat_i420(0, 50, 128, 128)).unwrap();
    drop(clip);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn wrong_use_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let rate = FrameRate::whole(25);
    let refused = |name: &str| {
        ClipWriter::create(&dir.path().join(name), spec(rate))
            .err()
            .unwrap()
            .to_string()
    };
    assert!(refused("no/such/clip.mp4").contains("cannot be written"));
    let mut clip = ClipWriter::create(&dir.path().join("clip.mp4"), spec(rate)).unwrap();
    let error = clip.video(flat_i420(3, 0, 0, 0)).unwrap_err();
    assert!(matches!(
        error,
        MediaError::FrameOrder {
            expected: 0,
            found: 3
        }
    ));
    let mut small = flat_i420(0, 0, 0, 0);
    small.data.pop();
    assert!(matches!(
        clip.video(small),
        Err(MediaError::FrameShape { .. })
    ));
}

#[test]
fn sound_is_read_back_at_any_rate() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tone.wav");
    let tone: Vec<f32> = (0..24_000)
        .map(|n| (n as f32 * 440.0 * std::f32::consts::TAU / 24_000.0).sin() * 0.5)
        .collect();
    let mut wav = WavWriter::create(&path, AudioSpec::mono(RATE_HZ)).unwrap();
    wav.push(&tone).unwrap();
    wav.finish().unwrap();
    for rate_hz in [None, Some(16_000), Some(48_000)] {
        let reader = AudioReader::open(&path, rate_hz).unwrap();
        let rate = reader.sample_rate_hz();
        let samples: Vec<f32> = reader.flat_map(Result::unwrap).collect();
        assert!(
            samples.len().abs_diff(rate as usize) <= 64,
            "{} samples",
            samples.len()
        );
        let crossings = samples
            .windows(2)
            .filter(|w| w[0] < 0.0 && w[1] >= 0.0)
            .count();
        assert!(crossings.abs_diff(440) <= 2, "{crossings} Hz");
        let rms = (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt();
        assert!((rms - 0.3535).abs() < 0.01, "rms {rms}");
    }
}

#[test]
fn bad_sound_files_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        match AudioReader::open(&path, None) {
            Err(e) => e.to_string(),
            Ok(reader) => reader.filter_map(Result::err).next().unwrap().to_string(),
        }
    };
    assert!(refused("empty.wav", b"").contains("empty"));
    assert!(refused("text.wav", &b"this is no sound at all. ".repeat(50)).contains("text.wav"));
    assert!(AudioReader::open(&dir.path().join("none.wav"), None).is_err());
    // A header that promises more than there is gives what there is.
    let path = dir.path().join("cut.wav");
    let mut wav = WavWriter::create(&path, AudioSpec::mono(RATE_HZ)).unwrap();
    wav.push(&[0.25; 24_000]).unwrap();
    wav.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let samples: usize = AudioReader::open(&path, None)
        .unwrap()
        .map(|b| b.unwrap().len())
        .sum();
    assert!((11_000..13_000).contains(&samples), "{samples}");
}
