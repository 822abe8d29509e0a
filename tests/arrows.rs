//! Proves the arrows between the crates: a crate names only those that
//! DESIGN's layout allows, and the heavy libraries stay in their one room.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which of our crates each crate may name (`core` is always allowed).
const ALLOWED: [(&str, &[&str]); 12] = [
    ("core", &[]),
    ("script", &[]),
    ("speech", &["script"]),
    ("motion", &[]),
    ("vision", &[]),
    ("avatar", &[]),
    ("render", &["avatar"]),
    ("media", &[]),
    ("overlay", &[]),
    ("audio", &[]),
    (
        "pipeline",
        &["script", "speech", "motion", "vision", "avatar"],
    ),
    (
        "cli",
        &[
            "script", "speech", "motion", "vision", "avatar", "render", "media", "overlay",
            "audio", "pipeline",
        ],
    ),
];

/// Libraries that only the crates beside them may name.
const ROOMS: [(&str, &[&str]); 12] = [
    ("bevy", &["render"]),
    ("wgpu", &["render"]),
    ("ffmpeg-next", &["media"]),
    ("cosmic-text", &["overlay"]),
    ("cpal", &["audio"]),
    ("rosc", &["pipeline"]),
    ("candle-core", &["speech", "motion", "vision"]),
    ("candle-nn", &["speech", "motion"]),
    ("rusqlite", &["pipeline"]),
    ("anyhow", &["cli"]),
    ("clap", &["cli"]),
    ("tracing-subscriber", &["cli"]),
];

fn engine() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runtime and build dependencies of a crate (not those of its tests).
fn dependencies(name: &str) -> BTreeSet<String> {
    let path = engine().join(name).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn crates() -> BTreeMap<String, BTreeSet<String>> {
    std::fs::read_dir(engine())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| engine().join(name).join("Cargo.toml").exists())
        .map(|name| {
            let dependencies = dependencies(&name);
            (name, dependencies)
        })
        .collect()
}

#[test]
fn every_crate_has_its_place_and_arrows_point_one_way() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    for (name, dependencies) in crates() {
        let Some(may) = allowed.get(name.as_str()) else {
            panic!("engine/{name} is not in the layout: add it to ALLOWED and ARCHITECTURE.md");
        };
        for ours in dependencies
            .iter()
            .filter_map(|d| d.strip_prefix("huashen-"))
        {
            assert!(
                ours == "core" || may.contains(&ours),
                "huashen-{name} must not depend on huashen-{ours}"
            );
        }
    }
}

#[test]
fn heavy_libraries_stay_in_their_room() {
    for (name, dependencies) in crates() {
        for (library, rooms) in ROOMS {
            assert!(
                !dependencies.contains(library) || rooms.contains(&name.as_str()),
                "huashen-{name} must not name {library}; it belongs in {rooms:?}"
            );
        }
    }
}

#[test]
fn source_files_stay_small_enough_to_hold_in_the_head() {
    fn visit(dir: &Path, long: &mut Vec<(usize, PathBuf)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|n| n != "target") {
                visit(&path, long);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let lines = std::fs::read_to_string(&path).unwrap().lines().count();
                if lines > 700 {
                    long.push((lines, path));
                }
            }
        }
    }
    let mut long = Vec::new();
    visit(&engine(), &mut long);
    visit(&engine().join("../tools"), &mut long);
    assert!(long.is_empty(), "longer than 700 lines: {long:?}");
}
