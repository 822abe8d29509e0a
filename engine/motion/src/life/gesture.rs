//! Gestures that head, face and shoulders can do, started by script marks.

use std::f64::consts::TAU;

use huashen_core::{ArkitShape as A, ArkitWeights, Mark, MarkKind};

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

/// Names of the gestures that move something today.
pub const GESTURES: [&str; 12] = [
    "nod",
    "shake",
    "shrug",
    "tilt",
    "smile",
    "wink",
    "frown",
    "surprise",
    "bow",
    "think",
    "raise-brows",
    "blink",
];

const KINDS: [Kind; 12] = [
    Kind::Nod,
    Kind::Shake,
    Kind::Shrug,
    Kind::Tilt,
    Kind::Smile,
    Kind::Wink,
    Kind::Frown,
    Kind::Surprise,
    Kind::Bow,
    Kind::Think,
    Kind::RaiseBrows,
    Kind::Blink,
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
}

impl Gestures {
    /// Takes the gestures out of `marks`; an unknown one is left for later
    /// stages, with a warning.
    pub fn new(marks: &[Mark]) -> Self {
        let mut all = Vec::new();
        for mark in marks {
            let MarkKind::Gesture(name) = &mark.kind else {
                continue;
            };
            let plain = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
            match GESTURES.iter().position(|g| *g == plain) {
                Some(i) if mark.at_secs.is_finite() => all.push((mark.at_secs, KINDS[i])),
                _ => tracing::warn!(
                    name,
                    at_secs = mark.at_secs,
                    known = GESTURES.join(" "),
                    "gesture not known to head, face and shoulders: it stays on the timeline, nothing moves"
                ),
            }
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { all }
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
