//! `huashen motion`: a script or a recording becomes a motion file.

use std::process::ExitCode;

use huashen_core::FrameRate;
use huashen_motion::formats::Format;

use crate::args::Motion;
use crate::settings::Settings;
use crate::sound::Input;
use crate::{interrupt, output, sound};

pub fn run(args: &Motion, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    let format = Format::of_path(&args.output)?;
    output::check_target(&args.output, args.force)?;
    let rate: FrameRate = args.fps.parse()?;
    let voice = args.voice.voice.as_deref().or(settings.voice.as_deref());
    let options = crate::manner::options(&args.manner, &args.voice)?;
    let mut sound = match sound::open(&args.input)? {
        Input::Script(script) => sound::speak(&script, voice, true, quiet)?,
        Input::Recording(path) => sound::record(&path, quiet)?,
    };
    interrupt::check()?;
    let planner = sound.planner(&options)?;
    output::write_file(&args.output, |file| {
        Ok(format.write_planned(planner, rate, file)?)
    })?;
    output::line(&args.output.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
