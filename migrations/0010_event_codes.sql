-- What kind of event an event is; what uploads do not need is gone.

ALTER TABLE events ADD COLUMN code TEXT; -- NULL: of a program before kinds had names

CREATE TABLE new_uploads (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    status        TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled', 'expired')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    bytes         INTEGER NOT NULL CHECK (bytes > 0), -- that the parts must add up to
    filename      TEXT NOT NULL,
    purpose       TEXT NOT NULL,
    expires_after INTEGER NOT NULL -- of the file that comes of it, seconds; 0: never
) STRICT;

INSERT INTO new_uploads (seq, id, status, created_at, expires_at, bytes, filename, purpose, expires_after)
SELECT seq, id, status, created_at, expires_at, bytes, filename, purpose, expires_after FROM uploads;

DROP TABLE uploads;
ALTER TABLE new_uploads RENAME TO uploads;

CREATE INDEX uploads_by_status ON uploads (status, expires_at);
