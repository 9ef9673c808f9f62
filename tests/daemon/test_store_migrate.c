/* Migrations: applied once, in order, whole or not at all; what we do not know is left untouched.
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
#include <sys/stat.h>

#include <cmocka.h>

enum { DATABASE_MAX_BYTES = 1 << 20 };

#define MIGRATION(name, sql)                                                                       \
    {                                                                                              \
        name, (const unsigned char *)sql, sizeof sql - 1                                           \
    }

static const char first_sql[] = "CREATE TABLE a (x INTEGER PRIMARY KEY) STRICT; INSERT INTO a "
                                "VALUES (1), (2); CREATE TABLE b (x INTEGER REFERENCES a (x));"
                                "INSERT INTO b VALUES (1)";
static const char second_sql[] = "ALTER TABLE a ADD COLUMN y INTEGER";

static const struct migration known[] = {
    MIGRATION("0001_first", first_sql),
    MIGRATION("0002_second", second_sql),
};

static int
setup(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    scratch_open(scratch);
    *state = scratch;
    return 0;
}

static int
teardown(void **state)
{
    scratch_close(*state);
    free(*state);
    return 0;
}

static const char *
database(struct scratch *scratch)
{
    return scratch_path(scratch, "finetuned.db");
}

static void
migrate(struct scratch *scratch, size_t count)
{
    struct err err;
    if (migrate_run(database(scratch), (struct migration_list){known, count}, &err) != 0)
        fail_msg("%s", err.message);
}

/* One integer out of a database; -1 when the SQL does not even compile. */
static int64_t
ask(const char *path, const char *sql)
{
    struct db *db = NULL;
    struct err err;
    assert_int_equal(db_open_read_only(path, &db, &err), 0);
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db->connection, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    db_close(db);
    return value;
}

static void
tell(const char *path, const char *sql)
{
    struct db *db = NULL;
    struct err err;
    assert_int_equal(db_open(path, &db, &err), 0);
    assert_int_equal(sqlite3_exec(db->connection, sql, NULL, NULL, NULL), SQLITE_OK);
    db_close(db);
}

static void
read_database(struct scratch *scratch, struct buf *bytes)
{
    struct err err;
    buf_clear(bytes);
    assert_int_equal(fileio_read(database(scratch), DATABASE_MAX_BYTES, bytes, &err), 0);
}

/* Run the list, expect this refusal, and compare every byte of the file. */
static void
expect_refused_untouched(struct scratch *scratch, struct migration_list list, int code,
                         const char *words)
{
    struct buf before = {0};
    struct buf after = {0};
    struct err err;
    read_database(scratch, &before);
    assert_int_equal(migrate_run(database(scratch), list, &err), code);
    if (strstr(err.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.message);
    read_database(scratch, &after);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    assert_false(fileio_exists(scratch_path(scratch, "finetuned.db.before-0002")));
    buf_fini(&before);
    buf_fini(&after);
}

static void
fresh_database_gets_all_of_them_and_no_copy(void **state)
{
    struct scratch *scratch = *state;
    migrate(scratch, 2);
    const char *path = database(scratch);
    assert_int_equal(ask(path, "SELECT count(*) FROM migrations"), 2);
    assert_int_equal(ask(path, "SELECT count(*) FROM migrations WHERE applied_at > 0 AND"
                               " length(sha256) = 64 AND name LIKE printf('%04d_%%', number)"),
                     2);
    assert_int_equal(ask(path, "PRAGMA application_id"), DB_APPLICATION_ID);
    assert_int_equal(ask(path, "SELECT count(y) FROM a"), 0);
    assert_false(fileio_exists(scratch_path(scratch, "finetuned.db.before-0001")));
    assert_false(fileio_exists(scratch_path(scratch, "finetuned.db.before-0002")));
}

static void
applied_migrations_are_not_applied_again(void **state)
{
    migrate(*state, 2);
    migrate(*state, 2);
    assert_int_equal(ask(database(*state), "SELECT count(*) FROM a"), 2);
}

static void
database_is_copied_before_a_pending_one(void **state)
{
    struct scratch *scratch = *state;
    migrate(scratch, 1);
    migrate(scratch, 2);
    const char *copy = scratch_path(scratch, "finetuned.db.before-0002");
    struct stat status;
    assert_int_equal(stat(copy, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(ask(copy, "SELECT count(*) FROM a"), 2);
    assert_int_equal(ask(copy, "SELECT y FROM a"), -1);
    assert_int_equal(ask(copy, "SELECT count(*) FROM migrations"), 1);
    assert_int_equal(ask(database(scratch), "SELECT count(*) FROM migrations"), 2);
    assert_false(fileio_exists(scratch_path(scratch, "finetuned.db.before-0002.unfinished")));
}

static void
newer_database_is_refused_untouched(void **state)
{
    migrate(*state, 2);
    expect_refused_untouched(*state, (struct migration_list){known, 1}, ERR_UNSUPPORTED, "newer");
}

static void
changed_text_of_a_migration_is_refused_untouched(void **state)
{
    static const char changed_sql[] = "ALTER TABLE a ADD COLUMN y INTEGER -- a comment";
    const struct migration changed[] = {known[0], MIGRATION("0002_second", changed_sql)};
    migrate(*state, 2);
    expect_refused_untouched(*state, (struct migration_list){changed, 2}, ERR_UNSUPPORTED,
                             "0002_second");
}

static void
tampered_hash_in_the_history_is_refused_untouched(void **state)
{
    migrate(*state, 1);
    tell(database(*state), "UPDATE migrations SET sha256 = printf('%064d', 0)");
    expect_refused_untouched(*state, (struct migration_list){known, 2}, ERR_UNSUPPORTED,
                             "0001_first");
}

static void
gap_in_the_history_is_refused_untouched(void **state)
{
    migrate(*state, 2);
    tell(database(*state), "DELETE FROM migrations WHERE number = 1");
    expect_refused_untouched(*state, (struct migration_list){known, 2}, ERR_INVALID,
                             "migration 1 is missing");
}

static void
database_of_another_program_is_refused_untouched(void **state)
{
    tell(database(*state), "CREATE TABLE recipes (name TEXT); PRAGMA application_id = 77");
    expect_refused_untouched(*state, (struct migration_list){known, 2}, ERR_INVALID,
                             "no database of finetuned");
    tell(database(*state), "PRAGMA application_id = 0");
    expect_refused_untouched(*state, (struct migration_list){known, 2}, ERR_INVALID,
                             "no database of finetuned");
}

/* The second migration is `sql`: it must fail and leave the first one's state. */
static void
expect_second_fails(struct scratch *scratch, const char *sql, const char *words)
{
    const struct migration bad[] = {known[0],
                                    {"0002_bad", (const unsigned char *)sql, strlen(sql)}};
    struct err err;
    migrate(scratch, 1);
    assert_int_not_equal(migrate_run(database(scratch), (struct migration_list){bad, 2}, &err), 0);
    if (strstr(err.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.message);
    const char *path = database(scratch);
    assert_int_equal(ask(path, "SELECT count(*) FROM migrations"), 1);
    assert_int_equal(ask(path, "SELECT count(*) FROM a"), 2);
}

static void
failed_migration_leaves_nothing(void **state)
{
    expect_second_fails(*state, "DELETE FROM a WHERE x = 2; CREATE TABLE a (again INTEGER)",
                        "0002_bad");
    migrate(*state, 2);
}

static void
migration_that_breaks_a_reference_is_undone(void **state)
{
    expect_second_fails(*state, "DELETE FROM a WHERE x = 1", "reference");
}

static void
failed_first_migration_leaves_an_empty_database(void **state)
{
    static const char sql[] = "CREATE TABLE a (x INTEGER); nonsense";
    const struct migration bad[] = {MIGRATION("0001_bad", sql)};
    struct err err;
    assert_true(migrate_run(database(*state), (struct migration_list){bad, 1}, &err) < 0);
    assert_int_equal(ask(database(*state), "SELECT count(*) FROM sqlite_schema"), 0);
    migrate(*state, 2);
}

static void
tables_can_be_rebuilt(void **state)
{
    static const char sql[] = "CREATE TABLE new_a (x INTEGER PRIMARY KEY, z TEXT) STRICT;"
                              "INSERT INTO new_a (x) SELECT x FROM a; DROP TABLE a;"
                              "ALTER TABLE new_a RENAME TO a";
    const struct migration rebuild[] = {known[0], MIGRATION("0002_rebuild", sql)};
    struct err err;
    migrate(*state, 1);
    if (migrate_run(database(*state), (struct migration_list){rebuild, 2}, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(ask(database(*state), "SELECT count(*) FROM b JOIN a USING (x)"), 1);
}

static void
embedded_ones_are_numbered_and_apply(void **state)
{
    struct migration_list list = migrate_embedded();
    assert_true(list.count >= 1);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(strtol(list.items[i].name, NULL, 10), (long)i + 1);
    struct err err;
    if (migrate_run(database(*state), list, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(ask(database(*state), "SELECT count(*) FROM jobs"), 0);
}

#define MIGRATE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MIGRATE_TEST(fresh_database_gets_all_of_them_and_no_copy),
        MIGRATE_TEST(applied_migrations_are_not_applied_again),
        MIGRATE_TEST(database_is_copied_before_a_pending_one),
        MIGRATE_TEST(newer_database_is_refused_untouched),
        MIGRATE_TEST(changed_text_of_a_migration_is_refused_untouched),
        MIGRATE_TEST(tampered_hash_in_the_history_is_refused_untouched),
        MIGRATE_TEST(gap_in_the_history_is_refused_untouched),
        MIGRATE_TEST(database_of_another_program_is_refused_untouched),
        MIGRATE_TEST(failed_migration_leaves_nothing),
        MIGRATE_TEST(migration_that_breaks_a_reference_is_undone),
        MIGRATE_TEST(failed_first_migration_leaves_an_empty_database),
        MIGRATE_TEST(tables_can_be_rebuilt),
        MIGRATE_TEST(embedded_ones_are_numbered_and_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
