//! The gestures that scripts can name, and what head, face and shoulders do in them.

use std::f64::consts::TAU;

use glam::Quat;
use huashen_core::{ArkitShape as A, ArkitWeights, Euler, Joint, Mark, MarkKind, Pose};

use crate::arms::clips::{self, Clip};
use crate::arms::{Arms, Cue, STROKE_SECS};
use crate::curve::pulse;

/// A gesture the motion stage knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Nod,
    Shake,
    Shrug,
    Tilt,
    Smile,
    Wink,
    Frown,
    Surprise,
    Bow,
    Think,
    RaiseBrows,
    Blink,
}

/// A gesture that scripts can name.
#[derive(Debug)]
pub struct Gesture {
    pub name: &'static str,
    /// Other names that mean the same.
    pub also: &'static [&'static str],
    face: Option<Kind>,
    arms: Option<&'static Clip>,
}

impl Gesture {
    /// The gesture of this name, in any case, words apart by `-`, `_` or a space.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        let plain = name.trim().to_lowercase().replace(['_', ' '], "-");
        GESTURES
            .iter()
            .find(|g| g.name == plain || g.also.contains(&plain.as_str()))
    }
}

impl Gesture {
    /// The gesture at its stroke: a still person doing nothing else.
    pub fn pose(&self) -> Pose {
        let mut pose = Pose::default();
        let mut body = Overlay::default();
        if let Some(kind) = self.face {
            kind.apply(FACE_SECS, &mut body, &mut pose.weights);
        }
        pose.head = Euler::new(body.yaw as f32, body.pitch as f32, body.roll as f32);
        let turn = |joint, angle: f64, pose: &mut Pose| {
            pose.set_joint(joint, Quat::from_rotation_z(angle as f32));
        };
        turn(Joint::LeftShoulder, body.shrug, &mut pose);
        turn(Joint::RightShoulder, -body.shrug, &mut pose);
        let lean = |share: f64| Quat::from_rotation_x((share * body.bow) as f32);
        pose.set_joint(Joint::Spine, lean(0.6));
        pose.set_joint(Joint::Chest, lean(0.4));
        let clip = self.arms.unwrap_or(&clips::DOWN);
        Arms::of(clip).apply(STROKE_SECS + 0.05, &mut pose);
        pose
    }
}

/// When most gestures of the face are at their height, seconds.
const FACE_SECS: f64 = 0.4;

const fn face(name: &'static str, also: &'static [&'static str], kind: Kind) -> Gesture {
    Gesture {
        name,
        also,
        face: Some(kind),
        arms: None,
    }
}

const fn arms(name: &'static str, also: &'static [&'static str], clip: &'static Clip) -> Gesture {
    Gesture {
        name,
        also,
        face: None,
        arms: Some(clip),
    }
}

const fn with(gesture: Gesture, kind: Kind) -> Gesture {
    Gesture {
        face: Some(kind),
        ..gesture
    }
}

/// Every gesture that moves something.
pub static GESTURES: [Gesture; 40] = [
    face("nod", &["yes", "点头"], Kind::Nod),
    face("shake", &["no", "shake-head", "摇头"], Kind::Shake),
    face("tilt", &["tilt-head", "歪头"], Kind::Tilt),
    face("smile", &["微笑", "笑"], Kind::Smile),
    face("wink", &["使眼色"], Kind::Wink),
    face("frown", &["皱眉"], Kind::Frown),
    face("surprise", &["surprised", "惊讶"], Kind::Surprise),
    face("bow", &["鞠躬"], Kind::Bow),
    face("raise-brows", &["brows", "挑眉", "扬眉"], Kind::RaiseBrows),
    face("blink", &["眨眼"], Kind::Blink),
    with(
        arms("think", &["thinking", "思考"], &clips::THINK),
        Kind::Think,
    ),
    with(arms("shrug", &["耸肩"], &clips::SHRUG), Kind::Shrug),
    arms("beat", &["打拍", "节拍"], &clips::BEAT),
    arms("beat-both", &["双手节拍"], &clips::BEAT_BOTH),
    arms("beat-open", &["翻掌"], &clips::BEAT_OPEN),
    arms(
        "emphasis",
        &["emphasise", "emphasize", "chop", "strong-beat", "强调"],
        &clips::EMPHASIS,
    ),
    arms("emphasis-both", &["双手强调"], &clips::EMPHASIS_BOTH),
    arms("palm", &["open-palm", "摊手"], &clips::PALM),
    arms(
        "palms",
        &["open-palms", "explain", "双手摊开", "解释"],
        &clips::PALMS,
    ),
    with(
        arms("welcome", &["invite", "欢迎"], &clips::WELCOME),
        Kind::Smile,
    ),
    arms(
        "present-left",
        &["show-left", "展示左边", "左边请"],
        &clips::PRESENT_LEFT,
    ),
    arms(
        "present-right",
        &[
            "present",
            "show",
            "show-right",
            "展示",
            "展示右边",
            "右边请",
        ],
        &clips::PRESENT_RIGHT,
    ),
    arms("point", &["you", "point-you", "指", "指你"], &clips::POINT),
    arms("point-up", &["指上", "向上指"], &clips::POINT_UP),
    arms("point-left", &["指左", "向左指"], &clips::POINT_LEFT),
    arms("point-right", &["指右", "向右指"], &clips::POINT_RIGHT),
    arms(
        "one",
        &["count", "first", "count-one", "数一", "一"],
        &clips::ONE,
    ),
    arms("two", &["second", "count-two", "数二", "二"], &clips::TWO),
    arms(
        "three",
        &["third", "count-three", "数三", "三"],
        &clips::THREE,
    ),
    arms(
        "four",
        &["fourth", "count-four", "数四", "四"],
        &clips::FOUR,
    ),
    arms("five", &["fifth", "count-five", "数五", "五"], &clips::FIVE),
    with(
        arms(
            "thumbs-up",
            &["thumb-up", "like", "点赞", "竖大拇指"],
            &clips::THUMBS_UP,
        ),
        Kind::Smile,
    ),
    with(
        arms("wave", &["hello", "goodbye", "挥手", "招手"], &clips::WAVE),
        Kind::Smile,
    ),
    arms("heart", &["hand-on-heart", "抚胸"], &clips::HEART),
    arms("stop", &["halt", "停", "停止"], &clips::STOP),
    with(
        arms("refuse", &["reject", "拒绝", "摆手"], &clips::REFUSE),
        Kind::Shake,
    ),
    arms("big", &["large", "大"], &clips::BIG),
    arms("small", &["little", "小"], &clips::SMALL),
    with(
        arms("clap", &["applaud", "鼓掌"], &clips::CLAP),
        Kind::Smile,
    ),
    arms("rest", &["hands-down", "放下", "放下手"], &clips::DOWN),
];

/// No gesture lasts longer.
const LONGEST_SECS: f64 = 3.0;

/// What gestures add to the body; angles in radians.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlay {
    pub yaw: f64,
    pub pitch: f64,
    pub roll: f64,
    pub shrug: f64,
    pub bow: f64,
}

pub struct Gestures {
    all: Vec<(f64, Kind)>,
    cues: Vec<Cue>,
}

impl Gestures {
    /// Takes the gestures out of `marks`; an unknown one is left for later
    /// stages, with a warning.
    pub fn new(marks: &[Mark]) -> Self {
        let (mut all, mut cues) = (Vec::new(), Vec::new());
        for mark in marks {
            let MarkKind::Gesture(name) = &mark.kind else {
                continue;
            };
            match Gesture::from_name(name) {
                Some(gesture) if mark.at_secs.is_finite() => {
                    all.extend(gesture.face.map(|kind| (mark.at_secs, kind)));
                    cues.extend(gesture.arms.map(|clip| Cue {
                        at: mark.at_secs,
                        clip,
                    }));
                }
                _ => {
                    let known: Vec<&str> = GESTURES.iter().map(|g| g.name).collect();
                    tracing::warn!(
                        name,
                        at_secs = mark.at_secs,
                        known = known.join(" "),
                        "gesture not known: it stays on the timeline, nothing moves"
                    );
                }
            }
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { all, cues }
    }

    /// What the script asks of the arms.
    pub fn cues(&self) -> &[Cue] {
        &self.cues
    }

    /// Adds to `w` what the face does at `at`; returns what the body does.
    pub fn apply(&self, at: f64, w: &mut ArkitWeights) -> Overlay {
        let mut o = Overlay::default();
        let first = self.all.partition_point(|(s, _)| *s < at - LONGEST_SECS);
        for &(start, kind) in self.all[first..].iter().take_while(|(s, _)| *s <= at) {
            kind.apply(at - start, &mut o, w);
        }
        o
    }
}

impl Kind {
    fn apply(self, t: f64, o: &mut Overlay, w: &mut ArkitWeights) {
        let mut add = |shapes: &[A], v: f64| {
            for s in shapes {
                w[*s] += v as f32;
            }
        };
        match self {
            Self::Nod => {
                // Two dips, the second smaller.
                o.pitch -=
                    0.15 * pulse(t, 0.0, 0.5, 0.22, 0.28) + 0.09 * pulse(t, 0.45, 0.95, 0.22, 0.28);
            }
            Self::Shake => {
                o.yaw += 0.15 * pulse(t, 0.0, 1.25, 0.3, 0.35) * (TAU * 1.9 * t).sin();
            }
            Self::Shrug => {
                let v = pulse(t, 0.0, 1.3, 0.35, 0.5);
                o.shrug += 0.24 * v;
                o.roll += 0.07 * v;
                o.pitch -= 0.03 * v;
                add(
                    &[A::BrowInnerUp, A::BrowOuterUpLeft, A::BrowOuterUpRight],
                    0.35 * v,
                );
                add(&[A::MouthFrownLeft, A::MouthFrownRight], 0.25 * v);
                add(&[A::MouthShrugLower], 0.25 * v);
            }
            Self::Tilt => o.roll += 0.14 * pulse(t, 0.0, 1.6, 0.45, 0.55),
            Self::Smile => {
                let v = pulse(t, 0.0, 2.6, 0.4, 0.9);
                add(&[A::MouthSmileLeft, A::MouthSmileRight], 0.48 * v);
                add(&[A::CheekSquintLeft, A::CheekSquintRight], 0.32 * v);
                add(&[A::EyeSquintLeft, A::EyeSquintRight], 0.22 * v);
                add(&[A::MouthDimpleLeft, A::MouthDimpleRight], 0.12 * v);
            }
            Self::Wink => {
                let v = pulse(t, 0.0, 0.45, 0.12, 0.2);
                add(&[A::EyeBlinkLeft], v);
                add(&[A::CheekSquintLeft], 0.45 * v);
                add(&[A::MouthSmileLeft], 0.3 * v);
                add(&[A::BrowDownLeft], 0.15 * v);
                o.roll += 0.04 * pulse(t, 0.0, 0.7, 0.2, 0.4);
            }
            Self::Frown => {
                let v = pulse(t, 0.0, 1.8, 0.35, 0.6);
                add(&[A::BrowDownLeft, A::BrowDownRight], 0.6 * v);
                add(&[A::MouthFrownLeft, A::MouthFrownRight], 0.35 * v);
                add(&[A::EyeSquintLeft, A::EyeSquintRight], 0.15 * v);
            }
            Self::Surprise => {
                let v = pulse(t, 0.0, 1.3, 0.18, 0.6);
                add(
                    &[A::BrowInnerUp, A::BrowOuterUpLeft, A::BrowOuterUpRight],
                    0.75 * v,
                );
                add(&[A::EyeWideLeft, A::EyeWideRight], 0.55 * v);
                o.pitch += 0.035 * v;
            }
            Self::Bow => {
                let v = pulse(t, 0.0, 2.4, 0.8, 0.9);
                o.bow += 0.5 * v;
                o.pitch -= 0.2 * v;
            }
            Self::Think => {
                let v = pulse(t, 0.0, 2.0, 0.4, 0.6);
                o.roll -= 0.06 * v;
                o.yaw -= 0.08 * v;
                o.pitch += 0.05 * v;
                add(&[A::BrowDownLeft], 0.25 * v);
                add(&[A::BrowOuterUpRight], 0.3 * v);
            }
            Self::RaiseBrows => {
                let v = pulse(t, 0.0, 0.9, 0.2, 0.4);
                add(
                    &[A::BrowInnerUp, A::BrowOuterUpLeft, A::BrowOuterUpRight],
                    0.6 * v,
                );
            }
            Self::Blink => {
                let v = pulse(t, 0.0, 0.2, 0.07, 0.11);
                add(&[A::EyeBlinkLeft, A::EyeBlinkRight], v);
            }
        }
    }
}
