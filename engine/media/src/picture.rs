//! Frames as an encoder takes them.

use ffmpeg::format::Pixel;
use ffmpeg::software::scaling;
use ffmpeg::{color, frame};
use ffmpeg_next as ffmpeg;
use huashen_core::{Frame, PixelFormat, Size};

use crate::MediaError;
use crate::bleed::bleed;
use crate::error::Doing;

/// libav's scaler is a plain heap object without thread affinity; this crate
/// moves it once, into the encoder's thread.
struct Scaler(scaling::Context);

// SAFETY: `SwsContext` holds no thread-local state and only this thread uses it.
unsafe impl Send for Scaler {}

/// Turns frames into pictures of one pixel format.
pub(crate) struct Pictures {
    size: Size,
    pixel: Pixel,
    scaler: Option<Scaler>,
    scratch: Vec<u8>,
}

impl Pictures {
    pub fn new(size: Size, pixel: Pixel) -> Self {
        Self {
            size,
            pixel,
            scaler: None,
            scratch: Vec::new(),
        }
    }

    /// One frame's picture, with its pts.
    pub fn picture(&mut self, frame: &Frame) -> Result<frame::Video, MediaError> {
        let mut picture = match (frame.format, self.pixel) {
            (PixelFormat::I420, Pixel::YUV420P) => from_i420(frame),
            (PixelFormat::I420, _) => {
                return Err(MediaError::FrameShape {
                    expected: "with all its colours (RGBA)".to_owned(),
                    found: "planar 4:2:0".to_owned(),
                });
            }
            (PixelFormat::Rgba8, Pixel::RGBA | Pixel::RGB24 | Pixel::BGRA) => self.packed(frame),
            (PixelFormat::Rgba8, _) => self.planes(frame)?,
        };
        picture.set_pts(Some(frame.index as i64));
        match self.pixel {
            Pixel::RGBA | Pixel::RGB24 | Pixel::BGRA => {}
            _ => {
                picture.set_color_space(color::Space::BT709);
                picture.set_color_range(color::Range::MPEG);
            }
        }
        Ok(picture)
    }

    fn packed(&mut self, frame: &Frame) -> frame::Video {
        let mut picture = self.empty(self.pixel);
        let width = self.size.width as usize;
        let (bytes, order): (usize, &[usize]) = match self.pixel {
            Pixel::RGB24 => (3, &[0, 1, 2]),
            Pixel::BGRA => (4, &[2, 1, 0, 3]),
            _ => (4, &[0, 1, 2, 3]),
        };
        let stride = picture.stride(0);
        let rows = picture.data_mut(0).chunks_mut(stride);
        for (to, from) in rows.zip(frame.data.chunks_exact(width * 4)) {
            for (to, from) in to.chunks_exact_mut(bytes).zip(from.chunks_exact(4)) {
                for (to, c) in to.iter_mut().zip(order) {
                    *to = from[*c];
                }
            }
        }
        picture
    }

    fn planes(&mut self, frame: &Frame) -> Result<frame::Video, MediaError> {
        let mut rgba = self.empty(Pixel::RGBA);
        let row = self.size.width as usize * 4;
        if matches!(self.pixel, Pixel::YUVA420P | Pixel::YUVA444P10LE) {
            self.scratch.clone_from(&frame.data);
            bleed(&mut self.scratch, self.size.width as usize);
            copy_plane(&mut rgba, 0, &self.scratch, row);
        } else {
            copy_plane(&mut rgba, 0, &frame.data, row);
        }
        let mut picture = self.empty(self.pixel);
        let scaler = match &mut self.scaler {
            Some(scaler) => scaler,
            none => none.insert(Scaler(bt709_scaler(self.size, self.pixel)?)),
        };
        scaler
            .0
            .run(&rgba, &mut picture)
            .doing("converting colours")?;
        Ok(picture)
    }

    fn empty(&self, pixel: Pixel) -> frame::Video {
        frame::Video::new(pixel, self.size.width, self.size.height)
    }
}

fn bt709_scaler(size: Size, pixel: Pixel) -> Result<scaling::Context, MediaError> {
    let Size { width, height } = size;
    let mut scaler = scaling::Context::get(
        Pixel::RGBA,
        width,
        height,
        pixel,
        width,
        height,
        // Exact rounding: the same on every CPU, and right to ±1.
        scaling::Flags::BILINEAR | scaling::Flags::ACCURATE_RND | scaling::Flags::FULL_CHR_H_INP,
    )
    .doing("setting up colour conversion")?;
    // SAFETY: the context is live, the coefficient tables are static in libswscale.
    unsafe {
        let table = ffmpeg::ffi::sws_getCoefficients(ffmpeg::ffi::SWS_CS_ITU709);
        ffmpeg::ffi::sws_setColorspaceDetails(
            scaler.as_mut_ptr(),
            table,
            1,
            table,
            0,
            0,
            1 << 16,
            1 << 16,
        );
    }
    Ok(scaler)
}

fn from_i420(frame: &Frame) -> frame::Video {
    let (width, height) = (frame.size.width as usize, frame.size.height as usize);
    let mut picture = frame::Video::new(Pixel::YUV420P, frame.size.width, frame.size.height);
    let (luma, chroma) = (width * height, width * height / 4);
    copy_plane(&mut picture, 0, &frame.data[..luma], width);
    copy_plane(&mut picture, 1, &frame.data[luma..luma + chroma], width / 2);
    copy_plane(&mut picture, 2, &frame.data[luma + chroma..], width / 2);
    picture
}

/// Copies tight rows of `row` bytes into a plane whose rows may be padded.
fn copy_plane(picture: &mut frame::Video, plane: usize, data: &[u8], row: usize) {
    let stride = picture.stride(plane);
    let target = picture.data_mut(plane);
    for (to, from) in target.chunks_mut(stride).zip(data.chunks_exact(row)) {
        to[..row].copy_from_slice(from);
    }
}
