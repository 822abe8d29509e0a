//! `huashen inspect`: what a clip carries.

use std::process::ExitCode;

use huashen_media::ClipInfo;
use huashen_pipeline::provenance::{self, Provenance};
use serde::Serialize;

use crate::args::Inspect;
use crate::{label, output};

pub fn run(args: &Inspect) -> anyhow::Result<ExitCode> {
    let info = huashen_media::probe(&args.clip)?;
    let label = label_of(&info);
    // A signature that cannot even be read is a fact about the clip.
    let signed = provenance::read(&args.clip);
    if args.json {
        output::json(&Inspected {
            clip: &info,
            label: label.as_ref(),
            c2pa: signed.as_ref().ok().and_then(Option::as_ref),
            c2pa_error: signed.as_ref().err().map(ToString::to_string),
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
    output::line(&match &signed {
        Ok(Some(signed)) => format!("  C2PA: {}", told(signed)),
        Ok(None) => "  C2PA: not signed".to_owned(),
        Err(error) => format!("  C2PA: its signature cannot be read ({error})"),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A signature in a line.
fn told(signed: &Provenance) -> String {
    let name = signed.signer.as_deref();
    let mut by = name.unwrap_or("somebody without a name").to_owned();
    if let Some(organisation) = &signed.organisation {
        by.push_str(&format!(" ({organisation})"));
    }
    let what = match signed.source_type.as_deref() {
        Some("compositeWithTrainedAlgorithmicMedia") => "made in part by AI",
        Some("trainedAlgorithmicMedia") => "made by AI",
        Some(other) => other,
        None => "of a kind that is not told",
    };
    let with = signed.made_with.as_deref().unwrap_or("an unnamed program");
    match signed.intact {
        true => format!(
            "{what}, with {with}, signed by {by}; unchanged since (whether to trust that name is \
             not looked up)"
        ),
        false => format!(
            "NOT VALID: signed by {by}, and changed since, or signed wrongly ({})",
            signed.problems.join(", ")
        ),
    }
}

/// What a clip holds, and what it says of its making.
#[derive(Serialize)]
struct Inspected<'a> {
    #[serde(flatten)]
    clip: &'a ClipInfo,
    label: Option<&'a serde_json::Value>,
    /// Its signature; null where it has none.
    c2pa: Option<&'a Provenance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c2pa_error: Option<String>,
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
