//! Which strings are Mandarin syllables with a tone.

/// Whether `text` is a syllable of standard Mandarin with a tone number 1–5
/// (`hang2`, `lv4`, `nü3`, `er5`), in lower case.
pub fn is_syllable(text: &str) -> bool {
    let Some(base) = text.strip_suffix(|c| ('1'..='5').contains(&c)) else {
        return false;
    };
    let base = base.replace('ü', "v");
    if matches!(
        base.as_str(),
        "er" | "r" | "m" | "n" | "ng" | "hm" | "ê" | "yo" | "lo" | "o"
    ) {
        return true;
    }
    let finals_alone = [
        "a", "ai", "an", "ang", "ao", "e", "ei", "en", "eng", "ou", "ya", "yan", "yang", "yao",
        "ye", "yi", "yin", "ying", "yong", "you", "yu", "yuan", "yue", "yun", "wa", "wai", "wan",
        "wang", "wei", "wen", "weng", "wo", "wu",
    ];
    if finals_alone.contains(&base.as_str()) {
        return true;
    }
    let initials = [
        "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x",
        "r", "z", "c", "s",
    ];
    let Some((initial, rest)) = initials
        .iter()
        .find_map(|i| base.strip_prefix(i).map(|rest| (*i, rest)))
    else {
        return false;
    };
    let open = [
        "a", "ai", "an", "ang", "ao", "e", "ei", "en", "eng", "ou", "o", "ong",
    ];
    let i_row = [
        "i", "ia", "ian", "iang", "iao", "ie", "in", "ing", "iong", "iu", "ian",
    ];
    let u_row = ["u", "ua", "uai", "uan", "uang", "ui", "un", "uo"];
    let v_row = ["v", "ve", "ue", "van", "vn"];
    match initial {
        "j" | "q" | "x" => i_row.contains(&rest) || ["u", "uan", "ue", "un"].contains(&rest),
        "zh" | "ch" | "sh" | "r" | "z" | "c" | "s" => {
            rest == "i" || u_row.contains(&rest) || (open.contains(&rest) && rest != "o")
        }
        "g" | "k" | "h" => u_row.contains(&rest) || (open.contains(&rest) && rest != "o"),
        "b" | "p" | "m" | "f" => {
            rest == "u" || open.contains(&rest) || (i_row.contains(&rest) && initial != "f")
        }
        "d" | "t" | "n" | "l" => {
            open.contains(&rest)
                || i_row.contains(&rest)
                || u_row.contains(&rest)
                || (matches!(initial, "n" | "l") && v_row.contains(&rest))
        }
        _ => false,
    }
}

/// `xíng` → `xing2`; none when it carries no single tone mark.
pub(crate) fn numbered(text: &str) -> Option<String> {
    const MARKS: [(&str, char); 6] = [
        ("āáǎà", 'a'),
        ("ēéěè", 'e'),
        ("īíǐì", 'i'),
        ("ōóǒò", 'o'),
        ("ūúǔù", 'u'),
        ("ǖǘǚǜ", 'v'),
    ];
    let mut tone = None;
    let mut plain = String::new();
    for c in text.chars() {
        let marked = MARKS
            .iter()
            .find_map(|(marks, base)| marks.chars().position(|m| m == c).map(|t| (*base, t)));
        match marked {
            Some((base, t)) if tone.is_none() => {
                tone = Some(t + 1);
                plain.push(base);
            }
            Some(_) => return None,
            None => plain.push(c),
        }
    }
    tone.map(|t| format!("{plain}{t}"))
}

/// Each word of `text` as a numbered syllable; none unless all are.
pub(crate) fn syllables(text: &str) -> Option<Vec<String>> {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|w| {
            let w = w.to_lowercase();
            if is_syllable(&w) {
                Some(w)
            } else {
                numbered(&w).filter(|n| is_syllable(n))
            }
        })
        .collect::<Option<_>>()?;
    (!words.is_empty()).then_some(words)
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(c as u32, 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF)
        || c == '〇'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_told_from_other_words() {
        for good in [
            "hang2", "xing2", "lv4", "nü3", "er2", "zhuang4", "jiong3", "yuan2", "de5", "shi4",
            "lve4",
        ] {
            assert!(is_syllable(good), "{good}");
        }
        for bad in [
            "hang", "hang6", "bx2", "fiao2", "12", "zhx1", "", "Hang2", "jua1", "gi1", "ref1",
        ] {
            assert!(!is_syllable(bad), "{bad}");
        }
        assert_eq!(numbered("xíng").as_deref(), Some("xing2"));
        assert_eq!(
            syllables("yín háng"),
            Some(vec!["yin2".into(), "hang2".into()])
        );
        assert_eq!(syllables("yin2 foo"), None);
    }
}
