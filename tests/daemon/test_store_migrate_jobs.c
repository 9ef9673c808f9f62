/* Migration 0004 makes the table of jobs anew: every row, index, trigger and reference survives it.
 */
#include "core/base/fileio.h"
#include "daemon/store/migrate.h"
#include "daemon/store/query.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BEFORE = 3 };

/* Three jobs, the second with all that can hang on one; the third is gone again. */
static const char rows_before[] =
    "INSERT INTO jobs (id, status, created_at, started_at, model, root_model, training_file,"
    " suffix, seed, metadata, request, parameters, task, labels, priority, attempt, step, latest,"
    " estimated_memory_bytes) VALUES"
    " ('ftjob-aaaaaaaa1', 'queued', 1, NULL, 'm', 'm', 'file-1', NULL, 7, NULL, '{}', '{}',"
    " 'classification', '[\"a\"]', 0, 0, 0, '{}', -1),"
    " ('ftjob-bbbbbbbb2', 'running', 2, 3, 'm', 'm', 'file-1', 's', 8, '{\"team\":\"a b\"}', '{}',"
    " '{\"n_epochs\":3}', 'classification', '[\"a\",\"b\"]', 5, 2, 40, '{\"train_loss\":0.5}', 99),"
    " ('ftjob-cccccccc3', 'failed', 4, NULL, 'm', 'm', 'file-1', NULL, 9, NULL, '{}', '{}',"
    " 'classification', '[]', 0, 1, 0, '{}', -1);"
    "DELETE FROM jobs WHERE id = 'ftjob-cccccccc3';"
    "INSERT INTO events (job_seq, id, created_at, level, type, message)"
    " VALUES (2, 'ftevent-1', 5, 'info', 'message', 'Hello');"
    "INSERT INTO metric_points (job_seq, step, epoch, created_at, measures)"
    " VALUES (2, 1, 0.5, 5, '{\"train_loss\":1}');"
    "INSERT INTO checkpoints (job_seq, id, created_at, model, step, hidden_size, layers, "
    "parameters,"
    " max_seq_length, measures, files) VALUES (2, 'ftckpt_1', 5, 'ft:m', 40, 1, 1, 1, 1, '{}', "
    "'[]')";

static void
migrate(const char *path, size_t count)
{
    struct err err;
    struct migration_list list = migrate_embedded();
    list.count = count < list.count ? count : list.count;
    if (migrate_run(path, list, &err) != 0)
        fail_msg("%s", err.message);
}

static struct db *
open_database(const char *path)
{
    struct db *db = NULL;
    struct err err;
    if (db_open(path, &db, &err) != 0)
        fail_msg("%s", err.message);
    return db;
}

static void
tell(struct db *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db->connection, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

/* The answer as text, rows and columns one behind the other. */
static const char *
ask(struct db *db, struct arena *arena, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    const char *answer = "";
    if (sqlite3_prepare_v2(db->connection, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db->connection));
    while (sqlite3_step(statement) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const unsigned char *text = sqlite3_column_text(statement, i);
            answer = arena_printf(arena, "%s%s|", answer, text != NULL ? (const char *)text : "-");
        }
    sqlite3_finalize(statement);
    return answer;
}

/* All columns that the table had before, in its order. */
static const char *
old_columns(struct db *db, struct arena *arena)
{
    return ask(db, arena,
               "SELECT group_concat(name, ', ') FROM pragma_table_info('jobs') ORDER BY cid");
}

static void
jobs_survive_being_made_anew(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_open(&scratch);
    struct arena *arena = scratch.arena;
    const char *path = scratch_path(&scratch, "finetuned.db");
    migrate(path, BEFORE);
    struct db *db = open_database(path);
    tell(db, rows_before);
    char *columns = arena_copy_string(arena, old_columns(db, arena));
    columns[strcspn(columns, "|")] = '\0';
    const char *all = arena_printf(arena, "SELECT %s FROM jobs ORDER BY seq", columns);
    const char *before = ask(db, arena, all);
    db_close(db);
    migrate(path, SIZE_MAX);
    db = open_database(path);
    assert_string_equal(ask(db, arena, all), before);
    assert_string_equal(ask(db, arena, "PRAGMA foreign_key_check"), "");
    assert_string_equal(ask(db, arena, "PRAGMA integrity_check"), "ok|");
    assert_string_equal(ask(db, arena, "SELECT crashes, idle_ends, estimated_disk_bytes FROM jobs"),
                        "0|0|-1|0|0|-1|");
    assert_string_equal(ask(db, arena, "SELECT key, value, job_seq FROM job_metadata"),
                        "team|a b|2|");
    db_close(db);
    scratch_close(&scratch);
}

static void
what_hangs_on_a_job_still_does(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_open(&scratch);
    struct arena *arena = scratch.arena;
    const char *path = scratch_path(&scratch, "finetuned.db");
    migrate(path, BEFORE);
    struct db *db = open_database(path);
    tell(db, rows_before);
    db_close(db);
    migrate(path, BEFORE + 1);
    db = open_database(path);
    tell(db, "UPDATE jobs SET status = 'pausing' WHERE seq = 2");
    tell(db, "UPDATE jobs SET metadata = '{\"k\":\"v\"}' WHERE seq = 1"); /* triggers */
    assert_string_equal(ask(db, arena, "SELECT key, value FROM job_metadata WHERE job_seq = 1"),
                        "k|v|");
    tell(db, "INSERT INTO jobs (id, status, created_at, model, root_model, training_file, seed,"
             " request, parameters, task, labels, priority) VALUES ('ftjob-dddddddd4', 'paused', 1,"
             " 'm', 'm', 'f', 1, '{}', '{}', 't', '[]', 0)");
    assert_string_equal(ask(db, arena, "SELECT max(seq) FROM jobs"),
                        "4|"); /* 3 is not given again */
    tell(db, "DELETE FROM jobs WHERE seq = 2");
    assert_string_equal(ask(db, arena, "SELECT count(*) FROM events"), "0|");
    assert_string_equal(ask(db, arena, "SELECT count(*) FROM metric_points"), "0|");
    assert_string_equal(ask(db, arena, "SELECT count(*) FROM checkpoints"), "0|");
    assert_string_equal(ask(db, arena, "SELECT count(*) FROM job_metadata"), "1|");
    assert_string_equal(
        ask(db, arena,
            "SELECT name FROM sqlite_schema WHERE tbl_name = 'jobs' AND sql NOT NULL"
            " AND type != 'table' ORDER BY name"),
        "jobs_by_short_id|jobs_by_status|jobs_metadata_inserted|"
        "jobs_metadata_updated|");
    db_close(db);
    scratch_close(&scratch);
}

static void
database_without_jobs_is_made_anew_too(void **state)
{
    struct scratch scratch;
    (void)state;
    scratch_open(&scratch);
    const char *path = scratch_path(&scratch, "finetuned.db");
    migrate(path, BEFORE);
    migrate(path, SIZE_MAX);
    struct db *db = open_database(path);
    assert_string_equal(ask(db, scratch.arena, "SELECT count(*) FROM jobs"), "0|");
    assert_string_equal(ask(db, scratch.arena, "SELECT paused_at FROM queue"), "-|");
    db_close(db);
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_survive_being_made_anew),
        cmocka_unit_test(what_hangs_on_a_job_still_does),
        cmocka_unit_test(database_without_jobs_is_made_anew_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
