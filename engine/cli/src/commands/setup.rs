//! `huashen setup`: every model present and verified.

use std::process::ExitCode;

use anyhow::bail;
use huashen_core::paths;
use huashen_pipeline::models::{self, FetchEvent, FileState, ModelManifest};

use crate::args::Setup;
use crate::failure::Missing;
use crate::progress::Progress;
use crate::{interrupt, output};

pub fn run(args: &Setup, quiet: bool) -> anyhow::Result<ExitCode> {
    let dir = paths::models_dir();
    let chosen = choose(&args.groups)?;
    for manifest in &chosen {
        if args.check {
            check(manifest)?;
            continue;
        }
        if !quiet {
            output::note(&format!(
                "{}: {} ({})",
                manifest.name,
                manifest.title,
                bytes(manifest.bytes())
            ));
        }
        let mut progress = Progress::new("fetch", "MB", quiet);
        models::fetch(
            manifest,
            &dir,
            &interrupt::pressed,
            &mut |event| match event {
                FetchEvent::Package {
                    name,
                    number,
                    total,
                } => {
                    if !quiet {
                        progress.say(&format!("package {number} of {total}: {name}"));
                    }
                }
                FetchEvent::File { done, total, .. } => progress.at(done >> 20, total >> 20),
            },
        )?;
        progress.done(&format!("{} is here and verified", manifest.name));
    }
    output::line(&format!("models: {}", dir.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The manifests of these groups or names; all when none is given.
fn choose(groups: &[String]) -> anyhow::Result<Vec<ModelManifest>> {
    let catalog = models::catalog()?;
    for group in groups {
        if !catalog
            .iter()
            .any(|m| m.group == *group || m.name == *group)
        {
            let mut known: Vec<&str> = catalog.iter().map(|m| m.group.as_str()).collect();
            known.dedup();
            bail!(
                "there is no model group `{group}`; there is: {}",
                known.join(", ")
            );
        }
    }
    Ok(catalog
        .into_iter()
        .filter(|m| groups.is_empty() || groups.iter().any(|g| *g == m.group || *g == m.name))
        .collect())
}

fn check(manifest: &ModelManifest) -> anyhow::Result<()> {
    let dir = paths::models_dir();
    for (file, state) in manifest.status(&dir)? {
        if state != FileState::Ready {
            bail!(Missing(format!(
                "{}: {} is missing or damaged in {}; run `huashen setup {}`",
                manifest.name,
                file.path,
                manifest.dir(&dir).display(),
                manifest.group
            )));
        }
    }
    output::line(&format!("{}: ready", manifest.name))
}

fn bytes(n: u64) -> String {
    format!("{:.0} MB", n as f64 / 1e6)
}
