-- The queue of one output folder.
CREATE TABLE IF NOT EXISTS jobs (
    out TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    -- The manifest that wants it; none when it no longer does.
    manifest TEXT,
    content TEXT NOT NULL,
    warm TEXT NOT NULL,
    job TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    worker TEXT,
    token TEXT,
    heartbeat_ms INTEGER NOT NULL DEFAULT 0,
    -- What is in its place, or about to be.
    made_content TEXT,
    sha256 TEXT,
    bytes INTEGER NOT NULL DEFAULT 0,
    modified_nanos INTEGER NOT NULL DEFAULT 0,
    duration_secs REAL NOT NULL DEFAULT 0,
    frames INTEGER NOT NULL DEFAULT 0,
    elapsed_secs REAL NOT NULL DEFAULT 0,
    thumbnail BLOB,
    label TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (manifest, state, seq);
CREATE INDEX IF NOT EXISTS jobs_by_content ON jobs (content, state);
