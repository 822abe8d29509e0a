//! The video encoders and their settings.

use ffmpeg::codec::encoder;
use ffmpeg::format::{Pixel, context};
use ffmpeg::{Dictionary, Rational, codec, color, ffi};
use ffmpeg_next as ffmpeg;
use huashen_core::{FrameRate, Size};

use crate::error::Doing;
use crate::format::{Codec, Encoding, Quality};
use crate::hardware::Surfaces;
use crate::{ClipFormat, MediaError};

/// An encoder gives the same bytes for the same number of threads; a number
/// taken from the machine would change files from one machine to the next.
const THREADS: &str = "2";

/// Where there is AVX-512, x264 (core 164) gives other bytes the second time in
/// one process when a side is no multiple of 16; with AVX2 it does not.
fn narrow_x264() -> Option<(&'static str, String)> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx2")
    {
        return Some(("x264-params", "asm=avx2".to_owned()));
    }
    None
}

/// Settings of x264.
fn h264(
    preset: &str,
    rate: (&'static str, String),
) -> impl Iterator<Item = (&'static str, String)> {
    [
        ("preset", preset.to_owned()),
        rate,
        ("profile", "high".to_owned()),
        ("threads", THREADS.to_owned()),
    ]
    .into_iter()
    .chain(narrow_x264())
}

/// For pictures that are read again in any order: none waits for a later one,
/// and a minute stays below so many thousand bits a second.
fn again(crf: &str, most: u32) -> impl Iterator<Item = (&'static str, String)> {
    h264("veryfast", ("crf", crf.to_owned())).chain([
        ("g", "24".to_owned()),
        ("bf", "0".to_owned()),
        ("maxrate", format!("{most}k")),
        ("bufsize", format!("{}k", most * 2)),
        // A ceiling makes the bytes depend on when threads run.
        ("threads", "1".to_owned()),
    ])
}

/// Which encoder, fed with what, set how.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub encoder: &'static str,
    pub known_as: &'static str,
    pub pixel: Pixel,
    pub options: Vec<(&'static str, String)>,
    /// `hvc1`, for players that know no other name of H.265.
    pub tag: Option<[u8; 4]>,
    /// Where pictures have to lie for it, when not in memory.
    pub surfaces: Option<ffi::AVHWDeviceType>,
}

impl Recipe {
    pub fn of(encoding: &Encoding) -> Self {
        let Encoding {
            format,
            quality,
            alpha,
            ..
        } = *encoding;
        let by = |draft: &str, good: &str, best: &str| {
            match quality {
                Quality::Draft => draft,
                Quality::Good => good,
                Quality::Best | Quality::Footage | Quality::Mouths => best,
            }
            .to_owned()
        };
        let rate = |crf: (&'static str, String)| match encoding.bits_per_sec {
            Some(bits) => ("b", bits.to_string()),
            None => crf,
        };
        match format {
            ClipFormat::Video(_, Codec::H264) => Self {
                encoder: "libx264",
                known_as: "libx264 (H.264)",
                pixel: Pixel::YUV420P,
                options: match quality {
                    Quality::Footage => again("19", 2500).collect(),
                    Quality::Mouths => again("17", 700).collect(),
                    _ => {
                        // Faster than the renderer on two cores.
                        let preset = by("veryfast", "veryfast", "medium");
                        h264(&preset, rate(("crf", by("26", "19", "15")))).collect()
                    }
                },
                tag: None,
                surfaces: None,
            },
            ClipFormat::Video(container, Codec::H265) => Self {
                encoder: "libx265",
                known_as: "libx265 (H.265)",
                pixel: Pixel::YUV420P,
                options: vec![
                    ("preset", by("veryfast", "fast", "medium")),
                    rate(("crf", by("29", "22", "18"))),
                    (
                        "x265-params",
                        format!("log-level=none:pools={THREADS}:frame-threads=1"),
                    ),
                ],
                tag: match container {
                    crate::Container::Mp4 | crate::Container::Mov => Some(*b"hvc1"),
                    _ => None,
                },
                surfaces: None,
            },
            ClipFormat::Video(_, Codec::ProRes) => Self {
                encoder: "prores_ks",
                known_as: "prores_ks (ProRes)",
                pixel: match alpha {
                    true => Pixel::YUVA444P10LE,
                    false => Pixel::YUV444P10LE,
                },
                options: vec![
                    ("profile", by("4444", "4444", "4444xq")),
                    ("vendor", "apl0".to_owned()),
                    ("alpha_bits", if alpha { "16" } else { "0" }.to_owned()),
                    ("threads", THREADS.to_owned()),
                ],
                tag: None,
                surfaces: None,
            },
            ClipFormat::WebP => Self {
                encoder: "libwebp_anim",
                known_as: "libwebp_anim (WebP)",
                pixel: Pixel::BGRA,
                options: vec![("quality", by("60", "78", "90"))],
                tag: None,
                surfaces: None,
            },
            // VP9; and PNGs, for which see `pngs.rs`.
            _ => Self {
                encoder: "libvpx-vp9",
                known_as: "libvpx (VP9)",
                pixel: match alpha {
                    true => Pixel::YUVA420P,
                    false => Pixel::YUV420P,
                },
                options: vec![
                    ("deadline", "good".to_owned()),
                    ("cpu-used", by("6", "4", "2")),
                    rate(("crf", by("38", "27", "18"))),
                    // Without a bit rate of its own, crf alone decides.
                    match encoding.bits_per_sec {
                        Some(_) => ("row-mt", "1".to_owned()),
                        None => ("b", "0".to_owned()),
                    },
                    ("threads", THREADS.to_owned()),
                    // Hidden reference frames and alpha do not go together.
                    ("auto-alt-ref", if alpha { "0" } else { "1" }.to_owned()),
                ],
                tag: None,
                surfaces: None,
            },
        }
    }

    /// The encoder, where this build of FFmpeg has it.
    pub fn find(&self) -> Result<ffmpeg::Codec, MediaError> {
        encoder::find_by_name(self.encoder).ok_or(MediaError::NoEncoder(self.known_as))
    }

    /// Room for its pictures, where they do not lie in memory.
    pub fn surfaces(&self, size: Size) -> Result<Option<Surfaces>, MediaError> {
        self.surfaces
            .map(|kind| Surfaces::open(kind, size))
            .transpose()
    }

    /// Opens the encoder.
    pub fn encoder(
        &self,
        size: Size,
        rate: FrameRate,
        global_header: bool,
        surfaces: Option<&Surfaces>,
    ) -> Result<encoder::video::Encoder, MediaError> {
        let time_base = Rational(rate.den as i32, rate.num as i32);
        let codec = self.find()?;
        let mut video = codec::context::Context::new_with_codec(codec)
            .encoder()
            .video()
            .doing("setting up the pictures' encoder")?;
        video.set_width(size.width);
        video.set_height(size.height);
        video.set_format(self.pixel);
        video.set_time_base(time_base);
        video.set_frame_rate(Some(time_base.invert()));
        // A key frame every four seconds: seeking stays quick.
        video.set_gop((rate.fps() * 4.0).round() as u32);
        if global_header {
            video.set_flags(codec::flag::Flags::GLOBAL_HEADER);
        }
        let mut options = Dictionary::new();
        if self.pixel != Pixel::BGRA {
            video.set_colorspace(color::Space::BT709);
            video.set_color_primaries(color::Primaries::BT709);
            video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
            video.set_color_range(color::Range::MPEG);
            options.set("chroma_sample_location", "left");
        }
        if let Some(surfaces) = surfaces {
            surfaces.feed(&mut video);
        }
        for (key, value) in &self.options {
            options.set(key, value);
        }
        video
            .open_as_with(codec, options)
            .doing("opening the pictures' encoder")
    }

    /// Adds the stream of an open encoder to `output`.
    pub fn add_to(
        &self,
        output: &mut context::Output,
        encoder: &encoder::video::Encoder,
        rate: FrameRate,
    ) -> Result<(), MediaError> {
        let time_base = Rational(rate.den as i32, rate.num as i32);
        let mut stream = output
            .add_stream(self.find()?)
            .doing("adding the pictures")?;
        stream.set_time_base(time_base);
        stream.set_avg_frame_rate(time_base.invert());
        stream.set_rate(time_base.invert());
        stream.set_parameters(encoder);
        if let Some(tag) = self.tag {
            // SAFETY: the stream owns its live parameters.
            unsafe {
                (*(*stream.as_mut_ptr()).codecpar).codec_tag = u32::from_le_bytes(tag);
            }
        }
        Ok(())
    }
}
