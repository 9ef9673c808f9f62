/* A worker's writes: taken while it holds the lease, refused without a trace afterwards. */
#include "store_fixture.h"

static const struct job_progress_row progress = {.step = 2,
                                                 .total_steps = 100,
                                                 .epoch = 0.25,
                                                 .seconds_elapsed = 3.5,
                                                 .rows_per_second = 10.5,
                                                 .tokens_per_second = 321.25,
                                                 .trained_tokens = 1234,
                                                 .peak_memory_bytes = INT64_C(5000000000)};

static const struct measure first_measures[] = {{"train_loss", 2.0}, {"valid_loss", 1.5}};
static const struct measure second_measures[] = {{"train_loss", 1.0}};
static const struct point_row points[] = {
    {.step = 1, .epoch = 0.125, .measures = first_measures, .measure_count = 2},
    {.step = 2, .epoch = 0.25, .measures = second_measures, .measure_count = 1},
};

static struct model_row
model_of(struct fixture *f, const struct job_row *job)
{
    return (struct model_row){.id = ids_model(f->arena, "base", NULL, job->id),
                              .job_id = job->id,
                              .base = "base",
                              .root = "base",
                              .task = "classification",
                              .files_json = "[]"};
}

static struct checkpoint_row
checkpoint_of(struct fixture *f, const struct job_row *job, int64_t step)
{
    const char *model = ids_model(f->arena, "base", NULL, job->id);
    return (struct checkpoint_row){
        .model = ids_checkpoint_model(f->arena, model, step), .step = step, .files_json = "[]"};
}

static int64_t
last_step(struct fixture *f, int64_t job_seq)
{
    struct point_rows rows;
    const struct point_query query = {.after_step = -1, .limit = 5};
    fixture_ok(f, metrics_query(f->db, job_seq, &query, f->arena, &rows, &f->err));
    return rows.last_step;
}

static size_t
count_checkpoints(struct fixture *f, int64_t job_seq)
{
    struct checkpoint_rows rows;
    const struct list_query query = {.limit = 50};
    fixture_ok(f, checkpoints_page(f->db, job_seq, &query, f->arena, &rows, &f->err));
    return rows.count;
}

static void
flush_writes_progress_points_and_latest(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    fixture_ok(f, jobs_flush(f->db, fixture_lease(&job), &progress, points, 2, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_memory_equal(&row.progress, &progress, sizeof progress);
    assert_int_equal(row.measure_count, 2);
    assert_string_equal(row.measures[0].name, "train_loss");
    assert_true(row.measures[0].value == 1.0);
    assert_string_equal(row.measures[1].name, "valid_loss");
    assert_true(row.measures[1].value == 1.5);
    assert_int_equal(last_step(f, job.seq), 2);
    fixture_ok(f, jobs_flush(f->db, fixture_lease(&job), &progress, NULL, 0, &f->err));
    assert_int_equal(fixture_get_job(f, job.id).measure_count, 2);
}

static void
run_facts_are_kept_and_added_to(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct job_run run = {"openblas", "fp32", "key-1", NULL, 2};
    const struct job_run more = {.base_sha256 = fixture_sha256, .threads = 3};
    fixture_ok(f, jobs_set_run(f->db, fixture_lease(&job), &run, &f->err));
    fixture_ok(f, jobs_set_run(f->db, fixture_lease(&job), &more, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_string_equal(row.engine, "openblas");
    assert_string_equal(row.precision, "fp32");
    assert_string_equal(row.numerics_key, "key-1");
    assert_string_equal(row.base_sha256, fixture_sha256);
    assert_int_equal(row.threads, 3);
}

static void
rewind_forgets_what_lies_behind_a_step(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct job_lease lease = fixture_lease(&job);
    fixture_ok(f, jobs_flush(f->db, lease, &progress, points, 2, &f->err));
    for (int64_t step = 1; step <= 2; step++) {
        struct checkpoint_row row = checkpoint_of(f, &job, step);
        fixture_ok(f, jobs_add_checkpoint(f->db, lease, &row, NULL, f->arena, &f->err));
    }
    fixture_ok(f, jobs_rewind(f->db, lease, 1, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.progress.step, 1);
    assert_int_equal(row.progress.total_steps, 100);
    assert_int_equal(row.measure_count, 2);
    assert_int_equal(last_step(f, job.seq), 1);
    assert_int_equal(count_checkpoints(f, job.seq), 1);
    fixture_ok(f, jobs_rewind(f->db, lease, 0, &f->err));
    row = fixture_get_job(f, job.id);
    /* The plan stands: it says how many steps there will be. */
    const struct job_progress_row nothing = {.total_steps = 100, .peak_memory_bytes = -1};
    assert_memory_equal(&row.progress, &nothing, sizeof nothing);
    assert_int_equal(row.measure_count, 0);
    assert_int_equal(last_step(f, job.seq), -1);
    assert_int_equal(count_checkpoints(f, job.seq), 0);
}

static void
rewind_keeps_the_checkpoint_from_which_another_job_starts(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct job_lease lease = fixture_lease(&job);
    struct checkpoint_row rows[2];
    for (int64_t step = 1; step <= 2; step++) {
        rows[step - 1] = checkpoint_of(f, &job, step);
        fixture_ok(f, jobs_add_checkpoint(f->db, lease, &rows[step - 1], NULL, f->arena, &f->err));
    }
    struct job_new user = fixture_job(job.training_file);
    user.model = rows[1].model;
    char id[IDS_SIZE];
    const struct event_new created = {.kind = EVENT_CREATED, .message = "Created"};
    fixture_ok(f, jobs_insert(f->db, &user, &created, id, &f->err));
    fixture_ok(f, jobs_rewind(f->db, lease, 0, &f->err));
    assert_int_equal(checkpoints_find(f->db, job.seq, 1, &f->err), 0);
    assert_int_equal(checkpoints_find(f->db, job.seq, 2, &f->err), 1);
}

static void
finish_makes_model_state_and_event_together(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct model_row model = model_of(f, &job);
    const struct event_new event = {.message = "Succeeded"};
    fixture_ok(f, jobs_finish(f->db, fixture_lease(&job), &model, &progress, &event, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_SUCCEEDED);
    assert_true(row.finished_at > 1600000000);
    assert_string_equal(row.fine_tuned_model, model.id);
    assert_int_equal(row.progress.trained_tokens, 1234);
    struct model_row read;
    fixture_ok(f, models_get(f->db, model.id, f->arena, &read, &f->err));
    struct event_rows events = fixture_events(f, job.seq);
    assert_string_equal(events.items[events.count - 1].message, "Succeeded");
    fixture_ok(f, models_delete(f->db, model.id, &f->err));
    assert_string_equal(fixture_get_job(f, job.id).fine_tuned_model, model.id);
}

static void
finish_rolls_back_whole_when_its_event_fails(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct model_row model = model_of(f, &job);
    const struct event_new event = {.message = NULL};
    assert_int_equal(jobs_finish(f->db, fixture_lease(&job), &model, &progress, &event, &f->err),
                     ERR_INTERNAL);
    struct model_row read;
    assert_int_equal(models_get(f->db, model.id, f->arena, &read, &f->err), ERR_NOT_FOUND);
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_RUNNING);
    assert_null(row.fine_tuned_model);
    assert_int_equal(row.progress.step, 0);
}

static void
checkpoint_and_event_are_one(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct checkpoint_row row = checkpoint_of(f, &job, 5);
    const struct event_new bad = {.message = NULL};
    assert_int_equal(jobs_add_checkpoint(f->db, fixture_lease(&job), &row, &bad, f->arena, &f->err),
                     ERR_INTERNAL);
    assert_int_equal(count_checkpoints(f, job.seq), 0);
    const struct event_new good = {.message = "Checkpoint of step 5"};
    fixture_ok(f, jobs_add_checkpoint(f->db, fixture_lease(&job), &row, &good, f->arena, &f->err));
    assert_int_equal(count_checkpoints(f, job.seq), 1);
    assert_int_equal(fixture_events(f, job.seq).count, 3);
}

/* Every write under a lease that is over is refused and leaves no trace. */
static void
expect_no_rights(struct fixture *f, const struct job_row *job, struct job_lease lease)
{
    struct job_row before = fixture_get_job(f, job->id);
    size_t events = fixture_events(f, job->seq).count;
    const struct job_run run = {.engine = "late"};
    const struct event_new event = {.message = "late"};
    struct model_row model = model_of(f, job);
    struct checkpoint_row checkpoint = checkpoint_of(f, job, 9);
    assert_int_equal(jobs_set_run(f->db, lease, &run, &f->err), ERR_CONFLICT);
    assert_int_equal(jobs_rewind(f->db, lease, 0, &f->err), ERR_CONFLICT);
    assert_int_equal(jobs_flush(f->db, lease, &progress, points, 2, &f->err), ERR_CONFLICT);
    assert_int_equal(jobs_add_checkpoint(f->db, lease, &checkpoint, &event, f->arena, &f->err),
                     ERR_CONFLICT);
    assert_int_equal(jobs_finish(f->db, lease, &model, &progress, &event, &f->err), ERR_CONFLICT);
    struct job_row after = fixture_get_job(f, job->id);
    assert_int_equal(after.state, before.state);
    assert_memory_equal(&after.progress, &before.progress, sizeof after.progress);
    assert_null(after.engine);
    assert_int_equal(last_step(f, job->seq), -1);
    assert_int_equal(count_checkpoints(f, job->seq), 0);
    assert_int_equal(fixture_events(f, job->seq).count, events);
    struct model_row read;
    assert_int_equal(models_get(f->db, model.id, f->arena, &read, &f->err), ERR_NOT_FOUND);
}

static void
cancelled_job_is_not_overwritten_by_its_worker(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct job_change cancel = {.from = 1u << JOB_STATE_RUNNING,
                                      .to = JOB_STATE_CANCELLED,
                                      .event = {.message = "Cancelled"}};
    fixture_ok(f, jobs_change(f->db, job.id, &cancel, &f->err));
    expect_no_rights(f, &job, fixture_lease(&job));
}

static void
worker_of_a_former_attempt_has_no_rights(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct job_change back = {
        .from = 1u << JOB_STATE_RUNNING, .to = JOB_STATE_QUEUED, .event = {.message = "Stopped"}};
    fixture_ok(f, jobs_change(f->db, job.id, &back, &f->err));
    struct job_row again = {0};
    bool claimed = false;
    fixture_ok(f, jobs_claim(f->db, f->arena, &again, &claimed, &f->err));
    assert_string_equal(again.id, job.id);
    expect_no_rights(f, &job, fixture_lease(&job));
    fixture_ok(f, jobs_flush(f->db, fixture_lease(&again), &progress, points, 2, &f->err));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(flush_writes_progress_points_and_latest),
        STORE_TEST(run_facts_are_kept_and_added_to),
        STORE_TEST(rewind_forgets_what_lies_behind_a_step),
        STORE_TEST(rewind_keeps_the_checkpoint_from_which_another_job_starts),
        STORE_TEST(finish_makes_model_state_and_event_together),
        STORE_TEST(finish_rolls_back_whole_when_its_event_fails),
        STORE_TEST(checkpoint_and_event_are_one),
        STORE_TEST(cancelled_job_is_not_overwritten_by_its_worker),
        STORE_TEST(worker_of_a_former_attempt_has_no_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
