//! Frames of a footage file in any order, as planar pictures of one size.

use std::path::{Path, PathBuf};

use ffmpeg::format::Pixel;
use ffmpeg::software::scaling;
use ffmpeg::{Packet, codec, format, frame, media};
use ffmpeg_next as ffmpeg;
use huashen_core::Size;

use crate::MediaError;
use crate::error::Doing;

/// Reading on is cheaper than seeking for so many frames.
const READ_ON: u64 = 24;

/// The part of the pictures that is shown, in pixels; even edges and sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    pub x: u32,
    pub y: u32,
    pub size: Size,
}

/// A scaler that may be handed to another thread.
struct Scaler(scaling::Context);

// SAFETY: libswscale keeps nothing of the thread that made a context; whoever
// holds it uses it alone.
unsafe impl Send for Scaler {}

/// Reads what [`crate::Quality::Footage`] wrote: H.264, BT.709, frame n at n / fps.
pub struct FootageReader {
    path: PathBuf,
    input: format::context::Input,
    stream: usize,
    decoder: codec::decoder::Video,
    scaler: Option<Scaler>,
    view: View,
    out: Size,
    /// Ticks of the stream's clock a frame.
    ticks: f64,
    start: i64,
    /// The frame that the decoder gives next, where it is known.
    next: Option<u64>,
    drained: bool,
}

impl FootageReader {
    /// Opens `path`; frames are what `view` cuts out, scaled to `out`.
    ///
    /// # Errors
    /// Files that are not such footage.
    pub fn open(path: &Path, view: View, out: Size) -> Result<Self, MediaError> {
        let input = crate::probe::open(path)?;
        let Some(stream) = input.streams().best(media::Type::Video) else {
            return Err(MediaError::NoVideo {
                path: path.to_owned(),
            });
        };
        let cannot = |reason: String| MediaError::Open {
            path: path.to_owned(),
            reason,
        };
        let context = codec::context::Context::from_parameters(stream.parameters())
            .doing("reading the footage's header")?;
        // One thread: a frame is given for each packet, at once.
        let decoder = context
            .decoder()
            .video()
            .map_err(|e| cannot(format!("its pictures cannot be decoded: {e}")))?;
        let fits = view.x + view.size.width <= decoder.width()
            && view.y + view.size.height <= decoder.height();
        if decoder.format() != Pixel::YUV420P || !fits {
            return Err(cannot(format!(
                "its pictures are {}x{} {:?}, not the avatar's footage; build the avatar again",
                decoder.width(),
                decoder.height(),
                decoder.format()
            )));
        }
        let ticks =
            f64::from(stream.time_base()).recip() / f64::from(stream.avg_frame_rate()).max(1e-3);
        Ok(Self {
            path: path.to_owned(),
            stream: stream.index(),
            start: stream.start_time().max(0),
            ticks,
            decoder,
            scaler: None,
            view,
            out,
            next: Some(0),
            drained: false,
            input,
        })
    }

    /// Frame `index`, as planes Y, Cb, Cr without padding, into `planes`.
    ///
    /// # Errors
    /// Damaged files, and numbers beyond the end.
    pub fn read(&mut self, index: u64, planes: &mut Vec<u8>) -> Result<(), MediaError> {
        let near = self
            .next
            .is_some_and(|next| next <= index && index - next < READ_ON);
        if !near {
            self.seek(index)?;
        }
        loop {
            let mut decoded = frame::Video::empty();
            if self.decoder.receive_frame(&mut decoded).is_ok() {
                let pts = decoded.timestamp().unwrap_or(self.start) - self.start;
                let found = (pts as f64 / self.ticks).round().max(0.0) as u64;
                self.next = Some(found + 1);
                if found >= index {
                    return self.convert(&decoded, planes);
                }
                continue;
            }
            if self.drained {
                self.next = None;
                return Err(MediaError::NoPicture {
                    path: self.path.clone(),
                });
            }
            self.feed();
        }
    }

    fn seek(&mut self, index: u64) -> Result<(), MediaError> {
        // avformat's own clock, a little before the frame's middle.
        let per_tick = {
            let stream = self.input.stream(self.stream);
            stream.map_or(0.0, |s| f64::from(s.time_base()))
        };
        let secs = (self.start as f64 + (index as f64 + 0.5) * self.ticks) * per_tick;
        let at = (secs * f64::from(ffmpeg::ffi::AV_TIME_BASE)) as i64;
        self.input.seek(at, ..at).doing("seeking in footage")?;
        self.decoder.flush();
        self.drained = false;
        self.next = None;
        Ok(())
    }

    fn feed(&mut self) {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() != self.stream => {}
                Ok(()) => {
                    // A damaged packet gives no frame; the next one is taken.
                    let _ = self.decoder.send_packet(&packet);
                    return;
                }
                Err(_) => {
                    let _ = self.decoder.send_eof();
                    self.drained = true;
                    return;
                }
            }
        }
    }

    fn convert(&mut self, decoded: &frame::Video, planes: &mut Vec<u8>) -> Result<(), MediaError> {
        let (w, h) = (self.out.width as usize, self.out.height as usize);
        planes.clear();
        planes.reserve(w * h * 3 / 2);
        let from = |plane: usize| {
            let part = usize::from(plane > 0);
            let stride = decoded.stride(plane);
            let first = (self.view.y as usize >> part) * stride + (self.view.x as usize >> part);
            (&decoded.data(plane)[first..], stride)
        };
        if self.view.size == self.out {
            for plane in 0..3 {
                let part = usize::from(plane > 0);
                let (data, stride) = from(plane);
                for row in data.chunks(stride).take(h >> part) {
                    planes.extend_from_slice(&row[..w >> part]);
                }
            }
            return Ok(());
        }
        let Size { width, height } = self.view.size;
        let mut cut = frame::Video::new(Pixel::YUV420P, width, height);
        for plane in 0..3 {
            let part = usize::from(plane > 0);
            let (data, stride) = from(plane);
            let (rows, len) = (height as usize >> part, width as usize >> part);
            let to_stride = cut.stride(plane);
            let to = cut.data_mut(plane);
            for (row, to) in data.chunks(stride).zip(to.chunks_mut(to_stride)).take(rows) {
                to[..len].copy_from_slice(&row[..len]);
            }
        }
        let scaler = match self.scaler.take() {
            Some(scaler) => scaler,
            None => Scaler(
                scaling::Context::get(
                    Pixel::YUV420P,
                    width,
                    height,
                    Pixel::YUV420P,
                    self.out.width,
                    self.out.height,
                    scaling::Flags::BICUBIC | scaling::Flags::ACCURATE_RND,
                )
                .doing("setting up the scaling of footage")?,
            ),
        };
        let mut scaled = frame::Video::empty();
        let scaler = self.scaler.insert(scaler);
        scaler.0.run(&cut, &mut scaled).doing("scaling footage")?;
        for plane in 0..3 {
            let part = usize::from(plane > 0);
            let stride = scaled.stride(plane);
            for row in scaled.data(plane).chunks(stride).take(h >> part) {
                planes.extend_from_slice(&row[..w >> part]);
            }
        }
        Ok(())
    }
}
