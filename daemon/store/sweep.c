/* Orphans; see sweep.h. Only names of our own making are touched, and only when no row has them. */
#include "daemon/store/sweep.h"

#include "daemon/store/ids.h"
#include "daemon/store/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sweep {
    const struct data_dir *dir;
    struct db *db;
    struct sweep_report report;
    const char *job_id; /* whose checkpoints are visited, */
    int64_t job_seq;    /* and its row */
};

static const char checkpoint_prefix[] = "step-";

/* 1 when the statement finds a row by :id (its integer goes to *value), 0 when not, or negative. */
static int
find(struct sweep *sweep, enum statement statement, const char *id, int64_t *value, struct err *err)
{
    struct query query = query_begin(sweep->db, statement);
    query_bind_text(&query, ":id", id);
    return query_run_integer(&query, value, err);
}

static int
visit_file(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t seq = 0;
    int found = ids_is_valid(ID_FILE, name) ? find(sweep, STATEMENT_FILE_SEQ, name, &seq, err) : 1;
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.files++;
    return data_dir_remove_file(sweep->dir, name, err);
}

static int
visit_model(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t seq = 0;
    int found =
        ids_is_valid(ID_JOB, name) ? find(sweep, STATEMENT_MODEL_OF_JOB, name, &seq, err) : 1;
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.models++;
    return data_dir_remove_model(sweep->dir, name, err);
}

/* The N of "step-N" in the one spelling that we write, or -1. */
static int64_t
parse_step(const char *name)
{
    size_t length = strlen(checkpoint_prefix);
    if (strncmp(name, checkpoint_prefix, length) != 0)
        return -1;
    long long step = strtoll(name + length, NULL, 10);
    char again[64];
    snprintf(again, sizeof again, "%s%lld", checkpoint_prefix, step);
    return step >= 0 && strcmp(again, name) == 0 ? step : -1;
}

static int
visit_checkpoint(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    int64_t step = parse_step(name);
    if (step < 0)
        return 0;
    int64_t seq = 0;
    struct query query = query_begin(sweep->db, STATEMENT_CHECKPOINT_BY_STEP);
    query_bind_integer(&query, ":job", sweep->job_seq);
    query_bind_integer(&query, ":step", step);
    int found = query_run_integer(&query, &seq, err);
    if (found != 0)
        return found < 0 ? found : 0;
    sweep->report.checkpoints++;
    return data_dir_remove_checkpoint(sweep->dir, sweep->job_id, step, err);
}

static int
visit_job(void *context, const char *name, struct err *err)
{
    struct sweep *sweep = context;
    if (!ids_is_valid(ID_JOB, name))
        return 0;
    int found = find(sweep, STATEMENT_JOB_SEQ, name, &sweep->job_seq, err);
    if (found < 0)
        return found;
    if (found > 0) {
        sweep->job_id = name;
        return data_dir_each_checkpoint(sweep->dir, name, visit_checkpoint, sweep, err);
    }
    sweep->report.jobs++;
    return data_dir_remove_job(sweep->dir, name, err);
}

int
sweep_run(const struct data_dir *dir, struct db *db, struct sweep_report *out, struct err *err)
{
    struct sweep sweep = {.dir = dir, .db = db};
    int result = 0;
    if (data_dir_each(dir, DATA_DIR_FILES, visit_file, &sweep, err) != 0 ||
        data_dir_each(dir, DATA_DIR_MODELS, visit_model, &sweep, err) != 0 ||
        data_dir_each(dir, DATA_DIR_JOBS, visit_job, &sweep, err) != 0)
        result = err_prefix(err, "remove stored files that nothing names");
    *out = sweep.report;
    return result;
}
