//! What a manifest wants, against what the queue holds and what lies in the folder.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{OptionalExtension, params};

use super::{MADE, SqliteQueue, made};
use crate::batch::{Made, QueueError, Submission, Tally};

/// Why a name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A file of this name was not made here, or was changed since.
    File(String),
    /// Another manifest makes it.
    Manifest(String),
}

struct Standing {
    made: Made,
    state: String,
    content: String,
    manifest: Option<String>,
}

impl SqliteQueue {
    /// Of `wanted`, the names under which a file lies that this queue did not
    /// make, and those that another manifest wants with other content.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conflicts(
        &mut self,
        wanted: &[Submission],
    ) -> Result<Vec<(String, Conflict)>, QueueError> {
        let mut found = Vec::new();
        for one in wanted {
            let path = self.output_dir.join(&one.out);
            let row = self.standing(&one.out)?;
            if let Some(row) = &row
                && let Some(other) = row.manifest.as_ref().filter(|m| **m != self.manifest)
                && row.content != one.content
                && Path::new(other).exists()
            {
                found.push((one.out.clone(), Conflict::Manifest(other.clone())));
                continue;
            }
            // Of subtitles nothing is noted: they are ours if the clip is.
            let beside = one.beside.as_ref().filter(|_| row.is_none());
            if let Some(beside) = beside.filter(|name| self.output_dir.join(name).exists()) {
                found.push((one.out.clone(), Conflict::File(beside.clone())));
            } else if path.exists() && !row.is_some_and(|r| r.made.is_at(&path)) {
                found.push((one.out.clone(), Conflict::File(one.out.clone())));
            }
        }
        Ok(found)
    }

    /// Makes `wanted` this manifest's jobs: what is finished and unchanged is
    /// kept, everything else waits, what is wanted no longer is forgotten.
    ///
    /// # Errors
    /// When the store fails; then nothing has changed.
    pub fn submit(&mut self, wanted: &[Submission]) -> Result<Tally, QueueError> {
        let mut kept: HashSet<&str> = HashSet::new();
        for one in wanted {
            let path = self.output_dir.join(&one.out);
            if let Some(row) = self.standing(&one.out)?
                && row.state == "done"
                && row.content == one.content
                && row.made.is_at(&path)
                && one.beside_is_in(&self.output_dir)
            {
                kept.insert(&one.out);
            }
        }
        let manifest = self.manifest.clone();
        let only = self.only.is_some();
        let names: HashSet<&str> = wanted.iter().map(|w| w.out.as_str()).collect();
        self.write(|t| {
            let mut gone = Vec::new();
            {
                let mut mine = t.prepare("SELECT out FROM jobs WHERE manifest = ?1")?;
                for out in mine.query_map([&manifest], |r| r.get::<_, String>(0))? {
                    let out = out?;
                    if !only && !names.contains(out.as_str()) {
                        gone.push(out);
                    }
                }
            }
            for out in gone {
                // What was made stays ours, so that it may be replaced one day.
                t.execute("UPDATE jobs SET manifest = NULL WHERE out = ?1", [&out])?;
            }
            let mut put = t.prepare(
                "INSERT INTO jobs (out, seq, manifest, content, warm, job, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'waiting')
                 ON CONFLICT (out) DO UPDATE SET
                     state = CASE
                         WHEN content = excluded.content AND (?7 OR state = 'running') THEN state
                         ELSE 'waiting' END,
                     token = CASE WHEN content = excluded.content THEN token END,
                     seq = excluded.seq, manifest = excluded.manifest,
                     content = excluded.content, warm = excluded.warm, job = excluded.job,
                     attempts = 0, not_before_ms = 0, error = NULL",
            )?;
            for one in wanted {
                let keep = kept.contains(one.out.as_str());
                put.execute(params![
                    one.out,
                    one.number as i64,
                    manifest,
                    one.content,
                    one.warm,
                    one.order,
                    keep
                ])?;
            }
            Ok(())
        })?;
        self.tally()
    }

    fn standing(&self, out: &str) -> Result<Option<Standing>, QueueError> {
        let read = || -> rusqlite::Result<Option<Standing>> {
            self.db
                .prepare(&format!(
                    "SELECT {MADE}, state, content, manifest FROM jobs WHERE out = ?1"
                ))?
                .query_row([out], |r| {
                    Ok(Standing {
                        made: made(r)?,
                        state: r.get("state")?,
                        content: r.get("content")?,
                        manifest: r.get("manifest")?,
                    })
                })
                .optional()
        };
        read().map_err(|e| self.error(&e))
    }
}
