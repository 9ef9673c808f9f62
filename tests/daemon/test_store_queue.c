/* Who is taken from the queue, who waits and is told so once, who holds back whom. */
#include "daemon/store/jobs_claim.h"
#include "daemon/store/jobs_life.h"
#include "store_fixture.h"

/* A judge by numbers: what fits into `room` beside what runs. */
struct judge {
    int64_t room;
    int64_t patience; /* a job that was overtaken so often holds the others */
};

static enum claim_verdict
judge(void *context, const struct claim_load *load, const struct claim_candidate *candidate,
      struct arena *arena, struct claim_wait *wait)
{
    const struct judge *of = context;
    (void)arena;
    if (load->memory_bytes + candidate->memory_bytes <= of->room)
        return CLAIM_TAKE;
    *wait = (struct claim_wait){"memory", "It waits for memory"};
    return candidate->overtaken >= of->patience ? CLAIM_HOLD : CLAIM_PASS;
}

static const char *
insert(struct fixture *f, int64_t bytes, int64_t priority)
{
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    job.estimated_memory_bytes = bytes;
    job.priority = priority;
    return fixture_insert_job(f, &job);
}

/* The id of the next job that fits, or "" when none does. */
static const char *
take(struct fixture *f, struct judge *of)
{
    struct job_claim claim = {.judge = judge, .context = of};
    fixture_ok(f, jobs_claim_next(f->db, f->arena, &claim, &f->err));
    return claim.claimed ? claim.job.id : "";
}

static void
finish(struct fixture *f, const char *id)
{
    const struct job_change fail = {.from = 1u << JOB_STATE_RUNNING,
                                    .to = JOB_STATE_FAILED,
                                    .error = &(struct job_error){"internal", "x", NULL},
                                    .event = {.message = "Failed"}};
    fixture_ok(f, jobs_change(f->db, id, &fail, &f->err));
}

static void
nothing_is_claimed_while_the_queue_is_paused(void **state)
{
    struct fixture *f = *state;
    struct judge of = {.room = 100};
    struct queue_row queue;
    const char *id = insert(f, 10, 0);
    fixture_ok(f, queue_set_paused(f->db, true, &f->err));
    fixture_ok(f, queue_set_paused(f->db, true, &f->err));
    fixture_close_store(f);
    fixture_open_store(f); /* it holds over restarts */
    assert_string_equal(take(f, &of), "");
    fixture_ok(f, queue_get(f->db, &queue, &f->err));
    assert_true(queue.paused_at > 0);
    assert_int_equal(queue.queued, 1);
    fixture_ok(f, queue_set_paused(f->db, false, &f->err));
    assert_string_equal(take(f, &of), id);
    fixture_ok(f, queue_get(f->db, &queue, &f->err));
    assert_int_equal(queue.paused_at, 0);
    assert_int_equal(queue.running, 1);
}

static void
job_that_does_not_fit_waits_and_says_so_once(void **state)
{
    struct fixture *f = *state;
    struct judge of = {.room = 100, .patience = 99};
    const char *first = insert(f, 60, 0);
    assert_string_equal(take(f, &of), first);
    const char *large = insert(f, 50, 0);
    for (int i = 0; i < 3; i++)
        assert_string_equal(take(f, &of), "");
    struct job_row row = fixture_get_job(f, large);
    struct event_rows events = fixture_events(f, row.seq);
    assert_int_equal(events.count, 2);
    assert_string_equal(events.items[1].message, "It waits for memory");
    assert_string_equal(events.items[1].code, "waits");
    finish(f, first);
    assert_string_equal(take(f, &of), large);
}

static void
smaller_job_overtakes_until_patience_ends(void **state)
{
    struct fixture *f = *state;
    struct judge of = {.room = 100, .patience = 2};
    const char *running = insert(f, 50, 0);
    assert_string_equal(take(f, &of), running);
    const char *large = insert(f, 60, 0);
    for (int i = 0; i < 2; i++) {
        const char *small = insert(f, 10, 0);
        assert_string_equal(take(f, &of), small);
        finish(f, small);
    }
    insert(f, 10, 0);
    assert_string_equal(take(f, &of), ""); /* it is held back now */
    finish(f, running);
    assert_string_equal(take(f, &of), large);
}

static void
higher_priority_goes_first_and_a_changed_one_counts(void **state)
{
    struct fixture *f = *state;
    struct judge of = {.room = 100};
    const char *old = insert(f, 10, 0);
    const char *high = insert(f, 10, 5);
    const char *raised = insert(f, 10, 0);
    const struct job_patch patch = {.has_priority = true, .priority = 9};
    fixture_ok(f, jobs_patch(f->db, raised, &patch, &f->err));
    assert_int_equal(fixture_get_job(f, raised).queue_position, 1);
    assert_int_equal(fixture_get_job(f, high).queue_position, 2);
    assert_int_equal(fixture_get_job(f, old).queue_position, 3);
    assert_string_equal(take(f, &of), raised);
    assert_string_equal(take(f, &of), high);
    assert_string_equal(take(f, &of), old);
}

static void
page_gives_the_places_that_each_job_alone_has(void **state)
{
    struct fixture *f = *state;
    enum { JOBS = 40 };
    for (int i = 0; i < JOBS; i++)
        insert(f, 1, i % 3);
    struct judge of = {.room = 100};
    take(f, &of);
    struct job_rows rows;
    const struct list_query query = {.limit = 1000};
    fixture_ok(f, jobs_page(f->db, &query, NULL, 0, f->arena, &rows, &f->err));
    assert_int_equal(rows.count, JOBS);
    for (size_t i = 0; i < rows.count; i++)
        assert_int_equal(rows.items[i].queue_position,
                         fixture_get_job(f, rows.items[i].id).queue_position);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(nothing_is_claimed_while_the_queue_is_paused),
        STORE_TEST(job_that_does_not_fit_waits_and_says_so_once),
        STORE_TEST(smaller_job_overtakes_until_patience_ends),
        STORE_TEST(higher_priority_goes_first_and_a_changed_one_counts),
        STORE_TEST(page_gives_the_places_that_each_job_alone_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
