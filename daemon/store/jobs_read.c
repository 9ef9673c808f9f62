/* Rows of jobs, read; see jobs_read.h and jobs.h. */
#include "daemon/store/jobs_read.h"

#include "daemon/store/columns.h"
#include "daemon/store/json_columns.h"
#include "daemon/store/query.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    JOB_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct job_raw, row.seq)}};
const struct row_shape jobs_read_shape = {columns, sizeof columns / sizeof columns[0],
                                          sizeof(struct job_raw)};

static const char *const state_names[] = {
    [JOB_STATE_QUEUED] = "queued",       [JOB_STATE_RUNNING] = "running",
    [JOB_STATE_PAUSING] = "pausing",     [JOB_STATE_PAUSED] = "paused",
    [JOB_STATE_SUCCEEDED] = "succeeded", [JOB_STATE_FAILED] = "failed",
    [JOB_STATE_CANCELLED] = "cancelled",
};

_Static_assert(sizeof state_names / sizeof state_names[0] == JOB_STATE_COUNT,
               "a name for each state");

const char *
jobs_state_name(enum job_state state)
{
    return state_names[state];
}

bool
jobs_state_is_final(enum job_state state)
{
    return state == JOB_STATE_SUCCEEDED || state == JOB_STATE_FAILED ||
           state == JOB_STATE_CANCELLED;
}

int
jobs_read_state(const char *name, enum job_state *out, struct err *err)
{
    for (size_t i = 0; i < JOB_STATE_COUNT; i++)
        if (strcmp(name, state_names[i]) == 0) {
            *out = (enum job_state)i;
            return 0;
        }
    return err_set(err, ERR_INVALID, "the database holds a job in the unknown state '%.32s'", name);
}

int
jobs_read_row(const struct job_raw *raw, struct arena *arena, struct job_row *out, struct err *err)
{
    *out = raw->row;
    if (jobs_read_state(raw->status, &out->state, err) != 0 ||
        json_columns_measures_parse(raw->latest_json, NULL, 0, arena, &out->measures,
                                    &out->measure_count, err) != 0)
        return err_prefix(err, "job %s", out->id);
    return 0;
}

/* By counting those in front, which the index does alone. */
static int
read_position(struct db *db, struct job_row *row, struct err *err)
{
    if (row->state != JOB_STATE_QUEUED)
        return 0;
    struct query query = query_begin(db, STATEMENT_QUEUE_POSITION);
    query_bind_integer(&query, ":job", row->seq);
    query_bind_integer(&query, ":priority", row->priority);
    int found = query_run_integer(&query, &row->queue_position, err);
    return found < 0 ? found : 0;
}

static int
by_seq(const void *a, const void *b)
{
    const struct job_row *const *x = a;
    const struct job_row *const *y = b;
    return ((*x)->seq > (*y)->seq) - ((*x)->seq < (*y)->seq);
}

/* The first of them to run. */
static struct job_row *
first_in_queue(struct job_row *const *queued, size_t count)
{
    struct job_row *first = queued[0];
    for (size_t i = 1; i < count; i++)
        if (queued[i]->priority > first->priority)
            first = queued[i];
    return first;
}

/* Queued rows of a page, by their seq, that get their places on a walk along the queue. */
struct walk {
    struct job_row **rows;
    size_t count, missing;
    int64_t position; /* of the job that was met last */
};

/* Along what a statement finds, until every row has its place. */
static int
walk_along(struct walk *walk, struct query *query, struct err *err)
{
    int found = 0;
    while (walk->missing > 0 && (found = query_step(query, err)) > 0) {
        int64_t seq = query_take_integer(query);
        walk->position++;
        if (seq < walk->rows[0]->seq || seq > walk->rows[walk->count - 1]->seq)
            continue; /* a page is mostly a small part of the queue */
        const struct job_row wanted = {.seq = seq};
        const struct job_row *key = &wanted;
        struct job_row **row = bsearch(&key, walk->rows, walk->count, sizeof *walk->rows, by_seq);
        if (row != NULL) {
            (*row)->queue_position = walk->position;
            walk->missing--;
        }
    }
    query_end(query);
    return found < 0 ? found : 0;
}

/* Of all rows of a page: those in front of the first are counted, from there on it is one walk
 * along the queue, since counting for each would be quadratic. */
static int
read_positions(struct db *db, struct job_rows *rows, struct arena *arena, struct err *err)
{
    struct walk walk = {.rows = arena_array(arena, rows->count, sizeof *walk.rows)};
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].state == JOB_STATE_QUEUED)
            walk.rows[walk.count++] = &rows->items[i];
    if (walk.count == 0)
        return 0;
    qsort(walk.rows, walk.count, sizeof *walk.rows, by_seq);
    struct job_row *first = first_in_queue(walk.rows, walk.count);
    if (read_position(db, first, err) != 0)
        return err->code;
    walk.missing = walk.count;
    walk.position = first->queue_position - 1;
    struct query same = query_begin(db, STATEMENT_QUEUE_ORDER);
    query_bind_integer(&same, ":job", first->seq);
    query_bind_integer(&same, ":priority", first->priority);
    if (walk_along(&walk, &same, err) != 0)
        return err->code;
    struct query below = query_begin(db, STATEMENT_QUEUE_ORDER_BELOW);
    query_bind_integer(&below, ":priority", first->priority);
    return walk_along(&walk, &below, err);
}

int
jobs_get(struct db *db, const char *id, struct arena *arena, struct job_row *out, struct err *err)
{
    struct job_raw raw = {0};
    struct query query = query_begin(db, STATEMENT_JOB_GET);
    query_bind_text(&query, ":id", id);
    if (list_read_one(&query, &jobs_read_shape, "job", id, arena, &raw, err) != 0)
        return err->code;
    if (jobs_read_row(&raw, arena, out, err) != 0)
        return err->code;
    return read_position(db, out, err);
}

int
jobs_get_request(struct db *db, const char *id, struct arena *arena, const char **request,
                 size_t *length, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOB_REQUEST);
    query_bind_text(&query, ":id", id);
    int found = query_step(&query, err);
    if (found > 0)
        *request = query_take_bytes(&query, arena, length);
    query_end(&query);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no job '%.64s'", id);
    return found < 0 ? found : 0;
}

/* [["key","value"],…] of filters. */
static const char *
pairs_text(const struct job_metadata_filter *filters, size_t count, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        const char *pair[2] = {filters[i].key, filters[i].value};
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : ",",
                            json_columns_strings_text(arena, pair, 2));
    }
    return arena_printf(arena, "[%s]", text);
}

/* The page's statement, bound but for the limit. */
static struct query
begin_page(struct db *db, bool ascending, const struct job_metadata_filter *filters, size_t count,
           struct arena *arena)
{
    if (count == 0)
        return query_begin(db, ascending ? STATEMENT_JOBS_NEWER : STATEMENT_JOBS_OLDER);
    struct query select = query_begin(db, ascending ? STATEMENT_JOBS_OF_METADATA_NEWER
                                                    : STATEMENT_JOBS_OF_METADATA_OLDER);
    query_bind_text(&select, ":key", filters[0].key);
    query_bind_text(&select, ":value", filters[0].value);
    query_bind_text(&select, ":others", pairs_text(filters + 1, count - 1, arena));
    return select;
}

int
jobs_page(struct db *db, const struct list_query *query, const struct job_metadata_filter *filters,
          size_t filter_count, struct arena *arena, struct job_rows *out, struct err *err)
{
    *out = (struct job_rows){0};
    int64_t cursor = 0;
    struct query lookup = query_begin(db, STATEMENT_JOB_SEQ);
    query_bind_text(&lookup, ":id", query->after);
    if (list_find_cursor(query, &lookup, "job", &cursor, err) != 0)
        return err->code;
    struct query select = begin_page(db, query->ascending, filters, filter_count, arena);
    query_bind_integer(&select, ":cursor", cursor);
    struct row_list raws;
    if (list_read(&select, &jobs_read_shape, query->limit, arena, &raws, &out->has_more, err) != 0)
        return err->code;
    const struct job_raw *raw = raws.items;
    out->items = arena_array(arena, raws.count, sizeof *out->items);
    for (; out->count < raws.count; out->count++)
        if (jobs_read_row(&raw[out->count], arena, &out->items[out->count], err) != 0)
            return err->code;
    return read_positions(db, out, arena, err);
}

int
jobs_count(struct db *db, enum job_state state, int64_t *count, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_JOBS_COUNT);
    query_bind_text(&query, ":status", jobs_state_name(state));
    int result = query_run_integer(&query, count, err);
    return result < 0 ? result : 0;
}
