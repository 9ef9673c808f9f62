/* Rows of checkpoints; see checkpoints.h. */
#include "daemon/store/checkpoints.h"

#include "core/train/best.h"
#include "daemon/store/columns.h"
#include "daemon/store/ids.h"
#include "daemon/store/list.h"
#include "daemon/store/json_columns.h"
#include "daemon/store/query.h"
#include "daemon/store/use.h"

#include <math.h>
#include <string.h>

static const struct column columns[] = {
    CHECKPOINT_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct checkpoint_raw, row.seq)}};
static const struct row_shape shape = {columns, sizeof columns / sizeof columns[0],
                                       sizeof(struct checkpoint_raw)};

struct insertion {
    int64_t job_seq;
    struct checkpoint_row *row;
    struct arena *arena;
};

int
checkpoints_find(struct db *db, int64_t job_seq, int64_t step, struct err *err)
{
    int64_t seq = 0;
    struct query query = query_begin(db, STATEMENT_CHECKPOINT_BY_STEP);
    query_bind_integer(&query, ":job", job_seq);
    query_bind_integer(&query, ":step", step);
    return query_run_integer(&query, &seq, err);
}

/* ERR_CONFLICT when the job has a checkpoint of this step. */
static int
check_step_is_free(struct db *db, int64_t job_seq, int64_t step, struct err *err)
{
    int found = checkpoints_find(db, job_seq, step, err);
    if (found > 0)
        return err_set(err, ERR_CONFLICT, "the job has a checkpoint of step %lld already",
                       (long long)step);
    return found;
}

static int
insert(struct db *db, void *context, struct err *err)
{
    const struct insertion *insertion = context;
    struct checkpoint_row *row = insertion->row;
    if (check_step_is_free(db, insertion->job_seq, row->step, err) != 0)
        return err->code;
    char id[IDS_SIZE];
    ids_new(ID_CHECKPOINT, id);
    row->id = arena_copy_string(insertion->arena, id);
    row->created_at = query_now();
    struct query query = query_begin(db, STATEMENT_CHECKPOINT_INSERT);
    query_bind_integer(&query, ":job", insertion->job_seq);
    query_bind_text(&query, ":id", row->id);
    query_bind_integer(&query, ":created_at", row->created_at);
    query_bind_text(&query, ":model", row->model);
    query_bind_integer(&query, ":step", row->step);
    query_bind_integer(&query, ":hidden_size", row->shape.hidden_size);
    query_bind_integer(&query, ":layers", row->shape.layers);
    query_bind_integer(&query, ":parameters", row->shape.parameters);
    query_bind_integer(&query, ":max_seq_length", row->shape.max_seq_length);
    query_bind_integer(&query, ":stride", row->shape.stride);
    query_bind_text(
        &query, ":measures",
        json_columns_measures_text(insertion->arena, row->measures, row->measure_count));
    query_bind_text(&query, ":files", row->files_json);
    db_note_change(db, insertion->job_seq);
    int result = query_run_integer(&query, &row->seq, err);
    return result < 0 ? result : 0;
}

int
checkpoints_insert(struct db *db, int64_t job_seq, struct checkpoint_row *row, struct arena *arena,
                   struct err *err)
{
    struct insertion insertion = {job_seq, row, arena};
    if (db_write(db, insert, &insertion, err) != 0)
        return err_prefix(err, "record the checkpoint of step %lld", (long long)row->step);
    return 0;
}

static int
parse_row(const struct checkpoint_raw *raw, struct arena *arena, struct checkpoint_row *out,
          struct err *err)
{
    *out = raw->row;
    return json_columns_measures_parse(raw->measures_json, NULL, 0, arena, &out->measures,
                                       &out->measure_count, err);
}

int
checkpoints_get_by_model(struct db *db, const char *model, struct arena *arena,
                         struct checkpoint_row *out, struct err *err)
{
    struct checkpoint_raw raw = {0};
    struct query query = query_begin(db, STATEMENT_CHECKPOINT_BY_MODEL);
    query_bind_text(&query, ":model", model);
    if (list_read_one(&query, &shape, "checkpoint", model, arena, &raw, err) != 0)
        return err->code;
    return parse_row(&raw, arena, out, err);
}

/* Read what select, bound but for the limit, finds. */
static int
read_checkpoints(struct query *select, size_t limit, struct arena *arena,
                 struct checkpoint_rows *out, struct err *err)
{
    struct row_list raws;
    if (list_read(select, &shape, limit, arena, &raws, &out->has_more, err) != 0)
        return err->code;
    const struct checkpoint_raw *raw = raws.items;
    out->items = arena_array(arena, raws.count, sizeof *out->items);
    for (; out->count < raws.count; out->count++)
        if (parse_row(&raw[out->count], arena, &out->items[out->count], err) != 0)
            return err->code;
    return 0;
}

/* NaN without it. */
static double
value_of(const struct checkpoint_row *row, enum metric metric)
{
    for (size_t i = 0; i < row->measure_count; i++)
        if (strcmp(row->measures[i].name, metric_name(metric)) == 0)
            return row->measures[i].value;
    return NAN;
}

static enum metric
metric_of(const char *name)
{
    for (int m = 0; name != NULL && m < METRIC_COUNT; m++)
        if (strcmp(metric_name((enum metric)m), name) == 0)
            return (enum metric)m;
    return METRIC_VALID_LOSS;
}

size_t
checkpoints_best(const struct checkpoint_rows *rows, const char *metric)
{
    enum metric by = metric_of(metric);
    size_t best = rows->count;
    double value = NAN;
    for (size_t i = rows->count; i-- > 0;)
        if (best_is_better(by, value_of(&rows->items[i], by), value)) {
            best = i;
            value = value_of(&rows->items[i], by);
        }
    return best;
}

int
checkpoints_after(struct db *db, const struct rows_after *after, struct arena *arena,
                  struct checkpoint_rows *out, struct err *err)
{
    *out = (struct checkpoint_rows){0};
    if (list_check_limit(after->limit, err) != 0)
        return err->code;
    struct query select = query_begin(db, STATEMENT_CHECKPOINTS_AFTER_STEP);
    query_bind_integer(&select, ":job", after->job_seq);
    query_bind_integer(&select, ":after", after->after);
    return read_checkpoints(&select, after->limit, arena, out, err);
}

int
checkpoints_page(struct db *db, int64_t job_seq, const struct list_query *query,
                 struct arena *arena, struct checkpoint_rows *out, struct err *err)
{
    *out = (struct checkpoint_rows){0};
    int64_t cursor = 0;
    struct query lookup = query_begin(db, STATEMENT_CHECKPOINT_SEQ);
    query_bind_text(&lookup, ":id", query->after);
    query_bind_integer(&lookup, ":job", job_seq);
    if (list_find_cursor(query, &lookup, "checkpoint", &cursor, err) != 0)
        return err->code;
    struct query select = query_begin(db, query->ascending ? STATEMENT_CHECKPOINTS_NEWER
                                                           : STATEMENT_CHECKPOINTS_OLDER);
    query_bind_integer(&select, ":job", job_seq);
    query_bind_integer(&select, ":cursor", cursor);
    return read_checkpoints(&select, query->limit, arena, out, err);
}

/* The model id of a checkpoint, under which a job would name it. */
static int
find_model(struct db *db, const char *id, struct arena *arena, const char **model, struct err *err)
{
    struct query query = query_begin(db, STATEMENT_CHECKPOINT_MODEL);
    query_bind_text(&query, ":id", id);
    int found = query_step(&query, err);
    if (found > 0)
        *model = query_take_text(&query, arena);
    query_end(&query);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no checkpoint '%.64s'", id);
    return found < 0 ? found : 0;
}

static int delete (struct db *db, void *context, struct err *err)
{
    const char *id = context;
    const char *model = NULL;
    struct arena *arena = arena_new();
    int result = find_model(db, id, arena, &model, err);
    if (result == 0)
        result = use_check(db, STATEMENT_MODEL_USER, "model", model, err);
    if (result == 0) {
        struct query query = query_begin(db, STATEMENT_CHECKPOINT_DELETE);
        query_bind_text(&query, ":id", id);
        result = query_run(&query, err);
    }
    arena_free(arena);
    return result;
}

int
checkpoints_delete(struct db *db, const char *id, struct err *err)
{
    return db_write(db, delete, (void *)(uintptr_t)id, err);
}
