//! From the arms as a model's file has them to the T-pose that poses are told in.
//!
//! Models are skinned with arms in a T, in an A, hanging or bent; a pose says
//! how the joints of an arm turn against a T-pose with palms down, fingers
//! straight and thumbs at 45° to the front (the T-pose of VRM 1.0). For each
//! joint of an arm this finds the turn, in the model's axes, that brings it
//! from its rest in the file into the T.

use std::collections::BTreeMap;

use glam::{Mat3, Quat, Vec3};
use huashen_core::Joint;

/// A bend of the elbow from which its hinge can be told (sine of the angle).
const CLEAR_BEND: f32 = 0.15;
/// Fingers of a straight hand are at most this far apart from its length (tangent).
const MOST_SPREAD: f32 = 0.22;

/// Joints of one arm, as far as they matter here.
struct Names {
    upper: Joint,
    lower: Joint,
    hand: Joint,
    thumb: [Joint; 3],
    /// Index, middle, ring, little.
    fingers: [[Joint; 3]; 4],
}

use Joint as J;

const LEFT: Names = Names {
    upper: J::LeftUpperArm,
    lower: J::LeftLowerArm,
    hand: J::LeftHand,
    thumb: [
        J::LeftThumbMetacarpal,
        J::LeftThumbProximal,
        J::LeftThumbDistal,
    ],
    fingers: [
        [
            J::LeftIndexProximal,
            J::LeftIndexIntermediate,
            J::LeftIndexDistal,
        ],
        [
            J::LeftMiddleProximal,
            J::LeftMiddleIntermediate,
            J::LeftMiddleDistal,
        ],
        [
            J::LeftRingProximal,
            J::LeftRingIntermediate,
            J::LeftRingDistal,
        ],
        [
            J::LeftLittleProximal,
            J::LeftLittleIntermediate,
            J::LeftLittleDistal,
        ],
    ],
};

const RIGHT: Names = Names {
    upper: J::RightUpperArm,
    lower: J::RightLowerArm,
    hand: J::RightHand,
    thumb: [
        J::RightThumbMetacarpal,
        J::RightThumbProximal,
        J::RightThumbDistal,
    ],
    fingers: [
        [
            J::RightIndexProximal,
            J::RightIndexIntermediate,
            J::RightIndexDistal,
        ],
        [
            J::RightMiddleProximal,
            J::RightMiddleIntermediate,
            J::RightMiddleDistal,
        ],
        [
            J::RightRingProximal,
            J::RightRingIntermediate,
            J::RightRingDistal,
        ],
        [
            J::RightLittleProximal,
            J::RightLittleIntermediate,
            J::RightLittleDistal,
        ],
    ],
};

/// How one joint of an arm comes from the file's rest into the T-pose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stance {
    /// The upper arm of the same side: a pose that names it poses the whole arm.
    pub arm: Joint,
    /// The turn of the joint in the model's axes, and that of its parent joint.
    pub turn: Quat,
    pub parent_turn: Quat,
}

/// The stance of every joint of both arms; of an arm without a forearm: none.
/// `place` gives a joint's place in the world at rest.
pub(crate) fn stances(place: &dyn Fn(Joint) -> Option<Vec3>) -> BTreeMap<Joint, Stance> {
    let mut found = BTreeMap::new();
    for (names, out) in [(&LEFT, 1.0), (&RIGHT, -1.0)] {
        arm(names, Vec3::X * out, place, &mut found);
    }
    found
}

fn arm(
    names: &Names,
    out: Vec3,
    place: &dyn Fn(Joint) -> Option<Vec3>,
    found: &mut BTreeMap<Joint, Stance>,
) {
    let to = |a: Joint, b: Joint| (place(b)? - place(a)?).try_normalize();
    let Some(upper) = to(names.upper, names.lower) else {
        return;
    };
    let mut add = |joint, parent_turn, turn| {
        let stance = Stance {
            arm: names.upper,
            turn,
            parent_turn,
        };
        found.insert(joint, stance);
    };
    // Elbows of a T-pose bend to the front.
    let hinge = out.cross(Vec3::Z);
    let plain = Quat::from_rotation_arc(upper, out);
    let lower = to(names.lower, names.hand);
    let bent = lower
        .map(|l| upper.cross(l))
        .filter(|h| h.length() > CLEAR_BEND)
        .map(Vec3::normalize)
        .filter(|h| (plain * *h).dot(hinge) > 0.3);
    let upper_turn = match bent {
        Some(h) => frame(upper, h, out, hinge),
        None => plain,
    };
    let lower_turn = match (lower, bent) {
        (Some(l), Some(h)) => frame(l, h, out, hinge),
        (Some(l), None) => Quat::from_rotation_arc(upper_turn * l, out) * upper_turn,
        (None, _) => upper_turn,
    };
    add(names.upper, Quat::IDENTITY, upper_turn);
    add(names.lower, upper_turn, lower_turn);

    let knuckle = |finger: usize| place(names.fingers[finger][0]);
    let palm = || {
        let (index, middle) = (knuckle(0)?, knuckle(1)?);
        let little = knuckle(3).or_else(|| knuckle(2))?;
        let along = (middle - place(names.hand)?).try_normalize()?;
        let across = (index - little)
            .reject_from_normalized(along)
            .try_normalize()?;
        Some(frame(along, across, out, Vec3::Z))
    };
    let hand_turn = palm().unwrap_or(lower_turn);
    add(names.hand, lower_turn, hand_turn);

    for finger in &names.fingers {
        let mut turn = hand_turn;
        for (i, joint) in finger.iter().enumerate() {
            let parent = turn;
            if let Some(bone) = finger.get(i + 1).and_then(|next| to(*joint, *next)) {
                let now = turn * bone;
                // Straight, but spread as it is.
                let spread = now.z.clamp(-MOST_SPREAD, MOST_SPREAD);
                let straight = (out + Vec3::Z * spread).normalize();
                turn = Quat::from_rotation_arc(now, straight) * turn;
            }
            add(*joint, parent, turn);
        }
    }
    let straight = (out + Vec3::Z).normalize();
    let mut turn = hand_turn;
    for (i, joint) in names.thumb.iter().enumerate() {
        let parent = turn;
        if let Some(bone) = names.thumb.get(i + 1).and_then(|next| to(*joint, *next)) {
            turn = Quat::from_rotation_arc(turn * bone, straight) * turn;
        }
        add(*joint, parent, turn);
    }
}

/// The rotation that brings `a` to `to_a` and, at right angles, `b` to `to_b`.
fn frame(a: Vec3, b: Vec3, to_a: Vec3, to_b: Vec3) -> Quat {
    let axes = |a: Vec3, b: Vec3| {
        let b = b.reject_from_normalized(a).normalize_or(Vec3::Y);
        Mat3::from_cols(a, b, a.cross(b))
    };
    Quat::from_mat3(&(axes(to_a, to_b) * axes(a, b).transpose())).normalize()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use glam::EulerRot;
    use huashen_core::Pose;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Calibration, Drive, Model};

    /// A joint: VRM's name, Mixamo's, parent (by row), length and direction
    /// from it in a left T-pose.
    type Row = (&'static str, &'static str, usize, [f32; 3]);

    /// Chest and left arm with an index, a middle and a little finger and a thumb.
    const ROWS: [Row; 17] = [
        ("hips", "mixamorig:Hips", 0, [0.0, 0.95, 0.0]),
        ("chest", "mixamorig:Spine1", 0, [0.0, 0.25, 0.0]),
        (
            "leftShoulder",
            "mixamorig:LeftShoulder",
            1,
            [0.05, 0.15, 0.0],
        ),
        ("leftUpperArm", "mixamorig:LeftArm", 2, [0.1, 0.0, 0.0]),
        ("leftLowerArm", "mixamorig:LeftForeArm", 3, [0.27, 0.0, 0.0]),
        ("leftHand", "mixamorig:LeftHand", 4, [0.25, 0.0, 0.0]),
        (
            "leftThumbMetacarpal",
            "mixamorig:LeftHandThumb1",
            5,
            [0.02, 0.0, 0.02],
        ),
        (
            "leftThumbProximal",
            "mixamorig:LeftHandThumb2",
            6,
            [0.03, 0.0, 0.03],
        ),
        (
            "leftThumbDistal",
            "mixamorig:LeftHandThumb3",
            7,
            [0.02, 0.0, 0.02],
        ),
        (
            "leftIndexProximal",
            "mixamorig:LeftHandIndex1",
            5,
            [0.09, 0.0, 0.02],
        ),
        (
            "leftIndexIntermediate",
            "mixamorig:LeftHandIndex2",
            9,
            [0.04, 0.0, 0.0],
        ),
        (
            "leftIndexDistal",
            "mixamorig:LeftHandIndex3",
            10,
            [0.03, 0.0, 0.0],
        ),
        (
            "leftMiddleProximal",
            "mixamorig:LeftHandMiddle1",
            5,
            [0.09, 0.0, 0.0],
        ),
        (
            "leftMiddleIntermediate",
            "mixamorig:LeftHandMiddle2",
            12,
            [0.04, 0.0, 0.0],
        ),
        (
            "leftLittleProximal",
            "mixamorig:LeftHandPinky1",
            5,
            [0.08, 0.0, -0.04],
        ),
        (
            "leftLittleIntermediate",
            "mixamorig:LeftHandPinky2",
            14,
            [0.03, 0.0, 0.0],
        ),
        (
            "leftLittleDistal",
            "mixamorig:LeftHandPinky3",
            15,
            [0.02, 0.0, 0.0],
        ),
    ];

    /// What a joint's limb is turned by, against the T, in the file's rest.
    type Turns = HashMap<&'static str, Quat>;

    /// A GLB of the skeleton, mirrored for the right side too. With `turns`
    /// the node's translations are bent and their rotations are left alone, or
    /// given in frames of their own.
    fn skeleton(vrm: bool, turns: &Turns, framed: bool) -> Model {
        let mut nodes: Vec<Value> = Vec::new();
        let mut world: Vec<(Quat, Quat)> = Vec::new();
        let mut human = serde_json::Map::new();
        let mut children: Vec<Vec<usize>> = Vec::new();
        let mut index = HashMap::new();
        for mirrored in [false, true] {
            let flip = |q: Quat| match mirrored {
                true => Quat::from_xyzw(q.x, -q.y, -q.z, q.w),
                false => q,
            };
            for (row, &(vrm_name, mixamo, parent, offset)) in ROWS.iter().enumerate() {
                if mirrored && row < 2 {
                    continue;
                }
                let up = index
                    .get(&(mirrored && parent > 1, parent))
                    .copied()
                    .filter(|_| row > 0);
                // Bend of this joint's limb and of all above it; the node's own frame.
                let (bend_above, frame_above) =
                    up.map_or((Quat::IDENTITY, Quat::IDENTITY), |u: usize| world[u]);
                let bend =
                    bend_above * flip(turns.get(vrm_name).copied().unwrap_or(Quat::IDENTITY));
                let own = match framed {
                    true => Quat::from_euler(EulerRot::XYZ, 0.4 * row as f32, 1.1, -0.3),
                    false => Quat::IDENTITY,
                };
                let x = if mirrored { -offset[0] } else { offset[0] };
                let place = bend_above * Vec3::new(x, offset[1], offset[2]);
                let n = nodes.len();
                let swap = |s: &str| match mirrored {
                    true => s.replace("left", "right").replace("Left", "Right"),
                    false => s.to_owned(),
                };
                nodes.push(json!({
                    "name": if vrm { format!("bone_{n}") } else { swap(mixamo) },
                    "translation": (frame_above.inverse() * place).to_array(),
                    "rotation": (frame_above.inverse() * own).normalize().to_array(),
                }));
                human.insert(swap(vrm_name), json!({ "node": n }));
                world.push((bend, own));
                children.push(Vec::new());
                if let Some(u) = up {
                    children[u].push(n);
                }
                index.insert((mirrored && row > 1, row), n);
            }
        }
        for (node, below) in nodes.iter_mut().zip(&children) {
            if !below.is_empty() {
                node["children"] = json!(below);
            }
        }
        // A file without a mesh is no avatar: one triangle.
        let corners: [f32; 9] = [0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.1, 0.0];
        nodes[0]["mesh"] = json!(0);
        let mut file = json!({
            "asset": { "version": "2.0" }, "scene": 0, "scenes": [{ "nodes": [0] }], "nodes": nodes,
            "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 } }] }],
            "accessors": [{
                "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3",
                "min": [0.0, 0.0, 0.0], "max": [0.1, 0.1, 0.0],
            }],
            "bufferViews": [{ "buffer": 0, "byteLength": 36 }],
            "buffers": [{ "byteLength": 36 }],
        });
        if vrm {
            file["extensionsUsed"] = json!(["VRMC_vrm"]);
            file["extensions"] = json!({ "VRMC_vrm": { "humanoid": { "humanBones": human } } });
        }
        let mut text = file.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let mut glb = b"glTF".to_vec();
        for n in [2, 20 + text.len() as u32 + 44, text.len() as u32] {
            glb.extend(n.to_le_bytes());
        }
        glb.extend(b"JSON");
        glb.extend(text);
        glb.extend(36u32.to_le_bytes());
        glb.extend(b"BIN\0");
        glb.extend(corners.iter().flat_map(|c| c.to_le_bytes()));
        Model::from_glb(&glb).unwrap()
    }

    /// Places of all joints of `model` in `pose`.
    fn posed(model: &Model, pose: &Pose) -> HashMap<Joint, Vec3> {
        let driven = Drive::new(model, &Calibration::default()).apply(model, pose);
        let world = model.world_from_node(&driven.rotations);
        let place = |(j, n): (&Joint, &usize)| (*j, world[*n].w_axis.truncate());
        model.joints.iter().map(place).collect()
    }

    #[test]
    fn one_pose_moves_a_mixamo_and_a_vrm_skeleton_alike_whatever_their_stance() {
        let straight = skeleton(true, &Turns::new(), false);
        assert_eq!(
            straight.joints.len(),
            32,
            "every joint of both arms is found"
        );
        let bent: Turns = [
            ("leftUpperArm", Quat::from_rotation_z(-0.8)),
            ("leftLowerArm", Quat::from_rotation_y(-0.5)),
            ("leftIndexProximal", Quat::from_rotation_z(-0.3)),
            ("leftIndexIntermediate", Quat::from_rotation_z(-0.2)),
            ("leftMiddleProximal", Quat::from_rotation_z(-0.3)),
            ("leftLittleProximal", Quat::from_rotation_z(-0.4)),
        ]
        .into();
        let lowered: Turns = [("leftUpperArm", Quat::from_rotation_z(-0.6))].into();
        let others = [
            skeleton(false, &Turns::new(), false),
            skeleton(false, &Turns::new(), true),
            skeleton(false, &lowered, false),
            skeleton(false, &bent, true),
            skeleton(true, &bent, false),
        ];
        let mut pose = Pose::default();
        for (i, joint) in straight.joints.keys().enumerate() {
            if joint.name().contains("eft") || joint.name().contains("ight") {
                let k = i as f32;
                let turn = Quat::from_euler(EulerRot::XYZ, 0.3 * k.sin(), 0.4 * k.cos(), 0.2);
                pose.set_joint(*joint, turn);
            }
        }
        let expected = posed(&straight, &pose);
        for (n, model) in others.iter().enumerate() {
            assert_eq!(model.joints.len(), 32, "{n}");
            for (joint, place) in posed(model, &pose) {
                let off = place.distance(expected[&joint]);
                assert!(off < 2e-3, "{n}: {} is {off} m off", joint.name());
            }
            // A pose without arms leaves them as they are.
            let mut chest = Pose::default();
            chest.set_joint(Joint::Chest, Quat::from_rotation_y(1e-4));
            let (was, is) = (posed(model, &Pose::default()), posed(model, &chest));
            assert!(was[&Joint::LeftHand].distance(is[&Joint::LeftHand]) < 1e-3);
        }
    }
}
