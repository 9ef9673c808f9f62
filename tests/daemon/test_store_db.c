/* Connections have their settings; write transactions are whole or nothing. */
#include "daemon/store/query.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One integer of any SQL text. */
static int64_t
ask(struct db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db->connection, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void
tell(struct db *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db->connection, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void
every_connection_has_its_settings(void **state)
{
    struct fixture *f = *state;
    struct db *second = db_pool_acquire(f->store.pool, &f->err);
    struct db *both[] = {f->db, second};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ask(both[i], "PRAGMA synchronous"), 2);
        assert_int_equal(ask(both[i], "PRAGMA foreign_keys"), 1);
        assert_int_equal(ask(both[i], "PRAGMA trusted_schema"), 0);
        assert_int_equal(ask(both[i], "PRAGMA busy_timeout"), 5000);
        assert_int_equal(ask(both[i], "PRAGMA application_id"), DB_APPLICATION_ID);
        assert_int_equal(
            ask(both[i], "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
    }
    db_pool_release(f->store.pool, second);
}

static void
database_files_are_private(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"data/finetuned.db", "data/finetuned.db-wal",
                                        "data/finetuned.db-shm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat status;
        assert_int_equal(stat(scratch_path(&f->scratch, names[i]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

/* Where the file system cannot keep room there is nothing to be seen. */
static bool
room_can_be_kept(struct fixture *f)
{
    int fd = open(scratch_path(&f->scratch, "room"), O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    bool can = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20) == 0;
    close(fd);
    return can;
}

/* So a disk that fills up meanwhile does not keep the daemon from starting. */
static void
log_is_emptied_by_a_stop_and_keeps_its_room(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    fixture_add_file(f, "fine-tune");
    fixture_close_store(f);
    assert_int_equal(stat(scratch_path(&f->scratch, "data/finetuned.db-shm"), &status), 0);
    assert_int_equal(stat(scratch_path(&f->scratch, "data/finetuned.db-wal"), &status), 0);
    assert_int_equal(status.st_size, 0);
    if (room_can_be_kept(f))
        assert_true(status.st_blocks * 512 >= 8 << 20);
    fixture_open_store(f);
    assert_int_equal(ask(f->db, "SELECT count(*) FROM files"), 1);
}

static void
pool_gives_back_what_was_released(void **state)
{
    struct fixture *f = *state;
    struct db *second = db_pool_acquire(f->store.pool, &f->err);
    assert_non_null(second);
    assert_ptr_not_equal(second, f->db);
    db_pool_release(f->store.pool, second);
    assert_ptr_equal(db_pool_acquire(f->store.pool, &f->err), second);
    db_pool_release(f->store.pool, second);
    db_pool_release(f->store.pool, NULL);
}

static int
insert_then(struct db *db, void *context, struct err *err)
{
    tell(db, "INSERT INTO files (id, created_at, bytes, filename, purpose, sha256)"
             " VALUES ('x', 1, 1, 'x', 'x', printf('%064d', 0))");
    return *(bool *)context ? 0 : err_set(err, ERR_CONFLICT, "no");
}

static void
failed_transaction_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    bool succeed = false;
    assert_int_equal(db_write(f->db, insert_then, &succeed, &f->err), ERR_CONFLICT);
    assert_int_equal(ask(f->db, "SELECT count(*) FROM files"), 0);
    succeed = true;
    fixture_ok(f, db_write(f->db, insert_then, &succeed, &f->err));
    assert_int_equal(ask(f->db, "SELECT count(*) FROM files"), 1);
}

static int
pass_over_a_failure(struct db *db, void *context, struct err *err)
{
    struct err ignored;
    bool succeed = false;
    (void)context;
    (void)err;
    assert_int_equal(db_write(db, insert_then, &succeed, &ignored), ERR_CONFLICT);
    return 0;
}

static void
outer_transaction_cannot_commit_a_failed_part(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_write(f->db, pass_over_a_failure, NULL, &f->err), ERR_INTERNAL);
    assert_int_equal(ask(f->db, "SELECT count(*) FROM files"), 0);
    bool succeed = true;
    fixture_ok(f, db_write(f->db, insert_then, &succeed, &f->err));
}

static void
full_database_is_err_full_and_goes_on_after(void **state)
{
    struct fixture *f = *state;
    tell(f->db, "PRAGMA max_page_count = 1"); /* means: not a page more than there are */
    char *id = arena_alloc(f->arena, IDS_SIZE);
    char *details = arena_alloc(f->arena, 100001);
    memset(details, 'x', 100000);
    ids_new(ID_FILE, id);
    struct file_row row = {.id = id,
                           .filename = "f",
                           .purpose = "fine-tune",
                           .sha256 = fixture_sha256,
                           .status_details = details};
    assert_int_equal(files_insert(f->db, &row, &f->err), ERR_FULL);
    assert_null(strstr(f->err.message, "INSERT"));
    tell(f->db, "PRAGMA max_page_count = 1000000");
    fixture_ok(f, files_insert(f->db, &row, &f->err));
}

static void
database_is_writable_while_nobody_holds_it(void **state)
{
    struct fixture *f = *state;
    struct db *other = db_pool_acquire(f->store.pool, &f->err);
    fixture_ok(f, db_check_writable(f->db, &f->err));
    tell(other, "BEGIN IMMEDIATE");
    sqlite3_busy_timeout(f->db->connection, 1);
    assert_int_equal(db_check_writable(f->db, &f->err), ERR_IO);
    tell(other, "COMMIT");
    fixture_ok(f, db_check_writable(f->db, &f->err));
    db_pool_release(f->store.pool, other);
}

/* Part of a transaction that has written nothing yet: can the other connection write? */
static int
try_other(struct db *db, void *context, struct err *err)
{
    struct db *other = context;
    (void)db;
    sqlite3_busy_timeout(other->connection, 0);
    assert_int_equal(db_check_writable(other, err), ERR_IO);
    return 0;
}

static void
write_transaction_holds_the_lock_before_it_reads(void **state)
{
    struct fixture *f = *state;
    struct db *other = db_pool_acquire(f->store.pool, &f->err);
    fixture_ok(f, db_write(f->db, try_other, other, &f->err));
    fixture_ok(f, db_check_writable(other, &f->err));
    db_pool_release(f->store.pool, other);
}

static void
damaged_database_is_refused_in_words(void **state)
{
    struct fixture *f = *state;
    char bytes[8192];
    memset(bytes, 'z', sizeof bytes);
    struct db *db = NULL;
    const char *path = scratch_write(&f->scratch, "bad.db", bytes, sizeof bytes);
    assert_int_equal(db_open(path, &db, &f->err), ERR_INVALID);
    assert_null(db);
    assert_non_null(strstr(f->err.message, "restore a backup"));
}

static void
reader_does_not_wait_for_a_writer(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_add_file(f, "fine-tune");
    struct db *writer = db_pool_acquire(f->store.pool, &f->err);
    tell(writer, "BEGIN IMMEDIATE");
    tell(writer, "DELETE FROM files");
    sqlite3_busy_timeout(f->db->connection, 0);
    struct file_row row;
    fixture_ok(f, files_get(f->db, id, f->arena, &row, &f->err));
    tell(writer, "ROLLBACK");
    db_pool_release(f->store.pool, writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_connection_has_its_settings),
        STORE_TEST(database_files_are_private),
        STORE_TEST(log_is_emptied_by_a_stop_and_keeps_its_room),
        STORE_TEST(pool_gives_back_what_was_released),
        STORE_TEST(failed_transaction_leaves_nothing),
        STORE_TEST(outer_transaction_cannot_commit_a_failed_part),
        STORE_TEST(full_database_is_err_full_and_goes_on_after),
        STORE_TEST(database_is_writable_while_nobody_holds_it),
        STORE_TEST(write_transaction_holds_the_lock_before_it_reads),
        STORE_TEST(damaged_database_is_refused_in_words),
        STORE_TEST(reader_does_not_wait_for_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
