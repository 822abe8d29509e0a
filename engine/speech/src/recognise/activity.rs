//! Where in a window somebody may be speaking, by its loudness alone.
//!
//! The network hears words in noise, and where a pause begins and ends it says
//! only roughly; both are plain to see in how loud the sound is.

use std::ops::Range;

/// Samples of a step: 10 ms.
pub(super) const STEP_SAMPLES: usize = 160;
pub(super) const STEP_SECS: f64 = 0.01;
/// Speech rises at least this far out of what is always there.
const LEAST_RISE_DB: f32 = 6.0;
/// Steps that are as loud as the loudest: 0.2 s.
const LOUD_STEPS: usize = 20;
/// Between the floor and the loudest, from where on it is speech.
const SHARE: f32 = 0.25;
/// The floor is at most so far below the loudest: codecs and gates are silent.
const DEEPEST_DB: f32 = 60.0;
/// A silence of so many steps parts words; shorter ones are in them.
const PAUSE_STEPS: usize = 20;

pub(super) struct Activity {
    /// Of each step.
    active: Vec<bool>,
    pub floor_db: f32,
}

impl Activity {
    /// Of `samples`; `known_db` is the floor of what came before.
    pub fn new(samples: &[f32], known_db: Option<f32>) -> Self {
        let mut before = 0.0;
        let levels: Vec<f32> = samples
            .chunks(STEP_SAMPLES)
            .map(|step| {
                // Differences: hum and rumble are no speech, hisses are.
                let mut sum = 0.0;
                for s in step {
                    sum += (s - 0.97 * before) * (s - 0.97 * before);
                    before = *s;
                }
                10.0 * (sum / step.len() as f32).max(1e-12).log10()
            })
            .collect();
        let mut sorted = levels.clone();
        sorted.sort_by(f32::total_cmp);
        let n = sorted.len();
        let quiet = sorted.get(n / 10).copied().unwrap_or_default();
        let loud = sorted.get(n.saturating_sub(LOUD_STEPS)).copied();
        let loud = loud.unwrap_or_default();
        let floor_db = known_db.map_or(quiet, |known| known.min(quiet));
        let floor = floor_db.max(loud - DEEPEST_DB);
        let rise = loud - floor;
        let from = floor + LEAST_RISE_DB.max(SHARE * rise);
        Self {
            active: levels
                .iter()
                .map(|level| rise >= LEAST_RISE_DB && *level > from)
                .collect(),
            floor_db,
        }
    }

    /// How many steps the window has.
    pub fn steps(&self) -> usize {
        self.active.len()
    }

    pub fn any(&self, steps: Range<usize>) -> bool {
        self.clipped(steps).contains(&true)
    }

    /// How much of `steps` may be speech.
    pub fn secs(&self, steps: Range<usize>) -> f64 {
        let active = self.clipped(steps).iter().filter(|a| **a).count();
        active as f64 * STEP_SECS
    }

    fn clipped(&self, steps: Range<usize>) -> &[bool] {
        let end = steps.end.min(self.active.len());
        &self.active[steps.start.min(end)..end]
    }

    /// The longest part of `steps` that no pause parts, without the silence
    /// around it; none where all is silent.
    pub fn spoken(&self, steps: Range<usize>) -> Option<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        for (i, _) in self
            .clipped(steps.clone())
            .iter()
            .enumerate()
            .filter(|(_, a)| **a)
        {
            let at = steps.start + i;
            match parts.last_mut() {
                Some(part) if at < part.end + PAUSE_STEPS => part.end = at + 1,
                _ => parts.push(at..at + 1),
            }
        }
        // The first of the longest.
        parts.into_iter().rev().max_by_key(ExactSizeIterator::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loud where `loud` says so, in steps, over a soft floor; the difference at
    /// the end of a loud step may be heard in the next.
    fn sound(loud: &[Range<usize>], steps: usize) -> Vec<f32> {
        (0..steps * STEP_SAMPLES)
            .map(|i| {
                let speaks = loud.iter().any(|r| r.contains(&(i / STEP_SAMPLES)));
                (i as f32 * 1.3).sin() * if speaks { 0.3 } else { 0.003 }
            })
            .collect()
    }

    #[test]
    fn pauses_part_and_short_silences_do_not() {
        let activity = Activity::new(&sound(&[10..20, 25..40, 70..80], 100), None);
        let spoken = activity.spoken(0..100).unwrap();
        assert_eq!(spoken.start, 10);
        assert!((40..=41).contains(&spoken.end));
        assert_eq!(activity.spoken(42..90).unwrap().start, 70);
        assert_eq!(activity.spoken(45..65), None);
        assert!(activity.any(39..50) && !activity.any(41..70));
        assert!(!activity.any(200..300) && activity.spoken(200..300).is_none());
    }

    #[test]
    fn steady_sound_is_no_speech_and_a_known_floor_tells_a_short_word() {
        let steady = sound(&[], 50);
        assert!(!Activity::new(&steady, None).any(0..50));
        assert!(Activity::new(&steady, Some(-80.0)).any(0..50));
        assert!(!Activity::new(&[], None).any(0..1));
    }
}
