//! Hand-timed sentences.

use huashen_core::{Phoneme, Prosody, Timing, Word};

/// "My baby mother bought puppies." Durations as in careful read speech.
pub fn english() -> (Timing, Prosody) {
    build(&[
        (
            "My",
            0.30,
            &[("m", 0.075, 0), ("a", 0.08, 1), ("ɪ", 0.06, 0)],
        ),
        (
            "baby",
            0.0,
            &[
                ("b", 0.07, 0),
                ("e", 0.07, 2),
                ("ɪ", 0.05, 0),
                ("b", 0.06, 0),
                ("i", 0.07, 0),
            ],
        ),
        (
            "mother",
            0.0,
            &[
                ("m", 0.075, 0),
                ("ʌ", 0.09, 2),
                ("ð", 0.045, 0),
                ("ɚ", 0.09, 0),
            ],
        ),
        (
            "bought",
            0.0,
            &[("b", 0.075, 0), ("ɔ", 0.13, 2), ("t", 0.06, 0)],
        ),
        (
            "puppies",
            0.0,
            &[
                ("p", 0.1, 0),
                ("ʌ", 0.085, 2),
                ("p", 0.08, 0),
                ("i", 0.1, 0),
                ("z", 0.12, 0),
            ],
        ),
        ("you", 0.45, &[("j", 0.06, 0), ("u", 0.14, 2)]),
        (
            "should",
            0.0,
            &[("ʃ", 0.11, 0), ("ʊ", 0.06, 1), ("d", 0.05, 0)],
        ),
        ("see", 0.0, &[("s", 0.12, 0), ("i", 0.13, 2)]),
        (
            "five",
            0.0,
            &[
                ("f", 0.11, 0),
                ("a", 0.1, 2),
                ("ɪ", 0.07, 0),
                ("v", 0.09, 0),
            ],
        ),
    ])
}

/// 爸爸妈妈买苹果，你好世界。
pub fn mandarin() -> (Timing, Prosody) {
    build(&[
        (
            "爸爸",
            0.25,
            &[
                ("p", 0.07, 0),
                ("a", 0.16, 1),
                ("p", 0.05, 0),
                ("a", 0.1, 0),
            ],
        ),
        (
            "妈妈",
            0.0,
            &[
                ("m", 0.08, 0),
                ("a", 0.17, 1),
                ("m", 0.06, 0),
                ("a", 0.1, 0),
            ],
        ),
        ("买", 0.0, &[("m", 0.08, 0), ("a", 0.12, 1), ("ɪ", 0.07, 0)]),
        (
            "苹果",
            0.0,
            &[
                ("pʰ", 0.1, 0),
                ("i", 0.09, 1),
                ("ŋ", 0.08, 0),
                ("k", 0.07, 0),
                ("w", 0.05, 0),
                ("ɔ", 0.16, 1),
            ],
        ),
        (
            "你好",
            0.42,
            &[
                ("n", 0.06, 0),
                ("i", 0.13, 1),
                ("x", 0.09, 0),
                ("ɑ", 0.13, 1),
                ("ʊ", 0.08, 0),
            ],
        ),
        (
            "世界",
            0.0,
            &[
                ("ʂ", 0.13, 0),
                ("ɻ̩", 0.15, 1),
                ("tɕ", 0.09, 0),
                ("j", 0.04, 0),
                ("ɛ", 0.22, 1),
            ],
        ),
    ])
}

type Spoken<'a> = (&'a str, f64, &'a [(&'a str, f64, u8)]);

/// Words with the pause before each; prosody falls over each phrase, vowels
/// are louder than consonants.
fn build(words: &[Spoken<'_>]) -> (Timing, Prosody) {
    let mut t = Timing::default();
    let mut at = 0.0;
    for (text, pause, sounds) in words {
        at += pause;
        let start = at;
        for (ipa, secs, stress) in *sounds {
            t.phonemes.push(Phoneme {
                ipa: (*ipa).into(),
                start_secs: at,
                end_secs: at + secs,
                stress: *stress,
                word: Some(t.words.len()),
            });
            at += secs;
        }
        t.words.push(Word {
            text: (*text).into(),
            start_secs: start,
            end_secs: at,
            ends_sentence: false,
            emphasised: false,
        });
    }
    t.duration_secs = at + 0.6;
    let prosody = prosody(&t);
    (t, prosody)
}

fn prosody(t: &Timing) -> Prosody {
    let hops = (t.duration_secs / Prosody::HOP_SECS) as usize;
    let mut p = Prosody::default();
    for i in 0..hops {
        let at = i as f64 * Prosody::HOP_SECS;
        let sound = t
            .phonemes
            .iter()
            .find(|p| p.start_secs <= at && at < p.end_secs);
        let (level, f0) = match sound {
            None => (-70.0, 0.0),
            Some(s) => {
                let fall = 1.0 - 0.12 * (at / t.duration_secs);
                let lift = 1.0 + 0.12 * f64::from(s.stress);
                (
                    -26.0 + 4.0 * f32::from(s.stress),
                    (190.0 * fall * lift) as f32,
                )
            }
        };
        p.level_db.push(level);
        p.f0_hz.push(f0);
    }
    p
}
