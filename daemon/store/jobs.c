/* Jobs come and change their state, each time with an event; see jobs.h. Reading is jobs_read.c's.
 */
#include "daemon/store/jobs.h"

#include "daemon/store/jobs_read.h"
#include "daemon/store/json_columns.h"
#include "daemon/store/query.h"

#include <assert.h>
#include <string.h>

enum { ID_ATTEMPTS = 8 };

struct insertion {
    const struct job_new *job;
    const struct event_new *event;
    char *id;
};

/* Does a statement find a row by this id? */
static int
check_exists(struct db *db, enum statement statement, const char *id, bool *exists, struct err *err)
{
    int64_t seq = 0;
    struct query query = query_begin(db, statement);
    query_bind_text(&query, ":id", id);
    int found = query_run_integer(&query, &seq, err);
    *exists = found > 0;
    return found < 0 ? found : 0;
}

static int
check_files(struct db *db, const struct job_new *job, struct err *err)
{
    const char *const ids[] = {job->training_file, job->validation_file, job->test_file};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        bool exists = true;
        if (ids[i] != NULL && check_exists(db, STATEMENT_FILE_SEQ, ids[i], &exists, err) != 0)
            return err->code;
        if (!exists)
            return err_set(err, ERR_NOT_FOUND, "no file '%.64s'", ids[i]);
    }
    return 0;
}

/* Base models are folders of the user; only fine-tuned ones are ours to look for. */
static int
check_model(struct db *db, const char *model, struct err *err)
{
    bool exists = strncmp(model, "ft:", 3) != 0;
    if (!exists && check_exists(db, STATEMENT_MODEL_EXISTS, model, &exists, err) != 0)
        return err->code;
    if (!exists && check_exists(db, STATEMENT_CHECKPOINT_MODEL_EXISTS, model, &exists, err) != 0)
        return err->code;
    if (!exists)
        return err_set(err, ERR_NOT_FOUND, "no model '%.200s'", model);
    return 0;
}

int
jobs_check_needs(struct db *db, const struct job_new *job, struct err *err)
{
    return check_files(db, job, err) != 0 ? err->code : check_model(db, job->model, err);
}

/* An id whose first characters, too, no other job has. */
static int
pick_id(struct db *db, char id[IDS_SIZE], struct err *err)
{
    for (size_t i = 0; i < ID_ATTEMPTS; i++) {
        bool taken = false;
        ids_new(ID_JOB, id);
        if (check_exists(db, STATEMENT_JOB_SHORT_ID_TAKEN, id, &taken, err) != 0)
            return err->code;
        if (!taken)
            return 0;
    }
    return err_set(err, ERR_INTERNAL, "no free job id was found");
}

static int
insert_row(struct db *db, const struct insertion *insertion, int64_t *seq, struct err *err)
{
    const struct job_new *job = insertion->job;
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_JOB_INSERT);
    query_bind_text(&query, ":id", insertion->id);
    query_bind_integer(&query, ":created_at", query_now());
    query_bind_text(&query, ":model", job->model);
    query_bind_text(&query, ":root_model", job->root_model);
    query_bind_text(&query, ":training_file", job->training_file);
    query_bind_text(&query, ":validation_file", job->validation_file);
    query_bind_text(&query, ":test_file", job->test_file);
    query_bind_text(&query, ":suffix", job->suffix);
    query_bind_integer(&query, ":seed", job->seed);
    query_bind_text(&query, ":metadata", job->metadata_json);
    query_bind_bytes(&query, ":request", job->request, job->request_length);
    query_bind_text(&query, ":parameters", job->parameters_json);
    query_bind_text(&query, ":task", job->task);
    query_bind_text(&query, ":labels",
                    json_columns_strings_text(arena, job->labels, job->label_count));
    query_bind_integer(&query, ":priority", job->priority);
    query_bind_integer(&query, ":total_steps", job->total_steps);
    query_bind_integer(&query, ":epoch_rows", job->epoch_rows);
    query_bind_integer(&query, ":estimated_memory_bytes", job->estimated_memory_bytes);
    query_bind_integer(&query, ":estimated_disk_bytes", job->estimated_disk_bytes);
    int result = query_run_integer(&query, seq, err);
    arena_free(arena);
    return result < 0 ? result : 0;
}

static int
insert(struct db *db, void *context, struct err *err)
{
    const struct insertion *insertion = context;
    int64_t seq = 0;
    if (jobs_check_needs(db, insertion->job, err) != 0 || pick_id(db, insertion->id, err) != 0 ||
        insert_row(db, insertion, &seq, err) != 0)
        return err->code;
    return events_append(db, seq, insertion->event, err);
}

int
jobs_insert(struct db *db, const struct job_new *job, const struct event_new *event,
            char id[IDS_SIZE], struct err *err)
{
    struct insertion insertion = {job, event, id};
    return db_write(db, insert, &insertion, err);
}

int
jobs_find_standing(struct db *db, const char *id, struct job_standing *out, struct err *err)
{
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_JOB_STATE);
    query_bind_text(&query, ":id", id);
    int found = query_step(&query, err);
    if (found > 0) {
        out->seq = query_take_integer(&query);
        const char *status = query_take_text(&query, arena);
        out->attempt = query_take_integer(&query);
        found = jobs_read_state(status, &out->state, err);
    } else if (found == 0) {
        found = err_set(err, ERR_NOT_FOUND, "no job '%.64s'", id);
    }
    query_end(&query);
    arena_free(arena);
    return found;
}

static int
update_state(struct db *db, const struct job_standing *standing, const struct job_change *change,
             struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOB_CHANGE);
    query_bind_integer(&query, ":job", standing->seq);
    query_bind_text(&query, ":from", jobs_state_name(standing->state));
    query_bind_text(&query, ":to", jobs_state_name(change->to));
    if (change->to == JOB_STATE_FAILED || change->to == JOB_STATE_CANCELLED)
        query_bind_integer(&query, ":finished_at", query_now());
    if (change->error != NULL) {
        query_bind_text(&query, ":error_code", change->error->code);
        query_bind_text(&query, ":error_message", change->error->message);
        query_bind_text(&query, ":error_param", change->error->param);
    }
    return query_run(&query, err);
}

struct change_of {
    const char *id;
    const struct job_change *change;
};

static int
change_state(struct db *db, void *context, struct err *err)
{
    const struct change_of *of = context;
    const struct job_change *change = of->change;
    struct job_standing standing = {0};
    if (jobs_find_standing(db, of->id, &standing, err) != 0)
        return err->code;
    if ((change->from & 1u << standing.state) == 0)
        return err_set(err, ERR_CONFLICT, "job %s is %s", of->id, jobs_state_name(standing.state));
    if (change->attempt != 0 && change->attempt != standing.attempt)
        return err_set(err, ERR_CONFLICT, "job %s is %s in attempt %lld", of->id,
                       jobs_state_name(standing.state), (long long)standing.attempt);
    if (update_state(db, &standing, change, err) != 0)
        return err->code;
    return events_append(db, standing.seq, &change->event, err);
}

int
jobs_change(struct db *db, const char *id, const struct job_change *change, struct err *err)
{
    assert(change->to != JOB_STATE_RUNNING && change->to != JOB_STATE_SUCCEEDED);
    struct change_of of = {id, change};
    return db_write(db, change_state, &of, err);
}
