//! The package clients, run as programs so that a user's mirror, proxy and
//! certificates are used as they are configured.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::{ModelError, PackageSpec};

/// Who downloads a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    Pip,
    Npm,
}

impl Client {
    /// The command lines to try, most specific first.
    fn programs(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Pip => &[&["python3", "-m", "pip"], &["pip3"], &["pip"]],
            Self::Npm => &[&["npm"]],
        }
    }

    /// The name that a user knows the client by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Npm => "npm",
        }
    }

    /// How to get it on Debian and elsewhere.
    pub const fn install_hint(self) -> &'static str {
        match self {
            Self::Pip => "`apt-get install python3-pip`, or Python from your system",
            Self::Npm => "`apt-get install npm`, or Node.js from your system",
        }
    }

    /// The first program of this client that runs here.
    pub fn find(self) -> Option<Vec<&'static str>> {
        self.programs()
            .iter()
            .find(|argv| {
                Command::new(argv[0])
                    .args(&argv[1..])
                    .arg("--version")
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .is_ok_and(|s| s.success())
            })
            .map(|argv| argv.to_vec())
    }

    /// Downloads `package` into the empty folder `into`; gives the archive.
    pub(super) fn download(
        self,
        program: &[&str],
        package: &PackageSpec,
        into: &Path,
    ) -> Result<PathBuf, ModelError> {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).stdin(Stdio::null());
        match self {
            Self::Pip => command
                .args(["download", "--quiet", "--no-deps", "--only-binary", ":all:"])
                .arg("--disable-pip-version-check")
                .arg("--dest")
                .arg(into)
                .arg(format!("{}=={}", package.name, package.version)),
            Self::Npm => command
                .args(["pack", "--silent", "--pack-destination"])
                .arg(into)
                .arg(format!("{}@{}", package.name, package.version)),
        };
        let shown = || {
            let args: Vec<_> = std::iter::once(command.get_program())
                .chain(command.get_args())
                .map(OsStr::to_string_lossy)
                .collect();
            args.join(" ")
        };
        let shown = shown();
        let failed = |reason: String| ModelError::Client {
            command: shown.clone(),
            reason,
        };
        let output = command.output().map_err(|e| failed(e.to_string()))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().rev().find(|l| !l.trim().is_empty());
            return Err(failed(last.unwrap_or("no reason given").trim().to_owned()));
        }
        let read = |source| ModelError::Read {
            path: into.to_owned(),
            source,
        };
        let mut found = None;
        for entry in std::fs::read_dir(into).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let archive = ["whl", "zip", "tgz"]
                .iter()
                .any(|e| path.extension().is_some_and(|x| x == *e));
            if archive {
                found = Some(path);
            }
        }
        found.ok_or_else(|| failed("it left no archive".to_owned()))
    }
}
