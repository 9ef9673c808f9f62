-- Evaluations: of a job's final model on its validation and test rows, and those that clients ask
-- for, of any model on any file. Documents are JSON objects.

CREATE TABLE job_evaluations (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    job_seq  INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    part     TEXT NOT NULL CHECK (part IN ('validation', 'test')),
    document TEXT NOT NULL,
    UNIQUE (job_seq, part)
) STRICT;

CREATE TABLE evaluations (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    status        TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    model         TEXT NOT NULL, -- ids, no foreign keys: models and files may go
    file          TEXT NOT NULL,
    compare_to    TEXT,
    attempt       INTEGER NOT NULL DEFAULT 0,
    error_code    TEXT,
    error_message TEXT,
    error_param   TEXT,
    document      TEXT
) STRICT;

CREATE INDEX evaluations_by_status ON evaluations (status, seq);
