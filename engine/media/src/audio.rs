//! Samples at any rate into an encoder, at the file's rate.

use ffmpeg::codec::encoder;
use ffmpeg::format::sample::Type as SampleType;
use ffmpeg::format::{Sample, context};
use ffmpeg::software::resampling;
use ffmpeg::{ChannelLayout, Packet, Rational, codec, frame};
use ffmpeg_next as ffmpeg;

use crate::error::Doing;
use crate::{AudioSpec, MediaError};

/// The rate in the file, whatever the codec.
pub(crate) const FILE_RATE_HZ: u32 = 48_000;
const BITS_PER_SEC: usize = 160_000;
/// Samples at a time where a codec leaves it open.
const BLOCK: usize = 1024;

const PACKED: Sample = Sample::F32(SampleType::Packed);
const PLANAR: Sample = Sample::F32(SampleType::Planar);

/// How sound is encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AudioCodec {
    Aac,
    Opus,
    Mp3,
    /// 24 bits, as editors want it.
    Pcm,
}

impl AudioCodec {
    const fn encoder(self) -> (&'static str, &'static str) {
        match self {
            Self::Aac => ("aac", "AAC"),
            Self::Opus => ("libopus", "libopus (Opus)"),
            Self::Mp3 => ("libmp3lame", "libmp3lame (MP3)"),
            Self::Pcm => ("pcm_s24le", "PCM"),
        }
    }

    const fn sample(self) -> Sample {
        match self {
            Self::Aac | Self::Mp3 => PLANAR,
            Self::Opus => PACKED,
            Self::Pcm => Sample::I32(SampleType::Packed),
        }
    }
}

/// Samples at any rate → packets at [`FILE_RATE_HZ`].
pub(crate) struct AudioEncoder {
    encoder: encoder::audio::Encoder,
    sample: Sample,
    resampler: resampling::Context,
    in_rate_hz: u32,
    layout: ChannelLayout,
    channels: usize,
    /// Samples of one channel taken in, and encoded so far at the file's rate.
    taken: u64,
    encoded: u64,
    /// Channels take turns.
    pending: Vec<f32>,
    /// Encoded, to be written.
    packets: Vec<Packet>,
    /// Added to the packets' times, once the first of them is known.
    shift: Option<i64>,
    from_zero: bool,
}

impl AudioEncoder {
    pub fn open(
        output: &mut context::Output,
        kind: AudioCodec,
        spec: AudioSpec,
        global_header: bool,
    ) -> Result<Self, MediaError> {
        let (name, known_as) = kind.encoder();
        let codec = encoder::find_by_name(name).ok_or(MediaError::NoEncoder(known_as))?;
        let layout = ChannelLayout::default(i32::from(spec.channels));
        let mut stream = output.add_stream(codec).doing("adding the sound")?;
        let mut audio = codec::context::Context::new_with_codec(codec)
            .encoder()
            .audio()
            .doing("setting up the sound's encoder")?;
        audio.set_rate(FILE_RATE_HZ as i32);
        audio.set_channel_layout(layout);
        audio.set_format(kind.sample());
        if kind != AudioCodec::Pcm {
            audio.set_bit_rate(BITS_PER_SEC);
        }
        audio.set_time_base(Rational(1, FILE_RATE_HZ as i32));
        if global_header {
            audio.set_flags(codec::flag::Flags::GLOBAL_HEADER);
        }
        let encoder = audio.open_as(codec).doing("opening the sound's encoder")?;
        stream.set_time_base(Rational(1, FILE_RATE_HZ as i32));
        stream.set_parameters(&encoder);
        let resampler = resampling::Context::get(
            PACKED,
            layout,
            spec.sample_rate_hz,
            PACKED,
            layout,
            FILE_RATE_HZ,
        )
        .doing("setting up resampling")?;
        Ok(Self {
            encoder,
            sample: kind.sample(),
            resampler,
            in_rate_hz: spec.sample_rate_hz,
            layout,
            channels: usize::from(spec.channels),
            taken: 0,
            encoded: 0,
            pending: Vec::new(),
            packets: Vec::new(),
            shift: None,
            // Matroska says beside the stream how long Opus takes to begin, and
            // takes that off every time; a start before zero would be taken
            // for a reason to move the pictures instead.
            from_zero: kind == AudioCodec::Opus,
        })
    }

    pub fn push(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        self.taken += (samples.len() / self.channels) as u64;
        for block in samples.chunks(8192) {
            let n = block.len() / self.channels;
            let mut input = frame::Audio::new(PACKED, n, self.layout);
            input.set_rate(self.in_rate_hz);
            fill(&mut input, block.iter().map(|s| s.to_ne_bytes()));
            let mut output = self.room(n);
            self.resampler
                .run(&input, &mut output)
                .doing("resampling")?;
            self.keep(&output);
        }
        self.encode(false)
    }

    /// An output frame with room for `n` input samples and what is buffered.
    fn room(&self, n: usize) -> frame::Audio {
        let scaled = (n as u64 + 4096) * u64::from(FILE_RATE_HZ) / u64::from(self.in_rate_hz);
        frame::Audio::new(PACKED, scaled as usize + 64, self.layout)
    }

    fn keep(&mut self, resampled: &frame::Audio) {
        let bytes = &resampled.data(0)[..resampled.samples() * self.channels * 4];
        let samples = bytes.chunks_exact(4);
        self.pending
            .extend(samples.map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])));
    }

    pub fn finish(&mut self) -> Result<(), MediaError> {
        let mut output = self.room(0);
        self.resampler.flush(&mut output).doing("resampling")?;
        self.keep(&output);
        // The filter's length must not show in the file's.
        let exact = (self.taken as f64 * f64::from(FILE_RATE_HZ) / f64::from(self.in_rate_hz))
            .round() as u64;
        self.pending.resize(
            exact.saturating_sub(self.encoded) as usize * self.channels,
            0.0,
        );
        self.encode(true)?;
        self.encoder.send_eof().doing("ending the sound")?;
        self.drain();
        Ok(())
    }

    /// What was encoded since the last call.
    pub fn packets(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.packets)
    }

    fn drain(&mut self) {
        let mut packet = Packet::empty();
        while self.encoder.receive_packet(&mut packet).is_ok() {
            let shift = match (self.from_zero, self.shift) {
                (false, _) => 0,
                (true, Some(shift)) => shift,
                (true, None) => -packet.pts().unwrap_or_default(),
            };
            self.shift = Some(shift);
            packet.set_pts(packet.pts().map(|t| t + shift));
            packet.set_dts(packet.dts().map(|t| t + shift));
            self.packets
                .push(std::mem::replace(&mut packet, Packet::empty()));
        }
    }

    fn encode(&mut self, last: bool) -> Result<(), MediaError> {
        let frame_size = match self.encoder.frame_size() {
            0 => BLOCK,
            n => n as usize,
        };
        let channels = self.channels;
        let mut at = 0;
        loop {
            let n = frame_size.min((self.pending.len() - at) / channels);
            if n == 0 || (n < frame_size && !last) {
                break;
            }
            let mut block = frame::Audio::new(self.sample, n, self.layout);
            block.set_rate(FILE_RATE_HZ);
            let samples = &self.pending[at..at + n * channels];
            match self.sample {
                Sample::I32(_) => {
                    let whole = |s: &f32| (f64::from(*s) * f64::from(i32::MAX)).round() as i32;
                    fill(&mut block, samples.iter().map(|s| whole(s).to_ne_bytes()));
                }
                PLANAR => {
                    for channel in 0..channels {
                        let plane = block.plane_mut::<f32>(channel).iter_mut();
                        let samples = samples.iter().skip(channel).step_by(channels);
                        for (to, from) in plane.zip(samples) {
                            *to = *from;
                        }
                    }
                }
                _ => fill(&mut block, samples.iter().map(|s| s.to_ne_bytes())),
            }
            block.set_pts(Some(self.encoded as i64));
            self.encoder.send_frame(&block).doing("taking sound")?;
            self.drain();
            self.encoded += n as u64;
            at += n * channels;
        }
        self.pending.drain(..at);
        Ok(())
    }
}

/// Writes `samples`, whose channels take turns, into a frame that keeps them so.
fn fill(frame: &mut frame::Audio, samples: impl Iterator<Item = [u8; 4]>) {
    for (to, from) in frame.data_mut(0).chunks_exact_mut(4).zip(samples) {
        to.copy_from_slice(&from);
    }
}
