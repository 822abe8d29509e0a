//! The recogniser hears what this project's own voice says: the words, and when.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use common::at_16k;
use huashen_core::paths::models_dir;
use huashen_core::{Speech, Word};
use huashen_speech::recognise::SAMPLE_RATE_HZ;
use huashen_speech::{Heard, Recogniser, SpeechError, Synthesizer};

/// Whether a group of models is here; it must be where it is required.
fn has(group: &str, file: &str) -> bool {
    let here = models_dir().join(file).exists();
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    assert!(
        here || !required.split_whitespace().any(|r| r == group),
        "the model is required: run `huashen setup {group}`"
    );
    if !here {
        println!("skipped: {file} is not here");
    }
    here
}

fn recogniser() -> Option<Recogniser> {
    has("listen", "whisper/model.bin").then(|| Recogniser::open(&models_dir()).unwrap())
}

fn synthesizer() -> Option<Synthesizer> {
    has("speech", "kokoro/model.onnx").then(|| Synthesizer::open(&models_dir()).unwrap())
}

fn speak(synth: &Synthesizer, text: &str) -> Speech {
    let mut all = Speech {
        sample_rate_hz: synth.sample_rate_hz(),
        ..Speech::default()
    };
    for piece in synth
        .speak(&huashen_script::parse(text).unwrap().script, None)
        .unwrap()
    {
        let piece = piece.unwrap();
        all.samples.extend(piece.samples);
        all.timing.append(piece.timing);
    }
    all
}

fn hear(recogniser: &Recogniser, samples: &[f32], language: Option<&str>) -> Heard {
    let mut listening = recogniser.listen(SAMPLE_RATE_HZ, language).unwrap();
    for block in samples.chunks(4_000) {
        listening.push(block).unwrap();
    }
    listening.finish().unwrap()
}

/// Letters, and when the words that they begin are said.
fn letters(words: &[Word]) -> Vec<(String, Option<f64>)> {
    let mut out = Vec::new();
    for word in words {
        let letters = word.text.chars().filter(|c| c.is_alphanumeric());
        for (i, c) in letters.enumerate() {
            out.push((c.to_string(), (i == 0).then_some(word.start_secs)));
        }
    }
    out
}

/// A word without its marks, and when it begins.
fn plain(words: &[Word]) -> Vec<(String, Option<f64>)> {
    let text = |w: &Word| -> String {
        let letters = w.text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    words
        .iter()
        .map(|w| (text(w), Some(w.start_secs)))
        .collect()
}

/// The least edits between two lists, and which of their items are the same.
fn matched<T: PartialEq>(a: &[T], b: &[T]) -> (usize, Vec<(usize, usize)>) {
    let mut cost = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            cost[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                _ => (cost[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]))
                    .min(cost[i - 1][j] + 1)
                    .min(cost[i][j - 1] + 1),
            };
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let same = a[i - 1] == b[j - 1];
        if cost[i][j] == cost[i - 1][j - 1] + usize::from(!same) {
            (i, j) = (i - 1, j - 1);
            if same {
                pairs.push((i, j));
            }
        } else if cost[i][j] == cost[i - 1][j] + 1 {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs.reverse();
    (cost[a.len()][b.len()], pairs)
}

/// At most one in ten is wrong; words begin when they were said, within 0.1 s
/// in the median, 0.2 s nine times of ten and 0.4 s always. (The voice's own
/// times are no truth either: between two words it counts all to the first.)
fn compare(said: &[(String, Option<f64>)], got: &[(String, Option<f64>)]) {
    let text = |l: &[(String, Option<f64>)]| l.iter().map(|w| w.0.clone()).collect::<Vec<_>>();
    let (errors, pairs) = matched(&text(said), &text(got));
    let mut apart: Vec<f64> = pairs
        .iter()
        .filter_map(|(i, j)| Some((said[*i].1? - got[*j].1?).abs()))
        .collect();
    apart.sort_by(f64::total_cmp);
    let (median, ninth) = (apart[apart.len() / 2], apart[apart.len() * 9 / 10]);
    let most = apart[apart.len() - 1];
    println!(
        "{errors} errors of {}; {median:.3} s apart, nine of ten {ninth:.3} s, all {most:.3} s",
        said.len()
    );
    assert!(errors * 10 <= said.len(), "{errors} errors");
    assert!(
        median <= 0.1 && ninth <= 0.2 && most <= 0.4,
        "{median:.3} s apart, nine of ten {ninth:.3} s, all {most:.3} s"
    );
}

/// Every word stands in the text after the one before, and times go on.
fn check(heard: &Heard, secs: f64) {
    let mut at = 0;
    let mut time = 0.0;
    for word in &heard.words {
        let found = heard.text[at..].find(&word.text);
        at += found.unwrap_or_else(|| panic!("{} is not in {}", word.text, heard.text));
        at += word.text.len();
        assert!(word.start_secs >= time - 1e-9, "{word:?} goes back");
        assert!(word.end_secs >= word.start_secs && word.end_secs <= secs + 0.02);
        assert_eq!(word.text, word.text.trim());
        time = word.start_secs;
    }
    assert!(heard.words.last().is_none_or(|w| w.ends_sentence));
}

#[test]
fn english_is_heard_word_by_word_at_the_right_time() {
    let (Some(recogniser), Some(synth)) = (recogniser(), synthesizer()) else {
        return;
    };
    let speech = speak(
        &synth,
        "The old lighthouse stood alone on the cliff. Every evening, the keeper climbed \
         the narrow stairs and lit the lamp. When the storm came, nobody in the village slept.",
    );
    let heard = hear(&recogniser, &at_16k(&speech.samples), None);
    check(&heard, speech.duration_secs());
    assert_eq!(heard.language, "en");
    compare(&plain(&speech.timing.words), &plain(&heard.words));
    let ends = heard.words.iter().filter(|w| w.ends_sentence).count();
    assert_eq!(ends, 3, "{}", heard.text);
}

#[test]
fn mandarin_is_heard_in_simplified_characters_with_marks() {
    let (Some(recogniser), Some(synth)) = (recogniser(), synthesizer()) else {
        return;
    };
    let speech = speak(
        &synth,
        "今天的天气非常好，我们一起去公园散步吧。孩子们在草地上跑来跑去，老人坐在树下聊天。",
    );
    for language in [None, Some("zh")] {
        let heard = hear(&recogniser, &at_16k(&speech.samples), language);
        check(&heard, speech.duration_secs());
        assert_eq!(heard.language, "zh");
        compare(&letters(&speech.timing.words), &letters(&heard.words));
        assert!(heard.text.contains(['，', '。']), "{}", heard.text);
        assert!(heard.words.iter().any(|w| w.text.chars().count() > 1));
    }
}

#[test]
fn a_recording_longer_than_a_window_is_heard_once() {
    let (Some(recogniser), Some(synth)) = (recogniser(), synthesizer()) else {
        return;
    };
    let text = "The ship left the harbour early in the morning. The captain looked at the map \
         and shook his head. Nobody on board had ever seen the northern islands. They sailed \
         for eleven days without any wind. On the twelfth day, a bird landed on the mast. The \
         cook gave it some bread and a little water. Then the sky turned dark, and the waves \
         grew higher. The sailors tied down everything that could move. By midnight the worst \
         was over. In the morning they saw green hills in front of them. The captain smiled \
         for the first time in two weeks.";
    let speech = speak(&synth, text);
    assert!(speech.duration_secs() > 32.0, "{}", speech.duration_secs());
    let heard = hear(&recogniser, &at_16k(&speech.samples), None);
    check(&heard, speech.duration_secs());
    compare(&plain(&speech.timing.words), &plain(&heard.words));
}

#[test]
fn silence_and_noise_have_no_words() {
    let Some(recogniser) = recogniser() else {
        return;
    };
    let n = 5 * SAMPLE_RATE_HZ as usize;
    // A linear congruential generator; Knuth's constants.
    let mut state = 1_u64;
    let mut noise = |gain: f32| -> Vec<f32> {
        (0..n)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * gain
            })
            .collect()
    };
    let hum: Vec<f32> = (0..n).map(|i| (i as f32 * 0.02).sin() * 0.05).collect();
    let gated = [vec![0.0; 6 * n], noise(0.05), noise(0.05)].concat();
    let sounds = [
        ("silence", vec![0.0; n]),
        ("noise after digital silence", gated),
        ("low noise", noise(0.005)),
        ("noise", noise(0.05)),
        ("hum", hum),
    ];
    for (name, sound) in &sounds {
        for language in [None, Some("en"), Some("zh")] {
            let heard = hear(&recogniser, sound, language);
            assert_eq!(heard, Heard::default(), "{name} in {language:?}");
        }
    }
}

#[test]
fn wrong_rates_and_languages_are_refused() {
    let missing = Recogniser::open(std::path::Path::new("/nonexistent")).err();
    let missing = missing.unwrap();
    assert!(missing.is_missing());
    assert!(missing.to_string().contains("huashen setup listen"));
    let Some(recogniser) = recogniser() else {
        return;
    };
    let rate = recogniser.listen(48_000, None).err();
    assert!(matches!(
        rate,
        Some(SpeechError::HeardRate { found: 48_000, .. })
    ));
    let language = recogniser.listen(SAMPLE_RATE_HZ, Some("klingon")).err();
    assert!(matches!(language, Some(SpeechError::UnheardLanguage(l)) if l == "klingon"));
}
