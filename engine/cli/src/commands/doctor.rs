//! `huashen doctor`: what works here, what to install.

use std::process::{Command, ExitCode, Stdio};

use huashen_core::paths;
use huashen_pipeline::models::{self, Client};
use serde::Serialize;

use crate::args::Doctor;
use crate::failure::SOME_FAILED;
use crate::output;

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    /// Nothing works without it.
    required: bool,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self {
            what,
            ok: true,
            required: true,
            found: found.into(),
            advice: None,
        }
    }

    fn bad(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what,
            ok: false,
            required: true,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    fn optional(self) -> Self {
        Self {
            required: false,
            ..self
        }
    }
}

pub fn run(args: &Doctor) -> anyhow::Result<ExitCode> {
    let mut findings = vec![adapter(), codecs()];
    findings.extend(model_findings()?);
    findings.push(client(Client::Pip));
    findings.push(client(Client::Npm));
    findings.push(espeak());
    findings.push(avatar());
    if args.json {
        output::json(&findings)?;
    } else {
        for f in &findings {
            let sign = match (f.ok, f.required) {
                (true, _) => "ok",
                (false, true) => "MISSING",
                (false, false) => "absent",
            };
            output::line(&format!("{sign:>8}  {:<16} {}", f.what, f.found))?;
            if let Some(advice) = &f.advice {
                output::line(&format!("{:>8}  {:<16} → {advice}", "", ""))?;
            }
        }
    }
    Ok(if findings.iter().all(|f| f.ok || !f.required) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOME_FAILED)
    })
}

fn adapter() -> Finding {
    match huashen_render::probe() {
        Ok(info) => Finding::good(
            "graphics",
            format!(
                "{} ({}, {})",
                info.name,
                info.backend,
                if info.software {
                    "on the processor: lean look"
                } else {
                    "full look"
                }
            ),
        ),
        Err(e) => Finding::bad(
            "graphics",
            e.to_string(),
            "install your GPU's Vulkan driver, or `apt-get install mesa-vulkan-drivers`",
        ),
    }
}

fn codecs() -> Finding {
    let found = huashen_media::capabilities();
    let missing: Vec<&str> = ["libx264", "aac"]
        .into_iter()
        .filter(|e| !found.encoders.get(e).copied().unwrap_or(false))
        .collect();
    let have: Vec<&str> = found
        .encoders
        .iter()
        .filter(|(_, has)| **has)
        .map(|(name, _)| *name)
        .collect();
    let on_chip = match found.on_chip.is_empty() {
        true => "no graphics chip encodes here".to_owned(),
        false => format!("on the graphics chip: {}", found.on_chip.join(", ")),
    };
    let text = format!(
        "libavcodec {} with {}; {on_chip}",
        found.libavcodec,
        have.join(", ")
    );
    if missing.is_empty() {
        Finding::good("codecs", text)
    } else {
        Finding::bad(
            "codecs",
            text,
            format!("install an FFmpeg with {}", missing.join(" and ")),
        )
    }
}

fn model_findings() -> anyhow::Result<Vec<Finding>> {
    let dir = paths::models_dir();
    Ok(models::catalog()?
        .iter()
        .map(|m| {
            if m.is_present(&dir) {
                Finding::good("model", format!("{} in {}", m.name, m.dir(&dir).display()))
            } else {
                Finding::bad(
                    "model",
                    format!("{} is not in {}", m.name, m.dir(&dir).display()),
                    format!("run `huashen setup {}`", m.group),
                )
            }
        })
        .collect())
}

fn client(client: Client) -> Finding {
    match client.find() {
        Some(argv) => Finding::good(client.name(), argv.join(" ")).optional(),
        None => Finding::bad(
            client.name(),
            "not found; `huashen setup` fetches with it",
            client.install_hint(),
        )
        .optional(),
    }
}

fn espeak() -> Finding {
    let answer = Command::new("espeak-ng")
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    match answer {
        Ok(out) if out.status.success() => {
            let text = String::from_utf8_lossy(&out.stdout);
            let version: Vec<&str> = text.split_whitespace().take(4).collect();
            Finding::good("espeak-ng", version.join(" ")).optional()
        }
        _ => Finding::bad(
            "espeak-ng",
            "not found; voices other than English and Mandarin need it",
            "`apt-get install espeak-ng`",
        )
        .optional(),
    }
}

fn avatar() -> Finding {
    match huashen_avatar::Avatar::find(huashen_avatar::DEFAULT_AVATAR, &paths::avatars_dir()) {
        Ok(a) => Finding::good("presenter", a.manifest.name),
        Err(e) => Finding::bad("presenter", e.to_string(), "install Huashen again"),
    }
}
