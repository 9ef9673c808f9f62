/*
 * What is odd about a job's data is told in time: as warnings of the dry run, and as events when
 * the job is created; dedupe takes rows out before they are counted and held out.
 */
#include "tests/daemon/service_fixture.h"

/* Rows number from..to of two labels; each text is there once. */
static void
add_rows(struct buf *out, int from, int to)
{
    for (int i = from; i < to; i++)
        buf_printf(out, "{\"text\": \"the film number %d was good\", \"label\": \"%s\"}\n", i,
                   i % 2 == 0 ? "positive" : "negative");
}

static const char *
body_of(struct service_fixture *f, const struct buf *training, const struct buf *validation,
        const char *more)
{
    struct file_info first = fixture_upload(f, "train.jsonl", buf_string(training));
    struct file_info second = fixture_upload(f, "valid.jsonl", buf_string(validation));
    return arena_printf(f->arena,
                        "{\"model\": \"tiny\", \"training_file\": \"%s\", \"validation_file\": "
                        "\"%s\"%s}",
                        first.id, second.id, more);
}

/* The message of the warning event of this code, or NULL. */
static const char *
event_of(struct service_fixture *f, const char *job, const char *code)
{
    struct event_list events = {0};
    struct page page = {.limit = 100};
    const char *data = arena_printf(f->arena, "{\"code\":\"%s\"}", code);
    fixture_ok(f, service_job_events(f->service, job, &page, f->arena, &events, &f->faults));
    for (size_t i = 0; i < events.count; i++)
        if (events.items[i].data_json != NULL && strcmp(events.items[i].data_json, data) == 0) {
            assert_string_equal(events.items[i].level, "warn");
            return events.items[i].message;
        }
    return NULL;
}

static const char *
warning_of(const struct job_estimate *estimate, const char *code)
{
    for (size_t i = 0; i < estimate->warning_count; i++)
        if (strcmp(estimate->warnings[i].code, code) == 0)
            return estimate->warnings[i].message;
    return NULL;
}

static void
expect_words(const char *message, const char *words)
{
    if (message == NULL || strstr(message, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", message != NULL ? message : "no warning", words);
}

static void
faults_of_the_data_are_told_before_and_when_a_job_is_created(void **state)
{
    struct service_fixture *f = *state;
    struct buf training = {0};
    struct buf validation = {0};
    struct job_estimate estimate;
    struct job_info job;
    add_rows(&training, 0, 40);
    add_rows(&training, 0, 3);     /* three twice, */
    add_rows(&validation, 37, 50); /* three of these are in both */
    const char *body = body_of(f, &training, &validation, "");
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    expect_words(warning_of(&estimate, "duplicates"), "train.jsonl: 3 rows (7.0 %)");
    expect_words(warning_of(&estimate, "split_leakage"), "3 rows (23.1 %) of valid.jsonl");
    fixture_ok(f, fixture_try_create(f, body, &job));
    expect_words(event_of(f, job.id, "duplicates"), "train.jsonl: 3 rows (7.0 %)");
    expect_words(event_of(f, job.id, "split_leakage"), "3 rows (23.1 %) of valid.jsonl");
    assert_null(event_of(f, job.id, "conflicting_duplicates"));
    buf_fini(&training);
    buf_fini(&validation);
}

static void
held_out_rows_are_compared_too(void **state)
{
    struct service_fixture *f = *state;
    struct buf training = {0};
    struct job_info job;
    for (int i = 0; i < 4; i++)
        add_rows(&training, 0, 20); /* each four times: whatever is held out is in training */
    struct file_info file = fixture_upload(f, "train.jsonl", buf_string(&training));
    const char *body = arena_printf(
        f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\", \"validation_split\": 0.1}",
        file.id);
    fixture_ok(f, fixture_try_create(f, body, &job));
    expect_words(event_of(f, job.id, "split_leakage"),
                 "8 rows (100.0 %) of the rows held out of train.jsonl");
    buf_fini(&training);
}

static void
a_warm_up_that_outlasts_the_job_is_told(void **state)
{
    struct service_fixture *f = *state;
    struct buf rows = {0};
    struct job_estimate estimate, usual;
    add_rows(&rows, 0, 20);
    struct file_info file = fixture_upload(f, "rows.jsonl", buf_string(&rows));
    const char *body = "{\"model\": \"tiny\", \"training_file\": \"%s\", \"max_steps\": 40, "
                       "\"warmup_steps\": %d}";
    const char *most = arena_printf(f->arena, body, file.id, 40);
    const char *more = arena_printf(f->arena, body, file.id, 500);
    fixture_ok(f,
               service_job_estimate(f->service, most, strlen(most), f->arena, &usual, &f->faults));
    fixture_ok(
        f, service_job_estimate(f->service, more, strlen(more), f->arena, &estimate, &f->faults));
    assert_null(warning_of(&usual, "long_warm_up"));
    expect_words(warning_of(&estimate, "long_warm_up"),
                 "warmup_steps is 500, but the job has 40 steps: the learning rate never gets "
                 "beyond 8 % of its value");
    buf_fini(&rows);
}

/* Who gives one file twice hears which, and nothing twice. */
static void
one_file_for_two_purposes_is_told_as_that(void **state)
{
    struct service_fixture *f = *state;
    struct buf rows = {0};
    struct job_estimate estimate;
    add_rows(&rows, 0, 20);
    struct file_info file = fixture_upload(f, "rows.jsonl", buf_string(&rows));
    const char *body = arena_printf(f->arena,
                                    "{\"model\": \"tiny\", \"training_file\": \"%s\", "
                                    "\"validation_file\": \"%s\", \"test_file\": \"%s\"}",
                                    file.id, file.id, file.id);
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    expect_words(warning_of(&estimate, "split_leakage"),
                 "20 rows (100.0 %) of rows.jsonl (the training file itself) have a text that "
                 "rows.jsonl has too");
    size_t told = 0;
    for (size_t i = 0; i < estimate.warning_count; i++)
        told += strcmp(estimate.warnings[i].code, "split_leakage") == 0;
    assert_int_equal(told, 1);
    buf_fini(&rows);
}

/* A tenth of three rows of a label is none of them. */
static void
a_split_that_comes_to_nothing_is_told(void **state)
{
    struct service_fixture *f = *state;
    struct buf training = {0};
    struct job_info job;
    add_rows(&training, 0, 6);
    struct file_info file = fixture_upload(f, "train.jsonl", buf_string(&training));
    const char *body =
        arena_printf(f->arena, "{\"model\": \"tiny\", \"training_file\": \"%s\"}", file.id);
    fixture_ok(f, fixture_try_create(f, body, &job));
    expect_words(event_of(f, job.id, "nothing_held_out"),
                 "train.jsonl: validation_split 0.1 of its rows, label by label, comes to none");
    struct job_estimate estimate;
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    assert_non_null(warning_of(&estimate, "nothing_held_out"));
    assert_null(warning_of(&estimate, "no_validation")); /* the same once more */
    body = arena_printf(f->arena,
                        "{\"model\": \"tiny\", \"training_file\": \"%s\", \"validation_split\": 0}",
                        file.id);
    fixture_ok(f, fixture_try_create(f, body, &job));
    assert_null(event_of(f, job.id, "nothing_held_out"));
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    assert_non_null(warning_of(&estimate, "no_validation"));
    body = body_of(f, &training, &training, "");
    fixture_ok(f, fixture_try_create(f, body, &job));
    assert_null(event_of(f, job.id, "nothing_held_out"));
    buf_fini(&training);
}

static void
dedupe_leaves_rows_out_and_says_so(void **state)
{
    struct service_fixture *f = *state;
    struct buf training = {0};
    struct buf validation = {0};
    struct job_estimate estimate;
    struct job_info job;
    add_rows(&training, 0, 40);
    add_rows(&training, 0, 3);
    buf_append_string(&training,
                      "{\"text\": \"the film number 4 was  good\", \"label\": \"negative\"}\n");
    add_rows(&validation, 40, 50);
    const char *body = body_of(f, &training, &validation, ", \"dedupe\": \"exact\"");
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    assert_int_equal(estimate.rows, 41);
    fixture_ok(f, fixture_try_create(f, body, &job));
    assert_non_null(strstr(job.parameters_json, "\"dedupe\":\"exact\""));
    expect_words(event_of(f, job.id, "duplicates_left_out"),
                 "train.jsonl: 3 rows are left out as duplicates (3 exact, 0 near), 1 are kept");
    assert_null(event_of(f, job.id, "duplicates"));
    body = body_of(f, &training, &validation, ", \"dedupe\": \"all\"");
    fixture_refused(f, fixture_try_create(f, body, &job), FAULT_INVALID_PARAMETER, "dedupe");
    buf_fini(&training);
    buf_fini(&validation);
}

/* 42 rows of one label, two of another: those are shown 21 times. */
static void
oversample_tells_what_it_does_beside_what_it_is_for(void **state)
{
    struct service_fixture *f = *state;
    struct buf training = {0};
    struct buf validation = {0};
    struct job_estimate estimate;
    struct job_info job;
    for (int i = 0; i < 44; i++)
        buf_printf(&training, "{\"text\": \"the film number %d was good\", \"label\": \"%s\"}\n", i,
                   i % 22 == 0 ? "negative" : "positive");
    add_rows(&validation, 100, 110);
    const char *body =
        body_of(f, &training, &validation, ", \"oversample\": 1, \"class_weights\": \"balanced\"");
    fixture_ok(
        f, service_job_estimate(f->service, body, strlen(body), f->arena, &estimate, &f->faults));
    assert_int_equal(estimate.rows, 44);
    assert_int_equal(estimate.epoch_rows, 84);
    fixture_ok(f, fixture_try_create(f, body, &job));
    assert_int_equal(job.progress.total_steps, estimate.total_steps);
    assert_int_equal(job.epoch_rows, 84);
    assert_non_null(strstr(job.parameters_json, "\"oversample\":1"));
    expect_words(event_of(f, job.id, "rows_repeated_often"),
                 "train.jsonl: oversample shows the 2 rows of \"negative\" 21 times in each epoch");
    expect_words(event_of(f, job.id, "oversample_and_class_weights"), "both act");
    body = body_of(f, &training, &validation, ", \"oversample\": 0.4");
    fixture_ok(f, fixture_try_create(f, body, &job));
    assert_null(event_of(f, job.id, "rows_repeated_often"));
    assert_null(event_of(f, job.id, "oversample_and_class_weights"));
    body = body_of(f, &training, &validation, ", \"oversample\": 1, \"task\": \"multi_label\"");
    fixture_refused(f, fixture_try_create(f, body, &job), FAULT_INVALID_PARAMETER, "oversample");
    buf_fini(&training);
    buf_fini(&validation);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(faults_of_the_data_are_told_before_and_when_a_job_is_created),
        IDLE_TEST(held_out_rows_are_compared_too),
        IDLE_TEST(a_warm_up_that_outlasts_the_job_is_told),
        IDLE_TEST(one_file_for_two_purposes_is_told_as_that),
        IDLE_TEST(a_split_that_comes_to_nothing_is_told),
        IDLE_TEST(dedupe_leaves_rows_out_and_says_so),
        IDLE_TEST(oversample_tells_what_it_does_beside_what_it_is_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
