/* Rows of fine-tuned models; see models.h. */
#include "daemon/store/models.h"

#include "daemon/store/columns.h"
#include "daemon/store/list.h"
#include "daemon/store/query.h"
#include "daemon/store/use.h"

static const struct column columns[] = {
    MODEL_COLUMNS(COLUMN_ROW_OF){COLUMN_INTEGER, offsetof(struct model_row, seq)}};
static const struct row_shape shape = {columns, sizeof columns / sizeof columns[0],
                                       sizeof(struct model_row)};

static int
insert(struct db *db, void *context, struct err *err)
{
    struct model_row *row = context;
    row->created_at = query_now();
    struct query query = query_begin(db, STATEMENT_MODEL_INSERT);
    query_bind_text(&query, ":id", row->id);
    query_bind_integer(&query, ":created_at", row->created_at);
    query_bind_text(&query, ":job_id", row->job_id);
    query_bind_text(&query, ":base", row->base);
    query_bind_text(&query, ":root", row->root);
    query_bind_text(&query, ":task", row->task);
    query_bind_integer(&query, ":hidden_size", row->shape.hidden_size);
    query_bind_integer(&query, ":layers", row->shape.layers);
    query_bind_integer(&query, ":parameters", row->shape.parameters);
    query_bind_integer(&query, ":max_seq_length", row->shape.max_seq_length);
    query_bind_integer(&query, ":stride", row->shape.stride);
    query_bind_text(&query, ":files", row->files_json);
    int result = query_run_integer(&query, &row->seq, err);
    return result < 0 ? result : 0;
}

int
models_insert(struct db *db, struct model_row *row, struct err *err)
{
    if (db_write(db, insert, row, err) != 0)
        return err_prefix(err, "record model %s", row->id);
    return 0;
}

int
models_get(struct db *db, const char *id, struct arena *arena, struct model_row *out,
           struct err *err)
{
    struct query query = query_begin(db, STATEMENT_MODEL_GET);
    query_bind_text(&query, ":id", id);
    return list_read_one(&query, &shape, "model", id, arena, out, err);
}

int
models_list(struct db *db, struct arena *arena, struct model_rows *out, struct err *err)
{
    *out = (struct model_rows){0};
    struct row_list rows = {.size = shape.size};
    struct query query = query_begin(db, STATEMENT_MODELS_ALL);
    int result = 0;
    while ((result = query_step(&query, err)) > 0)
        query_take_row(&query, shape.columns, shape.count, arena, list_add(&rows, arena));
    query_end(&query);
    out->items = rows.items;
    out->count = rows.count;
    return result;
}

static int delete (struct db *db, void *context, struct err *err)
{
    const char *id = context;
    if (use_check(db, STATEMENT_MODEL_USER, "model", id, err) != 0)
        return err->code;
    int64_t seq = 0;
    struct query query = query_begin(db, STATEMENT_MODEL_DELETE);
    query_bind_text(&query, ":id", id);
    int found = query_run_integer(&query, &seq, err);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no fine-tuned model '%.200s'", id);
    return found < 0 ? found : 0;
}

int
models_delete(struct db *db, const char *id, struct err *err)
{
    return db_write(db, delete, (void *)(uintptr_t)id, err);
}

int
models_check_unused(struct db *db, const char *id, struct err *err)
{
    return use_check(db, STATEMENT_MODEL_USER, "model", id, err);
}
