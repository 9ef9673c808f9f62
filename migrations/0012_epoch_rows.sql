-- How many rows an epoch of a job visits, told when it is accepted: more than the training rows where
-- rare classes are oversampled. Jobs accepted before this have none.

ALTER TABLE jobs ADD COLUMN epoch_rows INTEGER NOT NULL DEFAULT -1; -- -1: not known
