//! A batch as an Open Job Description template, for the render farms that read
//! them: each clip is a task that calls `huashen batch --only`.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::Places;
use crate::args::Batch;
use crate::output;

/// The template of `clips` clips, to be written to `target`.
///
/// # Errors
/// When a name cannot be said in a template.
pub fn template(
    args: &Batch,
    places: &Places,
    clips: usize,
    target: &Path,
) -> anyhow::Result<Value> {
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let manifest = name(&places.manifest);
    let folder = places.manifest.parent().unwrap_or(Path::new("."));
    let target = std::path::absolute(target)?;
    let from = target.parent().unwrap_or(Path::new("."));
    let from = from.canonicalize().with_context(|| {
        format!(
            "the folder {} does not exist: make it first",
            from.display()
        )
    })?;

    let mut call = vec![
        "batch".to_owned(),
        format!("{{{{Param.Folder}}}}/{manifest}"),
        "--output".to_owned(),
        "{{Param.Output}}".to_owned(),
        "--only".to_owned(),
        "{{Task.Param.Clip}}".to_owned(),
        // Notes of its own: SQLite is no good over the network folders of farms.
        "--state".to_owned(),
        "{{Param.Output}}/.huashen/clip-{{Task.Param.Clip}}".to_owned(),
    ];
    let given = args.set.iter().map(|set| ("--set", set));
    for (flag, value) in given.chain(args.encoding.iter().map(|name| ("--encoding", name))) {
        call.extend([flag.to_owned(), value.clone()]);
        told_in_a_template(value)?;
    }
    call.extend(args.force.then(|| "--force".to_owned()));
    told_in_a_template(&manifest)?;

    let title: String = manifest
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    Ok(json!({
        "specificationVersion": "jobtemplate-2023-09",
        "name": format!("Huashen {title}"),
        "description": "Made by `huashen batch --export-openjd`. Each task makes one clip; the farm's machines need \
                        huashen and its models (`huashen setup`).",
        "parameterDefinitions": [
            path("Folder", "The folder of the manifest, with the files that it names", "IN", default_of(folder, &from)),
            path("Output", "Where the clips go", "OUT", default_of(&places.output, &from)),
            {
                "name": "Huashen",
                "type": "STRING",
                "description": "The program, or the path to it",
                "default": "huashen",
            },
        ],
        "steps": [{
            "name": "Clips",
            "parameterSpace": {
                "taskParameterDefinitions": [{ "name": "Clip", "type": "INT", "range": format!("1-{clips}") }],
            },
            "script": { "actions": { "onRun": { "command": "{{Param.Huashen}}", "args": call } } },
        }],
    }))
}

/// Writes the template to `target`.
///
/// # Errors
/// As [`template`]; when the file cannot be written.
pub fn write(args: &Batch, places: &Places, clips: usize, target: &Path) -> anyhow::Result<()> {
    let ours = ["json", "yaml", "yml"];
    let extension = target.extension().and_then(|e| e.to_str()).unwrap_or("");
    ensure!(
        ours.contains(&extension),
        "{} is no template by its name: end it in .json or .yaml",
        target.display()
    );
    output::check_target(target, args.force)?;
    let template = template(args, places, clips, target)?;
    // JSON is YAML, too.
    let text = format!("{}\n", serde_json::to_string_pretty(&template)?);
    output::write_whole(target, text.as_bytes())
}

fn path(name: &str, description: &str, flow: &str, default: Option<String>) -> Value {
    let mut parameter = json!({
        "name": name,
        "type": "PATH",
        "objectType": "DIRECTORY",
        "dataFlow": flow,
        "description": description,
    });
    if let Some(default) = default {
        parameter["default"] = default.into();
    }
    parameter
}

/// `path` from the template's folder `from`. Elsewhere there is no default:
/// templates may not lead out of their folder.
fn default_of(path: &Path, from: &Path) -> Option<String> {
    let inside = path.strip_prefix(from).ok()?;
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    match parts.is_empty() {
        true => Some(".".to_owned()),
        false => Some(parts.join("/")),
    }
}

fn told_in_a_template(text: &str) -> anyhow::Result<()> {
    ensure!(
        !text.contains("{{") && !text.contains("}}"),
        "`{text}` has double braces, which a template reads as its own: choose another name"
    );
    Ok(())
}
