//! MediaPipe's `face_landmarker.task`: a zip of three nets and a mesh.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::VisionError;

/// Largest part that is read; the largest there is has 2.6 MB.
const MAX_PART_BYTES: u64 = 64 << 20;

/// The opened bundle.
pub(super) struct Task {
    path: PathBuf,
    zip: ZipArchive<File>,
}

impl Task {
    pub fn open(path: &Path) -> Result<Self, VisionError> {
        let file = File::open(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => VisionError::NoModel {
                path: path.to_owned(),
            },
            _ => VisionError::Read {
                path: path.to_owned(),
                source,
            },
        })?;
        let zip = ZipArchive::new(file).map_err(|e| VisionError::Model {
            model: path.display().to_string(),
            reason: e.to_string(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            zip,
        })
    }

    /// The bytes of one part.
    pub fn part(&mut self, name: &str) -> Result<Vec<u8>, VisionError> {
        let damaged = |reason: String| VisionError::Model {
            model: format!("{} ({name})", self.path.display()),
            reason,
        };
        let part = self.zip.by_name(name).map_err(|e| damaged(e.to_string()))?;
        let mut bytes = Vec::new();
        part.take(MAX_PART_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|e| damaged(e.to_string()))?;
        Ok(bytes)
    }
}
