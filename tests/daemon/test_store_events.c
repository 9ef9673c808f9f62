/* Events: in order, each job its own, paged from both ends. */
#include "store_fixture.h"

static void
event_reads_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct event_new event = {EVENT_CHECKPOINT, EVENT_WARN, EVENT_METRICS,
                                    "loss \xe2\x89\x88 0.5", "{\"step\":1}"};
    fixture_ok(f, events_append(f->db, job.seq, &event, &f->err));
    struct event_rows rows = fixture_events(f, job.seq);
    const struct event_row *last = &rows.items[rows.count - 1];
    assert_true(ids_is_valid(ID_EVENT, last->id));
    assert_true(last->created_at > 1600000000);
    assert_string_equal(last->level, "warn");
    assert_string_equal(last->type, "metrics");
    assert_string_equal(last->code, "checkpoint");
    assert_string_equal(last->message, event.message);
    assert_string_equal(last->data_json, "{\"step\":1}");
    assert_null(rows.items[0].data_json);
    assert_string_equal(rows.items[0].level, "info");
    assert_string_equal(rows.items[0].type, "message");
}

enum { EVENT_COUNT = 23 };

static void
pages_are_complete_in_both_directions(void **state)
{
    struct fixture *f = *state;
    struct job_row jobs[2] = {fixture_start_job(f), fixture_start_job(f)};
    for (int i = 0; i < EVENT_COUNT; i++)
        for (int j = 0; j < 2; j++) {
            const struct event_new event = {.message = arena_printf(f->arena, "%d of %d", i, j)};
            fixture_ok(f, events_append(f->db, jobs[j].seq, &event, &f->err));
        }
    struct event_rows all = fixture_events(f, jobs[1].seq);
    assert_int_equal(all.count, EVENT_COUNT + 2); /* created, started */
    for (int ascending = 0; ascending < 2; ascending++) {
        struct list_query query = {.limit = 5, .ascending = ascending};
        struct event_rows page = {.has_more = true};
        size_t seen = 0;
        while (page.has_more) {
            fixture_ok(f, events_page(f->db, jobs[1].seq, &query, f->arena, &page, &f->err));
            for (size_t i = 0; i < page.count; i++, seen++)
                assert_string_equal(page.items[i].id,
                                    all.items[ascending ? seen : all.count - 1 - seen].id);
            query.after = page.items[page.count - 1].id;
        }
        assert_int_equal(seen, all.count);
    }
}

static void
cursor_of_another_job_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct job_row first = fixture_start_job(f);
    struct job_row second = fixture_start_job(f);
    struct event_rows rows = fixture_events(f, first.seq);
    const struct list_query query = {.after = rows.items[0].id, .limit = 5};
    struct event_rows page;
    assert_int_equal(events_page(f->db, second.seq, &query, f->arena, &page, &f->err),
                     ERR_NOT_FOUND);
}

static void
job_that_does_not_exist_takes_no_events(void **state)
{
    struct fixture *f = *state;
    const struct event_new event = {.message = "lost"};
    assert_int_equal(events_append(f->db, 4711, &event, &f->err), ERR_INTERNAL);
    assert_int_equal(fixture_events(f, 4711).count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(event_reads_back_as_written),
        STORE_TEST(pages_are_complete_in_both_directions),
        STORE_TEST(cursor_of_another_job_is_not_found),
        STORE_TEST(job_that_does_not_exist_takes_no_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
