-- Resume states: what an interrupted job goes on from. The folder jobs/<id>/resume/step-<step> (or
-- …-pending) is in place before its row, and goes after it.

CREATE TABLE resume_states (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    job_seq    INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    step       INTEGER NOT NULL,
    pending    INTEGER NOT NULL CHECK (pending IN (0, 1)), -- what follows the step is yet to come
    created_at INTEGER NOT NULL,
    UNIQUE (job_seq, step, pending)
) STRICT;

CREATE INDEX resume_states_by_job ON resume_states (job_seq, seq);
