//! The queue in an SQLite file, shared by every worker of every batch that
//! writes into one output folder.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::batch::queue::put_in_place;
use crate::batch::{Claim, Claimed, Made, Outcome, Queue, QueueError, Tally, Ticket};

/// The version of the tables.
const VERSION: i64 = 2;
const TABLES: &str = include_str!("tables.sql");
const MADE: &str =
    "sha256, bytes, modified_nanos, duration_secs, frames, elapsed_secs, thumbnail, label";
/// A job is tried this often before it has failed.
const MAX_ATTEMPTS: u32 = 3;
/// Of this manifest, the jobs that are seen: `?1` is its name, `?2` one job's, or null for all.
const SEEN: &str = "manifest = ?1 AND (?2 IS NULL OR out = ?2)";
/// How long one process waits for another one's write.
const BUSY: Duration = Duration::from_secs(60);

/// One job as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub out: String,
    /// `waiting`, `running`, `done` or `failed`.
    pub state: String,
    pub error: Option<String>,
    pub attempts: u32,
    pub made: Option<Made>,
}

/// How long is too long.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// A claim whose worker has not beaten for so long is void.
    silent: Duration,
    /// Before the second try; the third waits five times as long.
    first_retry: Duration,
}

/// The queue of one output folder, as one manifest sees it.
pub struct SqliteQueue {
    db: Connection,
    path: PathBuf,
    output_dir: PathBuf,
    workers_dir: PathBuf,
    manifest: String,
    only: Option<String>,
    worker: Option<Worker>,
    patience: Patience,
}

/// Locked as long as this process lives: the kernel tells others when it is gone.
struct Worker {
    id: String,
    _lock: File,
}

impl SqliteQueue {
    /// Opens the queue in `state_dir`, making it when there is none. Clips go
    /// to `output_dir`; only jobs of `manifest` are seen.
    ///
    /// # Errors
    /// When the folder cannot be written or holds something else.
    pub fn open(state_dir: &Path, output_dir: &Path, manifest: &str) -> Result<Self, QueueError> {
        let workers_dir = state_dir.join("workers");
        std::fs::create_dir_all(&workers_dir).map_err(|source| QueueError::File {
            path: workers_dir.clone(),
            source,
        })?;
        let path = state_dir.join("queue.sqlite");
        let failed = |e: rusqlite::Error| QueueError::Store {
            path: path.clone(),
            reason: e.to_string(),
        };
        let db = Connection::open(&path).map_err(failed)?;
        db.busy_timeout(BUSY).map_err(failed)?;
        db.pragma_update(None, "journal_mode", "WAL")
            .map_err(failed)?;
        db.pragma_update(None, "synchronous", "FULL")
            .map_err(failed)?;
        let version: i64 = db
            .pragma_query_value(None, "user_version", |r| r.get(0))
            .map_err(failed)?;
        if version > VERSION {
            return Err(QueueError::Newer { path });
        }
        db.execute_batch(TABLES).map_err(failed)?;
        if version == 1 {
            db.execute_batch("ALTER TABLE jobs ADD COLUMN label TEXT")
                .map_err(failed)?;
        }
        db.pragma_update(None, "user_version", VERSION)
            .map_err(failed)?;
        Ok(Self {
            db,
            path,
            output_dir: output_dir.to_owned(),
            workers_dir,
            manifest: manifest.to_owned(),
            only: None,
            worker: None,
            patience: Patience {
                silent: Duration::from_secs(120),
                first_retry: Duration::from_secs(2),
            },
        })
    }

    /// Sees no other job than `out`, if there is one: the others stay as they are.
    #[must_use]
    pub fn only(mut self, out: Option<&str>) -> Self {
        self.only = out.map(str::to_owned);
        self
    }

    /// Whether `state_dir` holds a queue.
    pub fn exists(state_dir: &Path) -> bool {
        state_dir.join("queue.sqlite").is_file()
    }

    /// How many of this manifest's jobs are in which state.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tally(&self) -> Result<Tally, QueueError> {
        let read = || -> rusqlite::Result<Tally> {
            let mut tally = Tally::default();
            let mut q = self.db.prepare(&format!(
                "SELECT state, count(*) FROM jobs WHERE {SEEN} GROUP BY 1"
            ))?;
            let counts = q.query_map(params![self.manifest, self.only], |r| {
                Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)? as usize))
            })?;
            for count in counts {
                let (state, n) = count?;
                match state.as_str() {
                    "waiting" => tally.waiting = n,
                    "running" => tally.running = n,
                    "done" => tally.done = n,
                    _ => tally.failed = n,
                }
            }
            Ok(tally)
        };
        read().map_err(|e| self.error(&e))
    }

    /// This manifest's jobs in its order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn rows(&self) -> Result<Vec<Row>, QueueError> {
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut q = self.db.prepare(&format!(
                "SELECT {MADE}, out, state, error, attempts FROM jobs WHERE {SEEN} ORDER BY seq"
            ))?;
            let rows = q.query_map(params![self.manifest, self.only], |r| {
                let state: String = r.get("state")?;
                Ok(Row {
                    made: (state == "done").then(|| made(r)).transpose()?,
                    out: r.get("out")?,
                    error: r.get("error")?,
                    attempts: r.get("attempts")?,
                    state,
                })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.error(&e))
    }

    /// Becomes a worker: others see by a lock whether it lives.
    ///
    /// # Errors
    /// When the lock cannot be made.
    pub fn enlist(&mut self) -> Result<String, QueueError> {
        let id = unique();
        let path = self.workers_dir.join(&id);
        let failed = |source| QueueError::File {
            path: path.clone(),
            source,
        };
        let lock = File::create(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            // A file system without locks: heartbeats have to do.
            Err(TryLockError::Error(e)) => tracing::debug!(%e, "no lock for this worker"),
            Err(TryLockError::WouldBlock) => {
                return Err(failed(std::io::ErrorKind::WouldBlock.into()));
            }
        }
        self.worker = Some(Worker {
            id: id.clone(),
            _lock: lock,
        });
        Ok(id)
    }

    /// What `worker` had in its hands waits again, or has failed when that
    /// happened too often. To be called when it has died.
    ///
    /// # Errors
    /// When the store fails.
    pub fn bury(&mut self, worker: &str, why: &str) -> Result<Vec<(String, Outcome)>, QueueError> {
        std::fs::remove_file(self.workers_dir.join(worker)).ok();
        let held = self.held(Some(worker))?;
        let mut outcomes = Vec::new();
        for held in held {
            let outcome = self.let_go(&held, why)?;
            outcomes.push((held.ticket.out, outcome));
        }
        Ok(outcomes)
    }

    /// Removes the half-written files of claims whose worker is gone, and
    /// completes what was sealed: nothing of it is lost.
    ///
    /// # Errors
    /// When the store fails.
    pub fn recover(&mut self) -> Result<(), QueueError> {
        let mut alive = HashMap::new();
        for held in self.held(None)? {
            let silent = now_ms() - held.heartbeat_ms > self.patience.silent.as_millis() as i64;
            let lives = !silent
                && *alive
                    .entry(held.worker.clone())
                    .or_insert_with(|| self.lives(&held.worker));
            if !lives {
                self.let_go(&held, "the worker that rendered it died")?;
            }
        }
        Ok(())
    }

    /// Whether a worker's lock is held. Where there are no locks, its
    /// heartbeat has to tell.
    fn lives(&self, worker: &str) -> bool {
        if self.worker.as_ref().is_some_and(|w| w.id == worker) {
            return true;
        }
        let path = self.workers_dir.join(worker);
        let Ok(file) = File::open(&path) else {
            return false;
        };
        match file.try_lock() {
            Ok(()) => {
                std::fs::remove_file(&path).ok();
                false
            }
            Err(_) => true,
        }
    }

    /// All claims, or those of one worker.
    fn held(&self, worker: Option<&str>) -> Result<Vec<Held>, QueueError> {
        let read = || -> rusqlite::Result<Vec<Held>> {
            let mut q = self.db.prepare(&format!(
                "SELECT {MADE}, out, token, worker, heartbeat_ms, attempts,
                        coalesce(made_content = content, 0) AS sealed
                 FROM jobs WHERE state = 'running' AND token IS NOT NULL
                     AND (?1 IS NULL OR worker = ?1)"
            ))?;
            let rows = q.query_map([worker], |r| {
                Ok(Held {
                    made: made(r)?,
                    ticket: Ticket {
                        out: r.get("out")?,
                        token: r.get("token")?,
                    },
                    worker: r.get("worker")?,
                    heartbeat_ms: r.get("heartbeat_ms")?,
                    attempts: r.get("attempts")?,
                    sealed: r.get("sealed")?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.error(&e))
    }

    fn let_go(&mut self, held: &Held, why: &str) -> Result<Outcome, QueueError> {
        let ticket = &held.ticket;
        if held.sealed {
            let (temp, path) = (
                ticket.temp_file(&self.output_dir),
                self.output_dir.join(&ticket.out),
            );
            // Whole and noted: all that was missing is the last step.
            if held.made.is_at(&temp) {
                put_in_place(&temp, &path)?;
            }
            if held.made.is_at(&path) {
                self.complete(ticket)?;
                ticket.sweep(&self.output_dir);
                return Ok(Outcome::Void);
            }
        }
        let outcome = self.fail(ticket, why, true)?;
        ticket.sweep(&self.output_dir);
        tracing::debug!(
            out = ticket.out,
            attempts = held.attempts,
            ?outcome,
            "let go"
        );
        Ok(outcome)
    }

    /// Runs `change` as the only writer; all of it happens or nothing.
    fn write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, QueueError> {
        let run = |db: &mut Connection| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run(&mut self.db).map_err(|e| self.error(&e))
    }

    fn error(&self, error: &rusqlite::Error) -> QueueError {
        QueueError::Store {
            path: self.path.clone(),
            reason: error.to_string(),
        }
    }
}

impl Drop for SqliteQueue {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            std::fs::remove_file(self.workers_dir.join(&worker.id)).ok();
        }
    }
}

struct Held {
    ticket: Ticket,
    worker: String,
    heartbeat_ms: i64,
    attempts: u32,
    made: Made,
    /// `made` is of this very content.
    sealed: bool,
}

impl Queue for SqliteQueue {
    fn claim(&mut self, warm: Option<&str>) -> Result<Claim, QueueError> {
        self.recover()?;
        let worker = match &self.worker {
            Some(worker) => worker.id.clone(),
            None => self.enlist()?,
        };
        let (token, now) = (unique(), now_ms());
        let (manifest, only) = (self.manifest.clone(), self.only.clone());
        let found = self.write(|t| {
            // What is warm here first; then what nobody else has warm.
            let next = t
                .query_row(
                    &format!(
                        "SELECT out, content, warm, job, attempts FROM jobs AS j
                         WHERE {SEEN} AND state = 'waiting' AND not_before_ms <= ?3
                             AND NOT EXISTS (SELECT 1 FROM jobs AS o
                                 WHERE o.content = j.content AND o.state = 'running')
                         ORDER BY warm IS NOT ?4,
                             warm IN (SELECT warm FROM jobs WHERE state = 'running'), seq
                         LIMIT 1"
                    ),
                    params![manifest, only, now, warm],
                    |r| {
                        Ok((
                            r.get::<_, String>(0)?,
                            r.get::<_, String>(1)?,
                            Claimed {
                                ticket: Ticket {
                                    out: r.get(0)?,
                                    token: token.clone(),
                                },
                                warm: r.get(2)?,
                                order: r.get(3)?,
                                attempt: r.get::<_, u32>(4)? + 1,
                                twin: None,
                            },
                        ))
                    },
                )
                .optional()?;
            let Some((out, content, mut claimed)) = next else {
                let left: i64 = t.query_row(
                    &format!(
                        "SELECT count(*) FROM jobs WHERE {SEEN} AND state IN ('waiting', 'running')"
                    ),
                    params![manifest, only],
                    |r| r.get(0),
                )?;
                return Ok(if left == 0 { Claim::Empty } else { Claim::Wait });
            };
            claimed.twin = t
                .query_row(
                    &format!(
                        "SELECT {MADE}, out FROM jobs
                         WHERE content = ?1 AND state = 'done' AND out <> ?2 LIMIT 1"
                    ),
                    [&content, &out],
                    |r| Ok((r.get("out")?, made(r)?)),
                )
                .optional()?;
            t.execute(
                "UPDATE jobs SET state = 'running', worker = ?2, token = ?3, heartbeat_ms = ?4
                 WHERE out = ?1",
                params![out, worker, token, now],
            )?;
            Ok(Claim::Job(Box::new(claimed)))
        })?;
        Ok(found)
    }

    fn heartbeat(&mut self, ticket: &Ticket) -> Result<bool, QueueError> {
        self.write(|t| {
            let changed = t.execute(
                "UPDATE jobs SET heartbeat_ms = ?3
                 WHERE out = ?1 AND token = ?2 AND state = 'running'",
                params![ticket.out, ticket.token, now_ms()],
            )?;
            Ok(changed == 1)
        })
    }

    fn seal(&mut self, ticket: &Ticket, made: &Made) -> Result<bool, QueueError> {
        self.write(|t| {
            let changed = t.execute(
                "UPDATE jobs SET made_content = content, sha256 = ?3, bytes = ?4,
                     modified_nanos = ?5, duration_secs = ?6, frames = ?7, elapsed_secs = ?8,
                     thumbnail = ?9, label = ?10
                 WHERE out = ?1 AND token = ?2 AND state = 'running'",
                params![
                    ticket.out,
                    ticket.token,
                    made.sha256,
                    made.bytes as i64,
                    made.modified_nanos,
                    made.duration_secs,
                    made.frames as i64,
                    made.elapsed_secs,
                    made.thumbnail,
                    made.label
                ],
            )?;
            Ok(changed == 1)
        })
    }

    fn complete(&mut self, ticket: &Ticket) -> Result<bool, QueueError> {
        self.write(|t| {
            let changed = t.execute(
                "UPDATE jobs SET state = 'done', token = NULL, worker = NULL, error = NULL
                 WHERE out = ?1 AND token = ?2 AND state = 'running'",
                params![ticket.out, ticket.token],
            )?;
            Ok(changed == 1)
        })
    }

    fn fail(
        &mut self,
        ticket: &Ticket,
        error: &str,
        may_pass: bool,
    ) -> Result<Outcome, QueueError> {
        let first_retry = self.patience.first_retry;
        self.write(|t| {
            let attempts: Option<u32> = t
                .query_row(
                    "SELECT attempts FROM jobs
                     WHERE out = ?1 AND token = ?2 AND state = 'running'",
                    params![ticket.out, ticket.token],
                    |r| r.get(0),
                )
                .optional()?;
            let Some(attempts) = attempts.map(|a| a + 1) else {
                return Ok(Outcome::Void);
            };
            let again = may_pass && attempts < MAX_ATTEMPTS;
            let after = first_retry * 5_u32.pow(attempts.saturating_sub(1));
            t.execute(
                "UPDATE jobs SET state = ?3, attempts = ?4, error = ?5, not_before_ms = ?6,
                     token = NULL, worker = NULL
                 WHERE out = ?1 AND token = ?2",
                params![
                    ticket.out,
                    ticket.token,
                    if again { "waiting" } else { "failed" },
                    attempts,
                    error,
                    now_ms() + after.as_millis() as i64
                ],
            )?;
            Ok(match again {
                true => Outcome::Again { after },
                false => Outcome::Failed,
            })
        })
    }

    fn release(&mut self, ticket: &Ticket) -> Result<(), QueueError> {
        self.write(|t| {
            t.execute(
                "UPDATE jobs SET state = 'waiting', token = NULL, worker = NULL
                 WHERE out = ?1 AND token = ?2 AND state = 'running'",
                params![ticket.out, ticket.token],
            )?;
            Ok(())
        })
    }
}

/// The columns [`MADE`].
fn made(r: &rusqlite::Row<'_>) -> rusqlite::Result<Made> {
    Ok(Made {
        sha256: r.get::<_, Option<String>>("sha256")?.unwrap_or_default(),
        bytes: r.get::<_, i64>("bytes")? as u64,
        modified_nanos: r.get("modified_nanos")?,
        duration_secs: r.get("duration_secs")?,
        frames: r.get::<_, i64>("frames")? as u64,
        elapsed_secs: r.get("elapsed_secs")?,
        thumbnail: r.get::<_, Option<_>>("thumbnail")?.unwrap_or_default(),
        label: r.get::<_, Option<_>>("label")?.unwrap_or_default(),
    })
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn now_ms() -> i64 {
    since_epoch().as_millis() as i64
}

/// A name that no other claim or worker has.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{:x}-{:x}-{:x}",
        since_epoch().as_nanos(),
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

mod submit;
#[cfg(test)]
mod tests;

pub use submit::Conflict;
