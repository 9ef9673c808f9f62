/* Every SQL statement of the program; see statements.h. "older" and "newer" are seen from a cursor.
 */
#include "daemon/store/statements.h"

#include "daemon/store/columns.h"

/* Named, lest statistics make the planner read all jobs for the few that have not ended. */
#define UNFINISHED                                                                                 \
    "jobs INDEXED BY jobs_by_status"                                                               \
    " WHERE status IN ('queued', 'running', 'pausing', 'paused')"

#define UNFINISHED_EVALUATIONS                                                                     \
    "evaluations INDEXED BY evaluations_by_status WHERE status IN ('queued', 'running')"

#define SELECT_FILE   "SELECT" FILE_COLUMNS(COLUMN_TEXT_OF) FILE_LAST " FROM files"
#define SELECT_UPLOAD "SELECT" UPLOAD_COLUMNS(COLUMN_TEXT_OF) UPLOAD_LAST " FROM uploads"
#define SELECT_PART   "SELECT" PART_COLUMNS(COLUMN_TEXT_OF) PART_LAST " FROM upload_parts"
#define SELECT_EVENT  "SELECT" EVENT_COLUMNS(COLUMN_TEXT_OF) EVENT_LAST " FROM events"
#define SELECT_POINT  "SELECT" POINT_COLUMNS(COLUMN_TEXT_OF) POINT_LAST " FROM metric_points"
#define SELECT_MODEL  "SELECT" MODEL_COLUMNS(COLUMN_TEXT_OF) MODEL_LAST " FROM models"
#define SELECT_CHECKPOINT                                                                          \
    "SELECT" CHECKPOINT_COLUMNS(COLUMN_TEXT_OF) CHECKPOINT_LAST                                    \
        " FROM checkpoints AS c JOIN jobs AS j ON j.seq = c.job_seq"
#define SELECT_JOB_FIELDS "SELECT" JOB_COLUMNS(COLUMN_TEXT_OF) JOB_LAST
#define SELECT_JOB        SELECT_JOB_FIELDS " FROM jobs AS j"

#define SELECT_EVALUATION                                                                          \
    "SELECT" EVALUATION_COLUMNS(COLUMN_TEXT_OF) EVALUATION_LAST " FROM evaluations"

/* The same with measures in place of documents, under the name that the columns have. */
#define SELECT_EVALUATION_SHORT                                                                    \
    "SELECT" EVALUATION_COLUMNS(COLUMN_TEXT_OF) EVALUATION_LAST                                    \
        " FROM (SELECT seq, id, status, created_at, started_at, finished_at, model, file,"         \
        " compare_to, attempt, error_code, error_message, error_param, json_remove(document,"      \
        " '$.per_class', '$.confusion', '$.calibration', '$.errors') AS document FROM evaluations"

/* The first filter finds the jobs, the others (pairs in a JSON array) are looked up for each. */
#define SELECT_JOB_OF_METADATA                                                                     \
    SELECT_JOB_FIELDS                                                                              \
    " FROM job_metadata AS m CROSS JOIN jobs AS j ON j.seq = m.job_seq"                            \
    " WHERE m.key = :key AND m.value = :value AND NOT EXISTS (SELECT 1 FROM json_each(:others) AS" \
    " o WHERE NOT EXISTS (SELECT 1 FROM job_metadata AS n WHERE n.key = json_extract(o.value,"     \
    " '$[0]') AND n.value = json_extract(o.value, '$[1]') AND n.job_seq = m.job_seq))"

/* The first job in the order of their ends that ended long ago and stands behind a place. */
#define OLD_JOB                                                                                    \
    "SELECT j.finished_at, j.seq, j.id FROM jobs AS j INDEXED BY jobs_by_end"                      \
    " WHERE j.finished_at <= :limit AND (j.finished_at, j.seq) > (:at, :after)"
#define OLD_JOB_ORDER " ORDER BY j.finished_at, j.seq LIMIT 1"

/* Has a job that was found so not been sent into the queue again? */
#define JOB_HAS_ENDED "EXISTS (SELECT 1 FROM jobs WHERE seq = :job AND finished_at IS NOT NULL)"

/* A member of the JSON list of a model's files. */
#define STORED_FILE                                                                                \
    "json_extract(f.value, '$.name'), json_extract(f.value, '$.bytes'),"                           \
    " json_extract(f.value, '$.sha256')"

/* Does our own JSON of measures hold one of the plain names in the array? */
#define HAS_NAME(json)                                                                             \
    "EXISTS (SELECT 1 FROM json_each(:names) AS n WHERE instr(" json ", '\"' || n.value || "       \
    "'\":'))"

static const char *const texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",

    [STATEMENT_APPLICATION_ID] = "PRAGMA application_id",
    [STATEMENT_TABLES_COUNT] = "SELECT count(*) FROM sqlite_schema",
    [STATEMENT_FOREIGN_KEY_CHECK] = "PRAGMA foreign_key_check",
    [STATEMENT_MIGRATIONS_ALL] = "SELECT number, sha256 FROM migrations ORDER BY number",
    [STATEMENT_MIGRATION_INSERT] = "INSERT INTO migrations (number, name, sha256, applied_at)"
                                   " VALUES (:number, :name, :sha256, :applied_at)",

    [STATEMENT_FILE_INSERT] =
        "INSERT INTO files (id, created_at, bytes, filename, purpose, sha256, status_details,"
        " expires_at) VALUES (:id, :created_at, :bytes, :filename, :purpose, :sha256,"
        " :status_details, :expires_at) RETURNING seq",
    [STATEMENT_FILE_GET] = SELECT_FILE " WHERE id = :id",
    [STATEMENT_FILE_SEQ] = "SELECT seq FROM files WHERE id = :id",
    [STATEMENT_FILES_OLDER] = SELECT_FILE " WHERE seq < :cursor ORDER BY seq DESC LIMIT :limit",
    [STATEMENT_FILES_NEWER] = SELECT_FILE " WHERE seq > :cursor ORDER BY seq LIMIT :limit",
    [STATEMENT_FILES_OF_PURPOSE_OLDER] =
        SELECT_FILE " WHERE purpose = :purpose AND seq < :cursor ORDER BY seq DESC LIMIT :limit",
    [STATEMENT_FILES_OF_PURPOSE_NEWER] =
        SELECT_FILE " WHERE purpose = :purpose AND seq > :cursor ORDER BY seq LIMIT :limit",
    [STATEMENT_FILES_COUNT] = "SELECT count(*) FROM files",
    [STATEMENT_FILES_OF_PURPOSE_COUNT] = "SELECT count(*) FROM files WHERE purpose = :purpose",
    [STATEMENT_FILE_USER] =
        "SELECT 'job', id FROM " UNFINISHED
        " AND :id IN (training_file, validation_file, test_file)"
        " UNION ALL SELECT 'evaluation', id FROM " UNFINISHED_EVALUATIONS " AND file = :id LIMIT 1",
    [STATEMENT_FILE_DELETE] = "DELETE FROM files WHERE id = :id RETURNING seq",
    [STATEMENT_FILES_EXPIRED] =
        "SELECT f.id FROM files AS f WHERE f.expires_at <= :now AND NOT EXISTS (SELECT 1"
        " FROM " UNFINISHED " AND f.id IN (training_file, validation_file, test_file))"
        " AND NOT EXISTS (SELECT 1 FROM " UNFINISHED_EVALUATIONS " AND file = f.id)"
        " ORDER BY f.expires_at LIMIT 1",

    [STATEMENT_UPLOAD_INSERT] =
        "INSERT INTO uploads (id, status, created_at, expires_at, bytes, filename, purpose,"
        " expires_after) VALUES (:id, 'pending', :created_at, :expires_at, :bytes,"
        " :filename, :purpose, :expires_after) RETURNING seq",
    [STATEMENT_UPLOAD_GET] = SELECT_UPLOAD " WHERE id = :id",
    [STATEMENT_UPLOAD_END] = "UPDATE uploads SET status = :status"
                             " WHERE id = :id AND status = 'pending'",
    [STATEMENT_UPLOAD_EXPIRED] = "SELECT id FROM uploads WHERE status = 'pending'"
                                 " AND expires_at <= :now LIMIT 1",
    [STATEMENT_UPLOAD_IS_PENDING] = "SELECT seq FROM uploads WHERE id = :id AND status = 'pending'",
    [STATEMENT_UPLOAD_OLD] =
        "SELECT seq FROM uploads WHERE status IN ('completed', 'cancelled', 'expired')"
        " AND expires_at <= :before LIMIT 1",
    [STATEMENT_UPLOADS_COUNT] = "SELECT count(*) FROM uploads WHERE status = 'pending'",
    [STATEMENT_UPLOADS_FORGET] =
        "DELETE FROM uploads WHERE status IN ('completed', 'cancelled', 'expired')"
        " AND expires_at <= :before",
    [STATEMENT_UPLOAD_PART_INSERT] = "INSERT INTO upload_parts (upload_seq, id, created_at, bytes)"
                                     " VALUES (:upload, :id, :created_at, :bytes) RETURNING seq",
    [STATEMENT_UPLOAD_PARTS] = SELECT_PART " WHERE upload_seq = :upload ORDER BY seq LIMIT :limit",
    [STATEMENT_UPLOAD_PARTS_SUM] =
        "SELECT count(*), coalesce(sum(bytes), 0) FROM upload_parts WHERE upload_seq = :upload",

    [STATEMENT_EVALUATION_INSERT] =
        "INSERT INTO evaluations (id, status, created_at, model, file, compare_to)"
        " VALUES (:id, 'queued', :created_at, :model, :file, :compare_to) RETURNING seq",
    [STATEMENT_EVALUATION_GET] = SELECT_EVALUATION " WHERE id = :id",
    [STATEMENT_EVALUATION_SEQ] = "SELECT seq FROM evaluations WHERE id = :id",
    [STATEMENT_EVALUATIONS_OLDER] =
        SELECT_EVALUATION_SHORT " WHERE seq < :cursor ORDER BY seq DESC LIMIT :limit)",
    [STATEMENT_EVALUATIONS_NEWER] =
        SELECT_EVALUATION_SHORT " WHERE seq > :cursor ORDER BY seq LIMIT :limit)",
    [STATEMENT_EVALUATIONS_WAITING] =
        "SELECT count(*) FROM evaluations WHERE status IN ('queued', 'running')",
    [STATEMENT_EVALUATION_DELETE] = "DELETE FROM evaluations WHERE id = :id RETURNING seq",
    [STATEMENT_EVALUATION_FIRST] =
        "SELECT id FROM evaluations INDEXED BY evaluations_by_status WHERE status = 'queued'"
        " ORDER BY seq LIMIT 1",
    [STATEMENT_EVALUATION_CLAIM] = "UPDATE evaluations SET status = 'running',"
                                   " attempt = attempt + 1, started_at = :now WHERE id = :id",
    [STATEMENT_EVALUATION_FINISH] =
        "UPDATE evaluations SET status = :status, finished_at = :now, document = :document,"
        " error_code = :error_code, error_message = :error_message, error_param = :error_param"
        " WHERE id = :id AND attempt = :attempt AND status = 'running'",
    [STATEMENT_EVALUATION_GIVE_BACK] =
        "UPDATE evaluations SET status = 'queued', attempt = attempt - 1, started_at = NULL"
        " WHERE id = :id AND attempt = :attempt AND status = 'running'",
    [STATEMENT_EVALUATIONS_CRASHED] =
        "UPDATE evaluations SET status = 'failed', finished_at = :now, error_code = 'crashed',"
        " error_message = 'The daemon ended ' || attempt || ' times while it computed this.'"
        " WHERE status = 'running' AND attempt >= :most",
    [STATEMENT_EVALUATIONS_REQUEUE] =
        "UPDATE evaluations SET status = 'queued', started_at = NULL WHERE status = 'running'",
    [STATEMENT_JOB_EVALUATION_INSERT] =
        "INSERT INTO job_evaluations (job_seq, part, document) VALUES (:job, :part, :document)",
    [STATEMENT_JOB_EVALUATION_GET] =
        "SELECT document FROM job_evaluations WHERE job_seq = :job AND part = :part",

    [STATEMENT_EVENT_INSERT] =
        "INSERT INTO events (job_seq, id, created_at, code, level, type, message, data)"
        " VALUES (:job, :id, :created_at, :code, :level, :type, :message, :data)",
    [STATEMENT_EVENT_SEQ] = "SELECT seq FROM events WHERE id = :id AND job_seq = :job",
    [STATEMENT_EVENTS_OLDER] =
        SELECT_EVENT " WHERE job_seq = :job AND seq < :cursor ORDER BY seq DESC LIMIT :limit",
    [STATEMENT_EVENTS_NEWER] =
        SELECT_EVENT " WHERE job_seq = :job AND seq > :cursor ORDER BY seq LIMIT :limit",

    [STATEMENT_POINT_INSERT] =
        "INSERT INTO metric_points (job_seq, step, epoch, created_at, measures)"
        " VALUES (:job, :step, :epoch, :created_at, :measures)"
        " ON CONFLICT (job_seq, step) DO UPDATE"
        " SET measures = json_patch(measures, excluded.measures)",
    [STATEMENT_POINTS_AFTER] =
        SELECT_POINT " WHERE job_seq = :job AND step > :after ORDER BY step LIMIT :limit",
    /* Buckets of 32 steps say where a name is, so that rare ones need not be looked for. */
    [STATEMENT_POINTS_NAMED_AFTER] = "SELECT" POINT_COLUMNS(
        COLUMN_TEXT_OF) " p.step FROM metric_buckets AS b CROSS JOIN"
                        " metric_points AS p ON p.job_seq = b.job_seq AND p.step BETWEEN b.bucket "
                        "* 32 AND"
                        " b.bucket * 32 + 31 WHERE b.job_seq = :job AND b.level = 1 AND b.bucket "
                        ">= :after / 32"
                        " AND p.step > :after AND " HAS_NAME("b.extremes") " AND " HAS_NAME(
                            "p.measures") " ORDER BY b.bucket, p.step LIMIT :limit",
    [STATEMENT_POINT_LAST_STEP] =
        "SELECT step FROM metric_points WHERE job_seq = :job ORDER BY step DESC LIMIT 1",
    [STATEMENT_POINTS_DELETE_AFTER] =
        "DELETE FROM metric_points WHERE job_seq = :job AND step > :step",
    [STATEMENT_POINTS_BETWEEN] =
        SELECT_POINT " WHERE job_seq = :job AND step BETWEEN :first AND :last ORDER BY step"
                     " LIMIT :limit",
    [STATEMENT_POINT_FIRST_STEP] =
        "SELECT step FROM metric_points WHERE job_seq = :job AND step > :after"
        " ORDER BY step LIMIT 1",

    [STATEMENT_BUCKET_GET] = "SELECT extremes FROM metric_buckets"
                             " WHERE job_seq = :job AND level = :level AND bucket = :bucket",
    [STATEMENT_BUCKET_PUT] =
        "INSERT INTO metric_buckets (job_seq, level, bucket, extremes)"
        " VALUES (:job, :level, :bucket, :extremes)"
        " ON CONFLICT (job_seq, level, bucket) DO UPDATE SET extremes = excluded.extremes",
    [STATEMENT_BUCKETS_BETWEEN] =
        "SELECT extremes, bucket FROM metric_buckets WHERE job_seq = :job AND level = :level"
        " AND bucket BETWEEN :first AND :last ORDER BY bucket",
    [STATEMENT_BUCKETS_DELETE_FROM] =
        "DELETE FROM metric_buckets WHERE job_seq = :job AND level = :level AND bucket >= :first",

    [STATEMENT_MODEL_INSERT] =
        "INSERT INTO models (id, created_at, job_id, base, root, task, hidden_size, layers,"
        " parameters, max_seq_length, stride, files) VALUES (:id, :created_at, :job_id, :base,"
        " :root, :task, :hidden_size, :layers, :parameters, :max_seq_length, :stride, :files)"
        " RETURNING seq",
    [STATEMENT_MODEL_GET] = SELECT_MODEL " WHERE id = :id",
    [STATEMENT_MODEL_EXISTS] = "SELECT seq FROM models WHERE id = :id",
    [STATEMENT_MODEL_OF_JOB] = "SELECT seq FROM models WHERE job_id = :id",
    [STATEMENT_MODELS_ALL] = SELECT_MODEL " ORDER BY seq DESC",
    [STATEMENT_MODEL_USER] = "SELECT 'job', id FROM " UNFINISHED " AND model = :id UNION ALL"
                             " SELECT 'evaluation', id FROM " UNFINISHED_EVALUATIONS
                             " AND :id IN (model, compare_to) LIMIT 1",
    [STATEMENT_MODEL_DELETE] = "DELETE FROM models WHERE id = :id RETURNING seq",

    [STATEMENT_CHECKPOINT_INSERT] =
        "INSERT INTO checkpoints (job_seq, id, created_at, model, step, hidden_size, layers,"
        " parameters, max_seq_length, stride, measures, files) VALUES (:job, :id, :created_at,"
        " :model, :step, :hidden_size, :layers, :parameters, :max_seq_length, :stride, :measures,"
        " :files) RETURNING seq",
    [STATEMENT_CHECKPOINT_BY_MODEL] = SELECT_CHECKPOINT " WHERE c.model = :model",
    [STATEMENT_CHECKPOINT_BY_STEP] =
        "SELECT seq FROM checkpoints WHERE job_seq = :job AND step = :step",
    [STATEMENT_CHECKPOINT_MODEL_EXISTS] = "SELECT seq FROM checkpoints WHERE model = :id",
    [STATEMENT_CHECKPOINT_SEQ] = "SELECT seq FROM checkpoints WHERE id = :id AND job_seq = :job",
    [STATEMENT_CHECKPOINT_MODEL] = "SELECT model FROM checkpoints WHERE id = :id",
    [STATEMENT_CHECKPOINTS_OLDER] = SELECT_CHECKPOINT
    " WHERE c.job_seq = :job AND c.seq < :cursor ORDER BY c.seq DESC LIMIT :limit",
    [STATEMENT_CHECKPOINTS_NEWER] =
        SELECT_CHECKPOINT " WHERE c.job_seq = :job AND c.seq > :cursor ORDER BY c.seq LIMIT :limit",
    [STATEMENT_CHECKPOINTS_AFTER_STEP] = SELECT_CHECKPOINT
    " WHERE c.job_seq = :job AND c.step > :after ORDER BY c.step LIMIT :limit",
    [STATEMENT_CHECKPOINT_DELETE] = "DELETE FROM checkpoints WHERE id = :id",
    [STATEMENT_CHECKPOINTS_DELETE_AFTER] =
        "DELETE FROM checkpoints WHERE job_seq = :job AND step > :step"
        " AND model NOT IN (SELECT model FROM " UNFINISHED ") AND NOT EXISTS (SELECT 1"
        " FROM " UNFINISHED_EVALUATIONS
        " AND checkpoints.model IN (evaluations.model, compare_to))",

    [STATEMENT_RESUME_STATE_INSERT] =
        "INSERT INTO resume_states (job_seq, step, pending, created_at)"
        " VALUES (:job, :step, :pending, :created_at)",
    [STATEMENT_RESUME_STATE_SEQ] =
        "SELECT seq FROM resume_states WHERE job_seq = :job AND step = :step"
        " AND pending = :pending",
    [STATEMENT_RESUME_STATES_OF_JOB] =
        "SELECT seq, step, pending FROM resume_states WHERE job_seq = :job"
        " ORDER BY seq DESC LIMIT :limit",
    [STATEMENT_RESUME_STATE_DELETE] = "DELETE FROM resume_states WHERE seq = :seq",
    [STATEMENT_RESUME_STATES_DELETE_AFTER] =
        "DELETE FROM resume_states WHERE job_seq = :job AND seq > :after",

    [STATEMENT_JOB_INSERT] =
        "INSERT INTO jobs (id, status, created_at, model, root_model, training_file,"
        " validation_file, test_file, suffix, seed, metadata, request, parameters, task, labels,"
        " priority, total_steps, epoch_rows, estimated_memory_bytes, estimated_disk_bytes)"
        " VALUES (:id, 'queued', :created_at,"
        " :model, :root_model, :training_file, :validation_file, :test_file, :suffix, :seed,"
        " :metadata, :request, :parameters, :task, :labels, :priority, :total_steps, :epoch_rows,"
        " :estimated_memory_bytes, :estimated_disk_bytes) RETURNING seq",
    [STATEMENT_JOB_GET] = SELECT_JOB " WHERE j.id = :id",
    [STATEMENT_JOB_BY_SEQ] = SELECT_JOB " WHERE j.seq = :job",
    [STATEMENT_JOB_SEQ] = "SELECT seq FROM jobs WHERE id = :id",
    [STATEMENT_JOB_STATE] = "SELECT seq, status, attempt FROM jobs WHERE id = :id",
    [STATEMENT_JOB_SHORT_ID_TAKEN] =
        "SELECT seq FROM jobs WHERE substr(id, 7, 8) = substr(:id, 7, 8)",
    [STATEMENT_JOB_REQUEST] = "SELECT request FROM jobs WHERE id = :id",
    [STATEMENT_JOBS_OLDER] = SELECT_JOB " WHERE j.seq < :cursor ORDER BY j.seq DESC LIMIT :limit",
    [STATEMENT_JOBS_NEWER] = SELECT_JOB " WHERE j.seq > :cursor ORDER BY j.seq LIMIT :limit",
    [STATEMENT_JOBS_OF_METADATA_OLDER] =
        SELECT_JOB_OF_METADATA " AND m.job_seq < :cursor ORDER BY m.job_seq DESC LIMIT :limit",
    [STATEMENT_JOBS_OF_METADATA_NEWER] =
        SELECT_JOB_OF_METADATA " AND m.job_seq > :cursor ORDER BY m.job_seq LIMIT :limit",
    [STATEMENT_JOBS_COUNT] = "SELECT count(*) FROM jobs WHERE status = :status",
    [STATEMENT_QUEUE_HEAD] =
        "SELECT seq, id, estimated_memory_bytes, estimated_disk_bytes, overtaken, waits_for"
        " FROM jobs INDEXED BY jobs_by_status WHERE status = 'queued'"
        " ORDER BY priority DESC, seq LIMIT :limit",
    [STATEMENT_QUEUE_ORDER] = "SELECT seq FROM jobs INDEXED BY jobs_by_status"
                              " WHERE status = 'queued' AND priority = :priority"
                              " AND seq >= :job ORDER BY seq",
    [STATEMENT_QUEUE_ORDER_BELOW] = "SELECT seq FROM jobs INDEXED BY jobs_by_status"
                                    " WHERE status = 'queued' AND priority < :priority"
                                    " ORDER BY priority DESC, seq",
    [STATEMENT_QUEUE_POSITION] =
        "SELECT 1 + (SELECT count(*) FROM jobs AS a INDEXED BY jobs_by_status"
        " WHERE a.status = 'queued' AND a.priority > :priority)"
        " + (SELECT count(*) FROM jobs AS a INDEXED BY jobs_by_status"
        " WHERE a.status = 'queued' AND a.priority = :priority AND a.seq < :job)",
    [STATEMENT_QUEUE_IS_PAUSED] = "SELECT paused_at IS NOT NULL FROM queue WHERE id = 1",
    [STATEMENT_QUEUE_GET] =
        "SELECT paused_at, (SELECT count(*) FROM jobs WHERE status = 'queued'),"
        " (SELECT count(*) FROM jobs WHERE status = 'running'),"
        " (SELECT count(*) FROM jobs WHERE status = 'pausing'),"
        " (SELECT count(*) FROM jobs WHERE status = 'paused') FROM queue WHERE id = 1",
    [STATEMENT_QUEUE_SET_PAUSED] =
        "UPDATE queue SET paused_at = iif(:paused, coalesce(paused_at, :now), NULL) WHERE id = 1",
    [STATEMENT_JOBS_LOAD] =
        "SELECT count(*), coalesce(sum(max(estimated_memory_bytes, 0)), 0),"
        " coalesce(sum(max(estimated_disk_bytes, 0)), 0)"
        " FROM jobs INDEXED BY jobs_by_status WHERE status IN ('running', 'pausing')",
    [STATEMENT_JOB_WAITS] = "UPDATE jobs SET waits_for = :reason,"
                            " overtaken = overtaken + :overtaken WHERE seq = :job",
    [STATEMENT_JOB_CLAIM] =
        "UPDATE jobs SET status = 'running', attempt = attempt + 1, started_at = :now,"
        " waits_for = NULL, overtaken = 0 WHERE seq = :job AND status = 'queued'",
    [STATEMENT_JOB_CHANGE] =
        "UPDATE jobs SET status = :to, finished_at = :finished_at, error_code = :error_code,"
        " error_message = :error_message, error_param = :error_param"
        " WHERE seq = :job AND status = :from",
    [STATEMENT_JOB_PATCH] = "UPDATE jobs SET priority = iif(:has_priority, :priority, priority),"
                            " metadata = iif(:has_metadata, :metadata, metadata) WHERE seq = :job",
    [STATEMENT_JOB_PARTS] = "SELECT seq, priority, model, training_file, validation_file, test_file"
                            " FROM jobs WHERE id = :id",
    [STATEMENT_JOB_FORGET_ENDS] = "UPDATE jobs SET crashes = 0, idle_ends = 0, waits_for = NULL,"
                                  " overtaken = 0 WHERE seq = :job",
    [STATEMENT_JOB_CHECKPOINT_USER] =
        "SELECT 'job', id FROM " UNFINISHED
        " AND model IN (SELECT model FROM checkpoints WHERE job_seq = :job)"
        " UNION ALL SELECT 'evaluation', id FROM " UNFINISHED_EVALUATIONS
        " AND EXISTS (SELECT 1 FROM checkpoints AS c WHERE c.job_seq = :job"
        " AND c.model IN (evaluations.model, compare_to)) LIMIT 1",
    [STATEMENT_JOB_DELETE] = "DELETE FROM jobs WHERE seq = :job",
    [STATEMENT_JOB_INTERRUPTED_FIRST] =
        "SELECT seq, id, status, attempt, crashes, idle_ends FROM jobs INDEXED BY jobs_by_status"
        " WHERE status IN ('running', 'pausing') LIMIT 1",
    [STATEMENT_JOB_RESUME_SEEN] = "SELECT resume_seen, coalesce((SELECT max(seq) FROM resume_states"
                                  " WHERE job_seq = :job), 0) FROM jobs WHERE seq = :job",
    [STATEMENT_JOB_COUNT_END] =
        "UPDATE jobs SET crashes = :crashes, idle_ends = :idle_ends, resume_seen = :resume_seen"
        " WHERE seq = :job",
    [STATEMENT_JOB_LEASE] = "SELECT seq FROM jobs WHERE seq = :job AND attempt = :attempt"
                            " AND status IN ('running', 'pausing')",
    [STATEMENT_JOB_SET_RUN] =
        "UPDATE jobs SET engine = coalesce(:engine, engine),"
        " precision = coalesce(:precision, precision),"
        " numerics_key = coalesce(:numerics_key, numerics_key),"
        " base_sha256 = coalesce(:base_sha256, base_sha256), threads = :threads"
        " WHERE seq = :job",
    [STATEMENT_JOB_SET_LATEST] = "UPDATE jobs SET latest = :latest WHERE seq = :job",
    [STATEMENT_JOB_REWIND] =
        "UPDATE jobs SET step = :step,"
        " epoch = iif(:step = 0, 0, epoch), seconds_elapsed = iif(:step = 0, 0, seconds_elapsed),"
        " rows_per_second = iif(:step = 0, 0, rows_per_second),"
        " tokens_per_second = iif(:step = 0, 0, tokens_per_second),"
        " trained_tokens = iif(:step = 0, 0, trained_tokens),"
        " peak_memory_bytes = iif(:step = 0, -1, peak_memory_bytes),"
        " latest = iif(:step = 0, '{}', latest)"
        " WHERE seq = :job",
    [STATEMENT_JOB_FLUSH] =
        "UPDATE jobs SET step = :step, total_steps = :total_steps, epoch = :epoch,"
        " seconds_elapsed = :seconds_elapsed, rows_per_second = :rows_per_second,"
        " tokens_per_second = :tokens_per_second, trained_tokens = :trained_tokens,"
        " peak_memory_bytes = :peak_memory_bytes, latest = json_patch(latest, :latest)"
        " WHERE seq = :job",
    [STATEMENT_JOB_SUCCEED] =
        "UPDATE jobs SET status = 'succeeded', finished_at = :now, fine_tuned_model = :model"
        " WHERE seq = :job",
    [STATEMENT_JOB_SET_RESULT] = "UPDATE jobs SET result_file = :file WHERE seq = :job",
    [STATEMENT_JOB_SET_BASELINE] = "UPDATE jobs SET baseline = :baseline WHERE seq = :job",

    [STATEMENT_STORED_RESUME_STATES] = "SELECT j.id, r.step, r.pending FROM resume_states AS r"
                                       " CROSS JOIN jobs AS j ON j.seq = r.job_seq ORDER BY r.seq",
    [STATEMENT_STORED_CHECKPOINTS] =
        "SELECT j.id, c.step, " STORED_FILE " FROM checkpoints AS c"
        " CROSS JOIN jobs AS j ON j.seq = c.job_seq CROSS JOIN json_each(c.files) AS f"
        " ORDER BY c.seq",
    [STATEMENT_STORED_PARTS] =
        "SELECT u.id, p.id, p.bytes FROM uploads AS u"
        " CROSS JOIN upload_parts AS p ON p.upload_seq = u.seq WHERE u.status = 'pending'",
    [STATEMENT_STORED_FILES] = "SELECT id, bytes, sha256 FROM files ORDER BY seq",
    [STATEMENT_STORED_MODELS] = "SELECT m.job_id, " STORED_FILE " FROM models AS m"
                                " CROSS JOIN json_each(m.files) AS f ORDER BY m.seq",
    [STATEMENT_INTEGRITY_CHECK] = "PRAGMA integrity_check",

    [STATEMENT_OLD_JOBS] = OLD_JOB OLD_JOB_ORDER,
    [STATEMENT_OLD_JOBS_WITH_EVENTS] =
        OLD_JOB " AND EXISTS (SELECT 1 FROM events WHERE job_seq = j.seq)" OLD_JOB_ORDER,
    [STATEMENT_OLD_JOBS_WITH_POINTS] =
        OLD_JOB " AND (EXISTS (SELECT 1 FROM metric_points WHERE job_seq = j.seq)"
                " OR EXISTS (SELECT 1 FROM metric_buckets WHERE job_seq = j.seq))" OLD_JOB_ORDER,
    [STATEMENT_OLD_JOBS_WITH_STATES] =
        OLD_JOB " AND EXISTS (SELECT 1 FROM resume_states WHERE job_seq = j.seq)" OLD_JOB_ORDER,
    [STATEMENT_OLD_CHECKPOINTS] =
        "SELECT c.job_seq, j.id, json_extract(j.parameters, '$.metric_for_best_model')"
        " FROM (SELECT job_seq, count(*) AS number FROM checkpoints"
        " WHERE job_seq > :after GROUP BY job_seq HAVING number > :keep ORDER BY job_seq) AS c"
        " CROSS JOIN jobs AS j ON j.seq = c.job_seq WHERE j.finished_at IS NOT NULL LIMIT 1",
    [STATEMENT_OLD_MODELS] = "SELECT created_at, seq, id FROM models INDEXED BY models_by_age"
                             " WHERE created_at <= :limit AND (created_at, seq) > (:at, :after)"
                             " ORDER BY created_at, seq LIMIT 1",
    [STATEMENT_OLD_FILES] = "SELECT created_at, seq, id FROM files INDEXED BY files_by_age"
                            " WHERE created_at <= :limit AND (created_at, seq) > (:at, :after)"
                            " ORDER BY created_at, seq LIMIT 1",
    [STATEMENT_OLD_EVALUATIONS] =
        "SELECT finished_at, seq, id FROM evaluations INDEXED BY evaluations_by_end"
        " WHERE finished_at <= :limit AND (finished_at, seq) > (:at, :after)"
        " ORDER BY finished_at, seq LIMIT 1",
    [STATEMENT_OLD_EVENTS_DELETE] =
        "DELETE FROM events WHERE job_seq = :job AND seq IN (SELECT seq FROM events"
        " WHERE job_seq = :job LIMIT :limit) AND " JOB_HAS_ENDED,
    [STATEMENT_OLD_BUCKETS_DELETE] =
        "DELETE FROM metric_buckets WHERE job_seq = :job AND (level, bucket) IN (SELECT level,"
        " bucket FROM metric_buckets WHERE job_seq = :job LIMIT :limit) AND " JOB_HAS_ENDED,
    [STATEMENT_OLD_POINTS_DELETE] =
        "DELETE FROM metric_points WHERE job_seq = :job AND step IN (SELECT step FROM"
        " metric_points WHERE job_seq = :job ORDER BY step LIMIT :limit) AND " JOB_HAS_ENDED,
    [STATEMENT_OLD_RESUME_STATES_DELETE] =
        "DELETE FROM resume_states WHERE job_seq = :job AND seq IN (SELECT seq FROM resume_states"
        " WHERE job_seq = :job LIMIT :limit) AND " JOB_HAS_ENDED,
};

const char *
statement_text(enum statement statement)
{
    return texts[statement];
}
