-- The least and the greatest value of each metric in runs of steps, at several widths, so that a series
-- of any length can be thinned without reading it: a bucket of a level holds 8 * 4^level steps.
-- Kept by metrics.c when points are written or cut off.

CREATE TABLE metric_buckets (
    job_seq  INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    level    INTEGER NOT NULL,
    bucket   INTEGER NOT NULL, -- step / (8 * 4^level)
    extremes TEXT NOT NULL, -- {"train_loss":[step of the least, the least, step of the greatest, it],…}
    PRIMARY KEY (job_seq, level, bucket)
) STRICT, WITHOUT ROWID;

-- Points that are there already: the narrowest buckets from the points, the others from those. SQL rounds
-- the values to 15 digits here; they only serve to find the steps.
INSERT INTO metric_buckets (job_seq, level, bucket, extremes)
SELECT job_seq, 0, bucket, json_group_object(name, json_array(low_step, low, high_step, high))
FROM (
    SELECT job_seq, bucket, name,
           max(iif(from_low = 1, step, NULL)) AS low_step, min(value) AS low,
           max(iif(from_high = 1, step, NULL)) AS high_step, max(value) AS high
    FROM (
        SELECT p.job_seq AS job_seq, p.step / 8 AS bucket, p.step AS step, m.key AS name,
               m.value AS value,
               row_number() OVER (PARTITION BY p.job_seq, p.step / 8, m.key
                                  ORDER BY m.value, p.step) AS from_low,
               row_number() OVER (PARTITION BY p.job_seq, p.step / 8, m.key
                                  ORDER BY m.value DESC, p.step) AS from_high
        FROM metric_points AS p, json_each(p.measures) AS m
        WHERE m.type IN ('integer', 'real')
    )
    GROUP BY job_seq, bucket, name
)
GROUP BY job_seq, bucket;

INSERT INTO metric_buckets (job_seq, level, bucket, extremes)
WITH levels (level, narrow) AS (
    VALUES (1, 4), (2, 16), (3, 64), (4, 256), (5, 1024), (6, 4096), (7, 16384), (8, 65536)
),
parts AS (
    SELECT b.job_seq AS job_seq, l.level AS level, b.bucket / l.narrow AS bucket, e.key AS name,
           json_extract(e.value, '$[0]') AS low_step, json_extract(e.value, '$[1]') AS low,
           json_extract(e.value, '$[2]') AS high_step, json_extract(e.value, '$[3]') AS high
    FROM metric_buckets AS b, levels AS l, json_each(b.extremes) AS e
    WHERE b.level = 0
)
SELECT job_seq, level, bucket, json_group_object(name, json_array(low_step, low, high_step, high))
FROM (
    SELECT job_seq, level, bucket, name,
           max(iif(from_low = 1, low_step, NULL)) AS low_step, min(low) AS low,
           max(iif(from_high = 1, high_step, NULL)) AS high_step, max(high) AS high
    FROM (
        SELECT *,
               row_number() OVER (PARTITION BY job_seq, level, bucket, name
                                  ORDER BY low, low_step) AS from_low,
               row_number() OVER (PARTITION BY job_seq, level, bucket, name
                                  ORDER BY high DESC, high_step) AS from_high
        FROM parts
    )
    GROUP BY job_seq, level, bucket, name
)
GROUP BY job_seq, level, bucket;
