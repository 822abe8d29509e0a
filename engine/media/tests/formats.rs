//! Every form a clip comes out in, as an independent decoder (the `ffmpeg` and
//! `ffprobe` programs) sees it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use huashen_core::{Frame, FrameRate, PixelFormat, Size};
use huashen_media::{AudioSpec, ClipFormat, ClipSpec, ClipWriter, Codec, Encoding};

const SIZE: Size = Size {
    width: 160,
    height: 90,
};
const FRAMES: u64 = 25;
const RATE_HZ: u32 = 24_000;

fn decoder_is_here() -> bool {
    if Command::new("ffprobe").arg("-version").output().is_ok() {
        return true;
    }
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    assert!(!required.split_whitespace().any(|r| r == "ffmpeg"));
    println!("skipped: no ffprobe");
    false
}

/// A bright disc with a soft edge that moves to the right; nothing around it,
/// and that nothing is black, as a renderer leaves it.
fn disc(index: u64) -> Vec<u8> {
    let (w, h) = (SIZE.width as i32, SIZE.height as i32);
    let centre = (30.0 + index as f32, h as f32 / 2.0);
    let mut rgba = Vec::new();
    for y in 0..h {
        for x in 0..w {
            let far = (x as f32 - centre.0).hypot(y as f32 - centre.1);
            let alpha = ((22.0 - far) / 6.0).clamp(0.0, 1.0);
            let a = (alpha * 255.0).round() as u8;
            rgba.extend(if a == 0 { [0; 4] } else { [230, 200, 60, a] });
        }
    }
    rgba
}

/// [`disc`] over one colour.
fn over(index: u64, back: [u8; 3]) -> Vec<u8> {
    let mut rgb = Vec::new();
    for p in disc(index).chunks_exact(4) {
        let a = f32::from(p[3]) / 255.0;
        rgb.extend(
            (0..3).map(|c| (f32::from(p[c]) * a + f32::from(back[c]) * (1.0 - a)).round() as u8),
        );
    }
    rgb
}

fn write(path: &Path, codec: Option<Codec>, alpha: bool) {
    let rate = FrameRate::whole(25);
    let format = ClipFormat::of(path, codec, alpha).unwrap();
    let encoding = Encoding {
        format,
        alpha,
        ..Encoding::default()
    };
    let spec = ClipSpec {
        size: SIZE,
        rate,
        encoding,
        audio: Some(AudioSpec::mono(RATE_HZ)),
        metadata: match format.keeps_metadata() {
            true => vec![("AIGC".to_owned(), r#"{"Label":"1"}"#.to_owned())],
            false => vec![],
        },
    };
    let mut clip = ClipWriter::create(path, spec).unwrap();
    for index in 0..FRAMES {
        let tone = (0..RATE_HZ / 25).map(|n| (n as f32 * 0.05).sin() * 0.2);
        clip.audio(&tone.collect::<Vec<_>>()).unwrap();
        let data = match (format.has_pictures(), alpha) {
            (false, _) => continue,
            (true, true) => disc(index),
            (true, false) => {
                let rgb = over(index, [40, 60, 90]);
                rgb.chunks(3)
                    .flat_map(|p| [p[0], p[1], p[2], 255])
                    .collect()
            }
        };
        clip.video(Frame {
            index,
            size: SIZE,
            format: PixelFormat::Rgba8,
            data,
        })
        .unwrap();
    }
    let info = clip.finish().unwrap();
    let frames = info
        .streams
        .iter()
        .find(|s| s.kind == "video")
        .map(|s| s.frames);
    // Matroska counts nothing.
    assert!(frames.is_none_or(|n| n == FRAMES || n == 0), "{info:?}");
}

fn probe(path: &Path) -> serde_json::Value {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-of", "json"])
        .args(["-show_streams", "-show_format"])
        .arg(path)
        .output()
        .unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{path:?}");
    serde_json::from_slice(&out.stdout).unwrap()
}

fn frame(args: &[&str], path: &Path, index: u64, format: &str) -> Vec<u8> {
    let out = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(args)
        .arg("-i")
        .arg(path)
        .args(["-vf", &format!("select=eq(n\\,{index})"), "-frames:v", "1"])
        .args(["-f", "rawvideo", "-pix_fmt", format, "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{path:?}: {said}");
    out.stdout
}

/// Mean and largest difference.
fn differ(a: &[u8], b: &[u8]) -> (f64, u8) {
    assert_eq!(a.len(), b.len());
    let each = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = each.clone().map(u64::from).sum();
    (sum as f64 / a.len() as f64, each.max().unwrap())
}

struct Expect {
    name: &'static str,
    codec: Option<Codec>,
    alpha: bool,
    /// Video codec, pixel format and sound codec as ffprobe names them.
    found: (&'static str, &'static str, &'static str),
}

const VIDEOS: [Expect; 9] = {
    const fn e(
        name: &'static str,
        codec: Option<Codec>,
        alpha: bool,
        found: (&'static str, &'static str, &'static str),
    ) -> Expect {
        Expect {
            name,
            codec,
            alpha,
            found,
        }
    }
    [
        e("a.mp4", None, false, ("h264", "yuv420p", "aac")),
        e(
            "b.mp4",
            Some(Codec::H265),
            false,
            ("hevc", "yuv420p", "aac"),
        ),
        e("a.mov", None, false, ("h264", "yuv420p", "aac")),
        e("b.mov", None, true, ("prores", "yuva444p12le", "pcm_s24le")),
        e(
            "c.mov",
            Some(Codec::ProRes),
            false,
            ("prores", "yuv444p12le", "pcm_s24le"),
        ),
        e("a.mkv", None, false, ("h264", "yuv420p", "aac")),
        e("a.webm", None, false, ("vp9", "yuv420p", "opus")),
        e("b.webm", None, true, ("vp9", "yuv420p", "opus")),
        e("b.mkv", None, true, ("vp9", "yuv420p", "opus")),
    ]
};

#[test]
fn every_video_form_has_its_streams_tags_and_bytes() {
    if !decoder_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for expect in &VIDEOS {
        let path = dir.path().join(expect.name);
        write(&path, expect.codec, expect.alpha);
        let bytes = std::fs::read(&path).unwrap();
        let found = probe(&path);
        let name = expect.name;
        let [video, audio] = &found["streams"].as_array().unwrap()[..] else {
            panic!("{name}: {found}");
        };
        let (codec, pixel, sound) = expect.found;
        assert_eq!(video["codec_name"], codec, "{name}");
        assert_eq!(video["pix_fmt"], pixel, "{name}");
        assert_eq!(audio["codec_name"], sound, "{name}");
        assert_eq!(audio["sample_rate"], "48000", "{name}");
        assert_eq!(video["nb_read_frames"], FRAMES.to_string(), "{name}");
        for tag in ["color_space", "color_primaries", "color_transfer"] {
            assert_eq!(video[tag], "bt709", "{name} {tag}");
        }
        assert_eq!(video["color_range"], "tv", "{name}");
        // In Matroska, AAC begins with 21 ms that nothing says to leave out.
        let starts: f64 = video["start_time"].as_str().unwrap().parse().unwrap();
        let lead = if name == "a.mkv" { 0.021 } else { 0.0 };
        assert!(
            (starts - lead).abs() < 1e-3,
            "{name}: pictures start at {starts} s"
        );
        if codec == "hevc" {
            assert_eq!(video["codec_tag_string"], "hvc1");
        }
        if expect.alpha && codec == "vp9" {
            assert_eq!(video["tags"]["alpha_mode"], "1", "{name}");
        }
        let secs: f64 = found["format"]["duration"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((secs - 1.0).abs() < 0.05, "{name}: {secs} s");
        assert_eq!(
            found["format"]["tags"]["AIGC"], r#"{"Label":"1"}"#,
            "{name}"
        );
        if !expect.alpha {
            let seen = frame(&[], &path, 12, "rgb24");
            let (mean, most) = differ(&seen, &over(12, [40, 60, 90]));
            assert!(
                mean < 3.0 && most < 60,
                "{name}: off by {mean}, at most {most}"
            );
        }
        write(&path, expect.codec, expect.alpha);
        let again = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), again.len(), "{name}");
        let differs = bytes.iter().zip(&again).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{name}: another byte here");
        if name.ends_with("mp4") {
            let at = |atom: &[u8]| bytes.windows(4).position(|w| w == atom).unwrap();
            assert!(at(b"moov") < at(b"mdat"), "{name}: the index comes last");
        }
    }
}

/// Alpha is straight everywhere, and no colour from behind the person comes
/// over the edge: over any background it is as if it had been drawn there.
#[test]
fn what_is_transparent_composites_over_any_colour() {
    if !decoder_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // FFmpeg's own VP9 decoder leaves alpha out.
    let vpx: &[&str] = &["-c:v", "libvpx-vp9"];
    for (name, decoder, mean_most) in [
        ("a.webm", vpx, (1.0, 12)),
        ("a.mkv", vpx, (1.0, 12)),
        ("a.mov", &[], (0.5, 3)),
        ("shots/%05d.png", &[], (0.0, 0)),
    ] {
        let path = dir.path().join(name);
        write(&path, None, true);
        for index in [0, 12, 24] {
            let seen = frame(decoder, &path, index, "rgba");
            let corner = &seen[..4];
            assert!(corner[3] <= 1, "{name}: the corner is {corner:?}");
            for back in [[255, 255, 255], [0, 0, 0], [20, 160, 60]] {
                let composed: Vec<u8> = seen
                    .chunks_exact(4)
                    .flat_map(|p| {
                        let a = f32::from(p[3]) / 255.0;
                        [0, 1, 2].map(|c| {
                            (f32::from(p[c]) * a + f32::from(back[c]) * (1.0 - a)).round() as u8
                        })
                    })
                    .collect();
                let (mean, most) = differ(&composed, &over(index, back));
                println!("{name} {index} {back:?}: mean {mean:.2}, most {most}");
                assert!(
                    mean <= mean_most.0 && most <= mean_most.1,
                    "{name} over {back:?}: off by {mean:.2}, at most {most}"
                );
            }
        }
    }
    let mut left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["a.mkv", "a.mov", "a.webm", "shots"]);
    let shots = dir.path().join("shots");
    assert_eq!(
        std::fs::read_dir(&shots).unwrap().count(),
        FRAMES as usize + 1
    );
    let sound = probe(&shots.join("sound.wav"));
    assert_eq!(sound["streams"][0]["duration"], "1.000000");
    // Again, over what is there: only the pictures are replaced.
    std::fs::write(shots.join("notes.txt"), "mine").unwrap();
    std::fs::write(shots.join("00099.png"), "of an earlier, longer run").unwrap();
    write(&dir.path().join("shots/"), None, true);
    assert!(shots.join("notes.txt").exists() && !shots.join("00099.png").exists());
}

#[test]
fn previews_move_and_sound_alone_sounds() {
    if !decoder_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for alpha in [false, true] {
        let path = dir.path().join("a.gif");
        write(&path, None, alpha);
        let found = probe(&path);
        let video = &found["streams"][0];
        assert_eq!(video["codec_name"], "gif");
        assert_eq!(video["nb_read_frames"], FRAMES.to_string());
        assert_eq!(found["format"]["duration"], "1.000000");
        for index in [0, 12, 24] {
            let seen = frame(&[], &path, index, "rgba");
            assert_eq!(seen[3], if alpha { 0 } else { 255 });
            if !alpha {
                let rgb: Vec<u8> = seen.chunks(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
                let (mean, most) = differ(&rgb, &over(index, [40, 60, 90]));
                assert!(mean < 3.0 && most < 32, "frame {index}: {mean}, {most}");
                assert_eq!(rgb[..3], [40, 60, 90], "an area keeps its colour");
            }
        }
    }
    let path = dir.path().join("a.webp");
    write(&path, None, true);
    let bytes = std::fs::read(&path).unwrap();
    let count = |tag: &[u8]| bytes.windows(4).filter(|w| *w == tag).count();
    assert_eq!(&bytes[8..12], b"WEBP");
    assert_eq!(
        (count(b"ANIM"), count(b"ANMF"), count(b"ALPH") > 0),
        (1, FRAMES as usize, true)
    );
    for (name, codec) in [("a.m4a", "aac"), ("a.mp3", "mp3")] {
        let path = dir.path().join(name);
        write(&path, None, false);
        let found = probe(&path);
        assert_eq!(found["streams"].as_array().unwrap().len(), 1);
        assert_eq!(found["streams"][0]["codec_name"], codec);
        assert_eq!(found["format"]["tags"]["AIGC"], r#"{"Label":"1"}"#);
        let secs: f64 = found["format"]["duration"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((secs - 1.0).abs() < 0.08, "{name}: {secs} s");
    }
}
