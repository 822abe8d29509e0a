//! VRM animation (`.vrma`): a binary glTF with the extension
//! `VRMC_vrm_animation` 1.0: humanoid rotations, expressions, gaze.
//!
//! An expression's weight is the X translation of its node; the gaze is the
//! rotation of the look-at node, since the format leaves out eye joints.
//! Spec: vrm-c/vrm-specification, `VRMC_vrm_animation-1.0`.

use std::io::Write;

use glam::Quat;
use huashen_core::{ArkitShape as A, ArkitWeights, FrameRate, Joint, MotionTrack, Pose};
use serde_json::{Map, Value, json};

use super::skeleton::{SKELETON, local_rotation};
use crate::{MotionError, lip_gap};

/// Which expressions the file carries. A model that answers to both kinds
/// would move twice, so the caller chooses for its models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expressions {
    /// VRM presets: aa ih ou ee oh blinkLeft blinkRight. Every VRM has them.
    Presets,
    /// The ARKit shapes as custom expressions (`jawOpen`): "perfect sync" models.
    Arkit,
    /// Both.
    #[default]
    Both,
}

const F32: u32 = 5126;

/// Writes `track`, sampled at `fps`.
///
/// # Errors
/// Whatever `out` fails with; a file over 4 GiB, which glTF cannot hold.
pub fn write(
    track: &MotionTrack,
    fps: FrameRate,
    expressions: Expressions,
    mut out: impl Write,
) -> Result<(), MotionError> {
    let frames = super::frame_count(&track, fps).max(1);
    let poses: Vec<Pose> = (0..frames)
        .map(|n| track.sample(fps.frame_time_secs(n)))
        .collect();
    let mut file = Builder::new(&poses, fps);
    file.humanoid();
    file.expressions(expressions);
    file.look_at();
    file.finish(&mut out)
}

/// Up to four numbers of a pose.
type Values<'a> = Box<dyn Fn(&Pose) -> [f32; 4] + 'a>;

/// One animated property: its values and where they go.
struct Channel<'a> {
    node: usize,
    path: &'static str,
    width: usize,
    values: Values<'a>,
}

struct Builder<'a> {
    poses: &'a [Pose],
    fps: FrameRate,
    nodes: Vec<Value>,
    roots: Vec<usize>,
    channels: Vec<Channel<'a>>,
    human: Map<String, Value>,
    preset: Map<String, Value>,
    custom: Map<String, Value>,
    look_at: Value,
}

impl<'a> Builder<'a> {
    fn new(poses: &'a [Pose], fps: FrameRate) -> Self {
        Self {
            poses,
            fps,
            nodes: Vec::new(),
            roots: Vec::new(),
            channels: Vec::new(),
            human: Map::new(),
            preset: Map::new(),
            custom: Map::new(),
            look_at: Value::Null,
        }
    }

    fn humanoid(&mut self) {
        let kept: Vec<_> = SKELETON
            .iter()
            // Jaw and eyes go as expressions and look-at.
            .filter(|r| !matches!(r.joint, Joint::Jaw | Joint::LeftEye | Joint::RightEye))
            .collect();
        let place = |joint: Joint| kept.iter().position(|r| r.joint == joint);
        for (i, r) in kept.iter().enumerate() {
            let below: Vec<usize> = (0..kept.len())
                .filter(|k| kept[*k].parent == Some(r.joint))
                .collect();
            let mut node = json!({ "name": r.joint.name(), "translation": r.offset.to_array() });
            if !below.is_empty() {
                node["children"] = json!(below);
            }
            self.nodes.push(node);
            if r.parent.and_then(place).is_none() {
                self.roots.push(i);
            }
            self.human
                .insert(r.joint.name().to_owned(), json!({ "node": i }));
            let joint = r.joint;
            let moves = self
                .poses
                .iter()
                .any(|p| local_rotation(p, joint).angle_between(Quat::IDENTITY) > 1e-5);
            if moves {
                self.channels.push(Channel {
                    node: i,
                    path: "rotation",
                    width: 4,
                    values: Box::new(move |p| local_rotation(p, joint).normalize().to_array()),
                });
            }
        }
    }

    fn expressions(&mut self, which: Expressions) {
        if which != Expressions::Arkit {
            for (k, name) in PRESETS.iter().enumerate() {
                let node = self.expression(name, move |p| presets(&p.weights)[k]);
                self.preset
                    .insert((*name).to_owned(), json!({ "node": node }));
            }
        }
        if which != Expressions::Presets {
            for shape in A::ALL {
                if self.poses.iter().any(|p| p.weights[shape].abs() > 1e-4) {
                    let node = self.expression(shape.name(), move |p| p.weights[shape]);
                    self.custom
                        .insert(shape.name().to_owned(), json!({ "node": node }));
                }
            }
        }
    }

    fn expression(&mut self, name: &str, weight: impl Fn(&Pose) -> f32 + 'a) -> usize {
        let node = self.nodes.len();
        self.nodes.push(json!({ "name": name }));
        self.roots.push(node);
        self.channels.push(Channel {
            node,
            path: "translation",
            width: 3,
            values: Box::new(move |p| [weight(p), 0.0, 0.0, 0.0]),
        });
        node
    }

    fn look_at(&mut self) {
        let node = self.nodes.len();
        self.nodes.push(json!({ "name": "lookAt" }));
        self.roots.push(node);
        self.look_at = json!({ "node": node, "offsetFromHeadBone": [0.0, 0.07, 0.075] });
        self.channels.push(Channel {
            node,
            path: "rotation",
            width: 4,
            values: Box::new(|p| p.left_eye.lerp(p.right_eye, 0.5).quat().to_array()),
        });
    }

    fn finish(self, out: &mut impl Write) -> Result<(), MotionError> {
        let count = self.poses.len();
        let mut views = Vec::new();
        let mut accessors = Vec::new();
        let mut offset = 0usize;
        let mut add = |width: usize, kind: &str, extra: Value| {
            let bytes = count * width * 4;
            let mut accessor = json!({
                "bufferView": views.len(), "componentType": F32, "count": count, "type": kind,
            });
            if let (Some(a), Value::Object(more)) = (accessor.as_object_mut(), extra) {
                a.extend(more);
            }
            views.push(json!({ "buffer": 0, "byteOffset": offset, "byteLength": bytes }));
            accessors.push(accessor);
            offset += bytes;
            accessors.len() - 1
        };
        let last = self.fps.frame_time_secs(count as u64 - 1) as f32;
        let input = add(1, "SCALAR", json!({ "min": [0.0], "max": [last] }));
        let (mut samplers, mut channels) = (Vec::new(), Vec::new());
        for c in &self.channels {
            let kind = if c.width == 4 { "VEC4" } else { "VEC3" };
            let output = add(c.width, kind, Value::Null);
            channels.push(json!({
                "sampler": samplers.len(), "target": { "node": c.node, "path": c.path },
            }));
            samplers.push(json!({ "input": input, "output": output, "interpolation": "LINEAR" }));
        }
        let mut expressions = Map::new();
        for (name, map) in [("preset", self.preset), ("custom", self.custom)] {
            if !map.is_empty() {
                expressions.insert(name.to_owned(), Value::Object(map));
            }
        }
        let document = json!({
            "asset": { "version": "2.0", "generator": "huashen" },
            "extensionsUsed": ["VRMC_vrm_animation"],
            "extensions": { "VRMC_vrm_animation": {
                "specVersion": "1.0",
                "humanoid": { "humanBones": self.human },
                "expressions": expressions,
                "lookAt": self.look_at,
            } },
            "scene": 0,
            "scenes": [{ "nodes": self.roots }],
            "nodes": self.nodes,
            "animations": [{ "name": "huashen", "channels": channels, "samplers": samplers }],
            "buffers": [{ "byteLength": offset }],
            "bufferViews": views,
            "accessors": accessors,
        });
        let mut text = serde_json::to_vec(&document)?;
        text.resize(text.len().next_multiple_of(4), b' ');

        let too_long = |_| {
            MotionError::Options(
                "the animation is over 4 GiB: lower the frame rate or split it".into(),
            )
        };
        let total = u32::try_from(12 + 8 + text.len() + 8 + offset).map_err(too_long)?;
        out.write_all(b"glTF")?;
        for v in [2, total, text.len() as u32] {
            out.write_all(&v.to_le_bytes())?;
        }
        out.write_all(b"JSON")?;
        out.write_all(&text)?;
        out.write_all(&(offset as u32).to_le_bytes())?;
        out.write_all(b"BIN\0")?;
        for n in 0..count as u64 {
            out.write_all(&(self.fps.frame_time_secs(n) as f32).to_le_bytes())?;
        }
        for c in &self.channels {
            for pose in self.poses {
                for v in &(c.values)(pose)[..c.width] {
                    out.write_all(&v.to_le_bytes())?;
                }
            }
        }
        out.flush()?;
        Ok(())
    }
}

/// Presets written, in the order of [`presets`].
const PRESETS: [&str; 7] = ["aa", "ih", "ou", "ee", "oh", "blinkLeft", "blinkRight"];

/// ARKit weights → VRM's vowels and blinks. Vowels share the opening of the
/// lips between them (their sum is at most 1), so sealed lips show none.
fn presets(w: &ArkitWeights) -> [f32; 7] {
    let part = |v: f32| v.clamp(0.0, 1.0);
    let gap = lip_gap(w);
    let open = part(gap / 0.5);
    let pucker = part(w[A::MouthPucker] / 0.7) * part(gap / 0.08);
    let funnel = part(w[A::MouthFunnel] / 0.5) * part(gap / 0.12);
    let spread = part((w[A::MouthStretchLeft] + w[A::MouthStretchRight]) / 0.5) * part(gap / 0.08);
    let ou = pucker * (1.0 - 0.6 * funnel * open);
    let oh = funnel * (1.0 - 0.6 * pucker);
    let rest = (1.0 - ou - oh).max(0.0);
    let ee = 0.8 * spread * rest * (1.0 - 0.5 * open);
    let aa = open * rest * (1.0 - 0.6 * spread);
    let ih = 0.5 * part(gap / 0.2) * (rest - ee - aa).max(0.0);
    let all = [aa, ih, ou, ee, oh];
    let sum: f32 = all.iter().sum();
    let scale = 1.0 / sum.max(1.0);
    let [aa, ih, ou, ee, oh] = all.map(|v| part(v * scale));
    [
        aa,
        ih,
        ou,
        ee,
        oh,
        part(w[A::EyeBlinkLeft]),
        part(w[A::EyeBlinkRight]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MotionOptions;

    fn le(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    #[test]
    fn the_file_is_a_glb_whose_accessors_fit() {
        let track = crate::idle(2.0, &MotionOptions::default());
        let mut file = Vec::new();
        write(&track, FrameRate::whole(30), Expressions::Both, &mut file).unwrap();
        assert_eq!(&file[..4], b"glTF");
        assert_eq!(le(&file, 8), file.len());
        let text = le(&file, 12);
        let v: Value = serde_json::from_slice(&file[20..20 + text]).unwrap();
        let bin = &file[20 + text + 8..];
        assert_eq!(v["buffers"][0]["byteLength"], bin.len());
        for (a, view) in v["accessors"]
            .as_array()
            .unwrap()
            .iter()
            .zip(v["bufferViews"].as_array().unwrap())
        {
            let width = match a["type"].as_str().unwrap() {
                "SCALAR" => 1,
                "VEC3" => 3,
                _ => 4,
            };
            let bytes = a["count"].as_u64().unwrap() * width * 4;
            assert_eq!(view["byteLength"], bytes);
            assert!(view["byteOffset"].as_u64().unwrap() + bytes <= bin.len() as u64);
        }
        let animation = &v["extensions"]["VRMC_vrm_animation"];
        assert_eq!(animation["humanoid"]["humanBones"]["hips"]["node"], 0);
        for name in PRESETS {
            assert!(animation["expressions"]["preset"][name]["node"].is_u64());
        }
        // The X translation of a blink's node reaches the track's blink.
        let node = &animation["expressions"]["preset"]["blinkLeft"]["node"];
        let channels = v["animations"][0]["channels"].as_array().unwrap();
        let c = channels
            .iter()
            .find(|c| &c["target"]["node"] == node)
            .unwrap();
        let sampler = &v["animations"][0]["samplers"][c["sampler"].as_u64().unwrap() as usize];
        let view = &v["bufferViews"][sampler["output"].as_u64().unwrap() as usize];
        let at = view["byteOffset"].as_u64().unwrap() as usize + 12 * 30;
        let x = f32::from_le_bytes(bin[at..at + 4].try_into().unwrap());
        assert_eq!(x, track.sample(1.0).weights[A::EyeBlinkLeft]);
    }

    #[test]
    fn vowels_become_their_presets_and_sealed_lips_none() {
        let of = |set: &[(A, f32)]| {
            let mut w = ArkitWeights::default();
            for &(s, v) in set {
                w[s] = v;
            }
            presets(&w)
        };
        let top = |p: [f32; 7]| {
            let best = (0..5).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap();
            PRESETS[best]
        };
        assert_eq!(top(of(&[(A::JawOpen, 0.45)])), "aa");
        assert_eq!(
            top(of(&[
                (A::JawOpen, 0.08),
                (A::MouthPucker, 0.7),
                (A::MouthFunnel, 0.3)
            ])),
            "ou"
        );
        assert_eq!(
            top(of(&[
                (A::JawOpen, 0.22),
                (A::MouthPucker, 0.3),
                (A::MouthFunnel, 0.5)
            ])),
            "oh"
        );
        assert_eq!(
            top(of(&[
                (A::JawOpen, 0.1),
                (A::MouthStretchLeft, 0.3),
                (A::MouthStretchRight, 0.3)
            ])),
            "ee"
        );
        let sealed = of(&[
            (A::JawOpen, 0.3),
            (A::MouthClose, 0.3),
            (A::MouthPucker, 0.5),
        ]);
        assert!(sealed[..5].iter().all(|v| *v < 1e-6));
    }
}
