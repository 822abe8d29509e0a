//! Footage without end: where one frame can be followed by another than its
//! own next one, and a walk along such jumps.

use huashen_core::Size;

use super::film::Filmed;

/// Small grey pictures that frames are compared by.
pub const THUMB: Size = Size {
    width: 32,
    height: 32,
};
/// Frames of a blend from one place to another.
pub const BLEND: usize = 8;
/// Most ways on from one frame.
const WAYS: usize = 3;
/// Between two jumps at least so many seconds are played.
const LEAST_SECS: f64 = 1.6;

/// After frame `from`, `to` may be shown: they look nearly the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jump {
    pub from: u32,
    pub to: u32,
    /// How unlike they are; 1 is a jump that one sees.
    pub cost: f32,
}

/// How unlike two frames are: picture, place and turn of the head.
fn unlike(thumbs: &[Vec<u8>], frames: &[Filmed], j: usize, k: usize) -> f32 {
    let (a, b) = (&thumbs[j], &thumbs[k]);
    let sum: u32 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2))
        .sum();
    let picture = (sum as f32 / a.len().max(1) as f32).sqrt() / 16.0;
    let (_, ra, ta) = frames[j].camera_from_head.to_scale_rotation_translation();
    let (_, rb, tb) = frames[k].camera_from_head.to_scale_rotation_translation();
    let turn = ra.angle_between(rb).to_degrees() / 12.0;
    let shift = ta.truncate().distance(tb.truncate()) / 6.0 + (ta.z - tb.z).abs() / 12.0;
    picture + turn + shift
}

/// Runs of usable frames that follow each other: first and one past the last.
fn runs(frames: &[Filmed]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut first = None;
    for i in 0..=frames.len() {
        match (frames.get(i).is_some_and(|f| f.usable), first) {
            (true, None) => first = Some(i),
            (false, Some(from)) => {
                runs.push((from, i));
                first = None;
            }
            _ => {}
        }
    }
    runs
}

/// Finds the jumps of footage; `thumbs` are [`THUMB`] pictures, one a frame.
/// Of every run one can go on for ever.
pub fn jumps(frames: &[Filmed], thumbs: &[Vec<u8>], fps: f64) -> Vec<Jump> {
    let least = (LEAST_SECS * fps) as usize;
    // Runs that are too short to leave again are not entered.
    let runs: Vec<(usize, usize)> = runs(frames)
        .into_iter()
        .filter(|(a, b)| b - a >= least.min(frames.len() / 2).max(2 * BLEND + 2))
        .collect();
    let mut jumps = Vec::new();
    for (first, end) in &runs {
        let mut kept = 0;
        let last_from = end - BLEND;
        let mut best: Option<Jump> = None;
        // Every second frame: neighbours look alike.
        for j in (*first + BLEND..last_from).step_by(2) {
            let mut ways: Vec<Jump> = Vec::new();
            for (start, stop) in &runs {
                let room = (stop - start).saturating_sub(BLEND + least / 2).max(1);
                for k in (*start..start + room).step_by(2) {
                    if k.abs_diff(j) < least / 2 {
                        continue;
                    }
                    let near = |d: usize| unlike(thumbs, frames, j + d, k + d);
                    let cost = near(0);
                    if ways.len() == WAYS && cost >= ways[WAYS - 1].cost {
                        continue;
                    }
                    // As unlike at the blend's end as at its beginning: they
                    // must also move alike.
                    let cost = 0.5 * (cost + near(BLEND - 1));
                    ways.push(Jump {
                        from: j as u32,
                        to: k as u32,
                        cost,
                    });
                    ways.sort_by(|a, b| a.cost.total_cmp(&b.cost));
                    ways.truncate(WAYS);
                }
            }
            for way in ways {
                if best.is_none_or(|b| way.cost < b.cost) {
                    best = Some(way);
                }
                if way.cost < 1.0 || j + 2 * BLEND >= last_from {
                    kept += 1;
                    jumps.push(way);
                }
            }
        }
        if kept == 0 {
            jumps.extend(best);
        }
    }
    jumps
}

/// One picture's base: a frame, or two that are blended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub frame: u32,
    /// The frame that is being gone over to, and how far, 0 to 1.
    pub over: Option<(u32, f32)>,
}

/// Walks through footage, as long as is asked, the same way each time.
#[derive(Clone, Debug)]
pub struct Walk {
    jumps: Vec<Jump>,
    /// First and one past the last of the run that each frame is in.
    ends: Vec<u32>,
    /// Whether the person speaks, frame by frame.
    speaks: Vec<bool>,
    fps: f64,
    at: f64,
    planned: Option<Jump>,
    /// Going over: since which frame.
    blending: bool,
    /// How often each second of the footage was shown.
    shown: Vec<f32>,
    random: u64,
}

impl Walk {
    /// From a quiet beginning. `jumps` are those of [`jumps`].
    pub fn new(frames: &[Filmed], jumps: &[Jump], fps: f64, seed: u64) -> Self {
        let mut ends = vec![0; frames.len()];
        let mut longest = (0, 0);
        for (a, b) in runs(frames) {
            ends[a..b].fill(b as u32);
            if b - a > longest.1 - longest.0 {
                longest = (a, b);
            }
        }
        let mut walk = Self {
            jumps: jumps.to_vec(),
            ends,
            speaks: frames.iter().map(|f| f.speaks).collect(),
            fps,
            at: longest.0 as f64,
            planned: None,
            blending: false,
            shown: vec![0.0; (frames.len() as f64 / fps).ceil() as usize + 1],
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        };
        walk.plan(true);
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
    /// not been for long, and where the person does what they do now.
    fn plan(&mut self, speaks: bool) {
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
            let then = self.speaks[jump.to as usize..]
                .iter()
                .take((LEAST_SECS * self.fps) as usize);
            let wrong = then.clone().filter(|s| **s != speaks).count() as f32;
            let wrong = wrong / then.len().max(1) as f32;
            let score = 2.0 * jump.cost + 0.25 * worn + early + 0.5 * wrong + 0.3 * self.noise();
            if best.is_none_or(|(b, _)| score < b) {
                best = Some((score, jump));
            }
        }
        self.planned = best.map(|(_, jump)| jump);
    }

    /// What is shown now; then goes on by `secs`. `speaks`: whether words are said.
    pub fn step(&mut self, secs: f64, speaks: bool) -> Step {
        let end = self.ends.get(self.at as usize).copied().unwrap_or(0);
        let last = end.saturating_sub(1);
        let frame = (self.at.round() as u32).min(last);
        let mut step = Step { frame, over: None };
        if let Some(jump) = self.planned
            && self.at >= f64::from(jump.from)
        {
            let gone = self.at - f64::from(jump.from);
            let t = (gone / BLEND as f64).min(1.0) as f32;
            let to = f64::from(jump.to) + gone;
            self.blending = true;
            if t >= 1.0 || frame == last {
                self.at = to;
                self.blending = false;
                self.plan(speaks);
                return self.step(secs, speaks);
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
        self.at += secs * self.fps;
        if self.planned.is_none() && self.at > f64::from(last) {
            // Footage that nothing in it continues: it stands still.
            self.at = f64::from(last);
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use glam::Mat4;

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
            let step = walk.step(1.0 / 25.0, true);
            assert_eq!(step, again.step(1.0 / 25.0, true));
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
}
