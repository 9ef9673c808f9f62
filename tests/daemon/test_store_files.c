/* Rows of files: read back as written, paged without loss, kept while a job needs them. */
#include "store_fixture.h"

static void
row_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    char id[IDS_SIZE];
    ids_new(ID_FILE, id);
    struct file_row row = {.id = id,
                           .bytes = INT64_C(5000000000),
                           .filename = "d\xc3\xa4ten'\".csv",
                           .purpose = "fine-tune",
                           .sha256 = fixture_sha256,
                           .status_details = "line 3: no label"};
    fixture_ok(f, files_insert(f->db, &row, &f->err));
    struct file_row read = {0};
    fixture_ok(f, files_get(f->db, id, f->arena, &read, &f->err));
    assert_int_equal(read.seq, row.seq);
    assert_string_equal(read.id, id);
    assert_int_equal(read.created_at, row.created_at);
    assert_true(read.created_at > 1600000000);
    assert_int_equal(read.bytes, INT64_C(5000000000));
    assert_string_equal(read.filename, row.filename);
    assert_string_equal(read.purpose, "fine-tune");
    assert_string_equal(read.sha256, fixture_sha256);
    assert_string_equal(read.status_details, "line 3: no label");
}

static void
processed_file_has_no_details(void **state)
{
    struct fixture *f = *state;
    struct file_row read = {0};
    fixture_ok(f, files_get(f->db, fixture_add_file(f, "fine-tune"), f->arena, &read, &f->err));
    assert_null(read.status_details);
}

static void
unknown_file_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct file_row read;
    assert_int_equal(files_get(f->db, "file-x", f->arena, &read, &f->err), ERR_NOT_FOUND);
    assert_int_equal(files_delete(f->db, "file-x", &f->err), ERR_NOT_FOUND);
}

static void
id_is_taken_only_once(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_add_file(f, "fine-tune");
    struct file_row row = {
        .id = id, .filename = "x", .purpose = "fine-tune", .sha256 = fixture_sha256};
    assert_int_equal(files_insert(f->db, &row, &f->err), ERR_INTERNAL);
}

enum { FILE_COUNT = 25 };

/* Walk all pages and compare with the ids in `expected` order. */
static void
expect_walk(struct fixture *f, const char *purpose, bool ascending, const char *const *expected,
            size_t count)
{
    size_t seen = 0;
    struct list_query query = {.limit = 4, .ascending = ascending};
    struct file_rows page = {.has_more = true};
    while (page.has_more) {
        fixture_ok(f, files_page(f->db, &query, purpose, f->arena, &page, &f->err));
        assert_int_equal(page.total, count);
        for (size_t i = 0; i < page.count; i++, seen++) {
            assert_true(seen < count);
            assert_string_equal(page.items[i].id, expected[ascending ? seen : count - 1 - seen]);
        }
        assert_true(page.count == 4 || !page.has_more);
        query.after = page.items[page.count - 1].id;
    }
    assert_int_equal(seen, count);
}

static void
pages_are_complete_and_without_duplicates(void **state)
{
    struct fixture *f = *state;
    const char *all[FILE_COUNT];
    const char *some[FILE_COUNT];
    size_t some_count = 0;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        all[i] = fixture_add_file(f, i % 3 == 0 ? "user_data" : "fine-tune");
        if (i % 3 == 0)
            some[some_count++] = all[i];
    }
    for (int ascending = 0; ascending < 2; ascending++) {
        expect_walk(f, NULL, ascending, all, FILE_COUNT);
        expect_walk(f, "user_data", ascending, some, some_count);
    }
}

static void
page_that_ends_exactly_has_no_more(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        fixture_add_file(f, "fine-tune");
    struct file_rows page;
    fixture_ok(f,
               files_page(f->db, &(struct list_query){.limit = 3}, NULL, f->arena, &page, &f->err));
    assert_int_equal(page.count, 3);
    assert_false(page.has_more);
    fixture_ok(
        f, files_page(f->db, &(struct list_query){.limit = 3}, "none", f->arena, &page, &f->err));
    assert_int_equal(page.count, 0);
    assert_int_equal(page.total, 0);
}

static void
bad_cursor_and_bad_limit_are_refused(void **state)
{
    struct fixture *f = *state;
    struct file_rows page;
    const struct list_query unknown = {.after = "file-x", .limit = 3};
    assert_int_equal(files_page(f->db, &unknown, NULL, f->arena, &page, &f->err), ERR_NOT_FOUND);
    const struct list_query none = {.limit = 0};
    assert_int_equal(files_page(f->db, &none, NULL, f->arena, &page, &f->err), ERR_INVALID);
    const struct list_query many = {.limit = LIST_LIMIT_MAX + 1};
    assert_int_equal(files_page(f->db, &many, NULL, f->arena, &page, &f->err), ERR_INVALID);
}

static void
file_of_an_unfinished_job_is_kept_in_every_role(void **state)
{
    struct fixture *f = *state;
    for (int role = 0; role < 3; role++) {
        const char *needed = fixture_add_file(f, "fine-tune");
        struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
        if (role == 0)
            job.training_file = needed;
        else if (role == 1)
            job.validation_file = needed;
        else
            job.test_file = needed;
        const char *id = fixture_insert_job(f, &job);
        assert_int_equal(files_delete(f->db, needed, &f->err), ERR_CONFLICT);
        assert_non_null(strstr(f->err.message, id));
        const struct job_change cancel = {.from = 1u << JOB_STATE_QUEUED,
                                          .to = JOB_STATE_CANCELLED,
                                          .event = {.message = "Cancelled"}};
        fixture_ok(f, jobs_change(f->db, id, &cancel, &f->err));
        fixture_ok(f, files_delete(f->db, needed, &f->err));
    }
}

static void
file_of_a_running_job_is_kept(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    assert_int_equal(files_delete(f->db, job.training_file, &f->err), ERR_CONFLICT);
}

static void
finished_job_still_shows_its_deleted_file(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct job_change fail = {
        .from = 1u << JOB_STATE_RUNNING, .to = JOB_STATE_FAILED, .event = {.message = "Failed"}};
    fixture_ok(f, jobs_change(f->db, job.id, &fail, &f->err));
    fixture_ok(f, files_delete(f->db, job.training_file, &f->err));
    assert_string_equal(fixture_get_job(f, job.id).training_file, job.training_file);
}

static void
job_on_a_deleted_file_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *file = fixture_add_file(f, "fine-tune");
    struct job_new job = fixture_job(file);
    fixture_ok(f, files_delete(f->db, file, &f->err));
    char id[IDS_SIZE];
    const struct event_new event = {.message = "Created"};
    assert_int_equal(jobs_insert(f->db, &job, &event, id, &f->err), ERR_NOT_FOUND);
    assert_non_null(strstr(f->err.message, file));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(row_reads_back_as_written),
        STORE_TEST(processed_file_has_no_details),
        STORE_TEST(unknown_file_is_not_found),
        STORE_TEST(id_is_taken_only_once),
        STORE_TEST(pages_are_complete_and_without_duplicates),
        STORE_TEST(page_that_ends_exactly_has_no_more),
        STORE_TEST(bad_cursor_and_bad_limit_are_refused),
        STORE_TEST(file_of_an_unfinished_job_is_kept_in_every_role),
        STORE_TEST(file_of_a_running_job_is_kept),
        STORE_TEST(finished_job_still_shows_its_deleted_file),
        STORE_TEST(job_on_a_deleted_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
