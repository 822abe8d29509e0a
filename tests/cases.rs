//! Runs every folder of `tests/cases` through the binary. See tests/README.md.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

/// One run of the binary and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// `$CASE` is a copy of the case's folder, `$OUT` an empty one.
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    stdin: String,
    /// The exit code.
    exit: i32,
    /// What each stream must hold, piece by piece.
    #[serde(default)]
    stdout: Vec<String>,
    #[serde(default)]
    stderr: Vec<String>,
    /// All files below `$OUT` afterwards, hidden ones too.
    #[serde(default)]
    files: Vec<String>,
    /// What `HUASHEN_REQUIRE` may name that this case cannot do without.
    #[serde(default)]
    needs: Vec<String>,
}

fn main() {
    let args = Arguments::from_args();
    let cases = common::root().join("tests/cases");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(cases)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    folders.sort();
    let trials = folders
        .into_iter()
        .map(|folder| {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            Trial::test(name, move || run(&folder))
        })
        .collect();
    libtest_mimic::run(&args, trials).exit();
}

fn run(folder: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(folder.join("case.toml"))?;
    let case: Case = toml::from_str(&text)?;
    for need in &case.needs {
        if !common::here(need)? {
            println!("skipped {}: this machine has no {need}", folder.display());
            return Ok(());
        }
    }
    let temp = tempfile::tempdir()?;
    let (copy, out) = (temp.path().join("case"), temp.path().join("out"));
    std::fs::create_dir(&copy)?;
    std::fs::create_dir(&out)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        std::fs::copy(&path, copy.join(path.file_name().unwrap()))?;
    }
    let filled = |text: &String| {
        text.replace("$CASE", &copy.to_string_lossy())
            .replace("$OUT", &out.to_string_lossy())
    };
    let input = copy.join("stdin");
    std::fs::write(&input, &case.stdin)?;
    let output = Command::new(env!("CARGO_BIN_EXE_huashen"))
        .args(case.args.iter().map(filled))
        .envs(case.env.iter().map(|(k, v)| (k, filled(v))))
        .current_dir(&copy)
        .stdin(Stdio::from(std::fs::File::open(input)?))
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = format!("--- stdout\n{stdout}--- stderr\n{stderr}");

    if output.status.code() != Some(case.exit) {
        return Err(format!(
            "exit {:?}, expected {}\n{said}",
            output.status.code(),
            case.exit
        )
        .into());
    }
    for (stream, wanted) in [(&stdout, &case.stdout), (&stderr, &case.stderr)] {
        for piece in wanted {
            if !stream.contains(&filled(piece)) {
                return Err(format!("`{piece}` was not said\n{said}").into());
            }
        }
    }
    // One clear line, whatever went wrong.
    let errors = stderr.lines().filter(|l| l.starts_with("error: ")).count();
    let usage = stderr.contains("Usage:");
    if case.exit != 0
        && !usage
        && (errors != 1
            || !stderr
                .lines()
                .last()
                .is_some_and(|l| l.starts_with("error: ")))
    {
        return Err(format!("not one error line at the end\n{said}").into());
    }
    if stderr.contains("panicked") {
        return Err(format!("it panicked\n{said}").into());
    }
    let mut found = Vec::new();
    files_below(&out, &out, &mut found)?;
    found.sort();
    if found != case.files {
        return Err(format!("left {found:?}, expected {:?}\n{said}", case.files).into());
    }
    Ok(())
}

fn files_below(root: &Path, dir: &Path, found: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(root, &path, found)?;
        } else if let Ok(below) = path.strip_prefix(root) {
            found.push(below.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
