//! Music that steps back while somebody speaks.

use huashen_core::Prosody;

/// Below the voice's loudness, in LU: where nobody speaks, and under the voice.
const OPEN_LU: f32 = -9.0;
const DUCKED_LU: f32 = -19.0;
/// The voice's level that counts as speech, below its loud parts.
const SPEECH_DB: f32 = -28.0;
/// A shorter pause is none.
const PAUSE_SECS: f64 = 0.9;
/// The music is down when the voice begins, and up again so long after it.
const DOWN_SECS: f64 = 0.35;
const UP_SECS: f64 = 0.9;
/// At the clip's ends.
const FADE_IN_SECS: f64 = 0.4;
const FADE_OUT_SECS: f64 = 1.2;

/// How loud music is, beside a voice that is known from end to end.
pub struct Ducking {
    /// Stretches of speech, in seconds, in order.
    speech: Vec<(f64, f64)>,
    duration_secs: f64,
}

impl Ducking {
    /// For a voice with `prosody` in a clip of `duration_secs`.
    pub fn new(prosody: &Prosody, duration_secs: f64) -> Self {
        let mut levels = prosody.level_db.clone();
        levels.sort_by(f32::total_cmp);
        let loud = levels.get(levels.len() * 9 / 10).copied();
        // In silence nothing is speech.
        let least = loud.unwrap_or(0.0).max(-60.0) + SPEECH_DB;
        let mut speech: Vec<(f64, f64)> = Vec::new();
        for (hop, level) in prosody.level_db.iter().enumerate() {
            if *level < least {
                continue;
            }
            let begin = hop as f64 * Prosody::HOP_SECS;
            let end = begin + Prosody::HOP_SECS;
            match speech.last_mut() {
                Some(last) if begin - last.1 < PAUSE_SECS => last.1 = end,
                _ => speech.push((begin, end)),
            }
        }
        Self {
            speech,
            duration_secs,
        }
    }

    /// Factor at `at_secs` for music that measures as loud as the voice.
    pub fn gain(&self, at_secs: f64) -> f32 {
        let next = self.speech.partition_point(|(_, end)| *end < at_secs);
        let after = next.checked_sub(1).and_then(|i| self.speech.get(i));
        let after = after.map_or(1.0, |(_, end)| (at_secs - end) / UP_SECS);
        let before = self.speech.get(next);
        let before = before.map_or(1.0, |(begin, _)| (begin - at_secs) / DOWN_SECS);
        let open = before.min(after).clamp(0.0, 1.0) as f32;
        let lu = DUCKED_LU + (OPEN_LU - DUCKED_LU) * open;
        let ends = (at_secs / FADE_IN_SECS).min((self.duration_secs - at_secs) / FADE_OUT_SECS);
        10_f32.powf(lu / 20.0) * ends.clamp(0.0, 1.0) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn music_steps_back_before_speech_and_comes_back_after_it() {
        let mut level_db = vec![-100.0; 200];
        level_db.extend([-20.0; 200]);
        // A breath, not a pause.
        level_db.extend([-70.0; 50]);
        level_db.extend([-25.0; 100]);
        level_db.extend([-100.0; 450]);
        let prosody = Prosody {
            f0_hz: vec![0.0; 1000],
            level_db,
        };
        let ducking = Ducking::new(&prosody, 10.0);
        let lu = |at: f64| 20.0 * ducking.gain(at).log10();
        assert_eq!(ducking.gain(0.0), 0.0);
        assert!((lu(1.0) - OPEN_LU).abs() < 0.01);
        for at in [2.0, 3.0, 4.2, 5.4] {
            assert!((lu(at) - DUCKED_LU).abs() < 0.1, "{at}: {}", lu(at));
        }
        assert!(lu(1.8) < OPEN_LU && lu(1.8) > DUCKED_LU);
        assert!((lu(7.0) - OPEN_LU).abs() < 0.01);
        assert!(ducking.gain(9.99) < 0.01);
        // Nothing jumps.
        let gains: Vec<f32> = (0..10_000)
            .map(|i| ducking.gain(f64::from(i) * 1e-3))
            .collect();
        assert!(gains.windows(2).all(|p| (p[1] - p[0]).abs() < 2e-3));
    }

    #[test]
    fn beside_silence_it_stays_up() {
        let prosody = Prosody {
            f0_hz: vec![0.0; 300],
            level_db: vec![-100.0; 300],
        };
        let ducking = Ducking::new(&prosody, 3.0);
        assert!((20.0 * ducking.gain(1.5).log10() - OPEN_LU).abs() < 0.01);
    }
}
