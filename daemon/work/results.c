/* A job's measures as CSV; see results.h. */
#include "daemon/work/results.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fileio.h"
#include "core/train/metrics.h"
#include "daemon/store/ids.h"
#include "daemon/store/jobs.h"
#include "daemon/store/metrics.h"

enum { POINTS_AT_ONCE = 1000, COLUMNS_MAX = 64 };

/* A column: its title and the metric that fills it. */
struct column {
    const char *title;
    const char *metric;
};

/* Those of the hosted API, in its order; accuracy has another name there. */
static const struct column first_columns[] = {
    {"train_loss", "train_loss"},
    {"train_accuracy", "train_accuracy"},
    {"valid_loss", "valid_loss"},
    {"valid_mean_token_accuracy", "valid_accuracy"},
};

enum { FIRST_COUNT = sizeof first_columns / sizeof first_columns[0] };

_Static_assert(FIRST_COUNT + METRIC_COUNT <= COLUMNS_MAX, "all metrics have a column");

struct table {
    struct column columns[COLUMNS_MAX];
    size_t count;
    struct db *db;
    int64_t job_seq;
};

static bool
has_metric(const struct table *table, const char *metric)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->columns[i].metric, metric) == 0)
            return true;
    return false;
}

static void
lay_out(struct table *table, enum task task)
{
    for (size_t i = 0; i < FIRST_COUNT; i++)
        table->columns[table->count++] = first_columns[i];
    for (int i = 0; i < METRIC_COUNT; i++) {
        const char *name = metric_name((enum metric)i);
        if (metric_has_task((enum metric)i, task) && !has_metric(table, name))
            table->columns[table->count++] = (struct column){name, name};
    }
}

static void
print_titles(const struct table *table, struct buf *out)
{
    buf_append_string(out, "step");
    for (size_t i = 0; i < table->count; i++)
        buf_printf(out, ",%s", table->columns[i].title);
    buf_append_string(out, "\n");
}

static void
print_point(const struct table *table, const struct point_row *point, struct buf *out)
{
    buf_printf(out, "%" PRId64, point->step);
    for (size_t i = 0; i < table->count; i++) {
        buf_append_string(out, ",");
        for (size_t k = 0; k < point->measure_count; k++)
            if (strcmp(point->measures[k].name, table->columns[i].metric) == 0)
                buf_printf(out, "%.9g", point->measures[k].value);
    }
    buf_append_string(out, "\n");
}

/* One read of points and one write; *after moves on. */
static int
write_some(const struct table *table, int fd, int64_t *after, bool *has_more, struct err *err)
{
    struct point_query query = {.after_step = *after, .limit = POINTS_AT_ONCE};
    struct point_rows points;
    struct buf text = {0};
    struct arena *arena = arena_new();
    int code = metrics_query(table->db, table->job_seq, &query, arena, &points, err);
    if (code == 0) {
        for (size_t i = 0; i < points.count; i++)
            print_point(table, &points.items[i], &text);
        if (points.count > 0)
            *after = points.items[points.count - 1].step;
        *has_more = points.has_more;
        code = fileio_put(fd, buf_string(&text), text.length, err);
    }
    buf_fini(&text);
    arena_free(arena);
    return code;
}

static int
write_table(const struct table *table, int fd, struct err *err)
{
    struct buf titles = {0};
    int64_t after = -1;
    bool has_more = true;
    print_titles(table, &titles);
    int code = fileio_put(fd, titles.data, titles.length, err);
    buf_fini(&titles);
    while (code == 0 && has_more)
        code = write_some(table, fd, &after, &has_more, err);
    return code;
}

static int
store_table(const struct data_dir *dir, const char *path, int fd, struct file_row *out,
            struct arena *arena, struct err *err)
{
    char id[IDS_SIZE];
    char sha256[65];
    off_t bytes = lseek(fd, 0, SEEK_END);
    if (bytes < 0)
        return err_set_errno(err, "measure %s", path);
    if (fileio_sha256(path, sha256, err) != 0)
        return err->code;
    ids_new(ID_FILE, id);
    *out = (struct file_row){
        .id = arena_copy_string(arena, id),
        .bytes = (int64_t)bytes,
        .filename = RESULTS_FILENAME,
        .purpose = RESULTS_PURPOSE,
        .sha256 = arena_copy_string(arena, sha256),
    };
    return data_dir_store_file(dir, path, out->id, err);
}

int
results_store(const struct store *store, struct db *db, const struct results_job *job,
              struct arena *arena, struct file_row *out, struct err *err)
{
    struct table table = {.db = db, .job_seq = job->seq};
    struct err ignored;
    const char *path = NULL;
    int fd = -1;
    lay_out(&table, job->task);
    if (data_dir_tmp_create(store->dir, arena, &path, &fd, err) != 0)
        return err->code;
    int code = write_table(&table, fd, err);
    if (code == 0)
        code = store_table(store->dir, path, fd, out, arena, err);
    close(fd);
    if (code != 0)
        data_dir_remove_tmp(store->dir, path, &ignored);
    return code == 0 ? 0 : err_prefix(err, "write the measures of a job");
}

int
results_insert(struct db *db, int64_t job_seq, struct file_row *row, struct err *err)
{
    if (files_insert(db, row, err) != 0)
        return err->code;
    return jobs_set_result(db, job_seq, row->id, err);
}

void
results_drop(const struct store *store, const struct file_row *row)
{
    struct err ignored;
    data_dir_remove_file(store->dir, row->id, &ignored);
}
