/* Metric points; see metrics.h. */
#include "daemon/store/metrics.h"

#include "daemon/store/columns.h"
#include "daemon/store/list.h"
#include "daemon/store/json_columns.h"
#include "daemon/store/metric_buckets.h"
#include "daemon/store/query.h"

#include <string.h>

static const struct column columns[] = {
    POINT_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct point_raw, row.step)}};
static const struct row_shape shape = {columns, sizeof columns / sizeof columns[0],
                                       sizeof(struct point_raw)};

struct insertion {
    int64_t job_seq;
    const struct point_row *points;
    size_t count;
};

static int
insert_point(struct db *db, int64_t job_seq, const struct point_row *point, struct err *err)
{
    struct arena *arena = arena_new();
    struct query query = query_begin(db, STATEMENT_POINT_INSERT);
    query_bind_integer(&query, ":job", job_seq);
    query_bind_integer(&query, ":step", point->step);
    query_bind_real(&query, ":epoch", point->epoch);
    query_bind_integer(&query, ":created_at", query_now());
    query_bind_text(&query, ":measures",
                    json_columns_measures_text(arena, point->measures, point->measure_count));
    int result = query_run(&query, err);
    arena_free(arena);
    return result;
}

static int
insert(struct db *db, void *context, struct err *err)
{
    const struct insertion *insertion = context;
    for (size_t i = 0; i < insertion->count; i++)
        if (insert_point(db, insertion->job_seq, &insertion->points[i], err) != 0)
            return err->code;
    return metric_buckets_add(db, insertion->job_seq, insertion->points, insertion->count, err);
}

int
metrics_insert(struct db *db, int64_t job_seq, const struct point_row *points, size_t count,
               struct err *err)
{
    struct insertion insertion = {job_seq, points, count};
    if (count > 0 && db_write(db, insert, &insertion, err) != 0)
        return err_prefix(err, "record metric points");
    return 0;
}

static int
find_last_step(struct db *db, int64_t job_seq, int64_t *step, struct err *err)
{
    *step = -1;
    struct query query = query_begin(db, STATEMENT_POINT_LAST_STEP);
    query_bind_integer(&query, ":job", job_seq);
    int result = query_run_integer(&query, step, err);
    return result < 0 ? result : 0;
}

static int
parse_points(const struct row_list *raws, const struct point_query *query, struct arena *arena,
             struct point_rows *out, struct err *err)
{
    const struct point_raw *raw = raws->items;
    out->items = arena_array(arena, raws->count, sizeof *out->items);
    for (size_t i = 0; i < raws->count; i++) {
        struct point_row *row = &out->items[i];
        *row = raw[i].row;
        if (json_columns_measures_parse(raw[i].measures_json, query->names, query->name_count,
                                        arena, &row->measures, &row->measure_count, err) != 0)
            return err->code;
    }
    out->count = raws->count;
    return 0;
}

int
metrics_between(struct db *db, const struct step_range *range, struct arena *arena,
                struct point_rows *out, struct err *err)
{
    const struct point_query all = {.names = NULL};
    struct row_list raws;
    *out = (struct point_rows){0};
    struct query select = query_begin(db, STATEMENT_POINTS_BETWEEN);
    query_bind_integer(&select, ":job", range->job_seq);
    query_bind_integer(&select, ":first", range->first);
    query_bind_integer(&select, ":last", range->last);
    if (list_read(&select, &shape, LIST_LIMIT_MAX, arena, &raws, &out->has_more, err) != 0)
        return err->code;
    return parse_points(&raws, &all, arena, out, err);
}

/* The asked names as a JSON array, without those that no measure can have. */
static const char *
plain_names_text(const struct point_query *query, struct arena *arena)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char **plain = arena_array(arena, query->name_count, sizeof *plain);
    size_t count = 0;
    for (size_t i = 0; i < query->name_count; i++)
        if (query->names[i][0] != '\0' && query->names[i][strspn(query->names[i], letters)] == '\0')
            plain[count++] = query->names[i];
    return json_columns_strings_text(arena, plain, count);
}

int
metrics_query(struct db *db, int64_t job_seq, const struct point_query *query, struct arena *arena,
              struct point_rows *out, struct err *err)
{
    *out = (struct point_rows){0};
    if (list_check_limit(query->limit, err) != 0)
        return err->code;
    struct query select = query_begin(db, query->names == NULL ? STATEMENT_POINTS_AFTER
                                                               : STATEMENT_POINTS_NAMED_AFTER);
    query_bind_integer(&select, ":job", job_seq);
    query_bind_integer(&select, ":after", query->after_step);
    if (query->names != NULL)
        query_bind_text(&select, ":names", plain_names_text(query, arena));
    struct row_list raws;
    if (list_read(&select, &shape, query->limit, arena, &raws, &out->has_more, err) != 0 ||
        parse_points(&raws, query, arena, out, err) != 0)
        return err->code;
    return find_last_step(db, job_seq, &out->last_step, err);
}

struct deletion {
    int64_t job_seq, step;
};

static int
delete_after(struct db *db, void *context, struct err *err)
{
    const struct deletion *deletion = context;
    struct query query = query_begin(db, STATEMENT_POINTS_DELETE_AFTER);
    query_bind_integer(&query, ":job", deletion->job_seq);
    query_bind_integer(&query, ":step", deletion->step);
    if (query_run(&query, err) != 0)
        return err->code;
    return metric_buckets_cut(db, deletion->job_seq, deletion->step, err);
}

int
metrics_delete_after(struct db *db, int64_t job_seq, int64_t step, struct err *err)
{
    return db_write(db, delete_after, &(struct deletion){job_seq, step}, err);
}
