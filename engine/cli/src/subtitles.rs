//! Subtitles: files beside a clip, and letters for those in the picture.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use huashen_core::{Size, paths};
use huashen_overlay::{Cue, Lettering};
use subtp::srt::{SrtSubtitle, SubRip};
use subtp::vtt::{VttBlock, VttCue, VttTimings, WebVtt};

use crate::output;

/// The formats that can be written.
#[derive(Clone, Copy)]
pub enum Format {
    Srt,
    Vtt,
    Ass,
}

/// The format that `path`'s extension names.
pub fn format_of(path: &Path) -> anyhow::Result<Format> {
    match path.extension().and_then(|e| e.to_str()) {
        Some(e) if e.eq_ignore_ascii_case("srt") => Ok(Format::Srt),
        Some(e) if e.eq_ignore_ascii_case("vtt") => Ok(Format::Vtt),
        Some(e) if e.eq_ignore_ascii_case("ass") => Ok(Format::Ass),
        _ => bail!(
            "`{}` does not say which subtitles to write: end it in .srt, .vtt or .ass",
            path.display()
        ),
    }
}

/// What a subtitle file of a sound without pictures is made for.
pub const SCREEN: Size = Size {
    width: 1280,
    height: 720,
};

/// Writes `cues` to `path`; `size` is the picture's, `highlight` lets words
/// stand out as they are heard, where the format can.
pub fn write(path: &Path, cues: &[Cue], size: Size, highlight: bool) -> anyhow::Result<()> {
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
        Format::Ass => ass(cues, size, highlight),
    };
    output::write_whole(path, text.as_bytes())
}

/// The letters of burnt-in subtitles: from `font`, or Noto Sans SC.
pub fn letters(font: Option<&Path>) -> anyhow::Result<Lettering> {
    let path = match font {
        Some(path) => path.to_owned(),
        None => paths::models_dir().join("noto_sans_sc/NotoSansSC-Regular.otf"),
    };
    if font.is_none() && !path.is_file() {
        let text = "the font of subtitles and titles is missing: run `huashen setup text`, or name \
                    one with --font";
        return Err(crate::failure::Missing(text.to_owned()).into());
    }
    let bytes =
        std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Lettering::new(&path.display().to_string(), bytes)?)
}

/// What the font cannot write of `text`, in a sentence; none where it can write all.
pub fn lacking(letters: &mut Lettering, text: &str) -> Option<String> {
    let lacking: String = letters.lacks(text).into_iter().take(20).collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "the font of subtitles and titles lacks {lacking}: they show as boxes; name a font \
             that has them with --font"
        )
    })
}

/// Says what the font cannot write of `text`.
pub fn check_letters(letters: &mut Lettering, text: &str) {
    if let Some(told) = lacking(letters, text) {
        output::note(&told);
    }
}

fn at(secs: f64) -> Duration {
    Duration::from_millis((secs.max(0.0) * 1000.0).round() as u64)
}

fn srt(cue: &Cue, sequence: u32) -> SrtSubtitle {
    SrtSubtitle {
        sequence,
        start: at(cue.start_secs).into(),
        end: at(cue.end_secs).into(),
        text: cue.texts().collect(),
        line_position: None,
    }
}

fn vtt(cue: &Cue) -> VttBlock {
    let escaped = |line: String| {
        line.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    VttCue {
        identifier: None,
        timings: VttTimings {
            start: at(cue.start_secs).into(),
            end: at(cue.end_secs).into(),
        },
        settings: None,
        payload: cue.texts().map(escaped).collect(),
    }
    .into()
}

/// Advanced SubStation Alpha, looking as the burnt-in ones do. Words that stand
/// out stay so to the end of their cue: it is the format's karaoke.
fn ass(cues: &[Cue], size: Size, highlight: bool) -> String {
    let em = huashen_overlay::em_px(size);
    let below = (huashen_overlay::bottom_margin(size) * size.height as f32).round();
    let side = (size.width as f32 * 0.05).round();
    let said = if highlight {
        "&H000AD6FF"
    } else {
        "&H00FFFFFF"
    };
    let mut text = format!(
        "[Script Info]\nScriptType: v4.00+\nPlayResX: {}\nPlayResY: {}\nWrapStyle: 2\n\
         ScaledBorderAndShadow: yes\nYCbCr Matrix: TV.709\n\n[V4+ Styles]\nFormat: Name, Fontname, \
         Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
         Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
         Alignment, MarginL, MarginR, MarginV, Encoding\n\
         Style: Default,Noto Sans SC,{:.1},{said},&H00FFFFFF,&H26000000,&H00000000,0,0,0,0,100,\
         100,0,0,1,{:.1},0,2,{side},{side},{below},1\n\n[Events]\nFormat: Layer, Start, End, \
         Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
        size.width,
        size.height,
        // Here a size is from the highest to the lowest of a font's lines.
        em * 1.448,
        em * 0.075,
    );
    for cue in cues {
        let mut at = cue.start_secs;
        let mut lines = Vec::new();
        for line in &cue.lines {
            let mut said = String::new();
            for word in line {
                if highlight {
                    // A word lasts until the next one begins.
                    let hundredths = |secs: f64| (secs * 100.0).round() as i64;
                    if word.start_secs > at {
                        let wait = hundredths(word.start_secs) - hundredths(at);
                        let _ = write!(said, "{{\\k{wait}}}");
                    }
                    let lasts = hundredths(word.end_secs) - hundredths(word.start_secs);
                    let _ = write!(said, "{{\\k{lasts}}}");
                    at = word.end_secs;
                }
                let plain = word.text.replace('\\', "\\\u{2060}");
                said.push_str(&plain.replace('{', "\\{").replace('}', "\\}"));
            }
            lines.push(said);
        }
        let _ = writeln!(
            text,
            "Dialogue: 0,{},{},Default,,0,0,0,,{}",
            ass_time(cue.start_secs),
            ass_time(cue.end_secs),
            lines.join("\\N")
        );
    }
    text
}

fn ass_time(secs: f64) -> String {
    let all = (secs.max(0.0) * 100.0).round() as u64;
    let (hours, minutes) = (all / 360_000, all / 6000 % 60);
    format!(
        "{hours}:{minutes:02}:{:02}.{:02}",
        all / 100 % 60,
        all % 100
    )
}
