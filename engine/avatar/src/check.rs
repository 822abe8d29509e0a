//! What a model can do, and what it lacks.

use std::collections::BTreeMap;
use std::path::Path;

use glam::Vec3;
use huashen_core::{ArkitShape, Joint};
use serde::Serialize;

use crate::AvatarError;
use crate::binding::{FaceRig, face_rig};
use crate::bundle::Avatar;
use crate::drive::{Deformer, Driven};

/// What was found in an avatar.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub name: String,
    pub licence: String,
    pub source: String,
    pub face: FaceRig,
    /// ARKit shapes and how many meshes answer to each.
    pub shapes: BTreeMap<&'static str, usize>,
    pub missing_shapes: Vec<&'static str>,
    pub joints: Vec<&'static str>,
    pub vertices: usize,
    pub triangles: usize,
    pub textures: usize,
    /// Who agreed to be cloned, of a video avatar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// What is missing or odd, with advice.
    pub warnings: Vec<String>,
}

/// Describes `avatar`.
pub fn report(avatar: &Avatar) -> Report {
    let model = &avatar.model;
    let (face, shapes) = face_rig(model);
    let missing_shapes: Vec<&'static str> = ArkitShape::ALL
        .into_iter()
        .map(ArkitShape::name)
        .filter(|s| !shapes.contains_key(s))
        .collect();
    let face = match avatar.video {
        Some(_) => FaceRig::Footage,
        None => face,
    };
    let mut warnings = model.warnings.clone();
    match face {
        FaceRig::Arkit if !missing_shapes.is_empty() => warnings.push(format!(
            "{} of 52 ARKit shapes are missing; what they would move stays at rest",
            missing_shapes.len()
        )),
        FaceRig::VrmExpressions | FaceRig::OculusVisemes => warnings.push(
            "the mouth has a few poses only; export ARKit shapes for finer speech".to_owned(),
        ),
        FaceRig::JawJoint => warnings
            .push("only a jaw joint moves the mouth; export ARKit shapes for lips".to_owned()),
        _ => {}
    }
    for (joint, loss) in [
        (Joint::Head, "the head does not move; name the joint `Head`"),
        (
            Joint::LeftEye,
            "the eyeballs turn by shapes only; name the joints `LeftEye` and `RightEye`",
        ),
    ] {
        if !model.joints.contains_key(&joint) {
            warnings.push(format!("no {} joint: {loss}", joint.name()));
        }
    }
    Report {
        name: avatar.manifest.name.clone(),
        licence: avatar.manifest.licence.clone(),
        source: avatar.manifest.source.clone(),
        face,
        shapes,
        missing_shapes,
        joints: model.joints.keys().map(|j| j.name()).collect(),
        vertices: model.meshes.iter().map(|m| m.positions.len()).sum(),
        triangles: model.meshes.iter().map(|m| m.indices.len() / 3).sum(),
        textures: model.images.len(),
        consent: avatar.video.as_ref().map(|v| v.about.consent.clone()),
        warnings,
    }
}

/// An error when nothing can move the mouth.
pub fn require_speech(avatar: &Avatar) -> Result<(), AvatarError> {
    match face_rig(&avatar.model).0 {
        FaceRig::None if avatar.video.is_none() => Err(AvatarError::Mute {
            path: Path::new(&avatar.dir).join(&avatar.manifest.file),
        }),
        _ => Ok(()),
    }
}

/// Distance between the inner lips in the middle of the mouth, in metres; none
/// when the manifest does not say where they are.
pub fn lip_gap(avatar: &Avatar, driven: &Driven) -> Option<f32> {
    let lips = avatar.manifest.lips.as_ref()?;
    let mesh = avatar
        .model
        .meshes
        .iter()
        .position(|m| m.name == lips.mesh)?;
    let first: usize = avatar.model.meshes[..mesh]
        .iter()
        .map(|m| m.positions.len())
        .sum();
    let mut wanted: BTreeMap<usize, Vec3> = BTreeMap::new();
    for v in lips.upper.iter().chain(&lips.lower) {
        wanted.insert(first + *v as usize, Vec3::NAN);
    }
    Deformer::default().run(&avatar.model, driven, &mut |i, p, _| {
        if let Some(slot) = wanted.get_mut(&i) {
            *slot = p;
        }
    });
    let gaps = lips.upper.iter().zip(&lips.lower).map(|(u, l)| {
        let (u, l) = (
            wanted[&(first + *u as usize)],
            wanted[&(first + *l as usize)],
        );
        // Lips that overlap are closed.
        (u.y - l.y).max(0.0)
    });
    gaps.max_by(f32::total_cmp)
}
