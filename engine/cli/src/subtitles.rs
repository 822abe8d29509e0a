//! Subtitle files.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use huashen_core::Timing;
use huashen_pipeline::subtitles::{Cue, cues};
use subtp::srt::{SrtSubtitle, SubRip};
use subtp::vtt::{VttBlock, VttCue, VttTimings, WebVtt};

use crate::output;

/// The formats that can be written.
#[derive(Clone, Copy)]
pub enum Format {
    Srt,
    Vtt,
}

/// The format that `path`'s extension names.
pub fn format_of(path: &Path) -> anyhow::Result<Format> {
    match path.extension().and_then(|e| e.to_str()) {
        Some(e) if e.eq_ignore_ascii_case("srt") => Ok(Format::Srt),
        Some(e) if e.eq_ignore_ascii_case("vtt") => Ok(Format::Vtt),
        _ => bail!(
            "`{}` does not say which subtitles to write: end it in .srt or .vtt",
            path.display()
        ),
    }
}

/// Writes the words of `timing` to `path`.
pub fn write(path: &Path, timing: &Timing) -> anyhow::Result<()> {
    let cues = cues(timing);
    let text = match format_of(path)? {
        Format::Srt => SubRip {
            subtitles: cues.iter().zip(1..).map(|(cue, n)| srt(cue, n)).collect(),
        }
        .render(),
        Format::Vtt => WebVtt {
            blocks: cues.iter().map(vtt).collect(),
            ..WebVtt::default()
        }
        .render(),
    };
    output::write_whole(path, text.as_bytes())
}

fn at(secs: f64) -> Duration {
    Duration::from_millis((secs.max(0.0) * 1000.0).round() as u64)
}

fn srt(cue: &Cue, sequence: u32) -> SrtSubtitle {
    SrtSubtitle {
        sequence,
        start: at(cue.start_secs).into(),
        end: at(cue.end_secs).into(),
        text: vec![cue.text.clone()],
        line_position: None,
    }
}

fn vtt(cue: &Cue) -> VttBlock {
    let payload = cue
        .text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    VttCue {
        identifier: None,
        timings: VttTimings {
            start: at(cue.start_secs).into(),
            end: at(cue.end_secs).into(),
        },
        settings: None,
        payload: vec![payload],
    }
    .into()
}
