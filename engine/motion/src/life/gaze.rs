//! Where the eyes look: at the camera, with small scanning saccades,
//! microsaccades, and glances away when a phrase starts or hesitates.
//!
//! Directions are angles against the camera's line of sight, so the eyeballs
//! counter the head's own motion (the vestibulo-ocular reflex falls out).

use huashen_core::{Euler, Mark, MarkKind};

use crate::curve::min_jerk;
use crate::random::{Chance, Stream};
use crate::score::Score;

/// Half the distance of the pupils over the distance of the viewer
/// (32 mm over 1.1 m): how far each eye turns in to meet the camera.
const VERGENCE: f64 = 0.029;
/// A saccade larger than this may bring a blink.
const LARGE: f64 = 0.14;
/// How far an eyeball turns at most.
const EYE_LIMIT: f64 = 0.62;

/// A direction in radians: yaw to the person's left, pitch up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Direction {
    pub yaw: f64,
    pub pitch: f64,
}

impl Direction {
    fn to(self, other: Self, t: f64) -> Self {
        Self {
            yaw: self.yaw + (other.yaw - self.yaw) * t,
            pitch: self.pitch + (other.pitch - self.pitch) * t,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            yaw: self.yaw + other.yaw,
            pitch: self.pitch + other.pitch,
        }
    }

    fn angle_to(self, other: Self) -> f64 {
        (self.yaw - other.yaw).hypot(self.pitch - other.pitch)
    }
}

/// The direction of a `look` mark; `None` for a name nobody knows.
/// `left` and `right` are the person's own.
pub fn look_direction(name: &str) -> Option<Direction> {
    let d = |yaw, pitch| Some(Direction { yaw, pitch });
    match name
        .trim()
        .to_ascii_lowercase()
        .replace(['_', ' '], "-")
        .as_str()
    {
        "camera" | "viewer" | "front" | "forward" | "center" | "centre" | "ahead" => d(0.0, 0.0),
        "left" => d(0.45, -0.02),
        "right" => d(-0.45, -0.02),
        "up" => d(0.02, 0.3),
        "down" => d(0.02, -0.36),
        "up-left" | "left-up" => d(0.36, 0.24),
        "up-right" | "right-up" => d(-0.36, 0.24),
        "down-left" | "left-down" => d(0.36, -0.28),
        "down-right" | "right-down" => d(-0.36, -0.28),
        "away" | "aside" => d(0.38, -0.1),
        _ => None,
    }
}

/// What the eyes do at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gaze {
    pub direction: Direction,
    /// How much of it the head takes over, as a target.
    pub head_pull: Direction,
    /// A large saccade began at this step.
    pub shifted: bool,
}

pub struct Eyes {
    chance: Chance,
    looks: Vec<(f64, Direction)>,
    next_look: usize,
    /// What the script wants looked at.
    base: Direction,
    /// The fixation under way, against `base`, and whether it is a glance.
    offset: Direction,
    glancing: bool,
    from: Direction,
    goal: Direction,
    saccade_start: f64,
    saccade_secs: f64,
    next_fixation: f64,
    micro: Direction,
    next_micro: f64,
    next_idle_glance: f64,
    phrase: usize,
    liveliness: f64,
}

impl Eyes {
    pub fn new(seed: u64, marks: &[Mark], liveliness: f64) -> Self {
        let mut chance = Chance::new(seed, Stream::Gaze);
        let mut looks = Vec::new();
        for mark in marks {
            if let MarkKind::Look(name) = &mark.kind {
                match look_direction(name) {
                    Some(d) if mark.at_secs.is_finite() => looks.push((mark.at_secs, d)),
                    _ => tracing::warn!(
                        name,
                        at_secs = mark.at_secs,
                        "unknown look: ignored; known are camera, left, right, up, down, up-left … and away"
                    ),
                }
            }
        }
        looks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let next_idle_glance = chance.even(3.0, 8.0);
        Self {
            chance,
            looks,
            next_look: 0,
            base: Direction::default(),
            offset: Direction::default(),
            glancing: false,
            from: Direction::default(),
            goal: Direction::default(),
            saccade_start: -1.0,
            saccade_secs: 0.03,
            next_fixation: 0.6,
            micro: Direction::default(),
            next_micro: 0.4,
            next_idle_glance,
            phrase: 0,
            liveliness,
        }
    }

    /// Advances to `at`; call with growing times.
    pub fn step(&mut self, at: f64, score: &Score) -> Gaze {
        let mut shifted = false;
        while let Some(&(when, direction)) = self.looks.get(self.next_look) {
            if when > at {
                break;
            }
            self.next_look += 1;
            self.base = direction;
            self.offset = Direction::default();
            self.glancing = false;
            self.next_fixation = at + self.chance.even(0.6, 1.4);
            shifted |= self.saccade(at);
        }
        if self.glance_due(at, score) {
            self.glancing = true;
            self.offset = self.aside();
            self.next_fixation = at + self.chance.log_normal(0.55, 0.35, 0.28, 1.3);
            shifted |= self.saccade(at);
        } else if at >= self.next_fixation {
            self.glancing = false;
            self.offset = Direction {
                yaw: 0.016 * self.chance.normal().clamp(-2.0, 2.0),
                pitch: 0.012 * self.chance.normal().clamp(-2.0, 2.0) - 0.004,
            };
            self.next_fixation = at + self.chance.log_normal(1.3, 0.5, 0.4, 4.0);
            shifted |= self.saccade(at);
        }
        if at >= self.next_micro {
            self.micro = Direction {
                yaw: 0.0035 * self.chance.normal().clamp(-2.0, 2.0),
                pitch: 0.0025 * self.chance.normal().clamp(-2.0, 2.0),
            };
            self.next_micro = at + self.chance.log_normal(0.7, 0.5, 0.25, 2.5);
            if at > self.saccade_start + self.saccade_secs {
                self.saccade(at);
            }
        }
        let t = min_jerk((at - self.saccade_start) / self.saccade_secs);
        let share = if self.glancing { 0.3 } else { 0.0 };
        let pull = |b: f64, o: f64| 0.5 * b + share * o;
        Gaze {
            direction: self.from.to(self.goal, t),
            head_pull: Direction {
                yaw: pull(self.base.yaw, self.offset.yaw),
                pitch: pull(self.base.pitch, self.offset.pitch),
            },
            shifted,
        }
    }

    /// Starts a saccade to the present goal; true when it is a large one.
    fn saccade(&mut self, at: f64) -> bool {
        let t = min_jerk((at - self.saccade_start) / self.saccade_secs);
        self.from = self.from.to(self.goal, t);
        self.goal = self.base.plus(self.offset).plus(self.micro);
        let size = self.from.angle_to(self.goal);
        self.saccade_start = at;
        // Main sequence (Bahill et al. 1975): 2.2 ms a degree above 21 ms.
        self.saccade_secs = 0.021 + 0.0022 * size.to_degrees();
        size > LARGE
    }

    fn glance_due(&mut self, at: f64, score: &Score) -> bool {
        let mut due = false;
        while let Some(p) = score.phrases.get(self.phrase) {
            if p.start - 0.1 > at {
                break;
            }
            let before = self.phrase.checked_sub(1).map(|i| score.phrases[i]);
            // A pause inside a sentence is a hesitation: one thinks, and looks away.
            let hesitates = before.is_some_and(|b| !b.closes && p.start - b.end > 0.3);
            let odds = if hesitates { 0.4 } else { 0.2 };
            due |= self.chance.happens(odds * self.liveliness);
            self.phrase += 1;
        }
        if at >= self.next_idle_glance {
            // In speech the phrases decide; at rest the eyes wander a little.
            due |= score.phrase_at(at).is_none();
            self.next_idle_glance = at + self.chance.log_normal(6.5, 0.4, 3.0, 15.0);
        }
        due && !self.glancing && self.base == Direction::default()
    }

    fn aside(&mut self) -> Direction {
        let size = self.chance.log_normal(0.16, 0.35, 0.08, 0.28);
        let side = self.chance.sign();
        // Mostly sideways and down; up now and then.
        let slope = if self.chance.happens(0.25) {
            self.chance.even(0.1, 0.6)
        } else {
            self.chance.even(-0.9, 0.05)
        };
        Direction {
            yaw: side * size * slope.cos(),
            pitch: size * slope.sin(),
        }
    }
}

/// Left and right eyeball rotations against a head at `head`, looking along
/// `gaze` (against the camera).
pub fn eyeballs(gaze: Direction, head: Euler) -> (Euler, Euler) {
    let yaw = gaze.yaw - f64::from(head.yaw);
    let pitch = (gaze.pitch - f64::from(head.pitch)).clamp(-EYE_LIMIT, EYE_LIMIT);
    // Far from the camera's line the eyes rest on something farther away.
    let near = 1.0 / (1.0 + (gaze.yaw.hypot(gaze.pitch) / 0.25).powi(2));
    let turn = VERGENCE * (0.35 + 0.65 * near);
    let eye = |yaw: f64| Euler::new(yaw.clamp(-EYE_LIMIT, EYE_LIMIT) as f32, pitch as f32, 0.0);
    (eye(yaw - turn), eye(yaw + turn))
}

/// Eyeball angles at which the `eyeLook*` weights reach 1.
pub const LOOK_SIDE_RAD: f32 = 0.61;
pub const LOOK_UP_RAD: f32 = 0.52;
pub const LOOK_DOWN_RAD: f32 = 0.61;

/// The `eyeLook*` weights that agree with the eyeballs, and lids that follow
/// the vertical gaze. The eyeballs themselves are turned by the angles; the
/// weights move only the skin around them.
pub fn write_look(left: Euler, right: Euler, w: &mut huashen_core::ArkitWeights) {
    use huashen_core::ArkitShape as A;
    let part = |angle: f32, full: f32| (angle / full).clamp(0.0, 1.0);
    w[A::EyeLookOutLeft] = part(left.yaw, LOOK_SIDE_RAD);
    w[A::EyeLookInLeft] = part(-left.yaw, LOOK_SIDE_RAD);
    w[A::EyeLookOutRight] = part(-right.yaw, LOOK_SIDE_RAD);
    w[A::EyeLookInRight] = part(right.yaw, LOOK_SIDE_RAD);
    for (eye, up, down, wide, blink) in [
        (
            left,
            A::EyeLookUpLeft,
            A::EyeLookDownLeft,
            A::EyeWideLeft,
            A::EyeBlinkLeft,
        ),
        (
            right,
            A::EyeLookUpRight,
            A::EyeLookDownRight,
            A::EyeWideRight,
            A::EyeBlinkRight,
        ),
    ] {
        w[up] = part(eye.pitch, LOOK_UP_RAD);
        w[down] = part(-eye.pitch, LOOK_DOWN_RAD);
        w[wide] += 0.12 * w[up];
        w[blink] += 0.12 * w[down];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eyes_stay_on_the_camera_while_the_head_turns() {
        let head = Euler::new(0.1, -0.05, 0.0);
        let (l, r) = eyeballs(Direction::default(), head);
        assert!(((l.yaw + r.yaw) / 2.0 + 0.1).abs() < 1e-6);
        assert!((l.pitch - 0.05).abs() < 1e-6);
        assert!(l.yaw < r.yaw, "the eyes converge");
        let mut w = huashen_core::ArkitWeights::default();
        write_look(l, r, &mut w);
        use huashen_core::ArkitShape as A;
        assert!(w[A::EyeLookInLeft] > 0.0 && w[A::EyeLookOutLeft] == 0.0);
        assert!(w[A::EyeLookOutRight] > 0.0 && w[A::EyeLookUpLeft] > 0.0);
    }

    #[test]
    fn look_names_are_the_persons_own_sides() {
        assert!(look_direction("Left").is_some_and(|d| d.yaw > 0.0));
        assert!(look_direction("down_right").is_some_and(|d| d.yaw < 0.0 && d.pitch < 0.0));
        assert_eq!(look_direction("moon"), None);
    }
}
