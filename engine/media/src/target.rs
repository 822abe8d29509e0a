//! A file, or a folder of files, that appears whole or not at all.

use std::io;
use std::path::{Path, PathBuf};

use crate::{MediaError, pngs};

/// A hidden temporary beside its target; removed unless committed.
pub struct Target {
    path: PathBuf,
    temp: PathBuf,
    folder: bool,
    committed: bool,
}

impl Target {
    /// Claims a temporary name in the folder of `path`; the folder must be writable.
    pub(crate) fn new(path: &Path) -> Result<Self, MediaError> {
        let target = Self::named(path, false)?;
        std::fs::File::create(&target.temp).map_err(|e| target.error(&e.to_string()))?;
        Ok(target)
    }

    /// The same for a folder of numbered pictures.
    pub(crate) fn folder(path: &Path) -> Result<Self, MediaError> {
        let target = Self::named(path, true)?;
        // What a killed run of the same number left.
        let _ = std::fs::remove_dir_all(&target.temp);
        std::fs::create_dir(&target.temp).map_err(|e| target.error(&e.to_string()))?;
        Ok(target)
    }

    fn named(path: &Path, folder: bool) -> Result<Self, MediaError> {
        let name = path.file_name().ok_or_else(|| MediaError::Write {
            path: path.to_owned(),
            reason: "it names no file".to_owned(),
        })?;
        let temp = path.with_file_name(format!(
            ".{}.{}.tmp",
            name.to_string_lossy(),
            std::process::id()
        ));
        Ok(Self {
            path: path.to_owned(),
            temp,
            folder,
            committed: false,
        })
    }

    /// Where the hidden file, or folder, is.
    pub fn temp(&self) -> &Path {
        &self.temp
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn error(&self, reason: &str) -> MediaError {
        MediaError::Write {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Puts the finished file in place. In a folder that is there already, our
    /// own files of an earlier run are replaced and others left alone.
    pub fn commit(mut self) -> Result<PathBuf, MediaError> {
        let moved = match self.folder && self.path.is_dir() {
            true => self.replace_files(),
            false => std::fs::rename(&self.temp, &self.path),
        };
        moved.map_err(|e| self.error(&e.to_string()))?;
        self.committed = true;
        Ok(self.path.clone())
    }

    fn replace_files(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let path = entry?.path();
            if pngs::is_ours(&path) {
                std::fs::remove_file(&path)?;
            }
        }
        for entry in std::fs::read_dir(&self.temp)? {
            let entry = entry?;
            std::fs::rename(entry.path(), self.path.join(entry.file_name()))?;
        }
        std::fs::remove_dir(&self.temp)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.committed {
            let _ = match self.folder {
                true => std::fs::remove_dir_all(&self.temp),
                false => std::fs::remove_file(&self.temp),
            };
        }
    }
}
