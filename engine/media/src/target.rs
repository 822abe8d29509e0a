//! A file that appears whole or not at all.

use std::path::{Path, PathBuf};

use crate::MediaError;

/// A hidden temporary beside its target; removed unless committed.
pub(crate) struct Target {
    path: PathBuf,
    temp: PathBuf,
    committed: bool,
}

impl Target {
    /// Claims a temporary name in the folder of `path`; the folder must be writable.
    pub fn new(path: &Path) -> Result<Self, MediaError> {
        let name = path.file_name().ok_or_else(|| MediaError::Write {
            path: path.to_owned(),
            reason: "it names no file".to_owned(),
        })?;
        let temp = path.with_file_name(format!(
            ".{}.{}.tmp",
            name.to_string_lossy(),
            std::process::id()
        ));
        let target = Self {
            path: path.to_owned(),
            temp,
            committed: false,
        };
        std::fs::File::create(&target.temp).map_err(|e| target.error(&e.to_string()))?;
        Ok(target)
    }

    pub fn temp(&self) -> &Path {
        &self.temp
    }

    pub fn error(&self, reason: &str) -> MediaError {
        MediaError::Write {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Puts the finished file in place.
    pub fn commit(mut self) -> Result<PathBuf, MediaError> {
        std::fs::rename(&self.temp, &self.path).map_err(|e| self.error(&e.to_string()))?;
        self.committed = true;
        Ok(self.path.clone())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.committed {
            let _ = std::fs::remove_file(&self.temp);
        }
    }
}
