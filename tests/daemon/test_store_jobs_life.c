/* What people do to jobs that exist, and what a start makes of those that a crash left. */
#include "daemon/store/jobs_life.h"
#include "store_fixture.h"

enum { ENDED = 1u << JOB_STATE_FAILED | 1u << JOB_STATE_CANCELLED };

static void
change(struct fixture *f, const char *id, enum job_state from, enum job_state to)
{
    const struct job_change change = {
        .from = 1u << from,
        .to = to,
        .error = to == JOB_STATE_FAILED ? &(struct job_error){"internal", "x", NULL} : NULL,
        .event = {.message = "Changed"},
    };
    fixture_ok(f, jobs_change(f->db, id, &change, &f->err));
}

static const char *
last_event(struct fixture *f, int64_t seq)
{
    struct event_rows events = fixture_events(f, seq);
    return events.items[events.count - 1].message;
}

static void
lease_holds_while_the_job_is_pausing_and_no_longer(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct job_progress_row progress = {.step = 1, .total_steps = 2};
    change(f, job.id, JOB_STATE_RUNNING, JOB_STATE_PAUSING);
    fixture_ok(f, jobs_flush(f->db, fixture_lease(&job), &progress, NULL, 0, &f->err));
    change(f, job.id, JOB_STATE_PAUSING, JOB_STATE_PAUSED);
    assert_int_equal(jobs_flush(f->db, fixture_lease(&job), &progress, NULL, 0, &f->err),
                     ERR_CONFLICT);
    assert_int_equal(fixture_get_job(f, job.id).finished_at, 0);
}

static void
files_of_a_paused_job_are_needed(void **state)
{
    struct fixture *f = *state;
    const char *file = fixture_add_file(f, "fine-tune");
    struct job_new job = fixture_job(file);
    change(f, fixture_insert_job(f, &job), JOB_STATE_QUEUED, JOB_STATE_PAUSED);
    assert_int_equal(files_delete(f->db, file, &f->err), ERR_CONFLICT);
}

static void
retried_job_keeps_its_id_and_starts_another_attempt(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    struct job_row again = {0};
    bool claimed = false;
    change(f, job.id, JOB_STATE_RUNNING, JOB_STATE_FAILED);
    fixture_ok(f, jobs_retry(f->db, job.id, ENDED, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_QUEUED);
    assert_null(row.error_code);
    assert_int_equal(row.finished_at, 0);
    fixture_ok(f, jobs_claim(f->db, f->arena, &again, &claimed, &f->err));
    assert_true(claimed);
    assert_string_equal(again.id, job.id);
    assert_int_equal(again.attempt, 2);
}

static void
retry_without_its_file_is_refused_without_a_trace(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    change(f, job.id, JOB_STATE_RUNNING, JOB_STATE_CANCELLED);
    fixture_ok(f, files_delete(f->db, job.training_file, &f->err));
    assert_int_equal(jobs_retry(f->db, job.id, ENDED, &f->err), ERR_INVALID);
    assert_non_null(strstr(f->err.message, job.training_file));
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_CANCELLED);
    assert_string_equal(last_event(f, job.seq), "Changed");
}

static void
patch_changes_what_it_names(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    const struct job_patch both = {true, "{\"team\":\"a\"}", true, -3};
    const struct job_patch none = {.has_metadata = true};
    const struct job_patch nothing = {0};
    fixture_ok(f, jobs_patch(f->db, job.id, &both, &f->err));
    fixture_ok(f, jobs_patch(f->db, job.id, &nothing, &f->err));
    struct job_row row = fixture_get_job(f, job.id);
    assert_string_equal(row.metadata_json, "{\"team\":\"a\"}");
    assert_int_equal(row.priority, -3);
    assert_string_equal(last_event(f, job.seq), "The priority was changed from 0 to -3.");
    fixture_ok(f, jobs_patch(f->db, job.id, &none, &f->err));
    row = fixture_get_job(f, job.id);
    assert_null(row.metadata_json);
    assert_int_equal(row.priority, -3);
    assert_int_equal(jobs_patch(f->db, "ftjob-none", &both, &f->err), ERR_NOT_FOUND);
}

/* How many rows anywhere still belong to the job. */
static size_t
rows_left(struct fixture *f, int64_t seq)
{
    struct list_query query = {.limit = 1000};
    struct checkpoint_rows checkpoints;
    fixture_ok(f, checkpoints_page(f->db, seq, &query, f->arena, &checkpoints, &f->err));
    return fixture_events(f, seq).count + checkpoints.count;
}

static void
deleted_job_leaves_nothing_but_its_model(void **state)
{
    struct fixture *f = *state;
    bool in_use = false;
    struct job_row job = fixture_start_job(f);
    struct measure measure = {"train_loss", 0.5};
    const struct point_row point = {.step = 1, .measures = &measure, .measure_count = 1};
    const struct job_progress_row progress = {.step = 1, .total_steps = 1};
    const struct event_new event = {.message = "Done"};
    struct checkpoint_row checkpoint = {
        .model = "ft:base:local::x:ckpt-step-1", .step = 1, .files_json = "[]"};
    struct model_row model = {.id = "ft:base:local::x",
                              .job_id = job.id,
                              .base = "base",
                              .root = "base",
                              .task = "classification",
                              .files_json = "[]"};
    fixture_ok(f, jobs_flush(f->db, fixture_lease(&job), &progress, &point, 1, &f->err));
    fixture_ok(
        f, jobs_add_checkpoint(f->db, fixture_lease(&job), &checkpoint, NULL, f->arena, &f->err));
    assert_int_equal(jobs_delete(f->db, job.id, &in_use, &f->err), ERR_CONFLICT);
    assert_false(in_use);
    fixture_ok(f, jobs_finish(f->db, fixture_lease(&job), &model, &progress, &event, &f->err));
    fixture_ok(f, jobs_delete(f->db, job.id, &in_use, &f->err));
    assert_int_equal(jobs_get(f->db, job.id, f->arena, &job, &f->err), ERR_NOT_FOUND);
    assert_int_equal(rows_left(f, job.seq), 0);
    fixture_ok(f, models_get(f->db, model.id, f->arena, &model, &f->err));
}

static void
job_whose_checkpoint_is_needed_stays(void **state)
{
    struct fixture *f = *state;
    bool in_use = false;
    struct job_row job = fixture_start_job(f);
    struct checkpoint_row checkpoint = {
        .model = "ft:base:local::y:ckpt-step-1", .step = 1, .files_json = "[]"};
    fixture_ok(
        f, jobs_add_checkpoint(f->db, fixture_lease(&job), &checkpoint, NULL, f->arena, &f->err));
    change(f, job.id, JOB_STATE_RUNNING, JOB_STATE_CANCELLED);
    struct job_new next = fixture_job(fixture_add_file(f, "fine-tune"));
    next.model = checkpoint.model;
    const char *user = fixture_insert_job(f, &next);
    assert_int_equal(jobs_delete(f->db, job.id, &in_use, &f->err), ERR_CONFLICT);
    assert_true(in_use);
    assert_non_null(strstr(f->err.message, user));
    change(f, user, JOB_STATE_QUEUED, JOB_STATE_CANCELLED);
    fixture_ok(f, jobs_delete(f->db, job.id, &in_use, &f->err));
}

/* ---- after a crash --------------------------------------------------------------------------- */

static struct job_recovery
recover(struct fixture *f, const char *crashed)
{
    struct job_recovery recovery = {.crashed = &crashed, .crashed_count = crashed != NULL};
    fixture_ok(f, jobs_recover(f->db, &recovery, &f->err));
    return recovery;
}

static void
claim(struct fixture *f)
{
    struct job_row row;
    bool claimed = false;
    fixture_ok(f, jobs_claim(f->db, f->arena, &row, &claimed, &f->err));
    assert_true(claimed);
}

static void
third_crash_fails_the_job(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    for (int i = 1; i < JOBS_CRASHES_MAX; i++) {
        assert_int_equal(recover(f, job.id).recovered, 1);
        assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_QUEUED);
        struct event_rows events = fixture_events(f, job.seq);
        assert_string_equal(events.items[events.count - 1].code, "crashed");
        claim(f);
    }
    assert_int_equal(recover(f, job.id).failed, 1);
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_FAILED);
    assert_string_equal(row.error_code, "crashed");
    assert_non_null(strstr(row.error_message, "crashed 3 times"));
    assert_true(row.finished_at > 0);
}

/* The marks of the last run are read again when a start is cut short. */
static void
marks_that_are_read_twice_count_once(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    for (int i = 0; i < 5; i++)
        recover(f, job.id);
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_QUEUED);
    claim(f);
    recover(f, job.id);
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_QUEUED);
}

static void
ten_ends_without_progress_fail_the_job_and_a_retry_forgets_them(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    for (int i = 1; i < JOBS_IDLE_ENDS_MAX; i++) {
        recover(f, NULL);
        assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_QUEUED);
        claim(f);
    }
    recover(f, NULL);
    struct job_row row = fixture_get_job(f, job.id);
    assert_int_equal(row.state, JOB_STATE_FAILED);
    assert_string_equal(row.error_code, "crashed");
    fixture_ok(f, jobs_retry(f->db, job.id, ENDED, &f->err));
    claim(f);
    recover(f, NULL);
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_QUEUED);
}

static void
crash_of_another_job_is_not_counted_as_ours(void **state)
{
    struct fixture *f = *state;
    struct job_row innocent = fixture_start_job(f);
    struct job_row guilty = fixture_start_job(f);
    for (int i = 1; i < JOBS_CRASHES_MAX; i++) {
        recover(f, guilty.id);
        claim(f);
        claim(f);
    }
    struct job_recovery recovery = recover(f, guilty.id);
    assert_int_equal(recovery.failed, 1);
    assert_int_equal(recovery.recovered, 1);
    assert_int_equal(fixture_get_job(f, innocent.id).state, JOB_STATE_QUEUED);
    assert_int_equal(fixture_get_job(f, guilty.id).state, JOB_STATE_FAILED);
}

static void
job_that_was_pausing_is_paused_after_a_crash(void **state)
{
    struct fixture *f = *state;
    struct job_row job = fixture_start_job(f);
    change(f, job.id, JOB_STATE_RUNNING, JOB_STATE_PAUSING);
    assert_int_equal(recover(f, NULL).recovered, 1);
    assert_int_equal(fixture_get_job(f, job.id).state, JOB_STATE_PAUSED);
    assert_non_null(strstr(last_event(f, job.seq), "the job is paused"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(lease_holds_while_the_job_is_pausing_and_no_longer),
        STORE_TEST(files_of_a_paused_job_are_needed),
        STORE_TEST(retried_job_keeps_its_id_and_starts_another_attempt),
        STORE_TEST(retry_without_its_file_is_refused_without_a_trace),
        STORE_TEST(patch_changes_what_it_names),
        STORE_TEST(deleted_job_leaves_nothing_but_its_model),
        STORE_TEST(job_whose_checkpoint_is_needed_stays),
        STORE_TEST(third_crash_fails_the_job),
        STORE_TEST(marks_that_are_read_twice_count_once),
        STORE_TEST(ten_ends_without_progress_fail_the_job_and_a_retry_forgets_them),
        STORE_TEST(crash_of_another_job_is_not_counted_as_ours),
        STORE_TEST(job_that_was_pausing_is_paused_after_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
