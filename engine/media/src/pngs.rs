//! Numbered pictures in a folder of their own, with the sound beside them.

use std::path::{Path, PathBuf};

use ffmpeg::codec::encoder;
use ffmpeg::format::Pixel;
use ffmpeg::{Dictionary, Packet, Rational, codec, color};
use ffmpeg_next as ffmpeg;
use huashen_core::Frame;

use crate::clip::Sink;
use crate::error::Doing;
use crate::picture::Pictures;
use crate::target::Target;
use crate::{ClipSpec, MediaError, WavWriter};

/// The sound's name in the folder.
pub(crate) const SOUND: &str = "sound.wav";

/// Writes `00000.png`, `00001.png` … and [`SOUND`].
pub(crate) struct Pngs {
    dir: PathBuf,
    digits: usize,
    encoder: encoder::video::Encoder,
    pictures: Pictures,
    sound: Option<WavWriter>,
}

impl Pngs {
    pub fn open(target: &Target, spec: &ClipSpec, digits: usize) -> Result<Self, MediaError> {
        let codec = encoder::find_by_name("png").ok_or(MediaError::NoEncoder("PNG"))?;
        let pixel = match spec.encoding.alpha {
            true => Pixel::RGBA,
            false => Pixel::RGB24,
        };
        let mut video = codec::context::Context::new_with_codec(codec)
            .encoder()
            .video()
            .doing("setting up PNG")?;
        video.set_width(spec.size.width);
        video.set_height(spec.size.height);
        video.set_format(pixel);
        video.set_time_base(Rational(spec.rate.den as i32, spec.rate.num as i32));
        // Together they make the encoder say sRGB in every picture.
        video.set_color_primaries(color::Primaries::BT709);
        video.set_color_transfer_characteristic(color::TransferCharacteristic::IEC61966_2_1);
        let mut options = Dictionary::new();
        options.set("pred", "mixed");
        options.set("compression_level", "4");
        options.set("threads", "2");
        let encoder = video
            .open_as_with(codec, options)
            .doing("opening the PNG encoder")?;
        let dir = target.temp().to_owned();
        let sound = match spec.audio {
            Some(audio) => Some(WavWriter::create(&dir.join(SOUND), audio)?),
            None => None,
        };
        Ok(Self {
            pictures: Pictures::new(spec.size, pixel),
            dir,
            digits,
            encoder,
            sound,
        })
    }

    fn drain(&mut self) -> Result<(), MediaError> {
        let mut packet = Packet::empty();
        while self.encoder.receive_packet(&mut packet).is_ok() {
            let index = packet.pts().unwrap_or_default();
            let path = self
                .dir
                .join(format!("{index:0digits$}.png", digits = self.digits));
            let bytes = packet.data().unwrap_or_default();
            std::fs::write(&path, bytes).map_err(|e| MediaError::Write {
                path,
                reason: e.to_string(),
            })?;
        }
        Ok(())
    }
}

impl Sink for Pngs {
    fn video(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let picture = self.pictures.picture(frame)?;
        self.encoder.send_frame(&picture).doing("taking a frame")?;
        self.drain()
    }

    fn audio(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        match &mut self.sound {
            Some(sound) => sound.push(samples),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), MediaError> {
        if let Some(sound) = self.sound.take() {
            sound.finish()?;
        }
        self.encoder.send_eof().doing("ending the pictures")?;
        self.drain()
    }
}

/// Whether a file of a finished folder is one of ours: it may be replaced.
pub(crate) fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    name == SOUND
        || name
            .strip_suffix(".png")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
