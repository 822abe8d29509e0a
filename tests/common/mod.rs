//! What the tests through the binary share: what this machine has, running
//! `huashen`, where things are.
#![allow(dead_code, reason = "not every test binary uses everything")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

pub mod window;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use huashen_core::paths::models_dir;

/// Whether this machine has all that a test needs, by the names that
/// `HUASHEN_REQUIRE` knows; says what it lacks.
///
/// # Panics
/// When something is missing that `HUASHEN_REQUIRE` names.
pub fn has(needs: &[&str]) -> bool {
    needs.iter().all(|need| {
        let here = here(need).unwrap_or_else(|e| panic!("{e}"));
        if !here {
            println!("skipped: this machine has no {need}");
        }
        here
    })
}

/// Whether this machine has `need`; an error where `HUASHEN_REQUIRE` promised it.
pub fn here(need: &str) -> Result<bool, String> {
    let models = |names: &[&str]| names.iter().all(|name| models_dir().join(name).exists());
    let runs = |program: &str, ask: &str| Command::new(program).arg(ask).output().is_ok();
    let here = match need {
        "speech" => models(&["kokoro/model.onnx"]),
        "face" => models(&["face_landmarker", "selfie_segmenter"]),
        "listen" => models(&["whisper/model.bin"]),
        "font" => models(&["noto_sans_sc/NotoSansSC-Regular.otf"]),
        "vulkan" => huashen_render::probe().is_ok(),
        "ffmpeg" => runs("ffprobe", "-version"),
        "openssl" => runs("openssl", "version"),
        "desktop" => runs("Xvfb", "-help"),
        "wayland" => runs("weston", "--version"),
        "pulse" => {
            runs("pulseaudio", "--version") && runs("paplay", "--version") && alsa_speaks_pulse()
        }
        "espeak" => runs("espeak-ng", "--version"),
        "browser" => {
            ["gltf-validator", "playwright-core", "three"]
                .iter()
                .all(|name| browser_tools().join("node_modules").join(name).is_dir())
                && runs("node", "--version")
                && runs("chromium", "--version")
        }
        other => return Err(format!("nobody knows how to look for `{other}`")),
    };
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    if !here && required.split_whitespace().any(|r| r == need) {
        return Err(format!("HUASHEN_REQUIRE names {need}, which is missing"));
    }
    Ok(here)
}

/// Whether ALSA can play through PulseAudio.
fn alsa_speaks_pulse() -> bool {
    ["x86_64", "aarch64"].iter().any(|cpu| {
        Path::new(&format!(
            "/usr/lib/{cpu}-linux-gnu/alsa-lib/libasound_module_pcm_pulse.so"
        ))
        .exists()
    })
}

/// Where the packages of `tools/browser` are: see its `tools.mjs`.
pub fn browser_tools() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    set("HUASHEN_BROWSER_TOOLS").map_or_else(
        || {
            set("XDG_CACHE_HOME")
                .map_or_else(
                    || PathBuf::from(set("HOME").unwrap_or_default()).join(".cache"),
                    PathBuf::from,
                )
                .join("huashen/browser")
        },
        PathBuf::from,
    )
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A portrait in the public domain (NASA), as `scikit-image` ships it: 512 × 512.
pub fn portrait() -> PathBuf {
    root().join("engine/vision/tests/fixtures/astronaut.jpg")
}

/// `huashen` in `dir`, its avatars in a folder there.
pub fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huashen"));
    command
        .args(args)
        .current_dir(dir)
        .env("HUASHEN_AVATARS", dir.join("avatars"));
    command
}

/// Runs `huashen` to its end, whatever comes of it.
pub fn huashen(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().unwrap()
}

/// Runs `huashen`, which must succeed.
pub fn made(dir: &Path, args: &[&str]) -> Output {
    let output = huashen(dir, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    output
}

/// A tone of `secs`: a recording that nothing has to be fetched for.
pub fn tone(dir: &Path, secs: &str) {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i"])
        .arg(format!("sine=220:d={secs}"))
        .arg(dir.join("tone.wav"))
        .status();
    assert!(made.unwrap().success());
}

/// A picture of a PNG sequence, RGB.
pub fn png(path: &Path) -> image::RgbImage {
    image::open(path).unwrap().into_rgb8()
}
