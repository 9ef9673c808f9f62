/* The baseline of a job: the most frequent answer, the linear probe, and what is said of both. */
#include "core/probe/baseline.h"

#include "tests/core/resume_fixture.h"

struct said {
    char text[1024]; /* the latest event */
    enum train_level level;
    size_t count;
    bool stops;
};

static void
note_event(void *context, enum train_level level, const char *message)
{
    struct said *said = context;
    snprintf(said->text, sizeof said->text, "%s", message);
    said->level = level;
    said->count++;
}

static bool
is_stopped(void *context)
{
    return ((const struct said *)context)->stops;
}

/* A plan with what its baseline asks for. */
struct asked {
    struct arena *arena;
    struct train_plan plan;
    struct pool *pool;
    double latest[METRIC_COUNT];
    struct said said;
    struct baseline_call call;
};

/* The model's own test accuracy, or NaN. */
static void
ask(struct asked *asked, struct resume_fixture *f, size_t threads, double accuracy)
{
    struct err err;
    struct train_fault fault = {0};
    *asked = (struct asked){.arena = arena_new(), .pool = pool_new(threads, &err)};
    if (train_plan_make(&f->request, asked->arena, &asked->plan, &fault, &err) != 0)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < METRIC_COUNT; i++)
        asked->latest[i] = NAN;
    asked->latest[METRIC_TEST_ACCURACY] = accuracy;
    asked->latest[METRIC_VALID_ACCURACY] = accuracy;
    asked->call = (struct baseline_call){.plan = &asked->plan,
                                         .request = &f->request,
                                         .engine = f->engine,
                                         .pool = asked->pool,
                                         .latest = asked->latest,
                                         .should_stop = is_stopped,
                                         .on_event = note_event,
                                         .context = &asked->said};
}

static void
ask_fini(struct asked *asked)
{
    train_plan_fini(&asked->plan);
    pool_free(asked->pool);
    arena_free(asked->arena);
}

static void
keep_values(void *context, const struct train_point *point)
{
    memcpy(context, point->values, sizeof point->values);
}

static int
drop_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    (void)context;
    (void)snapshot;
    (void)err;
    return 0;
}

/* What a job of the method linear_probe measures on the same files. */
static double
metric_of_probe(struct resume_fixture *f, enum metric metric)
{
    struct err err;
    struct train_fault fault = {0};
    struct train_plan plan;
    struct arena *arena = arena_new();
    struct pool *pool = pool_new(1, &err);
    struct train_request request = f->request;
    double values[METRIC_COUNT];
    const struct train_observer observer = {
        .context = values, .on_point = keep_values, .on_model = drop_model};
    request.params.method = METHOD_LINEAR_PROBE;
    assert_int_equal(train_plan_make(&request, arena, &plan, &fault, &err), 0);
    assert_int_equal(train_run(&plan, &request, f->engine, pool, &observer, NULL, &err), 0);
    train_plan_fini(&plan);
    pool_free(pool);
    arena_free(arena);
    return values[metric];
}

/* Of the test file's nine rows six are "no", as are two thirds of those that are learned from. */
static void
it_is_of_the_test_rows_and_equals_a_job_of_that_method(void **state)
{
    struct resume_fixture *f = *state;
    double probe = metric_of_probe(f, METRIC_TEST_ACCURACY);
    for (size_t threads = 1; threads <= 3; threads++) {
        struct err err;
        struct asked asked;
        struct baseline baseline;
        ask(&asked, f, threads, 0.5);
        assert_true(baseline_has_metric(&asked.call));
        if (baseline_measure(&asked.call, &baseline, &err) != 0)
            fail_msg("%s", err.message);
        assert_int_equal(baseline.metric, METRIC_TEST_ACCURACY);
        assert_true(fabs(baseline.majority - 6.0 / 9.0) < 1e-12);
        assert_true(fabs(baseline.linear_probe - probe) < 1e-12);
        assert_true(fabs(baseline.model - 0.5) < 1e-12);
        ask_fini(&asked);
    }
}

static void
without_a_test_file_it_is_of_validation(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct asked asked;
    struct baseline baseline;
    f->request.test = (struct train_file){0};
    double probe = metric_of_probe(f, METRIC_VALID_ACCURACY);
    ask(&asked, f, 2, 0.5);
    assert_int_equal(baseline_measure(&asked.call, &baseline, &err), 0);
    assert_int_equal(baseline.metric, METRIC_VALID_ACCURACY);
    assert_true(baseline.majority > 0.5 && baseline.majority < 1);
    assert_true(fabs(baseline.linear_probe - probe) < 1e-12);
    ask_fini(&asked);
}

static void
a_model_below_it_is_told_so_with_a_remedy(void **state)
{
    struct err err;
    struct asked asked;
    json_t *document;
    ask(&asked, *state, 1, 0.25);
    assert_int_equal(baseline_report(&asked.call, &document, &err), 0);
    assert_int_equal(asked.said.count, 1);
    assert_int_equal(asked.said.level, TRAIN_WARN);
    assert_non_null(strstr(asked.said.text, "below its baseline"));
    assert_non_null(strstr(asked.said.text, "0.6667 for the most frequent answer"));
    assert_non_null(strstr(asked.said.text, "0.25 with this model"));
    assert_non_null(strstr(asked.said.text, "makes that model in seconds, and init_head"));
    assert_string_equal(json_string_value(json_object_get(document, "metric")), "test_accuracy");
    assert_true(json_is_real(json_object_get(document, "majority")));
    assert_true(json_is_real(json_object_get(document, "linear_probe")));
    assert_true(fabs(json_real_value(json_object_get(document, "model")) - 0.25) < 1e-12);
    json_decref(document);
    ask_fini(&asked);
}

static void
a_model_above_it_gets_the_figures_alone(void **state)
{
    struct err err;
    struct asked asked;
    json_t *document;
    ask(&asked, *state, 1, 1.0);
    assert_int_equal(baseline_report(&asked.call, &document, &err), 0);
    assert_int_equal(asked.said.level, TRAIN_INFO);
    assert_null(strstr(asked.said.text, "init_head"));
    json_decref(document);
    ask_fini(&asked);
}

/* Whoever has that classifier already is not told to make it. */
static void
a_probe_below_the_most_frequent_answer_gets_another_remedy(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct asked asked;
    json_t *document;
    f->request.params.method = METHOD_LINEAR_PROBE;
    ask(&asked, f, 1, 0.5);
    assert_int_equal(baseline_report(&asked.call, &document, &err), 0);
    assert_int_equal(asked.said.level, TRAIN_WARN);
    assert_non_null(strstr(asked.said.text, "below its baseline"));
    assert_non_null(strstr(asked.said.text, "More training rows"));
    assert_null(strstr(asked.said.text, "makes that model"));
    json_decref(document);
    ask_fini(&asked);
}

static void
a_regression_is_held_against_the_mean(void **state)
{
    char text[BASELINE_TEXT_BYTES];
    const struct baseline baseline = {
        .metric = METRIC_TEST_R2,
        .majority = -0.25,
        .linear_probe = 0.5,
        .model = 0.75,
        .rises = true,
        .is_regression = true,
    };
    (void)state;
    baseline_say(&baseline, text);
    assert_non_null(strstr(text, "test_r2 is -0.25 for the mean of the training rows, 0.5 with"));
}

/* Sums of such numbers and of their squares are rounded: a difference of them is not zero. */
static void
equal_numbers_have_no_share_that_is_explained(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct asked asked;
    struct baseline baseline;
    struct buf learned = {0}, tested = {0};
    for (size_t row = 0; row < 30; row++) {
        buf_printf(&learned, "{\"text\":\"w%zu\",\"label\":%zu.3}\n", row, row % 7);
        buf_printf(&tested, "{\"text\":\"w%zu\",\"label\":1.1}\n", row);
    }
    f->request.training.path = scratch_write_text(&f->scratch, "n.jsonl", buf_string(&learned));
    f->request.test.path = scratch_write_text(&f->scratch, "t.jsonl", buf_string(&tested));
    f->request.task = TASK_REGRESSION;
    f->request.params.validation_split = 0;
    ask(&asked, f, 1, NAN);
    asked.latest[METRIC_TEST_R2] = 0.5; /* whatever it is: R2 is what is asked for */
    assert_int_equal(baseline_measure(&asked.call, &baseline, &err), 0);
    assert_int_equal(baseline.metric, METRIC_TEST_R2);
    assert_true(isnan(baseline.majority));
    ask_fini(&asked);
    buf_fini(&learned);
    buf_fini(&tested);
}

static void
without_measured_rows_there_is_none_and_it_is_told(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct asked asked;
    json_t *document;
    f->request.test = (struct train_file){0};
    f->request.params.validation_split = 0;
    ask(&asked, f, 1, NAN);
    assert_false(baseline_has_metric(&asked.call));
    assert_int_equal(baseline_report(&asked.call, &document, &err), 0);
    assert_null(document);
    assert_non_null(strstr(asked.said.text, "validation"));
    ask_fini(&asked);
}

static void
it_stops_when_asked_and_says_nothing(void **state)
{
    struct err err;
    struct asked asked;
    json_t *document;
    ask(&asked, *state, 2, 0.5);
    asked.said.stops = true;
    assert_int_equal(baseline_report(&asked.call, &document, &err), ERR_STOPPED);
    assert_null(document);
    assert_int_equal(asked.said.count, 0);
    ask_fini(&asked);
}

/* A base model that is gone meanwhile: the job has its model, and a baseline without the probe. */
static void
what_cannot_be_measured_is_null_and_told(void **state)
{
    struct resume_fixture *f = *state;
    struct err err;
    struct asked asked;
    json_t *document;
    ask(&asked, f, 1, 0.75);
    scratch_write_text(&f->scratch, "model/model.safetensors", "damaged");
    assert_int_equal(baseline_report(&asked.call, &document, &err), 0);
    assert_int_equal(asked.said.count, 2);
    assert_true(json_is_null(json_object_get(document, "linear_probe")));
    assert_true(json_is_real(json_object_get(document, "majority")));
    json_decref(document);
    ask_fini(&asked);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, resume_setup, resume_teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_is_of_the_test_rows_and_equals_a_job_of_that_method),
        TEST(without_a_test_file_it_is_of_validation),
        TEST(a_model_below_it_is_told_so_with_a_remedy),
        TEST(a_model_above_it_gets_the_figures_alone),
        TEST(a_probe_below_the_most_frequent_answer_gets_another_remedy),
        TEST(a_regression_is_held_against_the_mean),
        TEST(equal_numbers_have_no_share_that_is_explained),
        TEST(without_measured_rows_there_is_none_and_it_is_told),
        TEST(it_stops_when_asked_and_says_nothing),
        TEST(what_cannot_be_measured_is_null_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
