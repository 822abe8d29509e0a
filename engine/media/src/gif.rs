//! A preview of 256 colours, for places where nothing else moves.
//!
//! One palette for the whole clip, so that nothing flickers: learned from its
//! first seconds, with the few colours that fill areas kept exactly.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;

use color_quant::NeuQuant;
use gif::{DisposalMethod, Encoder, EncodingError, Repeat};
use huashen_core::{Frame, FrameRate, Size};

use crate::clip::Sink;
use crate::target::Target;
use crate::{ClipSpec, MediaError, Quality};

/// The index that shows what is behind it.
const CLEAR: u8 = 255;
/// Alpha below this is nothing, above it all: a GIF knows no more.
const VISIBLE: u8 = 128;
/// Frames that the palette is learned from, and pixels of them all.
const LEARN_SECS: f64 = 2.5;
const LEARN_PIXELS: usize = 400_000;
/// Colours that cover more than one pixel in this many are kept exactly.
const COMMON: usize = 100;
/// Strength of the dither, in 8-bit steps.
const DITHER: f32 = 10.0;
/// Shorter frames than this are slowed down by players.
const LEAST_CENTISECS: f64 = 2.0;

const BAYER: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

pub(crate) struct Gif {
    size: Size,
    rate: FrameRate,
    alpha: bool,
    colours: usize,
    /// Until the palette is known.
    waiting: Vec<Vec<u8>>,
    /// Taken when the palette is known.
    file: Option<File>,
    comment: Option<String>,
    writer: Option<Writer>,
    failed: Box<dyn Fn(String) -> MediaError + Send>,
}

struct Writer {
    encoder: Encoder<BufWriter<File>>,
    palette: Palette,
    /// What is shown now.
    shown: Vec<u8>,
    written: u64,
}

/// Whether players show this many frames a second.
pub(crate) fn check(rate: FrameRate) -> Result<(), MediaError> {
    let most = 100.0 / LEAST_CENTISECS;
    match rate.fps() > most {
        true => Err(MediaError::TooFast {
            fps: rate.fps(),
            most,
        }),
        false => Ok(()),
    }
}

impl Gif {
    pub fn open(target: &Target, spec: &ClipSpec) -> Result<Self, MediaError> {
        let file = File::create(target.temp()).map_err(|e| target.error(&e.to_string()))?;
        let path = target.path().to_owned();
        let said = spec.metadata.iter().map(|(k, v)| format!("{k}={v}"));
        Ok(Self {
            size: spec.size,
            rate: spec.rate,
            alpha: spec.encoding.alpha,
            colours: match spec.encoding.quality {
                Quality::Draft => 63,
                _ => 255,
            },
            waiting: Vec::new(),
            file: Some(file),
            comment: (!spec.metadata.is_empty()).then(|| said.collect::<Vec<_>>().join("\n")),
            writer: None,
            failed: Box::new(move |reason| MediaError::Write {
                path: path.clone(),
                reason,
            }),
        })
    }

    /// Settles the palette and writes what waited for it.
    fn begin(&mut self) -> Result<(), MediaError> {
        let (Some(file), false) = (self.file.take(), self.waiting.is_empty()) else {
            return Ok(());
        };
        let palette = Palette::learn(&self.waiting, self.colours);
        let encoder = self.encoder(file, &palette).map_err(|e| self.failed(&e))?;
        self.writer = Some(Writer {
            encoder,
            palette,
            shown: Vec::new(),
            written: 0,
        });
        for rgba in std::mem::take(&mut self.waiting) {
            self.write(&rgba)?;
        }
        Ok(())
    }

    fn encoder(
        &self,
        file: File,
        palette: &Palette,
    ) -> Result<Encoder<BufWriter<File>>, EncodingError> {
        let Size { width, height } = self.size;
        let mut encoder = Encoder::new(
            BufWriter::new(file),
            width as u16,
            height as u16,
            &palette.rgb,
        )?;
        encoder.set_repeat(Repeat::Infinite)?;
        if let Some(comment) = &self.comment {
            let blocks: Vec<&[u8]> = comment.as_bytes().chunks(255).collect();
            encoder.write_raw_extension(gif::Extension::Comment.into(), &blocks)?;
        }
        Ok(encoder)
    }

    fn write(&mut self, rgba: &[u8]) -> Result<(), MediaError> {
        let width = self.size.width as usize;
        let (rate, alpha) = (self.rate, self.alpha);
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let indices = writer.palette.indices(rgba, width);
        // Whole hundredths that add up to the right time.
        let at = |n: u64| (rate.frame_time_secs(n) * 100.0).round() as u64;
        let delay = (at(writer.written + 1) - at(writer.written)) as u16;
        writer.written += 1;
        let mut frame = match alpha {
            true => whole(&indices, self.size),
            false => changed(&writer.shown, &indices, self.size),
        };
        frame.delay = delay;
        writer.shown = indices;
        let written = writer.encoder.write_frame(&frame);
        written.map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &EncodingError) -> MediaError {
        (self.failed)(error.to_string())
    }
}

impl Sink for Gif {
    fn video(&mut self, frame: &Frame) -> Result<(), MediaError> {
        if self.writer.is_some() {
            return self.write(&frame.data);
        }
        self.waiting.push(frame.data.clone());
        if self.waiting.len() as f64 >= LEARN_SECS * self.rate.fps() {
            self.begin()?;
        }
        Ok(())
    }

    fn audio(&mut self, _samples: &[f32]) -> Result<(), MediaError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), MediaError> {
        self.begin()?;
        match self.writer.take() {
            Some(writer) => {
                let end = writer.encoder.into_inner();
                end.map(drop).map_err(|e| (self.failed)(e.to_string()))
            }
            None => Ok(()),
        }
    }
}

/// The picture, on nothing.
fn whole(indices: &[u8], size: Size) -> gif::Frame<'static> {
    gif::Frame {
        width: size.width as u16,
        height: size.height as u16,
        dispose: DisposalMethod::Background,
        transparent: Some(CLEAR),
        buffer: indices.to_vec().into(),
        ..gif::Frame::default()
    }
}

/// The part that differs from what is shown; the rest of it is clear.
fn changed(shown: &[u8], indices: &[u8], size: Size) -> gif::Frame<'static> {
    let width = size.width as usize;
    let differs = |i: usize| shown.get(i) != Some(&indices[i]);
    let (mut x0, mut x1, mut y0, mut y1) = (width, 0, size.height as usize, 0);
    for i in (0..indices.len()).filter(|i| differs(*i)) {
        let (x, y) = (i % width, i / width);
        (x0, x1) = (x0.min(x), x1.max(x + 1));
        (y0, y1) = (y0.min(y), y1.max(y + 1));
    }
    if x1 == 0 {
        (x0, x1, y0, y1) = (0, 1, 0, 1);
    }
    let rows = (y0..y1).flat_map(|y| (x0..x1).map(move |x| y * width + x));
    let part: Vec<u8> = rows
        .map(|i| if differs(i) { indices[i] } else { CLEAR })
        .collect();
    gif::Frame {
        left: x0 as u16,
        top: y0 as u16,
        width: (x1 - x0) as u16,
        height: (y1 - y0) as u16,
        dispose: DisposalMethod::Keep,
        transparent: Some(CLEAR),
        buffer: part.into(),
        ..gif::Frame::default()
    }
}

struct Palette {
    /// 256 colours; the last one is never shown.
    rgb: Vec<u8>,
    colours: usize,
    exact: HashMap<[u8; 3], u8>,
    /// Nearest colours by the upper five bits of each channel; filled as asked.
    near: Vec<Option<u8>>,
}

impl Palette {
    fn learn(frames: &[Vec<u8>], colours: usize) -> Self {
        let all: usize = frames.iter().map(|f| f.len() / 4).sum();
        let step = (all / LEARN_PIXELS).max(1);
        let mut seen = Vec::new();
        let mut counts = HashMap::<[u8; 3], usize>::new();
        let pixels = frames.iter().flat_map(|f| f.as_chunks::<4>().0);
        for [r, g, b, a] in pixels.step_by(step) {
            if *a >= VISIBLE {
                seen.extend_from_slice(&[*r, *g, *b, 255]);
                *counts.entry([*r, *g, *b]).or_default() += 1;
            }
        }
        let total = seen.len() / 4;
        let mut common: Vec<_> = counts
            .into_iter()
            .filter(|(_, n)| n * COMMON > total)
            .collect();
        common.sort_by_key(|(rgb, n)| (std::cmp::Reverse(*n), *rgb));
        common.truncate(16);
        let mut rgb: Vec<u8> = common.iter().flat_map(|(rgb, _)| *rgb).collect();
        if total > 0 {
            let learned = NeuQuant::new(10, colours - common.len(), &seen);
            rgb.extend(learned.color_map_rgb());
        }
        let colours = (rgb.len() / 3).clamp(1, CLEAR.into());
        rgb.resize(256 * 3, 0);
        Self {
            rgb,
            colours,
            exact: (0..).zip(&common).map(|(i, (c, _))| (*c, i)).collect(),
            near: vec![None; 1 << 15],
        }
    }

    fn indices(&mut self, rgba: &[u8], width: usize) -> Vec<u8> {
        let (pixels, _) = rgba.as_chunks::<4>();
        let mut out = Vec::with_capacity(pixels.len());
        for (i, [r, g, b, a]) in pixels.iter().enumerate() {
            if *a < VISIBLE {
                out.push(CLEAR);
                continue;
            }
            if let Some(index) = self.exact.get(&[*r, *g, *b]) {
                out.push(*index);
                continue;
            }
            let threshold = BAYER[i / width % 4][i % width % 4];
            let shift = (f32::from(threshold) / 15.0 - 0.5) * DITHER;
            let dithered = [*r, *g, *b].map(|c| (f32::from(c) + shift).round() as u8);
            out.push(self.nearest(dithered));
        }
        out
    }

    fn nearest(&mut self, rgb: [u8; 3]) -> u8 {
        let [r, g, b] = rgb.map(|c| usize::from(c >> 3));
        let cell = r << 10 | g << 5 | b;
        if let Some(index) = self.near[cell] {
            return index;
        }
        // The middle of the cell, so that the order of asking changes nothing.
        let middle = rgb.map(|c| i32::from(c & 0xf8) + 4);
        let distance = |colour: &[u8]| -> i32 {
            let weights = [3, 6, 1];
            (0..3)
                .map(|c| weights[c] * (i32::from(colour[c]) - middle[c]).pow(2))
                .sum()
        };
        let colours = self.rgb.chunks_exact(3).take(self.colours);
        let best = (0..).zip(colours).min_by_key(|(_, c)| distance(c));
        let index = best.map_or(0, |(i, _)| i);
        self.near[cell] = Some(index);
        index
    }
}
