//! Sound out of any file that libav reads, as f32, block by block.

use std::path::{Path, PathBuf};

use ffmpeg::format::Sample;
use ffmpeg::format::sample::Type as SampleType;
use ffmpeg::software::resampling;
use ffmpeg::{ChannelLayout, Packet, codec, format, frame, media};
use ffmpeg_next as ffmpeg;

use crate::MediaError;
use crate::error::Doing;

const OUT: Sample = Sample::F32(SampleType::Packed);

/// Decodes the best audio stream of a file; an iterator of blocks.
pub struct AudioReader {
    path: PathBuf,
    input: format::context::Input,
    stream: usize,
    decoder: codec::decoder::Audio,
    resampler: Option<(resampling::Context, resampling::context::Definition)>,
    layout: ChannelLayout,
    sample_rate_hz: u32,
    duration_secs: f64,
    state: State,
    delivered: u64,
    damaged_packets: u64,
}

#[derive(PartialEq, Eq)]
enum State {
    Reading,
    Draining,
    Done,
}

impl AudioReader {
    /// Opens `path`; mono blocks come at `sample_rate_hz`, or at the file's own rate.
    pub fn open(path: &Path, sample_rate_hz: Option<u32>) -> Result<Self, MediaError> {
        Self::open_as(path, sample_rate_hz, ChannelLayout::MONO)
    }

    /// Opens `path`; blocks come at `sample_rate_hz`, left and right taking turns.
    pub fn open_stereo(path: &Path, sample_rate_hz: u32) -> Result<Self, MediaError> {
        Self::open_as(path, Some(sample_rate_hz), ChannelLayout::STEREO)
    }

    fn open_as(
        path: &Path,
        sample_rate_hz: Option<u32>,
        layout: ChannelLayout,
    ) -> Result<Self, MediaError> {
        let input = crate::probe::open(path)?;
        let Some(stream) = input.streams().best(media::Type::Audio) else {
            let kinds: Vec<String> = input
                .streams()
                .map(|s| format!("{:?}", s.parameters().medium()).to_lowercase())
                .collect();
            return Err(MediaError::NoAudio {
                path: path.to_owned(),
                found: if kinds.is_empty() {
                    "nothing".to_owned()
                } else {
                    kinds.join(", ")
                },
            });
        };
        let index = stream.index();
        let decoder = codec::context::Context::from_parameters(stream.parameters())
            .doing("reading the sound's header")?
            .decoder()
            .audio()
            .map_err(|e| MediaError::Open {
                path: path.to_owned(),
                reason: format!(
                    "its sound ({:?}) cannot be decoded: {e}",
                    stream.parameters().id()
                ),
            })?;
        let sample_rate_hz = sample_rate_hz.unwrap_or(decoder.rate()).max(1);
        let duration_secs = input.duration().max(0) as f64 / f64::from(ffmpeg::ffi::AV_TIME_BASE);
        Ok(Self {
            path: path.to_owned(),
            input,
            stream: index,
            decoder,
            resampler: None,
            layout,
            sample_rate_hz,
            duration_secs,
            state: State::Reading,
            delivered: 0,
            damaged_packets: 0,
        })
    }

    /// The rate of the blocks.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// As the file's header says; 0 when it does not.
    pub fn duration_secs(&self) -> f64 {
        self.duration_secs
    }

    /// Packets that could not be decoded so far and were left out.
    pub fn damaged_packets(&self) -> u64 {
        self.damaged_packets
    }

    fn block(&mut self) -> Result<Option<Vec<f32>>, MediaError> {
        loop {
            let mut decoded = frame::Audio::empty();
            if self.decoder.receive_frame(&mut decoded).is_ok() {
                let block = self.convert(&mut decoded)?;
                if block.is_empty() {
                    continue;
                }
                return Ok(Some(block));
            }
            match self.state {
                State::Reading => self.feed(),
                State::Draining => {
                    self.state = State::Done;
                    let rest = self.flush()?;
                    if !rest.is_empty() {
                        return Ok(Some(rest));
                    }
                }
                State::Done => {
                    if self.delivered == 0 {
                        return Err(MediaError::Damaged {
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

    fn convert(&mut self, decoded: &mut frame::Audio) -> Result<Vec<f32>, MediaError> {
        if decoded.channel_layout().is_empty() {
            decoded.set_channel_layout(ChannelLayout::default(i32::from(decoded.channels())));
        }
        let definition = resampling::context::Definition {
            format: decoded.format(),
            channel_layout: decoded.channel_layout(),
            rate: decoded.rate(),
        };
        // A stream may change its shape midway; the resampler follows.
        if self
            .resampler
            .as_ref()
            .is_none_or(|(_, d)| *d != definition)
        {
            let context = resampling::Context::get(
                definition.format,
                definition.channel_layout,
                definition.rate,
                OUT,
                self.layout,
                self.sample_rate_hz,
            )
            .doing("setting up resampling")?;
            self.resampler = Some((context, definition));
        }
        let mut output = self.room(decoded.samples());
        if let Some((resampler, _)) = &mut self.resampler {
            resampler.run(decoded, &mut output).doing("resampling")?;
        }
        Ok(self.deliver(&output))
    }

    fn flush(&mut self) -> Result<Vec<f32>, MediaError> {
        let mut output = self.room(0);
        match &mut self.resampler {
            Some((resampler, _)) => {
                resampler.flush(&mut output).doing("resampling")?;
                Ok(self.deliver(&output))
            }
            None => Ok(Vec::new()),
        }
    }

    fn room(&self, samples: usize) -> frame::Audio {
        let rate = self.resampler.as_ref().map_or(1, |(_, d)| d.rate.max(1));
        let scaled =
            (samples as u64 + 4096) * u64::from(self.sample_rate_hz) / u64::from(rate) + 64;
        frame::Audio::new(OUT, scaled as usize, self.layout)
    }

    fn deliver(&mut self, output: &frame::Audio) -> Vec<f32> {
        self.delivered += output.samples() as u64;
        // Some float files hold NaN or infinity; nothing after this survives them.
        let bytes = output.samples() * self.layout.channels() as usize * 4;
        output.data(0)[..bytes]
            .chunks_exact(4)
            .map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
            .map(|s| if s.is_finite() { s } else { 0.0 })
            .collect()
    }
}

impl Iterator for AudioReader {
    type Item = Result<Vec<f32>, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.block();
        if block.is_err() {
            // One error, then the end.
            self.state = State::Done;
            self.delivered = self.delivered.max(1);
        }
        block.transpose()
    }
}
