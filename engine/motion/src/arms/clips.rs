//! The library: every gesture of the arms as keyframes.
//!
//! A keyframe says where the hand is and when: seconds from the stroke, which
//! is at 0. The wrist is given from the shoulder joint in lengths of the arm,
//! as (outwards, up, to the front); so are the directions of fingers, palm and
//! elbow. The chest's middle is 0.31 inwards of the shoulder, its surface about
//! 0.3 in front of it, the chin 0.17 above it; hanging, the wrist is 0.97 below.
//!
//! Ours, made by hand for this engine.

use super::hand::Shape;
use super::limb::Reach;

/// Which hands a gesture takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hands {
    /// Either; the right one when the script asks.
    One,
    Left,
    Right,
    /// Both, mirrored.
    Both,
}

/// A keyframe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Seconds from the stroke: preparation before 0, the stroke at 0, then
    /// what is held or repeated.
    pub secs: f32,
    pub reach: Reach,
}

/// A gesture of the arms. From and to the rest pose, or the gestures before
/// and after, the planner finds the way.
#[derive(Debug, PartialEq)]
pub struct Clip {
    pub name: &'static str,
    pub hands: Hands,
    /// In time order; one of them at 0.
    pub keys: &'static [Key],
    /// How long the last keyframe is held.
    pub hold_secs: f32,
}

const fn at(secs: f32, reach: Reach) -> Key {
    Key { secs, reach }
}

/// A place of the hand: wrist, fingers, palm, elbow, shape.
const fn to(
    wrist: [f32; 3],
    fingers: [f32; 3],
    palm: [f32; 3],
    elbow: [f32; 3],
    shape: Shape,
) -> Reach {
    Reach {
        wrist,
        fingers,
        palm,
        elbow,
        shape,
    }
}

/// The elbow below and a little out, as in most gestures before the chest.
const LOW: [f32; 3] = [0.55, -1.0, -0.45];
/// The elbow lifted sideways.
const WIDE: [f32; 3] = [1.0, -0.75, -0.35];

/// Arms hang, palms to the thighs, hands curled a little.
pub const REST: Reach = to(
    [0.15, -0.955, 0.05],
    [0.02, -1.0, 0.14],
    [-1.0, -0.02, -0.14],
    [0.45, 0.1, -1.0],
    Shape::Relaxed,
);

/// Between the gestures of a speaker: hands before the waist.
pub const READY: Reach = to(
    [0.00, -0.61, 0.46],
    [-0.40, 0.10, 0.90],
    [-0.80, -0.45, -0.30],
    LOW,
    Shape::Relaxed,
);

macro_rules! clip {
    ($name:ident, $text:literal, $hands:ident, hold $hold:literal, [$($key:expr),* $(,)?]) => {
        pub static $name: Clip = Clip {
            name: $text,
            hands: Hands::$hands,
            keys: &[$($key),*],
            hold_secs: $hold,
        };
    };
}

const fn aside(name: &'static str, hands: Hands, keys: &'static [Key]) -> Clip {
    Clip {
        name,
        hands,
        keys,
        hold_secs: 1.1,
    }
}

// Beats: small, down on the accent.

clip!(BEAT, "beat", One, hold 0.12, [
    at(-0.22, to([0.02, -0.47, 0.50], [-0.25, 0.35, 0.90], [-0.90, -0.25, -0.15], LOW, Shape::Relaxed)),
    at(0.0, to([0.03, -0.58, 0.55], [-0.20, -0.08, 1.0], [-0.82, -0.48, -0.20], LOW, Shape::Relaxed)),
]);

clip!(BEAT_BOTH, "beat-both", Both, hold 0.15, [
    at(-0.24, to([0.02, -0.47, 0.50], [-0.25, 0.35, 0.90], [-0.92, -0.20, -0.15], LOW, Shape::Cup)),
    at(0.0, to([0.06, -0.58, 0.56], [-0.15, -0.05, 1.0], [-0.88, -0.40, -0.15], LOW, Shape::Cup)),
]);

// The palm turns up, hardly moving: "you see".
clip!(BEAT_OPEN, "beat-open", One, hold 0.30, [
    at(-0.20, to([-0.01, -0.52, 0.48], [-0.30, 0.25, 0.90], [-0.90, -0.25, -0.20], LOW, Shape::Relaxed)),
    at(0.0, to([0.12, -0.55, 0.53], [0.10, 0.12, 1.0], [-0.65, 0.75, 0.0], LOW, Shape::Open)),
]);

// Edge of the hand down, from higher up.
clip!(EMPHASIS, "emphasis", One, hold 0.25, [
    at(-0.28, to([0.05, -0.28, 0.46], [-0.15, 0.60, 0.80], [-1.0, -0.15, 0.05], LOW, Shape::Flat)),
    at(0.0, to([0.03, -0.50, 0.60], [-0.12, 0.02, 1.0], [-1.0, -0.10, -0.10], LOW, Shape::Flat)),
]);

clip!(EMPHASIS_BOTH, "emphasis-both", Both, hold 0.3, [
    at(-0.30, to([0.06, -0.30, 0.46], [-0.15, 0.55, 0.80], [-1.0, -0.15, 0.05], LOW, Shape::Flat)),
    at(0.0, to([0.08, -0.50, 0.60], [-0.08, 0.02, 1.0], [-1.0, -0.10, -0.05], LOW, Shape::Flat)),
]);

// Open hands.

clip!(PALM, "palm", One, hold 0.7, [
    at(-0.25, to([-0.02, -0.50, 0.46], [-0.25, 0.30, 0.90], [-0.85, -0.10, -0.30], LOW, Shape::Relaxed)),
    at(0.0, to([0.22, -0.46, 0.58], [0.32, 0.12, 0.95], [-0.52, 0.85, 0.05], LOW, Shape::Open)),
]);

clip!(PALMS, "palms", Both, hold 0.8, [
    at(-0.28, to([-0.02, -0.52, 0.46], [-0.25, 0.30, 0.90], [-0.85, -0.10, -0.30], LOW, Shape::Relaxed)),
    at(0.0, to([0.24, -0.48, 0.56], [0.32, 0.12, 0.95], [-0.52, 0.85, 0.05], LOW, Shape::Open)),
]);

clip!(WELCOME, "welcome", Both, hold 1.0, [
    at(-0.35, to([0.0, -0.46, 0.46], [-0.20, 0.30, 0.90], [-0.80, 0.20, -0.30], LOW, Shape::Relaxed)),
    at(0.0, to([0.55, -0.40, 0.44], [0.62, 0.18, 0.76], [-0.55, 0.75, 0.35], LOW, Shape::Open)),
]);

const PRESENTING: [Key; 2] = [
    at(
        -0.30,
        to(
            [0.02, -0.44, 0.46],
            [-0.20, 0.35, 0.90],
            [-0.85, 0.0, -0.30],
            LOW,
            Shape::Relaxed,
        ),
    ),
    at(
        0.0,
        to(
            [0.64, -0.28, 0.42],
            [0.85, 0.22, 0.45],
            [-0.42, 0.72, 0.52],
            LOW,
            Shape::Open,
        ),
    ),
];
pub static PRESENT_LEFT: Clip = aside("present-left", Hands::Left, &PRESENTING);
pub static PRESENT_RIGHT: Clip = aside("present-right", Hands::Right, &PRESENTING);

// I do not know: palms up beside the body (the shoulders are lifted elsewhere).
clip!(SHRUG, "shrug", Both, hold 0.35, [
    at(0.0, to([0.30, -0.52, 0.44], [0.58, 0.20, 0.78], [-0.45, 0.85, 0.15], LOW, Shape::Open)),
]);

// Pointing.

clip!(POINT, "point", One, hold 0.8, [
    at(-0.28, to([0.06, -0.24, 0.44], [-0.20, 0.50, 0.85], [-0.80, -0.55, 0.10], LOW, Shape::Point)),
    at(0.0, to([0.02, -0.22, 0.76], [-0.12, 0.06, 1.0], [-0.70, -0.70, -0.05], WIDE, Shape::Point)),
]);

clip!(POINT_UP, "point-up", One, hold 0.9, [
    at(-0.25, to([0.12, -0.22, 0.44], [-0.10, 0.75, 0.60], [-0.85, -0.10, 0.10], LOW, Shape::Point)),
    at(0.0, to([0.20, -0.02, 0.42], [0.0, 1.0, 0.12], [-0.80, 0.0, 0.60], LOW, Shape::Point)),
]);

const ASIDE: [Key; 2] = [
    at(
        -0.28,
        to(
            [0.08, -0.28, 0.46],
            [0.10, 0.45, 0.85],
            [-0.75, -0.55, 0.20],
            LOW,
            Shape::Point,
        ),
    ),
    at(
        0.0,
        to(
            [0.74, -0.16, 0.40],
            [0.90, 0.10, 0.42],
            [-0.25, -0.70, 0.65],
            WIDE,
            Shape::Point,
        ),
    ),
];
pub static POINT_LEFT: Clip = aside("point-left", Hands::Left, &ASIDE);
pub static POINT_RIGHT: Clip = aside("point-right", Hands::Right, &ASIDE);

// Counting: the hand up, palm to the viewer.

const fn count(shape: Shape) -> [Key; 2] {
    [
        at(
            -0.25,
            to(
                [0.10, -0.32, 0.46],
                [-0.05, 0.80, 0.55],
                [-0.60, -0.30, 0.60],
                LOW,
                shape,
            ),
        ),
        at(
            0.0,
            to(
                [0.16, -0.14, 0.44],
                [0.05, 1.0, 0.12],
                [-0.35, -0.05, 0.95],
                LOW,
                shape,
            ),
        ),
    ]
}

const COUNTS: [[Key; 2]; 5] = [
    count(Shape::Point),
    count(Shape::Two),
    count(Shape::Three),
    count(Shape::Four),
    count(Shape::Five),
];

const fn counting(name: &'static str, keys: &'static [Key]) -> Clip {
    Clip {
        name,
        hands: Hands::One,
        keys,
        hold_secs: 0.9,
    }
}

pub static ONE: Clip = counting("one", &COUNTS[0]);
pub static TWO: Clip = counting("two", &COUNTS[1]);
pub static THREE: Clip = counting("three", &COUNTS[2]);
pub static FOUR: Clip = counting("four", &COUNTS[3]);
pub static FIVE: Clip = counting("five", &COUNTS[4]);

// Signs.

clip!(THUMBS_UP, "thumbs-up", One, hold 1.0, [
    at(-0.25, to([0.02, -0.50, 0.50], [-0.40, 0.20, 0.90], [-0.90, 0.0, -0.40], LOW, Shape::ThumbUp)),
    at(0.0, to([0.02, -0.34, 0.62], [-0.55, 0.05, 0.85], [-0.85, -0.05, -0.55], LOW, Shape::ThumbUp)),
]);

const WAVE_OUT: Reach = to(
    [0.40, 0.03, 0.38],
    [0.42, 0.90, 0.12],
    [-0.10, -0.05, 1.0],
    LOW,
    Shape::Open,
);
const WAVE_IN: Reach = to(
    [0.32, 0.05, 0.40],
    [-0.18, 0.97, 0.12],
    [-0.10, -0.05, 1.0],
    LOW,
    Shape::Open,
);

clip!(WAVE, "wave", One, hold 0.2, [
    at(0.0, WAVE_OUT),
    at(0.26, WAVE_IN),
    at(0.52, WAVE_OUT),
    at(0.78, WAVE_IN),
    at(1.04, WAVE_OUT),
    at(1.32, WAVE_IN),
]);

clip!(HEART, "heart", One, hold 1.2, [
    at(-0.30, to([0.0, -0.36, 0.48], [-0.70, 0.35, 0.50], [-0.45, -0.10, -0.85], WIDE, Shape::Relaxed)),
    at(0.0, to([-0.10, -0.25, 0.40], [-0.92, 0.36, 0.08], [-0.05, 0.08, -1.0], WIDE, Shape::Flat)),
]);

clip!(STOP, "stop", One, hold 1.0, [
    at(-0.22, to([0.10, -0.22, 0.42], [-0.05, 0.90, 0.40], [-0.45, -0.25, 0.80], LOW, Shape::Flat)),
    at(0.0, to([0.06, -0.12, 0.62], [0.02, 0.95, 0.28], [-0.15, -0.28, 0.95], LOW, Shape::Flat)),
]);

const REFUSE_IN: Reach = to(
    [-0.02, -0.20, 0.54],
    [-0.20, 0.92, 0.32],
    [-0.20, -0.30, 0.92],
    LOW,
    Shape::Flat,
);
const REFUSE_OUT: Reach = to(
    [0.20, -0.20, 0.54],
    [0.16, 0.94, 0.30],
    [-0.15, -0.28, 0.94],
    LOW,
    Shape::Flat,
);

clip!(REFUSE, "refuse", One, hold 0.25, [
    at(-0.26, REFUSE_IN),
    at(0.0, REFUSE_OUT),
    at(0.30, REFUSE_IN),
    at(0.60, REFUSE_OUT),
]);

clip!(BIG, "big", Both, hold 0.9, [
    at(-0.40, to([-0.08, -0.40, 0.52], [-0.10, 0.30, 0.95], [-1.0, 0.0, -0.10], LOW, Shape::Cup)),
    at(0.0, to([0.52, -0.28, 0.48], [0.25, 0.30, 0.92], [-0.97, 0.08, 0.22], WIDE, Shape::Cup)),
]);

clip!(SMALL, "small", Both, hold 0.9, [
    at(-0.30, to([0.08, -0.36, 0.52], [-0.10, 0.30, 0.95], [-1.0, 0.0, -0.10], LOW, Shape::Cup)),
    at(0.0, to([-0.15, -0.36, 0.56], [-0.02, 0.25, 1.0], [-1.0, 0.0, -0.02], LOW, Shape::Cup)),
]);

clip!(THINK, "think", One, hold 1.4, [
    at(-0.35, to([-0.08, -0.16, 0.42], [-0.35, 0.75, 0.30], [-0.60, -0.20, -0.70], LOW, Shape::Chin)),
    at(0.0, to([-0.205, 0.055, 0.335], [-0.30, 0.93, 0.02], [-0.75, -0.24, -0.60], LOW, Shape::Chin)),
]);

const CLAP_APART: Reach = to(
    [-0.10, -0.34, 0.54],
    [-0.05, 0.50, 0.86],
    [-1.0, -0.05, -0.05],
    LOW,
    Shape::Flat,
);
const CLAP_MEET: Reach = to(
    [-0.245, -0.34, 0.54],
    [-0.05, 0.50, 0.86],
    [-1.0, -0.05, -0.05],
    LOW,
    Shape::Flat,
);

clip!(CLAP, "clap", Both, hold 0.1, [
    at(-0.22, CLAP_APART),
    at(0.0, CLAP_MEET),
    at(0.22, CLAP_APART),
    at(0.44, CLAP_MEET),
    at(0.66, CLAP_APART),
    at(0.88, CLAP_MEET),
]);

/// Hands down, whatever they did.
pub static DOWN: Clip = Clip {
    name: "rest",
    hands: Hands::Both,
    keys: &[at(0.0, REST)],
    hold_secs: 1.0,
};

/// Every clip.
#[cfg(test)]
pub static ALL: [&Clip; 30] = [
    &BEAT,
    &BEAT_BOTH,
    &BEAT_OPEN,
    &EMPHASIS,
    &EMPHASIS_BOTH,
    &PALM,
    &PALMS,
    &WELCOME,
    &SHRUG,
    &POINT,
    &POINT_UP,
    &THUMBS_UP,
    &WAVE,
    &HEART,
    &STOP,
    &REFUSE,
    &BIG,
    &SMALL,
    &THINK,
    &CLAP,
    &PRESENT_LEFT,
    &PRESENT_RIGHT,
    &POINT_LEFT,
    &POINT_RIGHT,
    &ONE,
    &TWO,
    &THREE,
    &FOUR,
    &FIVE,
    &DOWN,
];
