//! A file of streams, by libav.

use std::path::PathBuf;

use ffmpeg::codec::encoder;
use ffmpeg::{Dictionary, Packet, Rational, format};
use ffmpeg_next as ffmpeg;
use huashen_core::Frame;

use crate::audio::{AudioCodec, AudioEncoder, FILE_RATE_HZ};
use crate::clip::Sink;
use crate::error::Doing;
use crate::format::{Codec, SoundFormat};
use crate::hardware::{self, Surfaces};
use crate::picture::Pictures;
use crate::target::Target;
use crate::video::Recipe;
use crate::{ClipFormat, ClipSpec, Container, MediaError};

/// Owns every libav object; lives on the encoder thread.
pub(crate) struct Muxed {
    output: format::context::Output,
    path: PathBuf,
    video: Option<Video>,
    audio: Option<AudioEncoder>,
    /// The sound's stream; pictures are the first one where there are any.
    audio_stream: usize,
}

struct Video {
    encoder: encoder::video::Encoder,
    /// Where pictures go first, for an encoder that takes them from there.
    surfaces: Option<Surfaces>,
    time_base: Rational,
    pictures: Pictures,
}

const VIDEO: usize = 0;

impl Muxed {
    pub fn open(target: &Target, spec: &ClipSpec) -> Result<Self, MediaError> {
        let format = spec.encoding.format;
        let (muxer, sound) = match format {
            ClipFormat::Video(container, codec) => (
                container.muxer(),
                match (container, codec) {
                    (Container::WebM, _) | (_, Codec::Vp9) => Some(AudioCodec::Opus),
                    (_, Codec::ProRes) => Some(AudioCodec::Pcm),
                    _ => Some(AudioCodec::Aac),
                },
            ),
            ClipFormat::Sound(SoundFormat::Mp3) => ("mp3", Some(AudioCodec::Mp3)),
            ClipFormat::Sound(_) => ("ipod", Some(AudioCodec::Aac)),
            ClipFormat::WebP => ("webp", None),
            ClipFormat::Gif | ClipFormat::Pngs { .. } => return Err(MediaError::Stopped),
        };
        let mut output =
            format::output_as(target.temp(), muxer).map_err(|e| target.error(&e.to_string()))?;
        let global_header = output
            .format()
            .flags()
            .contains(format::flag::Flags::GLOBAL_HEADER);
        let video = match format.has_pictures() {
            true => {
                let open = |recipe: &Recipe| {
                    let surfaces = recipe.surfaces(spec.size)?;
                    recipe
                        .encoder(spec.size, spec.rate, global_header, surfaces.as_ref())
                        .map(|encoder| (encoder, surfaces))
                };
                let mut recipe = hardware::choose(&spec.encoding, spec.size, spec.rate);
                let (encoder, surfaces) = match open(&recipe) {
                    Ok(opened) => opened,
                    // A chip has room for so many clips at a time.
                    Err(_) if spec.encoding.on_chip => {
                        recipe = Recipe::of(&spec.encoding);
                        open(&recipe)?
                    }
                    Err(error) => return Err(error),
                };
                recipe.add_to(&mut output, &encoder, spec.rate)?;
                Some(Video {
                    encoder,
                    surfaces,
                    time_base: Rational(spec.rate.den as i32, spec.rate.num as i32),
                    pictures: Pictures::new(spec.size, recipe.pixel),
                })
            }
            false => None,
        };
        let audio = match (spec.audio, sound) {
            (Some(audio), Some(kind)) => {
                Some(AudioEncoder::open(&mut output, kind, audio, global_header)?)
            }
            _ => None,
        };
        let mut metadata = Dictionary::new();
        for (key, value) in &spec.metadata {
            metadata.set(key, value);
        }
        output.set_metadata(metadata);
        output
            .write_header_with(muxer_options(muxer, !spec.metadata.is_empty()))
            .map(|_| ())
            .map_err(|e| target.error(&e.to_string()))?;
        Ok(Self {
            output,
            path: target.path().to_owned(),
            audio_stream: usize::from(video.is_some()),
            video,
            audio,
        })
    }

    fn write_video(&mut self) -> Result<(), MediaError> {
        let mut packet = Packet::empty();
        loop {
            let Some(video) = &mut self.video else {
                return Ok(());
            };
            if video.encoder.receive_packet(&mut packet).is_err() {
                return Ok(());
            }
            let time_base = video.time_base;
            // x264 leaves the duration open; without it the last frame would have none.
            packet.set_duration(1);
            self.write(&mut packet, VIDEO, time_base)?;
        }
    }

    fn write_audio(&mut self) -> Result<(), MediaError> {
        let packets = self.audio.as_mut().map(AudioEncoder::packets);
        for mut packet in packets.unwrap_or_default() {
            let time_base = Rational(1, FILE_RATE_HZ as i32);
            self.write(&mut packet, self.audio_stream, time_base)?;
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

impl Sink for Muxed {
    fn video(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let Some(video) = &mut self.video else {
            return Err(MediaError::Stopped);
        };
        let mut picture = video.pictures.picture(frame)?;
        if let Some(surfaces) = &video.surfaces {
            picture = surfaces.upload(&picture)?;
        }
        video.encoder.send_frame(&picture).doing("taking a frame")?;
        self.write_video()
    }

    fn audio(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        if let Some(audio) = &mut self.audio {
            audio.push(samples)?;
        }
        self.write_audio()
    }

    fn finish(&mut self) -> Result<(), MediaError> {
        if let Some(audio) = &mut self.audio {
            audio.finish()?;
        }
        self.write_audio()?;
        if let Some(video) = &mut self.video {
            video.encoder.send_eof().doing("ending the pictures")?;
        }
        self.write_video()?;
        self.output
            .write_trailer()
            .map_err(|e| self.write_error(&e))
    }
}

fn muxer_options(muxer: &str, described: bool) -> Dictionary<'static> {
    let mut options = Dictionary::new();
    // `bitexact` keeps library versions and random numbers out of the file.
    options.set("fflags", "+bitexact");
    match muxer {
        // The index goes to the front so that a player can begin before the
        // end has arrived. Keys that QuickTime never named need its newer atom.
        "mp4" | "mov" | "ipod" if described => {
            options.set("movflags", "+faststart+use_metadata_tags");
        }
        "mp4" | "mov" | "ipod" => options.set("movflags", "+faststart"),
        "matroska" | "webm" => options.set("cues_to_front", "1"),
        "webp" => options.set("loop", "0"),
        _ => {}
    }
    options
}
