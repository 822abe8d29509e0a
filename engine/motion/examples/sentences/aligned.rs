//! Timings from phone alignments.

use huashen_core::{Phoneme, Prosody, Timing, Word};

/// From a phone alignment in JSON: `{"d": secs, "w": [{"t": word, "b", "d",
/// "w": [{"t": ARPAbet phone, "b", "d"}]}]}` as pocketsphinx writes it.
pub fn aligned(text: &str) -> Result<(Timing, Prosody), Box<dyn std::error::Error>> {
    let v: serde_json::Value = serde_json::from_str(text)?;
    let num = |v: &serde_json::Value, k: &str| v[k].as_f64().ok_or("no number");
    let mut t = Timing {
        duration_secs: num(&v, "d")?,
        ..Timing::default()
    };
    for w in v["w"].as_array().ok_or("no words")? {
        let name = w["t"].as_str().unwrap_or("");
        if name.starts_with('<') || name.starts_with('[') {
            continue;
        }
        for p in w["w"].as_array().ok_or("no phones")? {
            let (b, d) = (num(p, "b")?, num(p, "d")?);
            let phone = p["t"].as_str().unwrap_or("");
            let ipa = arpabet(phone);
            t.phonemes.push(Phoneme {
                ipa: ipa.into(),
                start_secs: b,
                end_secs: b + d,
                stress: u8::from("AEIOU".contains(phone.chars().next().unwrap_or(' '))),
                word: Some(t.words.len()),
            });
        }
        let b = num(w, "b")?;
        t.words.push(Word {
            text: name.into(),
            start_secs: b,
            end_secs: b + num(w, "d")?,
            ends_sentence: false,
            emphasised: false,
        });
    }
    Ok((t, Prosody::default()))
}

fn arpabet(phone: &str) -> &str {
    const TABLE: [(&str, &str); 39] = [
        ("AA", "ɑ"),
        ("AE", "æ"),
        ("AH", "ʌ"),
        ("AO", "ɔ"),
        ("AW", "aʊ"),
        ("AY", "aɪ"),
        ("B", "b"),
        ("CH", "t͡ʃ"),
        ("D", "d"),
        ("DH", "ð"),
        ("EH", "ɛ"),
        ("ER", "ɚ"),
        ("EY", "eɪ"),
        ("F", "f"),
        ("G", "ɡ"),
        ("HH", "h"),
        ("IH", "ɪ"),
        ("IY", "i"),
        ("JH", "d͡ʒ"),
        ("K", "k"),
        ("L", "l"),
        ("M", "m"),
        ("N", "n"),
        ("NG", "ŋ"),
        ("OW", "oʊ"),
        ("OY", "ɔɪ"),
        ("P", "p"),
        ("R", "ɹ"),
        ("S", "s"),
        ("SH", "ʃ"),
        ("T", "t"),
        ("TH", "θ"),
        ("UH", "ʊ"),
        ("UW", "u"),
        ("V", "v"),
        ("W", "w"),
        ("Y", "j"),
        ("Z", "z"),
        ("ZH", "ʒ"),
    ];
    TABLE
        .iter()
        .find(|(a, _)| *a == phone)
        .map_or("", |(_, ipa)| ipa)
}
