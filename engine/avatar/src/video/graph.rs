//! Footage without end: where one frame can be followed by another than its
//! own next one.

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
pub(super) const LEAST_SECS: f64 = 1.6;

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
pub(super) fn runs(frames: &[Filmed]) -> Vec<(usize, usize)> {
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
    // Not every frame: neighbours look alike, and every one is held against all.
    let stride = frames.len().div_ceil(4000).max(2);
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
        for j in (*first + BLEND..last_from).step_by(stride) {
            let mut ways: Vec<Jump> = Vec::new();
            for (start, stop) in &runs {
                let room = (stop - start).saturating_sub(BLEND + least / 2).max(1);
                for k in (*start..start + room).step_by(stride) {
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
