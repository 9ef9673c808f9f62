/*
 * Databases of every earlier schema (fixtures/schema, with rows in each table) are brought up to
 * date and lose nothing; one of a newer schema stays as it is, to the byte.
 */
#include "core/base/fileio.h"
#include "daemon/store/db_check.h"
#include "daemon/store/inventory.h"
#include "daemon/store/migrate.h"
#include "daemon/store/query.h"
#include "daemon/store/restore.h"
#include "tests/daemon/store_fixture.h"

enum { DATABASE_MAX_BYTES = 1 << 24, JOBS = 4, POINTS = 160 };

static void
execute(const char *path, const char *sql)
{
    struct db *db = NULL;
    struct err err;
    char *message = NULL;
    assert_int_equal(db_open(path, &db, &err), 0);
    if (sqlite3_exec(db->connection, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    db_close(db);
}

/* A data directory with the database of a schema; the store is closed. */
static const char *
make_database(struct fixture *f, size_t schema)
{
    struct buf sql = {0};
    const char *fixture = arena_printf(f->arena, FIXTURES "/schema/%04zu.sql", schema);
    if (f->db != NULL)
        fixture_close_store(f);
    f->path = scratch_path(&f->scratch, arena_printf(f->arena, "data-%zu", schema));
    fixture_open_store(f); /* lays out the folders */
    const char *path = data_dir_database_path(f->store.dir, f->arena);
    fixture_close_store(f);
    assert_int_equal(fileio_remove_tree(path, &f->err), 0);
    if (fileio_read(fixture, DATABASE_MAX_BYTES, &sql, &f->err) != 0)
        fail_msg("%s: a migration needs its fixture: see generate.py there", f->err.message);
    execute(path, buf_string(&sql));
    buf_fini(&sql);
    return path;
}

static int64_t
ask(struct fixture *f, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(f->db->connection, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->db->connection));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void
check_jobs(struct fixture *f)
{
    static const enum job_state states[JOBS] = {JOB_STATE_SUCCEEDED, JOB_STATE_RUNNING,
                                                JOB_STATE_QUEUED, JOB_STATE_FAILED};
    struct job_rows jobs = {0};
    const struct list_query all = {.limit = 10, .ascending = true};
    fixture_ok(f, jobs_page(f->db, &all, NULL, 0, f->arena, &jobs, &f->err));
    assert_int_equal(jobs.count, JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(jobs.items[i].state, states[i]);
        assert_int_equal(jobs.items[i].seed, 7 + i);
        assert_string_equal(jobs.items[i].labels_json, "[\"no\",\"yes\"]");
        assert_int_equal(jobs.items[i].progress.step, 40);
        assert_string_equal(jobs.items[i].measures[0].name, "train_loss");
        assert_int_equal(fixture_events(f, jobs.items[i].seq).count, 1);
    }
    const struct job_metadata_filter filter = {"team", "a b"};
    fixture_ok(f, jobs_page(f->db, &all, &filter, 1, f->arena, &jobs, &f->err));
    assert_int_equal(jobs.count, 2);
    assert_string_equal(jobs.items[1].error_code, "diverged");
}

/* What was thinned by buckets must be as if they had always been kept. */
static void
check_points(struct fixture *f)
{
    struct point_rows points = {0};
    const struct point_query all = {.after_step = -1, .limit = 100};
    const struct point_query few = {.after_step = -1, .limit = 4};
    fixture_ok(f, metrics_query(f->db, 1, &all, f->arena, &points, &f->err));
    assert_int_equal(points.count, 40);
    fixture_ok(f, metrics_thin(f->db, 1, &few, f->arena, &points, &f->err));
    assert_in_range(points.count, 2, 4);
    assert_int_equal(points.items[0].step, 1);
    assert_int_equal(points.items[points.count - 1].step, 40);
    assert_int_equal(ask(f, "SELECT count(*) FROM metric_points"), POINTS);
}

static void
check_rest(struct fixture *f, size_t schema)
{
    struct file_row file = {0};
    struct model_rows models = {0};
    struct checkpoint_rows checkpoints = {0};
    struct inventory inventory = {0};
    const struct list_query all = {.limit = 10};
    fixture_ok(f, files_get(f->db, "file-AAAAAAAAAAAAAAAAAAAAAAAA", f->arena, &file, &f->err));
    assert_string_equal(file.filename, "train.jsonl");
    assert_int_equal(file.expires_at, 0);
    fixture_ok(f, models_list(f->db, f->arena, &models, &f->err));
    assert_int_equal(models.count, 1);
    assert_string_equal(models.items[0].id, "ft:base:local::aaaaaaaa");
    fixture_ok(f, checkpoints_page(f->db, 2, &all, f->arena, &checkpoints, &f->err));
    assert_int_equal(checkpoints.count, 1);
    assert_int_equal(checkpoints.items[0].step, 20);
    fixture_ok(f, db_check(f->db, &f->err));
    fixture_ok(f, inventory_list(f->db, f->store.dir, f->arena, &inventory, &f->err));
    assert_int_equal(inventory.count, 3 + (schema >= 3 ? 3 : 0)); /* an upload has expired */
}

static void
every_earlier_schema_is_brought_up_to_date(void **state)
{
    struct fixture *f = *state;
    size_t newest = migrate_embedded().count;
    for (size_t schema = 1; schema <= newest; schema++) {
        size_t applied = 0;
        const char *path = make_database(f, schema);
        fixture_ok(f, migrate_inspect(path, migrate_embedded(), &applied, &f->err));
        assert_int_equal(applied, schema);
        fixture_open_store(f);
        check_jobs(f);
        check_points(f);
        check_rest(f, schema);
        assert_int_equal(ask(f, "SELECT count(*) FROM migrations"), newest);
        const char *copy = arena_printf(f->arena, "%s.before-%04zu", path, schema + 1);
        assert_int_equal(fileio_exists(copy), schema < newest);
    }
}

/* Of models that were there before it was told, their jobs know. */
static void
stride_of_earlier_models_is_that_of_their_jobs(void **state)
{
    struct fixture *f = *state;
    struct model_rows models = {0};
    struct checkpoint_rows checkpoints = {0};
    const struct list_query all = {.limit = 10};
    for (int trained = 0; trained <= 1; trained++) {
        const char *path = make_database(f, 12);
        execute(path, trained ? "UPDATE jobs SET parameters = '{\"stride\":0}'"
                              : "UPDATE jobs SET parameters = '{\"stride\":null}'");
        fixture_open_store(f);
        fixture_ok(f, models_list(f->db, f->arena, &models, &f->err));
        fixture_ok(f, checkpoints_page(f->db, 2, &all, f->arena, &checkpoints, &f->err));
        assert_int_equal(models.items[0].shape.stride, trained ? 0 : -1);
        assert_int_equal(checkpoints.items[0].shape.stride, trained ? 0 : -1);
        fixture_close_store(f);
        assert_int_equal(fileio_remove_tree(f->path, &f->err), 0);
    }
}

static void
store_empty(struct fixture *f, const char *inside)
{
    const char *path = arena_printf(f->arena, "%s/%s", f->path, inside);
    const char *folder = arena_copy_bytes(f->arena, path, (size_t)(strrchr(path, '/') - path));
    fixture_ok(f, fileio_make_folder(folder, &f->err));
    fixture_ok(f, fileio_write(path, "", 0, &f->err));
}

/* Before an upgrade, say: the backup keeps the schema that the data have. */
static void
an_earlier_schema_is_backed_up_as_it_is(void **state)
{
    struct fixture *f = *state;
    size_t applied = 0;
    struct backup_report report;
    make_database(f, 2);
    store_empty(f, "files/file-AAAAAAAAAAAAAAAAAAAAAAAA");
    store_empty(f, "models/ftjob-aaaaaaaa0000000000000000/model.safetensors");
    store_empty(f, "jobs/ftjob-bbbbbbbb0000000000000000/checkpoints/step-20/model.safetensors");
    const char *file = scratch_path(&f->scratch, "backup");
    const struct backup_order out = {.data_dir = f->path, .file = file};
    fixture_ok(f, backup_write(&out, &report, &f->err));
    assert_int_equal(report.schema, 2);
    assert_int_equal(report.files, 3);
    f->path = scratch_path(&f->scratch, "copy");
    const struct restore_order in = {.file = file, .data_dir = f->path};
    fixture_ok(f, restore_run(&in, &report, &f->err));
    const char *database = arena_printf(f->arena, "%s/finetuned.db", f->path);
    fixture_ok(f, migrate_inspect(database, migrate_embedded(), &applied, &f->err));
    assert_int_equal(applied, 2);
    fixture_open_store(f);
    check_jobs(f);
    check_rest(f, 2);
}

static void
a_newer_database_stays_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct store store;
    struct buf before = {0};
    struct buf after = {0};
    const char *path = make_database(f, migrate_embedded().count);
    execute(path, "INSERT INTO migrations SELECT max(number) + 1, '9999_newer',"
                  " printf('%064d', 1), 1 FROM migrations; CREATE TABLE things_to_come (x)");
    fixture_ok(f, fileio_read(path, DATABASE_MAX_BYTES, &before, &f->err));
    assert_int_equal(store_open(f->path, &store, &f->err), ERR_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "newer finetuned"));
    fixture_ok(f, fileio_read(path, DATABASE_MAX_BYTES, &after, &f->err));
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    assert_false(fileio_exists(
        arena_printf(f->arena, "%s.before-%04zu", path, migrate_embedded().count + 1)));
    buf_fini(&before);
    buf_fini(&after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_earlier_schema_is_brought_up_to_date),
        STORE_TEST(stride_of_earlier_models_is_that_of_their_jobs),
        STORE_TEST(an_earlier_schema_is_backed_up_as_it_is),
        STORE_TEST(a_newer_database_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
