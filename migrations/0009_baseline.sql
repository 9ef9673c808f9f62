-- What simple models say of the rows that a job's model was measured on, as a JSON object.

ALTER TABLE jobs ADD COLUMN baseline TEXT;
