//! `huashen render VIDEO --avatar same`: the person in a video says other words.

use std::process::ExitCode;

use anyhow::Context;

use super::avatar_film::{Order, build, consent};
use super::render::{Studio, run_with};
use crate::args::{PictureArgs, Render};
use crate::settings::Settings;
use crate::{label, output};

/// The avatar that is whoever is in the video.
pub const SAME: &str = "same";

/// A video in which less of a face is seen teaches no mouth.
const LEAST_SECS: f64 = 2.0;

pub fn run(args: &Render, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    let say = args.say.as_ref().context(
        "--avatar same lets the person in the video say other words: add --say with a script or a recording",
    )?;
    // Before the video is looked at, which takes longest.
    label::check(&args.delivery)?;
    output::check_target(&args.output, args.force)?;
    let consent = consent(args.consent.as_deref())?;
    let temp = tempfile::tempdir().context("no temporary folder can be made")?;
    let folder = temp.path().join(SAME);
    let name = args.input.file_stem().unwrap_or_default().to_string_lossy();
    build(
        &Order {
            video: &args.input,
            end_secs: f64::INFINITY,
            name: &name,
            folder: &folder,
            consent: &consent,
            least_secs: LEAST_SECS,
            lasts: false,
        },
        quiet,
    )
    .with_context(|| format!("the person in {} cannot be shown", args.input.display()))?;
    let args = Render {
        input: say.clone(),
        picture: PictureArgs {
            avatar: Some(folder.to_string_lossy().into_owned()),
            ..args.picture.clone()
        },
        say: None,
        consent: None,
        ..args.clone()
    };
    let mut studio = Studio::default();
    studio.straight = true;
    run_with(&args, settings, &mut studio, quiet)
}
