//! What came of a batch: a table for the terminal, a page for everyone else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use huashen_pipeline::batch::Row;
use serde_json::{Value, json};

use super::Places;
use crate::output;

/// In the output folder.
pub const FILE: &str = "report.html";
/// Tells our own page from somebody else's.
const MARK: &str = "<meta name=\"generator\" content=\"huashen batch\">";
/// Of more clips, only those that failed are in the terminal's table.
const MOST_LINES: usize = 60;
/// More pictures would make a page that no browser likes.
const MOST_PICTURES: usize = 1000;

/// How a clip stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Done,
    Failed,
    /// Not begun, or stopped.
    Waiting,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "FAILED",
            Self::Waiting => "waiting",
        }
    }
}

struct Line<'a> {
    out: &'a str,
    state: State,
    duration_secs: f64,
    elapsed_secs: f64,
    error: Option<&'a str>,
    thumbnail: &'a [u8],
    /// How the clip is labelled; null before it is there.
    label: Value,
}

/// What came of every job.
pub struct Report<'a> {
    manifest: String,
    lines: Vec<Line<'a>>,
    took: Duration,
}

/// Whether the report may be written: no other file has its name.
pub fn is_ours(output: &Path) -> bool {
    match std::fs::read_to_string(output.join(FILE)) {
        Ok(text) => text.contains(MARK),
        Err(_) => !output.join(FILE).exists(),
    }
}

impl<'a> Report<'a> {
    /// Of the queue's rows, and of entries that were not even tried.
    pub fn new(
        places: &Places,
        rows: &'a [Row],
        bad: &'a [(String, String)],
        took: Duration,
    ) -> Self {
        let mut lines: Vec<Line<'a>> = rows
            .iter()
            .map(|row| {
                let made = row.made.as_ref();
                Line {
                    out: &row.out,
                    state: match row.state.as_str() {
                        "done" => State::Done,
                        "failed" => State::Failed,
                        _ => State::Waiting,
                    },
                    duration_secs: made.map_or(0.0, |m| m.duration_secs),
                    elapsed_secs: made.map_or(0.0, |m| m.elapsed_secs),
                    error: row.error.as_deref(),
                    thumbnail: made.map_or(&[], |m| &m.thumbnail),
                    label: made
                        .and_then(|m| serde_json::from_str(&m.label).ok())
                        .unwrap_or_default(),
                }
            })
            .collect();
        lines.extend(bad.iter().map(|(name, why)| Line {
            out: name,
            state: State::Failed,
            duration_secs: 0.0,
            elapsed_secs: 0.0,
            error: Some(why),
            thumbnail: &[],
            label: Value::Null,
        }));
        let name = places.manifest.file_name().unwrap_or_default();
        Self {
            manifest: name.to_string_lossy().into_owned(),
            lines,
            took,
        }
    }

    /// How many clips stand so.
    pub fn count(&self, state: State) -> usize {
        self.lines.iter().filter(|l| l.state == state).count()
    }

    /// For the terminal.
    pub fn table(&self) -> Vec<String> {
        let all = self.lines.len() <= MOST_LINES;
        let mut table = Vec::new();
        for line in &self.lines {
            if !all && line.state == State::Done {
                continue;
            }
            let (length, took) = match line.state {
                State::Done => (
                    format!("{:.1} s", line.duration_secs),
                    format!("{:.1} s", line.elapsed_secs),
                ),
                _ => ("-".to_owned(), "-".to_owned()),
            };
            let error = line.error.filter(|_| line.state == State::Failed);
            let error = error.map_or_else(String::new, |e| format!("  ({e})"));
            table.push(format!(
                "{:<8} {length:>9} {took:>9}  {}{error}",
                line.state.word(),
                line.out
            ));
        }
        if !table.is_empty() {
            table.insert(
                0,
                format!("{:<8} {:>9} {:>9}  clip", "status", "length", "took"),
            );
        }
        table.push(self.totals());
        table
    }

    fn totals(&self) -> String {
        let secs: f64 = self.lines.iter().map(|l| l.duration_secs).sum();
        let mut text = format!(
            "{} of {} clips done, {secs:.1} s in all; {} failed",
            self.count(State::Done),
            self.lines.len(),
            self.count(State::Failed)
        );
        match self.count(State::Waiting) {
            0 => {}
            waiting => {
                let _ = write!(text, ", {waiting} waiting");
            }
        }
        let _ = write!(text, "; this run took {:.1} s", self.took.as_secs_f64());
        text
    }

    /// For machines.
    pub fn summary(&self, html: Option<&Path>) -> Value {
        let jobs: Vec<Value> = self
            .lines
            .iter()
            .map(|l| {
                json!({
                    "out": l.out,
                    "state": l.state.word().to_lowercase(),
                    "duration_secs": l.duration_secs,
                    "elapsed_secs": l.elapsed_secs,
                    "error": l.error,
                    "label": l.label,
                })
            })
            .collect();
        json!({
            "event": "finished",
            "done": self.count(State::Done),
            "failed": self.count(State::Failed),
            "waiting": self.count(State::Waiting),
            "elapsed_secs": self.took.as_secs_f64(),
            "report": html.map(|path| path.display().to_string()),
            "jobs": jobs,
        })
    }

    /// Writes the page into `folder`: one file, everything in it.
    pub fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let path = folder.join(FILE);
        output::write_whole(&path, self.page().as_bytes())?;
        Ok(path)
    }

    fn page(&self) -> String {
        let title = escape(&self.manifest);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n{MARK}\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<p>{}</p>\n<table>\n\
             <tr><th></th><th>clip</th><th>status</th><th>length</th><th>took</th></tr>\n",
            escape(&self.totals())
        );
        let mut pictures = 0;
        for line in &self.lines {
            let done = line.state == State::Done;
            let picture = match line.thumbnail {
                [] => String::new(),
                _ if pictures == MOST_PICTURES => String::new(),
                jpeg => {
                    pictures += 1;
                    format!(
                        "<img alt=\"\" src=\"data:image/jpeg;base64,{}\">",
                        BASE64.encode(jpeg)
                    )
                }
            };
            let name = match done {
                true => format!(
                    "<a href=\"{}\">{}</a>",
                    escape(&href(line.out)),
                    escape(line.out)
                ),
                false => escape(line.out),
            };
            let error = match line.error.filter(|_| !done) {
                Some(error) => format!("<div class=\"why\">{}</div>", escape(error)),
                None => String::new(),
            };
            let elsewhere = match line.label["elsewhere"].as_str() {
                Some(why) => format!("<div>labelled elsewhere: {}</div>", escape(why)),
                None => String::new(),
            };
            let secs = |secs: f64| match done {
                true => format!("{secs:.1}&nbsp;s"),
                false => String::new(),
            };
            let word = line.state.word().to_lowercase();
            let _ = writeln!(
                page,
                "<tr class=\"{word}\"><td>{picture}</td><td>{name}{error}{elsewhere}</td><td>{word}</td>\
                 <td>{}</td><td>{}</td></tr>",
                secs(line.duration_secs),
                secs(line.elapsed_secs)
            );
        }
        page.push_str("</table></body></html>\n");
        page
    }
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;\
padding:0 1rem;color:#222;background:#fff}table{border-collapse:collapse;width:100%}\
td,th{padding:.4rem .8rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:middle}\
img{width:120px;display:block;border-radius:4px}.why{color:#a00;font-size:.9em}\
.failed td:nth-child(3){color:#a00;font-weight:bold}.done td:nth-child(3){color:#060}\
.waiting td:nth-child(3){color:#666}";

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A path as a link from the page beside it.
fn href(path: &str) -> String {
    let mut link = String::from("./");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                link.push(char::from(byte));
            }
            _ => {
                let _ = write!(link, "%{byte:02X}");
            }
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_errors_cannot_break_the_page() {
        let places = Places {
            manifest: "<b>.csv".into(),
            output: ".".into(),
            state: ".".into(),
        };
        let rows = [Row {
            out: "a\"b<i>/你.mp4".to_owned(),
            state: "done".to_owned(),
            error: None,
            attempts: 0,
            made: Some(huashen_pipeline::batch::Made {
                thumbnail: vec![1, 2, 3],
                ..Default::default()
            }),
        }];
        let bad = [("x".to_owned(), "<script>alert('&')</script>".to_owned())];
        let page = Report::new(&places, &rows, &bad, Duration::ZERO).page();
        assert!(page.contains("<title>&lt;b&gt;.csv</title>") && page.contains(MARK));
        assert!(!page.contains("<script>") && !page.contains("<i>"));
        assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&#39;)"));
        assert!(page.contains("href=\"./a%22b%3Ci%3E/%E4%BD%A0.mp4\""));
        assert!(page.contains("data:image/jpeg;base64,AQID"));
        let report = Report::new(&places, &rows, &bad, Duration::ZERO);
        assert_eq!(
            (report.count(State::Done), report.count(State::Failed)),
            (1, 1)
        );
    }
}
