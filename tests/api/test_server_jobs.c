/* /v1/fine_tuning/jobs over HTTP: the object's keys, paging, cancel, events, metrics, checkpoints.
 */
#include "tests/api/server_fixture.h"

#include <unistd.h>

#define JOBS "/v1/fine_tuning/jobs"

static void
job_has_every_required_key(void **state)
{
    static const char *const keys[] = {"id",
                                       "object",
                                       "created_at",
                                       "error",
                                       "fine_tuned_model",
                                       "finished_at",
                                       "hyperparameters",
                                       "model",
                                       "organization_id",
                                       "result_files",
                                       "seed",
                                       "status",
                                       "trained_tokens",
                                       "training_file",
                                       "validation_file",
                                       "estimated_finish",
                                       "integrations",
                                       "metadata",
                                       "method",
                                       "task",
                                       "labels",
                                       "progress",
                                       "metrics",
                                       "resources",
                                       "estimated_memory_bytes",
                                       "epoch_rows",
                                       "attempt",
                                       "queue_position",
                                       "priority",
                                       "parameters",
                                       "test_file",
                                       "suffix",
                                       "started_at"};
    static const char *const ids[] = {"ftjob-done", "ftjob-failed", "ftjob-running",
                                      "ftjob-queued"};
    for (size_t i = 0; i < 4; i++) {
        char path[64];
        snprintf(path, sizeof path, JOBS "/%s", ids[i]);
        json_t *root = call_json(state, "GET", path, NULL);
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            if (json_object_get(root, keys[k]) == NULL)
                fail_msg("%s has no key %s", ids[i], keys[k]);
        }
        assert_string_equal(json_text_at(root, "object"), "fine_tuning.job");
        json_decref(root);
    }
}

static void
finished_job_says_what_it_made(void **state)
{
    json_t *root = call_json(state, "GET", JOBS "/ftjob-done", NULL);
    assert_string_equal(json_text_at(root, "status"), "succeeded");
    assert_string_equal(json_text_at(root, "fine_tuned_model"), FAKE_MODEL);
    assert_int_equal(json_integer_at(root, "trained_tokens"), 12345);
    assert_true(json_is_null(json_object_get(root, "error")));
    assert_string_equal(json_text_at(json_object_get(root, "metadata"), "team"), "a b");
    const json_t *hyper = json_object_get(root, "hyperparameters");
    assert_int_equal(json_integer_at(hyper, "n_epochs"), 3);
    assert_int_equal(json_integer_at(hyper, "batch_size"), 16);
    assert_true(json_number_value(json_object_get(hyper, "learning_rate_multiplier")) > 0.99);
    const json_t *method = json_object_get(root, "method");
    assert_string_equal(json_text_at(method, "type"), "supervised");
    assert_true(
        json_equal(json_object_get(json_object_get(method, "supervised"), "hyperparameters"),
                   (json_t *)hyper));
    assert_int_equal(json_array_size(json_object_get(root, "labels")), 3);
    assert_true(
        json_is_number(json_object_get(json_object_get(root, "metrics"), "valid_accuracy")));
    const json_t *resources = json_object_get(root, "resources");
    assert_string_equal(json_text_at(resources, "precision"), "fp32");
    assert_int_equal(json_integer_at(resources, "peak_memory_bytes"), 1 << 20);
    assert_true(json_is_null(json_object_get(root, "estimated_memory_bytes"))); /* not told then */
    assert_true(json_is_null(json_object_get(root, "epoch_rows")));
    json_decref(root);
}

static void
job_under_way_has_no_results_yet(void **state)
{
    json_t *root = call_json(state, "GET", JOBS "/ftjob-running", NULL);
    assert_true(json_is_null(json_object_get(root, "finished_at")));
    assert_true(json_is_null(json_object_get(root, "trained_tokens")));
    assert_true(json_is_integer(json_object_get(root, "estimated_finish")));
    json_decref(root);
    root = call_json(state, "GET", JOBS "/ftjob-queued", NULL);
    assert_int_equal(json_integer_at(root, "queue_position"), 1);
    assert_int_equal(json_integer_at(root, "estimated_memory_bytes"), 3 << 20);
    assert_int_equal(json_integer_at(root, "epoch_rows"), 96);
    assert_true(json_is_null(json_object_get(json_object_get(root, "progress"), "seconds_left")));
    json_decref(root);
    root = call_json(state, "GET", JOBS "/ftjob-failed", NULL);
    assert_string_equal(json_text_at(json_object_get(root, "error"), "code"), "diverged");
    json_decref(root);
}

static void
created_job_is_queued(void **state)
{
    json_t *root =
        call_json(state, "POST", JOBS, "{\"model\":\"tiny\",\"training_file\":\"file-one\"}");
    assert_string_equal(json_text_at(root, "status"), "queued");
    json_decref(root);
}

static void
faulty_creates_are_refused(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    assert_call_fails(state, (const char *[]){"POST", JOBS, "{\"model\":"}, 400, "invalid_json");
    assert_call_fails(state, (const char *[]){"POST", JOBS, ""}, 400, "invalid_json");
    assert_call_fails(state, (const char *[]){"POST", JOBS, "{}"}, 400, "missing_parameter");
    assert_call_fails(state, (const char *[]){"POST", JOBS, NULL}, 411, "length_required");
    /* named in the body: the body's mistake, not the path's */
    assert_call_fails(state, (const char *[]){"POST", JOBS, "{\"model\":\"x\"}"}, 400,
                      "model_not_found");
    assert_call_fails(state, (const char *[]){"POST", JOBS "?dry_run=perhaps", "{}"}, 400,
                      "invalid_parameter");
    assert_call_fails(state, (const char *[]){"POST", JOBS "?dry_run=true", "{}"}, 400,
                      "missing_parameter");
    http_exchange(fixture->port,
                  "POST " JOBS " HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                  "Content-Length: 2\r\n\r\n{}",
                  &reply);
    assert_error(&reply, 415, "unsupported_media_type");
    http_reply_fini(&reply);
    fake_service_fail_next(fixture->service, FAULT_INVALID_TRAINING_FILE, "training_file", 7);
    http_call(fixture->port, "POST", JOBS, "{}", &reply);
    assert_error(&reply, 400, "invalid_training_file");
    json_t *root = http_json(&reply);
    const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
    assert_int_equal(json_integer_at(first, "line"), 7);
    assert_string_equal(json_text_at(first, "pointer"), "#/training_file");
    json_decref(root);
    http_reply_fini(&reply);
}

static void
every_error_of_the_service_has_its_status(void **state)
{
    static const struct {
        enum fault_code code;
        unsigned status;
        const char *name;
        const char *header, *value;
    } examples[] = {
        {FAULT_INVALID_PARAMETER, 400, "invalid_parameter", "x-should-retry", ""},
        {FAULT_UNKNOWN_PARAMETER, 400, "unknown_parameter", "x-should-retry", ""},
        {FAULT_INVALID_VALIDATION_FILE, 400, "invalid_validation_file", "x-should-retry", ""},
        {FAULT_INVALID_TEST_FILE, 400, "invalid_test_file", "x-should-retry", ""},
        {FAULT_NOT_A_CLASSIFICATION_SET, 400, "not_a_classification_set", "x-should-retry", ""},
        {FAULT_FILE_NOT_FOUND, 400, "file_not_found", "x-should-retry", ""},
        {FAULT_CONFLICT, 409, "conflict", "x-should-retry", "false"},
        {FAULT_IN_USE, 409, "in_use", "x-should-retry", "false"},
        {FAULT_QUEUE_FULL, 429, "queue_full", "Retry-After", "5"},
        {FAULT_INTERNAL, 500, "internal", "x-should-retry", ""},
        {FAULT_NOT_READY, 503, "not_ready", "Retry-After", "5"},
        {FAULT_DISK_FULL, 507, "disk_full", "x-should-retry", "false"},
    };
    const struct server_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct http_reply reply;
        fake_service_fail_next(fixture->service, examples[i].code, NULL, 0);
        http_call(fixture->port, "POST", JOBS, "{}", &reply);
        assert_error(&reply, examples[i].status, examples[i].name);
        assert_string_equal(http_header(&reply, examples[i].header), examples[i].value);
        http_reply_fini(&reply);
    }
}

static void
list_is_newest_first_with_filters(void **state)
{
    json_t *root = call_json(state, "GET", JOBS "?limit=1", NULL);
    assert_true(json_is_true(json_object_get(root, "has_more")));
    json_decref(root);
    root = call_json(state, "GET", JOBS "?metadata%5Bteam%5D=a+b", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 1);
    assert_string_equal(json_text_at(root, "first_id"), "ftjob-done");
    json_decref(root);
    root = call_json(state, "GET", JOBS "?metadata%5Bteam%5D=", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 0);
    json_decref(root);
    root = call_json(state, "GET", JOBS "?metadata=&unknown=1", NULL);
    assert_true(json_array_size(json_object_get(root, "data")) >= 4);
    json_decref(root);
    assert_call_fails(state, (const char *[]){"GET", JOBS "?metadata%5B%5D=1", NULL}, 400,
                      "invalid_parameter");
    assert_call_fails(state, (const char *[]){"GET", JOBS "?limit=0", NULL}, 400,
                      "invalid_parameter");
}

static void
cancel_of_finished_job_is_refused_without_retry(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, "POST", JOBS "/ftjob-done/cancel", NULL, &reply);
    assert_error(&reply, 409, "conflict");
    assert_string_equal(http_header(&reply, "x-should-retry"), "false");
    http_reply_fini(&reply);
    assert_call_fails(state, (const char *[]){"POST", JOBS "/x/cancel", NULL}, 404,
                      "job_not_found");
}

static void
cancel_never_parses_its_body(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_exchange(fixture->port,
                  "POST " JOBS "/ftjob-queued/cancel HTTP/1.1\r\nHost: localhost\r\n"
                  "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n",
                  &reply);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    json_t *root = call_json(state, "GET", JOBS "/ftjob-queued", NULL);
    assert_string_equal(json_text_at(root, "status"), "cancelled");
    json_decref(root);
    assert_call_fails(state, (const char *[]){"POST", JOBS "/ftjob-queued/cancel", "not json"}, 409,
                      "conflict");
}

static void
events_page_both_ways(void **state)
{
    json_t *root = call_json(state, "GET", JOBS "/ftjob-done/events", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 20);
    assert_string_equal(json_text_at(root, "first_id"), "ftevent-24");
    assert_true(json_is_true(json_object_get(root, "has_more")));
    json_decref(root);
    root =
        call_json(state, "GET", JOBS "/ftjob-done/events?order=asc&after=ftevent-22&limit=9", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 2);
    assert_string_equal(json_text_at(root, "last_id"), "ftevent-24");
    json_decref(root);
}

static void
metrics_events_carry_openais_names(void **state)
{
    json_t *root = call_json(state, "GET", JOBS "/ftjob-done/events?order=asc&limit=1", NULL);
    const json_t *event = json_array_get(json_object_get(root, "data"), 0);
    const json_t *data = json_object_get(event, "data");
    assert_string_equal(json_text_at(event, "object"), "fine_tuning.job.event");
    assert_int_equal(json_integer_at(data, "step"), 7);
    assert_non_null(json_object_get(data, "train_mean_token_accuracy"));
    assert_non_null(json_object_get(data, "full_valid_loss"));
    assert_null(json_object_get(data, "valid_mean_token_accuracy"));
    json_decref(root);
}

static void
metrics_can_be_followed_by_step(void **state)
{
    json_t *root = call_json(state, "GET", JOBS "/ftjob-done/metrics", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 1000);
    assert_int_equal(json_integer_at(root, "last_step"), FAKE_METRIC_POINTS);
    json_decref(root);
    root =
        call_json(state, "GET", JOBS "/ftjob-done/metrics?after_step=2490&names=valid_loss", NULL);
    const json_t *data = json_object_get(root, "data");
    const json_t *point = json_array_get(data, 0);
    assert_int_equal(json_array_size(data), 10);
    assert_false(json_is_true(json_object_get(root, "has_more")));
    assert_string_equal(json_text_at(point, "object"), "fine_tuning.job.metric");
    assert_int_equal(json_integer_at(point, "step"), 2491);
    assert_int_equal(json_object_size(json_object_get(point, "values")), 1);
    json_decref(root);
    assert_call_fails(state, (const char *[]){"GET", JOBS "/ftjob-done/metrics?after_step=x", NULL},
                      400, "invalid_parameter");
    root = call_json(state, "GET", JOBS "/ftjob-done/metrics?max_points=9", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 9);
    json_decref(root);
    assert_call_fails(state, (const char *[]){"GET", JOBS "/ftjob-done/metrics?max_points=1", NULL},
                      400, "invalid_parameter");
    assert_call_fails(
        state, (const char *[]){"GET", JOBS "/ftjob-done/metrics?max_points=9&limit=9", NULL}, 400,
        "invalid_parameter");
    assert_call_fails(state, (const char *[]){"GET", JOBS "/x/metrics", NULL}, 404,
                      "job_not_found");
}

static void
checkpoints_have_both_names_of_a_metric(void **state)
{
    json_t *root = call_json(state, "GET", JOBS "/ftjob-done/checkpoints", NULL);
    const json_t *checkpoint = json_array_get(json_object_get(root, "data"), 0);
    const json_t *metrics = json_object_get(checkpoint, "metrics");
    assert_string_equal(json_text_at(root, "first_id"), "ftckpt_one");
    assert_string_equal(json_text_at(checkpoint, "object"), "fine_tuning.job.checkpoint");
    assert_string_equal(json_text_at(checkpoint, "fine_tuned_model_checkpoint"),
                        FAKE_MODEL ":ckpt-step-50");
    assert_int_equal(json_integer_at(checkpoint, "step_number"), 50);
    assert_non_null(json_object_get(metrics, "valid_accuracy"));
    assert_non_null(json_object_get(metrics, "full_valid_mean_token_accuracy"));
    json_decref(root);
    root = call_json(state, "GET", JOBS "/ftjob-running/checkpoints", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 0);
    json_decref(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(job_has_every_required_key, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(finished_job_says_what_it_made, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(job_under_way_has_no_results_yet, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(created_job_is_queued, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(faulty_creates_are_refused, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(every_error_of_the_service_has_its_status, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(list_is_newest_first_with_filters, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(cancel_of_finished_job_is_refused_without_retry,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(cancel_never_parses_its_body, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(events_page_both_ways, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(metrics_events_carry_openais_names, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(metrics_can_be_followed_by_step, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(checkpoints_have_both_names_of_a_metric, fixture_open,
                                        fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
