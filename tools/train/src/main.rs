//! Trains the audio-to-motion model.
#![allow(clippy::print_stdout, reason = "a program that prints is what this is")]

mod augment;
mod batch;
mod data;
mod fit;
mod loss;
mod mean;
mod optim;
mod plot;
mod score;
mod speak;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about = "Trains the audio-to-motion model")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Speaks the training sentences with every voice: sound and exact timing
    Speak(speak::Args),
    /// Trains a model; run again to go on where it stopped
    Fit(fit::Args),
    /// Makes one model of several of a training: their mean
    Mean(mean::Args),
    /// Draws a training's log
    Plot(plot::Args),
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Speak(args) => speak::run(&args),
        Command::Fit(args) => fit::run(&args),
        Command::Mean(args) => mean::run(&args),
        Command::Plot(args) => plot::run(&args),
    }
}

/// Where data goes when nothing is said: the user's cache.
fn data_dir() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
        PathBuf::from,
    );
    cache.join("huashen/train")
}
