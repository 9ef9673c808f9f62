/* Whoever listens is told what a transaction changed, once it is committed and not before. */
#include "store_fixture.h"

enum { MOST_TOLD = 64 };

struct told {
    struct fixture *f;
    struct change changes[MOST_TOLD];
    size_t count;
};

static void
note(void *context, const struct change *change)
{
    struct told *told = context;
    assert_true(told->count < MOST_TOLD);
    told->changes[told->count++] = *change;
}

static void
listen_to(struct fixture *f, struct told *told)
{
    *told = (struct told){.f = f};
    changes_listen(db_pool_changes(f->store.pool), note, told);
}

/* One change was told, of this job; forget it. */
static void
expect(struct told *told, int64_t job_seq, bool queue)
{
    assert_int_equal(told->count, 1);
    assert_int_equal(told->changes[0].job_seq, job_seq);
    assert_int_equal(told->changes[0].queue, queue);
    told->count = 0;
}

static void
every_kind_of_change_is_told(void **state)
{
    struct fixture *f = *state;
    struct told told;
    struct job_new job = fixture_job(fixture_add_file(f, "fine-tune"));
    listen_to(f, &told);
    const char *id = fixture_insert_job(f, &job);
    int64_t seq = fixture_get_job(f, id).seq;
    expect(&told, seq, true);
    struct job_row row = {0};
    bool claimed = false;
    fixture_ok(f, jobs_claim(f->db, f->arena, &row, &claimed, &f->err));
    expect(&told, seq, true);
    struct job_progress_row progress = {.step = 1, .total_steps = 2};
    struct measure measure = {"train_loss", 0.5};
    struct point_row point = {.step = 1, .measures = &measure, .measure_count = 1};
    fixture_ok(f, jobs_flush(f->db, fixture_lease(&row), &progress, &point, 1, &f->err));
    expect(&told, seq, false); /* a running job does this every second */
    const struct event_new event = {.message = "Something happened"};
    fixture_ok(f, events_append(f->db, seq, &event, &f->err));
    expect(&told, seq, false);
    fixture_ok(f, jobs_rewind(f->db, fixture_lease(&row), 0, &f->err));
    expect(&told, seq, false);
    const struct job_change change = {.from = 1u << JOB_STATE_RUNNING,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "Cancelled"}};
    fixture_ok(f, jobs_change(f->db, id, &change, &f->err));
    expect(&told, seq, true);
    fixture_add_file(f, "fine-tune");
    assert_int_equal(told.count, 0);
}

struct plan {
    struct fixture *f;
    size_t jobs;
    int result;
    struct told *told;
};

static int
insert_jobs(struct db *db, void *context, struct err *err)
{
    const struct plan *plan = context;
    (void)db;
    for (size_t i = 0; i < plan->jobs; i++) {
        struct job_new job = fixture_job(fixture_add_file(plan->f, "fine-tune"));
        fixture_insert_job(plan->f, &job);
    }
    assert_int_equal(plan->told->count, 0); /* not committed yet */
    return plan->result == 0 ? 0 : err_set(err, plan->result, "as planned");
}

static void
nothing_is_told_of_what_was_undone(void **state)
{
    struct fixture *f = *state;
    struct told told;
    listen_to(f, &told);
    struct plan plan = {f, 1, ERR_CONFLICT, &told};
    assert_int_equal(db_write(f->db, insert_jobs, &plan, &f->err), ERR_CONFLICT);
    assert_int_equal(told.count, 0);
    plan.result = 0;
    fixture_ok(f, db_write(f->db, insert_jobs, &plan, &f->err));
    assert_int_equal(told.count, 1);
}

static void
many_jobs_at_once_are_told_as_any(void **state)
{
    struct fixture *f = *state;
    struct told told;
    listen_to(f, &told);
    struct plan plan = {f, 40, 0, &told};
    fixture_ok(f, db_write(f->db, insert_jobs, &plan, &f->err));
    bool any = false;
    for (size_t i = 0; i < told.count; i++)
        any = any || (told.changes[i].job_seq == 0 && told.changes[i].queue);
    assert_true(any);
    assert_true(told.count <= 17);
}

static void
who_stops_listening_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct told told;
    listen_to(f, &told);
    changes_listen(db_pool_changes(f->store.pool), NULL, NULL);
    fixture_start_job(f);
    assert_int_equal(told.count, 0);
}

static void
what_is_new_is_found_behind_a_place(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct event_rows events;
    const struct event_new event = {.message = "More"};
    fixture_ok(f, events_append(f->db, job.seq, &event, &f->err));
    struct rows_after after = {.job_seq = job.seq, .limit = 2};
    fixture_ok(f, events_after(f->db, &after, f->arena, &events, &f->err));
    assert_int_equal(events.count, 2);
    assert_true(events.has_more);
    after.after = events.items[1].seq;
    fixture_ok(f, events_after(f->db, &after, f->arena, &events, &f->err));
    assert_int_equal(events.count, 1);
    assert_false(events.has_more);
    assert_string_equal(events.items[0].message, "More");
    struct checkpoint_rows checkpoints;
    for (int64_t step = 10; step <= 30; step += 10) {
        struct checkpoint_row row = {.step = step,
                                     .model =
                                         arena_printf(f->arena, "ft:m:ckpt-step-%d", (int)step),
                                     .files_json = "[]"};
        fixture_ok(f, checkpoints_insert(f->db, job.seq, &row, f->arena, &f->err));
    }
    after = (struct rows_after){.job_seq = job.seq, .after = 10, .limit = 10};
    fixture_ok(f, checkpoints_after(f->db, &after, f->arena, &checkpoints, &f->err));
    assert_int_equal(checkpoints.count, 2);
    assert_int_equal(checkpoints.items[0].step, 20);
    after.limit = 0;
    assert_int_equal(events_after(f->db, &after, f->arena, &events, &f->err), ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_kind_of_change_is_told),
        STORE_TEST(nothing_is_told_of_what_was_undone),
        STORE_TEST(many_jobs_at_once_are_told_as_any),
        STORE_TEST(who_stops_listening_is_not_told),
        STORE_TEST(what_is_new_is_found_behind_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
