//! Footage under way: parts in a hidden folder, each finished for good, so that
//! looking at a long video goes on where it was stopped.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use huashen_core::{Frame, FrameRate, PixelFormat, Size};
use huashen_media::{ClipSpec, ClipWriter, Encoding, Quality, join};
use huashen_pipeline::batch::file_sha256;
use huashen_pipeline::filming::Stretch;
use image::RgbaImage;
use serde::{Deserialize, Serialize};

use crate::output::write_whole;

/// A part is finished after so many pictures.
const PART: usize = 250;
/// Larger files are not what [`Reel::close`] wrote.
const MOST_BYTES: u64 = 1 << 28;
/// Parts of another program's are not gone on with.
const VERSION: u32 = 1;

/// What a finished part told.
#[derive(Serialize, Deserialize)]
pub struct Part {
    pub size: (u32, u32),
    pub stretch: Stretch,
    /// Looks for other people, and how many found some.
    pub looks: usize,
    pub crowded: usize,
}

/// The parts of one video.
pub struct Reel {
    dir: PathBuf,
    rate: FrameRate,
    /// Held as long as this program writes here.
    _lock: File,
    parts: usize,
    footage: Option<ClipWriter>,
    mouths: Option<ClipWriter>,
    /// Pictures of the part under way.
    frames: usize,
    mouth_frames: u64,
}

impl Reel {
    /// Opens the folder `dir` for the video that `key` tells, and gives what
    /// earlier runs finished of it.
    ///
    /// # Errors
    /// When the folder cannot be written, or another program writes there.
    pub fn open(dir: &Path, key: &str, rate: FrameRate) -> anyhow::Result<(Self, Vec<Part>)> {
        let written = || format!("{} cannot be written", dir.display());
        std::fs::create_dir_all(dir).with_context(written)?;
        let lock = File::create(dir.join("lock")).with_context(written)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another huashen makes this avatar just now: wait for it, or choose another --name"
            ),
            Err(TryLockError::Error(e)) => return Err(e).with_context(written),
        }
        let key = format!("{VERSION} {key}");
        let about = dir.join("video");
        let mut parts = Vec::new();
        if std::fs::read_to_string(&about).is_ok_and(|old| old == key) {
            while let Some(part) = read(&seen(dir, parts.len())) {
                parts.push(part);
            }
        }
        write_whole(&about, key.as_bytes())?;
        let reel = Self {
            dir: dir.to_owned(),
            rate,
            _lock: lock,
            parts: parts.len(),
            footage: None,
            mouths: None,
            frames: 0,
            mouth_frames: 0,
        };
        Ok((reel, parts))
    }

    /// Appends a picture, and its mouth where that can be used.
    pub fn push(&mut self, picture: RgbaImage, mouth: Option<RgbaImage>) -> anyhow::Result<()> {
        let index = self.frames as u64;
        if let Some(mouth) = mouth {
            let path = self.mouths_of(self.parts);
            let writer = match &mut self.mouths {
                Some(writer) => writer,
                none => none.insert(begin(&path, &mouth, self.rate, Quality::Mouths)?),
            };
            writer.video(frame(mouth, self.mouth_frames))?;
            self.mouth_frames += 1;
        }
        let path = self.footage_of(self.parts);
        let writer = match &mut self.footage {
            Some(writer) => writer,
            none => none.insert(begin(&path, &picture, self.rate, Quality::Footage)?),
        };
        writer.video(frame(picture, index))?;
        self.frames += 1;
        Ok(())
    }

    /// Whether the part under way is to be closed.
    pub fn is_full(&self) -> bool {
        self.frames >= PART
    }

    /// Whether nothing of the next part has come.
    pub fn is_at_start(&self) -> bool {
        self.frames == 0
    }

    /// Finishes the part under way: what it told is written last, so a part
    /// that has it is whole.
    pub fn close(&mut self, part: &Part) -> anyhow::Result<()> {
        for writer in [self.footage.take(), self.mouths.take()] {
            writer.map(ClipWriter::finish).transpose()?;
        }
        write_whole(&seen(&self.dir, self.parts), &postcard::to_stdvec(part)?)?;
        self.parts += 1;
        (self.frames, self.mouth_frames) = (0, 0);
        Ok(())
    }

    /// Whether a part was finished, so that another run could go on.
    pub fn is_worth_keeping(&self) -> bool {
        self.parts > 0
    }

    /// Puts all parts together.
    pub fn join(&self, footage: &Path, mouths: &Path) -> anyhow::Result<()> {
        let all = |of: &dyn Fn(usize) -> PathBuf| (0..self.parts).map(of).collect::<Vec<_>>();
        join(&all(&|n| self.footage_of(n)), footage, self.rate)?;
        let mut faces = all(&|n| self.mouths_of(n));
        // Where nobody was to be seen there is no mouth.
        faces.retain(|path| path.exists());
        if !faces.is_empty() {
            join(&faces, mouths, self.rate)?;
        }
        Ok(())
    }

    /// Takes all parts away.
    pub fn discard(self) -> anyhow::Result<()> {
        let dir = self.dir.clone();
        // The encoders end before their folder goes.
        drop(self);
        std::fs::remove_dir_all(&dir)
            .with_context(|| format!("{} cannot be removed", dir.display()))
    }

    fn footage_of(&self, part: usize) -> PathBuf {
        self.dir.join(format!("footage-{part:04}.mp4"))
    }

    fn mouths_of(&self, part: usize) -> PathBuf {
        self.dir.join(format!("mouths-{part:04}.mp4"))
    }
}

fn seen(dir: &Path, part: usize) -> PathBuf {
    dir.join(format!("seen-{part:04}"))
}

/// A finished part; none where it is missing or damaged.
fn read(path: &Path) -> Option<Part> {
    let bytes = std::fs::metadata(path).ok()?.len();
    if bytes > MOST_BYTES {
        return None;
    }
    postcard::from_bytes(&std::fs::read(path).ok()?).ok()
}

fn begin(
    path: &Path,
    picture: &RgbaImage,
    rate: FrameRate,
    quality: Quality,
) -> anyhow::Result<ClipWriter> {
    // What a run that was killed left half done.
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let spec = ClipSpec {
        size: size(picture),
        rate,
        encoding: Encoding {
            quality,
            ..Encoding::default()
        },
        audio: None,
        metadata: Vec::new(),
    };
    Ok(ClipWriter::create(path, spec)?)
}

fn size(picture: &RgbaImage) -> Size {
    Size {
        width: picture.width(),
        height: picture.height(),
    }
}

fn frame(picture: RgbaImage, index: u64) -> Frame {
    Frame {
        index,
        size: size(&picture),
        format: PixelFormat::Rgba8,
        data: picture.into_raw(),
    }
}

/// Tells a video apart from every other one, by what is in it.
pub fn key(video: &Path, end_secs: f64) -> anyhow::Result<String> {
    let hash = file_sha256(video).with_context(|| format!("{} cannot be read", video.display()))?;
    Ok(format!("{hash} until {end_secs}"))
}
