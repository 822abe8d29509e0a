//! Pictures on their way from the renderer to a file or a window.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// What was wrong with a size that a user typed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SizeError {
    #[error("`{0}` is not a size: write it as 1280x720")]
    Shape(String),
    #[error("{width}x{height} cannot be encoded: both sides must be even (try {}x{})", .width & !1, .height & !1)]
    Odd { width: u32, height: u32 },
    #[error("{width}x{height} is out of range: sides are 64 to 7680 pixels")]
    Range { width: u32, height: u32 },
}

impl Size {
    /// Width over height.
    pub fn aspect(self) -> f32 {
        self.width as f32 / self.height as f32
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let shape = || SizeError::Shape(text.to_owned());
        let (w, h) = text.split_once(['x', 'X', '×']).ok_or_else(shape)?;
        let width = w.trim().parse().map_err(|_| shape())?;
        let height = h.trim().parse().map_err(|_| shape())?;
        if !(64..=7680).contains(&width) || !(64..=7680).contains(&height) {
            return Err(SizeError::Range { width, height });
        }
        if width % 2 != 0 || height % 2 != 0 {
            return Err(SizeError::Odd { width, height });
        }
        Ok(Self { width, height })
    }
}

/// How the bytes of a [`Frame`] are laid out; rows are tight, no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// sRGB-encoded R, G, B and straight alpha; `width * height * 4` bytes.
    Rgba8,
    /// Planar Y'CbCr 4:2:0, BT.709 matrix, limited range, chroma sited left;
    /// planes Y, Cb, Cr; `width * height * 3 / 2` bytes.
    I420,
}

impl PixelFormat {
    /// Bytes of one frame of `size` (even sides).
    pub fn byte_len(self, size: Size) -> usize {
        let pixels = size.width as usize * size.height as usize;
        match self {
            Self::Rgba8 => pixels * 4,
            Self::I420 => pixels * 3 / 2,
        }
    }
}

/// One picture, tagged with its place in the clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// 0, 1, 2 … without a gap.
    pub index: u64,
    pub size: Size,
    pub format: PixelFormat,
    pub data: Vec<u8>,
}

/// Any sink's error, passed through a stage that cannot name its type.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Where a renderer delivers frames, in order. An error stops the render.
pub trait FrameSink {
    fn frame(&mut self, frame: Frame) -> Result<(), SinkError>;
}

impl<F: FnMut(Frame) -> Result<(), SinkError>> FrameSink for F {
    fn frame(&mut self, frame: Frame) -> Result<(), SinkError> {
        self(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_or_say_why_not() {
        assert_eq!(
            "1280x720".parse(),
            Ok(Size {
                width: 1280,
                height: 720
            })
        );
        assert!(matches!(
            "1281x720".parse::<Size>(),
            Err(SizeError::Odd { .. })
        ));
        assert!(matches!(
            "8x8".parse::<Size>(),
            Err(SizeError::Range { .. })
        ));
        assert!(matches!("big".parse::<Size>(), Err(SizeError::Shape(_))));
    }
}
