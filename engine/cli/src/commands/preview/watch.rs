//! Notices that files were changed by someone else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Files are looked at this often.
const EVERY: Duration = Duration::from_millis(300);

/// What files look like from outside: when written, and how large.
type Stamps = BTreeMap<PathBuf, (SystemTime, u64)>;

/// A file, or a folder's files, that may change.
pub struct Watch {
    path: PathBuf,
    stamps: Stamps,
    /// Changed, but perhaps not written to its end.
    settling: Option<Stamps>,
    looked: Instant,
}

impl Watch {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            stamps: stamps(path),
            settling: None,
            looked: Instant::now(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether something changed since the last time this was said, and rests.
    pub fn changed(&mut self) -> bool {
        if self.looked.elapsed() < EVERY {
            return false;
        }
        self.looked = Instant::now();
        let now = stamps(&self.path);
        if now == self.stamps {
            self.settling = None;
            return false;
        }
        // Gone for a moment, as many editors write.
        if now.is_empty() || self.settling.as_ref() != Some(&now) {
            self.settling = Some(now);
            return false;
        }
        self.settling = None;
        self.stamps = now;
        true
    }
}

fn stamps(path: &Path) -> Stamps {
    let one = |path: PathBuf| {
        let data = std::fs::metadata(&path).ok().filter(|d| d.is_file())?;
        Some((path, (data.modified().ok()?, data.len())))
    };
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().filter_map(|e| one(e.path())).collect(),
        Err(_) => one(path.to_owned()).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_and_rests_has_changed_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script.txt");
        std::fs::write(&file, "one").unwrap();
        for path in [file.as_path(), dir.path()] {
            let mut watch = Watch::new(path);
            let mut look = || {
                watch.looked -= EVERY;
                watch.changed()
            };
            assert!(!look());
            std::fs::write(&file, format!("{} and more", path.display())).unwrap();
            assert_eq!([look(), look(), look()], [false, true, false]);
        }
    }
}
