//! What comes before the person, and after: a video, or a picture for a while.

use std::path::Path;

use huashen_core::{Frame, FrameRate, PixelFormat, Size};
use huashen_media::{AudioReader, Fit, Playback};
use huashen_speech::Loudness;
use image::RgbaImage;
use image::imageops::{FilterType, overlay, resize};

use crate::soundtrack::{RATE_HZ, measure};
use crate::{interrupt, picture, scene};

/// How long a picture is seen.
const PICTURE_SECS: f64 = 3.0;

/// An intro or an outro.
pub struct Bookend {
    seen: Seen,
    sound: Option<AudioReader>,
    gain: f32,
    rate: FrameRate,
    size: Size,
    /// Of the next frame.
    index: u64,
    /// Samples of a channel that came out, and read ones that did not.
    given: u64,
    block: Vec<f32>,
}

enum Seen {
    Picture(Vec<u8>),
    Video(Box<Playback>),
}

impl Bookend {
    /// Opens `path` for a clip of `size` at `rate` whose sound comes out at
    /// `loudness`. All of its pictures is seen, on black.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn open(
        path: &Path,
        size: Size,
        rate: FrameRate,
        loudness: Loudness,
    ) -> anyhow::Result<Self> {
        let holds =
            scene::holds(path).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        let seen = match holds.picture {
            true => Seen::Picture(on_black(&picture::read(path)?, size).into_raw()),
            false => Seen::Video(Box::new(Playback::open(path, size, Fit::Contain, false)?)),
        };
        let (mut sound, mut gain) = (None, 1.0);
        if holds.sound {
            let meter = measure(path)?;
            let peak_db = meter.true_peak_db()?;
            // Not louder than its peaks allow: nothing limits them.
            let most = 10_f64.powf((loudness.peak_db.min(-1.0) - peak_db) / 20.0) as f32;
            gain = loudness.gain_for(meter.lufs()?).min(most.max(1.0));
            sound = Some(AudioReader::open_stereo(path, RATE_HZ)?);
        }
        Ok(Self {
            seen,
            sound,
            gain,
            rate,
            size,
            index: 0,
            given: 0,
            block: Vec::new(),
        })
    }

    /// The next frame, and what is heard with it (left and right take turns);
    /// none after the last one.
    pub fn next(&mut self) -> anyhow::Result<Option<(Frame, Vec<f32>)>> {
        interrupt::check()?;
        let at_secs = self.rate.frame_time_secs(self.index);
        let data = match &mut self.seen {
            Seen::Picture(_) if at_secs >= PICTURE_SECS => return Ok(None),
            Seen::Picture(data) => data.clone(),
            Seen::Video(playback) => match playback.at(at_secs)? {
                Some(data) => data.to_vec(),
                None => return Ok(None),
            },
        };
        let until_secs = self.rate.frame_time_secs(self.index + 1);
        let until = (until_secs * f64::from(RATE_HZ)).round() as u64;
        let wanted = (until - self.given) as usize * 2;
        self.given = until;
        while self.block.len() < wanted {
            match self.sound.as_mut().and_then(Iterator::next).transpose()? {
                Some(more) => self.block.extend(more.iter().map(|s| s * self.gain)),
                None => self.block.resize(wanted, 0.0),
            }
        }
        let samples = self.block.drain(..wanted).collect();
        let frame = Frame {
            index: self.index,
            size: self.size,
            format: PixelFormat::Rgba8,
            data,
        };
        self.index += 1;
        Ok(Some((frame, samples)))
    }
}

/// All of `picture`, as large as fits into `size`, on black.
fn on_black(picture: &RgbaImage, size: Size) -> RgbaImage {
    let (w, h) = picture.dimensions();
    let by = (size.width as f32 / w as f32).min(size.height as f32 / h as f32);
    let side = |v: u32| ((v as f32 * by).round() as u32).max(1);
    let shown = resize(picture, side(w), side(h), FilterType::CatmullRom);
    let mut whole = RgbaImage::from_pixel(size.width, size.height, [0, 0, 0, 255].into());
    let middle = |all: u32, part: u32| i64::from(all.saturating_sub(part) / 2);
    let (x, y) = (
        middle(size.width, shown.width()),
        middle(size.height, shown.height()),
    );
    overlay(&mut whole, &shown, x, y);
    whole
}
