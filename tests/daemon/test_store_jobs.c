/* Jobs: kept verbatim, claimed in order, changed only from the state that was expected. */
#include "daemon/store/query.h"
#include "daemon/store/jobs_life.h"
#include "store_fixture.h"

static const struct job_change cancel = {.from = 1u << JOB_STATE_QUEUED | 1u << JOB_STATE_RUNNING,
                                         .to = JOB_STATE_CANCELLED,
                                         .event = {.message = "Cancelled"}};

static void
job_reads_back_as_inserted(void **state)
{
    struct fixture *f = *state;
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    static const char request[] = "{ \"model\" :\t\"b\xc3\xa4se\", \"x\": \"\xe2\x82\xac\" }\n";
    job.validation_file = fixture_add_file(f, "fine-tune");
    job.request = request;
    job.request_length = sizeof request - 1;
    job.suffix = "bank";
    job.metadata_json = "{\"team\":\"a\"}";
    job.priority = 5;
    const char *id = fixture_insert_job(f, &job);
    struct job_row row = fixture_get_job(f, id);
    assert_true(ids_is_valid(ID_JOB, row.id));
    assert_int_equal(row.state, JOB_STATE_QUEUED);
    assert_true(row.created_at > 1600000000);
    assert_int_equal(row.started_at, 0);
    assert_int_equal(row.finished_at, 0);
    assert_string_equal(row.model, "base");
    assert_string_equal(row.root_model, "base");
    assert_string_equal(row.training_file, job.training_file);
    assert_string_equal(row.validation_file, job.validation_file);
    assert_null(row.test_file);
    assert_string_equal(row.suffix, "bank");
    assert_int_equal(row.seed, 7);
    assert_string_equal(row.metadata_json, "{\"team\":\"a\"}");
    assert_string_equal(row.parameters_json, "{\"n_epochs\":3}");
    assert_string_equal(row.task, "classification");
    assert_string_equal(row.labels_json, "[\"no\",\"yes\"]");
    assert_int_equal(row.priority, 5);
    assert_int_equal(row.attempt, 0);
    assert_int_equal(row.progress.peak_memory_bytes, -1);
    assert_int_equal(row.estimated_memory_bytes, 123456789);
    assert_int_equal(row.epoch_rows, 960);
    assert_int_equal(row.measure_count, 0);
    assert_null(row.engine);
    assert_null(row.fine_tuned_model);
    assert_null(row.error_code);
    const char *kept = NULL;
    size_t length = 0;
    fixture_ok(f, jobs_get_request(f->db, id, f->arena, &kept, &length, &f->err));
    assert_int_equal(length, sizeof request - 1);
    assert_memory_equal(kept, request, length);
}

static void
unknown_job_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct job_row row;
    const char *request = NULL;
    size_t length = 0;
    assert_int_equal(jobs_get(f->db, "ftjob-x", f->arena, &row, &f->err), ERR_NOT_FOUND);
    assert_int_equal(jobs_get_request(f->db, "ftjob-x", f->arena, &request, &length, &f->err),
                     ERR_NOT_FOUND);
    assert_int_equal(jobs_change(f->db, "ftjob-x", &cancel, &f->err), ERR_NOT_FOUND);
}

static void
insertion_rolls_back_whole_when_its_event_fails(void **state)
{
    struct fixture *f = *state;
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.metadata_json = "{\"team\":\"a\"}";
    const struct event_new event = {.message = NULL}; /* the table takes none without */
    char id[IDS_SIZE];
    assert_int_equal(jobs_insert(f->db, &job, &event, id, &f->err), ERR_INTERNAL);
    struct job_row row;
    assert_int_equal(jobs_get(f->db, id, f->arena, &row, &f->err), ERR_NOT_FOUND);
    struct job_rows page;
    const struct job_metadata_filter filter = {"team", "a"};
    fixture_ok(f, jobs_page(f->db, &(struct list_query){.limit = 5}, &filter, 1, f->arena, &page,
                            &f->err));
    assert_int_equal(page.count, 0);
}

static void
change_rolls_back_whole_when_its_event_fails(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct job_change change = cancel;
    change.event.message = NULL;
    assert_int_equal(jobs_change(f->db, job.id, &change, &f->err), ERR_INTERNAL);
    job = fixture_get_job(f, job.id);
    assert_int_equal(job.state, JOB_STATE_RUNNING);
    assert_int_equal(job.finished_at, 0);
    assert_int_equal(fixture_events(f, job.seq).count, 2);
}

/* The newest event of a job. */
static struct event_row
last_event(struct fixture *f, int64_t job_seq)
{
    struct event_rows rows = fixture_events(f, job_seq);
    assert_true(rows.count > 0);
    return rows.items[rows.count - 1];
}

static void
jobs_are_claimed_by_priority_then_age(void **state)
{
    struct fixture *f = *state;
    static const int64_t priorities[] = {0, 5, 0, -1, 5};
    static const size_t order[] = {1, 4, 0, 2, 3};
    const char *ids[5];
    const char *file = fixture_add_file(f, "fine-tune");
    for (size_t i = 0; i < 5; i++) {
        struct job_new job = fixture_job(file);
        job.priority = priorities[i];
        ids[i] = fixture_insert_job(f, &job);
    }
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(fixture_get_job(f, ids[order[i]]).queue_position, i + 1);
    struct job_row row = {0};
    bool claimed = false;
    for (size_t i = 0; i < 5; i++) {
        fixture_ok(f, jobs_claim(f->db, f->arena, &row, &claimed, &f->err));
        assert_true(claimed);
        assert_string_equal(row.id, ids[order[i]]);
        assert_int_equal(row.state, JOB_STATE_RUNNING);
        assert_int_equal(row.attempt, 1);
        assert_int_equal(row.queue_position, 0);
        assert_true(row.started_at > 1600000000);
        assert_string_equal(last_event(f, row.seq).message, "Job started");
        if (i < 4)
            assert_int_equal(fixture_get_job(f, ids[order[4]]).queue_position, 4 - i);
    }
    fixture_ok(f, jobs_claim(f->db, f->arena, &row, &claimed, &f->err));
    assert_false(claimed);
}

/* Wherever a page begins and however the priorities lie: a page walks, a single job counts. */
static void
places_in_the_queue_are_the_same_on_a_page_as_alone(void **state)
{
    struct fixture *f = *state;
    enum { JOBS = 30 };
    const char *ids[JOBS];
    const char *file = fixture_add_file(f, "fine-tune");
    for (size_t i = 0; i < JOBS; i++) {
        struct job_new job = fixture_job(file);
        job.priority = (int64_t)(i * 7 % 5) - 2;
        ids[i] = fixture_insert_job(f, &job);
    }
    struct job_row claimed_row;
    bool claimed = false;
    fixture_ok(f, jobs_claim(f->db, f->arena, &claimed_row, &claimed, &f->err));
    for (size_t at = 0; at < JOBS; at++)
        for (size_t limit = 1; limit <= JOBS; limit += 4) {
            struct job_rows page;
            const struct list_query query = {
                .after = at > 0 ? ids[at - 1] : NULL, .limit = limit, .ascending = true};
            fixture_ok(f, jobs_page(f->db, &query, NULL, 0, f->arena, &page, &f->err));
            for (size_t i = 0; i < page.count; i++)
                assert_int_equal(page.items[i].queue_position,
                                 fixture_get_job(f, page.items[i].id).queue_position);
        }
}

static void
jobs_are_counted_by_state(void **state)
{
    struct fixture *f = *state;
    fixture_start_job(f);
    fixture_start_job(f);
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    fixture_ok(f, jobs_change(f->db, fixture_insert_job(f, &job), &cancel, &f->err));
    static const int64_t expected[JOB_STATE_COUNT] = {
        [JOB_STATE_RUNNING] = 2, [JOB_STATE_CANCELLED] = 1};
    for (int i = 0; i < JOB_STATE_COUNT; i++) {
        int64_t count = -1;
        fixture_ok(f, jobs_count(f->db, (enum job_state)i, &count, &f->err));
        assert_int_equal(count, expected[i]);
    }
}

static void
cancel_of_a_cancelled_job_is_refused_without_a_trace(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    fixture_ok(f, jobs_change(f->db, job.id, &cancel, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_CANCELLED);
    assert_true(row.finished_at > 1600000000);
    assert_string_equal(last_event(f, job.seq).message, "Cancelled");
    size_t events = fixture_events(f, job.seq).count;
    assert_int_equal(jobs_change(f->db, job.id, &cancel, &f->err), ERR_CONFLICT);
    assert_non_null(strstr(f->err.message, "cancelled"));
    assert_int_equal(fixture_events(f, job.seq).count, events);
}

static void
failure_is_told_and_forgotten_when_the_job_is_queued_again(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct job_error error = {"base_model_changed", "The base model changed.", "model"};
    const struct job_change fail = {
        .from = 1u << JOB_STATE_RUNNING,
        .to = JOB_STATE_FAILED,
        .attempt = job.attempt,
        .error = &error,
        .event = {EVENT_FAILED, EVENT_ERROR, EVENT_MESSAGE, "Failed", NULL}};
    fixture_ok(f, jobs_change(f->db, job.id, &fail, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_FAILED);
    assert_string_equal(row.error_code, "base_model_changed");
    assert_string_equal(row.error_message, "The base model changed.");
    assert_string_equal(row.error_param, "model");
    assert_string_equal(last_event(f, job.seq).level, "error");
    const struct job_change retry = {.from = 1u << JOB_STATE_FAILED,
                                     .to = JOB_STATE_QUEUED,
                                     .event = {.message = "Queued again"}};
    fixture_ok(f, jobs_change(f->db, job.id, &retry, &f->err));
    row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_QUEUED);
    assert_int_equal(row.queue_position, 1);
    assert_int_equal(row.finished_at, 0);
    assert_null(row.error_code);
    bool claimed = false;
    fixture_ok(f, jobs_claim(f->db, f->arena, &row, &claimed, &f->err));
    assert_int_equal(row.attempt, 2);
    assert_string_equal(last_event(f, job.seq).message, "Job started again: attempt 2");
    assert_int_equal(jobs_change(f->db, job.id, &fail, &f->err), ERR_CONFLICT); /* attempt 1 */
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_RUNNING);
}

static void
running_jobs_are_put_back_at_boot_with_an_event(void **state)
{
    struct fixture *f = *state;
    struct job_row first = fixture_start_job(f);
    struct job_row second = fixture_start_job(f);
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    const char *waiting = fixture_insert_job(f, &job);
    fixture_close_store(f);
    fixture_open_store(f);
    struct job_recovery recovery = {0};
    fixture_ok(f, jobs_recover(f->db, &recovery, &f->err));
    assert_int_equal(recovery.recovered, 2);
    const char *ids[] = {first.id, second.id, waiting};
    for (size_t i = 0; i < 3; i++) {
        struct job_row row = fixture_get_job(f, ids[i]);
        assert_int_equal(row.state, JOB_STATE_QUEUED);
        assert_int_equal(row.queue_position, i + 1);
    }
    assert_non_null(strstr(last_event(f, first.seq).message, "attempt 1"));
    assert_string_equal(last_event(f, first.seq).level, "warn");
    fixture_ok(f, jobs_recover(f->db, &recovery, &f->err));
    assert_int_equal(recovery.recovered, 0);
    bool claimed = false;
    fixture_ok(f, jobs_claim(f->db, f->arena, &first, &claimed, &f->err));
    assert_string_equal(first.id, ids[0]);
    assert_int_equal(first.attempt, 2);
}

/* Walk all pages of a filter; the jobs must be ids[i] with i % every == 0, in order. */
static void
expect_walk(struct fixture *f, const struct job_metadata_filter *filters, size_t filter_count,
            bool ascending, const char *const *ids, size_t count, size_t every)
{
    struct list_query query = {.limit = 3, .ascending = ascending};
    struct job_rows page = {.has_more = true};
    size_t seen = 0;
    size_t expected = (count + every - 1) / every;
    while (page.has_more) {
        fixture_ok(f, jobs_page(f->db, &query, filters, filter_count, f->arena, &page, &f->err));
        for (size_t i = 0; i < page.count; i++, seen++) {
            assert_true(seen < expected);
            size_t index = (ascending ? seen : expected - 1 - seen) * every;
            assert_string_equal(page.items[i].id, ids[index]);
        }
        if (page.count > 0)
            query.after = page.items[page.count - 1].id;
    }
    assert_int_equal(seen, expected);
}

enum { PAGED_JOBS = 24 };

static void
pages_are_complete_and_filtered_by_metadata(void **state)
{
    struct fixture *f = *state;
    const char *ids[PAGED_JOBS];
    const char *file = fixture_add_file(f, "fine-tune");
    for (size_t i = 0; i < PAGED_JOBS; i++) {
        struct job_new job = fixture_job(file);
        job.metadata_json =
            arena_printf(f->arena, "{\"all\":\"\",\"two\":\"%s\",\"three \\\"q\\\" $.\":\"%s\"}",
                         i % 2 == 0 ? "yes" : "no", i % 3 == 0 ? "j\xc3\xa4" : "no");
        ids[i] = fixture_insert_job(f, &job);
    }
    const struct job_metadata_filter all = {"all", ""};
    const struct job_metadata_filter two[] = {{"two", "yes"}, {"all", ""}};
    const struct job_metadata_filter six[] = {
        {"two", "yes"}, {"three \"q\" $.", "j\xc3\xa4"}, {"all", ""}};
    for (int ascending = 0; ascending < 2; ascending++) {
        expect_walk(f, NULL, 0, ascending, ids, PAGED_JOBS, 1);
        expect_walk(f, &all, 1, ascending, ids, PAGED_JOBS, 1);
        expect_walk(f, two, 2, ascending, ids, PAGED_JOBS, 2);
        expect_walk(f, six, 3, ascending, ids, PAGED_JOBS, 6);
    }
}

static void
metadata_filters_match_whole_pairs_only(void **state)
{
    struct fixture *f = *state;
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.metadata_json = "{\"team\":\"a\",\"other\":\"b\"}";
    fixture_insert_job(f, &job);
    const struct job_metadata_filter wrong[][2] = {
        {{"team", "b"}, {"team", "b"}}, {{"team", "A"}, {"team", "A"}},
        {{"tea", "a"}, {"tea", "a"}},   {{"team", "a"}, {"other", "c"}},
        {{"team", "a"}, {"team", "b"}}, {{"te%", "a"}, {"te%", "a"}},
        {{"team", ""}, {"other", "b"}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct job_rows page;
        fixture_ok(f, jobs_page(f->db, &(struct list_query){.limit = 5}, wrong[i], 2, f->arena,
                                &page, &f->err));
        assert_int_equal(page.count, 0);
    }
}

static void
index_of_metadata_follows_its_column(void **state)
{
    struct fixture *f = *state;
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.metadata_json = "{\"team\":\"a\"}";
    const char *id = fixture_insert_job(f, &job);
    const char *const changes[] = {
        "UPDATE jobs SET metadata = '{\"team\":\"b\"}'", "UPDATE jobs SET metadata = NULL",
        "UPDATE jobs SET metadata = '{\"team\":\"b\",\"x\":\"y\"}'", "DELETE FROM jobs"};
    static const size_t expected[] = {1, 0, 1, 0};
    const struct job_metadata_filter filter = {"team", "b"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sqlite3_exec(f->db->connection, changes[i], NULL, NULL, NULL), SQLITE_OK);
        struct job_rows page;
        fixture_ok(f, jobs_page(f->db, &(struct list_query){.limit = 5}, &filter, 1, f->arena,
                                &page, &f->err));
        assert_int_equal(page.count, expected[i]);
    }
    struct job_row row;
    assert_int_equal(jobs_get(f->db, id, f->arena, &row, &f->err), ERR_NOT_FOUND);
}

static void
unknown_cursor_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct job_rows page;
    const struct list_query query = {.after = "ftjob-x", .limit = 5};
    assert_int_equal(jobs_page(f->db, &query, NULL, 0, f->arena, &page, &f->err), ERR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(job_reads_back_as_inserted),
        STORE_TEST(unknown_job_is_not_found),
        STORE_TEST(insertion_rolls_back_whole_when_its_event_fails),
        STORE_TEST(change_rolls_back_whole_when_its_event_fails),
        STORE_TEST(jobs_are_claimed_by_priority_then_age),
        STORE_TEST(places_in_the_queue_are_the_same_on_a_page_as_alone),
        STORE_TEST(jobs_are_counted_by_state),
        STORE_TEST(cancel_of_a_cancelled_job_is_refused_without_a_trace),
        STORE_TEST(failure_is_told_and_forgotten_when_the_job_is_queued_again),
        STORE_TEST(running_jobs_are_put_back_at_boot_with_an_event),
        STORE_TEST(pages_are_complete_and_filtered_by_metadata),
        STORE_TEST(metadata_filters_match_whole_pairs_only),
        STORE_TEST(index_of_metadata_follows_its_column),
        STORE_TEST(unknown_cursor_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
