//! What each part of a pose moves in a model: ARKit morphs one to one, poorer
//! sets (VRM expressions, Oculus visemes) through sums of shapes.

use std::collections::BTreeMap;

use huashen_core::{ArkitShape, ArkitWeights, Joint};
use serde::Serialize;
use serde_json::Value;

use crate::model::Model;
use crate::names;

/// One morph target and what weight it takes.
#[derive(Clone, Debug)]
pub struct Binding {
    pub mesh: usize,
    pub morph: usize,
    /// Weight of the target when the source is 1.
    pub gain: f32,
    pub source: Source,
}

/// Shapes and what each adds.
pub type Mix = &'static [(ArkitShape, f32)];

/// Where a morph's weight comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Shape(ArkitShape),
    /// A sum of shapes, clamped to 0…1.
    Mix(Mix),
    /// Whole in every pose but the file's own: takes a photo's expression out.
    Posed,
}

impl Source {
    /// The weight in `weights`, 0…1.
    pub fn weight(&self, weights: &ArkitWeights) -> f32 {
        let sum = match self {
            Self::Shape(shape) => weights[*shape],
            Self::Mix(terms) => terms.iter().map(|(s, f)| weights[*s] * f).sum(),
            Self::Posed => 1.0,
        };
        sum.clamp(0.0, 1.0)
    }
}

/// How a model's face is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaceRig {
    Arkit,
    VrmExpressions,
    OculusVisemes,
    JawJoint,
    /// Filmed, not modelled.
    Footage,
    None,
}

use ArkitShape as S;

// A closed mouth is closed in every set: mouthClose takes away what jawOpen opens.
const AA: &[(S, f32)] = &[
    (S::JawOpen, 1.7),
    (S::MouthClose, -1.7),
    (S::MouthFunnel, -0.5),
    (S::MouthPucker, -0.5),
];
const OU: &[(S, f32)] = &[(S::MouthPucker, 1.0), (S::MouthFunnel, 0.15)];
const OH: &[(S, f32)] = &[
    (S::MouthFunnel, 0.9),
    (S::JawOpen, 0.4),
    (S::MouthClose, -0.4),
    (S::MouthPucker, -0.3),
];
const EE: &[(S, f32)] = &[
    (S::MouthStretchLeft, 0.4),
    (S::MouthStretchRight, 0.4),
    (S::MouthSmileLeft, 0.4),
    (S::MouthSmileRight, 0.4),
    (S::MouthLowerDownLeft, 0.3),
];
const IH: &[(S, f32)] = &[
    (S::MouthLowerDownLeft, 0.5),
    (S::MouthLowerDownRight, 0.5),
    (S::MouthUpperUpLeft, 0.3),
];
const BLINK: &[(S, f32)] = &[(S::EyeBlinkLeft, 0.5), (S::EyeBlinkRight, 0.5)];
const BLINK_LEFT: &[(S, f32)] = &[(S::EyeBlinkLeft, 1.0)];
const BLINK_RIGHT: &[(S, f32)] = &[(S::EyeBlinkRight, 1.0)];
const SMILE: &[(S, f32)] = &[
    (S::MouthSmileLeft, 0.4),
    (S::MouthSmileRight, 0.4),
    (S::CheekSquintLeft, 0.2),
];
const SAD: &[(S, f32)] = &[(S::MouthFrownLeft, 0.5), (S::MouthFrownRight, 0.5)];
const ANGRY: &[(S, f32)] = &[(S::BrowDownLeft, 0.4), (S::BrowDownRight, 0.4)];
const SURPRISED: &[(S, f32)] = &[
    (S::BrowInnerUp, 0.3),
    (S::EyeWideLeft, 0.4),
    (S::EyeWideRight, 0.4),
];
const PRESSED: &[(S, f32)] = &[
    (S::MouthPressLeft, 0.4),
    (S::MouthPressRight, 0.4),
    (S::MouthRollLower, 0.3),
    (S::MouthRollUpper, 0.3),
];
const LIP_TEETH: &[(S, f32)] = &[(S::MouthRollLower, 1.2), (S::MouthUpperUpLeft, 0.2)];

/// VRM preset names, 1.0 and 0.x, and common Japanese vowel morphs.
const EXPRESSIONS: &[(&[&str], Mix)] = &[
    (&["aa", "a", "あ"], AA),
    (&["ou", "u", "う"], OU),
    (&["oh", "o", "お"], OH),
    (&["ee", "e", "え"], EE),
    (&["ih", "i", "い"], IH),
    (&["blink", "まばたき"], BLINK),
    (&["blinkleft", "blink_l", "ウィンク"], BLINK_LEFT),
    (&["blinkright", "blink_r", "ウィンク右"], BLINK_RIGHT),
    (&["happy", "joy"], SMILE),
    (&["sad", "sorrow"], SAD),
    (&["angry"], ANGRY),
    (&["surprised"], SURPRISED),
];

/// Oculus visemes as morph targets; of the fifteen, those that say something
/// that the others do not.
const VISEMES: &[(&str, Mix)] = &[
    ("aa", AA),
    ("u", OU),
    ("o", OH),
    ("e", EE),
    ("i", IH),
    ("pp", PRESSED),
    ("ff", LIP_TEETH),
];

/// What the VRM extension says of the skeleton.
pub(crate) struct VrmHumanoid {
    pub version_0: bool,
    pub joints: Vec<(Joint, usize)>,
}

pub(crate) fn vrm_humanoid(json: &Value) -> Option<VrmHumanoid> {
    let extensions = &json["extensions"];
    if let Some(bones) = extensions["VRMC_vrm"]["humanoid"]["humanBones"].as_object() {
        let joints = bones
            .iter()
            .filter_map(|(name, b)| Some((Joint::from_name(name)?, b["node"].as_u64()? as usize)));
        return Some(VrmHumanoid {
            version_0: false,
            joints: joints.collect(),
        });
    }
    let bones = extensions["VRM"]["humanoid"]["humanBones"].as_array()?;
    let joints = bones.iter().filter_map(|b| {
        // 0.x names the thumb one joint further out.
        let name = b["bone"].as_str()?;
        let name = match name {
            n if n.ends_with("ThumbProximal") => n.replace("Proximal", "Metacarpal"),
            n if n.ends_with("ThumbIntermediate") => n.replace("Intermediate", "Proximal"),
            n => n.to_owned(),
        };
        Some((Joint::from_name(&name)?, b["node"].as_u64()? as usize))
    });
    Some(VrmHumanoid {
        version_0: true,
        joints: joints.collect(),
    })
}

/// Everything in the model that a pose's weights move.
pub(crate) fn bind(model: &Model, json: &Value) -> Vec<Binding> {
    let mut found = Vec::new();
    for (m, mesh) in model.meshes.iter().enumerate() {
        for (i, morph) in mesh.morphs.iter().enumerate() {
            let source = match names::arkit_shape(&morph.name) {
                Some(shape) => Source::Shape(shape),
                None if morph.name == crate::photo::NEUTRAL => Source::Posed,
                None => continue,
            };
            found.push(Binding {
                mesh: m,
                morph: i,
                gain: 1.0,
                source,
            });
        }
    }
    if found.iter().any(|b| b.source == Source::Shape(S::JawOpen)) {
        return found;
    }
    let expressions = vrm_expressions(model, json);
    let perfect = expressions
        .iter()
        .any(|b| b.source == Source::Shape(S::JawOpen));
    let speaks = expressions.iter().any(|b| b.source == Source::Mix(AA));
    if perfect {
        // ARKit by way of custom expressions ("perfect sync"): the presets would double it.
        found.extend(
            expressions
                .into_iter()
                .filter(|b| matches!(b.source, Source::Shape(_))),
        );
        return found;
    }
    if speaks {
        found.extend(expressions);
        return found;
    }
    for (m, mesh) in model.meshes.iter().enumerate() {
        for (i, morph) in mesh.morphs.iter().enumerate() {
            let name = morph.name.to_lowercase();
            let short = name.rsplit('.').next().unwrap_or(&name);
            let viseme = short
                .strip_prefix("viseme_")
                .map(|v| v.trim_end_matches(char::is_numeric));
            let mix = match viseme {
                Some(v) => VISEMES.iter().find(|(n, _)| *n == v).map(|(_, mix)| *mix),
                None => EXPRESSIONS
                    .iter()
                    .find(|(names, _)| names.contains(&short))
                    .map(|(_, mix)| *mix),
            };
            if let Some(mix) = mix {
                found.push(Binding {
                    mesh: m,
                    morph: i,
                    gain: 1.0,
                    source: Source::Mix(mix),
                });
            }
        }
    }
    found
}

/// Morph targets that VRM expressions of either version name.
fn vrm_expressions(model: &Model, json: &Value) -> Vec<Binding> {
    let mut found = Vec::new();
    let mut add =
        |name: &str, node: Option<usize>, mesh: Option<usize>, morph: usize, gain: f32| {
            let lower = name.to_lowercase();
            let source = match names::arkit_shape(name) {
                Some(shape) => Source::Shape(shape),
                None => match EXPRESSIONS
                    .iter()
                    .find(|(names, _)| names.contains(&lower.as_str()))
                {
                    Some((_, mix)) => Source::Mix(mix),
                    None => return,
                },
            };
            for (m, candidate) in model.meshes.iter().enumerate() {
                let here = node == Some(candidate.node)
                    || mesh.is_some_and(|mesh| {
                        json["nodes"][candidate.node]["mesh"].as_u64() == Some(mesh as u64)
                    });
                if here && morph < candidate.morphs.len() {
                    found.push(Binding {
                        mesh: m,
                        morph,
                        gain,
                        source: source.clone(),
                    });
                }
            }
        };
    let one = &json["extensions"]["VRMC_vrm"]["expressions"];
    for list in ["preset", "custom"] {
        for (name, expression) in one[list].as_object().into_iter().flatten() {
            for bind in expression["morphTargetBinds"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let (Some(node), Some(morph)) = (bind["node"].as_u64(), bind["index"].as_u64())
                else {
                    continue;
                };
                let gain = bind["weight"].as_f64().unwrap_or(1.0) as f32;
                add(name, Some(node as usize), None, morph as usize, gain);
            }
        }
    }
    let zero = &json["extensions"]["VRM"]["blendShapeMaster"]["blendShapeGroups"];
    for group in zero.as_array().into_iter().flatten() {
        let preset = group["presetName"].as_str().filter(|p| *p != "unknown");
        let name = preset.or(group["name"].as_str()).unwrap_or_default();
        for bind in group["binds"].as_array().into_iter().flatten() {
            let (Some(mesh), Some(morph)) = (bind["mesh"].as_u64(), bind["index"].as_u64()) else {
                continue;
            };
            let gain = bind["weight"].as_f64().unwrap_or(100.0) as f32 / 100.0;
            add(name, None, Some(mesh as usize), morph as usize, gain);
        }
    }
    found
}

/// What a model's face is made of, and the shapes it answers to.
pub fn face_rig(model: &Model) -> (FaceRig, BTreeMap<&'static str, usize>) {
    let mut shapes = BTreeMap::new();
    let mut mixes = false;
    for binding in &model.bindings {
        match &binding.source {
            Source::Shape(shape) => *shapes.entry(shape.name()).or_insert(0) += 1,
            Source::Mix(_) => mixes = true,
            Source::Posed => {}
        }
    }
    let visemes = || {
        model
            .meshes
            .iter()
            .flat_map(|m| &m.morphs)
            .any(|m| m.name.to_lowercase().contains("viseme_"))
    };
    let rig = if shapes.contains_key("jawOpen") {
        FaceRig::Arkit
    } else if mixes && visemes() {
        FaceRig::OculusVisemes
    } else if mixes {
        FaceRig::VrmExpressions
    } else if model.joints.contains_key(&Joint::Jaw) {
        FaceRig::JawJoint
    } else {
        FaceRig::None
    };
    (rig, shapes)
}
