//! `model.toml`, and how the files it names stand on disk.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Client, ModelError};

/// One model: where its files come from and what they must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    /// Folder name under the models directory.
    pub name: String,
    /// What it serves: `speech`, `face` … the argument of `huashen setup`.
    pub group: String,
    pub title: String,
    pub licence: String,
    pub upstream: String,
    /// Names, shapes and units of the tensors, for people.
    pub tensors: String,
    #[serde(rename = "package")]
    pub packages: Vec<PackageSpec>,
    #[serde(rename = "file")]
    pub files: Vec<FileSpec>,
}

/// A package that holds parts of the model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageSpec {
    pub id: String,
    pub client: Client,
    pub name: String,
    pub version: String,
}

/// One file of the model, joined from `parts` in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Relative to the model's folder.
    pub path: String,
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// `<package id>:<path inside the package>`.
    pub parts: Vec<String>,
}

/// How a file of a model stands on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    Ready,
    Missing,
    /// Present with other bytes than the manifest says.
    Damaged,
}

impl ModelManifest {
    /// Parses and validates `text`; `path` names it in errors.
    pub fn parse(path: &str, text: &str) -> Result<Self, ModelError> {
        let bad = |reason: String| ModelError::Manifest {
            path: path.to_owned(),
            reason,
        };
        let manifest: Self = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
        let inside = |p: &str| {
            !p.is_empty()
                && Path::new(p)
                    .components()
                    .all(|c| matches!(c, Component::Normal(_)))
        };
        if !inside(&manifest.name) {
            return Err(bad(format!(
                "name `{}` is not a folder name",
                manifest.name
            )));
        }
        for file in &manifest.files {
            if !inside(&file.path) {
                return Err(bad(format!("`{}` leaves the model's folder", file.path)));
            }
            if file.parts.is_empty() {
                return Err(bad(format!("`{}` has no parts", file.path)));
            }
            for part in &file.parts {
                let known = part
                    .split_once(':')
                    .is_some_and(|(id, _)| manifest.packages.iter().any(|p| p.id == id));
                if !known {
                    return Err(bad(format!("`{part}` names no package of the manifest")));
                }
            }
        }
        Ok(manifest)
    }

    /// The model's folder under `models_dir`.
    pub fn dir(&self, models_dir: &Path) -> PathBuf {
        models_dir.join(&self.name)
    }

    /// Total size of the files in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    /// Whether every file is there with the right size; contents are not read.
    pub fn is_present(&self, models_dir: &Path) -> bool {
        let dir = self.dir(models_dir);
        self.files.iter().all(|f| {
            std::fs::metadata(dir.join(&f.path)).is_ok_and(|m| m.is_file() && m.len() == f.bytes)
        })
    }

    /// Reads every file and compares its checksum.
    pub fn status(&self, models_dir: &Path) -> Result<Vec<(&FileSpec, FileState)>, ModelError> {
        let dir = self.dir(models_dir);
        self.files.iter().map(|f| Ok((f, f.state(&dir)?))).collect()
    }
}

impl FileSpec {
    fn state(&self, dir: &Path) -> Result<FileState, ModelError> {
        let path = dir.join(&self.path);
        match std::fs::metadata(&path) {
            Err(_) => Ok(FileState::Missing),
            Ok(m) if m.len() != self.bytes => Ok(FileState::Damaged),
            Ok(_) if sha256_of(&path)? == self.sha256 => Ok(FileState::Ready),
            Ok(_) => Ok(FileState::Damaged),
        }
    }
}

/// Lower-case hexadecimal sha256 of the file at `path`.
pub(super) fn sha256_of(path: &Path) -> Result<String, ModelError> {
    let read = |source| ModelError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(read)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut block).map_err(read)?;
        if n == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&block[..n]);
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
