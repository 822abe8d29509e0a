//! Pictures out of any video that libav reads, upright, as RGBA.

use std::path::{Path, PathBuf};

use ffmpeg::format::Pixel;
use ffmpeg::software::scaling;
use ffmpeg::{Packet, codec, format, frame, media};
use ffmpeg_next as ffmpeg;
use huashen_core::Size;

use crate::MediaError;
use crate::error::Doing;
use crate::tone::{Tone, one_field};

/// Pictures with more pixels than this are refused: nobody films so, and each
/// takes 4 bytes a pixel.
const MAX_PIXELS: u64 = 1 << 27;

/// How pictures of one shape get into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// They fill it; what is too much is cut.
    Cover,
    /// All of them is seen, on black.
    Contain,
}

/// One picture of a video.
#[derive(Clone, Debug)]
pub struct VideoPicture {
    /// When it is shown, in seconds from the file's start.
    pub pts_secs: f64,
    pub width: u32,
    pub height: u32,
    /// sRGB-encoded R, G, B, 255; rows from the top, no padding.
    pub rgba: Vec<u8>,
}

/// Decodes the best video stream of a file, one picture at a time.
pub struct VideoReader {
    path: PathBuf,
    input: format::context::Input,
    stream: usize,
    decoder: codec::decoder::Video,
    scaler: Option<scaling::Context>,
    /// The size that pictures come in, where it is not their own.
    fit: Option<(Size, Fit)>,
    secs_per_tick: f64,
    start_secs: f64,
    quarter_turns: u32,
    fps: f64,
    duration_secs: f64,
    state: State,
    delivered: u64,
    damaged_packets: u64,
    hdr: bool,
    interlaced: bool,
    /// Pictures before this are passed over; the last of them, and the one after.
    until_secs: f64,
    passed: Option<frame::Video>,
    held: Option<frame::Video>,
}

#[derive(PartialEq, Eq)]
enum State {
    Reading,
    Draining,
    Done,
}

impl VideoReader {
    /// Opens `path`.
    ///
    /// # Errors
    /// A file that cannot be opened, holds no video, or one that cannot be decoded.
    pub fn open(path: &Path) -> Result<Self, MediaError> {
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
        let mut context = codec::context::Context::from_parameters(stream.parameters())
            .doing("reading the video's header")?;
        context.set_threading(codec::threading::Config::kind(
            codec::threading::Type::Frame,
        ));
        let decoder = context.decoder().video().map_err(|e| {
            let codec = stream.parameters().id();
            cannot(format!("its video ({codec:?}) cannot be decoded: {e}"))
        })?;
        let pixels = u64::from(decoder.width()) * u64::from(decoder.height());
        if pixels > MAX_PIXELS {
            return Err(cannot(format!(
                "its pictures are {}x{}, larger than 8K",
                decoder.width(),
                decoder.height()
            )));
        }
        let rate = stream.avg_frame_rate();
        let fps = match f64::from(rate) {
            fps if fps.is_finite() && fps > 0.0 => fps,
            _ => 25.0,
        };
        // SAFETY: the input is open; both are plain numbers in it.
        let (start, duration) =
            unsafe { ((*input.as_ptr()).start_time, (*input.as_ptr()).duration) };
        let secs = |ticks: i64| ticks as f64 / f64::from(ffmpeg::ffi::AV_TIME_BASE);
        let known = start != ffmpeg::ffi::AV_NOPTS_VALUE;
        Ok(Self {
            path: path.to_owned(),
            stream: stream.index(),
            decoder,
            scaler: None,
            fit: None,
            secs_per_tick: f64::from(stream.time_base()),
            start_secs: if known { secs(start) } else { 0.0 },
            quarter_turns: quarter_turns(&stream),
            fps,
            duration_secs: secs(duration.max(0)),
            state: State::Reading,
            delivered: 0,
            damaged_packets: 0,
            hdr: false,
            interlaced: false,
            until_secs: 0.0,
            passed: None,
            held: None,
            input,
        })
    }

    /// Lets all pictures come in one size.
    pub fn fit(&mut self, size: Size, fit: Fit) {
        self.fit = Some((size, fit));
    }

    /// Pictures a second on average, as the header says; 25 when it does not.
    pub fn fps(&self) -> f64 {
        self.fps
    }

    /// As the file's header says; 0 when it does not.
    pub fn duration_secs(&self) -> f64 {
        self.duration_secs
    }

    /// Packets that could not be decoded so far and were left out.
    pub fn damaged_packets(&self) -> u64 {
        self.damaged_packets
    }

    /// Whether pictures of high dynamic range came and were toned down.
    pub fn was_hdr(&self) -> bool {
        self.hdr
    }

    /// Whether interlaced pictures came, of which one field was taken.
    pub fn was_interlaced(&self) -> bool {
        self.interlaced
    }

    /// Passes over what is shown before `secs`, all but the last of it; faster
    /// than to read it.
    pub fn pass_until(&mut self, secs: f64) {
        self.until_secs = secs;
    }

    fn picture(&mut self) -> Result<Option<VideoPicture>, MediaError> {
        if let Some(held) = self.held.take() {
            return self.convert(&held).map(Some);
        }
        loop {
            let mut decoded = frame::Video::empty();
            if self.decoder.receive_frame(&mut decoded).is_ok() {
                if self.pts_secs(&decoded) < self.until_secs {
                    self.delivered += u64::from(self.passed.replace(decoded).is_some());
                    continue;
                }
                let decoded = match self.passed.take() {
                    Some(passed) => {
                        self.held = Some(decoded);
                        passed
                    }
                    None => decoded,
                };
                return self.convert(&decoded).map(Some);
            }
            match self.state {
                State::Reading => self.feed(),
                State::Draining | State::Done => {
                    if let Some(passed) = self.passed.take() {
                        return self.convert(&passed).map(Some);
                    }
                    self.state = State::Done;
                    if self.delivered == 0 {
                        return Err(MediaError::NoPicture {
                            path: self.path.clone(),
                        });
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Gives the decoder its next packet, or the end.
    fn feed(&mut self) {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() != self.stream => {}
                Ok(()) => {
                    if self.decoder.send_packet(&packet).is_err() {
                        self.damaged_packets += 1;
                    }
                    return;
                }
                // The end, or a file cut off in the middle: what came is kept.
                Err(_) => {
                    let _ = self.decoder.send_eof();
                    self.state = State::Draining;
                    return;
                }
            }
        }
    }

    /// When the picture that comes after those delivered is shown.
    fn pts_secs(&self, decoded: &frame::Video) -> f64 {
        let passed = u64::from(self.passed.is_some());
        match decoded.timestamp() {
            Some(ticks) => (ticks as f64 * self.secs_per_tick - self.start_secs).max(0.0),
            None => (self.delivered + passed) as f64 / self.fps,
        }
    }

    fn convert(&mut self, decoded: &frame::Video) -> Result<VideoPicture, MediaError> {
        let (width, height) = self.scaled(decoded);
        let field;
        let decoded = match decoded.is_interlaced() {
            true => {
                self.interlaced = true;
                field = without_combs(decoded);
                &field
            }
            false => decoded,
        };
        let tone = Tone::of(decoded.color_transfer_characteristic());
        self.hdr |= tone.is_some();
        let into = match tone {
            Some(_) => Pixel::RGB48LE,
            None => Pixel::RGBA,
        };
        // A stream may change its shape midway; the scaler follows.
        let scaler = match self.scaler.take() {
            Some(scaler)
                if *scaler.input() == definition(decoded) && scaler.output().format == into =>
            {
                scaler
            }
            _ => to_rgba(decoded, into, (width, height))?,
        };
        let mut rgba = frame::Video::empty();
        let scaler = self.scaler.insert(scaler);
        scaler.run(decoded, &mut rgba).doing("reading a picture")?;
        let row = width as usize * 4;
        let stride = rgba.stride(0);
        let mut data = Vec::with_capacity(row * height as usize);
        for line in rgba.data(0).chunks(stride).take(height as usize) {
            match &tone {
                None => data.extend_from_slice(&line[..row]),
                Some(tone) => {
                    for p in line[..width as usize * 6].chunks_exact(6) {
                        let v = |i: usize| u16::from_le_bytes([p[i], p[i + 1]]);
                        let [r, g, b] = tone.pixel([v(0), v(2), v(4)]);
                        data.extend_from_slice(&[r, g, b, 255]);
                    }
                }
            }
        }
        let pts_secs = self.pts_secs(decoded);
        self.delivered += 1;
        let picture = VideoPicture {
            pts_secs,
            width,
            height,
            rgba: data,
        };
        let picture = turned(picture, self.quarter_turns);
        Ok(match self.fit {
            Some((size, _)) => centred(picture, size),
            None => picture,
        })
    }

    /// The size that a picture is scaled to, before it is turned.
    fn scaled(&self, decoded: &frame::Video) -> (u32, u32) {
        let (width, height) = (decoded.width().max(1), decoded.height().max(1));
        let Some((size, fit)) = self.fit else {
            return (width, height);
        };
        let (wide, tall) = match self.quarter_turns % 2 {
            0 => (size.width, size.height),
            _ => (size.height, size.width),
        };
        let (across, down) = (
            f64::from(wide) / f64::from(width),
            f64::from(tall) / f64::from(height),
        );
        let by = match fit {
            Fit::Cover => across.max(down),
            Fit::Contain => across.min(down),
        };
        let side = |v: u32| ((f64::from(v) * by).round() as u32).max(1);
        (side(width), side(height))
    }
}

impl Iterator for VideoReader {
    type Item = Result<VideoPicture, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        let picture = self.picture();
        if picture.is_err() {
            // One error, then the end.
            self.state = State::Done;
            self.delivered = self.delivered.max(1);
        }
        picture.transpose()
    }
}

/// Keeps one field of an interlaced picture; planar 4:2:0 and its kin, 8 bits
/// and more, are what cameras make.
fn without_combs(picture: &frame::Video) -> frame::Video {
    // A copy: the decoder still looks at its own.
    let mut picture = picture.clone();
    let Some(format) = picture.format().descriptor() else {
        return picture;
    };
    let chroma = format.log2_chroma_h();
    let planar = picture.planes() >= 3;
    if !planar {
        return picture;
    }
    for plane in 0..picture.planes().min(3) {
        let rows = picture.height() as usize;
        let rows = match plane {
            0 => rows,
            _ => rows.div_ceil(1 << chroma),
        };
        let stride = picture.stride(plane);
        let wide = stride / (picture.plane_width(plane) as usize).max(1);
        one_field(picture.data_mut(plane), stride, rows, wide.clamp(1, 2));
    }
    picture
}

fn definition(picture: &frame::Video) -> scaling::context::Definition {
    scaling::context::Definition {
        format: picture.format(),
        width: picture.width(),
        height: picture.height(),
    }
}

/// Into RGBA by the picture's own matrix and range; by its height where it
/// tells none, as players do.
fn to_rgba(
    picture: &frame::Video,
    into: Pixel,
    (to_width, to_height): (u32, u32),
) -> Result<scaling::Context, MediaError> {
    use ffmpeg::util::color::{Range, Space};
    let (width, height) = (picture.width(), picture.height());
    let kind = match (to_width, to_height) == (width, height) {
        true => scaling::Flags::BILINEAR,
        false => scaling::Flags::BICUBIC,
    };
    let flags = kind | scaling::Flags::ACCURATE_RND;
    let from = picture.format();
    let mut scaler = scaling::Context::get(from, width, height, into, to_width, to_height, flags)
        .doing("setting up colour conversion")?;
    let matrix = match picture.color_space() {
        Space::BT470BG | Space::SMPTE170M => ffmpeg::ffi::SWS_CS_ITU601,
        Space::BT709 => ffmpeg::ffi::SWS_CS_ITU709,
        Space::BT2020NCL | Space::BT2020CL => ffmpeg::ffi::SWS_CS_BT2020,
        _ if height >= 720 => ffmpeg::ffi::SWS_CS_ITU709,
        _ => ffmpeg::ffi::SWS_CS_ITU601,
    };
    let full = i32::from(picture.color_range() == Range::JPEG);
    // SAFETY: the context is live, the coefficient tables are static in libswscale.
    unsafe {
        let table = ffmpeg::ffi::sws_getCoefficients(matrix);
        ffmpeg::ffi::sws_setColorspaceDetails(
            scaler.as_mut_ptr(),
            table,
            full,
            table,
            1,
            0,
            1 << 16,
            1 << 16,
        );
    }
    Ok(scaler)
}

/// How many quarter turns clockwise make the pictures upright.
fn quarter_turns(stream: &ffmpeg::Stream<'_>) -> u32 {
    let matrix = stream
        .side_data()
        .find(|d| d.kind() == codec::packet::side_data::Type::DisplayMatrix);
    let Some(matrix) = matrix else { return 0 };
    let numbers: Vec<i32> = matrix
        .data()
        .chunks_exact(4)
        .map(|b| i32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    if numbers.len() < 9 {
        return 0;
    }
    // SAFETY: nine numbers are there.
    let left = unsafe { ffmpeg::ffi::av_display_rotation_get(numbers.as_ptr()) };
    if !left.is_finite() {
        return 0;
    }
    ((-left / 90.0).round() as i64).rem_euclid(4) as u32
}

/// The picture in the middle of `size`: cut where it is larger, on black where
/// it is smaller.
fn centred(picture: VideoPicture, size: Size) -> VideoPicture {
    let (w, h) = (picture.width as usize, picture.height as usize);
    let (width, height) = (size.width as usize, size.height as usize);
    if (w, h) == (width, height) {
        return picture;
    }
    let mut rgba = [0, 0, 0, 255].repeat(width * height);
    let (across, down) = (w.min(width), h.min(height));
    let (from_x, from_y) = ((w - across) / 2, (h - down) / 2);
    let (to_x, to_y) = ((width - across) / 2, (height - down) / 2);
    for y in 0..down {
        let from = ((from_y + y) * w + from_x) * 4;
        let to = ((to_y + y) * width + to_x) * 4;
        rgba[to..to + across * 4].copy_from_slice(&picture.rgba[from..from + across * 4]);
    }
    VideoPicture {
        width: size.width,
        height: size.height,
        rgba,
        ..picture
    }
}

/// The picture, turned clockwise.
fn turned(picture: VideoPicture, quarter_turns: u32) -> VideoPicture {
    if quarter_turns == 0 {
        return picture;
    }
    let (w, h) = (picture.width as usize, picture.height as usize);
    let (width, height) = match quarter_turns {
        2 => (w, h),
        _ => (h, w),
    };
    let mut rgba = Vec::with_capacity(picture.rgba.len());
    for y in 0..height {
        for x in 0..width {
            let (from_x, from_y) = match quarter_turns {
                1 => (y, h - 1 - x),
                2 => (w - 1 - x, h - 1 - y),
                _ => (w - 1 - y, x),
            };
            let at = (from_y * w + from_x) * 4;
            rgba.extend_from_slice(&picture.rgba[at..at + 4]);
        }
    }
    VideoPicture {
        width: width as u32,
        height: height as u32,
        rgba,
        ..picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_cut_or_set_on_black() {
        let picture = VideoPicture {
            pts_secs: 0.0,
            width: 4,
            height: 1,
            rgba: (0..4u8).flat_map(|p| [p + 1, 0, 0, 255]).collect(),
        };
        let size = Size {
            width: 2,
            height: 3,
        };
        let reds: Vec<u8> = centred(picture, size)
            .rgba
            .chunks(4)
            .map(|p| p[0])
            .collect();
        assert_eq!(reds, [0, 0, 2, 3, 0, 0]);
    }

    #[test]
    fn a_quarter_turn_brings_the_left_edge_to_the_top() {
        let pixels: Vec<u8> = (0..6u8).flat_map(|p| [p, p, p, 255]).collect();
        let picture = VideoPicture {
            pts_secs: 0.0,
            width: 3,
            height: 2,
            rgba: pixels,
        };
        let reds = |p: &VideoPicture| p.rgba.chunks(4).map(|p| p[0]).collect::<Vec<_>>();
        let right = turned(picture.clone(), 1);
        assert_eq!((right.width, right.height), (2, 3));
        assert_eq!(reds(&right), [3, 0, 4, 1, 5, 2]);
        assert_eq!(reds(&turned(picture.clone(), 2)), [5, 4, 3, 2, 1, 0]);
        assert_eq!(reds(&turned(right, 3)), reds(&picture));
    }
}
