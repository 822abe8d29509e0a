//! Frames and sound in, a finished file out.
//!
//! The encoder runs on its own thread behind a short queue, so that a renderer
//! only waits when it is faster than the encoder.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ffmpeg::codec::encoder;
use ffmpeg::format::sample::Type as SampleType;
use ffmpeg::format::{Pixel, Sample};
use ffmpeg::software::{resampling, scaling};
use ffmpeg::{ChannelLayout, Dictionary, Packet, Rational, codec, format, frame};
use ffmpeg_next as ffmpeg;
use huashen_core::{Frame, FrameRate, PixelFormat, Size};

use crate::error::Doing;
use crate::target::Target;
use crate::{ClipInfo, MediaError, probe};

/// What a clip is made of.
#[derive(Clone, Debug)]
pub struct ClipSpec {
    /// Even sides.
    pub size: Size,
    pub rate: FrameRate,
    pub video: VideoCodec,
    pub audio: Option<AudioSpec>,
    /// Container metadata, key and value (`title`, `comment` …).
    pub metadata: Vec<(String, String)>,
}

/// How pictures are encoded.
#[derive(Clone, Debug)]
pub enum VideoCodec {
    /// H.264 High, 4:2:0, by x264. `crf` 0–51, lower is better.
    H264 { crf: u8, preset: &'static str },
}

impl Default for VideoCodec {
    /// Visually clean for a presenter, and faster than the renderer on two cores.
    fn default() -> Self {
        Self::H264 {
            crf: 19,
            preset: "veryfast",
        }
    }
}

/// The sound that [`ClipWriter::audio`] will be given: mono.
#[derive(Clone, Copy, Debug)]
pub struct AudioSpec {
    pub sample_rate_hz: u32,
}

/// AAC's rate in the file.
const FILE_RATE_HZ: u32 = 48_000;
const AAC_BITS_PER_SEC: usize = 160_000;
/// x264 gives the same bytes for the same number of threads; a number taken
/// from the machine would change files from one machine to the next.
const ENCODER_THREADS: &str = "2";
/// Frames waiting for the encoder.
const QUEUE: usize = 4;

enum Message {
    Video(Frame),
    Audio(Vec<f32>),
    Finish,
}

/// Writes one clip. Push sound and frames in time order (sound up to a frame's
/// end before the frame), then [`ClipWriter::finish`]. Dropped unfinished, it
/// leaves nothing behind.
pub struct ClipWriter {
    queue: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<Result<(), MediaError>>>,
    target: Option<Target>,
    spec: ClipSpec,
    next_frame: u64,
}

impl ClipWriter {
    /// Whether a clip can be written under this name: its extension is known.
    pub fn check_path(path: &Path) -> Result<(), MediaError> {
        muxer_for(path).map(|_| ())
    }

    /// Begins the file at `path`; the extension chooses the container.
    pub fn create(path: &Path, spec: ClipSpec) -> Result<Self, MediaError> {
        crate::init();
        let muxer = muxer_for(path)?;
        let target = Target::new(path)?;
        let mut encoder = Encoder::open(&target, muxer, &spec)?;
        let (queue, inbox) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("encoder".into())
            .spawn(move || encoder.run(&inbox))
            .map_err(|e| target.error(&e.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            target: Some(target),
            spec,
            next_frame: 0,
        })
    }

    /// Appends the next frame: I420 as it is, RGBA converted with BT.709.
    pub fn video(&mut self, frame: Frame) -> Result<(), MediaError> {
        let expected = frame.format.byte_len(self.spec.size);
        if frame.size != self.spec.size || frame.data.len() != expected {
            return Err(MediaError::FrameShape {
                expected: format!("{} ({expected} bytes)", self.spec.size),
                found: format!("{} ({} bytes)", frame.size, frame.data.len()),
            });
        }
        if frame.index != self.next_frame {
            return Err(MediaError::FrameOrder {
                expected: self.next_frame,
                found: frame.index,
            });
        }
        self.next_frame += 1;
        self.send(Message::Video(frame))
    }

    /// Appends mono samples at the spec's rate, nominally within ±1.
    pub fn audio(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        self.send(Message::Audio(samples.to_vec()))
    }

    /// Completes the file, puts it in place and says what it holds.
    pub fn finish(mut self) -> Result<ClipInfo, MediaError> {
        self.send(Message::Finish)?;
        self.queue = None;
        self.join()?;
        let target = self.target.take().ok_or(MediaError::Stopped)?;
        let path: PathBuf = target.commit()?;
        probe(&path)
    }

    fn send(&mut self, message: Message) -> Result<(), MediaError> {
        let sent = self.queue.as_ref().is_some_and(|q| q.send(message).is_ok());
        if sent {
            return Ok(());
        }
        // The thread is gone: its own error says why.
        self.queue = None;
        self.join()?;
        Err(MediaError::Stopped)
    }

    fn join(&mut self) -> Result<(), MediaError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(MediaError::Stopped),
        }
    }
}

impl Drop for ClipWriter {
    fn drop(&mut self) {
        // The encoder leaves its loop and closes the file before it is removed.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn muxer_for(path: &Path) -> Result<&'static str, MediaError> {
    let extension = path
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    match extension.as_str() {
        "mp4" | "m4v" => Ok("mp4"),
        "mov" => Ok("mov"),
        "mkv" => Ok("matroska"),
        _ => Err(MediaError::Container {
            found: extension,
            expected: ".mp4, .mov or .mkv",
        }),
    }
}

/// Owns every libav object; lives on the encoder thread.
struct Encoder {
    output: format::context::Output,
    path: PathBuf,
    size: Size,
    video: encoder::video::Encoder,
    video_time_base: Rational,
    scaler: Option<Scaler>,
    audio: Option<AudioEncoder>,
}

/// libav's scaler is a plain heap object without thread affinity; this crate
/// moves it once, into the encoder's thread.
struct Scaler(scaling::Context);

// SAFETY: `SwsContext` holds no thread-local state and only this thread uses it.
unsafe impl Send for Scaler {}

const VIDEO: usize = 0;
const AUDIO: usize = 1;

impl Encoder {
    fn open(target: &Target, muxer: &str, spec: &ClipSpec) -> Result<Self, MediaError> {
        let mut output =
            format::output_as(target.temp(), muxer).map_err(|e| target.error(&e.to_string()))?;
        let global_header = output
            .format()
            .flags()
            .contains(format::flag::Flags::GLOBAL_HEADER);
        let video_time_base = Rational(spec.rate.den as i32, spec.rate.num as i32);
        let video = open_video(&mut output, spec, video_time_base, global_header)?;
        let audio = match spec.audio {
            Some(audio) => Some(AudioEncoder::open(&mut output, audio, global_header)?),
            None => None,
        };
        let mut metadata = Dictionary::new();
        for (key, value) in &spec.metadata {
            metadata.set(key, value);
        }
        output.set_metadata(metadata);
        let mut options = Dictionary::new();
        // The index goes to the front so that a player can begin before the end
        // has arrived; `bitexact` keeps library versions out of the file.
        options.set("movflags", "+faststart");
        options.set("fflags", "+bitexact");
        output
            .write_header_with(options)
            .map(|_| ())
            .map_err(|e| target.error(&e.to_string()))?;
        Ok(Self {
            output,
            path: target.temp().to_owned(),
            size: spec.size,
            video,
            video_time_base,
            scaler: None,
            audio,
        })
    }

    fn run(&mut self, inbox: &Receiver<Message>) -> Result<(), MediaError> {
        loop {
            match inbox.recv() {
                Ok(Message::Video(frame)) => self.encode_video(&frame)?,
                Ok(Message::Audio(samples)) => {
                    if let Some(audio) = &mut self.audio {
                        audio.push(&samples)?;
                    }
                    self.write_audio()?;
                }
                Ok(Message::Finish) => return self.finish(),
                // The writer was dropped: the clip is not wanted any more.
                Err(_) => return Err(MediaError::Stopped),
            }
        }
    }

    fn encode_video(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let mut picture = match frame.format {
            PixelFormat::I420 => picture_from_i420(frame),
            PixelFormat::Rgba8 => self.picture_from_rgba(frame)?,
        };
        picture.set_pts(Some(frame.index as i64));
        picture.set_color_space(ffmpeg::color::Space::BT709);
        picture.set_color_range(ffmpeg::color::Range::MPEG);
        self.video.send_frame(&picture).doing("taking a frame")?;
        self.write_video()
    }

    fn picture_from_rgba(&mut self, frame: &Frame) -> Result<frame::Video, MediaError> {
        let (width, height) = (self.size.width, self.size.height);
        let scaler = match &mut self.scaler {
            Some(scaler) => scaler,
            none => none.insert(Scaler(bt709_scaler(width, height)?)),
        };
        let mut rgba = frame::Video::new(Pixel::RGBA, width, height);
        copy_plane(&mut rgba, 0, &frame.data, width as usize * 4);
        let mut picture = frame::Video::new(Pixel::YUV420P, width, height);
        scaler
            .0
            .run(&rgba, &mut picture)
            .doing("converting colours")?;
        Ok(picture)
    }

    fn write_video(&mut self) -> Result<(), MediaError> {
        let mut packet = Packet::empty();
        while self.video.receive_packet(&mut packet).is_ok() {
            // x264 leaves the duration open; without it the last frame would have none.
            packet.set_duration(1);
            self.write(&mut packet, VIDEO, self.video_time_base)?;
        }
        Ok(())
    }

    fn write_audio(&mut self) -> Result<(), MediaError> {
        let packets = match &mut self.audio {
            Some(audio) => std::mem::take(&mut audio.packets),
            None => Vec::new(),
        };
        for mut packet in packets {
            self.write(&mut packet, AUDIO, Rational(1, FILE_RATE_HZ as i32))?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        packet: &mut Packet,
        stream: usize,
        time_base: Rational,
    ) -> Result<(), MediaError> {
        let stream_time_base = self
            .output
            .stream(stream)
            .map(|s| s.time_base())
            .ok_or(MediaError::Stopped)?;
        packet.set_stream(stream);
        packet.rescale_ts(time_base, stream_time_base);
        packet
            .write_interleaved(&mut self.output)
            .map_err(|e| self.write_error(&e))
    }

    fn finish(&mut self) -> Result<(), MediaError> {
        if let Some(audio) = &mut self.audio {
            audio.finish()?;
        }
        self.write_audio()?;
        self.video.send_eof().doing("ending the pictures")?;
        self.write_video()?;
        self.output
            .write_trailer()
            .map_err(|e| self.write_error(&e))
    }

    fn write_error(&self, error: &ffmpeg::Error) -> MediaError {
        MediaError::Write {
            path: self.path.clone(),
            reason: match error {
                ffmpeg::Error::Other { errno } => {
                    std::io::Error::from_raw_os_error(*errno).to_string()
                }
                other => other.to_string(),
            },
        }
    }
}

fn open_video(
    output: &mut format::context::Output,
    spec: &ClipSpec,
    time_base: Rational,
    global_header: bool,
) -> Result<encoder::video::Encoder, MediaError> {
    let VideoCodec::H264 { crf, preset } = spec.video;
    let codec = encoder::find_by_name("libx264").ok_or(MediaError::NoEncoder("libx264 (H.264)"))?;
    let mut stream = output.add_stream(codec).doing("adding the pictures")?;
    let mut video = codec::context::Context::new_with_codec(codec)
        .encoder()
        .video()
        .doing("setting up H.264")?;
    video.set_width(spec.size.width);
    video.set_height(spec.size.height);
    video.set_format(Pixel::YUV420P);
    video.set_time_base(time_base);
    video.set_frame_rate(Some(time_base.invert()));
    // A key frame every four seconds: seeking stays quick.
    video.set_gop((spec.rate.fps() * 4.0).round() as u32);
    if global_header {
        video.set_flags(codec::flag::Flags::GLOBAL_HEADER);
    }
    let mut options = Dictionary::new();
    options.set("preset", preset);
    options.set("crf", &crf.to_string());
    options.set("profile", "high");
    options.set("threads", ENCODER_THREADS);
    options.set("colorspace", "bt709");
    options.set("color_primaries", "bt709");
    options.set("color_trc", "bt709");
    options.set("color_range", "tv");
    options.set("chroma_sample_location", "left");
    let video = video
        .open_as_with(codec, options)
        .doing("opening the H.264 encoder")?;
    stream.set_time_base(time_base);
    stream.set_avg_frame_rate(time_base.invert());
    stream.set_rate(time_base.invert());
    stream.set_parameters(&video);
    Ok(video)
}

fn bt709_scaler(width: u32, height: u32) -> Result<scaling::Context, MediaError> {
    let mut scaler = scaling::Context::get(
        Pixel::RGBA,
        width,
        height,
        Pixel::YUV420P,
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

fn picture_from_i420(frame: &Frame) -> frame::Video {
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

/// Mono samples at any rate → AAC at [`FILE_RATE_HZ`].
struct AudioEncoder {
    encoder: encoder::audio::Encoder,
    resampler: resampling::Context,
    in_rate_hz: u32,
    /// Samples taken in, and encoded so far at the file's rate.
    taken: u64,
    encoded: u64,
    pending: Vec<f32>,
    /// Encoded, to be written.
    packets: Vec<Packet>,
}

const PACKED: Sample = Sample::F32(SampleType::Packed);
const PLANAR: Sample = Sample::F32(SampleType::Planar);

impl AudioEncoder {
    fn open(
        output: &mut format::context::Output,
        spec: AudioSpec,
        global_header: bool,
    ) -> Result<Self, MediaError> {
        let codec = encoder::find_by_name("aac").ok_or(MediaError::NoEncoder("AAC"))?;
        let mut stream = output.add_stream(codec).doing("adding the sound")?;
        let mut audio = codec::context::Context::new_with_codec(codec)
            .encoder()
            .audio()
            .doing("setting up AAC")?;
        audio.set_rate(FILE_RATE_HZ as i32);
        audio.set_channel_layout(ChannelLayout::MONO);
        audio.set_format(PLANAR);
        audio.set_bit_rate(AAC_BITS_PER_SEC);
        audio.set_time_base(Rational(1, FILE_RATE_HZ as i32));
        if global_header {
            audio.set_flags(codec::flag::Flags::GLOBAL_HEADER);
        }
        let encoder = audio.open_as(codec).doing("opening the AAC encoder")?;
        stream.set_time_base(Rational(1, FILE_RATE_HZ as i32));
        stream.set_parameters(&encoder);
        let resampler = resampling::Context::get(
            PACKED,
            ChannelLayout::MONO,
            spec.sample_rate_hz,
            PLANAR,
            ChannelLayout::MONO,
            FILE_RATE_HZ,
        )
        .doing("setting up resampling")?;
        Ok(Self {
            encoder,
            resampler,
            in_rate_hz: spec.sample_rate_hz,
            taken: 0,
            encoded: 0,
            pending: Vec::new(),
            packets: Vec::new(),
        })
    }

    fn push(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        self.taken += samples.len() as u64;
        for block in samples.chunks(8192) {
            let mut input = frame::Audio::new(PACKED, block.len(), ChannelLayout::MONO);
            input.set_rate(self.in_rate_hz);
            input.plane_mut::<f32>(0).copy_from_slice(block);
            let mut output = self.room(block.len());
            self.resampler
                .run(&input, &mut output)
                .doing("resampling")?;
            self.pending.extend_from_slice(output.plane::<f32>(0));
        }
        self.encode(false)
    }

    /// An output frame with room for `n` input samples and what is buffered.
    fn room(&self, n: usize) -> frame::Audio {
        let scaled = (n as u64 + 4096) * u64::from(FILE_RATE_HZ) / u64::from(self.in_rate_hz);
        frame::Audio::new(PLANAR, scaled as usize + 64, ChannelLayout::MONO)
    }

    fn finish(&mut self) -> Result<(), MediaError> {
        let mut output = self.room(0);
        self.resampler.flush(&mut output).doing("resampling")?;
        self.pending.extend_from_slice(output.plane::<f32>(0));
        // The filter's length must not show in the file's.
        let exact = (self.taken as f64 * f64::from(FILE_RATE_HZ) / f64::from(self.in_rate_hz))
            .round() as u64;
        self.pending
            .resize(exact.saturating_sub(self.encoded) as usize, 0.0);
        self.encode(true)?;
        self.encoder.send_eof().doing("ending the sound")?;
        self.drain();
        Ok(())
    }

    fn drain(&mut self) {
        let mut packet = Packet::empty();
        while self.encoder.receive_packet(&mut packet).is_ok() {
            self.packets
                .push(std::mem::replace(&mut packet, Packet::empty()));
        }
    }

    fn encode(&mut self, last: bool) -> Result<(), MediaError> {
        let frame_size = self.encoder.frame_size() as usize;
        let mut at = 0;
        while self.pending.len() - at >= frame_size || (last && at < self.pending.len()) {
            let n = frame_size.min(self.pending.len() - at);
            let mut block = frame::Audio::new(PLANAR, n, ChannelLayout::MONO);
            block.set_rate(FILE_RATE_HZ);
            block
                .plane_mut::<f32>(0)
                .copy_from_slice(&self.pending[at..at + n]);
            block.set_pts(Some(self.encoded as i64));
            self.encoder.send_frame(&block).doing("taking sound")?;
            self.drain();
            self.encoded += n as u64;
            at += n;
        }
        self.pending.drain(..at);
        Ok(())
    }
}
