/* Every SQL statement of the program; see statements.h. "older" and "newer" are seen from a cursor.
 */
#include "daemon/store/statements.h"

#include "daemon/store/columns.h"

/* Named, lest statistics make the planner read all jobs for the few that have not ended. */
#define UNFINISHED "jobs INDEXED BY jobs_by_status WHERE status IN ('queued', 'running')"

#define SELECT_FILE  "SELECT" FILE_COLUMNS(COLUMN_TEXT_OF) FILE_LAST " FROM files"
#define SELECT_EVENT "SELECT" EVENT_COLUMNS(COLUMN_TEXT_OF) EVENT_LAST " FROM events"
#define SELECT_POINT "SELECT" POINT_COLUMNS(COLUMN_TEXT_OF) POINT_LAST " FROM metric_points"
#define SELECT_MODEL "SELECT" MODEL_COLUMNS(COLUMN_TEXT_OF) MODEL_LAST " FROM models"
#define SELECT_CHECKPOINT                                                                          \
    "SELECT" CHECKPOINT_COLUMNS(COLUMN_TEXT_OF) CHECKPOINT_LAST                                    \
        " FROM checkpoints AS c JOIN jobs AS j ON j.seq = c.job_seq"
#define SELECT_JOB_FIELDS "SELECT" JOB_COLUMNS(COLUMN_TEXT_OF) JOB_LAST
#define SELECT_JOB        SELECT_JOB_FIELDS " FROM jobs AS j"

/* The first filter finds the jobs, the others (pairs in a JSON array) are looked up for each. */
#define SELECT_JOB_OF_METADATA                                                                     \
    SELECT_JOB_FIELDS                                                                              \
    " FROM job_metadata AS m CROSS JOIN jobs AS j ON j.seq = m.job_seq"                            \
    " WHERE m.key = :key AND m.value = :value AND NOT EXISTS (SELECT 1 FROM json_each(:others) AS" \
    " o WHERE NOT EXISTS (SELECT 1 FROM job_metadata AS n WHERE n.key = json_extract(o.value,"     \
    " '$[0]') AND n.value = json_extract(o.value, '$[1]') AND n.job_seq = m.job_seq))"

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
        "INSERT INTO files (id, created_at, bytes, filename, purpose, sha256, status_details)"
        " VALUES (:id, :created_at, :bytes, :filename, :purpose, :sha256, :status_details)"
        " RETURNING seq",
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
    [STATEMENT_FILE_USER] = "SELECT id FROM " UNFINISHED
                            " AND :id IN (training_file, validation_file, test_file) LIMIT 1",
    [STATEMENT_FILE_DELETE] = "DELETE FROM files WHERE id = :id RETURNING seq",

    [STATEMENT_EVENT_INSERT] =
        "INSERT INTO events (job_seq, id, created_at, level, type, message, data)"
        " VALUES (:job, :id, :created_at, :level, :type, :message, :data)",
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
        SELECT_POINT " WHERE job_seq = :job AND step > :after AND (:names IS NULL OR EXISTS"
                     " (SELECT 1 FROM json_each(measures) AS m JOIN json_each(:names) AS n"
                     " ON n.value = m.key)) ORDER BY step LIMIT :limit",
    [STATEMENT_POINT_LAST_STEP] =
        "SELECT step FROM metric_points WHERE job_seq = :job ORDER BY step DESC LIMIT 1",
    [STATEMENT_POINTS_DELETE_AFTER] =
        "DELETE FROM metric_points WHERE job_seq = :job AND step > :step",

    [STATEMENT_MODEL_INSERT] =
        "INSERT INTO models (id, created_at, job_id, base, root, task, hidden_size, layers,"
        " parameters, max_seq_length, files) VALUES (:id, :created_at, :job_id, :base, :root, "
        ":task,"
        " :hidden_size, :layers, :parameters, :max_seq_length, :files) RETURNING seq",
    [STATEMENT_MODEL_GET] = SELECT_MODEL " WHERE id = :id",
    [STATEMENT_MODEL_EXISTS] = "SELECT seq FROM models WHERE id = :id",
    [STATEMENT_MODEL_OF_JOB] = "SELECT seq FROM models WHERE job_id = :id",
    [STATEMENT_MODELS_ALL] = SELECT_MODEL " ORDER BY seq DESC",
    [STATEMENT_MODEL_USER] = "SELECT id FROM " UNFINISHED " AND model = :id LIMIT 1",
    [STATEMENT_MODEL_DELETE] = "DELETE FROM models WHERE id = :id RETURNING seq",

    [STATEMENT_CHECKPOINT_INSERT] =
        "INSERT INTO checkpoints (job_seq, id, created_at, model, step, hidden_size, layers,"
        " parameters, max_seq_length, measures, files) VALUES (:job, :id, :created_at, :model, "
        ":step,"
        " :hidden_size, :layers, :parameters, :max_seq_length, :measures, :files) RETURNING seq",
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
    [STATEMENT_CHECKPOINT_DELETE] = "DELETE FROM checkpoints WHERE id = :id",
    [STATEMENT_CHECKPOINTS_DELETE_AFTER] =
        "DELETE FROM checkpoints WHERE job_seq = :job AND step > :step",

    [STATEMENT_JOB_INSERT] =
        "INSERT INTO jobs (id, status, created_at, model, root_model, training_file,"
        " validation_file, test_file, suffix, seed, metadata, request, parameters, task, labels,"
        " priority, total_steps, estimated_memory_bytes) VALUES (:id, 'queued', :created_at,"
        " :model, :root_model, :training_file, :validation_file, :test_file, :suffix, :seed,"
        " :metadata, :request, :parameters, :task, :labels, :priority, :total_steps,"
        " :estimated_memory_bytes) RETURNING seq",
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
    [STATEMENT_JOB_CLAIM] =
        "UPDATE jobs SET status = 'running', attempt = attempt + 1, started_at = :now"
        " WHERE seq = (SELECT seq FROM jobs WHERE status = 'queued'"
        " ORDER BY priority DESC, seq LIMIT 1) AND status = 'queued' RETURNING seq",
    [STATEMENT_JOB_CHANGE] =
        "UPDATE jobs SET status = :to, finished_at = :finished_at, error_code = :error_code,"
        " error_message = :error_message, error_param = :error_param"
        " WHERE seq = :job AND status = :from",
    [STATEMENT_JOB_RUNNING_FIRST] =
        "SELECT id, attempt FROM jobs WHERE status = 'running' ORDER BY priority DESC, seq LIMIT 1",
    [STATEMENT_JOB_LEASE] =
        "SELECT seq FROM jobs WHERE seq = :job AND attempt = :attempt AND status = 'running'",
    [STATEMENT_JOB_SET_RUN] =
        "UPDATE jobs SET engine = coalesce(:engine, engine),"
        " precision = coalesce(:precision, precision),"
        " numerics_key = coalesce(:numerics_key, numerics_key),"
        " base_sha256 = coalesce(:base_sha256, base_sha256), threads = :threads"
        " WHERE seq = :job",
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
};

const char *
statement_text(enum statement statement)
{
    return texts[statement];
}
