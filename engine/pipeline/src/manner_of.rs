//! How one person says what the motion model hears: its own numbers for a
//! speaker's habits, and a gain and offset a shape; both kept only where they
//! come nearer to the person in a part of the footage they were not learnt from.

use glam::Vec2;
use huashen_avatar::video::film::Filmed;
use huashen_avatar::video::space::{self, MODES, Mouth, MouthSpace};
use huashen_avatar::video::style::Style;
use huashen_core::{ArkitWeights, MotionTrack};
use huashen_motion::Manner;

use crate::PipelineError;

/// Gives what the motion model says in a manner.
pub type Hear<'a> = &'a mut dyn FnMut(Manner) -> Result<MotionTrack, PipelineError>;

/// Parts of the footage; the last one judges what the others taught.
const PARTS: usize = 4;
/// How far a habit is tried either way.
const HABIT_STEP: f32 = 0.6;
/// A habit must come nearer by this part to be believed.
const WORTH: f32 = 0.995;

/// How near the mouth comes to the true one, in footage that nothing was learnt
/// from, against a mouth that stays at its mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StyleCheck {
    /// As the model says it to everyone.
    pub plain: f32,
    /// In the person's own manner.
    pub own: f32,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub style: Option<Style>,
    pub manner: Manner,
    pub check: StyleCheck,
}

pub(crate) struct Learning<'a> {
    space: &'a MouthSpace,
    track: &'a MotionTrack,
    /// Frames with a face, and their lips.
    used: Vec<usize>,
    truth: Vec<Vec<Vec2>>,
    mean: Mouth,
}

impl<'a> Learning<'a> {
    pub fn new(space: &'a MouthSpace, frames: &[Filmed], track: &'a MotionTrack) -> Self {
        let used: Vec<usize> = (0..frames.len().min(track.poses.len()))
            .filter(|i| frames[*i].usable)
            .collect();
        let n = used.len().max(1) as f32;
        Self {
            truth: used
                .iter()
                .map(|i| lips(space, &frames[*i].mouth))
                .collect(),
            mean: std::array::from_fn(|m| {
                used.iter().map(|i| frames[*i].mouth[m]).sum::<f32>() / n
            }),
            space,
            track,
            used,
        }
    }

    /// Looks for the manner and gives what the model says in it.
    pub fn run(&self, hear: Hear<'_>, found: &mut Found) -> Result<MotionTrack, PipelineError> {
        let plain = hear(Manner::default())?;
        if self.used.len() < 50 || plain.poses.len() <= self.used[self.used.len() - 1] {
            return Ok(plain);
        }
        let teach = 0..self.used.len() * (PARTS - 1) / PARTS;
        let judge = teach.end..self.used.len();
        let mut best = (self.taught(&plain, teach.clone()).0, Manner::default());
        let mut attempt =
            |manner: Manner, best: &mut (f32, Manner)| -> Result<bool, PipelineError> {
                let apart = self.taught(&hear(manner)?, teach.clone()).0;
                let better = apart < best.0 * WORTH;
                if better {
                    *best = (apart, manner);
                }
                Ok(better)
            };
        for captured in [0.0, 0.5] {
            let manner = Manner {
                captured,
                ..Manner::default()
            };
            attempt(manner, &mut best)?;
        }
        for habit in 0..best.1.habit.len() {
            for step in [HABIT_STEP, -HABIT_STEP] {
                let mut manner = best.1;
                manner.habit[habit] += step;
                if attempt(manner, &mut best)? {
                    break;
                }
            }
        }
        let heard = hear(best.1)?;
        let (_, strength) = self.taught(&heard, teach.clone());
        let style = self.style(&heard, teach, strength);
        let still: f32 = judge.clone().map(|n| self.apart(n, &self.mean)).sum();
        let error = |track: &MotionTrack, style: &dyn Fn(&ArkitWeights) -> ArkitWeights| -> f32 {
            let sum: f32 = judge
                .clone()
                .map(|n| {
                    self.apart(
                        n,
                        &self
                            .space
                            .wanted(&style(&track.poses[self.used[n]].weights)),
                    )
                })
                .sum();
            sum / still.max(1e-6)
        };
        let as_said = error(&plain, &|w| *w);
        let own = error(&heard, &|w| style.of(w));
        tracing::debug!(as_said, own, manner = ?best.1, strength, "manner");
        found.check = StyleCheck {
            plain: as_said,
            own: own.min(as_said),
        };
        if own >= as_said {
            return Ok(plain);
        }
        found.manner = best.1;
        found.style = (strength > 0.0).then(|| self.style(&heard, 0..self.used.len(), strength));
        Ok(heard)
    }

    /// How near a track comes with the strength of style that helps most, and
    /// that strength.
    fn taught(&self, heard: &MotionTrack, range: std::ops::Range<usize>) -> (f32, f32) {
        [0.0, 0.35, 0.7, 1.0]
            .into_iter()
            .map(|strength| {
                let style = self.style(heard, range.clone(), strength);
                let sum: f32 = range
                    .clone()
                    .map(|n| {
                        let said = style.of(&heard.poses[self.used[n]].weights);
                        self.apart(n, &self.space.wanted(&said))
                    })
                    .sum();
                (sum, strength)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f32::INFINITY, 0.0))
    }

    fn style(&self, heard: &MotionTrack, range: std::ops::Range<usize>, strength: f32) -> Style {
        let weights = |track: &MotionTrack| -> Vec<ArkitWeights> {
            self.used[range.clone()]
                .iter()
                .map(|i| track.poses[*i].weights)
                .collect()
        };
        Style::fit(&weights(heard), &weights(self.track), strength)
    }

    /// Mean distance of the lips from the true ones, in centimetres.
    fn apart(&self, n: usize, mouth: &Mouth) -> f32 {
        let told = lips(self.space, mouth);
        let sum: f32 = told
            .iter()
            .zip(&self.truth[n])
            .map(|(a, b)| a.distance(*b))
            .sum();
        sum / told.len() as f32
    }
}

fn lips(space: &MouthSpace, mouth: &[f32; MODES]) -> Vec<Vec2> {
    let mut points = space.points(mouth);
    space::part_lips(&mut points);
    points
        .iter()
        .take(space::LIPS_POINTS)
        .map(|p| p.truncate())
        .collect()
}
