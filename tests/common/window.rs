//! Live windows on a virtual desktop, led by a file in place of a user.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use image::RgbaImage;

/// A face before a plain background, from `Self` on known colours.
pub const FACE: [&str; 4] = ["--shot", "face", "--background", "#283c5a"];

/// A program that ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A desktop without a screen; gives its name as well.
pub fn desktop() -> (Running, String) {
    let mut child = Command::new("Xvfb")
        .args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1024x768x24",
            "-nolisten",
            "tcp",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut number = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut number)
        .unwrap();
    (Running(child), format!(":{}", number.trim()))
}

/// `huashen preview` that does `steps`, without a sound device.
pub fn preview(dir: &Path, display: &str, steps: &str, size: &str, args: &[&str]) -> Command {
    std::fs::write(dir.join("steps"), steps).unwrap();
    std::fs::write(dir.join("nothing.conf"), "").unwrap();
    let all = [
        &["preview", "--json", "--script-ui", "steps", "--size", size],
        args,
    ]
    .concat();
    let mut command = super::command(dir, &all);
    command
        .env("DISPLAY", display)
        .env("ALSA_CONFIG_PATH", dir.join("nothing.conf"))
        .env_remove("WAYLAND_DISPLAY");
    command
}

/// What it told at its end, which must be a good one.
pub fn report(output: &Output) -> (serde_json::Value, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    (serde_json::from_slice(&output.stdout).unwrap(), said)
}

pub fn shot(dir: &Path, name: &str) -> RgbaImage {
    image::open(dir.join(name)).unwrap().into_rgba8()
}

/// Dark pixels where the mouth is: how far it is open.
pub fn mouth(picture: &RgbaImage) -> usize {
    let (w, h) = picture.dimensions();
    let rows = h * 58 / 100..h * 72 / 100;
    rows.flat_map(|y| (w * 2 / 5..w * 3 / 5).map(move |x| picture.get_pixel(x, y).0))
        .filter(|[r, g, b, _]| u32::from(*r) * 3 + u32::from(*g) * 6 + u32::from(*b) < 800)
        .count()
}
