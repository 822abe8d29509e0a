//! What a file holds, and what this build of libav can do.

use std::collections::BTreeMap;
use std::path::Path;

use ffmpeg::{codec, format, media};
use ffmpeg_next as ffmpeg;
use serde::Serialize;

use crate::MediaError;

/// What a media file holds.
#[derive(Clone, Debug, Serialize)]
pub struct ClipInfo {
    pub path: std::path::PathBuf,
    pub container: String,
    pub duration_secs: f64,
    pub streams: Vec<StreamInfo>,
    pub metadata: BTreeMap<String, String>,
}

/// One stream of a file.
#[derive(Clone, Debug, Serialize)]
pub struct StreamInfo {
    /// `video`, `audio`, `subtitle` or `other`.
    pub kind: &'static str,
    pub codec: String,
    pub start_secs: f64,
    pub duration_secs: f64,
    /// Frames (video) or packets (audio) as the container counts them; 0 if it does not.
    pub frames: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    /// As FFmpeg names it; of VP9 with alpha, that of the picture without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_format: Option<String>,
    /// Whether what is behind the pictures shows through.
    pub alpha: bool,
    /// Matrix, primaries, transfer and range of the pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate_hz: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
}

/// Reads the headers of `path`.
pub fn probe(path: &Path) -> Result<ClipInfo, MediaError> {
    let input = open(path)?;
    let streams = input.streams().map(|s| stream_info(&s)).collect();
    Ok(ClipInfo {
        path: path.to_owned(),
        container: input.format().name().to_owned(),
        duration_secs: input.duration().max(0) as f64 / f64::from(ffmpeg::ffi::AV_TIME_BASE),
        streams,
        metadata: input
            .metadata()
            .iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect(),
    })
}

impl ClipInfo {
    /// What a writer knows of a form that [`probe`] cannot read.
    pub(crate) fn of_frames(
        path: std::path::PathBuf,
        container: &str,
        codec: &str,
        spec: &crate::ClipSpec,
        frames: u64,
    ) -> Self {
        let duration_secs = spec.rate.frame_time_secs(frames);
        let stream = |kind, codec: &str| StreamInfo {
            kind,
            codec: codec.to_owned(),
            start_secs: 0.0,
            duration_secs,
            frames: 0,
            size: None,
            fps: None,
            pixel_format: None,
            alpha: false,
            colour: None,
            sample_rate_hz: None,
            channels: None,
        };
        let mut streams = vec![StreamInfo {
            frames,
            size: Some(spec.size.to_string()),
            fps: Some(spec.rate.fps()),
            alpha: spec.encoding.alpha,
            ..stream("video", codec)
        }];
        if let (Some(audio), crate::ClipFormat::Pngs { .. }) = (spec.audio, spec.encoding.format) {
            streams.push(StreamInfo {
                sample_rate_hz: Some(audio.sample_rate_hz),
                channels: Some(audio.channels),
                ..stream("audio", "pcm_s16le")
            });
        }
        Self {
            path,
            container: container.to_owned(),
            duration_secs,
            streams,
            metadata: BTreeMap::new(),
        }
    }
}

/// Opens a file for reading; a missing one is told apart from a strange one.
pub(crate) fn open(path: &Path) -> Result<format::context::Input, MediaError> {
    crate::init();
    let failed = |reason: String| MediaError::Open {
        path: path.to_owned(),
        reason,
    };
    let meta = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?;
    if meta.is_dir() {
        return Err(failed("it is a folder".to_owned()));
    }
    if meta.len() == 0 {
        return Err(failed("the file is empty".to_owned()));
    }
    format::input(path).map_err(|e| match e {
        ffmpeg::Error::InvalidData => {
            failed("it is not a sound or video file that FFmpeg knows, or it is damaged".to_owned())
        }
        other => failed(other.to_string()),
    })
}

fn stream_info(stream: &ffmpeg::Stream<'_>) -> StreamInfo {
    let parameters = stream.parameters();
    let time_base = f64::from(stream.time_base());
    let secs = |ticks: i64| {
        if ticks == ffmpeg::ffi::AV_NOPTS_VALUE {
            0.0
        } else {
            ticks as f64 * time_base
        }
    };
    let mut info = StreamInfo {
        kind: match parameters.medium() {
            media::Type::Video => "video",
            media::Type::Audio => "audio",
            media::Type::Subtitle => "subtitle",
            _ => "other",
        },
        codec: parameters.id().name().to_owned(),
        start_secs: secs(stream.start_time()),
        duration_secs: secs(stream.duration()),
        frames: stream.frames().max(0) as u64,
        size: None,
        fps: None,
        pixel_format: None,
        alpha: false,
        colour: None,
        sample_rate_hz: None,
        channels: None,
    };
    let Ok(context) = codec::context::Context::from_parameters(parameters) else {
        return info;
    };
    match info.kind {
        "video" => {
            if let Ok(video) = context.decoder().video() {
                info.size = Some(format!("{}x{}", video.width(), video.height()));
                let pixel = video.format().descriptor();
                let name = pixel.map_or("", |p| p.name());
                // WebM keeps alpha beside the pictures.
                let beside = stream.metadata().get("alpha_mode") == Some("1");
                info.alpha = beside
                    || ["yuva", "rgba", "bgra", "argb"]
                        .iter()
                        .any(|p| name.starts_with(p));
                info.pixel_format = Some(name.to_owned());
                let name = |n: Option<&str>| n.unwrap_or("unknown").to_owned();
                info.colour = Some(format!(
                    "{}/{}/{} {}",
                    name(video.color_space().name()),
                    name(video.color_primaries().name()),
                    name(video.color_transfer_characteristic().name()),
                    name(video.color_range().name()),
                ));
            }
            let rate = stream.avg_frame_rate();
            if rate.denominator() != 0 {
                info.fps = Some(f64::from(rate));
            }
        }
        "audio" => {
            if let Ok(audio) = context.decoder().audio() {
                info.sample_rate_hz = Some(audio.rate());
                info.channels = Some(audio.channels());
            }
        }
        _ => {}
    }
    info
}

/// What the linked libav can encode.
#[derive(Clone, Debug, Serialize)]
pub struct Capabilities {
    pub libavcodec: String,
    /// Encoder name and whether it is there.
    pub encoders: BTreeMap<&'static str, bool>,
    /// Encoders in graphics chips that passed a trial here.
    pub on_chip: Vec<&'static str>,
}

/// Asks the linked libav.
pub fn capabilities() -> Capabilities {
    crate::init();
    let version = codec::version();
    let encoders = [
        "libx264",
        "aac",
        "libx265",
        "libvpx-vp9",
        "libopus",
        "prores_ks",
        "png",
        "libwebp_anim",
        "libmp3lame",
    ];
    Capabilities {
        libavcodec: format!(
            "{}.{}.{}",
            version >> 16,
            (version >> 8) & 0xff,
            version & 0xff
        ),
        encoders: encoders
            .into_iter()
            .map(|name| (name, codec::encoder::find_by_name(name).is_some()))
            .collect(),
        on_chip: crate::hardware::working(),
    }
}
