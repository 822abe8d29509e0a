//! The `huashen` binary: parse → run → exit code. Stages live in the engine's
//! other crates; this one wires them, shows progress and words the errors.

mod args;
mod commands;
mod failure;
mod interrupt;
mod output;
mod picture;
mod progress;
mod settings;
mod sound;
mod subtitles;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    output::init_log(args.verbose);
    match commands::run(args) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}
