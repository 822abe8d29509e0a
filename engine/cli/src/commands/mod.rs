//! One file a command. Each reads its flags, runs stages, shows results.

mod avatar;
mod avatar_debug;
mod avatar_film;
mod avatar_new;
mod batch;
mod doctor;
mod dub;
mod eval;
mod eval_clone;
mod eval_measure;
mod eval_phones;
mod eval_plot;
mod inspect;
mod motion;
mod preview;
mod render;
mod setup;
mod speak;
mod still;
mod track;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::settings::Settings;

/// Runs the command; the code is that of a run that finished.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    crate::interrupt::install()?;
    let quiet = args.quiet;
    match args.command {
        Command::Setup(setup) => setup::run(&setup, quiet),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Avatar(avatar) => avatar::run(&avatar, quiet),
        Command::Speak(speak) => speak::run(&speak, &Settings::load()?, quiet),
        Command::Motion(motion) => motion::run(&motion, &Settings::load()?, quiet),
        Command::Track(track) => track::run(&track, quiet),
        Command::Render(render) => render::run(&render, &Settings::load()?, quiet),
        Command::Batch(batch) => batch::run(&batch, &Settings::load()?, quiet),
        Command::BatchWorker(worker) => batch::work(&worker, &Settings::load()?),
        Command::Still(still) => still::run(&still, &Settings::load()?),
        Command::Preview(preview) => preview::run(&preview, &Settings::load()?, quiet),
        Command::Eval(eval) => eval::run(&eval, quiet),
        Command::Inspect(inspect) => inspect::run(&inspect),
    }
}
