//! `huashen inspect`: what a clip carries.

use std::process::ExitCode;

use crate::args::Inspect;
use crate::output;

pub fn run(args: &Inspect) -> anyhow::Result<ExitCode> {
    let info = huashen_media::probe(&args.clip)?;
    if args.json {
        output::json(&info)?;
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
    Ok(ExitCode::SUCCESS)
}
