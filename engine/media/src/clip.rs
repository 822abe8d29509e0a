//! Frames and sound in, a finished file out.
//!
//! The encoder runs on its own thread behind a short queue, so that a renderer
//! only waits when it is faster than the encoder.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use huashen_core::{Frame, FrameRate, PixelFormat, Size};

use crate::format::{ClipFormat, Encoding, SoundFormat};
use crate::gif::Gif;
use crate::mux::Muxed;
use crate::pngs::Pngs;
use crate::target::Target;
use crate::video::Recipe;
use crate::{ClipInfo, MediaError, probe};

/// What a clip is made of.
#[derive(Clone, Debug)]
pub struct ClipSpec {
    /// Even sides.
    pub size: Size,
    pub rate: FrameRate,
    pub encoding: Encoding,
    pub audio: Option<AudioSpec>,
    /// Container metadata, key and value (`title`, `comment` …).
    pub metadata: Vec<(String, String)>,
}

/// The sound that [`ClipWriter::audio`] will be given.
#[derive(Clone, Copy, Debug)]
pub struct AudioSpec {
    pub sample_rate_hz: u32,
    /// 1, or 2 whose samples take turns, left first.
    pub channels: u16,
}

impl AudioSpec {
    pub const fn mono(sample_rate_hz: u32) -> Self {
        Self {
            sample_rate_hz,
            channels: 1,
        }
    }
}

/// Where frames and sound end up; on the encoder's thread.
pub(crate) trait Sink {
    fn video(&mut self, frame: &Frame) -> Result<(), MediaError>;
    fn audio(&mut self, samples: &[f32]) -> Result<(), MediaError>;
    fn finish(&mut self) -> Result<(), MediaError>;
}

/// Frames waiting for the encoder.
const QUEUE: usize = 4;

enum Message {
    Video(Frame),
    Audio(Vec<f32>),
    Finish,
}

/// Writes one clip. Push sound and frames in time order (sound up to a frame's
/// end before the frame), then [`ClipWriter::finish`]. Dropped unfinished, it
/// leaves nothing behind.
pub struct ClipWriter {
    queue: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<Result<(), MediaError>>>,
    target: Option<Target>,
    spec: ClipSpec,
    next_frame: u64,
}

impl ClipWriter {
    /// Begins the clip at `path`, which is named as the spec's format wants it
    /// (see [`ClipFormat::of`]). Sound alone takes no frames.
    pub fn create(path: &Path, spec: ClipSpec) -> Result<Self, MediaError> {
        crate::init();
        let format = spec.encoding.format;
        spec.encoding.check(path, spec.rate)?;
        let place = format.place(path);
        let target = match format {
            ClipFormat::Pngs { .. } => Target::folder(&place)?,
            _ => Target::new(&place)?,
        };
        let mut sink: Box<dyn Sink + Send> = match format {
            ClipFormat::Pngs { digits } => Box::new(Pngs::open(&target, &spec, digits)?),
            ClipFormat::Gif => Box::new(Gif::open(&target, &spec)?),
            _ => Box::new(Muxed::open(&target, &spec)?),
        };
        let (queue, inbox) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("encoder".into())
            .spawn(move || run(&mut *sink, &inbox))
            .map_err(|e| target.error(&e.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            target: Some(target),
            spec,
            next_frame: 0,
        })
    }

    /// Appends the next frame: I420 as it is, RGBA converted with BT.709. What
    /// [`Encoding::pixels`] names is taken without loss.
    pub fn video(&mut self, frame: Frame) -> Result<(), MediaError> {
        let expected = frame.format.byte_len(self.spec.size);
        if frame.size != self.spec.size || frame.data.len() != expected {
            return Err(MediaError::FrameShape {
                expected: format!("{} ({expected} bytes)", self.spec.size),
                found: format!("{} ({} bytes)", frame.size, frame.data.len()),
            });
        }
        if frame.format == PixelFormat::I420 && self.spec.encoding.pixels() != frame.format {
            return Err(MediaError::FrameShape {
                expected: "RGBA".to_owned(),
                found: "planar 4:2:0".to_owned(),
            });
        }
        if frame.index != self.next_frame {
            return Err(MediaError::FrameOrder {
                expected: self.next_frame,
                found: frame.index,
            });
        }
        self.next_frame += 1;
        self.send(Message::Video(frame))
    }

    /// Appends samples at the spec's rate, nominally within ±1, of all its channels.
    pub fn audio(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        self.send(Message::Audio(samples.to_vec()))
    }

    /// Completes the file, puts it in place and says what it holds.
    pub fn finish(self) -> Result<ClipInfo, MediaError> {
        self.close()?.place()
    }

    /// Completes the file; it is not in its place yet, so that something may
    /// still be done to it.
    pub fn close(mut self) -> Result<ClosedClip, MediaError> {
        self.send(Message::Finish)?;
        self.queue = None;
        self.join()?;
        Ok(ClosedClip {
            target: self.target.take().ok_or(MediaError::Stopped)?,
            spec: self.spec.clone(),
            frames: self.next_frame,
        })
    }

    fn send(&mut self, message: Message) -> Result<(), MediaError> {
        let sent = self.queue.as_ref().is_some_and(|q| q.send(message).is_ok());
        if sent {
            return Ok(());
        }
        // The thread is gone: its own error says why.
        self.queue = None;
        self.join()?;
        Err(MediaError::Stopped)
    }

    fn join(&mut self) -> Result<(), MediaError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(MediaError::Stopped),
        }
    }
}

/// A clip that is whole and not yet in its place. Dropped, it leaves nothing behind.
pub struct ClosedClip {
    target: Target,
    spec: ClipSpec,
    frames: u64,
}

impl ClosedClip {
    /// Where it is now: a hidden file, or a folder of files.
    pub fn path(&self) -> &Path {
        self.target.temp()
    }

    /// Puts it in its place and says what it holds.
    pub fn place(self) -> Result<ClipInfo, MediaError> {
        let path = self.target.commit()?;
        let (container, codec) = match self.spec.encoding.format {
            // FFmpeg reads neither folders nor moving WebP.
            ClipFormat::Pngs { .. } => ("png sequence", "png"),
            ClipFormat::WebP => ("webp", "webp"),
            _ => return probe(&path),
        };
        Ok(ClipInfo::of_frames(
            path,
            container,
            codec,
            &self.spec,
            self.frames,
        ))
    }
}

impl Encoding {
    /// Whether a clip at `path` can be encoded so, here and at this rate: to be
    /// asked before long work begins.
    ///
    /// # Errors
    /// A bit rate or frame rate that the form cannot have, a missing encoder.
    pub fn check(&self, path: &Path, rate: FrameRate) -> Result<(), MediaError> {
        crate::init();
        if self.bits_per_sec.is_some() && !self.format.takes_bit_rate() {
            return Err(MediaError::NotIn {
                what: "a bit rate",
                file: path.to_owned(),
                expected: "leave it out: this form has none to choose".to_owned(),
            });
        }
        match self.format {
            ClipFormat::Gif => crate::gif::check(rate),
            ClipFormat::Video(..) | ClipFormat::WebP => Recipe::of(self).find().map(|_| ()),
            ClipFormat::Pngs { .. } | ClipFormat::Sound(_) => Ok(()),
        }
    }
}

impl ClipFormat {
    const fn takes_bit_rate(self) -> bool {
        matches!(
            self,
            Self::Video(
                _,
                crate::Codec::H264 | crate::Codec::H265 | crate::Codec::Vp9
            )
        )
    }

    /// Whether [`crate::WavWriter`] writes it.
    pub const fn is_wav(self) -> bool {
        matches!(self, Self::Sound(SoundFormat::Wav))
    }
}

impl Drop for ClipWriter {
    fn drop(&mut self) {
        // The encoder leaves its loop and closes the file before it is removed.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(sink: &mut dyn Sink, inbox: &Receiver<Message>) -> Result<(), MediaError> {
    loop {
        match inbox.recv() {
            Ok(Message::Video(frame)) => sink.video(&frame)?,
            Ok(Message::Audio(samples)) => sink.audio(&samples)?,
            Ok(Message::Finish) => return sink.finish(),
            // The writer was dropped: the clip is not wanted any more.
            Err(_) => return Err(MediaError::Stopped),
        }
    }
}
