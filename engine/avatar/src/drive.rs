//! A pose onto a model: local rotations of nodes and weights of morph targets,
//! and the vertices that come of them (the CPU reference of the deformation).

use glam::{Mat3A, Mat4, Quat, Vec3, Vec3A};
use huashen_core::{ArkitShape, ArkitWeights, Euler, Joint, Pose};

use crate::binding::{FaceRig, face_rig};
use crate::manifest::Calibration;
use crate::model::Model;
use crate::seal::closing_gain;
use crate::stance::{Stance, stances};

/// How much of the head's turn the neck takes.
const NECK_SHARE: f32 = 0.4;
/// What a jaw joint turns at `jawOpen` 1, in degrees.
const JAW_DEGREES: f32 = 18.0;
/// The gaze angle, in radians, that `eyeLook…` 1 stands for where the eyes have no joints.
const LOOK_RAD: f32 = 0.5;

/// What a pose makes of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Driven {
    /// Node and its local rotation, in place of the rest one.
    pub rotations: Vec<(usize, Quat)>,
    /// `(mesh, morph, weight)` of the targets that are not at rest.
    pub morphs: Vec<(usize, usize, f32)>,
}

/// One joint of a model.
#[derive(Clone, Copy, Debug)]
struct Driver {
    joint: Joint,
    node: usize,
    /// Rest rotation of the node's parent in the world.
    parent: Quat,
    /// Of a joint of an arm.
    stance: Option<Stance>,
}

/// Turns poses into [`Driven`] for one model.
#[derive(Clone, Debug)]
pub struct Drive {
    joints: Vec<Driver>,
    gains: ArkitWeights,
    jaw_rad: Option<f32>,
    eyes_by_joint: bool,
    has_neck: bool,
}

impl Drive {
    pub fn new(model: &Model, calibration: &Calibration) -> Self {
        let world = model.world_from_node(&[]);
        let stances = stances(&|joint| model.joint_position(joint));
        let joints = model
            .joints
            .iter()
            .map(|(&joint, &node)| {
                let parent = match model.nodes[node].parent {
                    Some(parent) => world[parent].to_scale_rotation_translation().1,
                    None => Quat::IDENTITY,
                };
                Driver {
                    joint,
                    node,
                    parent,
                    stance: stances.get(&joint).copied(),
                }
            })
            .collect();
        let mut gains = ArkitWeights([1.0; huashen_core::ARKIT_COUNT]);
        if let Some(gain) = closing_gain(model) {
            gains[ArkitShape::MouthClose] = gain;
        }
        for (name, gain) in &calibration.gain {
            if let Some(shape) = ArkitShape::from_name(name) {
                gains[shape] = *gain;
            }
        }
        let (rig, _) = face_rig(model);
        Self {
            joints,
            gains,
            jaw_rad: (rig == FaceRig::JawJoint)
                .then(|| calibration.jaw_degrees.unwrap_or(JAW_DEGREES).to_radians()),
            eyes_by_joint: model.joints.contains_key(&Joint::LeftEye),
            has_neck: model.joints.contains_key(&Joint::Neck),
        }
    }

    /// The model in `pose`. The rest pose leaves it as its file has it.
    pub fn apply(&self, model: &Model, pose: &Pose) -> Driven {
        if *pose == Pose::default() {
            return Driven::default();
        }
        let mut weights = pose.weights;
        for (w, gain) in weights.0.iter_mut().zip(&self.gains.0) {
            *w *= gain;
        }
        if !self.eyes_by_joint {
            look_by_shapes(&mut weights, pose.left_eye, pose.right_eye);
        }
        let mut morphs: Vec<(usize, usize, f32)> = Vec::new();
        for binding in &model.bindings {
            let weight = binding.source.weight(&weights) * binding.gain;
            if weight.abs() < 1e-4 {
                continue;
            }
            match morphs
                .iter_mut()
                .find(|(m, i, _)| (*m, *i) == (binding.mesh, binding.morph))
            {
                Some((_, _, w)) => *w = (*w + weight).min(1.0),
                None => morphs.push((binding.mesh, binding.morph, weight)),
            }
        }
        let head = pose.head.quat();
        let rotations = self
            .joints
            .iter()
            .filter_map(|driver| {
                let Driver {
                    joint,
                    node,
                    parent,
                    ..
                } = *driver;
                let own = match joint {
                    Joint::Head if self.has_neck => Quat::IDENTITY.slerp(head, 1.0 - NECK_SHARE),
                    Joint::Head => head,
                    Joint::Neck => Quat::IDENTITY.slerp(head, NECK_SHARE),
                    Joint::LeftEye => pose.left_eye.quat(),
                    Joint::RightEye => pose.right_eye.quat(),
                    Joint::Jaw => {
                        let open = (weights[ArkitShape::JawOpen] - weights[ArkitShape::MouthClose])
                            .max(0.0);
                        Quat::from_rotation_x(self.jaw_rad.unwrap_or(0.0) * open)
                    }
                    _ => Quat::IDENTITY,
                };
                let delta = own * pose.joint(joint);
                // Arms that a pose names are told against the T-pose; others
                // stay as the file has them.
                let stance = driver.stance.filter(|s| named(pose, s.arm));
                if stance.is_none() && delta.abs_diff_eq(Quat::IDENTITY, 1e-7) {
                    return None;
                }
                let delta = match stance {
                    Some(s) => s.parent_turn.inverse() * delta * s.turn,
                    None => delta,
                };
                // `delta` is given in the model's axes; the node's own frame is
                // its parent's rest frame.
                let local = parent.inverse() * delta * parent * model.nodes[node].rotation;
                Some((node, local.normalize()))
            })
            .collect();
        Driven { rotations, morphs }
    }
}

fn named(pose: &Pose, joint: Joint) -> bool {
    pose.joints
        .binary_search_by_key(&joint, |(j, _)| *j)
        .is_ok()
}

/// Where no joint turns the eyeballs, the `eyeLook…` shapes do.
fn look_by_shapes(weights: &mut ArkitWeights, left: Euler, right: Euler) {
    use ArkitShape as S;
    let mut set = |shape: S, radians: f32| weights[shape] = (radians / LOOK_RAD).clamp(0.0, 1.0);
    // Yaw turns to the person's left: out for the left eye, in for the right.
    set(S::EyeLookOutLeft, left.yaw);
    set(S::EyeLookInLeft, -left.yaw);
    set(S::EyeLookInRight, right.yaw);
    set(S::EyeLookOutRight, -right.yaw);
    set(S::EyeLookUpLeft, left.pitch);
    set(S::EyeLookDownLeft, -left.pitch);
    set(S::EyeLookUpRight, right.pitch);
    set(S::EyeLookDownRight, -right.pitch);
}

/// Computes world-space vertices of all meshes, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Deformer {
    positions: Vec<Vec3>,
    normals: Vec<Vec3>,
    palette: Vec<(Mat3A, Vec3A)>,
}

impl Deformer {
    /// Calls `vertex(i, position, normal)` for every vertex of every mesh of
    /// `model`, in order, `i` counting through all meshes.
    pub fn run(
        &mut self,
        model: &Model,
        driven: &Driven,
        vertex: &mut dyn FnMut(usize, Vec3, Vec3),
    ) {
        let world = model.world_from_node(&driven.rotations);
        let mut at = 0;
        for (m, mesh) in model.meshes.iter().enumerate() {
            self.positions.clear();
            self.positions.extend_from_slice(&mesh.positions);
            self.normals.clear();
            self.normals.extend_from_slice(&mesh.normals);
            for &(_, morph, weight) in driven.morphs.iter().filter(|(i, _, _)| *i == m) {
                for &(v, delta, turn) in &mesh.morphs[morph].deltas {
                    self.positions[v as usize] += delta * weight;
                    self.normals[v as usize] += turn * weight;
                }
            }
            self.palette.clear();
            match mesh.skin.and_then(|s| model.skins.get(s)) {
                Some(skin) => self.palette.extend(
                    skin.joints
                        .iter()
                        .zip(&skin.inverse_bind)
                        .map(|(&joint, bind)| affine(world[joint] * *bind)),
                ),
                None => self.palette.push(affine(world[mesh.node])),
            }
            for v in 0..self.positions.len() {
                let (p, n) = (Vec3A::from(self.positions[v]), Vec3A::from(self.normals[v]));
                let (position, normal) = match mesh.joints.get(v) {
                    Some(joints) => {
                        let (mut position, mut normal) = (Vec3A::ZERO, Vec3A::ZERO);
                        for (j, w) in joints.iter().zip(&mesh.weights[v]) {
                            if *w > 0.0 {
                                let (linear, offset) = self.palette[usize::from(*j)];
                                position += (linear * p + offset) * *w;
                                normal += linear * n * *w;
                            }
                        }
                        (position, normal)
                    }
                    None => {
                        let (linear, offset) = self.palette[0];
                        (linear * p + offset, linear * n)
                    }
                };
                vertex(
                    at + v,
                    position.into(),
                    normal.normalize_or(Vec3A::Y).into(),
                );
            }
            at += self.positions.len();
        }
    }
}

fn affine(m: Mat4) -> (Mat3A, Vec3A) {
    (Mat3A::from_mat4(m), Vec3A::from_vec4(m.w_axis))
}
