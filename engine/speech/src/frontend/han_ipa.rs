//! Pinyin syllables in the phonemes that Kokoro's Mandarin voices were trained
//! with: misaki's `transcription.pinyin_to_ipa`, tones as arrows, the
//! apical vowels ɻ̩ and ɹ̩ both `ɨ`, non-syllabic marks dropped.

use super::pinyin::Syllable;

const INITIALS: [(&str, &str); 21] = [
    ("zh", "ꭧ"),
    ("ch", "ꭧʰ"),
    ("sh", "ʂ"),
    ("b", "p"),
    ("p", "pʰ"),
    ("m", "m"),
    ("f", "f"),
    ("d", "t"),
    ("t", "tʰ"),
    ("n", "n"),
    ("l", "l"),
    ("g", "k"),
    ("k", "kʰ"),
    ("h", "x"),
    ("j", "ʨ"),
    ("q", "ʨʰ"),
    ("x", "ɕ"),
    ("r", "ɻ"),
    ("z", "ʦ"),
    ("c", "ʦʰ"),
    ("s", "s"),
];

/// Finals; `0` is where the tone goes.
const FINALS: [(&str, &str); 36] = [
    ("a", "a0"),
    ("ai", "ai0"),
    ("an", "a0n"),
    ("ang", "a0ŋ"),
    ("ao", "au0"),
    ("e", "ɤ0"),
    ("ei", "ei0"),
    ("en", "ə0n"),
    ("eng", "ə0ŋ"),
    ("i", "i0"),
    ("ia", "ja0"),
    ("ian", "jɛ0n"),
    ("iang", "ja0ŋ"),
    ("iao", "jau0"),
    ("ie", "je0"),
    ("in", "i0n"),
    ("ing", "i0ŋ"),
    ("iong", "jʊ0ŋ"),
    ("iou", "jou0"),
    ("o", "wo0"),
    ("ong", "ʊ0ŋ"),
    ("ou", "ou0"),
    ("u", "u0"),
    ("ua", "wa0"),
    ("uai", "wai0"),
    ("uan", "wa0n"),
    ("uang", "wa0ŋ"),
    ("uei", "wei0"),
    ("uen", "wə0n"),
    ("ueng", "wə0ŋ"),
    ("uo", "wo0"),
    ("v", "y0"),
    ("ve", "ɥe0"),
    ("van", "ɥɛ0n"),
    ("vn", "y0n"),
    ("io", "jɔ0"),
];

const TONES: [&str; 6] = ["", "→", "↗", "↓", "↘", ""];

/// The phonemes of one syllable; empty for what is no syllable.
pub fn phonemes(syllable: &Syllable) -> String {
    let tone = TONES[usize::from(syllable.tone.min(5))];
    let base = syllable.base.as_str();
    let special = match base {
        "er" => Some("ɚ0"),
        // The 儿 that only colours the syllable before.
        "r" => Some("ɻ"),
        "m" | "hm" => Some("m0"),
        "n" => Some("n0"),
        "ng" => Some("ŋ0"),
        "o" => Some("ɔ0"),
        "ê" => Some("ɛ0"),
        "lo" => Some("lɔ0"),
        _ => None,
    };
    if let Some(special) = special {
        return special.replace('0', tone);
    }
    let spelled = respelled(base);
    let (initial, symbol) = INITIALS
        .iter()
        .find(|(i, _)| spelled.starts_with(i))
        .copied()
        .unwrap_or(("", ""));
    let rest = &spelled[initial.len()..];
    let rest = match (initial, rest) {
        ("j" | "q" | "x", _) if rest.starts_with('u') => rest.replacen('u', "v", 1),
        (_, "iu") => "iou".to_owned(),
        (_, "ui") => "uei".to_owned(),
        (_, "un") => "uen".to_owned(),
        (_, "ue") => "ve".to_owned(),
        _ => rest.to_owned(),
    };
    let sound = match (initial, rest.as_str()) {
        ("zh" | "ch" | "sh" | "r" | "z" | "c" | "s", "i") => "ɨ0",
        _ => match FINALS.iter().find(|(f, _)| *f == rest) {
            Some((_, sound)) => sound,
            None => return String::new(),
        },
    };
    format!("{symbol}{}", sound.replace('0', tone))
}

/// `y` and `w` are spelling, not sound: `yan` is `ian`, `wu` is `u`, `yu` is `v`.
fn respelled(base: &str) -> String {
    match base {
        "yi" => "i".to_owned(),
        "wu" => "u".to_owned(),
        "yo" => "io".to_owned(),
        _ if base.starts_with("yu") => base.replacen("yu", "v", 1),
        _ if base.starts_with("yi") => base.replacen("yi", "i", 1),
        "you" => "iou".to_owned(),
        "yong" => "iong".to_owned(),
        _ if base.starts_with('y') => base.replacen('y', "i", 1),
        _ if base.starts_with('w') => base.replacen('w', "u", 1),
        _ => base.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        phonemes(&Syllable::from_numbered(text).unwrap())
    }

    #[test]
    fn syllables_as_misaki_writes_them() {
        let cases = [
            ("ni3", "ni↓"),
            ("hao3", "xau↓"),
            ("zhong1", "ꭧʊ→ŋ"),
            ("shi4", "ʂɨ↘"),
            ("si4", "sɨ↘"),
            ("er4", "ɚ↘"),
            ("xue2", "ɕɥe↗"),
            ("xiong2", "ɕjʊ↗ŋ"),
            ("xiu1", "ɕjou→"),
            ("jiu3", "ʨjou↓"),
            ("yuan2", "ɥɛ↗n"),
            ("quan2", "ʨʰɥɛ↗n"),
            ("jun1", "ʨy→n"),
            ("lv4", "ly↘"),
            ("lve4", "lɥe↘"),
            ("wei4", "wei↘"),
            ("hui4", "xwei↘"),
            ("lun2", "lwə↗n"),
            ("bo1", "pwo→"),
            ("yang2", "ja↗ŋ"),
            ("ying1", "i→ŋ"),
            ("de5", "tɤ"),
            ("wu3", "u↓"),
            ("yu3", "y↓"),
        ];
        for (pinyin, expected) in cases {
            assert_eq!(of(pinyin), expected, "{pinyin}");
        }
    }
}
