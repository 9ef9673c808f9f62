-- What a job is expected to need at its peak, told when it is accepted. Jobs accepted before this have none.

ALTER TABLE jobs ADD COLUMN estimated_memory_bytes INTEGER NOT NULL DEFAULT -1; -- -1: not known
