//! Bringing a model: packages down, parts out, joined, verified, renamed into place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::manifest::hex;
use super::{FileSpec, FileState, ModelError, ModelManifest, PackageSpec};

/// What [`fetch`] is doing, for a progress display.
#[derive(Clone, Debug)]
pub enum FetchEvent<'a> {
    /// Package `number` of `total` is being downloaded.
    Package {
        name: &'a str,
        number: usize,
        total: usize,
    },
    /// A file was verified and put in place; `done` of `total` bytes are here.
    File {
        path: &'a str,
        done: u64,
        total: u64,
    },
}

/// Makes every file of `manifest` present and verified under `models_dir`.
///
/// Files that are right stay untouched, so a second run only reads. Packages
/// already downloaded by an interrupted run are used again.
pub fn fetch(
    manifest: &ModelManifest,
    models_dir: &Path,
    cancelled: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(FetchEvent<'_>),
) -> Result<(), ModelError> {
    let dir = manifest.dir(models_dir);
    let wanted: Vec<&FileSpec> = manifest
        .status(models_dir)?
        .into_iter()
        .filter(|(_, state)| *state != FileState::Ready)
        .map(|(file, _)| file)
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let needed: BTreeSet<&str> = wanted
        .iter()
        .flat_map(|f| &f.parts)
        .filter_map(|p| p.split_once(':').map(|(id, _)| id))
        .collect();
    let packages: Vec<&PackageSpec> = manifest
        .packages
        .iter()
        .filter(|p| needed.contains(p.id.as_str()))
        .collect();

    let downloads = models_dir.join(".downloads");
    let mut archives = BTreeMap::new();
    for (i, package) in packages.iter().enumerate() {
        if cancelled() {
            return Err(ModelError::Cancelled);
        }
        progress(FetchEvent::Package {
            name: &package.name,
            number: i + 1,
            total: packages.len(),
        });
        let archive = archive_of(manifest, package, &dir, &downloads)?;
        archives.insert(package.id.as_str(), (*package, archive));
    }

    let total = manifest.bytes();
    let mut done = total - wanted.iter().map(|f| f.bytes).sum::<u64>();
    let parts = wanted_parts(&wanted, &archives)?;
    for file in &wanted {
        if cancelled() {
            return Err(ModelError::Cancelled);
        }
        write_verified(file, &dir, &parts, &archives)?;
        done += file.bytes;
        progress(FetchEvent::File {
            path: &file.path,
            done,
            total,
        });
    }
    for (package, _) in archives.values() {
        let _ = fs::remove_dir_all(downloads.join(folder_of(package)));
    }
    let _ = fs::remove_dir(&downloads);
    Ok(())
}

fn folder_of(package: &PackageSpec) -> String {
    format!(
        "{}-{}-{}",
        package.client.name(),
        package.name.replace(['/', '@'], "_"),
        package.version
    )
}

/// The archive of `package`: kept from an earlier run, or downloaded now.
fn archive_of(
    manifest: &ModelManifest,
    package: &PackageSpec,
    dir: &Path,
    downloads: &Path,
) -> Result<PathBuf, ModelError> {
    let folder = downloads.join(folder_of(package));
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| ModelError::Write { path, source }
    };
    if let Some(kept) = fs::read_dir(&folder)
        .ok()
        .and_then(|mut entries| entries.next())
        .and_then(Result::ok)
    {
        return Ok(kept.path());
    }
    let Some(program) = package.client.find() else {
        return Err(ModelError::NoClient {
            program: package.client.name(),
            package: format!("{} {}", package.name, package.version),
            install: package.client.install_hint(),
            dir: dir.to_owned(),
            files: list_files(manifest),
        });
    };
    fs::create_dir_all(downloads).map_err(write(downloads))?;
    // Downloaded beside, then renamed: a folder that exists is complete.
    let partial = tempfile::tempdir_in(downloads).map_err(write(downloads))?;
    package.client.download(&program, package, partial.path())?;
    let partial = partial.keep();
    fs::rename(&partial, &folder).map_err(write(&folder))?;
    match fs::read_dir(&folder).map_err(write(&folder))?.next() {
        Some(Ok(entry)) => Ok(entry.path()),
        _ => Err(ModelError::Unpack {
            package: package.name.clone(),
            reason: "the download is empty".to_owned(),
        }),
    }
}

fn list_files(manifest: &ModelManifest) -> String {
    let names: Vec<&str> = manifest.files.iter().map(|f| f.path.as_str()).collect();
    match names.as_slice() {
        [first, second, .., last] if names.len() > 4 => {
            format!("{first}, {second} … {last} ({} files)", names.len())
        }
        _ => names.join(", "),
    }
}

type Archives<'a> = BTreeMap<&'a str, (&'a PackageSpec, PathBuf)>;

/// Small parts that come out of tar archives, read in one pass an archive.
fn wanted_parts(
    wanted: &[&FileSpec],
    archives: &Archives<'_>,
) -> Result<BTreeMap<String, Vec<u8>>, ModelError> {
    let mut parts = BTreeMap::new();
    for (id, (package, archive)) in archives {
        if archive.extension().is_none_or(|e| e != "tgz") {
            continue;
        }
        // A part cannot be larger than the file that it belongs to.
        let limits: BTreeMap<&str, u64> = wanted
            .iter()
            .flat_map(|f| f.parts.iter().map(move |p| (p, f.bytes)))
            .filter_map(|(p, bytes)| p.split_once(':').map(|(i, path)| (i, path, bytes)))
            .filter(|(i, _, _)| i == id)
            .map(|(_, path, bytes)| (path, bytes))
            .collect();
        let unpack = |e: io::Error| ModelError::Unpack {
            package: package.name.clone(),
            reason: e.to_string(),
        };
        let file = File::open(archive).map_err(unpack)?;
        let mut tar = tar::Archive::new(GzDecoder::new(file));
        for entry in tar.entries().map_err(unpack)? {
            let entry = entry.map_err(unpack)?;
            let path = entry.path().map_err(unpack)?.to_string_lossy().into_owned();
            if let Some(&limit) = limits.get(path.as_str()) {
                let mut bytes = Vec::new();
                entry
                    .take(limit + 1)
                    .read_to_end(&mut bytes)
                    .map_err(unpack)?;
                parts.insert(format!("{id}:{path}"), bytes);
            }
        }
    }
    Ok(parts)
}

/// Joins the parts of `file`, verifies the whole and renames it into place.
fn write_verified(
    file: &FileSpec,
    dir: &Path,
    parts: &BTreeMap<String, Vec<u8>>,
    archives: &Archives<'_>,
) -> Result<(), ModelError> {
    let path = dir.join(&file.path);
    let write = |source| ModelError::Write {
        path: path.clone(),
        source,
    };
    let parent = path.parent().unwrap_or(dir);
    fs::create_dir_all(parent).map_err(write)?;
    let mut temp = tempfile::NamedTempFile::new_in(parent).map_err(write)?;
    let mut hasher = Sha256::new();
    let mut left = file.bytes;
    for part in &file.parts {
        let bytes = match parts.get(part) {
            Some(bytes) => bytes.clone(),
            None => zip_part(part, left, archives)?,
        };
        left = left.saturating_sub(bytes.len() as u64);
        hasher.update(&bytes);
        temp.write_all(&bytes).map_err(write)?;
    }
    let found = hex(&hasher.finalize());
    if found != file.sha256 {
        // The archive is not what the manifest names: never use it again.
        for part in &file.parts {
            if let Some((_, (_, archive))) = part
                .split_once(':')
                .and_then(|(id, _)| archives.get_key_value(id))
            {
                let _ = fs::remove_file(archive);
                if let Some(folder) = archive.parent() {
                    let _ = fs::remove_dir(folder);
                }
            }
        }
        return Err(ModelError::Checksum {
            path,
            expected: file.sha256.clone(),
            found,
        });
    }
    temp.as_file().sync_all().map_err(write)?;
    temp.persist(&path).map_err(|e| ModelError::Write {
        path: path.clone(),
        source: e.error,
    })?;
    Ok(())
}

/// Reads one part out of a zip archive (a wheel is one), at most `limit` bytes.
fn zip_part(part: &str, limit: u64, archives: &Archives<'_>) -> Result<Vec<u8>, ModelError> {
    let missing = || {
        let (id, path) = part.split_once(':').unwrap_or((part, ""));
        ModelError::NotInPackage {
            package: archives
                .get(id)
                .map_or(id, |(p, _)| p.name.as_str())
                .to_owned(),
            path: path.to_owned(),
        }
    };
    let (id, inside) = part.split_once(':').ok_or_else(missing)?;
    let (package, archive) = archives.get(id).ok_or_else(missing)?;
    let unpack = |reason: String| ModelError::Unpack {
        package: package.name.clone(),
        reason,
    };
    let file = File::open(archive).map_err(|e| unpack(e.to_string()))?;
    if archive.extension().is_some_and(|e| e == "tgz") {
        return Err(missing());
    }
    let mut zip = zip::ZipArchive::new(file).map_err(|e| unpack(e.to_string()))?;
    let entry = match zip.by_name(inside) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Err(missing()),
        Err(e) => return Err(unpack(e.to_string())),
    };
    let mut bytes = Vec::new();
    entry
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| unpack(e.to_string()))?;
    Ok(bytes)
}
