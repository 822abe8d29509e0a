//! Progress on stderr: a bar on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far one stage is.
pub struct Progress {
    stage: &'static str,
    unit: &'static str,
    bar: Option<ProgressBar>,
    quiet: bool,
    last_line: Instant,
    begun: Instant,
}

/// Who is told instead of the terminal: stage, done, total.
type Listener = Box<dyn Fn(&str, u64, u64) + Send + Sync>;
static LISTENER: OnceLock<Listener> = OnceLock::new();

/// From now on no stage shows anything: `listener` hears of it. For processes
/// that work for another one, which shows what all of them do.
pub fn listen(listener: impl Fn(&str, u64, u64) + Send + Sync + 'static) {
    LISTENER.set(Box::new(listener)).ok();
}

/// Between two plain lines; a log stays readable.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// Begins a stage of unknown or later-known length.
    pub fn new(stage: &'static str, unit: &'static str, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(
                "{prefix:>10} [{bar:32}] {pos}/{len} {msg} ({elapsed}, {eta} left)",
            ) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(stage);
            bar.set_message(unit);
            bar
        });
        let now = Instant::now();
        Self {
            stage,
            unit,
            bar,
            quiet,
            last_line: now,
            begun: now,
        }
    }

    /// `done` of `total` units are finished.
    pub fn at(&mut self, done: u64, total: u64) {
        if let Some(listener) = LISTENER.get() {
            listener(self.stage, done, total);
        } else if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if !self.quiet && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let percent = done * 100 / total.max(1);
            crate::output::note(&format!(
                "{}: {percent} % ({done}/{total} {})",
                self.stage, self.unit
            ));
        }
    }

    /// A remark beside the bar.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => crate::output::note(text),
        }
    }

    /// Ends the stage with a line saying what came of it.
    pub fn done(self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if !self.quiet {
            let secs = self.begun.elapsed().as_secs_f64();
            crate::output::note(&format!("{}: {what} in {secs:.1} s", self.stage));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
