//! Looks at poses before their turn, so that footage is walked through with what
//! comes in view.

use std::collections::VecDeque;

use huashen_avatar::video::walk::Coming;
use huashen_core::{ArkitShape, Pose};

/// So far is looked ahead.
const AHEAD_SECS: f64 = 5.0;
/// Who opens the jaw this far speaks; who has not and will not for so long pauses.
const OPEN_JAW: f32 = 0.06;
const PAUSE_SECS: f64 = 0.5;
/// A head that turns this fast makes a strong stroke, in radians a second.
const STROKE_RAD: f32 = 0.35;

/// Poses on their way.
pub(super) struct Ahead {
    /// Seconds from one pose to the next; none: each comes when it is needed.
    step_secs: Option<f64>,
    poses: VecDeque<Pose>,
    /// One for each of `poses`, after that of the pose given last.
    coming: VecDeque<Coming>,
    last: Option<Pose>,
    /// Since the jaw was last open.
    quiet_secs: f64,
}

impl Ahead {
    pub fn new(step_secs: Option<f64>) -> Self {
        Self {
            step_secs,
            poses: VecDeque::new(),
            coming: VecDeque::new(),
            last: None,
            quiet_secs: f64::INFINITY,
        }
    }

    /// The next pose; `secs` have passed since the one before.
    pub fn next(&mut self, secs: f64, poses: &mut dyn Iterator<Item = Pose>) -> Option<Pose> {
        self.coming.pop_front();
        let most = match self.step_secs {
            Some(step) => (AHEAD_SECS / step) as usize,
            None => 0,
        };
        while self.poses.len() <= most
            && let Some(pose) = poses.next()
        {
            self.look(secs, &pose);
            self.poses.push_back(pose);
        }
        self.poses.pop_front()
    }

    /// What the pose given last does, and those after it.
    pub fn coming(&mut self) -> &[Coming] {
        self.coming.make_contiguous()
    }

    fn look(&mut self, secs: f64, pose: &Pose) {
        let turned = self.last.as_ref().map_or(0.0, |last| {
            let [a, b] = [last.head.quat(), pose.head.quat()];
            a.angle_between(b) / secs.max(1e-3) as f32
        });
        self.last = Some(pose.clone());
        if pose.weights[ArkitShape::JawOpen] > OPEN_JAW {
            // Who opens the mouth soon has begun already.
            let before = (PAUSE_SECS / secs.max(1e-3)) as usize;
            let near = self.coming.len().saturating_sub(before);
            for coming in self.coming.range_mut(near..) {
                coming.speaks = true;
            }
            self.quiet_secs = 0.0;
        } else {
            self.quiet_secs += secs;
        }
        self.coming.push_back(Coming {
            speaks: self.quiet_secs < PAUSE_SECS,
            stir: turned / STROKE_RAD,
        });
    }
}
