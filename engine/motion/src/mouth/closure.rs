//! Hard lip events: seals (p b m, silence) and lip-teeth contacts (f v).
//!
//! Blended targets only approach their goals; a viewer sees at once when a
//! bilabial does not close. So contacts are windows laid over the blend.

use crate::curve::ramp;

/// Lips begin to touch this long before the sound of a stop or nasal, since
/// the closure is what makes the silence that precedes the burst.
const SEAL_LEAD_SECS: f64 = 0.025;
/// A seal is held at least this long: more than one frame at 25 fps.
const SEAL_MIN_SECS: f64 = 0.055;
const CLOSING_SECS: f64 = 0.06;
const OPENING_SECS: f64 = 0.055;
/// Lips never close or open faster.
const RAMP_MIN_SECS: f64 = 0.025;

/// One window: 0 before `from`, `peak` between `full_from` and `full_to`, 0 after `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub from: f64,
    pub full_from: f64,
    pub full_to: f64,
    pub to: f64,
    pub peak: f64,
    /// Pressure while it holds, 0…1.
    pub press: f64,
}

impl Window {
    /// The seal of a bilabial heard during `start..end`.
    pub fn seal(start: f64, end: f64, nasal: bool) -> Self {
        let full_from = start - SEAL_LEAD_SECS;
        // A nasal hums behind closed lips to its end; a stop's burst comes earlier.
        let share = if nasal { 0.9 } else { 0.65 };
        let full_to = (start + (end - start) * share)
            .max(full_from + SEAL_MIN_SECS)
            .min(full_from + 0.4);
        Self {
            from: full_from - CLOSING_SECS,
            full_from,
            full_to,
            to: full_to + OPENING_SECS,
            peak: 1.0,
            press: if nasal { 0.7 } else { 1.0 },
        }
    }

    /// The lip-teeth contact of a labiodental heard during `start..end`.
    pub fn tuck(start: f64, end: f64, peak: f64) -> Self {
        let full_from = start - 0.01;
        let full_to = (start + (end - start) * 0.7).max(full_from + 0.045);
        Self {
            from: full_from - 0.07,
            full_from,
            full_to,
            to: full_to + 0.065,
            peak,
            press: 0.0,
        }
    }

    /// Its strength at `at` seconds.
    pub fn at(&self, at: f64) -> f64 {
        if at <= self.from || at >= self.to {
            return 0.0;
        }
        self.peak * ramp(at, self.from, self.full_from) * (1.0 - ramp(at, self.full_to, self.to))
    }
}

/// Windows in time order, joined by a smooth "or" (so the join has no corner).
#[derive(Clone, Debug, Default)]
pub struct Windows {
    all: Vec<Window>,
    /// Latest end of `all[..=i]`: finds the first window that still matters.
    reach: Vec<f64>,
}

impl Windows {
    pub fn new(mut all: Vec<Window>) -> Self {
        all.sort_by(|a, b| a.full_from.total_cmp(&b.full_from));
        let_vowels_through(&mut all);
        all.sort_by(|a, b| a.from.total_cmp(&b.from));
        let mut latest = f64::NEG_INFINITY;
        let reach = all
            .iter()
            .map(|w| {
                latest = latest.max(w.to);
                latest
            })
            .collect();
        Self { all, reach }
    }

    /// Strength and strength × pressure at `at`, each 0…1.
    pub fn at(&self, at: f64) -> (f64, f64) {
        let first = self.reach.partition_point(|&to| to <= at);
        let (mut apart, mut soft) = (1.0, 1.0);
        for w in self.all[first..].iter().take_while(|w| w.from < at) {
            let v = w.at(at);
            apart *= 1.0 - v;
            soft *= 1.0 - v * w.press;
        }
        (1.0 - apart, 1.0 - soft)
    }
}

/// Between two contacts that follow quickly (the vowels of "baby") the ramps
/// meet halfway, so that the lips do part.
fn let_vowels_through(all: &mut [Window]) {
    for i in 1..all.len() {
        let (before, after) = all.split_at_mut(i);
        let (a, b) = (&mut before[i - 1], &mut after[0]);
        if b.full_from > a.full_to {
            let middle = 0.5 * (a.full_to + b.full_from);
            a.to = a.to.min(middle.max(a.full_to + RAMP_MIN_SECS));
            b.from = b.from.max(middle.min(b.full_from - RAMP_MIN_SECS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_seal_is_full_for_at_least_50_ms_around_the_onset(
            start in 0.0f64..10.0, secs in 0.0f64..0.5, nasal: bool,
        ) {
            let w = Windows::new(vec![Window::seal(start, start + secs, nasal)]);
            for ms in -24..28 {
                let (seal, _) = w.at(start + f64::from(ms) * 1e-3);
                prop_assert!((seal - 1.0).abs() < 1e-9);
            }
            prop_assert!(w.at(start - 0.12).0 == 0.0);
        }
    }
}
