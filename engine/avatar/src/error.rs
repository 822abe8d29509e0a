//! What can be wrong with an avatar.

use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum AvatarError {
    #[error("there is no avatar `{name}`{}; `huashen avatar list` shows what is here, or give the path of a .glb, .gltf or .vrm file", did_you_mean(.nearest))]
    NotFound { name: String, nearest: Vec<String> },
    #[error("{path} cannot be read: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("{path}: {reason}")]
    Manifest { path: PathBuf, reason: String },
    #[error("{path} is not a glTF model that can be used: {reason}")]
    Model { path: PathBuf, reason: String },
    #[error(
        "{path} needs the glTF extension {extension}, which is not supported; export it again without {what}"
    )]
    Extension {
        path: PathBuf,
        extension: String,
        what: &'static str,
    },
    #[error(
        "{path} cannot speak: it has no morph target for the mouth and no jaw joint; export it with ARKit blendshapes (jawOpen, mouthClose …), VRM expressions, or a joint named `Jaw`"
    )]
    Mute { path: PathBuf },
    #[error("the photo cannot become an avatar: {0}")]
    Photo(String),
    #[error("the head inside this program is damaged ({0}): install Huashen again")]
    Head(String),
}

fn did_you_mean(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(", ")),
    }
}
