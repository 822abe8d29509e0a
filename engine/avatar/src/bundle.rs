//! Avatars on disk: a folder with `avatar.toml`, or a model file by path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::AvatarError;
use crate::manifest::{Calibration, Kind, Manifest, is_name};
use crate::model::Model;
use crate::video::VideoAvatar;

/// The avatar shown when none is named.
pub const DEFAULT_AVATAR: &str = "lin";

/// An avatar, loaded.
#[derive(Clone, Debug)]
pub struct Avatar {
    pub manifest: Manifest,
    /// Its folder, or that of the model file.
    pub dir: PathBuf,
    /// Empty for a video avatar.
    pub model: Model,
    /// Of a video avatar.
    pub video: Option<Arc<VideoAvatar>>,
}

impl Avatar {
    /// By name (user's own first, then built-in), folder or model file.
    pub fn find(name: &str, user_dir: &Path) -> Result<Self, AvatarError> {
        let path = Path::new(name);
        if path.is_dir() && path.join("avatar.toml").exists() {
            return Self::open(path);
        }
        if path.is_file() {
            return Self::from_model(path);
        }
        for root in roots(user_dir) {
            let dir = root.join(name);
            if is_name(name) && dir.join("avatar.toml").exists() {
                return Self::open(&dir);
            }
        }
        if name.contains(['/', '\\']) || path.extension().is_some() {
            return Err(AvatarError::Read {
                path: path.to_owned(),
                reason: "there is no such file or avatar folder".to_owned(),
            });
        }
        let mut near: Vec<(usize, String)> = list(user_dir)
            .into_keys()
            .map(|n| (strsim::damerau_levenshtein(name, &n), n))
            .filter(|(d, n)| *d <= 1 + n.chars().count() / 3)
            .collect();
        near.sort();
        Err(AvatarError::NotFound {
            name: name.to_owned(),
            nearest: near.into_iter().take(3).map(|(_, n)| n).collect(),
        })
    }

    /// A folder with `avatar.toml`.
    pub fn open(dir: &Path) -> Result<Self, AvatarError> {
        let path = dir.join("avatar.toml");
        let text = std::fs::read_to_string(&path).map_err(|e| AvatarError::Read {
            path: path.clone(),
            reason: e.to_string(),
        })?;
        let bad = |reason: String| AvatarError::Manifest {
            path: path.clone(),
            reason,
        };
        let manifest: Manifest = toml::from_str(&text).map_err(|e| bad(e.message().to_owned()))?;
        if !is_name(&manifest.name) {
            return Err(bad(format!(
                "`{}` is not a name: use letters, digits, - and _",
                manifest.name
            )));
        }
        let file = Path::new(&manifest.file);
        if file.components().count() != 1 || file.is_absolute() {
            return Err(bad(format!(
                "`{}` is not a file in the folder",
                manifest.file
            )));
        }
        match (manifest.kind, &manifest.photo) {
            (Kind::Photo, None) => {
                return Err(bad(
                    "it is a photo's avatar, but has no [photo]: build it again with `huashen avatar new`".to_owned(),
                ));
            }
            (Kind::Photo, Some(photo)) if !photo.is_sane() => {
                return Err(bad("its [photo] has impossible sizes".to_owned()));
            }
            _ => {}
        }
        let video = match (manifest.kind, &manifest.video) {
            (Kind::Video, Some(video)) if video.is_sane() => {
                Some(Arc::new(VideoAvatar::open(dir, video)?))
            }
            (Kind::Video, _) => {
                return Err(bad(
                    "it is a video's avatar, but its [video] is missing or impossible: build it again with `huashen avatar new`".to_owned(),
                ));
            }
            _ => None,
        };
        Ok(Self {
            model: match video {
                Some(_) => Model::default(),
                None => Model::open(&dir.join(file))?,
            },
            dir: dir.to_owned(),
            manifest,
            video,
        })
    }

    /// Any glTF, GLB or VRM file.
    pub fn from_model(path: &Path) -> Result<Self, AvatarError> {
        let stem = path
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        Ok(Self {
            model: Model::open(path)?,
            dir: path.parent().unwrap_or(Path::new(".")).to_owned(),
            manifest: Manifest {
                name: stem,
                title: BTreeMap::new(),
                kind: Kind::Model,
                file: path
                    .file_name()
                    .map(|f| f.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                licence: "unknown".to_owned(),
                source: "a model file".to_owned(),
                voices: BTreeMap::new(),
                background: None,
                calibration: Calibration::default(),
                lips: None,
                photo: None,
                video: None,
            },
            video: None,
        })
    }
}

/// Where avatars are looked for, the user's first.
fn roots(user_dir: &Path) -> Vec<PathBuf> {
    let mut roots = vec![user_dir.to_owned()];
    if let Some(dir) = std::env::var_os("HUASHEN_BUILTIN_AVATARS") {
        roots.push(PathBuf::from(dir));
    }
    if let Some(bin) = std::env::current_exe()
        .ok()
        .as_deref()
        .and_then(Path::parent)
    {
        roots.push(bin.join("../share/huashen/avatars"));
    }
    // Run from a source checkout.
    roots.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../avatars"));
    roots
}

/// Avatars that can be found by name, and their folders.
pub fn list(user_dir: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for root in roots(user_dir) {
        for entry in std::fs::read_dir(&root).into_iter().flatten().flatten() {
            let dir = entry.path();
            if dir.join("avatar.toml").exists() {
                found
                    .entry(entry.file_name().to_string_lossy().into_owned())
                    .or_insert(dir);
            }
        }
    }
    found
}
