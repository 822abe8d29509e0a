//! A video shown along: which of its pictures is seen when.

use std::path::{Path, PathBuf};

use huashen_core::Size;

use crate::{Fit, MediaError, VideoPicture, VideoReader};

/// Shows a file's pictures in one size, forwards.
pub struct Playback {
    path: PathBuf,
    size: Size,
    fit: Fit,
    reader: VideoReader,
    /// What is seen, and what comes next.
    shown: VideoPicture,
    next: Option<VideoPicture>,
    /// When the file's present run began, in seconds.
    began_secs: f64,
    again: bool,
}

impl Playback {
    /// Opens `path`; `again` lets it begin anew when it ends.
    ///
    /// # Errors
    /// A file that holds no video that can be decoded.
    pub fn open(path: &Path, size: Size, fit: Fit, again: bool) -> Result<Self, MediaError> {
        let (reader, shown, next) = start(path, size, fit)?;
        Ok(Self {
            path: path.to_owned(),
            size,
            fit,
            reader,
            shown,
            next,
            began_secs: 0.0,
            again,
        })
    }

    /// The picture at `secs`, RGBA; times do not go back. None after the end.
    ///
    /// # Errors
    /// Damaged files, and files that vanish while they are shown.
    pub fn at(&mut self, secs: f64) -> Result<Option<&[u8]>, MediaError> {
        let frame_secs = 1.0 / self.reader.fps();
        loop {
            // A picture a rounding error too late is not late.
            let at_secs = secs - self.began_secs + 0.1 * frame_secs;
            match &mut self.next {
                Some(next) if next.pts_secs <= at_secs => {
                    std::mem::swap(&mut self.shown, next);
                    self.next = self.reader.next().transpose()?;
                }
                Some(_) => return Ok(Some(&self.shown.rgba)),
                None => {
                    let end_secs = self.shown.pts_secs + frame_secs;
                    if at_secs < end_secs {
                        return Ok(Some(&self.shown.rgba));
                    }
                    if !self.again {
                        return Ok(None);
                    }
                    self.began_secs += end_secs;
                    (self.reader, self.shown, self.next) = start(&self.path, self.size, self.fit)?;
                }
            }
        }
    }
}

type Started = (VideoReader, VideoPicture, Option<VideoPicture>);

fn start(path: &Path, size: Size, fit: Fit) -> Result<Started, MediaError> {
    let mut reader = VideoReader::open(path)?;
    reader.fit(size, fit);
    let first = reader.next().transpose()?;
    let first = first.ok_or_else(|| MediaError::NoPicture {
        path: path.to_owned(),
    })?;
    let next = reader.next().transpose()?;
    Ok((reader, first, next))
}
