//! What a worker is told: `huashen render`'s flags, and what is said.

use std::path::{Path, PathBuf};

use clap::Parser;
use huashen_pipeline::batch::Values;
use serde::{Deserialize, Serialize};

use crate::args::{Args, Command, Render};

/// One clip, ready to be made; it travels as JSON through the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub sound: OrderSound,
    /// As `--size=640x360`; paths in them are absolute.
    pub flags: Vec<String>,
    /// For the titles of its scene; empty where they hold no placeholder.
    pub values: Values,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderSound {
    /// Markup, placeholders filled in.
    Script(String),
    Audio(PathBuf),
}

impl Order {
    /// What `huashen render` would be told to write `output`, which is going to
    /// `place`.
    pub fn render(&self, output: &Path, place: &Path) -> anyhow::Result<Render> {
        let input = match &self.sound {
            OrderSound::Script(_) => PathBuf::from("-"),
            OrderSound::Audio(path) => path.clone(),
        };
        Ok(Render {
            input,
            output: output.to_owned(),
            subtitles: self.subtitles(place),
            values: self.values.clone(),
            ..parse(&self.flags)?
        })
    }

    /// The subtitles of the clip at `place`, if it has some: beside it.
    pub fn subtitles(&self, place: &Path) -> Option<PathBuf> {
        let flag = self.flags.iter();
        let kind = flag
            .filter_map(|f| f.strip_prefix("--subtitles="))
            .next_back();
        kind.map(|kind| place.with_extension(kind))
    }

    /// Their name for the clip named `out`.
    pub fn subtitles_name(&self, out: &str) -> Option<String> {
        let path = self.subtitles(Path::new(out))?;
        Some(path.to_string_lossy().into_owned())
    }
}

/// `huashen render` with `flags`, and what environment and defaults add.
pub fn parse(flags: &[String]) -> Result<Render, clap::Error> {
    let fixed = ["huashen", "render", "-", "--output=-"].map(str::to_owned);
    match Args::try_parse_from(fixed.iter().chain(flags))?.command {
        Command::Render(render) => Ok(*render),
        _ => unreachable!("`render` was asked for"),
    }
}
