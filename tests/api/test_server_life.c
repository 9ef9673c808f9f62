/* Pausing, resuming, sending again, changing and deleting jobs over HTTP; the queue; the machine.
 */
#include "tests/api/server_fixture.h"

#define JOBS "/v1/fine_tuning/jobs"

static void
assert_status_after(void **state, const char *path, const char *status)
{
    json_t *root = call_json(state, "POST", path, "");
    assert_string_equal(json_text_at(root, "object"), "fine_tuning.job");
    assert_string_equal(json_text_at(root, "status"), status);
    json_decref(root);
}

static void
pause_and_resume_answer_the_job_each_time(void **state)
{
    assert_status_after(state, JOBS "/ftjob-queued/pause", "paused");
    assert_status_after(state, JOBS "/ftjob-queued/pause", "paused");
    assert_status_after(state, JOBS "/ftjob-queued/resume", "queued");
    assert_status_after(state, JOBS "/ftjob-queued/resume", "queued");
    assert_status_after(state, JOBS "/ftjob-running/pause", "pausing");
    assert_status_after(state, JOBS "/ftjob-failed/retry", "queued");
}

/* SDKs would try a bare 409 three times. */
static void
illegal_change_is_a_conflict_that_is_not_tried_again(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, "POST", JOBS "/ftjob-done/pause", "", &reply);
    assert_string_equal(http_header(&reply, "x-should-retry"), "false");
    assert_error(&reply, 409, "conflict");
    http_reply_fini(&reply);
    assert_call_fails(state, (const char *[]){"POST", JOBS "/ftjob-done/retry", ""}, 409,
                      "conflict");
    assert_call_fails(state, (const char *[]){"DELETE", JOBS "/ftjob-running", NULL}, 409,
                      "conflict");
    assert_call_fails(state, (const char *[]){"POST", JOBS "/ftjob-none/pause", ""}, 404,
                      "job_not_found");
}

static void
patch_answers_the_changed_job(void **state)
{
    json_t *root = call_json(state, "PATCH", JOBS "/ftjob-queued", "{\"priority\":7}");
    assert_int_equal(json_integer_at(root, "priority"), 7);
    json_decref(root);
    assert_call_fails(state, (const char *[]){"PATCH", JOBS "/ftjob-queued", "{"}, 400,
                      "invalid_json");
    assert_call_fails(state, (const char *[]){"PATCH", JOBS "/ftjob-none", "{}"}, 404,
                      "job_not_found");
}

static void
deleted_job_is_gone(void **state)
{
    json_t *root = call_json(state, "DELETE", JOBS "/ftjob-done", NULL);
    assert_string_equal(json_text_at(root, "id"), "ftjob-done");
    assert_string_equal(json_text_at(root, "object"), "fine_tuning.job");
    assert_true(json_is_true(json_object_get(root, "deleted")));
    json_decref(root);
    assert_call_fails(state, (const char *[]){"DELETE", JOBS "/ftjob-done", NULL}, 404,
                      "job_not_found");
}

static void
dry_run_answers_an_estimate(void **state)
{
    json_t *root = call_json(state, "POST", JOBS "?dry_run=true", "{\"model\":\"tiny\"}");
    static const char *const numbers[] = {"rows",    "validation_rows",   "test_rows", "tokens",
                                          "seconds", "peak_memory_bytes", "disk_bytes"};
    assert_string_equal(json_text_at(root, "object"), "fine_tuning.job.estimate");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_true(json_is_number(json_object_get(root, numbers[i])));
    assert_int_equal(json_integer_at(root, "total_steps"), 18);
    assert_int_equal(json_integer_at(root, "epoch_rows"), 120);
    assert_int_equal(json_integer_at(json_object_get(root, "parameters"), "n_epochs"), 3);
    const json_t *warning = json_array_get(json_object_get(root, "warnings"), 0);
    assert_string_equal(json_text_at(warning, "code"), "random_weights");
    assert_true(json_is_string(json_object_get(warning, "message")));
    json_decref(root);
}

static void
queue_is_paused_and_resumed(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/queue", NULL);
    assert_string_equal(json_text_at(root, "object"), "queue");
    assert_true(json_is_false(json_object_get(root, "paused")));
    assert_true(json_is_null(json_object_get(root, "paused_at")));
    assert_int_equal(json_integer_at(root, "queued"), 1);
    assert_int_equal(json_integer_at(root, "running"), 1);
    json_decref(root);
    root = call_json(state, "POST", "/v1/queue/pause", "");
    assert_true(json_is_true(json_object_get(root, "paused")));
    json_decref(root);
    root = call_json(state, "GET", "/v1/system", NULL);
    assert_true(json_is_true(json_object_get(json_object_get(root, "queue"), "paused")));
    json_decref(root);
    root = call_json(state, "POST", "/v1/queue/resume", "");
    assert_true(json_is_false(json_object_get(root, "paused")));
    json_decref(root);
}

static void
system_says_what_there_is(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/system", NULL);
    assert_string_equal(json_text_at(root, "object"), "system");
    assert_int_equal(json_integer_at(json_object_get(root, "cpu"), "processors"), 4);
    assert_int_equal(json_integer_at(json_object_get(root, "memory"), "free_bytes"), 4000);
    assert_int_equal(json_integer_at(json_object_get(root, "disk"), "min_free_bytes"), 100);
    assert_string_equal(json_text_at(json_object_get(root, "engine"), "name"), "native");
    assert_int_equal(json_integer_at(root, "uptime"), 12);
    json_decref(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pause_and_resume_answer_the_job_each_time, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(illegal_change_is_a_conflict_that_is_not_tried_again,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(patch_answers_the_changed_job, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(deleted_job_is_gone, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(dry_run_answers_an_estimate, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(queue_is_paused_and_resumed, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(system_says_what_there_is, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
