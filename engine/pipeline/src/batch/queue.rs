//! The queue of a batch: who makes which clip, and what is finished.
//!
//! A worker claims a job, beats while it works, seals what it made (its hash is
//! noted before the file is put in place), puts it in place and completes the
//! job. Whoever dies in between leaves a claim that the next one takes over; a
//! sealed file that is whole is completed then, and not made again.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// What can go wrong with a queue.
#[derive(Debug, Error)]
pub enum QueueError {
    #[error(
        "the batch's notes in {path} cannot be used ({reason}); is the disk full, or is it a \
         network folder? Put them elsewhere with --state"
    )]
    Store { path: PathBuf, reason: String },
    #[error(
        "the batch's notes in {path} were written by a newer Huashen: use that one, or another \
         --state"
    )]
    Newer { path: PathBuf },
    #[error("{path} cannot be written: {source}")]
    File { path: PathBuf, source: io::Error },
}

/// A clip that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Its place in the manifest, counted from 1.
    pub number: usize,
    /// Relative to the output folder, `/` between folders: the job's name.
    pub out: String,
    /// The file of subtitles beside it, named in the same way.
    pub beside: Option<String>,
    /// Hash of all that the clip comes of.
    pub content: String,
    /// Jobs of one text here can share what a worker has loaded.
    pub warm: String,
    /// All that a worker needs to know; the queue does not read it.
    pub order: String,
}

impl Submission {
    /// Whether the file beside the clip is there, or none is wanted.
    pub fn beside_is_in(&self, output_dir: &Path) -> bool {
        let name = self.beside.as_ref();
        name.is_none_or(|name| output_dir.join(name).is_file())
    }
}

/// A claim on a job; void once another one has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub out: String,
    pub token: String,
}

impl Ticket {
    /// The hidden file beside its place that the clip is written to.
    pub fn temp_file(&self, output_dir: &Path) -> PathBuf {
        // A folder of pictures.
        if let Some(name) = self.out.strip_suffix('/') {
            let hidden = format!(".huashen-{}/", self.token);
            return output_dir.join(name).with_file_name(hidden);
        }
        let path = output_dir.join(&self.out);
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("mp4");
        path.with_file_name(format!(".huashen-{}.{extension}", self.token))
    }

    /// Removes all that was written under the ticket and not put in place.
    pub fn sweep(&self, output_dir: &Path) {
        let temp = self.temp_file(output_dir);
        let mark = format!(".huashen-{}", self.token);
        let Some(dir) = temp.parent() else { return };
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains(&mark) {
                let path = entry.path();
                match path.is_dir() {
                    true => std::fs::remove_dir_all(path).ok(),
                    false => std::fs::remove_file(path).ok(),
                };
            }
        }
    }
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    pub sha256: String,
    pub bytes: u64,
    /// As the file system counts; 0 when it does not.
    pub modified_nanos: i64,
    pub duration_secs: f64,
    pub frames: u64,
    /// How long a worker was at it.
    pub elapsed_secs: f64,
    /// A small JPEG.
    pub thumbnail: Vec<u8>,
    /// How it is labelled: JSON.
    pub label: String,
}

impl Made {
    /// Reads size, time and hash of the file, or of the folder of files, at `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let meta = std::fs::metadata(path)?;
        if meta.is_dir() {
            let (bytes, sha256) = folder(path)?;
            return Ok(Self {
                sha256,
                bytes,
                ..Self::default()
            });
        }
        Ok(Self {
            sha256: file_sha256(path)?,
            bytes: meta.len(),
            modified_nanos: modified_nanos(&meta),
            ..Self::default()
        })
    }

    /// Whether the file at `path` is this one, unchanged.
    pub fn is_at(&self, path: &Path) -> bool {
        let Ok(meta) = std::fs::metadata(path) else {
            return false;
        };
        if meta.is_dir() {
            return folder(path).is_ok_and(|found| found == (self.bytes, self.sha256.clone()));
        }
        if !meta.is_file() || meta.len() != self.bytes || self.sha256.is_empty() {
            return false;
        }
        let modified = modified_nanos(&meta);
        (modified != 0 && modified == self.modified_nanos)
            || file_sha256(path).is_ok_and(|hash| hash == self.sha256)
    }
}

/// The size of all files in the folder at `path`, and a hash of them and their names.
fn folder(path: &Path) -> io::Result<(u64, String)> {
    let files = std::fs::read_dir(path)?.map(|entry| entry.map(|e| e.path()));
    let mut files = files.collect::<io::Result<Vec<PathBuf>>>()?;
    files.sort();
    let (mut bytes, mut hash) = (0, Sha256::new());
    for file in files {
        bytes += std::fs::metadata(&file)?.len();
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(file_sha256(&file)?);
    }
    Ok((bytes, hex(&hash.finalize())))
}

fn modified_nanos(meta: &std::fs::Metadata) -> i64 {
    let since = meta
        .modified()
        .ok()
        .and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
    since
        .and_then(|d| i64::try_from(d.as_nanos()).ok())
        .unwrap_or(0)
}

/// A job in a worker's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    pub ticket: Ticket,
    pub warm: String,
    pub order: String,
    /// Counted from 1.
    pub attempt: u32,
    /// A finished clip of the very same content, by its name.
    pub twin: Option<(String, Made)>,
}

/// What the queue has for a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    Job(Box<Claimed>),
    /// Nothing now: others are at the rest, or it waits for another try.
    Wait,
    /// Nothing any more.
    Empty,
}

/// What becomes of a job that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Again {
        after: Duration,
    },
    Failed,
    /// Somebody else has it.
    Void,
}

/// How many jobs are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub waiting: usize,
    pub running: usize,
    pub done: usize,
    pub failed: usize,
}

/// Hands jobs to workers, each to one at a time.
pub trait Queue {
    /// The next job; first one that shares `warm`, what this worker has loaded.
    ///
    /// # Errors
    /// All methods: when the queue's store fails.
    fn claim(&mut self, warm: Option<&str>) -> Result<Claim, QueueError>;

    /// Says that work goes on; false when the claim is void.
    fn heartbeat(&mut self, ticket: &Ticket) -> Result<bool, QueueError>;

    /// Notes what is about to be put in place; false when the claim is void.
    fn seal(&mut self, ticket: &Ticket, made: &Made) -> Result<bool, QueueError>;

    /// The sealed clip is in its place; false when the claim is void.
    fn complete(&mut self, ticket: &Ticket) -> Result<bool, QueueError>;

    /// It failed; `may_pass` when another try may do better.
    fn fail(&mut self, ticket: &Ticket, error: &str, may_pass: bool)
    -> Result<Outcome, QueueError>;

    /// Gives the job back, unharmed: the worker was asked to stop.
    fn release(&mut self, ticket: &Ticket) -> Result<(), QueueError>;
}

/// SHA-256 of a file, in hex.
///
/// # Errors
/// When it cannot be read.
pub fn file_sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0_u8; 1 << 18];
    loop {
        let n = file.read(&mut block)?;
        if n == 0 {
            break;
        }
        hash.update(&block[..n]);
    }
    Ok(hex(&hash.finalize()))
}

/// Bytes as people write hashes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Renames a file, or a folder of files, that is whole and on disk to its place, so that it is there
/// after a power cut, too.
///
/// # Errors
/// When the folder cannot be written.
pub fn put_in_place(temp: &Path, path: &Path) -> Result<(), QueueError> {
    let failed = |source| QueueError::File {
        path: path.to_owned(),
        source,
    };
    sync(temp).map_err(failed)?;
    if temp.is_dir() && path.is_dir() {
        // One folder does not replace another; the new one is noted, so
        // whoever goes on after a power cut finds it.
        std::fs::remove_dir_all(path).map_err(failed)?;
    }
    std::fs::rename(temp, path).map_err(failed)?;
    #[cfg(unix)]
    if let Some(dir) = path.parent() {
        let dir = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        File::open(dir).and_then(|d| d.sync_all()).map_err(failed)?;
    }
    Ok(())
}

/// Lets the disk have the file, or all files of the folder, at `path`.
fn sync(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            File::open(entry?.path())?.sync_all()?;
        }
    }
    File::open(path)?.sync_all()
}
