//! `huashen preview --script-ui`: what a user does, from a file, for tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use huashen_core::Size;
use huashen_render::HandMove;

/// One thing that a user does, or waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Wait(f64),
    Until(Until),
    /// Keys and pointer, through the window.
    Hand(HandMove),
    Say(String),
    Drop(PathBuf),
    Resize(Size),
    Screenshot(PathBuf),
    Quit,
}

/// What is waited for, up to [`PATIENCE_SECS`].
#[derive(Clone, Debug, PartialEq)]
pub enum Until {
    /// So many pictures were shown.
    Pictures(u64),
    /// Sound is heard.
    Sound,
    /// No sound is heard, and none is being made.
    Silence,
    /// The jaw is at least, or at most, this far open.
    Open(f32),
    Shut(f32),
    /// The eyes are.
    EyesOpen,
    /// Pictures have the size and the person that they are to have.
    Settled,
    /// The panel says something that contains this.
    Said(String),
}

/// A slow machine makes speech, or an avatar of a short film, in this time.
pub const PATIENCE_SECS: f64 = 180.0;

/// Reads the steps, one a line; `#` begins a remark.
pub fn read(path: &Path) -> anyhow::Result<Vec<Step>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    text.lines()
        .enumerate()
        .map(|(i, line)| (i, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(i, line)| {
            parse(line).with_context(|| format!("{}, line {}: `{line}`", path.display(), i + 1))
        })
        .collect()
}

fn parse(line: &str) -> anyhow::Result<Step> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    Ok(match word {
        "wait" => Step::Wait(rest.parse()?),
        "until" => Step::Until(until(rest)?),
        "key" => Step::Hand(HandMove::Key(rest.to_owned())),
        "type" => Step::Hand(HandMove::Type(rest.to_owned())),
        "click" => Step::Hand(HandMove::Click(rest.to_owned())),
        "drag" => Step::Hand(drag(rest)?),
        "say" => Step::Say(rest.to_owned()),
        "drop" => Step::Drop(rest.into()),
        "resize" => Step::Resize(rest.parse()?),
        "screenshot" => Step::Screenshot(rest.into()),
        "quit" => Step::Quit,
        _ => bail!(
            "is no step: wait, until, key, type, click, drag, say, drop, resize, screenshot or quit"
        ),
    })
}

/// `NAME TO` or `NAME FROM TO`, in shares of the widget's width.
fn drag(text: &str) -> anyhow::Result<HandMove> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Ok(match words[..] {
        [name, to] => HandMove::Drag(name.to_owned(), to.parse()?, to.parse()?),
        [name, from, to] => HandMove::Drag(name.to_owned(), from.parse()?, to.parse()?),
        _ => bail!("write `drag NAME TO`, from 0 at the left to 1 at the right"),
    })
}

fn until(text: &str) -> anyhow::Result<Until> {
    let (word, number) = text.split_once(' ').unwrap_or((text, "0"));
    Ok(match word {
        "pictures" => Until::Pictures(number.parse()?),
        "sound" => Until::Sound,
        "silence" => Until::Silence,
        "open" => Until::Open(number.parse()?),
        "shut" => Until::Shut(number.parse()?),
        "eyes-open" => Until::EyesOpen,
        "settled" => Until::Settled,
        "said" => Until::Said(number.to_owned()),
        _ => {
            bail!("`until` knows pictures, sound, silence, open, shut, eyes-open, settled and said")
        }
    })
}
