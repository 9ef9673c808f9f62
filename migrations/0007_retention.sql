-- What old things are found by: the end of a job, the age of a file or model.

CREATE INDEX jobs_by_end ON jobs (finished_at);

CREATE INDEX files_by_age ON files (created_at);

CREATE INDEX models_by_age ON models (created_at);
