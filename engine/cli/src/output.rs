//! What reaches the terminal: results on stdout, everything else on stderr.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place that writes to the terminal"
)]

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// Logs to stderr: warnings by default, more with `-v`, or as `HUASHEN_LOG` says.
pub fn init_log(verbose: u8) {
    let level = match verbose {
        0 => "warn,bevy=error,wgpu=error,naga=error,winit=error,sctk_adwaita=off",
        1 => "info,bevy=warn,wgpu=warn,naga=warn",
        2 => "debug,bevy=info,wgpu=info,naga=info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("HUASHEN_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .without_time()
        .init();
}

/// A result, on stdout. A closed pipe (`| head`) is no error.
pub fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("stdout cannot be written"),
    }
}

/// A result for machines, on stdout.
pub fn json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Progress and remarks, on stderr.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// The last word of a run that failed, on stderr.
pub fn error_line(text: &str) {
    eprintln!("error: {text}");
}

/// Refuses to overwrite `path` unless `force`, and a folder always.
pub fn check_target(path: &Path, force: bool) -> anyhow::Result<()> {
    anyhow::ensure!(
        !path.is_dir(),
        "{} is a folder: name a file in it",
        path.display()
    );
    anyhow::ensure!(
        force || !path.exists(),
        "{} exists already: choose another name, or add --force to replace it",
        path.display()
    );
    let parent = parent(path);
    anyhow::ensure!(
        parent.is_dir(),
        "the folder {} does not exist: make it first",
        parent.display()
    );
    // Asked of the file system itself: permission bits do not tell (root, read-only mounts).
    tempfile::Builder::new()
        .prefix(".huashen-")
        .tempfile_in(parent)
        .with_context(|| format!("the folder {} cannot be written", parent.display()))?;
    Ok(())
}

/// Writes a small file that appears whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_file(path, |file| Ok(file.write_all(bytes)?))
}

/// Lets `write` fill a file that appears whole or not at all.
pub fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let mut temp = tempfile::Builder::new();
    temp.prefix(".huashen-");
    #[cfg(unix)]
    {
        // As any new file: what the umask leaves, not the owner's alone.
        use std::os::unix::fs::PermissionsExt;
        temp.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut temp = temp.tempfile_in(parent(path)).with_context(failed)?;
    {
        let mut buffered = std::io::BufWriter::new(temp.as_file_mut());
        write(&mut buffered).with_context(failed)?;
        buffered.flush().with_context(failed)?;
    }
    temp.persist(path)
        .map_err(|e| e.error)
        .with_context(failed)?;
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}
