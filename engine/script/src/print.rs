//! A script back in canonical markup.

use std::fmt::Write as _;

use huashen_core::MarkKind;

use crate::{Item, Reading, Script, Span, Style};

pub(crate) fn print(script: &Script) -> String {
    let mut out = String::new();
    for item in &script.items {
        match item {
            Item::Text(span) => print_span(&mut out, span),
            Item::Pause(secs) => {
                let _ = write!(out, "[pause {secs}s]");
            }
            Item::Mark(MarkKind::Gesture(name)) => {
                let _ = write!(out, "[gesture {name}]");
            }
            Item::Mark(MarkKind::Look(name)) => {
                let _ = write!(out, "[look {name}]");
            }
            Item::Paragraph => out.push_str("\n\n"),
        }
    }
    out
}

fn print_span(out: &mut String, span: &Span) {
    let Style {
        voice,
        speed,
        semitones,
        emphasised,
    } = &span.style;
    let mut close = Vec::new();
    let mut open = |out: &mut String, tag: String, name: &'static str| {
        out.push_str(&tag);
        close.push(name);
    };
    if let Some(voice) = voice {
        open(out, format!("[voice {voice}]"), "voice");
    }
    if *speed != 1.0 {
        open(out, format!("[speed {speed}]"), "speed");
    }
    if *semitones != 0.0 {
        open(out, format!("[pitch {semitones}]"), "pitch");
    }
    if *emphasised {
        open(out, "[emphasis]".to_owned(), "emphasis");
    }
    match &span.reading {
        Some(Reading::Pinyin(syllables)) => {
            open(out, format!("[read {}]", syllables.join(" ")), "read");
        }
        Some(Reading::Ipa(text)) => open(out, format!("[read /{text}/]"), "read"),
        Some(Reading::Sub(text)) => open(out, format!("[sub \"{}\"]", escaped(text)), "sub"),
        None => {}
    }
    out.push_str(&escaped(&span.text));
    for name in close.into_iter().rev() {
        let _ = write!(out, "[/{name}]");
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']' | '*' | '<' | '\\' | '［' | '］' | '【' | '】') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
