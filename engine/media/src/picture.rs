//! Frames as an encoder takes them.

use ffmpeg::format::Pixel;
use ffmpeg::{color, frame};
use ffmpeg_next as ffmpeg;
use huashen_core::{Frame, PixelFormat, Size};

use crate::MediaError;
use crate::bleed::bleed;

/// BT.709 R'G'B' (0..=255) to limited-range Y'CbCr as 16.16 fixed point; the
/// twin of `engine/render/src/i420.rs`, with its arithmetic.
const BT709: [[i32; 3]; 3] = [
    [11966, 40254, 4064],
    [-6596, -22188, 28784],
    [28784, -26145, -2639],
];

/// Turns frames into pictures of one pixel format.
pub(crate) struct Pictures {
    size: Size,
    pixel: Pixel,
    scratch: Vec<u8>,
}

impl Pictures {
    pub fn new(size: Size, pixel: Pixel) -> Self {
        Self {
            size,
            pixel,
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
            (PixelFormat::Rgba8, _) => self.planes(frame),
        };
        picture.set_pts(Some(frame.index as i64));
        match self.pixel {
            Pixel::RGBA | Pixel::RGB24 | Pixel::BGRA => {}
            _ => {
                // ProRes writes them into every frame.
                picture.set_color_primaries(color::Primaries::BT709);
                picture.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
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

    fn planes(&mut self, frame: &Frame) -> frame::Video {
        let alpha = matches!(self.pixel, Pixel::YUVA420P | Pixel::YUVA444P10LE);
        self.scratch.clone_from(&frame.data);
        if alpha {
            bleed(&mut self.scratch, self.size.width as usize);
        }
        let mut picture = self.empty(self.pixel);
        let (pixels, _) = self.scratch.as_chunks::<4>();
        let width = self.size.width as usize;
        match self.pixel {
            Pixel::YUV420P | Pixel::YUVA420P => {
                rows(&mut picture, 0, |y, row: &mut [u8]| {
                    for (to, pixel) in row.iter_mut().zip(&pixels[y * width..]) {
                        *to = (16 + weigh(0, rgb(pixel), 16)) as u8;
                    }
                });
                for plane in [1, 2] {
                    rows(&mut picture, plane, |y, row: &mut [u8]| {
                        let pair = &pixels[2 * y * width..][..2 * width];
                        chroma_row(plane, pair, width, row);
                    });
                }
                if alpha {
                    rows(&mut picture, 3, |y, row: &mut [u8]| {
                        for (to, pixel) in row.iter_mut().zip(&pixels[y * width..]) {
                            *to = pixel[3];
                        }
                    });
                }
            }
            _ => {
                for (plane, zero) in [(0, 64), (1, 512), (2, 512)] {
                    rows(&mut picture, plane, |y, row: &mut [u16]| {
                        for (to, pixel) in row.iter_mut().zip(&pixels[y * width..]) {
                            *to = (zero + weigh(plane, rgb(pixel), 14)) as u16;
                        }
                    });
                }
                if alpha {
                    rows(&mut picture, 3, |y, row: &mut [u16]| {
                        for (to, pixel) in row.iter_mut().zip(&pixels[y * width..]) {
                            *to = ((u32::from(pixel[3]) * 1023 + 127) / 255) as u16;
                        }
                    });
                }
            }
        }
        picture
    }

    fn empty(&self, pixel: Pixel) -> frame::Video {
        frame::Video::new(pixel, self.size.width, self.size.height)
    }
}

fn rgb(pixel: &[u8; 4]) -> [i32; 3] {
    [pixel[0], pixel[1], pixel[2]].map(i32::from)
}

/// Row `plane` of the matrix times `c`, over 2^`bits`, rounded.
fn weigh(plane: usize, c: [i32; 3], bits: u32) -> i32 {
    let [r, g, b] = BT709[plane];
    (r * c[0] + g * c[1] + b * c[2] + (1 << (bits - 1))) >> bits
}

/// Chroma of two rows, sited left: `[1 2 1]/4` about the left pixel of each pair.
fn chroma_row(plane: usize, pair: &[[u8; 4]], width: usize, out: &mut [u8]) {
    let column = |x: usize| {
        let (a, b) = (rgb(&pair[x]), rgb(&pair[width + x]));
        [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
    };
    let mut left = column(0);
    for (i, to) in out.iter_mut().enumerate() {
        let (middle, right) = (column(2 * i), column(2 * i + 1));
        let sum = [0, 1, 2].map(|c| left[c] + 2 * middle[c] + right[c]);
        *to = (128 + weigh(plane, sum, 19)) as u8;
        left = right;
    }
}

/// A number as a plane stores it.
trait Stored: Sized {
    const BYTES: usize;
    fn store(self, to: &mut [u8]);
}

impl Stored for u8 {
    const BYTES: usize = 1;
    fn store(self, to: &mut [u8]) {
        to[0] = self;
    }
}

impl Stored for u16 {
    const BYTES: usize = 2;
    fn store(self, to: &mut [u8]) {
        to.copy_from_slice(&self.to_le_bytes());
    }
}

/// Lets `fill` fill every row of a plane.
fn rows<T: Stored + Default + Copy>(
    picture: &mut frame::Video,
    plane: usize,
    mut fill: impl FnMut(usize, &mut [T]),
) {
    let (width, height) = (
        picture.plane_width(plane) as usize,
        picture.plane_height(plane) as usize,
    );
    let stride = picture.stride(plane);
    let mut row = vec![T::default(); width];
    let lines = picture.data_mut(plane).chunks_mut(stride);
    for (y, line) in lines.take(height).enumerate() {
        fill(y, &mut row);
        for (value, to) in row.iter().zip(line.chunks_exact_mut(T::BYTES)) {
            value.store(to);
        }
    }
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
