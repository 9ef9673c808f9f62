/* Rows of evaluations; see evaluations.h. */
#include "daemon/store/evaluations.h"

#include "daemon/store/columns.h"
#include "daemon/store/ids.h"
#include "daemon/store/jobs_read.h"
#include "daemon/store/list.h"
#include "daemon/store/query.h"

#include <string.h>

static const char *const state_names[] = {
    [EVALUATION_STATE_QUEUED] = "queued",
    [EVALUATION_STATE_RUNNING] = "running",
    [EVALUATION_STATE_SUCCEEDED] = "succeeded",
    [EVALUATION_STATE_FAILED] = "failed",
};

_Static_assert(sizeof state_names / sizeof state_names[0] == EVALUATION_STATE_COUNT,
               "every state has a name");

static const char *const part_names[] = {
    [JOB_EVALUATION_VALIDATION] = "validation",
    [JOB_EVALUATION_TEST] = "test",
};

_Static_assert(sizeof part_names / sizeof part_names[0] == JOB_EVALUATION_PARTS,
               "every part has a name");

static const struct column columns[] = {
    EVALUATION_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct evaluation_raw, row.seq)}};
static const struct row_shape shape = {columns, sizeof columns / sizeof columns[0],
                                       sizeof(struct evaluation_raw)};

static struct evaluation_row
row_of(const struct evaluation_raw *raw)
{
    struct evaluation_row row = raw->row;
    for (int i = 0; i < EVALUATION_STATE_COUNT; i++)
        if (strcmp(state_names[i], raw->status) == 0)
            row.state = (enum evaluation_state)i;
    return row;
}

/* ---- adding ---------------------------------------------------------------------------------- */

static int
check_waiting(struct db *db, struct err *err)
{
    int64_t waiting = 0;
    struct query query = query_begin(db, STATEMENT_EVALUATIONS_WAITING);
    int found = query_run_integer(&query, &waiting, err);
    if (found < 0)
        return found;
    if (waiting >= EVALUATIONS_MAX_WAITING)
        return err_set(err, ERR_CONFLICT, "%d evaluations wait already", EVALUATIONS_MAX_WAITING);
    return 0;
}

/* What it is to measure is there, and from now on stays. */
static int
check_needs(struct db *db, const struct evaluation_row *row, struct err *err)
{
    const struct job_new first = {.model = row->model, .training_file = row->file};
    const struct job_new other = {.model = row->compare_to};
    if (jobs_check_needs(db, &first, err) != 0)
        return err->code;
    return row->compare_to == NULL ? 0 : jobs_check_needs(db, &other, err);
}

static int
insert(struct db *db, void *context, struct err *err)
{
    struct evaluation_row *row = context;
    if (check_waiting(db, err) != 0 || check_needs(db, row, err) != 0)
        return err->code;
    row->state = EVALUATION_STATE_QUEUED;
    row->created_at = query_now();
    struct query query = query_begin(db, STATEMENT_EVALUATION_INSERT);
    query_bind_text(&query, ":id", row->id);
    query_bind_integer(&query, ":created_at", row->created_at);
    query_bind_text(&query, ":model", row->model);
    query_bind_text(&query, ":file", row->file);
    query_bind_text(&query, ":compare_to", row->compare_to);
    int result = query_run_integer(&query, &row->seq, err);
    return result < 0 ? result : 0;
}

int
evaluations_insert(struct db *db, struct evaluation_row *row, struct arena *arena, struct err *err)
{
    char id[IDS_SIZE];
    ids_new(ID_EVALUATION, id);
    row->id = arena_copy_string(arena, id);
    return db_write(db, insert, row, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

int
evaluations_get(struct db *db, const char *id, struct arena *arena, struct evaluation_row *out,
                struct err *err)
{
    struct evaluation_raw raw = {0};
    struct query query = query_begin(db, STATEMENT_EVALUATION_GET);
    query_bind_text(&query, ":id", id);
    if (list_read_one(&query, &shape, "evaluation", id, arena, &raw, err) != 0)
        return err->code;
    *out = row_of(&raw);
    return 0;
}

int
evaluations_page(struct db *db, const struct list_query *page, struct arena *arena,
                 struct evaluation_row_list *out, struct err *err)
{
    int64_t cursor = 0;
    struct row_list rows;
    if (list_check_limit(page->limit, err) != 0)
        return err->code;
    struct query lookup = query_begin(db, STATEMENT_EVALUATION_SEQ);
    query_bind_text(&lookup, ":id", page->after);
    if (list_find_cursor(page, &lookup, "evaluation", &cursor, err) != 0)
        return err->code;
    struct query query = query_begin(db, page->ascending ? STATEMENT_EVALUATIONS_NEWER
                                                         : STATEMENT_EVALUATIONS_OLDER);
    query_bind_integer(&query, ":cursor", cursor);
    if (list_read(&query, &shape, page->limit, arena, &rows, &out->has_more, err) != 0)
        return err->code;
    const struct evaluation_raw *raws = rows.items;
    out->items = arena_array(arena, rows.count, sizeof *out->items);
    out->count = rows.count;
    for (size_t i = 0; i < rows.count; i++)
        out->items[i] = row_of(&raws[i]);
    return 0;
}

/* ---- changing -------------------------------------------------------------------------------- */

static int delete (struct db *db, void *context, struct err *err)
{
    const char *id = context;
    int64_t seq = 0;
    struct query query = query_begin(db, STATEMENT_EVALUATION_DELETE);
    query_bind_text(&query, ":id", id);
    int found = query_run_integer(&query, &seq, err);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no evaluation '%.64s'", id);
    return found < 0 ? found : 0;
}

int
evaluations_delete(struct db *db, const char *id, struct err *err)
{
    return db_write(db, delete, (void *)(uintptr_t)id, err);
}

struct claim {
    struct arena *arena;
    struct evaluation_row *out;
    bool found;
};

static int
claim(struct db *db, void *context, struct err *err)
{
    struct claim *claim = context;
    struct query query = query_begin(db, STATEMENT_EVALUATION_FIRST);
    int found = query_step(&query, err);
    const char *id = found > 0 ? query_take_text(&query, claim->arena) : NULL;
    query_end(&query);
    claim->found = found > 0;
    if (found <= 0)
        return found;
    query = query_begin(db, STATEMENT_EVALUATION_CLAIM);
    query_bind_text(&query, ":id", id);
    query_bind_integer(&query, ":now", query_now());
    if (query_run(&query, err) != 0)
        return err->code;
    return evaluations_get(db, id, claim->arena, claim->out, err);
}

int
evaluations_claim(struct db *db, struct arena *arena, struct evaluation_row *out, struct err *err)
{
    struct claim this = {arena, out, false};
    int code = db_write(db, claim, &this, err);
    return code != 0 ? code : this.found;
}

/* Nothing changed: the row is gone, or somebody else's by now. */
static int
check_changed(struct db *db, const char *id, struct err *err)
{
    if (query_changes(db) > 0)
        return 0;
    return err_set(err, ERR_CONFLICT, "evaluation %.64s does not run in this attempt", id);
}

static int
finish(struct db *db, void *context, struct err *err)
{
    const struct evaluation_end *end = context;
    bool failed = end->document_json == NULL;
    struct query query = query_begin(db, STATEMENT_EVALUATION_FINISH);
    query_bind_text(&query, ":id", end->id);
    query_bind_integer(&query, ":attempt", end->attempt);
    query_bind_text(&query, ":status",
                    state_names[failed ? EVALUATION_STATE_FAILED : EVALUATION_STATE_SUCCEEDED]);
    query_bind_integer(&query, ":now", query_now());
    query_bind_text(&query, ":document", end->document_json);
    query_bind_text(&query, ":error_code", end->error_code);
    query_bind_text(&query, ":error_message", end->error_message);
    query_bind_text(&query, ":error_param", end->error_param);
    return query_run(&query, err) != 0 ? err->code : check_changed(db, end->id, err);
}

int
evaluations_finish(struct db *db, const struct evaluation_end *end, struct err *err)
{
    return db_write(db, finish, (void *)(uintptr_t)end, err);
}

static int
give_back(struct db *db, void *context, struct err *err)
{
    const struct evaluation_end *end = context;
    struct query query = query_begin(db, STATEMENT_EVALUATION_GIVE_BACK);
    query_bind_text(&query, ":id", end->id);
    query_bind_integer(&query, ":attempt", end->attempt);
    return query_run(&query, err) != 0 ? err->code : check_changed(db, end->id, err);
}

int
evaluations_give_back(struct db *db, const char *id, int64_t attempt, struct err *err)
{
    struct evaluation_end end = {.id = id, .attempt = attempt};
    return db_write(db, give_back, &end, err);
}

static int
recover(struct db *db, void *context, struct err *err)
{
    (void)context;
    struct query query = query_begin(db, STATEMENT_EVALUATIONS_CRASHED);
    query_bind_integer(&query, ":most", EVALUATIONS_MAX_ATTEMPTS);
    query_bind_integer(&query, ":now", query_now());
    if (query_run(&query, err) != 0)
        return err->code;
    query = query_begin(db, STATEMENT_EVALUATIONS_REQUEUE);
    return query_run(&query, err);
}

int
evaluations_recover(struct db *db, struct err *err)
{
    return db_write(db, recover, NULL, err);
}

/* ---- of jobs --------------------------------------------------------------------------------- */

struct job_document {
    int64_t job_seq;
    const char *part, *json;
};

static int
insert_of_job(struct db *db, void *context, struct err *err)
{
    const struct job_document *document = context;
    struct query query = query_begin(db, STATEMENT_JOB_EVALUATION_INSERT);
    query_bind_integer(&query, ":job", document->job_seq);
    query_bind_text(&query, ":part", document->part);
    query_bind_text(&query, ":document", document->json);
    return query_run(&query, err);
}

int
job_evaluations_insert(struct db *db, int64_t job_seq, enum job_evaluation_part part,
                       const char *document_json, struct err *err)
{
    struct job_document document = {job_seq, part_names[part], document_json};
    return db_write(db, insert_of_job, &document, err);
}

int
job_evaluations_get(struct db *db, int64_t job_seq, enum job_evaluation_part part,
                    struct arena *arena, const char **document_json, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOB_EVALUATION_GET);
    query_bind_integer(&query, ":job", job_seq);
    query_bind_text(&query, ":part", part_names[part]);
    int found = query_step(&query, err);
    *document_json = found > 0 ? query_take_text(&query, arena) : NULL;
    query_end(&query);
    return found < 0 ? found : 0;
}
