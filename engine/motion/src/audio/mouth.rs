//! Band levels → mouth, with silence and steady sound gated out.

use huashen_core::Prosody;

use super::features::{BANDS, Levels};
use crate::mouth::Mouth;
use crate::mouth::viseme::Shape;
use crate::score::Phrase;

const HOP: f64 = Prosody::HOP_SECS;
/// Pauses shorter than this do not end a phrase.
const PHRASE_GAP_SECS: f64 = 0.2;

/// jaw, pucker, funnel, spread, teeth, seal.
type Row = [f32; 6];

/// The mouth of a recording over time; see [`AudioFeatures`](super::AudioFeatures).
#[derive(Clone, Debug)]
pub struct AudioMouth {
    rows: Vec<Row>,
    phrases: Vec<Phrase>,
    duration_secs: f64,
}

impl AudioMouth {
    /// Length of the recording in seconds.
    pub fn duration_secs(&self) -> f64 {
        self.duration_secs
    }

    pub(crate) fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    pub(super) fn new(levels: &[Levels], duration_secs: f64) -> Self {
        let loud: Vec<f32> = levels.iter().map(total_db).collect();
        let scale = Scale::new(levels, &loud);
        let gate = gate(&loud, &scale);
        let mut rows: Vec<Row> = levels
            .iter()
            .zip(&loud)
            .zip(&gate)
            .map(|((l, &total), &g)| scale.row(l, total, g))
            .collect();
        seal_dips(levels, &gate, &mut rows);
        smooth(&mut rows, [0.26, 0.16, 0.16, 0.2, 0.24, 0.5]);
        Self {
            phrases: phrases(&gate),
            rows,
            duration_secs,
        }
    }

    /// The mouth at `at` seconds.
    pub(crate) fn at(&self, at: f64) -> Mouth {
        let Some(last) = self.rows.len().checked_sub(1) else {
            return Mouth {
                seal: 1.0,
                ..Mouth::default()
            };
        };
        let x = (at / HOP).clamp(0.0, last as f64);
        let i = x as usize;
        let t = (x - i as f64) as f32;
        let (a, b) = (self.rows[i], self.rows[(i + 1).min(last)]);
        let r: Row = std::array::from_fn(|k| a[k] + (b[k] - a[k]) * t);
        Mouth {
            shape: Shape {
                jaw: r[0],
                pucker: r[1],
                funnel: r[2],
                spread: r[3],
                teeth: r[4],
                tongue: 0.0,
            },
            seal: r[5].clamp(0.0, 1.0),
            press: 0.2,
            tuck: 0.0,
        }
    }
}

fn step(x: f32, low: f32, high: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn total_db(l: &Levels) -> f32 {
    let energy: f32 = l[..4].iter().map(|db| 10f32.powf(db / 10.0)).sum();
    10.0 * energy.max(1e-10).log10()
}

/// What is usual in this recording.
struct Scale {
    floor_db: f32,
    top_db: f32,
    /// Spread of (open − close) and (front − back) over the loud hops.
    open: (f32, f32),
    front: (f32, f32),
}

fn openness(l: &Levels) -> f32 {
    l[1] - l[0]
}

fn frontness(l: &Levels) -> f32 {
    l[3] - l[1].max(l[2])
}

fn percentile(sorted: &[f32], share: f32, otherwise: f32) -> f32 {
    let at = (sorted.len() as f32 * share) as usize;
    sorted.get(at).copied().unwrap_or(otherwise)
}

impl Scale {
    fn new(levels: &[Levels], loud: &[f32]) -> Self {
        let sorted = |mut v: Vec<f32>| {
            v.sort_by(f32::total_cmp);
            v
        };
        let all = sorted(loud.iter().copied().filter(|l| *l > -95.0).collect());
        let top_db = percentile(&all, 0.95, -20.0);
        let floor_db = percentile(&all, 0.1, -80.0).min(top_db - 18.0);
        let voiced = |f: fn(&Levels) -> f32| {
            let v = sorted(
                levels
                    .iter()
                    .zip(loud)
                    .filter(|(_, t)| **t > top_db - 18.0)
                    .map(|(l, _)| f(l))
                    .collect(),
            );
            (
                percentile(&v, 0.15, -10.0),
                percentile(&v, 0.9, 10.0).max(percentile(&v, 0.15, -10.0) + 4.0),
            )
        };
        Self {
            floor_db,
            top_db,
            open: voiced(openness),
            front: voiced(frontness),
        }
    }

    fn row(&self, l: &Levels, total: f32, gate: f32) -> Row {
        let loud = ((total - self.top_db + 30.0) / 30.0).clamp(0.0, 1.1) * gate;
        let range = |x: f32, (a, b): (f32, f32)| ((x - a) / (b - a)).clamp(0.0, 1.0);
        let open = range(openness(l), self.open);
        let front = range(frontness(l), self.front);
        let hiss = step(l[4] - total, -4.0, 8.0) * gate;
        let voice = loud * (1.0 - hiss);
        [
            0.52 * voice.powf(1.6) * (0.3 + 0.7 * open) + 0.05 * hiss,
            0.65 * voice * (1.0 - front) * (1.0 - open),
            0.45 * voice * (1.0 - front) * (0.3 + 0.7 * (1.0 - (2.0 * open - 1.0).abs()))
                + 0.12 * hiss,
            0.5 * voice * front * (1.0 - 0.6 * open) + 0.22 * hiss,
            (0.1 + 0.2 * front) * voice + 0.4 * hiss,
            1.0 - step(gate, 0.1, 0.6),
        ]
    }
}

/// 0 in silence and steady sound, 1 in speech.
///
/// Speech swings by 8 dB and more within a second (its syllables); hum, noise
/// and most music swing by less than 4.
fn gate(loud: &[f32], scale: &Scale) -> Vec<f32> {
    const HALF: usize = 50;
    // Sums up to each hop, of the levels and of their squares.
    let mut sums = Vec::with_capacity(loud.len() + 1);
    let mut sum = (0.0f64, 0.0f64);
    sums.push(sum);
    for level in loud {
        let v = f64::from(level.max(scale.top_db - 45.0));
        sum = (sum.0 + v, sum.1 + v * v);
        sums.push(sum);
    }
    let mut out = Vec::with_capacity(loud.len());
    for (i, &level) in loud.iter().enumerate() {
        let (a, b) = (i.saturating_sub(HALF), (i + HALF + 1).min(loud.len()));
        let n = (b - a) as f64;
        let mean = (sums[b].0 - sums[a].0) / n;
        let swing = ((sums[b].1 - sums[a].1) / n - mean * mean).max(0.0).sqrt() as f32;
        let above = step(level, scale.floor_db + 5.0, scale.floor_db + 14.0)
            * step(level, scale.top_db - 38.0, scale.top_db - 28.0);
        out.push(above * step(swing, 2.0, 4.5));
    }
    // Open fast, close after a hold, so that stops do not shut the gate.
    let mut held = 0.0f32;
    for g in &mut out {
        held = if *g > held {
            held + 0.5 * (*g - held)
        } else {
            held - 0.07 * (held - *g)
        };
        *g = held;
    }
    out
}

/// Depth in dB at which a dip begins to be, and is, a closure; and the hiss
/// above the voice at which it begins to be, and is, the tongue's. Chosen on
/// five aligned LibriVox clips: 23 of 29 p b m seal, and so do 21 of 79 other
/// consonants, which sound alone can hardly tell apart.
const DIP_DB: (f32, f32) = (10.0, 16.0);
const HISS_DB: (f32, f32) = (-4.0, 6.0);

/// Sharp dips of the middle bands between loud neighbours are closures.
fn seal_dips(levels: &[Levels], gate: &[f32], rows: &mut [Row]) {
    let mid: Vec<f32> = levels
        .iter()
        .map(|l| l[1].max(l[2]).max(l[3]).max(l[4] - 6.0))
        .collect();
    let reach = 9usize;
    for i in 0..mid.len() {
        let before = mid[i.saturating_sub(reach)..i]
            .iter()
            .copied()
            .fold(-100.0, f32::max);
        let after = mid[(i + 1).min(mid.len())..(i + 1 + reach).min(mid.len())]
            .iter()
            .copied()
            .fold(-100.0, f32::max);
        let depth = before.min(after) - mid[i];
        // A burst or a neighbour that hisses belongs to the tongue, not to the lips.
        let from = i.saturating_sub(4);
        let hiss = levels[from..(i + 6).min(levels.len())]
            .iter()
            .map(|l| l[4] - total_db(l))
            .fold(-100.0, f32::max);
        let seal = step(depth, DIP_DB.0, DIP_DB.1)
            * (1.0 - step(hiss, HISS_DB.0, HISS_DB.1))
            * gate[i].min(1.0);
        rows[i][5] = rows[i][5].max(seal);
    }
}

/// One-pole passes forward and back: no delay, no corner.
fn smooth(rows: &mut [Row], rates: Row) {
    let pass = |order: &mut dyn Iterator<Item = &mut Row>| {
        let mut held: Option<Row> = None;
        for row in order {
            let from = held.unwrap_or(*row);
            let to: Row = std::array::from_fn(|k| from[k] + rates[k] * (row[k] - from[k]));
            *row = to;
            held = Some(to);
        }
    };
    pass(&mut rows.iter_mut());
    pass(&mut rows.iter_mut().rev());
}

fn phrases(gate: &[f32]) -> Vec<Phrase> {
    let mut found: Vec<Phrase> = Vec::new();
    for (i, &g) in gate.iter().enumerate() {
        if g < 0.5 {
            continue;
        }
        let at = i as f64 * HOP;
        match found.last_mut() {
            Some(p) if at - p.end <= PHRASE_GAP_SECS => p.end = at + HOP,
            _ => found.push(Phrase {
                start: at,
                end: at + HOP,
                closes: false,
            }),
        }
    }
    found.retain(|p| p.end - p.start > 0.08);
    // Without words, a long pause stands for the end of a sentence.
    for i in 0..found.len() {
        found[i].closes = found
            .get(i + 1)
            .is_none_or(|next| next.start - found[i].end > 0.6);
    }
    found
}

const _: () = assert!(BANDS == 5, "rows index the bands by place");
