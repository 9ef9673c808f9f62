/* Rows of uploads in parts, and the end of what has one. */
#include "daemon/store/query.h"
#include "daemon/store/uploads.h"
#include "store_fixture.h"

#include <unistd.h>

static struct upload_row
begin(struct fixture *f, int64_t bytes)
{
    struct upload_row row = {.bytes = bytes, .filename = "a.jsonl", .purpose = "fine-tune"};
    fixture_ok(f, uploads_insert(f->db, &row, f->arena, &f->err));
    return row;
}

static int
add(struct fixture *f, const char *upload_id, int64_t bytes)
{
    char id[IDS_SIZE];
    struct part_row part = {.id = id, .bytes = bytes};
    ids_new(ID_PART, id);
    return uploads_add_part(f->db, upload_id, &part, &f->err);
}

static struct upload_row
get(struct fixture *f, const char *id)
{
    struct upload_row row = {0};
    fixture_ok(f, uploads_get(f->db, id, f->arena, &row, &f->err));
    return row;
}

static void
run_sql(struct fixture *f, const char *sql)
{
    assert_int_equal(sqlite3_exec(f->db->connection, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void
row_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct upload_row row = begin(f, INT64_C(6000000000));
    struct upload_row read = get(f, row.id);
    assert_true(ids_is_valid(ID_UPLOAD, read.id));
    assert_int_equal(read.state, UPLOAD_STATE_PENDING);
    assert_int_equal(read.bytes, INT64_C(6000000000));
    assert_int_equal(read.expires_at, read.created_at + UPLOADS_LIFE_SECONDS);
    assert_string_equal(read.filename, "a.jsonl");
    assert_int_equal(uploads_get(f->db, "upload_x", f->arena, &read, &f->err), ERR_NOT_FOUND);
}

static void
parts_come_back_in_the_order_of_their_arrival(void **state)
{
    struct fixture *f = *state;
    struct part_rows parts;
    struct upload_row row = begin(f, 60);
    struct upload_row other = begin(f, 60);
    fixture_ok(f, add(f, row.id, 10));
    fixture_ok(f, add(f, other.id, 7));
    fixture_ok(f, add(f, row.id, 20));
    fixture_ok(f, uploads_parts(f->db, row.seq, f->arena, &parts, &f->err));
    assert_int_equal(parts.count, 2);
    assert_int_equal(parts.items[0].bytes, 10);
    assert_int_equal(parts.items[1].bytes, 20);
}

static void
parts_may_hold_twice_what_was_announced(void **state)
{
    struct fixture *f = *state;
    struct upload_row row = begin(f, 10);
    assert_int_equal(add(f, row.id, 11), ERR_INVALID);
    fixture_ok(f, add(f, row.id, 10));
    fixture_ok(f, add(f, row.id, 9));
    assert_int_equal(add(f, row.id, 2), ERR_INVALID);
    fixture_ok(f, add(f, row.id, 1));
    assert_int_equal(add(f, "upload_x", 1), ERR_NOT_FOUND);
}

static void
upload_ends_once(void **state)
{
    struct fixture *f = *state;
    struct upload_row row = begin(f, 10);
    fixture_ok(f, uploads_end(f->db, row.id, UPLOAD_STATE_COMPLETED, &f->err));
    assert_int_equal(uploads_end(f->db, row.id, UPLOAD_STATE_CANCELLED, &f->err), ERR_CONFLICT);
    assert_int_equal(get(f, row.id).state, UPLOAD_STATE_COMPLETED);
    assert_int_equal(add(f, row.id, 1), ERR_CONFLICT);
}

static void
only_so_many_are_pending(void **state)
{
    struct fixture *f = *state;
    struct upload_row first = begin(f, 1);
    run_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)"
               " INSERT INTO uploads (id, status, created_at, expires_at, bytes, filename, purpose,"
               " expires_after) SELECT 'upload_' || i, 'pending', 1, 9999999999, 1, 'a', 'b', 0"
               " FROM n");
    struct upload_row row = {.bytes = 1, .filename = "a", .purpose = "fine-tune"};
    assert_int_equal(uploads_insert(f->db, &row, f->arena, &f->err), ERR_CONFLICT);
    fixture_ok(f, uploads_end(f->db, first.id, UPLOAD_STATE_CANCELLED, &f->err));
    fixture_ok(f, uploads_insert(f->db, &row, f->arena, &f->err));
}

static void
expired_upload_ends_and_its_parts_go(void **state)
{
    struct fixture *f = *state;
    struct upload_row row = begin(f, 10);
    struct upload_row young = begin(f, 10);
    const char *tmp = NULL;
    int fd = -1;
    fixture_ok(f, data_dir_tmp_create(f->store.dir, f->arena, &tmp, &fd, &f->err));
    close(fd);
    fixture_ok(f, data_dir_store_part(f->store.dir, tmp, row.id, "part_1", &f->err));
    fixture_ok(f, add(f, row.id, 10));
    run_sql(f, "UPDATE uploads SET expires_at = 1000 WHERE seq = 1");
    fixture_ok(f, uploads_sweep(f->db, f->store.dir, &f->err));
    assert_int_equal(access(data_dir_upload_path(f->store.dir, row.id, f->arena), F_OK), -1);
    assert_int_equal(get(f, young.id).state, UPLOAD_STATE_PENDING);
    struct upload_row gone;
    /* it ended longer ago than ended ones are kept */
    assert_int_equal(uploads_get(f->db, row.id, f->arena, &gone, &f->err), ERR_NOT_FOUND);
}

static void
ended_upload_is_remembered_for_a_day(void **state)
{
    struct fixture *f = *state;
    struct upload_row row = begin(f, 10);
    run_sql(f, "UPDATE uploads SET expires_at = unixepoch() - 10");
    fixture_ok(f, uploads_sweep(f->db, f->store.dir, &f->err));
    assert_int_equal(get(f, row.id).state, UPLOAD_STATE_EXPIRED);
}

static void
pending_upload_survives_a_restart_and_an_ended_one_does_not_leave_parts(void **state)
{
    struct fixture *f = *state;
    const char *ids[2];
    for (int i = 0; i < 2; i++) {
        const char *tmp = NULL;
        int fd = -1;
        ids[i] = begin(f, 10).id;
        fixture_ok(f, data_dir_tmp_create(f->store.dir, f->arena, &tmp, &fd, &f->err));
        close(fd);
        fixture_ok(f, data_dir_store_part(f->store.dir, tmp, ids[i], "part_1", &f->err));
    }
    fixture_ok(f, uploads_end(f->db, ids[1], UPLOAD_STATE_CANCELLED, &f->err));
    fixture_close_store(f);
    fixture_open_store(f);
    assert_int_equal(f->store.swept.uploads, 1);
    const char *kept = data_dir_part_path(f->store.dir, ids[0], "part_1", f->arena);
    assert_int_equal(access(kept, F_OK), 0);
    const char *gone = data_dir_upload_path(f->store.dir, ids[1], f->arena);
    assert_int_equal(access(gone, F_OK), -1);
}

/* ---- files that expire ---------------------------------------------------------------------- */

static void
file_expires_unless_an_unfinished_job_needs_it(void **state)
{
    struct fixture *f = *state;
    struct file_row read;
    const char *needed = fixture_add_file(f, "fine-tune");
    const char *idle = fixture_add_file(f, "fine-tune");
    const char *eternal = fixture_add_file(f, "fine-tune");
    struct job_new job = fixture_job(needed);
    const char *job_id = fixture_insert_job(f, &job);
    run_sql(f, "UPDATE files SET expires_at = 1000 WHERE seq < 3");
    fixture_ok(f, sweep_expired(f->store.dir, f->db, &f->err));
    fixture_ok(f, files_get(f->db, needed, f->arena, &read, &f->err));
    assert_int_equal(read.expires_at, 1000);
    fixture_ok(f, files_get(f->db, eternal, f->arena, &read, &f->err));
    assert_int_equal(read.expires_at, 0);
    assert_int_equal(files_get(f->db, idle, f->arena, &read, &f->err), ERR_NOT_FOUND);
    const struct job_change cancel = {.from = 1u << JOB_STATE_QUEUED,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "Cancelled"}};
    fixture_ok(f, jobs_change(f->db, job_id, &cancel, &f->err));
    fixture_ok(f, sweep_expired(f->store.dir, f->db, &f->err));
    assert_int_equal(files_get(f->db, needed, f->arena, &read, &f->err), ERR_NOT_FOUND);
}

static void
file_gets_its_end_when_it_is_inserted(void **state)
{
    struct fixture *f = *state;
    char id[IDS_SIZE];
    struct file_row read;
    ids_new(ID_FILE, id);
    struct file_row row = {.id = id,
                           .filename = "a",
                           .purpose = "fine-tune",
                           .sha256 = fixture_sha256,
                           .expires_after = 3600};
    fixture_ok(f, files_insert(f->db, &row, &f->err));
    fixture_ok(f, files_get(f->db, id, f->arena, &read, &f->err));
    assert_int_equal(read.expires_at, read.created_at + 3600);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(row_reads_back_as_written),
        STORE_TEST(parts_come_back_in_the_order_of_their_arrival),
        STORE_TEST(parts_may_hold_twice_what_was_announced),
        STORE_TEST(upload_ends_once),
        STORE_TEST(only_so_many_are_pending),
        STORE_TEST(expired_upload_ends_and_its_parts_go),
        STORE_TEST(ended_upload_is_remembered_for_a_day),
        STORE_TEST(pending_upload_survives_a_restart_and_an_ended_one_does_not_leave_parts),
        STORE_TEST(file_expires_unless_an_unfinished_job_needs_it),
        STORE_TEST(file_gets_its_end_when_it_is_inserted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
