//! The live driver: poses for the moment they are seen.
//!
//! Two clocks come from outside. The *wall* clock moves a waiting person:
//! breath, blinks, gaze. *Heard* seconds count the sound that the listener has
//! had; whatever goes with sound is sampled there, so that a late picture is
//! left out and none is out of step. Nothing here waits or reads a clock.

mod listen;
mod speak;
mod stepper;
pub mod vmc;

use std::collections::VecDeque;

use huashen_core::{ArkitWeights, Euler, Mark, MarkKind, MotionTrack, Part, Pose, Tuning};
use huashen_motion::model::MotionFrame;
use huashen_motion::{MotionOptions, Planner};

pub use listen::{Ear, Heard};
pub use speak::{Line, speak};
use stepper::Stepper;

/// From one source of motion to the next.
const FADE_SECS: f64 = 0.35;
/// A face from outside that has not come for so long is gone.
const LOST_SECS: f64 = 1.0;

/// Tells the heard second at which a line begins, once that is known.
pub type Start = Box<dyn Fn() -> Option<f64> + Send>;

/// A spoken line: motion that goes with a piece of sound.
struct Talk {
    motion: Stepper,
    secs: f64,
    start: Start,
}

/// Which clock a track runs by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackClock {
    /// From the moment it was given.
    Wall,
    /// From the first heard second.
    Heard,
}

/// A face that comes from outside, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub enum Face {
    /// The mouth of a voice; the person's own life goes on.
    Voice { weights: ArkitWeights, head: Euler },
    /// All of it; head and eyes where they came.
    Whole {
        weights: ArkitWeights,
        head: Option<Euler>,
        eyes: Option<(Euler, Euler)>,
    },
}

impl From<&MotionFrame> for Face {
    fn from(frame: &MotionFrame) -> Self {
        Self::Voice {
            weights: frame.weights,
            head: frame.head,
        }
    }
}

/// What moves the person at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Idle,
    Talk,
    Track,
    Face,
}

/// The person in a window: waits, and moves as the sources say.
pub struct Live {
    options: MotionOptions,
    idle: Stepper,
    /// The wall second at which `idle` is at 0.
    idle_from: f64,
    talks: VecDeque<Talk>,
    track: Option<(MotionTrack, TrackClock, Option<f64>)>,
    face: Option<(Face, f64)>,
    /// A face from outside that counts as a face at rest.
    rest: Option<(ArkitWeights, Euler)>,
    tuning: Tuning,
    /// The wall second at which a gesture was asked for last.
    gestured: Option<f64>,
    /// What moved last, what it showed then, and when another took over.
    source: Source,
    line: u64,
    shown_line: u64,
    last: Pose,
    fade: Option<(Pose, f64)>,
}

/// A gesture begins so long after it was asked for, and is over after so long.
const GESTURE_AT_SECS: f64 = 0.6;
const GESTURE_SECS: f64 = 4.5;
/// A planned hour of waiting; then another one.
const IDLE_SECS: f64 = 3600.0;

impl Live {
    /// A person who waits from wall second 0 on.
    pub fn new(options: &MotionOptions) -> Self {
        Self {
            options: *options,
            idle: idle(options, 0, Vec::new()),
            idle_from: 0.0,
            talks: VecDeque::new(),
            track: None,
            face: None,
            rest: None,
            tuning: Tuning::default(),
            gestured: None,
            source: Source::Idle,
            line: 0,
            shown_line: 0,
            last: Pose::default(),
            fade: None,
        }
    }

    /// How the person moves from now on.
    pub fn set_options(&mut self, options: &MotionOptions, wall_secs: f64) {
        self.options = *options;
        self.idle = idle(options, wall_secs as u64, Vec::new());
        self.idle_from = wall_secs;
        self.begin_fade(wall_secs);
    }

    /// The manner in which the person moves.
    pub fn options(&self) -> &MotionOptions {
        &self.options
    }

    /// Queues a line of `secs`; it begins when `start` says so.
    pub fn say(&mut self, planner: Planner, secs: f64, start: Start) {
        self.talks.push_back(Talk {
            motion: Stepper::new(planner),
            secs,
            start,
        });
    }

    /// Forgets all lines.
    pub fn be_quiet(&mut self) {
        self.talks.clear();
    }

    /// Plays a track once.
    pub fn play_track(&mut self, track: MotionTrack, clock: TrackClock) {
        self.track = Some((track, clock, None));
    }

    /// The face that a voice or another program gives now.
    pub fn set_face(&mut self, face: Face, wall_secs: f64) {
        self.face = Some((face, wall_secs));
    }

    /// What a user sets by hand.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    pub fn set_tuning(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    /// Takes the face that comes from outside now for a face at rest, so that
    /// only what differs from it is shown; false where none comes.
    pub fn rest_now(&mut self, wall_secs: f64) -> bool {
        let Some((face, since)) = &self.face else {
            return false;
        };
        if wall_secs - since >= LOST_SECS {
            return false;
        }
        self.rest = Some(match face {
            Face::Voice { weights, head } => (*weights, *head),
            Face::Whole { weights, head, .. } => (*weights, head.unwrap_or_default()),
        });
        true
    }

    /// Faces from outside are shown as they come again.
    pub fn forget_rest(&mut self) {
        self.rest = None;
    }

    /// Plays a gesture, over whatever else moves the person.
    pub fn gesture(&mut self, name: &str, wall_secs: f64) {
        let mark = Mark {
            at_secs: GESTURE_AT_SECS,
            kind: MarkKind::Gesture(name.to_owned()),
        };
        self.idle = idle(&self.options, wall_secs as u64, vec![mark]);
        self.idle_from = wall_secs;
        self.gestured = Some(wall_secs);
        if self.source == Source::Idle {
            self.begin_fade(wall_secs);
        }
    }

    /// The pose that is seen when the clocks are there.
    pub fn pose(&mut self, wall_secs: f64, heard_secs: f64) -> Pose {
        let heard_secs = heard_secs + f64::from(self.tuning.early_secs);
        let mut pose = self.untuned(wall_secs, heard_secs);
        self.tuning.apply(&mut pose);
        pose
    }

    fn untuned(&mut self, wall_secs: f64, heard_secs: f64) -> Pose {
        let own = self.idle_pose(wall_secs);
        let (source, pose) = self.moved(own, wall_secs, heard_secs);
        if source != self.source || self.line != self.shown_line {
            self.begin_fade(wall_secs);
            self.source = source;
            self.shown_line = self.line;
        }
        let pose = match &self.fade {
            Some((from, since)) if wall_secs - since < FADE_SECS => {
                let t = ((wall_secs - since) / FADE_SECS).clamp(0.0, 1.0) as f32;
                let mut out = from.lerp(&pose, t * t * (3.0 - 2.0 * t));
                if source != Source::Idle {
                    // Speech is seen from its first sound on.
                    copy_mouth(&pose.weights, &mut out.weights);
                }
                out
            }
            _ => {
                self.fade = None;
                pose
            }
        };
        self.last.clone_from(&pose);
        pose
    }

    fn begin_fade(&mut self, wall_secs: f64) {
        self.fade = Some((self.last.clone(), wall_secs));
    }

    fn idle_pose(&mut self, wall_secs: f64) -> Pose {
        let mut at = wall_secs - self.idle_from;
        // Another hour, or a machine that slept: nobody lives through it.
        if at > IDLE_SECS || at > self.idle.newest_secs() + 5.0 {
            self.idle = idle(&self.options, wall_secs as u64, Vec::new());
            self.idle_from = wall_secs;
            self.begin_fade(wall_secs);
            at = 0.0;
        }
        self.idle.at(at)
    }

    /// What moves the person now, and how.
    fn moved(&mut self, own: Pose, wall_secs: f64, heard_secs: f64) -> (Source, Pose) {
        if let Some((face, since)) = &self.face
            && wall_secs - since < LOST_SECS
        {
            return (Source::Face, with_face(own, face, self.rest.as_ref()));
        }
        let share = self.gesture_share(wall_secs);
        if let Some(pose) = self.talk_pose(heard_secs) {
            return (Source::Talk, with_gesture(pose, &own, share));
        }
        if let Some(pose) = self.track_pose(wall_secs, heard_secs) {
            return (Source::Track, with_gesture(pose, &own, share));
        }
        (Source::Idle, own)
    }

    /// How much of a gesture is seen beside what else moves, 0 to 1.
    fn gesture_share(&self, wall_secs: f64) -> f32 {
        let Some(at) = self.gestured.map(|from| wall_secs - from) else {
            return 0.0;
        };
        let t = (at / FADE_SECS)
            .min((GESTURE_SECS - at) / FADE_SECS)
            .clamp(0.0, 1.0) as f32;
        t * t * (3.0 - 2.0 * t)
    }

    fn talk_pose(&mut self, heard_secs: f64) -> Option<Pose> {
        loop {
            let talk = self.talks.front_mut()?;
            let at = heard_secs - (talk.start)()?;
            if at >= talk.secs {
                self.talks.pop_front();
                self.line += 1;
                continue;
            }
            return (at >= 0.0).then(|| talk.motion.at(at));
        }
    }

    fn track_pose(&mut self, wall_secs: f64, heard_secs: f64) -> Option<Pose> {
        let (track, clock, begun) = self.track.as_mut()?;
        let now = match clock {
            TrackClock::Wall => wall_secs,
            TrackClock::Heard => heard_secs,
        };
        let at = now
            - *begun.get_or_insert(match clock {
                TrackClock::Wall => now,
                TrackClock::Heard => 0.0,
            });
        if at >= track.duration_secs() {
            self.track = None;
            return None;
        }
        Some(track.sample(at))
    }
}

fn idle(options: &MotionOptions, hour: u64, marks: Vec<Mark>) -> Stepper {
    let timing = huashen_core::Timing {
        duration_secs: IDLE_SECS + 10.0,
        marks,
        ..Default::default()
    };
    let options = MotionOptions {
        seed: options.seed.wrapping_add(hour),
        ..*options
    };
    Stepper::new(Planner::new(&timing, &Default::default(), &options))
}

/// The shapes that a voice moves.
fn copy_mouth(from: &ArkitWeights, to: &mut ArkitWeights) {
    for shape in huashen_core::ArkitShape::ALL {
        if Part::of(shape) == Some(Part::Mouth) {
            to[shape] = from[shape];
        }
    }
}

fn turned(a: Euler, b: Euler) -> Euler {
    Euler::new(a.yaw + b.yaw, a.pitch + b.pitch, a.roll + b.roll)
}

/// `pose` with `share` of the gesture that `own` makes: its arms, its head on
/// top, its brows and lids where they do more. The mouth goes on.
fn with_gesture(pose: Pose, own: &Pose, share: f32) -> Pose {
    if share <= 0.0 {
        return pose;
    }
    let mut out = pose.lerp(own, share);
    for shape in huashen_core::ArkitShape::ALL {
        out.weights[shape] = match Part::of(shape) {
            Some(Part::Mouth) | None => pose.weights[shape],
            Some(_) => pose.weights[shape].max(share * own.weights[shape]),
        };
    }
    out.head = turned(pose.head, Euler::default().lerp(own.head, share));
    (out.left_eye, out.right_eye) = (pose.left_eye, pose.right_eye);
    out
}

/// What of `now` differs from a face at rest.
fn since_rest(now: &ArkitWeights, rest: &ArkitWeights) -> ArkitWeights {
    ArkitWeights(std::array::from_fn(|i| {
        // What is left of the way is the whole way.
        let room = (1.0 - rest.0[i]).max(0.05);
        ((now.0[i] - rest.0[i]) / room).clamp(0.0, 1.0)
    }))
}

/// `own` life with a face from outside, which is at rest like `rest`.
fn with_face(own: Pose, face: &Face, rest: Option<&(ArkitWeights, Euler)>) -> Pose {
    let face = match rest {
        None => face.clone(),
        Some((shut, straight)) => {
            let back = Euler::new(-straight.yaw, -straight.pitch, -straight.roll);
            let mut face = face.clone();
            match &mut face {
                Face::Voice { weights, head } => {
                    *weights = since_rest(weights, shut);
                    *head = turned(*head, back);
                }
                Face::Whole { weights, head, .. } => {
                    *weights = since_rest(weights, shut);
                    *head = head.map(|head| turned(head, back));
                }
            }
            face
        }
    };
    let mut pose = own;
    match &face {
        Face::Voice { weights, head } => {
            copy_mouth(weights, &mut pose.weights);
            pose.head = turned(pose.head, *head);
        }
        Face::Whole {
            weights,
            head,
            eyes,
        } => {
            pose.weights = *weights;
            if let Some(head) = head {
                pose.head = *head;
            }
            if let Some((left, right)) = eyes {
                (pose.left_eye, pose.right_eye) = (*left, *right);
            }
        }
    }
    pose
}

#[cfg(test)]
mod tests {
    use super::*;
    use huashen_core::{ArkitShape as A, Phoneme, Timing};

    fn talk() -> Planner {
        let timing = Timing {
            duration_secs: 1.0,
            phonemes: vec![Phoneme {
                ipa: "a".into(),
                start_secs: 0.2,
                end_secs: 0.8,
                stress: 2,
                word: None,
            }],
            ..Timing::default()
        };
        Planner::new(&timing, &Default::default(), &MotionOptions::default())
    }

    #[test]
    fn a_waiting_person_blinks_and_keeps_the_mouth_shut() {
        let mut live = Live::new(&MotionOptions::default());
        let (mut blink, mut jaw) = (0.0_f32, 0.0_f32);
        for i in 0..1200 {
            let pose = live.pose(f64::from(i) / 60.0, 0.0);
            blink = blink.max(pose.weights[A::EyeBlinkLeft]);
            jaw = jaw.max(pose.weights[A::JawOpen]);
        }
        assert!(blink > 0.7 && jaw < 0.05, "blink {blink}, jaw {jaw}");
    }

    #[test]
    fn a_line_moves_the_mouth_by_what_is_heard_whatever_the_wall_clock_says() {
        let mut live = Live::new(&MotionOptions::default());
        live.say(talk(), 1.0, Box::new(|| Some(10.0)));
        live.pose(0.0, 0.0);
        // Not begun, begun, and paused for long in the middle of the vowel.
        assert!(live.pose(3.0, 9.9).weights[A::JawOpen] < 0.05);
        live.pose(3.1, 10.0);
        let open = live.pose(3.5, 10.5).weights[A::JawOpen];
        assert!(open > 0.2, "{open}");
        let held = live.pose(8.0, 10.5).weights[A::JawOpen];
        assert!((held - open).abs() < 1e-4, "{held} {open}");
        // Cut off in the middle of a vowel, the mouth shuts within the fade.
        live.pose(9.0, 12.0);
        assert!(live.pose(9.0 + FADE_SECS, 12.0).weights[A::JawOpen] < 0.05);
        assert!(live.talks.is_empty());
    }

    #[test]
    fn one_source_fades_into_the_next() {
        let mut live = Live::new(&MotionOptions::default());
        live.pose(0.0, 0.0);
        let mut weights = ArkitWeights::default();
        weights[A::BrowInnerUp] = 1.0;
        let face = Face::Whole {
            weights,
            head: None,
            eyes: None,
        };
        live.set_face(face.clone(), 1.0);
        let brow = |live: &mut Live, at| live.pose(at, 0.0).weights[A::BrowInnerUp];
        assert!(brow(&mut live, 1.0) < 0.2);
        live.set_face(face, 1.2);
        let half = brow(&mut live, 1.17);
        assert!((0.2..0.9).contains(&half), "{half}");
        assert_eq!(brow(&mut live, 1.6), 1.0);
        // Gone for more than a second.
        live.pose(2.3, 0.0);
        assert!(brow(&mut live, 2.8) < 0.2);
    }
}
