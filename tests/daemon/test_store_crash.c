/*
 * A process dies in the middle of its writes: what was committed stays, what was not is gone, and
 * the next start finds everything in order.
 *
 * A child opens the store by itself and ends with _exit at a chosen moment: no close, no rollback,
 * no checkpoint of the journal, as after kill -9.
 */
#include "daemon/store/query.h"
#include "daemon/store/jobs_life.h"
#include "store_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DIED_AS_PLANNED = 42 };

/* Let a child do `deed` on a store of its own and die; the store is closed here meanwhile. */
static void
die_after(struct fixture *f, void (*deed)(struct fixture *f))
{
    fixture_close_store(f);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err;
        if (store_open(f->path, &f->store, &err) == 0) {
            f->db = db_pool_acquire(f->store.pool, &err);
            deed(f);
        }
        _exit(1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DIED_AS_PLANNED);
    fixture_open_store(f);
}

static const struct event_new event = {.message = "x"};

/* In the child: two jobs committed, one of them claimed, then death. */
static void
commit_and_die(struct fixture *f)
{
    struct job_row row;
    bool claimed = false;
    char id[IDS_SIZE];
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    if (jobs_insert(f->db, &job, &event, id, &f->err) == 0 &&
        jobs_insert(f->db, &job, &event, id, &f->err) == 0 &&
        jobs_claim(f->db, f->arena, &row, &claimed, &f->err) == 0 && claimed)
        _exit(DIED_AS_PLANNED);
}

static int
insert_and_die(struct db *db, void *context, struct err *err)
{
    struct job_new *job = context;
    char id[IDS_SIZE];
    for (int i = 0; i < 200; i++)
        if (jobs_insert(db, job, &event, id, err) != 0)
            return err->code;
    _exit(DIED_AS_PLANNED);
}

/* In the child: so many rows in one transaction that pages reach the journal, then death. */
static void
die_in_a_transaction(struct fixture *f)
{
    char request[20000];
    memset(request, ' ', sizeof request);
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.request = request;
    job.request_length = sizeof request;
    sqlite3_exec(f->db->connection, "PRAGMA cache_size = 10", NULL, NULL, NULL);
    db_write(f->db, insert_and_die, &job, &f->err);
}

static void
expect_sound_database(struct fixture *f)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(f->db->connection, "PRAGMA integrity_check", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
    sqlite3_finalize(statement);
}

static struct job_rows
all_jobs(struct fixture *f)
{
    struct job_rows rows;
    const struct list_query query = {.limit = 1000, .ascending = true};
    fixture_ok(f, jobs_page(f->db, &query, NULL, 0, f->arena, &rows, &f->err));
    return rows;
}

static void
committed_jobs_survive_and_the_running_one_is_queued_again(void **state)
{
    struct fixture *f = *state;
    die_after(f, commit_and_die);
    expect_sound_database(f);
    struct job_rows rows = all_jobs(f);
    assert_int_equal(rows.count, 2);
    assert_int_equal(rows.items[0].state, JOB_STATE_RUNNING);
    struct job_recovery recovery = {0};
    fixture_ok(f, jobs_recover(f->db, &recovery, &f->err));
    assert_int_equal(recovery.recovered, 1);
    assert_int_equal(all_jobs(f).items[0].state, JOB_STATE_QUEUED);
}

static void
transaction_in_flight_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    die_after(f, die_in_a_transaction);
    expect_sound_database(f);
    assert_int_equal(all_jobs(f).count, 0);
    struct file_rows files;
    fixture_ok(
        f, files_page(f->db, &(struct list_query){.limit = 5}, NULL, f->arena, &files, &f->err));
    assert_int_equal(files.count, 1);
}

/* In the child: bytes in place, death before the row. */
static void
store_bytes_and_die(struct fixture *f)
{
    const char *tmp = NULL;
    int fd = -1;
    char id[IDS_SIZE];
    ids_new(ID_FILE, id);
    if (data_dir_tmp_create(f->store.dir, f->arena, &tmp, &fd, &f->err) == 0 &&
        write(fd, "rows", 4) == 4 && data_dir_store_file(f->store.dir, tmp, id, &f->err) == 0 &&
        data_dir_tmp_create(f->store.dir, f->arena, &tmp, &fd, &f->err) == 0)
        _exit(DIED_AS_PLANNED);
}

static int
fail_on_any(void *context, const char *name, struct err *err)
{
    (void)context;
    return err_set(err, ERR_INTERNAL, "%s is still there", name);
}

static void
stored_bytes_without_a_row_are_swept(void **state)
{
    struct fixture *f = *state;
    die_after(f, store_bytes_and_die);
    assert_int_equal(f->store.swept.files, 1);
    fixture_ok(f, data_dir_each(f->store.dir, DATA_DIR_FILES, fail_on_any, NULL, &f->err));
}

/* Killed from outside at whatever moment, while it inserts as fast as it can. */
static void
every_acknowledged_job_survives_a_kill(void **state)
{
    struct fixture *f = *state;
    const char *file = fixture_add_file(f, "fine-tune");
    struct job_new job = fixture_job(file);
    fixture_close_store(f);
    int acknowledged[2];
    assert_int_equal(pipe(acknowledged), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char id[IDS_SIZE] = "";
        if (store_open(f->path, &f->store, &f->err) != 0)
            _exit(1);
        struct db *db = db_pool_acquire(f->store.pool, &f->err);
        while (jobs_insert(db, &job, &event, id, &f->err) == 0)
            if (write(acknowledged[1], id, sizeof id) != sizeof id)
                _exit(1);
        _exit(1);
    }
    close(acknowledged[1]);
    char ids[1000][IDS_SIZE];
    size_t count = 0;
    while (count < 1000 && read(acknowledged[0], ids[count], IDS_SIZE) == IDS_SIZE)
        if (++count == 20)
            kill(child, SIGKILL);
    close(acknowledged[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    fixture_open_store(f);
    expect_sound_database(f);
    assert_true(count >= 20);
    for (size_t i = 0; i < count; i++) {
        struct job_row row = fixture_get_job(f, ids[i]);
        assert_int_equal(fixture_events(f, row.seq).count, 1);
    }
    size_t stored = all_jobs(f).count;
    assert_true(stored == count || stored == count + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(committed_jobs_survive_and_the_running_one_is_queued_again),
        STORE_TEST(transaction_in_flight_leaves_nothing),
        STORE_TEST(stored_bytes_without_a_row_are_swept),
        STORE_TEST(every_acknowledged_job_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
