//! Where models and avatars live; one rule for every crate and test.

use std::path::PathBuf;

fn home_dir() -> PathBuf {
    std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

fn var_or(name: &str, default: impl FnOnce() -> PathBuf) -> PathBuf {
    match std::env::var_os(name) {
        Some(value) if !value.is_empty() => PathBuf::from(value),
        _ => default(),
    }
}

/// Fetched models: `$HUASHEN_MODELS`, else `huashen/models` in the user's cache.
pub fn models_dir() -> PathBuf {
    var_or("HUASHEN_MODELS", || {
        var_or("XDG_CACHE_HOME", || home_dir().join(".cache")).join("huashen/models")
    })
}

/// The user's avatars: `$HUASHEN_AVATARS`, else `huashen/avatars` in the user's data folder.
pub fn avatars_dir() -> PathBuf {
    var_or("HUASHEN_AVATARS", || {
        var_or("XDG_DATA_HOME", || home_dir().join(".local/share")).join("huashen/avatars")
    })
}
