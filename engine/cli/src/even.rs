//! Any video as even pictures: one rate, one size.

use anyhow::{Context, ensure};
use huashen_core::{FrameRate, Size};
use huashen_media::{VideoPicture, VideoReader};
use image::RgbaImage;

/// Footage is kept up to this many pixels a side.
const MOST_SIDE: u32 = 1920;

/// The rate of footage that was filmed at about `fps`: one that cameras have.
pub fn standard(fps: f64) -> FrameRate {
    let ntsc = |num| FrameRate { num, den: 1001 };
    let whole = FrameRate::whole;
    [
        whole(24),
        ntsc(24_000),
        whole(25),
        ntsc(30_000),
        whole(30),
        whole(50),
        ntsc(60_000),
        whole(60),
        whole(15),
        whole(20),
    ]
    .into_iter()
    .min_by(|a, b| (a.fps() - fps).abs().total_cmp(&(b.fps() - fps).abs()))
    .filter(|r| (r.fps() - fps).abs() < 0.02)
    // Anything else: phones, screens and cut videos; fast ones are thinned.
    .unwrap_or(whole(match fps {
        f if f > 40.0 => 50,
        f if f > 27.0 => 30,
        _ => 25,
    }))
}

/// Pictures at an even rate, each the one shown at that moment.
pub struct Even {
    pub reader: VideoReader,
    rate: FrameRate,
    now: Option<VideoPicture>,
    coming: Option<VideoPicture>,
    next: u64,
}

impl Even {
    pub fn new(reader: VideoReader, rate: FrameRate) -> Self {
        Self {
            reader,
            rate,
            now: None,
            coming: None,
            next: 0,
        }
    }

    /// Goes on at picture `number`.
    pub fn go_to(&mut self, number: u64) {
        self.next = number;
        // As many as lie within half a frame are the same picture.
        let grace = 0.5 / self.rate.fps();
        self.reader
            .pass_until(self.rate.frame_time_secs(number) - grace);
    }

    /// The next picture and when it is shown, in seconds.
    pub fn next(&mut self) -> anyhow::Result<Option<(f64, VideoPicture)>> {
        let at_secs = self.rate.frame_time_secs(self.next);
        // Half a frame's grace: times are rounded.
        let due = at_secs + 0.5 / self.rate.fps();
        loop {
            if self.coming.is_none() {
                self.coming = self.reader.next().transpose()?;
            }
            match &self.coming {
                Some(coming) if coming.pts_secs <= due || self.now.is_none() => {
                    self.now = self.coming.take();
                }
                Some(_) => break,
                // The last picture was shown for a frame.
                None => {
                    let last = self
                        .now
                        .as_ref()
                        .is_some_and(|n| n.pts_secs + 0.5 / self.rate.fps() < at_secs);
                    if last || self.now.is_none() {
                        return Ok(None);
                    }
                    break;
                }
            }
        }
        self.next += 1;
        Ok(self.now.clone().map(|picture| (at_secs, picture)))
    }
}

/// The size that footage is kept in: even, at most [`MOST_SIDE`] a side.
pub fn kept_size(width: u32, height: u32) -> anyhow::Result<Size> {
    ensure!(
        width.min(height) >= 128,
        "its pictures are only {width}x{height}"
    );
    let scale = (f64::from(MOST_SIDE) / f64::from(width.max(height))).min(1.0);
    let side = |v: u32| ((f64::from(v) * scale).round() as u32) & !1;
    Ok(Size {
        width: side(width),
        height: side(height),
    })
}

/// The picture at this size; one that changes its shape midway is refused.
pub fn fitted(picture: VideoPicture, size: Size) -> anyhow::Result<RgbaImage> {
    let (w, h) = (picture.width, picture.height);
    let picture = RgbaImage::from_raw(w, h, picture.rgba).context("a picture of the wrong size")?;
    if (w, h) == (size.width, size.height) {
        return Ok(picture);
    }
    let same_shape = (f64::from(w) / f64::from(h) / f64::from(size.aspect()) - 1.0).abs() < 0.02;
    ensure!(
        same_shape,
        "its pictures change their shape midway: cut the video there and use one part"
    );
    Ok(if w - size.width < 2 && h - size.height < 2 {
        image::imageops::crop_imm(&picture, 0, 0, size.width, size.height).to_image()
    } else {
        image::imageops::thumbnail(&picture, size.width, size.height)
    })
}
