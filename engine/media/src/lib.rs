//! Clips out, sound in: the only crate that names FFmpeg.
//!
//! [`ClipWriter`] encodes frames and sound into a finished file, in the form that
//! its name asks for ([`ClipFormat`]); [`AudioReader`] and [`VideoReader`]
//! decode any file that libav reads, [`WavWriter`] writes plain
//! sound, [`join`] puts footage in parts together, [`probe`] and [`capabilities`] say what a file holds and what this
//! build of libav can do.

mod audio;
mod bleed;
mod clip;
mod error;
mod footage;
mod format;
mod gif;
mod hardware;
mod join;
mod mux;
mod picture;
mod playback;
mod pngs;
mod probe;
mod reader;
mod target;
mod tone;
mod video;
mod video_reader;
mod wav;

use std::sync::Once;

use ffmpeg_next as ffmpeg;

pub use clip::{AudioSpec, ClipSpec, ClipWriter, ClosedClip};
pub use error::MediaError;
pub use footage::{FootageReader, View};
pub use format::{ClipFormat, Codec, Container, Encoding, Quality, SoundFormat};
pub use join::join;
pub use playback::Playback;
pub use probe::{Capabilities, ClipInfo, StreamInfo, capabilities, probe};
pub use reader::AudioReader;
pub use target::Target;
pub use video_reader::{Fit, VideoPicture, VideoReader};
pub use wav::WavWriter;

/// Registers libav once and quiets it: its errors come back as results.
fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = ffmpeg::init() {
            tracing::warn!("FFmpeg did not initialise: {error}");
        }
        ffmpeg::log::set_level(ffmpeg::log::Level::Fatal);
    });
}
