//! Where sentences end.

/// Words whose point ends no sentence.
const ABBREVIATIONS: [&str; 20] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "no", "inc", "ltd", "co",
    "e.g", "i.e", "u.s", "a.m", "p.m", "approx",
];

/// The sentences of `text` with their marks and following blanks, and whether
/// each was ended (the last may not be).
pub fn split(text: &str) -> Vec<(&str, bool)> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let mut out = Vec::new();
    let mut start = 0;
    let mut i = 0;
    while i < chars.len() {
        let (at, c) = chars[i];
        let next = chars.get(i + 1).map(|(_, c)| *c);
        let ends = match c {
            '。' | '！' | '？' | '!' | '?' | '；' | ';' | '\n' | '…' | '।' => true,
            '.' => {
                next.is_none_or(|n| {
                    n.is_whitespace() || matches!(n, '"' | '”' | '\'' | '’' | ')' | '）')
                }) && !abbreviated(&text[start..at])
            }
            _ => false,
        };
        i += 1;
        if !ends {
            continue;
        }
        // Closing quotes and more of the same marks belong to the sentence.
        while let Some((_, c)) = chars.get(i) {
            if !matches!(
                c,
                '。' | '！'
                    | '？'
                    | '!'
                    | '?'
                    | '.'
                    | '…'
                    | '"'
                    | '”'
                    | '’'
                    | '\''
                    | ')'
                    | '）'
                    | '」'
                    | '』'
                    | ' '
                    | '\n'
            ) {
                break;
            }
            i += 1;
        }
        let end = chars.get(i).map_or(text.len(), |(at, _)| *at);
        out.push((&text[start..end], true));
        start = end;
    }
    if start < text.len() {
        out.push((&text[start..], false));
    }
    out
}

fn abbreviated(before: &str) -> bool {
    let word = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '“'))
        .next()
        .unwrap_or_default();
    let single = word.chars().count() == 1 && word.chars().all(|c| c.is_ascii_uppercase());
    single || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_their_marks_only() {
        let cases: [(&str, &[&str]); 6] = [
            ("One. Two! Three", &["One. ", "Two! ", "Three"]),
            (
                "Dr. Smith has 3.5 kg. Yes.",
                &["Dr. Smith has 3.5 kg. ", "Yes."],
            ),
            ("你好。世界！", &["你好。", "世界！"]),
            (
                "他说：“走吧。”然后走了。",
                &["他说：“走吧。”", "然后走了。"],
            ),
            ("J. K. Rowling wrote it.", &["J. K. Rowling wrote it."]),
            ("no end", &["no end"]),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> = split(text).into_iter().map(|(s, _)| s).collect();
            assert_eq!(found, expected);
        }
    }
}
