//! A walk through footage along its jumps: as long as is asked, where the
//! person does what is to be done now, their head's strokes where the new
//! speech has its own.

use super::film::Filmed;
use super::graph::{BLEND, Jump, LEAST_SECS, runs};

/// A head that stirs less, against its strongest strokes, is still: a frame
/// more or less of it is not seen.
const STILL: f32 = 0.3;
/// A stroke of the head is this strong.
const STROKE: f32 = 0.6;
/// Strokes are looked for so far ahead, and moved by so much, in seconds.
const STROKE_AHEAD_SECS: f64 = 1.2;
const MOVED_SECS: f64 = 0.32;
/// Frames between two that are held or passed over.
const APART: u32 = 3;

/// What a picture to come is to show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coming {
    /// Words are said.
    pub speaks: bool,
    /// How fast the head is to move; 1 is a strong stroke.
    pub stir: f32,
}

/// One picture's base: a frame, or two that are blended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub frame: u32,
    /// The frame that is being gone over to, and how far, 0 to 1.
    pub over: Option<(u32, f32)>,
}

/// Walks through footage, the same way each time.
#[derive(Clone, Debug)]
pub struct Walk {
    jumps: Vec<Jump>,
    /// First and one past the last of the run that each frame is in.
    ends: Vec<u32>,
    /// What the person does, frame by frame.
    does: Vec<Coming>,
    fps: f64,
    at: f64,
    planned: Option<Jump>,
    /// From the beginning on as it was filmed, up to the jump that is planned.
    straight: bool,
    /// Going over from one frame to another.
    blending: bool,
    /// Pictures since one was held or passed over.
    since: u32,
    /// How often each second of the footage was shown.
    shown: Vec<f32>,
    random: u64,
}

impl Walk {
    /// From a quiet beginning. `jumps` are those of [`super::graph::jumps`].
    pub fn new(frames: &[Filmed], jumps: &[Jump], fps: f64, seed: u64) -> Self {
        let mut ends = vec![0; frames.len()];
        let mut longest = (0, 0);
        for (a, b) in runs(frames) {
            ends[a..b].fill(b as u32);
            if b - a > longest.1 - longest.0 {
                longest = (a, b);
            }
        }
        let does = frames
            .iter()
            .zip(stirs(frames, fps))
            .map(|(f, stir)| Coming {
                speaks: f.speaks,
                stir,
            })
            .collect();
        let mut walk = Self {
            jumps: jumps.to_vec(),
            ends,
            does,
            fps,
            at: longest.0 as f64,
            planned: None,
            straight: false,
            blending: false,
            since: 0,
            shown: vec![0.0; (frames.len() as f64 / fps).ceil() as usize + 1],
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        };
        walk.plan(1.0 / fps, &[]);
        walk
    }

    /// As it was filmed, from the first frame to the last from which something
    /// follows; then on as every walk.
    pub fn straight(frames: &[Filmed], jumps: &[Jump], fps: f64, seed: u64) -> Self {
        let mut walk = Self::new(frames, jumps, fps, seed);
        walk.at = 0.0;
        walk.straight = true;
        walk.planned = jumps.iter().copied().max_by_key(|j| j.from);
        if walk.planned.is_none() {
            walk.ends.fill(frames.len() as u32);
        }
        walk
    }

    fn noise(&mut self) -> f32 {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Where the next jump will be: not at once, seldom seen, to where one has
    /// not been for long, and where the person does what is to come.
    fn plan(&mut self, secs: f64, coming: &[Coming]) {
        let here = self.at.floor() as u32;
        let end = self.ends.get(here as usize).copied().unwrap_or(0);
        let least = here + (LEAST_SECS * self.fps) as u32;
        let mut best: Option<(f32, Jump)> = None;
        for i in 0..self.jumps.len() {
            let jump = self.jumps[i];
            if jump.from < here || jump.from >= end {
                continue;
            }
            let second = (f64::from(jump.to) / self.fps) as usize;
            let worn: f32 = self.shown[second..].iter().take(4).sum();
            // Rather late than early: few jumps are the best jumps.
            let early = match jump.from < least {
                true => 4.0,
                false => 0.6 * (end - jump.from) as f32 / (end - here).max(1) as f32,
            };
            let then = (f64::from(jump.from) - self.at) / self.fps;
            let wrong = self.wrong(jump.to, (then / secs) as usize, secs, coming);
            let score = 2.0 * jump.cost + 0.25 * worn + early + 0.5 * wrong + 0.3 * self.noise();
            if best.is_none_or(|(b, _)| score < b) {
                best = Some((score, jump));
            }
        }
        self.planned = best.map(|(_, jump)| jump);
    }

    /// How little the footage after frame `to` does what comes from picture
    /// `then` on: 0 all of it, 1 none.
    fn wrong(&self, to: u32, then: usize, secs: f64, coming: &[Coming]) -> f32 {
        let Some(last) = coming.last() else {
            return 0.0;
        };
        let n = (LEAST_SECS / secs) as usize;
        let (mut unlike, mut apart, mut pictures) = (0.0, 0.0, 0.0);
        for i in 0..n {
            let frame = to as usize + (i as f64 * secs * self.fps) as usize;
            let Some(does) = self.does.get(frame) else {
                break;
            };
            // What is not known yet goes on as it was, its strokes anywhere.
            let (wanted, known) = match coming.get(then + i) {
                Some(wanted) => (wanted, 1.0),
                None => (last, 0.0),
            };
            unlike += f32::from(u8::from(wanted.speaks != does.speaks));
            apart += known * (wanted.stir.min(1.0) - does.stir.min(1.0)).abs();
            pictures += 1.0;
        }
        (unlike + apart) / f32::max(pictures, 1.0)
    }

    /// What is shown now; then goes on by `secs`. `coming` is what is to be
    /// done: now, and as far as is known in the pictures after.
    pub fn step(&mut self, secs: f64, coming: &[Coming]) -> Step {
        let end = self.ends.get(self.at as usize).copied().unwrap_or(0);
        let mut last = end.saturating_sub(1);
        if self.straight {
            // Also where nobody is to be seen.
            last = last.max(self.planned.map_or(0, |jump| jump.from));
        }
        let frame = (self.at.round() as u32).min(last);
        let mut step = Step { frame, over: None };
        if let Some(jump) = self.planned
            && self.at >= f64::from(jump.from)
        {
            let gone = self.at - f64::from(jump.from);
            let t = (gone / BLEND as f64).min(1.0) as f32;
            let to = f64::from(jump.to) + gone;
            self.blending = true;
            self.straight = false;
            if t >= 1.0 || frame == last {
                self.at = to;
                self.blending = false;
                self.plan(secs, coming);
                return self.step(secs, coming);
            }
            let eased = t * t * (3.0 - 2.0 * t);
            step.over = Some((to.round() as u32, eased));
        }
        let second = (self.at / self.fps) as usize;
        if let Some(shown) = self.shown.get_mut(second) {
            *shown += secs as f32;
        }
        for shown in &mut self.shown {
            // What was shown a minute ago is nearly new.
            *shown *= 1.0 - (secs / 40.0) as f32;
        }
        self.at += secs * self.fps * self.pace(secs, coming);
        if self.planned.is_none() && self.at > f64::from(last) {
            // Footage that nothing in it continues: it stands still.
            self.at = f64::from(last);
        }
        step
    }

    /// 1 mostly; 0 or 2 for one picture of a still head, so that its next
    /// stroke falls where the new speech has one.
    fn pace(&mut self, secs: f64, coming: &[Coming]) -> f64 {
        self.since += 1;
        let here = self.at.round() as usize;
        let still = self.does.get(here).is_some_and(|d| d.stir < STILL);
        if self.blending || self.straight || !still || self.since < APART || coming.len() < 2 {
            return 1.0;
        }
        let ahead = |all: &[Coming], step_secs: f64| -> Option<f64> {
            let n = (STROKE_AHEAD_SECS / step_secs) as usize;
            let stir = |i: usize| all.get(i).map_or(0.0, |c| c.stir);
            (1..n)
                .find(|i| stir(*i) > STROKE && stir(*i) >= stir(i + 1) && stir(*i) > stir(i - 1))
                .map(|i| i as f64 * step_secs)
        };
        let mut until = self.does.len();
        if let Some(jump) = self.planned {
            until = until.min(jump.from as usize);
        }
        let does = &self.does[here.min(until)..until];
        let (Some(theirs), Some(wanted)) = (ahead(does, 1.0 / self.fps), ahead(coming, secs))
        else {
            return 1.0;
        };
        let late = wanted - theirs;
        if late.abs() > MOVED_SECS || late.abs() < secs {
            return 1.0;
        }
        self.since = 0;
        if late > 0.0 { 0.0 } else { 2.0 }
    }
}

/// How fast the head moves in each frame; 1 is a strong stroke of this person.
fn stirs(frames: &[Filmed], fps: f64) -> Vec<f32> {
    let speed: Vec<f32> = (0..frames.len())
        .map(|i| {
            let (a, b) = (&frames[i.saturating_sub(1)], &frames[i]);
            if !a.usable || !b.usable {
                return 0.0;
            }
            let (_, ra, _) = a.camera_from_head.to_scale_rotation_translation();
            let (_, rb, _) = b.camera_from_head.to_scale_rotation_translation();
            ra.angle_between(rb) * fps as f32
        })
        .collect();
    let even: Vec<f32> = (0..speed.len())
        .map(|i| {
            let near = &speed[i.saturating_sub(2)..(i + 3).min(speed.len())];
            near.iter().sum::<f32>() / near.len() as f32
        })
        .collect();
    let mut order = even.clone();
    order.sort_by(f32::total_cmp);
    let strong = order.get(order.len() * 9 / 10).copied().unwrap_or(0.0);
    even.into_iter().map(|s| s / strong.max(1e-3)).collect()
}

#[cfg(test)]
mod tests {
    use glam::{Mat4, Quat};

    use super::super::graph::jumps;
    use super::*;

    fn footage(n: usize) -> (Vec<Filmed>, Vec<Vec<u8>>) {
        let frames = (0..n)
            .map(|i| Filmed {
                camera_from_head: Mat4::from_translation(glam::Vec3::new(
                    (i as f32 * 0.1).sin(),
                    0.0,
                    -50.0,
                )),
                mouth: [0.0; super::super::space::MODES],
                usable: true,
                speaks: true,
            })
            .collect();
        let thumbs = (0..n)
            .map(|i| vec![(100.0 + 20.0 * (i as f32 * 0.1).sin()) as u8; 1024])
            .collect();
        (frames, thumbs)
    }

    #[test]
    fn a_walk_goes_on_for_ever_and_jumps_only_where_it_was_told() {
        let (frames, thumbs) = footage(200);
        let jumps = jumps(&frames, &thumbs, 25.0);
        assert!(!jumps.is_empty());
        let mut walk = Walk::new(&frames, &jumps, 25.0, 7);
        let mut again = Walk::new(&frames, &jumps, 25.0, 7);
        let mut last: Option<Step> = None;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..5000 {
            let step = walk.step(1.0 / 25.0, &[]);
            assert_eq!(step, again.step(1.0 / 25.0, &[]));
            assert!((step.frame as usize) < frames.len());
            seen.insert(step.frame);
            if let Some(last) = last
                && step.frame != last.frame + 1
            {
                // A cut is only where the frame gone over to was shown whole.
                let (to, t) = last.over.unwrap();
                assert!(t > 0.8, "{last:?} {step:?}");
                assert_eq!(step.frame, to + 1);
            }
            last = Some(step);
        }
        assert!(seen.len() > 120, "{} frames were ever shown", seen.len());
    }

    /// Heads that nod for a quarter of a second, at these times.
    fn nods(n: usize, at: &dyn Fn(f64) -> f64) -> Vec<Filmed> {
        let (mut frames, _) = footage(n);
        let mut turn = 0.0;
        for (i, frame) in frames.iter_mut().enumerate() {
            let since = at(i as f64 / 25.0);
            turn += 0.02 * (-(since / 0.08).powi(2)).exp() as f32;
            frame.camera_from_head = Mat4::from_quat(Quat::from_rotation_x(turn));
        }
        frames
    }

    #[test]
    fn strokes_of_the_head_fall_where_speech_has_them() {
        // The person nods every 1.5 s, the speech wants it every 1.6 s.
        let frames = nods(1500, &|t| (t + 0.75) % 1.5 - 0.75);
        let wanted: Vec<Coming> = (0..1000)
            .map(|i| {
                let t = f64::from(i) / 25.0;
                let since: f64 = (t + 0.8) % 1.6 - 0.8;
                Coming {
                    speaks: true,
                    stir: (-(since / 0.1).powi(2)).exp() as f32,
                }
            })
            .collect();
        let follow = |retimed: bool| -> f32 {
            let mut walk = Walk::new(&frames, &[], 25.0, 7);
            let does = walk.does.clone();
            (0..900)
                .map(|i| {
                    let coming = match retimed {
                        true => &wanted[i..i + 60],
                        false => &[],
                    };
                    let step = walk.step(1.0 / 25.0, coming);
                    does[step.frame as usize].stir.min(1.0) * wanted[i].stir
                })
                .sum()
        };
        let (with, without) = (follow(true), follow(false));
        assert!(with > 1.5 * without, "{with} {without}");
    }

    #[test]
    fn straight_is_as_it_was_filmed_until_it_ends() {
        let (mut frames, thumbs) = footage(200);
        let jumps = jumps(&frames, &thumbs, 25.0);
        let last = jumps.iter().map(|j| j.from).max().unwrap();
        for frame in &mut frames[20..30] {
            frame.usable = false;
        }
        let mut walk = Walk::straight(&frames, &jumps, 25.0, 7);
        for i in 0..last {
            let coming = [
                Coming::default(),
                Coming {
                    speaks: true,
                    stir: 1.0,
                },
            ];
            let step = walk.step(1.0 / 25.0, &coming);
            assert_eq!((step.frame, step.over), (i, None));
        }
        for _ in 0..300 {
            let step = walk.step(1.0 / 25.0, &[]);
            assert!((step.frame as usize) < frames.len());
        }
    }
}
