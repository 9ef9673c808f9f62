-- The first schema: files, jobs with their events and metric points, models, checkpoints.
--
-- Times are unix seconds, NULL for "not yet". seq orders: cursors use it, never a clock, and it is
-- never given twice. JSON columns carry no CHECK (json_valid(…)): with trusted_schema off, SQLite 3.40
-- refuses it there; only our own writer fills them.

CREATE TABLE files (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL UNIQUE,
    created_at     INTEGER NOT NULL,
    bytes          INTEGER NOT NULL CHECK (bytes >= 0),
    filename       TEXT NOT NULL,
    purpose        TEXT NOT NULL,
    sha256         TEXT NOT NULL CHECK (length(sha256) = 64),
    status_details TEXT -- the first fault; NULL: processed
) STRICT;

CREATE INDEX files_by_purpose ON files (purpose, seq);

CREATE TABLE jobs (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    id                TEXT NOT NULL UNIQUE,
    status            TEXT NOT NULL
                      CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    created_at        INTEGER NOT NULL,
    started_at        INTEGER,
    finished_at       INTEGER,
    model             TEXT NOT NULL,
    root_model        TEXT NOT NULL,
    -- Ids, not foreign keys: a finished job shows its file also after that is deleted.
    training_file     TEXT NOT NULL,
    validation_file   TEXT,
    test_file         TEXT,
    suffix            TEXT,
    seed              INTEGER NOT NULL,
    metadata          TEXT,
    request           TEXT NOT NULL, -- the body as it came
    parameters        TEXT NOT NULL, -- every value in force
    task              TEXT NOT NULL,
    labels            TEXT NOT NULL, -- id order
    priority          INTEGER NOT NULL,
    attempt           INTEGER NOT NULL DEFAULT 0,
    step              INTEGER NOT NULL DEFAULT 0,
    total_steps       INTEGER NOT NULL DEFAULT 0,
    epoch             REAL NOT NULL DEFAULT 0,
    seconds_elapsed   REAL NOT NULL DEFAULT 0,
    rows_per_second   REAL NOT NULL DEFAULT 0,
    tokens_per_second REAL NOT NULL DEFAULT 0,
    trained_tokens    INTEGER NOT NULL DEFAULT 0,
    peak_memory_bytes INTEGER NOT NULL DEFAULT -1, -- -1: not known
    latest            TEXT NOT NULL DEFAULT '{}', -- of each metric
    engine            TEXT,
    precision         TEXT,
    numerics_key      TEXT,
    base_sha256       TEXT,
    threads           INTEGER NOT NULL DEFAULT 0,
    fine_tuned_model  TEXT,
    error_code        TEXT,
    error_message     TEXT,
    error_param       TEXT
) STRICT;

-- Claims, queue positions, counts, and "is this in use": all of them start from the status.
CREATE INDEX jobs_by_status ON jobs (status, priority DESC, seq);

-- Model ids carry the first 8 random characters of the job id.
CREATE UNIQUE INDEX jobs_by_short_id ON jobs (substr(id, 7, 8));

-- jobs.metadata taken apart, so that filters search instead of reading every job. Kept by triggers.
CREATE TABLE job_metadata (
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    job_seq INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    PRIMARY KEY (key, value, job_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_metadata_by_job ON job_metadata (job_seq);

CREATE TRIGGER jobs_metadata_inserted AFTER INSERT ON jobs WHEN NEW.metadata IS NOT NULL
BEGIN
    INSERT INTO job_metadata (key, value, job_seq)
        SELECT key, CAST(value AS TEXT), NEW.seq FROM json_each(NEW.metadata);
END;

CREATE TRIGGER jobs_metadata_updated AFTER UPDATE OF metadata ON jobs
BEGIN
    DELETE FROM job_metadata WHERE job_seq = OLD.seq;
    INSERT INTO job_metadata (key, value, job_seq)
        SELECT key, CAST(value AS TEXT), NEW.seq FROM json_each(coalesce(NEW.metadata, '{}'));
END;

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    job_seq    INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    id         TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    level      TEXT NOT NULL CHECK (level IN ('info', 'warn', 'error')),
    type       TEXT NOT NULL CHECK (type IN ('message', 'metrics')),
    message    TEXT NOT NULL,
    data       TEXT
) STRICT;

CREATE INDEX events_by_job ON events (job_seq, seq);

CREATE TABLE metric_points (
    job_seq    INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    step       INTEGER NOT NULL,
    epoch      REAL NOT NULL,
    created_at INTEGER NOT NULL,
    measures   TEXT NOT NULL,
    PRIMARY KEY (job_seq, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL UNIQUE,
    created_at     INTEGER NOT NULL,
    job_id         TEXT NOT NULL UNIQUE, -- names the folder; no foreign key: a model outlives its job
    base           TEXT NOT NULL,
    root           TEXT NOT NULL,
    task           TEXT NOT NULL,
    hidden_size    INTEGER NOT NULL,
    layers         INTEGER NOT NULL,
    parameters     INTEGER NOT NULL,
    max_seq_length INTEGER NOT NULL,
    files          TEXT NOT NULL
) STRICT;

CREATE TABLE checkpoints (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    job_seq        INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    id             TEXT NOT NULL UNIQUE,
    created_at     INTEGER NOT NULL,
    model          TEXT NOT NULL UNIQUE,
    step           INTEGER NOT NULL,
    hidden_size    INTEGER NOT NULL,
    layers         INTEGER NOT NULL,
    parameters     INTEGER NOT NULL,
    max_seq_length INTEGER NOT NULL,
    measures       TEXT NOT NULL,
    files          TEXT NOT NULL,
    UNIQUE (job_seq, step)
) STRICT;

CREATE INDEX checkpoints_by_job ON checkpoints (job_seq, seq);
