/*
 * A job's baseline, and jobs whose method is a linear probe. Interruptions while the baseline is
 * measured: the model is that of a job that was never interrupted.
 */
#include "tests/daemon/same_job.h"

#include "core/base/json.h"

/* So many rows that the baseline takes a while beside the one step of the training. */
enum { MANY_ROWS = 9000 };

static json_t *
baseline_of(const struct job_info *job)
{
    struct err err;
    assert_non_null(job->baseline_json);
    json_t *object = json_parse(job->baseline_json, strlen(job->baseline_json), false, &err);
    assert_non_null(object);
    return object;
}

static void
a_job_tells_its_baseline(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 60, ", \"max_steps\": 3, \"seed\": 1");
    assert_null(job.baseline_json);
    job = fixture_wait_success(f, job.id);
    json_t *baseline = baseline_of(&job);
    double model = fixture_value(job.metrics, job.metric_count, "valid_accuracy");
    assert_string_equal(json_string_value(json_object_get(baseline, "metric")), "valid_accuracy");
    assert_true(json_real_value(json_object_get(baseline, "model")) == model);
    assert_true(json_real_value(json_object_get(baseline, "majority")) == 0.5);
    assert_true(json_real_value(json_object_get(baseline, "linear_probe")) > 0.5);
    assert_int_equal(fixture_count_events(f, job.id, "a linear probe of the untouched base model"),
                     1);
    json_decref(baseline);
}

static void
a_job_that_wants_none_has_none(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = fixture_create(f, 60, ", \"max_steps\": 3, \"baseline\": false");
    job = fixture_wait_success(f, job.id);
    assert_null(job.baseline_json);
    assert_int_equal(fixture_count_events(f, job.id, "aseline"), 0);
}

static void
a_linear_probe_is_a_job_whose_model_answers(void **state)
{
    struct service_fixture *f = *state;
    struct classify_result result = {0};
    const struct classify_input input = {.first = "the film was very lovely", .first_length = 24};
    struct job_info job =
        fixture_create(f, 120, ", \"method\": {\"type\": \"linear_probe\"}, \"seed\": 1");
    assert_int_equal(job.progress.total_steps, 1);
    job = fixture_wait_success(f, job.id);
    assert_non_null(strstr(job.parameters_json, "\"method\":\"linear_probe\""));
    assert_int_equal(job.progress.step, 1);
    assert_int_equal(fixture_count_events(f, job.id, "The linear probe: fitted to"), 1);
    json_t *baseline = baseline_of(&job);
    assert_true(json_real_value(json_object_get(baseline, "model")) ==
                json_real_value(json_object_get(baseline, "linear_probe")));
    json_decref(baseline);
    fixture_ok(f, service_classify(f->service, job.fine_tuned_model, &input, 1, f->arena, &result,
                                   &f->faults));
    assert_int_equal(result.label_count, 2);
    assert_string_equal(result.labels[result.scores[1] > result.scores[0]], "positive");
}

static void
training_can_start_from_a_linear_probe(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job =
        fixture_create(f, 60, ", \"max_steps\": 2, \"init_head\": \"linear_probe\", \"seed\": 3");
    job = fixture_wait_success(f, job.id);
    assert_int_equal(fixture_count_events(f, job.id, "starts as a linear probe"), 1);
}

/* ---- interruptions --------------------------------------------------------------------------- */

static struct job_info
create_many(struct service_fixture *f)
{
    return fixture_create(f, MANY_ROWS,
                          ", \"max_steps\": 1, \"batch_size\": 4, \"seed\": 9, "
                          "\"validation_split\": 0.05");
}

static bool
job_has_its_step(const struct job_info *job)
{
    return job_has_ended(job) || job->progress.step == 1;
}

static void
start_again(struct service_fixture *f)
{
    fixture_close(f);
    fixture_open(f);
    fixture_start(f);
}

static void
a_job_stopped_in_its_baseline_ends_as_an_undisturbed_one(void **state)
{
    struct service_fixture *f = *state;
    struct job_info whole = create_many(f);
    fixture_wait_success(f, whole.id);
    struct job_info job = create_many(f);
    fixture_wait(f, job.id, job_has_its_step);
    start_again(f);
    job = fixture_wait_success(f, job.id);
    whole = fixture_get(f, whole.id);
    check_same_job(f, whole.id, job.id, 1);
    assert_string_equal(job.baseline_json, whole.baseline_json);
}

static bool
job_is_paused(const struct job_info *job)
{
    return job->status == JOB_PAUSED || job->status == JOB_SUCCEEDED;
}

static void
a_job_paused_in_its_baseline_ends_as_an_undisturbed_one(void **state)
{
    struct service_fixture *f = *state;
    struct job_info whole = create_many(f);
    fixture_wait_success(f, whole.id);
    struct job_info job = create_many(f);
    fixture_wait(f, job.id, job_has_its_step);
    if (service_job_pause(f->service, job.id, f->arena, &job, &f->faults) != 0)
        f->faults.count = 0; /* it has ended by now */
    job = fixture_wait(f, job.id, job_is_paused);
    if (job.status == JOB_PAUSED)
        fixture_ok(f, service_job_resume(f->service, job.id, f->arena, &job, &f->faults));
    fixture_wait_success(f, job.id);
    check_same_job(f, whole.id, job.id, 1);
}

static void
a_job_cancelled_in_its_baseline_leaves_no_model(void **state)
{
    struct service_fixture *f = *state;
    struct job_info job = create_many(f);
    fixture_wait(f, job.id, job_has_its_step);
    if (service_job_cancel(f->service, job.id, f->arena, &job, &f->faults) != 0)
        f->faults.count = 0;
    job = fixture_wait(f, job.id, job_has_ended);
    fixture_close(f); /* its thread may be removing the folder yet */
    fixture_open(f);
    job = fixture_get(f, job.id);
    const char *folder = arena_printf(f->arena, "%s/models/%s", f->data_dir, job.id);
    assert_int_equal(fileio_exists(folder), job.status == JOB_SUCCEEDED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_running, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_tells_its_baseline),
        TEST(a_job_that_wants_none_has_none),
        TEST(a_linear_probe_is_a_job_whose_model_answers),
        TEST(training_can_start_from_a_linear_probe),
        TEST(a_job_stopped_in_its_baseline_ends_as_an_undisturbed_one),
        TEST(a_job_paused_in_its_baseline_ends_as_an_undisturbed_one),
        TEST(a_job_cancelled_in_its_baseline_leaves_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
