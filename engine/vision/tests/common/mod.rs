//! What the tests share: the models, the fixture, the media folder.
#![allow(dead_code, reason = "not every test binary uses everything")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

use std::path::{Path, PathBuf};

use candle_core::Device;
use huashen_core::paths::models_dir;
use huashen_vision::{FaceFinder, load_picture};
use image::RgbaImage;

/// Whether the models are here; a failure where `HUASHEN_REQUIRE` names them.
pub fn has_models() -> bool {
    if models_dir().join("face_landmarker").is_dir()
        && models_dir().join("selfie_segmenter").is_dir()
    {
        return true;
    }
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    assert!(
        !required.split_whitespace().any(|r| r == "face"),
        "the face models are required: run `huashen setup face`"
    );
    println!("skipped: the face models are not here");
    false
}

pub fn finder() -> Option<FaceFinder> {
    has_models().then(|| FaceFinder::open(&models_dir(), &Device::Cpu).unwrap())
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Eileen Collins, NASA, public domain.
pub fn astronaut() -> RgbaImage {
    load_picture(&fixture("astronaut.jpg")).unwrap()
}

/// The folder of test media, where it is.
pub fn media() -> Option<PathBuf> {
    let dir = match std::env::var_os("HUASHEN_MEDIA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/media"),
    };
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: there is no folder of test media");
    None
}
