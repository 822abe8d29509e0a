//! `huashen avatar new | list | show | check`.

use std::process::ExitCode;

use huashen_avatar::{self as avatar, FaceRig};
use huashen_core::paths;
use serde::Serialize;

use crate::args::Avatar;
use crate::output;

pub fn run(args: &Avatar, quiet: bool) -> anyhow::Result<ExitCode> {
    match args {
        Avatar::New(new) => super::avatar_new::run(new, quiet),
        Avatar::List { json } => list(*json),
        Avatar::Show { avatar, json } => show(avatar, *json, false),
        Avatar::Check { avatar, json } => show(avatar, *json, true),
    }
}

#[derive(Serialize)]
struct Listed {
    name: String,
    folder: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    let avatars: Vec<Listed> = avatar::list(&paths::avatars_dir())
        .into_iter()
        .map(|(name, dir)| {
            let opened = avatar::Avatar::open(&dir);
            Listed {
                name,
                folder: dir.display().to_string(),
                licence: opened.as_ref().ok().map(|a| a.manifest.licence.clone()),
                error: opened.err().map(|e| e.to_string()),
            }
        })
        .collect();
    if json {
        output::json(&avatars)?;
    } else {
        for a in &avatars {
            let note = a.error.as_deref().or(a.licence.as_deref()).unwrap_or("");
            output::line(&format!("{:<16} {note}", a.name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn face(rig: FaceRig) -> &'static str {
    match rig {
        FaceRig::Arkit => "ARKit blendshapes",
        FaceRig::VrmExpressions => "VRM expressions",
        FaceRig::OculusVisemes => "Oculus visemes",
        FaceRig::JawJoint => "a jaw joint",
        FaceRig::Footage => "footage, with the person's own mouths",
        FaceRig::None => "nothing that moves",
    }
}

fn show(name: &str, json: bool, check: bool) -> anyhow::Result<ExitCode> {
    let found = avatar::Avatar::find(name, &paths::avatars_dir())?;
    let report = avatar::report(&found);
    let speaks = avatar::require_speech(&found);
    if json {
        output::json(&report)?;
    } else {
        let line = |label: &str, text: String| output::line(&format!("{label:<10} {text}"));
        line("name", report.name.clone())?;
        line("licence", report.licence.clone())?;
        line("source", report.source.clone())?;
        line("face", face(report.face).to_owned())?;
        if let Some(video) = &found.video {
            line(
                "footage",
                format!(
                    "{}, {:.1} s, {} mouths",
                    video.size(),
                    f64::from(video.about.frames) / video.about.fps(),
                    video.person.takes.len()
                ),
            )?;
            line("consent", video.about.consent.clone())?;
            return spoken(check, speaks, json);
        }
        line("shapes", format!("{} of 52", report.shapes.len()))?;
        line("joints", report.joints.join(" "))?;
        line(
            "size",
            format!(
                "{} vertices, {} triangles, {} textures",
                report.vertices, report.triangles, report.textures
            ),
        )?;
        for warning in &report.warnings {
            line("note", warning.clone())?;
        }
    }
    spoken(check, speaks, json)
}

/// What a check says.
fn spoken(
    check: bool,
    speaks: Result<(), avatar::AvatarError>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    if check {
        speaks?;
        if !json {
            output::line("It can speak.")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
