//! Footage of a person who speaks becomes an avatar that says other words: the
//! footage here is the presenter's, so that what she said is known.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{huashen, made};

/// Every kind of mouth, and enough of it.
const FILMED: &str = "Mother bought a blue boat by the far palm. You see two cool cheese shops \
                      there, and who knows how many more. Maybe father may open the window, but \
                      nobody knows which room he will choose before noon.";
const SAID: &str = "Pam will buy more apples. 妈妈不怕。";

fn ffmpeg(dir: &Path, args: &[&str]) {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-y"])
        .args(args)
        .current_dir(dir);
    assert!(command.status().unwrap().success());
}

fn film(dir: &Path) {
    std::fs::write(dir.join("filmed.txt"), FILMED).unwrap();
    std::fs::write(dir.join("said.txt"), SAID).unwrap();
    made(
        dir,
        &[
            "render",
            "filmed.txt",
            "-o",
            "film.mp4",
            "--size",
            "384x384",
            "--shot",
            "face",
            "--label",
            "off",
            "--i-label-elsewhere",
            "test footage",
        ],
    );
}

#[test]
fn footage_becomes_an_avatar_that_says_other_words() {
    if !common::has(&["speech", "vulkan", "ffmpeg", "face"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    film(dir);

    // Nobody is cloned without a word of who agreed.
    let refused = huashen(dir, &["avatar", "new", "--video", "film.mp4"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("--consent"), "{said}");
    assert!(!dir.join("avatars/film").exists());

    let consent = "The presenter is ours and agrees to everything";
    let built = made(
        dir,
        &[
            "avatar",
            "new",
            "--video",
            "film.mp4",
            "--consent",
            consent,
            "--json",
        ],
    );
    let found: serde_json::Value = serde_json::from_slice(&built.stdout).unwrap();
    println!("{found:#}");
    assert!(found["usable_seconds"].as_f64().unwrap() > 0.9 * found["seconds"].as_f64().unwrap());
    assert!(found["mouths"].as_u64().unwrap() > 50);
    let shown = made(dir, &["avatar", "show", "film"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(consent));
    // The bundle is what it says: footage that anyone can play, mouths to look at.
    let bundle = dir.join("avatars/film");
    ffmpeg(dir, &["-i", "avatars/film/footage.mp4", "-f", "null", "-"]);
    assert!(bundle.join("mouths.jpg").exists());

    // Stopped on the way it goes on from there, and comes out the same.
    let again = [
        "avatar",
        "new",
        "--video",
        "film.mp4",
        "--name",
        "again",
        "--consent",
        consent,
    ];
    let parts = dir.join("avatars/.again.filming");
    let mut running = common::command(dir, &again).spawn().unwrap();
    while !parts.join("seen-0000").exists() {
        assert!(
            running.try_wait().unwrap().is_none(),
            "it ended before it was stopped"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let stop = Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status();
    assert!(stop.unwrap().success());
    assert_eq!(running.wait().unwrap().code(), Some(130));
    assert!(!dir.join("avatars/again").exists());
    let went_on = made(dir, &again);
    let said = String::from_utf8_lossy(&went_on.stderr).into_owned();
    assert!(said.contains("going on after 250 pictures"), "{said}");
    assert!(!parts.exists());
    for file in [
        "footage.mp4",
        "mouths.mp4",
        "mouths.jpg",
        "person.safetensors",
    ] {
        let bytes = |name: &str| std::fs::read(dir.join("avatars").join(name).join(file)).unwrap();
        assert_eq!(bytes("film"), bytes("again"), "{file}");
    }

    // It says other words, the same way each time.
    made(
        dir,
        &["render", "said.txt", "--avatar", "film", "-o", "one.mp4"],
    );
    made(
        dir,
        &["render", "said.txt", "--avatar", "film", "-o", "two.mp4"],
    );
    let bytes = |name: &str| std::fs::read(dir.join(name)).unwrap();
    assert_eq!(bytes("one.mp4"), bytes("two.mp4"));
    let inspected = made(dir, &["inspect", "one.mp4", "--json"]);
    let inspected = String::from_utf8_lossy(&inspected.stdout).into_owned();
    assert!(inspected.contains("384"), "{inspected}");
    // In a shape it was not filmed in, the face stays in view.
    made(
        dir,
        &[
            "still",
            "--avatar",
            "film",
            "--size",
            "216x384",
            "--pose",
            "jawOpen=.6",
            "-o",
            "tall.png",
        ],
    );

    // Something else can be behind her, and nothing at all.
    let on_green = [
        "still",
        "--avatar",
        "film",
        "--background",
        "#00ff00",
        "-o",
        "green.png",
    ];
    made(dir, &on_green);
    made(
        dir,
        &[
            "still",
            "--avatar",
            "film",
            "--background",
            "transparent",
            "-o",
            "clear.png",
        ],
    );
    let open = |name: &str| image::open(dir.join(name)).unwrap().into_rgba8();
    let (green, clear) = (open("green.png"), open("clear.png"));
    let (corner, nose) = ((3, 3), (192, 192));
    let [r, g, b, _] = green.get_pixel(corner.0, corner.1).0;
    assert!(g > 240 && r < 15 && b < 15, "{r} {g} {b}");
    let [r, g, _, _] = green.get_pixel(nose.0, nose.1).0;
    assert!(r > g, "{r} {g}");
    assert_eq!(clear.get_pixel(corner.0, corner.1)[3], 0);
    assert_eq!(clear.get_pixel(nose.0, nose.1)[3], 255);

    // In the film itself she says them, and all but her mouth is as it was.
    let dub = [
        "render",
        "film.mp4",
        "--avatar",
        "same",
        "-o",
        "dub.mp4",
        "--consent",
        consent,
    ];
    let output = huashen(dir, &dub);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--say"), "{said}");
    made(
        dir,
        &[
            &dub[..],
            &[
                "--say",
                "said.txt",
                "--label",
                "off",
                "--i-label-elsewhere",
                "a test",
            ],
        ]
        .concat(),
    );
    for name in ["film", "dub"] {
        let (film, picture) = (format!("{name}.mp4"), format!("{name}.png"));
        ffmpeg(
            dir,
            &[
                "-i",
                &film,
                "-vf",
                "select=eq(n\\,40)",
                "-frames:v",
                "1",
                &picture,
            ],
        );
    }
    let (film, dub) = (open("film.png"), open("dub.png"));
    let apart = |rows: std::ops::Range<u32>| {
        let of = |y: u32, x: u32| film.get_pixel(x, y)[1].abs_diff(dub.get_pixel(x, y)[1]);
        let n = (rows.len() * 384) as f64;
        rows.flat_map(|y| (0..384).map(move |x| f64::from(of(y, x))))
            .sum::<f64>()
            / n
    };
    assert!(apart(0..140) < 3.0, "{}", apart(0..140));

    // What has no sense with footage is said, not ignored.
    let output = huashen(
        dir,
        &[
            "still", "--avatar", "film", "--shot", "half", "-o", "no.png",
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("footage") && said.contains("--shot"),
        "{said}"
    );

    // A damaged bundle is one clear sentence.
    let person = bundle.join("person.safetensors");
    let whole = std::fs::read(&person).unwrap();
    std::fs::write(&person, &whole[..whole.len() / 2]).unwrap();
    let output = huashen(dir, &["still", "--avatar", "film", "-o", "no.png"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("build the avatar again"), "{said}");
}

#[test]
fn true_curves_give_the_true_mouth_and_sound_comes_near() {
    if !common::has(&["speech", "vulkan", "ffmpeg", "face"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    film(dir);
    let judged = made(dir, &["eval", "clone", "film.mp4", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&judged.stdout).unwrap();
    println!("{told:#}");
    let row = |way: &str| {
        let rows = told["rows"].as_array().unwrap();
        rows.iter().find(|r| r["way"] == way).unwrap().clone()
    };
    let lips = |way: &str| row(way)["lips"].as_f64().unwrap();
    let ours = lips("ours, from true curves");
    assert!(ours < 0.03, "{ours}");
    assert_eq!(row("ours, from true curves")["lag"], 0);
    assert!(ours < 0.7 * lips("footage untouched"));
    assert!(ours < 0.7 * lips("nearest single frame"));
    assert!(lips("ours, from sound") < lips("footage untouched"));
}

#[test]
fn footage_that_is_of_no_use_is_refused_and_nothing_is_left() {
    if !common::has(&["ffmpeg", "face"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let portrait = common::portrait();
    let portrait = portrait.to_str().unwrap();
    let lavfi = |source: &str, name: &str| ffmpeg(dir, &["-f", "lavfi", "-i", source, name]);
    lavfi("testsrc=size=256x256:rate=25:duration=6", "bars.mp4");
    let standing = |secs: &str, filter: &str, name: &str| {
        let input = ["-loop", "1", "-i", portrait, "-t", secs, "-r", "25"];
        let output = ["-pix_fmt", "yuv420p", "-vf", filter, name];
        ffmpeg(dir, &[&input[..], &output[..]].concat());
    };
    standing("2", "null", "short.mp4");
    standing("6", "null", "still.mp4");
    // Two of them, side by side.
    standing("2", "split[a][b];[a][b]hstack", "crowd.mp4");
    std::fs::write(dir.join("empty.mp4"), b"").unwrap();
    for (file, why) in [
        ("bars.mp4", "no face"),
        ("short.mp4", "only 2.0 s"),
        ("still.mp4", "hardly moves"),
        ("crowd.mp4", "several people"),
        ("empty.mp4", "empty"),
        ("missing.mp4", "missing.mp4"),
    ] {
        let output = huashen(
            dir,
            &[
                "avatar",
                "new",
                "--video",
                file,
                "--consent",
                "a test",
                "--name",
                "nobody",
            ],
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{file}: {said}");
        assert!(said.contains(why), "{file}: {said}");
        let left = std::fs::read_dir(dir.join("avatars")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{file} left something behind");
    }
}
