//! `huashen inspect`: what a clip carries.

use std::process::ExitCode;

use huashen_media::ClipInfo;
use serde::Serialize;

use crate::args::Inspect;
use crate::{label, output};

pub fn run(args: &Inspect) -> anyhow::Result<ExitCode> {
    let info = huashen_media::probe(&args.clip)?;
    let label = label_of(&info);
    if args.json {
        output::json(&Inspected {
            clip: &info,
            label: label.as_ref(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!(
        "{}: {}, {:.3} s",
        info.path.display(),
        info.container,
        info.duration_secs
    ))?;
    for s in &info.streams {
        let mut facts = vec![s.codec.clone()];
        facts.extend(s.size.clone());
        facts.extend(s.fps.map(|f| format!("{f:.3} fps")));
        facts.extend(s.sample_rate_hz.map(|r| format!("{r} Hz")));
        facts.extend(s.channels.map(|c| format!("{c} ch")));
        facts.extend(s.pixel_format.clone());
        facts.extend(s.alpha.then(|| "alpha".to_owned()));
        facts.extend(s.colour.clone());
        output::line(&format!(
            "  {:<9} {}, from {:.3} s, {:.3} s, {} {}",
            s.kind,
            facts.join(", "),
            s.start_secs,
            s.duration_secs,
            s.frames,
            if s.kind == "video" {
                "frames"
            } else {
                "packets"
            },
        ))?;
    }
    for (key, value) in &info.metadata {
        output::line(&format!("  {key}: {value}"))?;
    }
    output::line(&match &label {
        Some(label) => format!(
            "  label: {} (AIGC metadata), by {}, number {}",
            match label["Label"].as_str() {
                Some("1") => "made by AI",
                Some("2") => "possibly made by AI",
                _ => "suspected to be made by AI",
            },
            label["ContentProducer"].as_str().unwrap_or("?"),
            label["ProduceID"].as_str().unwrap_or("?"),
        ),
        None => "  label: none in its metadata".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What a clip holds, and what it says of its making.
#[derive(Serialize)]
struct Inspected<'a> {
    #[serde(flatten)]
    clip: &'a ClipInfo,
    label: Option<&'a serde_json::Value>,
}

/// The label in the metadata: under its own key, or in a GIF's comment.
fn label_of(info: &ClipInfo) -> Option<serde_json::Value> {
    info.metadata.iter().find_map(|(key, value)| {
        let text = match key.eq_ignore_ascii_case(label::KEY) {
            true => value.as_str(),
            false => value.lines().find_map(|l| l.strip_prefix("AIGC="))?,
        };
        serde_json::from_str(text).ok()
    })
}
