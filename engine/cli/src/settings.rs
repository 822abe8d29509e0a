//! `huashen.toml` in the working folder: a project's own defaults.
//! Flag > environment (`HUASHEN_*`) > `huashen.toml` > default.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// What a project may set once for all its clips. Every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub avatar: Option<String>,
    pub voice: Option<String>,
    pub fps: Option<String>,
    pub size: Option<String>,
    pub background: Option<String>,
    pub producer: Option<String>,
}

const FILE: &str = "huashen.toml";

impl Settings {
    /// Reads `huashen.toml`; no file means no settings.
    pub fn load() -> anyhow::Result<Self> {
        let path = Path::new(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{FILE} cannot be read"))?;
        toml::from_str(&text).map_err(|e| {
            let before = e.span().map_or(0, |s| s.start.min(text.len()));
            let line = text[..before].matches('\n').count() + 1;
            anyhow::anyhow!("{FILE}, line {line}: {}", e.message())
        })
    }
}
