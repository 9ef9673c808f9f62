/* Evaluations over HTTP: of a job, and those that clients ask for. */
#include "tests/api/server_fixture.h"

#define EVALUATIONS "/v1/evaluations"

static void
evaluation_has_the_measures_of_its_document(void **state)
{
    json_t *root = call_json(state, "GET", EVALUATIONS "/eval-done", NULL);
    assert_string_equal(json_text_at(root, "object"), "evaluation");
    assert_string_equal(json_text_at(root, "status"), "succeeded");
    assert_string_equal(json_text_at(root, "task"), "classification");
    const json_t *measures = json_object_get(root, "measures");
    assert_true(json_real_value(json_object_get(measures, "accuracy")) == 0.75);
    assert_true(json_is_null(json_object_get(measures, "roc_auc")));
    assert_true(json_is_array(json_object_get(root, "per_class")));
    assert_int_equal(json_integer_at(root, "error_count"), 1);
    assert_true(json_is_null(json_object_get(root, "error")));
    assert_null(json_object_get(root, "comparison"));
    json_decref(root);
}

static void
failed_evaluation_says_why_and_has_no_measures(void **state)
{
    json_t *root = call_json(state, "GET", EVALUATIONS "/eval-failed", NULL);
    assert_string_equal(json_text_at(root, "status"), "failed");
    const json_t *error = json_object_get(root, "error");
    assert_string_equal(json_string_value(json_object_get(error, "code")), "invalid_file");
    assert_string_equal(json_string_value(json_object_get(error, "param")), "file");
    assert_null(json_object_get(root, "measures"));
    assert_true(json_is_null(json_object_get(root, "rows")));
    json_decref(root);
}

static void
asking_for_one_answers_where_it_will_be(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, "POST", EVALUATIONS,
              "{\"model\":\"" FAKE_MODEL "\",\"file\":\"file-one\",\"compare_to\":\"tiny\"}",
              &reply);
    assert_int_equal(reply.status, 201);
    assert_string_equal(http_header(&reply, "location"), EVALUATIONS "/eval-new");
    http_reply_fini(&reply);
    assert_call_fails(state, (const char *[]){"POST", EVALUATIONS, "{\"model\":\"tiny\"}"}, 400,
                      "missing_parameter");
    assert_call_fails(
        state, (const char *[]){"POST", EVALUATIONS, "{\"model\":\"tiny\",\"file\":\"file-one\"}"},
        400, "model_not_fine_tuned");
    assert_call_fails(
        state, (const char *[]){"POST", EVALUATIONS, "{\"model\":\"none\",\"file\":\"file-one\"}"},
        400, "model_not_found");
    assert_call_fails(
        state,
        (const char *[]){"POST", EVALUATIONS, "{\"model\":\"tiny\",\"file\":\"f\",\"top_k\":3}"},
        400, "unknown_parameter");
}

static void
lists_are_paged(void **state)
{
    json_t *root = call_json(state, "GET", EVALUATIONS "?limit=1", NULL);
    assert_true(json_is_true(json_object_get(root, "has_more")));
    assert_string_equal(json_text_at(root, "last_id"), "eval-failed");
    json_decref(root);
    root = call_json(state, "GET", EVALUATIONS "?limit=1&after=eval-failed", NULL);
    assert_false(json_is_true(json_object_get(root, "has_more")));
    assert_string_equal(json_text_at(root, "first_id"), "eval-done");
    json_decref(root);
    assert_call_fails(state, (const char *[]){"GET", EVALUATIONS "?after=eval-x", NULL}, 400,
                      "invalid_cursor");
}

static void
deleted_evaluation_is_told_and_absent_ones_are_404(void **state)
{
    json_t *root = call_json(state, "DELETE", EVALUATIONS "/eval-done", NULL);
    assert_string_equal(json_text_at(root, "object"), "evaluation");
    assert_true(json_is_true(json_object_get(root, "deleted")));
    json_decref(root);
    assert_call_fails(state, (const char *[]){"DELETE", EVALUATIONS "/eval-x", NULL}, 404,
                      "evaluation_not_found");
    assert_call_fails(state, (const char *[]){"GET", EVALUATIONS "/eval-x", NULL}, 404,
                      "evaluation_not_found");
}

static void
job_shows_what_it_measured(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/fine_tuning/jobs/ftjob-done/evaluation", NULL);
    assert_string_equal(json_text_at(root, "object"), "fine_tuning.job.evaluation");
    assert_string_equal(json_text_at(root, "model"), FAKE_MODEL);
    const json_t *validation = json_object_get(root, "validation");
    assert_null(json_object_get(validation, "id"));
    assert_true(json_is_null(json_object_get(validation, "file")));
    assert_int_equal(json_integer_value(json_object_get(validation, "rows")), 4);
    assert_true(json_is_null(json_object_get(root, "test")));
    json_decref(root);
    root = call_json(state, "GET", "/v1/fine_tuning/jobs/ftjob-queued/evaluation", NULL);
    assert_true(json_is_null(json_object_get(root, "model")));
    assert_true(json_is_null(json_object_get(root, "validation")));
    json_decref(root);
    assert_call_fails(state,
                      (const char *[]){"GET", "/v1/fine_tuning/jobs/ftjob-x/evaluation", NULL}, 404,
                      "job_not_found");
}

#define EVALUATION_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EVALUATION_TEST(evaluation_has_the_measures_of_its_document),
        EVALUATION_TEST(failed_evaluation_says_why_and_has_no_measures),
        EVALUATION_TEST(asking_for_one_answers_where_it_will_be),
        EVALUATION_TEST(lists_are_paged),
        EVALUATION_TEST(deleted_evaluation_is_told_and_absent_ones_are_404),
        EVALUATION_TEST(job_shows_what_it_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
