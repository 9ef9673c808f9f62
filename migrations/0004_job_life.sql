-- The life of a job: two more states, what is counted about its ends, and a queue that can be paused.
--
-- SQLite cannot change a CHECK, so the table is made anew: same rows, same seq, same indexes and
-- triggers. References of other tables name it, and keep naming it.

CREATE TABLE new_jobs (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    id                TEXT NOT NULL UNIQUE,
    status            TEXT NOT NULL
                      CHECK (status IN ('queued', 'running', 'pausing', 'paused', 'succeeded',
                                        'failed', 'cancelled')),
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
    error_param       TEXT,
    estimated_memory_bytes INTEGER NOT NULL DEFAULT -1, -- at its peak; -1: not known
    estimated_disk_bytes   INTEGER NOT NULL DEFAULT -1, -- the same of the data directory
    waits_for         TEXT, -- what it was last said to wait for; NULL: its turn
    overtaken         INTEGER NOT NULL DEFAULT 0, -- by how many jobs behind it while it waited
    crashes           INTEGER NOT NULL DEFAULT 0, -- ends by a fatal signal in this job's work
    idle_ends         INTEGER NOT NULL DEFAULT 0, -- other ends in a row that brought nothing
    resume_seen       INTEGER NOT NULL DEFAULT 0  -- the newest resume state at the last of them
) STRICT;

INSERT INTO new_jobs (seq, id, status, created_at, started_at, finished_at, model, root_model,
        training_file, validation_file, test_file, suffix, seed, metadata, request, parameters, task,
        labels, priority, attempt, step, total_steps, epoch, seconds_elapsed, rows_per_second,
        tokens_per_second, trained_tokens, peak_memory_bytes, latest, engine, precision,
        numerics_key, base_sha256, threads, fine_tuned_model, error_code, error_message, error_param,
        estimated_memory_bytes)
    SELECT seq, id, status, created_at, started_at, finished_at, model, root_model,
        training_file, validation_file, test_file, suffix, seed, metadata, request, parameters, task,
        labels, priority, attempt, step, total_steps, epoch, seconds_elapsed, rows_per_second,
        tokens_per_second, trained_tokens, peak_memory_bytes, latest, engine, precision,
        numerics_key, base_sha256, threads, fine_tuned_model, error_code, error_message, error_param,
        estimated_memory_bytes
    FROM jobs;

-- A seq is never given twice, not even that of a job which is no more.
DELETE FROM sqlite_sequence WHERE name = 'new_jobs';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_jobs', seq FROM sqlite_sequence WHERE name = 'jobs';

DROP TABLE jobs;
ALTER TABLE new_jobs RENAME TO jobs;

-- Claims, queue positions, counts, and "is this in use": all of them start from the status.
CREATE INDEX jobs_by_status ON jobs (status, priority DESC, seq);

-- Model ids carry the first 8 random characters of the job id.
CREATE UNIQUE INDEX jobs_by_short_id ON jobs (substr(id, 7, 8));

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

-- One row: whether jobs are taken from the queue.
CREATE TABLE queue (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    paused_at INTEGER -- NULL: it is not
) STRICT;

INSERT INTO queue (id) VALUES (1);
