//! A photo's avatar in other people's hands: its GLB as Khronos' validator and
//! three.js in a browser see it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The face in `astronaut.jpg`, in its pixels: left, top, right, bottom, by the
/// landmarks of `engine/vision/tests/fixtures/reference.json`.
const FACE: [f64; 4] = [180.0, 71.0, 271.0, 178.0];
const SIDE: f64 = 512.0;

/// What a script of `tools/browser` says, and whether it was content.
fn node(script: &str, args: &[&Path], shapes: &[&str]) -> (Value, Output) {
    let output = Command::new("node")
        .arg(common::root().join("tools/browser").join(script))
        .args(args)
        .args(shapes)
        .env("HUASHEN_BROWSER_TOOLS", common::browser_tools())
        .output()
        .unwrap();
    let said = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{script}: {}", String::from_utf8_lossy(&output.stderr)));
    (said, output)
}

/// From the browser's pixels to the photo's.
struct Places {
    view: Value,
    metres_per_px: f64,
}

impl Places {
    fn number(&self, name: &str) -> f64 {
        self.view[name].as_f64().unwrap()
    }

    fn photo(&self, x: f64, y: f64) -> [f64; 2] {
        let metres = self.number("metres_per_px");
        [
            SIDE / 2.0 + (self.number("left") + x * metres) / self.metres_per_px,
            SIDE / 2.0 - (self.number("top") - y * metres) / self.metres_per_px,
        ]
    }

    /// The other way round, to whole pixels.
    fn browser(&self, x: f64, y: f64) -> [u32; 2] {
        let metres = self.number("metres_per_px");
        [
            (((x - SIDE / 2.0) * self.metres_per_px - self.number("left")) / metres) as u32,
            ((self.number("top") - (SIDE / 2.0 - y) * self.metres_per_px) / metres) as u32,
        ]
    }

    /// What a shape changed: left, top, right, bottom in the photo's pixels.
    fn changed(&self, shape: &Value) -> [f64; 4] {
        let at = |name: &str| {
            let place = shape["box"][name].as_f64();
            place.unwrap_or_else(|| panic!("nothing moved: {shape}"))
        };
        let [left, top] = self.photo(at("left"), at("top"));
        let [right, bottom] = self.photo(at("right"), at("bottom"));
        [left, top, right, bottom]
    }
}

#[test]
fn a_photo_avatar_plays_in_a_browser() {
    if !common::has(&["face", "browser"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let photo = common::portrait();
    let new = ["avatar", "new", "--name", "web", "--photo"];
    common::made(
        temp.path(),
        &[&new[..], &[photo.to_str().unwrap()]].concat(),
    );
    let avatar = temp.path().join("avatars/web");
    let glb = avatar.join("relief.glb");

    let (report, output) = node("validate.mjs", &[&glb], &[]);
    assert_eq!(report["numErrors"], 0, "{report:#}");
    assert!(output.status.success());

    let pictures = temp.path().join("pictures");
    let (played, output) = node("play.mjs", &[&glb, &pictures], &["jawOpen", "eyeBlinkLeft"]);
    assert!(output.status.success());
    let said = played["said"].as_array().unwrap();
    assert!(said.is_empty(), "three.js complains: {said:?}");

    let manifest = std::fs::read_to_string(avatar.join("avatar.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let places = Places {
        view: played["view"].clone(),
        metres_per_px: manifest["photo"]["metres_per_px"].as_float().unwrap(),
    };
    let [left, top, right, bottom] = FACE;
    let middle = [(left + right) / 2.0, (top + bottom) / 2.0];

    // At rest it is the photo, in its place and in its colours: the forehead.
    let rest = image::open(pictures.join("rest.png")).unwrap().into_rgb8();
    let photo = image::open(&photo).unwrap().into_rgb8();
    for (x, y) in [(215, 84), (225, 84), (235, 84)] {
        let [bx, by] = places.browser(f64::from(x) + 0.5, f64::from(y) + 0.5);
        let (shown, taken) = (rest.get_pixel(bx, by), photo.get_pixel(x, y));
        let apart = shown.0.iter().zip(taken.0).map(|(a, b)| a.abs_diff(b));
        assert!(apart.max() <= Some(24), "{shown:?} for {taken:?}");
    }

    let [l, t, r, b] = places.changed(&played["shapes"]["jawOpen"]);
    let jaw = format!("the jaw moves x {l:.0} to {r:.0}, y {t:.0} to {b:.0}");
    println!("{jaw}");
    assert!((t + b) / 2.0 > middle[1] && b > bottom - 30.0, "{jaw}");
    assert!(l > left - 30.0 && r < right + 30.0, "{jaw}");

    // Her left eye is to the right in the photo.
    let [l, t, r, b] = places.changed(&played["shapes"]["eyeBlinkLeft"]);
    let eye = format!("the eye moves x {l:.0} to {r:.0}, y {t:.0} to {b:.0}");
    println!("{eye}");
    assert!(l > middle[0] - 5.0 && r < right + 10.0, "{eye}");
    assert!(t > top && b < middle[1], "{eye}");
    assert!(
        r - l < (right - left) / 2.0 && b - t < (bottom - top) / 3.0,
        "{eye}"
    );
}
