/* Rows of resume states; see resume_states.h. */
#include "daemon/store/resume_states.h"

#include "daemon/store/json_columns.h"
#include "daemon/store/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than a job can have: every insertion leaves RESUME_STATES_KEPT. */
enum { LIST_MAX = 64, NAME_BYTES = 64 };

static const char pending_suffix[] = "-pending";

const char *
resume_states_name(int64_t step, bool pending, struct arena *arena)
{
    return arena_printf(arena, "step-%lld%s", (long long)step, pending ? pending_suffix : "");
}

bool
resume_states_parse_name(const char *name, int64_t *step, bool *pending)
{
    static const char prefix[] = "step-";
    char again[NAME_BYTES];
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    char *end = NULL;
    *step = strtoll(name + strlen(prefix), &end, 10);
    *pending = strcmp(end, pending_suffix) == 0;
    snprintf(again, sizeof again, "%s%lld%s", prefix, (long long)*step,
             *pending ? pending_suffix : "");
    return *step > 0 && strcmp(name, again) == 0;
}

int
resume_states_list(struct db *db, int64_t job_seq, struct arena *arena,
                   struct resume_state_rows *out, struct err *err)
{
    *out = (struct resume_state_rows){.items = arena_array(arena, LIST_MAX, sizeof *out->items)};
    struct query query = query_begin(db, STATEMENT_RESUME_STATES_OF_JOB);
    query_bind_integer(&query, ":job", job_seq);
    query_bind_integer(&query, ":limit", LIST_MAX);
    int found = 0;
    while (out->count < LIST_MAX && (found = query_step(&query, err)) > 0) {
        struct resume_state_row *row = &out->items[out->count++];
        row->seq = query_take_integer(&query);
        row->step = query_take_integer(&query);
        row->pending = query_take_integer(&query) != 0;
        row->name = resume_states_name(row->step, row->pending, arena);
    }
    query_end(&query);
    return found < 0 ? err_prefix(err, "read the resume states of a job") : 0;
}

int
resume_states_find(struct db *db, int64_t job_seq, int64_t step, bool pending, struct err *err)
{
    int64_t seq = 0;
    struct query query = query_begin(db, STATEMENT_RESUME_STATE_SEQ);
    query_bind_integer(&query, ":job", job_seq);
    query_bind_integer(&query, ":step", step);
    query_bind_integer(&query, ":pending", pending);
    return query_run_integer(&query, &seq, err);
}

/* Rows with a seq above `after` go. */
static int
delete_after(struct db *db, int64_t job_seq, int64_t after, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_RESUME_STATES_DELETE_AFTER);
    query_bind_integer(&query, ":job", job_seq);
    query_bind_integer(&query, ":after", after);
    return query_run(&query, err);
}

/* ---- adding ---------------------------------------------------------------------------------- */

struct addition {
    struct job_lease lease;
    const struct resume_state_row *row;
    struct arena *arena;
    struct resume_state_rows *gone;
};

/* Take out what is not among the newest, and say what it was. */
static int
delete_old(struct db *db, const struct addition *addition, struct err *err)
{
    struct resume_state_rows *rows = addition->gone;
    if (resume_states_list(db, addition->lease.seq, addition->arena, rows, err) != 0)
        return err->code;
    size_t kept = rows->count < RESUME_STATES_KEPT ? rows->count : RESUME_STATES_KEPT;
    rows->items += kept;
    rows->count -= kept;
    for (size_t i = 0; i < rows->count; i++) {
        struct query query = query_begin(db, STATEMENT_RESUME_STATE_DELETE);
        query_bind_integer(&query, ":seq", rows->items[i].seq);
        if (query_run(&query, err) != 0)
            return err->code;
    }
    return 0;
}

static int
add(struct db *db, void *context, struct err *err)
{
    const struct addition *addition = context;
    if (jobs_check_lease(db, addition->lease, err) != 0)
        return err->code;
    struct query query = query_begin(db, STATEMENT_RESUME_STATE_INSERT);
    query_bind_integer(&query, ":job", addition->lease.seq);
    query_bind_integer(&query, ":step", addition->row->step);
    query_bind_integer(&query, ":pending", addition->row->pending);
    query_bind_integer(&query, ":created_at", query_now());
    return query_run(&query, err) != 0 ? err->code : delete_old(db, addition, err);
}

int
resume_states_add(struct db *db, struct job_lease lease, const struct resume_state_row *row,
                  struct arena *arena, struct resume_state_rows *gone, struct err *err)
{
    struct addition addition = {lease, row, arena, gone};
    *gone = (struct resume_state_rows){0};
    if (db_write(db, add, &addition, err) != 0) {
        *gone = (struct resume_state_rows){0};
        return err_prefix(err, "record the resume state of step %lld", (long long)row->step);
    }
    return 0;
}

/* ---- starting -------------------------------------------------------------------------------- */

struct start_of {
    struct job_lease lease;
    const struct resume_start *start;
};

static int
set_latest(struct db *db, const struct start_of *of, struct err *err)
{
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_JOB_SET_LATEST);
    query_bind_integer(&query, ":job", of->lease.seq);
    query_bind_text(&query, ":latest",
                    json_columns_measures_text(arena, of->start->latest, of->start->latest_count));
    int result = query_run(&query, err);
    arena_free(arena);
    return result;
}

static int
start_attempt(struct db *db, void *context, struct err *err)
{
    const struct start_of *of = context;
    const struct resume_state_row *from = of->start->from;
    int64_t reported = from == NULL ? 0 : from->step - from->pending;
    if (jobs_rewind(db, of->lease, reported, err) != 0 ||
        delete_after(db, of->lease.seq, from != NULL ? from->seq : 0, err) != 0)
        return err->code;
    return set_latest(db, of, err);
}

int
resume_states_start(struct db *db, struct job_lease lease, const struct resume_start *start,
                    struct err *err)
{
    struct start_of of = {lease, start};
    return db_write(db, start_attempt, &of, err);
}

static int
delete_all(struct db *db, void *context, struct err *err)
{
    const int64_t *job_seq = context;
    return delete_after(db, *job_seq, 0, err);
}

int
resume_states_delete_all(struct db *db, int64_t job_seq, struct err *err)
{
    return db_write(db, delete_all, &job_seq, err);
}
