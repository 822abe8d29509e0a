//! What a running batch shows: bars on a terminal, plain lines otherwise, JSON
//! for machines.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::worker::Event;
use crate::output;

/// One JSON object in one line on stdout.
pub fn json(value: &Value) -> anyhow::Result<()> {
    output::line(&value.to_string())
}

/// What a worker is at.
struct Running {
    out: String,
    stage: String,
    fraction: f64,
    bar: Option<ProgressBar>,
}

/// Shows a batch.
pub struct Show {
    json: bool,
    quiet: bool,
    bars: Option<(MultiProgress, ProgressBar)>,
    total: usize,
    kept: usize,
    done: usize,
    failed: usize,
    running: BTreeMap<usize, Running>,
    begun: Instant,
    last_line: Instant,
}

/// Between two plain lines while no clip is finished.
const LINE_EVERY: Duration = Duration::from_secs(30);
/// Of a clip's work, what stages take.
const SPEECH_SHARE: f64 = 0.3;

impl Show {
    /// For `total` clips of which `kept` are finished already.
    pub fn new(json_wanted: bool, quiet: bool, total: usize, kept: usize) -> Self {
        let terminal = !json_wanted && !quiet && std::io::stderr().is_terminal();
        let bars = terminal.then(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let bar = all.add(ProgressBar::new(total as u64));
            if let Ok(style) =
                ProgressStyle::with_template("{prefix:>10} [{bar:32}] {pos}/{len} clips {msg}")
            {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix("batch");
            bar.set_position(kept as u64);
            (all, bar)
        });
        let now = Instant::now();
        let show = Self {
            json: json_wanted,
            quiet,
            bars,
            total,
            kept,
            done: 0,
            failed: 0,
            running: BTreeMap::new(),
            begun: now,
            last_line: now,
        };
        if json_wanted {
            let begin = json!({ "event": "batch", "jobs": total, "kept": kept });
            json(&begin).ok();
        } else if kept > 0 {
            show.note(&format!("{kept} of {total} clips are finished already"));
        }
        show
    }

    /// How long it has been going on.
    pub fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Worker `n` told something.
    pub fn event(&mut self, n: usize, event: &Event) -> anyhow::Result<()> {
        if self.json
            && !matches!(event, Event::Ready { .. })
            && let Ok(mut value) = serde_json::to_value(event)
        {
            value["worker"] = json!(n + 1);
            if matches!(event, Event::Progress { .. })
                && let Some(running) = self.running.get(&n)
            {
                value["out"] = json!(running.out);
            }
            json(&value)?;
        }
        match event {
            Event::Ready { .. } => {}
            Event::Start { out, .. } => {
                let bar = self.bars.as_ref().map(|(all, _)| {
                    let bar = all.add(ProgressBar::new(0));
                    if let Ok(style) =
                        ProgressStyle::with_template("{prefix:>10} [{bar:32}] {pos}/{len} {msg}")
                    {
                        bar.set_style(style.progress_chars("=> "));
                    }
                    bar.set_prefix("…");
                    bar.set_message(out.clone());
                    bar
                });
                self.end_of(n);
                let running = Running {
                    out: out.clone(),
                    stage: "start".to_owned(),
                    fraction: 0.0,
                    bar,
                };
                self.running.insert(n, running);
            }
            Event::Progress { stage, done, total } => {
                if let Some(running) = self.running.get_mut(&n) {
                    let part = *done as f64 / (*total).max(1) as f64;
                    running.fraction = match stage.as_str() {
                        "render" => SPEECH_SHARE + (1.0 - SPEECH_SHARE) * part,
                        _ => SPEECH_SHARE * part,
                    };
                    running.stage.clone_from(stage);
                    if let Some(bar) = &running.bar {
                        bar.set_prefix(stage.clone());
                        bar.set_length(*total);
                        bar.set_position(*done);
                    }
                }
            }
            Event::Done {
                out,
                duration_secs,
                elapsed_secs,
                copy_of,
                ..
            } => {
                self.end_of(n);
                self.done += 1;
                let how = match copy_of {
                    Some(twin) => format!("copied from {twin}, which says the same"),
                    None => format!("{duration_secs:.1} s of clip in {elapsed_secs:.1} s"),
                };
                let text = format!("{}: {out}: {how}{}", self.count(), self.left());
                self.note(&text);
            }
            Event::Failed {
                out,
                error,
                again_in_secs,
            } => {
                self.end_of(n);
                let text = match again_in_secs {
                    Some(secs) => format!("{out}: {error}; once more in {secs:.0} s"),
                    None => {
                        self.failed += 1;
                        format!("{}: {out} FAILED: {error}", self.count())
                    }
                };
                self.say(&text);
            }
        }
        self.draw();
        Ok(())
    }

    /// Nothing happened for a moment.
    pub fn tick(&mut self) -> anyhow::Result<()> {
        self.draw();
        if self.bars.is_none() && !self.json && self.last_line.elapsed() >= LINE_EVERY {
            let at: Vec<String> = self
                .running
                .values()
                .map(|r| format!("{} ({}, {:.0} %)", r.out, r.stage, 100.0 * r.fraction))
                .collect();
            let text = format!("{}: {}{}", self.count(), at.join(", "), self.left());
            self.note(&text);
            self.last_line = Instant::now();
        }
        Ok(())
    }

    /// A remark for people.
    pub fn say(&self, text: &str) {
        match &self.bars {
            Some((all, _)) => {
                all.println(text).ok();
            }
            None => output::note(text),
        }
    }

    /// A remark that quiet people do without.
    fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            self.say(text);
        }
    }

    /// Takes the bars away.
    pub fn clear(&mut self) {
        if let Some((all, bar)) = self.bars.take() {
            bar.finish_and_clear();
            all.clear().ok();
        }
    }

    fn end_of(&mut self, n: usize) {
        if let Some(Running { bar: Some(bar), .. }) = self.running.remove(&n) {
            bar.finish_and_clear();
        }
    }

    fn draw(&self) {
        if let Some((_, bar)) = &self.bars {
            bar.set_position((self.kept + self.done + self.failed) as u64);
            bar.set_message(self.left().trim_start_matches(", ").to_owned());
        }
    }

    fn count(&self) -> String {
        format!("{}/{}", self.kept + self.done + self.failed, self.total)
    }

    /// How long it will go on, once there is something to tell by.
    fn left(&self) -> String {
        let finished = (self.done + self.failed) as f64;
        let under_way: f64 = self.running.values().map(|r| r.fraction).sum();
        let worked = finished + under_way;
        let rest = (self.total - self.kept.min(self.total)) as f64 - worked;
        if self.done == 0 || rest <= 0.0 {
            return String::new();
        }
        let secs = self.begun.elapsed().as_secs_f64() * rest / worked;
        let left = Duration::from_secs(secs.round() as u64);
        format!(", about {} left", HumanDuration(left))
    }
}
