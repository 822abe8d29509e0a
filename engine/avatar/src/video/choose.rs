//! Which of a person's own mouths to show: like the wanted one in shape, filmed
//! under a like turn of the head, and following on from the one before.

use std::collections::VecDeque;

use super::film::{Filmed, Square};
use super::space::{MODES, Mouth, MouthSpace};

/// Mouths that may be shown next, of each picture.
const NEAREST: usize = 24;
/// Cost of another take, in the units of shape (centimetres, squared); what
/// keeps mouths from boiling.
const CUT: f32 = 0.12;

/// A mouth that was filmed.
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// The frame of the footage.
    pub frame: u32,
    /// Which of the pictures of mouths.
    pub picture: u32,
    /// What it was cut out of, in pixels of the footage.
    pub square: Square,
    /// Small grey picture of the lips and between them, to tell takes apart.
    pub look: Vec<u8>,
}

/// What mouths are compared by: shape, gap, and the head's turn.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Feature {
    mouth: Mouth,
    gap: f32,
    turn: [f32; 2],
}

impl Feature {
    fn of(space: &MouthSpace, mouth: &Mouth, frame: &Filmed) -> Self {
        let (_, rotation, _) = frame.camera_from_head.to_scale_rotation_translation();
        let (yaw, pitch, _) = rotation.to_euler(glam::EulerRot::YXZ);
        Self {
            mouth: *mouth,
            gap: space.gap(mouth).max(0.0),
            turn: [yaw.to_degrees(), pitch.to_degrees()],
        }
    }

    /// In square centimetres, about.
    fn unlike(&self, other: &Self) -> f32 {
        let shape: f32 = (0..MODES)
            .map(|m| (self.mouth[m] - other.mouth[m]).powi(2))
            .sum();
        let gap = (self.gap - other.gap).powi(2);
        let turn: f32 = (0..2)
            .map(|i| ((self.turn[i] - other.turn[i]) / 10.0).powi(2))
            .sum();
        // The modes add up the moves of all points, lips twice.
        shape / 60.0 + 2.0 * gap + 0.08 * turn
    }
}

/// What one picture may show.
struct Column {
    /// Takes, and how unlike the wanted mouth.
    takes: Vec<(usize, f32)>,
    /// For each of them, the cost of coming there from each of the column before.
    cuts: Vec<Vec<f32>>,
}

/// Chooses takes, a picture after the other, looking a little ahead.
pub struct Chooser {
    features: Vec<Feature>,
    looks: Vec<Vec<u8>>,
    /// Take after a take in the footage, where it was kept.
    following: Vec<Option<usize>>,
    /// Pictures not yet decided.
    open: VecDeque<Column>,
    decided: Option<usize>,
}

impl Chooser {
    pub fn new(space: &MouthSpace, frames: &[Filmed], takes: &[Take]) -> Self {
        let features = takes
            .iter()
            .map(|t| {
                let frame = &frames[t.frame as usize];
                Feature::of(space, &frame.mouth, frame)
            })
            .collect();
        let following = (0..takes.len())
            .map(|i| {
                let next = i + 1;
                (takes.get(next)?.frame == takes[i].frame + 1).then_some(next)
            })
            .collect();
        Self {
            features,
            looks: takes.iter().map(|t| t.look.clone()).collect(),
            following,
            open: VecDeque::new(),
            decided: None,
        }
    }

    /// How much a change of take would be seen.
    fn cut(&self, from: usize, to: usize) -> f32 {
        if from == to || self.following[from] == Some(to) {
            return 0.0;
        }
        // Against what would have come next.
        let next = self.following[from].unwrap_or(from);
        let (a, b) = (&self.looks[next], &self.looks[to]);
        let apart: u32 = a
            .iter()
            .zip(b)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        CUT * (0.3 + apart as f32 / a.len().max(1) as f32 / 12.0)
    }

    /// Takes the next picture's wanted mouth in a base frame.
    pub fn want(&mut self, space: &MouthSpace, mouth: &Mouth, base: &Filmed) {
        let wanted = Feature::of(space, mouth, base);
        let mut near: Vec<(f32, usize)> = self
            .features
            .iter()
            .enumerate()
            .map(|(i, f)| (wanted.unlike(f), i))
            .collect();
        let mut chosen = Vec::with_capacity(2 * NEAREST);
        if near.len() > NEAREST {
            near.select_nth_unstable_by(NEAREST, |a, b| a.0.total_cmp(&b.0));
        }
        chosen.extend(near.iter().take(NEAREST).copied());
        // Going on with a take is always thought of.
        let before: Vec<usize> = match self.open.back() {
            Some(column) => column.takes.iter().map(|(take, _)| *take).collect(),
            None => self.decided.into_iter().collect(),
        };
        let mut on: Vec<(f32, usize)> = before
            .iter()
            .map(|take| self.following[*take].unwrap_or(*take))
            .filter(|next| !chosen.iter().any(|(_, i)| i == next))
            .map(|next| (wanted.unlike(&self.features[next]), next))
            .collect();
        on.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Otherwise each picture would have more to choose from than the last.
        chosen.extend(on.into_iter().take(NEAREST));
        let takes: Vec<(usize, f32)> = chosen.into_iter().map(|(own, take)| (take, own)).collect();
        let from = |to: usize| before.iter().map(|from| self.cut(*from, to)).collect();
        let cuts = match self.open.is_empty() {
            true => Vec::new(),
            false => takes.iter().map(|(take, _)| from(*take)).collect(),
        };
        self.open.push_back(Column { takes, cuts });
    }

    /// How many pictures wait for a decision.
    pub fn waiting(&self) -> usize {
        self.open.len()
    }

    /// Decides the first picture that waits: the beginning of the cheapest way
    /// through all of them.
    pub fn decide(&mut self) -> Option<usize> {
        let mut costs: Vec<f32> = Vec::new();
        let mut ways: Vec<Vec<usize>> = Vec::new();
        for (n, column) in self.open.iter().enumerate() {
            let mut next = Vec::with_capacity(column.takes.len());
            let mut from = Vec::with_capacity(column.takes.len());
            for (i, (take, own)) in column.takes.iter().enumerate() {
                let (cost, way) = match n {
                    0 => (self.decided.map_or(0.0, |d| self.cut(d, *take)), 0),
                    _ => costs
                        .iter()
                        .zip(&column.cuts[i])
                        .map(|(cost, cut)| cost + cut)
                        .enumerate()
                        .map(|(way, cost)| (cost, way))
                        .min_by(|a, b| a.0.total_cmp(&b.0))?,
                };
                next.push(cost + own);
                from.push(way);
            }
            costs = next;
            ways.push(from);
        }
        let mut best = (0..costs.len()).min_by(|a, b| costs[*a].total_cmp(&costs[*b]))?;
        for from in ways.iter().skip(1).rev() {
            best = from[best];
        }
        let (take, _) = self.open.pop_front()?.takes[best];
        self.decided = Some(take);
        Some(take)
    }
}
