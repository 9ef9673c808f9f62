-- Uploads in parts, files with an end, the measures of a finished job as a file.

ALTER TABLE files ADD COLUMN expires_at INTEGER; -- NULL: never

CREATE INDEX files_by_end ON files (expires_at);

ALTER TABLE jobs ADD COLUMN result_file TEXT; -- an id, no foreign key: the file may be deleted

CREATE TABLE uploads (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    status        TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled', 'expired')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    bytes         INTEGER NOT NULL CHECK (bytes > 0), -- that the parts must add up to
    filename      TEXT NOT NULL,
    purpose       TEXT NOT NULL,
    mime_type     TEXT,
    expires_after INTEGER NOT NULL, -- of the file that comes of it, seconds; 0: never
    file_id       TEXT
) STRICT;

CREATE INDEX uploads_by_status ON uploads (status, expires_at);

CREATE TABLE upload_parts (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    upload_seq INTEGER NOT NULL REFERENCES uploads (seq) ON DELETE CASCADE,
    id         TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes > 0)
) STRICT;

CREATE INDEX upload_parts_by_upload ON upload_parts (upload_seq, seq);
