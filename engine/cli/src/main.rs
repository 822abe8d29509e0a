//! The `huashen` binary: parse → run → exit code. Stages live in the engine's
//! other crates; this one wires them, shows progress and words the errors.

mod args;
mod bookend;
mod commands;
mod delivery;
mod even;
mod failure;
mod footage;
mod interrupt;
mod label;
mod manner;
mod output;
mod picture;
mod progress;
mod reel;
mod scene;
mod settings;
mod sound;
mod sound_file;
mod soundtrack;
mod staging;
mod subtitles;

use std::process::ExitCode;

use clap::Parser;

/// The system's own allocator keeps about a megabyte of each picture that one
/// thread makes and another lets go, for as long as a video is.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    output::init_log(args.verbose);
    quiet_device_selection();
    match commands::run(args) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

/// Mesa's device-selection layer asks the Wayland compositor which GPU it uses;
/// where nobody is logged in, it prints an error that is none.
fn quiet_device_selection() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
