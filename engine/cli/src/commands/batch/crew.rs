//! The worker processes: started, listened to, replaced when they die.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::{Context, bail};
use huashen_pipeline::Cancelled;
use huashen_pipeline::batch::{Outcome, SqliteQueue};

use super::Places;
use super::show::Show;
use super::worker::Event;
use crate::interrupt;

/// What comes from a worker.
enum Word {
    Event(Event),
    /// A line for people.
    Said(String),
    Gone,
}

struct Member {
    child: Child,
    /// It stops when this is closed.
    stdin: Option<ChildStdin>,
    /// Its name in the queue, once it told.
    id: Option<String>,
    /// It has begun a job.
    worked: bool,
}

/// In a row, without a job begun: then starting more is no use.
const MOST_FALSE_STARTS: usize = 3;
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Lets `count` workers render until the queue, or its one job `only`, is done.
///
/// # Errors
/// [`Cancelled`] after Ctrl-C; when workers cannot be started.
pub fn work(
    count: usize,
    places: &Places,
    only: Option<&str>,
    queue: &mut SqliteQueue,
    show: &mut Show,
) -> anyhow::Result<()> {
    let start = |n, tell: &Sender<Said>| start(places, only, n, tell);
    let tally = queue.tally()?;
    let left = tally.waiting + tally.running;
    let (tell, words) = channel();
    let mut crew: Vec<Option<Member>> = Vec::new();
    for n in 0..count.min(left) {
        crew.push(Some(start(n, &tell)?));
    }
    let result = listen(&mut crew, &start, queue, show, (&tell, &words));
    // After an error, too, none is left behind.
    for member in crew.iter_mut().flatten() {
        member.stdin = None;
        member.child.wait().ok();
    }
    result
}

/// What a worker, by its number, says.
type Said = (usize, Word);

fn listen(
    crew: &mut [Option<Member>],
    start: &dyn Fn(usize, &Sender<Said>) -> anyhow::Result<Member>,
    queue: &mut SqliteQueue,
    show: &mut Show,
    (tell, words): (&Sender<Said>, &Receiver<Said>),
) -> anyhow::Result<()> {
    let mut false_starts = 0;
    let mut last_said = String::new();
    while crew.iter().any(Option::is_some) {
        if interrupt::pressed() {
            for member in crew.iter_mut().flatten() {
                member.stdin = None;
            }
        }
        let (n, word) = match words.recv_timeout(LOOK_EVERY) {
            Ok(word) => word,
            Err(RecvTimeoutError::Timeout) => {
                show.tick()?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let Some(member) = &mut crew[n] else { continue };
        match word {
            Word::Event(event) => {
                match &event {
                    Event::Ready { worker } => member.id = Some(worker.clone()),
                    Event::Start { .. } => {
                        member.worked = true;
                        false_starts = 0;
                    }
                    _ => {}
                }
                show.event(n, &event)?;
            }
            Word::Said(line) => {
                show.say(&line);
                last_said = line;
            }
            Word::Gone => {
                let status = member
                    .child
                    .wait()
                    .context("a worker cannot be waited for")?;
                let (id, worked) = (member.id.take(), member.worked);
                crew[n] = None;
                if status.success() || interrupt::pressed() {
                    continue;
                }
                let why = why(status);
                show.say(&format!("worker {}: {why}", n + 1));
                if !worked {
                    false_starts += 1;
                    if false_starts >= MOST_FALSE_STARTS {
                        bail!("the workers do not start: {why}; the last one said: {last_said}");
                    }
                }
                if let Some(id) = id {
                    for (out, outcome) in queue.bury(&id, &why)? {
                        let again_in_secs = match outcome {
                            Outcome::Again { after } => Some(after.as_secs_f64()),
                            Outcome::Failed => None,
                            Outcome::Void => continue,
                        };
                        let error = why.clone();
                        show.event(
                            n,
                            &Event::Failed {
                                out,
                                error,
                                again_in_secs,
                            },
                        )?;
                    }
                }
                let tally = queue.tally()?;
                if tally.waiting + tally.running > 0 {
                    crew[n] = Some(start(n, tell)?);
                }
            }
        }
    }
    if interrupt::pressed() {
        return Err(Cancelled.into());
    }
    Ok(())
}

fn start(
    places: &Places,
    only: Option<&str>,
    n: usize,
    tell: &Sender<Said>,
) -> anyhow::Result<Member> {
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let mut child = Command::new(program)
        .arg("batch-worker")
        .args(only.map(|out| format!("--only={out}")))
        .arg("--state")
        .arg(&places.state)
        .arg("--output")
        .arg(&places.output)
        .arg("--manifest")
        .arg(&places.manifest)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("a worker cannot be started")?;
    let stdin = child.stdin.take();
    if let Some(stderr) = child.stderr.take() {
        let tell = tell.clone();
        thread(n, move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if tell.send((n, Word::Said(line))).is_err() {
                    return;
                }
            }
        })?;
    }
    if let Some(stdout) = child.stdout.take() {
        let tell = tell.clone();
        thread(n, move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let word = match serde_json::from_str(&line) {
                    Ok(event) => Word::Event(event),
                    Err(_) => Word::Said(line),
                };
                if tell.send((n, word)).is_err() {
                    return;
                }
            }
            tell.send((n, Word::Gone)).ok();
        })?;
    }
    Ok(Member {
        child,
        stdin,
        id: None,
        worked: false,
    })
}

fn thread(n: usize, run: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name(format!("worker-{n}"))
        .spawn(run)
        .context("a worker cannot be listened to")?;
    Ok(())
}

fn why(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return match signal {
                9 => "the worker was killed (signal 9); was there too little memory?".to_owned(),
                _ => format!("the worker died of signal {signal}"),
            };
        }
    }
    match status.code() {
        Some(code) => format!("the worker ended with code {code}"),
        None => "the worker died".to_owned(),
    }
}
