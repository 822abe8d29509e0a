//! The tags: their names in both languages, and how their values are read.

use crate::pinyin;
use crate::{ErrorKind, Reading};

/// What a tag asks for, however it was spelled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tag {
    /// Seconds.
    Pause(f64),
    Speed(f32),
    /// Semitones.
    Pitch(f32),
    /// SSML's prosody: both at once.
    Prosody {
        speed: f32,
        semitones: f32,
    },
    Emphasis(bool),
    Read(Reading),
    Voice(String),
    Gesture(String),
    Look(String),
    /// Ends a paragraph when it closes.
    Paragraph,
    /// Understood, changes nothing.
    Nothing,
}

impl Tag {
    /// Whether the tag stands alone, with nothing to close.
    pub fn is_point(&self) -> bool {
        matches!(self, Self::Pause(_) | Self::Gesture(_) | Self::Look(_))
    }
}

/// The canonical bracket tags with their aliases.
const BRACKET: [(&str, &[&str]); 10] = [
    ("pause", &["停顿", "停"]),
    ("speed", &["语速"]),
    ("pitch", &["音调", "语调"]),
    ("emphasis", &["重读", "强调"]),
    ("read", &["读音", "读"]),
    ("sub", &["替换"]),
    ("voice", &["音色"]),
    ("gesture", &["动作"]),
    ("look", &["看"]),
    ("slide", &["翻页", "幻灯片"]),
];

const XML: [&str; 14] = [
    "speak", "p", "s", "break", "phoneme", "sub", "emphasis", "prosody", "voice", "mark",
    "bookmark", "say-as", "lang", "w",
];

/// The canonical name of a bracket tag.
pub(crate) fn bracket_name(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    BRACKET
        .iter()
        .find(|(canonical, aliases)| *canonical == lower || aliases.contains(&lower.as_str()))
        .map(|(canonical, _)| *canonical)
}

/// The canonical name of an SSML element.
pub(crate) fn xml_name(name: &str) -> Option<&'static str> {
    XML.iter().find(|n| **n == name).copied()
}

/// The tag that `found` was most likely meant to be.
pub(crate) fn nearest(found: &str, xml: bool) -> Option<&'static str> {
    let names: Vec<&'static str> = match xml {
        true => XML.to_vec(),
        false => BRACKET.iter().map(|(n, _)| *n).collect(),
    };
    let found = found.to_lowercase();
    names
        .into_iter()
        .map(|n| (strsim::damerau_levenshtein(&found, n), n))
        .filter(|(d, n)| *d <= 1 + n.len() / 4)
        .min()
        .map(|(_, n)| n)
}

fn bad(tag: &str, reason: impl Into<String>) -> ErrorKind {
    ErrorKind::Value {
        tag: tag.to_owned(),
        reason: reason.into(),
    }
}

/// A bracket tag from its canonical name and what follows it.
pub(crate) fn bracket(name: &str, value: &str, shown: &str) -> Result<Tag, ErrorKind> {
    let value = unquoted(value);
    let needs = |what: &str| match value.is_empty() {
        true => Err(bad(shown, format!("it needs {what}"))),
        false => Ok(()),
    };
    match name {
        "pause" => match value.is_empty() {
            true => Ok(Tag::Pause(0.5)),
            false => Ok(Tag::Pause(seconds(value, shown)?)),
        },
        "speed" => {
            needs("a factor, as in [speed 1.2]")?;
            Ok(Tag::Speed(speed(value, shown)?))
        }
        "pitch" => {
            needs("semitones, as in [pitch +2]")?;
            Ok(Tag::Pitch(semitones(value, shown)?))
        }
        "emphasis" => Ok(Tag::Emphasis(true)),
        "read" => {
            needs("a reading, as in [read yin2 hang2] or [read /təˈmɑːtoʊ/]")?;
            Ok(Tag::Read(reading(value, shown)?))
        }
        "sub" => {
            needs("the words to say, as in [sub \"World Wide Web\"]")?;
            Ok(Tag::Read(Reading::Sub(value.to_owned())))
        }
        "voice" => {
            needs("a voice, as in [voice zf_xiaoxiao]")?;
            Ok(Tag::Voice(word(value, shown)?))
        }
        "gesture" => {
            needs("a gesture, as in [gesture nod]")?;
            Ok(Tag::Gesture(word(value, shown)?))
        }
        "look" => {
            needs("where to, as in [look left]")?;
            Ok(Tag::Look(word(value, shown)?))
        }
        // On the timeline it stands among the gestures; the scene takes it out.
        "slide" if value.is_empty() => Ok(Tag::Gesture("slide".to_owned())),
        "slide" => match value.parse::<u16>() {
            Ok(page) if page > 0 => Ok(Tag::Gesture(format!("slide-{page}"))),
            _ => Err(bad(shown, "it needs a page's number, as in [slide 3]")),
        },
        other => Err(bad(shown, format!("`{other}` is not a tag"))),
    }
}

/// An SSML element from its name and attributes.
pub(crate) fn xml(
    name: &str,
    attributes: &[(String, String)],
    shown: &str,
) -> Result<Tag, ErrorKind> {
    let get = |key: &str| {
        attributes
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
    };
    match name {
        "break" => match (get("time"), get("strength")) {
            (Some(time), _) => Ok(Tag::Pause(seconds(time, shown)?)),
            (None, strength) => Ok(Tag::Pause(match strength.unwrap_or("medium") {
                "none" => 0.0,
                "x-weak" => 0.1,
                "weak" => 0.25,
                "medium" => 0.5,
                "strong" => 0.8,
                "x-strong" => 1.2,
                other => return Err(bad(shown, format!("`{other}` is not a strength"))),
            })),
        },
        "phoneme" => {
            let text = get("ph").ok_or_else(|| bad(shown, "it needs ph=\"…\""))?;
            match get("alphabet").unwrap_or("ipa") {
                "ipa" => ipa(text, shown).map(Tag::Read),
                "py" | "pinyin" | "x-pinyin" | "sapi" => pinyin::syllables(text)
                    .map(|s| Tag::Read(Reading::Pinyin(s)))
                    .ok_or_else(|| bad(shown, format!("`{text}` is not pinyin with tones"))),
                other => Err(bad(
                    shown,
                    format!("the alphabet `{other}` is not known; use ipa or py"),
                )),
            }
        }
        "sub" => get("alias")
            .filter(|a| !a.trim().is_empty())
            .map(|a| Tag::Read(Reading::Sub(a.trim().to_owned())))
            .ok_or_else(|| bad(shown, "it needs alias=\"…\"")),
        "emphasis" => Ok(Tag::Emphasis(!matches!(
            get("level"),
            Some("none" | "reduced")
        ))),
        "prosody" => Ok(Tag::Prosody {
            speed: match get("rate") {
                None | Some("default" | "medium") => 1.0,
                Some("x-slow") => 0.5,
                Some("slow") => 0.75,
                Some("fast") => 1.25,
                Some("x-fast") => 1.75,
                Some(value) => speed(value, shown)?,
            },
            semitones: match get("pitch") {
                None | Some("default" | "medium") => 0.0,
                Some("x-low") => -6.0,
                Some("low") => -3.0,
                Some("high") => 3.0,
                Some("x-high") => 6.0,
                Some(value) => semitones(value, shown)?,
            },
        }),
        "voice" => get("name")
            .ok_or_else(|| bad(shown, "it needs name=\"…\""))
            .and_then(|n| word(n, shown))
            .map(Tag::Voice),
        "mark" | "bookmark" => {
            let name = get("name").or(get("mark")).unwrap_or_default();
            match name.split_once('.') {
                Some(("gesture", what)) => Ok(Tag::Gesture(word(what, shown)?)),
                Some(("look", what)) => Ok(Tag::Look(word(what, shown)?)),
                _ => Err(bad(shown, "write the name as gesture.nod or look.left")),
            }
        }
        "p" => Ok(Tag::Paragraph),
        _ => Ok(Tag::Nothing),
    }
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for (open, close) in [('"', '"'), ('“', '”'), ('\'', '\''), ('「', '」')] {
        if let Some(inner) = value.strip_prefix(open).and_then(|v| v.strip_suffix(close)) {
            return inner.trim();
        }
    }
    value
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

fn seconds(value: &str, shown: &str) -> Result<f64, ErrorKind> {
    let value = value.trim();
    let secs = if let Some(ms) = value.strip_suffix("ms").or(value.strip_suffix("毫秒")) {
        number(ms).map(|n| n / 1000.0)
    } else {
        let plain = value.strip_suffix('s').or(value.strip_suffix('秒'));
        number(plain.unwrap_or(value))
    };
    secs.filter(|s| (0.0..=60.0).contains(s)).ok_or_else(|| {
        bad(
            shown,
            format!("`{value}` is not a time from 0 to 60 s; write 0.5s or 500ms"),
        )
    })
}

fn speed(value: &str, shown: &str) -> Result<f32, ErrorKind> {
    let value = value.trim();
    let factor = match value.strip_suffix('%') {
        // SSML: +20% is relative, 120% absolute.
        Some(percent) if percent.starts_with(['+', '-']) => {
            number(percent).map(|n| 1.0 + n / 100.0)
        }
        Some(percent) => number(percent).map(|n| n / 100.0),
        None => number(value.trim_end_matches(['x', '×', '倍'])),
    };
    factor
        .filter(|f| (0.25..=4.0).contains(f))
        .map(|f| f as f32)
        .ok_or_else(|| bad(shown, format!("`{value}` is not a speed from 0.25 to 4")))
}

fn semitones(value: &str, shown: &str) -> Result<f32, ErrorKind> {
    let value = value.trim();
    let semitones = match value.strip_suffix('%') {
        Some(percent) => number(percent)
            .filter(|p| *p > -90.0)
            .map(|p| 12.0 * (1.0 + p / 100.0).log2()),
        None => number(value.strip_suffix("st").unwrap_or(value)),
    };
    semitones
        .filter(|s| (-24.0..=24.0).contains(s))
        .map(|s| s as f32)
        .ok_or_else(|| {
            bad(
                shown,
                format!("`{value}` is not a pitch from -24 to +24 semitones"),
            )
        })
}

fn word(value: &str, shown: &str) -> Result<String, ErrorKind> {
    let value = value.trim();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if value.is_empty() || value.chars().count() > 64 || !value.chars().all(plain) {
        return Err(bad(shown, format!("`{value}` is not a name")));
    }
    Ok(value.to_owned())
}

/// Pinyin with tones, or IPA between slashes.
fn reading(value: &str, shown: &str) -> Result<Reading, ErrorKind> {
    if let Some(text) = value.strip_prefix('/').and_then(|v| v.strip_suffix('/')) {
        return ipa(text, shown);
    }
    pinyin::syllables(value).map(Reading::Pinyin).ok_or_else(|| {
        bad(shown, format!("`{value}` is neither pinyin with tones (yin2 hang2) nor IPA between slashes (/təˈmɑːtoʊ/)"))
    })
}

fn ipa(text: &str, shown: &str) -> Result<Reading, ErrorKind> {
    let text = text.trim();
    let sound = |c: char| {
        !c.is_ascii_digit()
            && !c.is_control()
            && !matches!(c, '[' | ']' | '<' | '>' | '/' | '"' | '\\')
    };
    if text.is_empty() || !text.chars().all(sound) {
        return Err(bad(shown, format!("`{text}` is not IPA")));
    }
    Ok(Reading::Ipa(text.to_owned()))
}
