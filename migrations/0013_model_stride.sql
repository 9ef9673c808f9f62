-- How many tokens the windows of a longer text share, of models that read texts in windows. Those that are
-- there already were trained with what their jobs say; where the job is gone it is not known.

ALTER TABLE models ADD COLUMN stride INTEGER NOT NULL DEFAULT -1; -- -1: longer texts are cut

ALTER TABLE checkpoints ADD COLUMN stride INTEGER NOT NULL DEFAULT -1; -- the same

UPDATE models SET stride = coalesce(
    (SELECT json_extract(j.parameters, '$.stride') FROM jobs AS j WHERE j.id = models.job_id), -1);

UPDATE checkpoints SET stride = coalesce(
    (SELECT json_extract(j.parameters, '$.stride') FROM jobs AS j WHERE j.seq = checkpoints.job_seq), -1);
