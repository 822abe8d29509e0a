//! One pass over the text: brackets, stars and elements become items.

use huashen_core::MarkKind;

use crate::pinyin::{is_han, syllables};
use crate::tags::{self, Tag};
use crate::{ErrorKind, Item, Position, Reading, Script, ScriptError, Span, Style};

/// Longer scripts are refused: a day of speech is about 1 MiB.
const MAX_BYTES: usize = 8 << 20;
const MAX_DEPTH: usize = 64;
/// What an unfinished tag is shown with, in characters.
const SHOWN: usize = 24;

/// A script, and what was understood but has no effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub script: Script,
    pub warnings: Vec<String>,
}

/// Parses plain text with markup, or SSML when it begins with `<speak`.
pub fn parse(source: &str) -> Result<Parsed, ScriptError> {
    if source.len() > MAX_BYTES {
        return Err(ScriptError {
            position: Position { line: 1, column: 1 },
            kind: ErrorKind::TooLong {
                found: source.len(),
                limit: MAX_BYTES,
            },
        });
    }
    let mut parser = Parser::new(source);
    parser.run()?;
    parser.finish()
}

/// An open tag.
struct Open {
    /// Canonical name; `*` for a star.
    name: &'static str,
    xml: bool,
    shown: String,
    position: Position,
    /// Restored when it closes.
    style: Style,
    reads: bool,
    paragraph: bool,
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    here: Position,
    ssml: bool,
    stack: Vec<Open>,
    style: Style,
    reading: Option<Reading>,
    text: String,
    text_position: Position,
    items: Vec<Item>,
    warnings: Vec<String>,
}

impl Parser {
    fn new(source: &str) -> Self {
        let chars: Vec<char> = source
            .trim_start_matches('\u{feff}')
            .replace("\r\n", "\n")
            .chars()
            .map(|c| match c {
                '\r' => '\n',
                '\u{a0}' | '\u{3000}' | '\t' => ' ',
                other => other,
            })
            .filter(|c| *c == '\n' || !c.is_control())
            .collect();
        let start: String = chars.iter().take(4096).collect();
        let start = start.trim_start();
        let body = match start.strip_prefix("<?xml") {
            Some(rest) => rest
                .split_once("?>")
                .map_or("", |(_, body)| body.trim_start()),
            None => start,
        };
        let origin = Position { line: 1, column: 1 };
        Self {
            ssml: body.starts_with("<speak"),
            chars,
            at: 0,
            here: origin,
            stack: Vec::new(),
            style: Style::default(),
            reading: None,
            text: String::new(),
            text_position: origin,
            items: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn error(&self, position: Position, kind: ErrorKind) -> ScriptError {
        ScriptError { position, kind }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Steps over `n` characters, keeping the position.
    fn skip(&mut self, n: usize) {
        for _ in 0..n {
            match self.peek(0) {
                Some('\n') => {
                    self.here.line += 1;
                    self.here.column = 1;
                }
                Some(_) => self.here.column += 1,
                None => return,
            }
            self.at += 1;
        }
    }

    fn run(&mut self) -> Result<(), ScriptError> {
        while let Some(c) = self.peek(0) {
            match c {
                '\\' if self.peek(1).is_some_and(is_markup) => {
                    self.skip(1);
                    self.literal();
                }
                '[' | '［' | '【' => self.bracket(c)?,
                '*' if !self.ssml => self.star()?,
                '<' => self.element()?,
                '&' if self.ssml => self.entity()?,
                ' ' | '\n' => self.space(),
                _ => self.literal(),
            }
        }
        Ok(())
    }

    /// Takes the next character as text.
    fn literal(&mut self) {
        if let Some(c) = self.peek(0) {
            self.push(c);
            self.skip(1);
        }
    }

    fn push(&mut self, c: char) {
        if self.text.is_empty() {
            self.text_position = self.here;
        }
        self.text.push(c);
    }

    /// A run of blanks: one space, one line break, or a new paragraph.
    fn space(&mut self) {
        let mut n = 0;
        let mut breaks = 0;
        while let Some(c) = self.peek(n) {
            match c {
                '\n' => breaks += 1,
                ' ' => {}
                _ => break,
            }
            n += 1;
        }
        if self.ssml {
            breaks = 0;
        }
        if breaks >= 2 && self.reading.is_none() {
            self.paragraph();
        } else if !self.at_start() {
            self.push(if breaks > 0 { '\n' } else { ' ' });
        }
        self.skip(n);
    }

    /// Whether nothing was said yet in this paragraph.
    fn at_start(&self) -> bool {
        self.text.is_empty() && matches!(self.items.last(), None | Some(Item::Paragraph))
    }

    fn paragraph(&mut self) {
        self.flush();
        self.trim_end();
        if !matches!(self.items.last(), None | Some(Item::Paragraph)) {
            self.items.push(Item::Paragraph);
        }
    }

    /// Drops blanks at the end of what was said.
    fn trim_end(&mut self) {
        while let Some(Item::Text(span)) = self.items.last_mut() {
            let kept = span.text.trim_end_matches([' ', '\n']).len();
            span.text.truncate(kept);
            if kept > 0 || span.reading.is_some() {
                return;
            }
            self.items.pop();
        }
    }

    /// The text so far becomes a span of the current style.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let span = Span {
            text: std::mem::take(&mut self.text),
            style: self.style.clone(),
            reading: self.reading.clone(),
            position: self.text_position,
        };
        if let Some(Item::Text(last)) = self.items.last_mut()
            && last.style == span.style
            && last.reading.is_none()
            && span.reading.is_none()
        {
            last.text.push_str(&span.text);
            return;
        }
        self.items.push(Item::Text(span));
    }

    fn bracket(&mut self, open: char) -> Result<(), ScriptError> {
        let close = match open {
            '［' => '］',
            '【' => '】',
            _ => ']',
        };
        let position = self.here;
        let mut content = String::new();
        let mut n = 1;
        loop {
            match self.peek(n) {
                Some(c) if c == close => break,
                Some('\\') if self.peek(n + 1).is_some_and(is_markup) => {
                    content.extend(self.peek(n + 1));
                    n += 1;
                }
                Some(c) if c != '\n' => content.push(c),
                // 【 also brackets titles in Chinese text.
                _ if open == '【' => {
                    self.literal();
                    return Ok(());
                }
                _ => {
                    let found = self.chars[self.at..].iter().take_while(|c| **c != '\n');
                    let found = found.take(SHOWN).collect();
                    return Err(self.error(position, ErrorKind::Unterminated { found }));
                }
            }
            n += 1;
        }
        let content = content.trim().to_owned();
        let shown: String = self.chars[self.at..=self.at + n].iter().collect();

        if let Some(name) = content.strip_prefix('/') {
            if let Some(name) = tags::bracket_name(name.trim()) {
                self.skip(n + 1);
                return self.close(name, false, shown, position);
            }
        } else if let Some(reading) = syllables(&content) {
            self.annotate(reading, &content, position)?;
            self.skip(n + 1);
            return Ok(());
        } else {
            let split = content
                .find(|c: char| c.is_whitespace() || matches!(c, ':' | '：' | '='))
                .unwrap_or(content.len());
            let (name, value) = content.split_at(split);
            let value = value
                .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：' | '='));
            if let Some(name) = tags::bracket_name(name) {
                let tag = tags::bracket(name, value, &shown)
                    .map_err(|kind| self.error(position, kind))?;
                self.skip(n + 1);
                return self.open(name, tag, false, false, shown, position);
            }
        }
        if open == '【' {
            self.literal();
            return Ok(());
        }
        let name = content.split_whitespace().next().unwrap_or_default();
        let nearest = tags::nearest(name.trim_start_matches('/'), false);
        Err(self.error(
            position,
            ErrorKind::UnknownTag {
                found: shown,
                nearest,
            },
        ))
    }

    /// `银行[yin2 hang2]`: the reading of the characters just before.
    fn annotate(
        &mut self,
        reading: Vec<String>,
        content: &str,
        position: Position,
    ) -> Result<(), ScriptError> {
        let characters = self.text.chars().rev().take_while(|c| is_han(*c)).count();
        if characters < reading.len() || self.reading.is_some() {
            let word: Vec<char> = self.text.chars().rev().take_while(|c| is_han(*c)).collect();
            return Err(self.error(
                position,
                ErrorKind::ReadingLength {
                    reading: content.to_owned(),
                    word: word.into_iter().rev().collect(),
                    syllables: reading.len(),
                    characters,
                },
            ));
        }
        let split = self
            .text
            .char_indices()
            .rev()
            .nth(reading.len() - 1)
            .map_or(0, |(i, _)| i);
        let word = self.text.split_off(split);
        self.flush();
        let column = position.column.saturating_sub(word.chars().count()).max(1);
        self.items.push(Item::Text(Span {
            text: word,
            style: self.style.clone(),
            reading: Some(Reading::Pinyin(reading)),
            position: Position { column, ..position },
        }));
        Ok(())
    }

    fn star(&mut self) -> Result<(), ScriptError> {
        let previous = self.at.checked_sub(1).and_then(|i| self.chars.get(i));
        let after_word = previous.is_some_and(|c| !c.is_whitespace());
        if self.stack.last().is_some_and(|o| o.name == "*") && after_word {
            let position = self.here;
            self.skip(1);
            return self.close("*", false, "*".to_owned(), position);
        }
        let opens = self.peek(1).is_some_and(|c| !c.is_whitespace() && c != '*')
            && !self.stack.iter().any(|o| o.name == "*")
            && self.reading.is_none()
            && self.star_closes();
        if !opens {
            self.literal();
            return Ok(());
        }
        let position = self.here;
        self.skip(1);
        self.open(
            "*",
            Tag::Emphasis(true),
            false,
            false,
            "*".to_owned(),
            position,
        )
    }

    /// Whether a star on this line, outside of tags, can close the one here.
    fn star_closes(&self) -> bool {
        let mut depth = 0_i32;
        let mut i = self.at + 1;
        while let Some(&c) = self.chars.get(i) {
            match c {
                '\n' => return false,
                '\\' => i += 1,
                // A tag inside is only safe when it stands alone; stop there.
                '[' | '［' | '【' | '<' => depth += 1,
                ']' | '］' | '】' | '>' => depth -= 1,
                '*' if depth <= 0 && !self.chars[i - 1].is_whitespace() => return true,
                _ => {}
            }
            i += 1;
        }
        false
    }

    fn element(&mut self) -> Result<(), ScriptError> {
        let position = self.here;
        if self.chars[self.at..].starts_with(&['<', '!', '-', '-']) {
            return self.skip_past(&['-', '-', '>'], position);
        }
        if self.ssml && self.peek(1) == Some('?') {
            return self.skip_past(&['?', '>'], position);
        }
        let closing = self.peek(1) == Some('/');
        let first = self.peek(1 + usize::from(closing));
        if !first.is_some_and(|c| c.is_ascii_alphabetic()) {
            if self.ssml {
                let found = self.shown_from(self.at);
                return Err(self.error(position, ErrorKind::Unterminated { found }));
            }
            self.literal();
            return Ok(());
        }
        let Some(n) = self.element_end() else {
            let found = self.shown_from(self.at);
            return Err(self.error(position, ErrorKind::Unterminated { found }));
        };
        let shown: String = self.chars[self.at..=self.at + n].iter().collect();
        let inner = shown
            .trim_start_matches(['<', '/'])
            .trim_end_matches('>')
            .trim();
        let single = !closing && inner.ends_with('/');
        let inner = inner.trim_end_matches('/');
        let split = inner.find(char::is_whitespace).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(split);
        let Some(name) = tags::xml_name(name) else {
            let nearest = tags::nearest(name, true);
            return Err(self.error(
                position,
                ErrorKind::UnknownTag {
                    found: shown,
                    nearest,
                },
            ));
        };
        if closing {
            self.skip(n + 1);
            return self.close(name, true, shown, position);
        }
        let attributes = attributes(rest).map_err(|reason| {
            let tag = shown.clone();
            self.error(position, ErrorKind::Value { tag, reason })
        })?;
        if attributes
            .iter()
            .any(|(k, _)| k == "volume" || k == "range")
        {
            self.warnings.push(format!(
                "line {}: volume and range have no effect here",
                position.line
            ));
        }
        let tag =
            tags::xml(name, &attributes, &shown).map_err(|kind| self.error(position, kind))?;
        self.skip(n + 1);
        self.open(name, tag, true, single, shown, position)
    }

    /// Distance to the `>` of the element here, quotes respected.
    fn element_end(&self) -> Option<usize> {
        let mut quote = None;
        for (n, &c) in self.chars[self.at..].iter().enumerate().take(4096) {
            match (quote, c) {
                (None, '>') => return Some(n),
                (None, '"' | '\'') => quote = Some(c),
                (Some(q), c) if c == q => quote = None,
                _ => {}
            }
        }
        None
    }

    fn skip_past(&mut self, end: &[char], position: Position) -> Result<(), ScriptError> {
        let found = self.chars[self.at..]
            .windows(end.len())
            .position(|w| w == end);
        match found {
            Some(n) => {
                self.skip(n + end.len());
                Ok(())
            }
            None => {
                let found = self.shown_from(self.at);
                Err(self.error(position, ErrorKind::Unterminated { found }))
            }
        }
    }

    fn shown_from(&self, at: usize) -> String {
        self.chars[at..].iter().take(SHOWN).collect()
    }

    fn entity(&mut self) -> Result<(), ScriptError> {
        let position = self.here;
        let rest = &self.chars[self.at + 1..];
        let end = rest.iter().take(12).position(|c| *c == ';');
        let name: String = rest.iter().take(end.unwrap_or(8)).collect();
        let decoded = end.and_then(|_| decode_entity(&name));
        match (decoded, end) {
            (Some(c), Some(end)) => {
                self.push(c);
                self.skip(end + 2);
                Ok(())
            }
            _ => Err(self.error(position, ErrorKind::Entity(name))),
        }
    }

    fn open(
        &mut self,
        name: &'static str,
        tag: Tag,
        xml: bool,
        single: bool,
        shown: String,
        position: Position,
    ) -> Result<(), ScriptError> {
        if self.reading.is_some() {
            return Err(self.error(
                position,
                ErrorKind::Value {
                    tag: shown,
                    reason: "no tag can stand inside a reading".to_owned(),
                },
            ));
        }
        self.flush();
        match &tag {
            Tag::Pause(secs) => self.items.push(Item::Pause(*secs)),
            Tag::Gesture(what) => self.items.push(Item::Mark(MarkKind::Gesture(what.clone()))),
            Tag::Look(what) => self.items.push(Item::Mark(MarkKind::Look(what.clone()))),
            _ => {}
        }
        if single || (tag.is_point() && !xml) {
            return Ok(());
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.error(position, ErrorKind::TooDeep(MAX_DEPTH)));
        }
        self.stack.push(Open {
            name,
            xml,
            shown,
            position,
            style: self.style.clone(),
            reads: matches!(tag, Tag::Read(_)),
            paragraph: matches!(tag, Tag::Paragraph),
        });
        match tag {
            Tag::Speed(factor) => self.style.speed = (self.style.speed * factor).clamp(0.25, 4.0),
            Tag::Pitch(by) => self.style.semitones = (self.style.semitones + by).clamp(-24.0, 24.0),
            Tag::Prosody { speed, semitones } => {
                self.style.speed = (self.style.speed * speed).clamp(0.25, 4.0);
                self.style.semitones = (self.style.semitones + semitones).clamp(-24.0, 24.0);
            }
            Tag::Emphasis(on) => self.style.emphasised = on,
            Tag::Voice(voice) => self.style.voice = Some(voice),
            Tag::Read(reading) => self.reading = Some(reading),
            _ => {}
        }
        Ok(())
    }

    fn close(
        &mut self,
        name: &'static str,
        xml: bool,
        shown: String,
        position: Position,
    ) -> Result<(), ScriptError> {
        let Some(open) = self.stack.pop_if(|o| o.name == name && o.xml == xml) else {
            let open = self.stack.last().map(|o| o.shown.clone());
            return Err(self.error(position, ErrorKind::WrongClose { found: shown, open }));
        };
        if open.reads {
            self.check_reading(&open)?;
        }
        self.flush();
        self.style = open.style;
        if open.reads {
            self.reading = None;
        }
        if open.paragraph {
            self.paragraph();
        }
        Ok(())
    }

    /// A pinyin reading has a syllable for each of its characters; no reading is for nothing.
    fn check_reading(&self, open: &Open) -> Result<(), ScriptError> {
        if self.text.trim().is_empty() {
            return Err(self.error(
                open.position,
                ErrorKind::Value {
                    tag: open.shown.clone(),
                    reason: "it holds no word".to_owned(),
                },
            ));
        }
        if let Some(Reading::Pinyin(reading)) = &self.reading {
            let characters = self.text.chars().filter(|c| is_han(*c)).count();
            if characters != reading.len() {
                return Err(self.error(
                    open.position,
                    ErrorKind::ReadingLength {
                        reading: reading.join(" "),
                        word: self.text.clone(),
                        syllables: reading.len(),
                        characters,
                    },
                ));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, ScriptError> {
        // A voice may hold to the end of the script.
        while self
            .stack
            .last()
            .is_some_and(|o| o.name == "voice" && !o.xml)
        {
            self.flush();
            self.stack.pop();
        }
        if let Some(open) = self.stack.pop() {
            let close = match (open.xml, open.name) {
                (true, name) => format!("</{name}>"),
                (false, "*") => "*".to_owned(),
                (false, name) => format!("[/{name}]"),
            };
            let kind = ErrorKind::Unclosed {
                tag: open.shown,
                close,
            };
            return Err(self.error(open.position, kind));
        }
        self.flush();
        self.trim_end();
        if matches!(self.items.last(), Some(Item::Paragraph)) {
            self.items.pop();
        }
        let says = self.items.iter().any(|item| match item {
            Item::Text(span) => {
                span.text.chars().any(char::is_alphanumeric) || span.reading.is_some()
            }
            _ => false,
        });
        if !says {
            return Err(self.error(Position { line: 1, column: 1 }, ErrorKind::Empty));
        }
        Ok(Parsed {
            script: Script { items: self.items },
            warnings: self.warnings,
        })
    }
}

fn is_markup(c: char) -> bool {
    matches!(c, '[' | ']' | '*' | '<' | '\\' | '［' | '］' | '【' | '】')
}

fn decode_entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let code = match name.strip_prefix("#x") {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => name.strip_prefix('#')?.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())
        }
    }
}

/// `key="value"` pairs; entities in values decoded, blanks made single spaces.
fn attributes(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("`{rest}` has no value"))?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or_else(|| format!("the value of `{}` needs quotes", key.trim()))?;
        let (value, tail) = after[1..]
            .split_once(quote)
            .ok_or_else(|| format!("the value of `{}` has no closing quote", key.trim()))?;
        let mut decoded = String::new();
        let mut parts = value.split('&');
        decoded.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (name, plain) = part.split_once(';').unwrap_or((part, ""));
            let c = decode_entity(name).ok_or_else(|| format!("`&{name};` is not known"))?;
            decoded.push(c);
            decoded.push_str(plain);
        }
        let value = decoded.split_whitespace().collect::<Vec<_>>().join(" ");
        pairs.push((key.trim().to_owned(), value));
        rest = tail.trim_start();
    }
    Ok(pairs)
}
