/* Models, classifications, health and version over HTTP. */
#include "tests/api/server_fixture.h"

#define CLASSIFY "/v1/classifications"

static void
models_carry_openais_and_mistrals_keys(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/models", NULL);
    const json_t *base = json_array_get(json_object_get(root, "data"), 0);
    const json_t *tuned = json_array_get(json_object_get(root, "data"), 1);
    assert_string_equal(json_text_at(base, "id"), "tiny");
    assert_string_equal(json_text_at(base, "object"), "model");
    assert_string_equal(json_text_at(base, "type"), "base");
    assert_string_equal(json_text_at(base, "owned_by"), "system");
    assert_string_equal(json_text_at(base, "weights"), "random");
    assert_true(json_is_integer(json_object_get(base, "created")));
    assert_string_equal(json_text_at(tuned, "type"), "fine-tuned");
    assert_string_equal(json_text_at(tuned, "root"), "tiny");
    assert_string_equal(json_text_at(tuned, "job"), "ftjob-done");
    assert_true(
        json_is_true(json_object_get(json_object_get(tuned, "capabilities"), "classification")));
    assert_true(json_is_null(json_object_get(base, "stride")));
    assert_int_equal(json_integer_at(tuned, "stride"), 16);
    json_decref(root);
}

static void
model_is_found_by_its_raw_and_its_encoded_id(void **state)
{
    static const char *const paths[] = {"/v1/models/ft:tiny:local:mood:ftjob-do",
                                        "/v1/models/ft%3Atiny%3Alocal%3Amood%3Aftjob-do"};
    for (size_t i = 0; i < 2; i++) {
        json_t *root = call_json(state, "GET", paths[i], NULL);
        assert_string_equal(json_text_at(root, "id"), FAKE_MODEL);
        json_decref(root);
    }
    assert_call_fails(state, (const char *[]){"GET", "/v1/models/nope", NULL}, 404,
                      "model_not_found");
}

static void
only_fine_tuned_models_are_deleted(void **state)
{
    assert_call_fails(state, (const char *[]){"DELETE", "/v1/models/tiny", NULL}, 403,
                      "base_model_protected");
    json_t *root = call_json(state, "DELETE", "/v1/models/" FAKE_MODEL, NULL);
    assert_string_equal(json_text_at(root, "object"), "model");
    assert_true(json_is_true(json_object_get(root, "deleted")));
    json_decref(root);
    assert_call_fails(state, (const char *[]){"DELETE", "/v1/models/" FAKE_MODEL, NULL}, 404,
                      "model_not_found");
}

static void
files_of_a_model_are_listed_and_sent(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    json_t *root = call_json(state, "GET", "/v1/models/tiny/files", NULL);
    const json_t *file = json_array_get(json_object_get(root, "data"), 0);
    assert_string_equal(json_text_at(file, "object"), "model.file");
    assert_string_equal(json_text_at(file, "name"), "model.safetensors");
    assert_int_equal(json_integer_at(file, "bytes"), 10);
    char hash[128];
    snprintf(hash, sizeof hash, "\"%s\"", json_text_at(file, "sha256"));
    json_decref(root);
    http_call(fixture->port, "GET", "/v1/models/tiny/files/model.safetensors", NULL, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(buf_string(&reply.body), "0123456789");
    assert_string_equal(http_header(&reply, "ETag"), hash);
    http_reply_fini(&reply);
    assert_call_fails(state, (const char *[]){"GET", "/v1/models/tiny/files/passwd", NULL}, 404,
                      "not_found");
}

static void
unchanged_file_is_not_sent_again(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_exchange(fixture->port,
                  "GET /v1/models/tiny/files/model.safetensors HTTP/1.1\r\nHost: localhost\r\n"
                  "If-None-Match: "
                  "\"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882\"\r\n\r\n",
                  &reply);
    assert_int_equal(reply.status, 304);
    http_reply_fini(&reply);
    http_exchange(fixture->port,
                  "GET /v1/models/tiny/files/model.safetensors HTTP/1.1\r\nHost: localhost\r\n"
                  "Range: bytes=10-\r\n\r\n",
                  &reply);
    assert_int_equal(reply.status, 416);
    assert_string_equal(http_header(&reply, "Content-Range"), "bytes */10");
    http_reply_fini(&reply);
}

static void
classification_has_mistrals_shape(void **state)
{
    json_t *root = call_json(state, "POST", CLASSIFY,
                             "{\"model\":\"" FAKE_MODEL "\",\"input\":\"h\xc3\xa9llo\"}");
    const json_t *results = json_object_get(root, "results");
    const json_t *result = json_array_get(results, 0);
    const json_t *scores = json_object_get(json_object_get(result, "label"), "scores");
    assert_string_equal(json_text_at(root, "model"), FAKE_MODEL);
    assert_int_equal(strncmp(json_text_at(root, "id"), "clf-", 4), 0);
    assert_int_equal(json_array_size(results), 1);
    assert_int_equal(json_object_size(result), 1);
    assert_int_equal(json_object_size(scores), 3);
    assert_true(json_number_value(json_object_get(scores, "good")) > 0.6);
    assert_int_equal(json_integer_at(json_object_get(root, "usage"), "prompt_tokens"), 6);
    json_decref(root);
}

static void
texts_and_pairs_may_be_mixed(void **state)
{
    json_t *root = call_json(state, "POST", CLASSIFY,
                             "{\"model\":\"" FAKE_MODEL "\",\"input\":[\"a\",{\"text\":\"b\","
                             "\"text_pair\":\"c\"},{\"text\":\"d\",\"text_pair\":null}],"
                             "\"metadata\":{\"x\":1}}");
    const json_t *results = json_object_get(root, "results");
    assert_int_equal(json_array_size(results), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *scores =
            json_object_get(json_object_get(json_array_get(results, i), "label"), "scores");
        double good = json_number_value(json_object_get(scores, "good"));
        assert_int_equal(good > 0.69, i == 1);
    }
    json_decref(root);
}

static void
faulty_classifications_are_refused(void **state)
{
    static const char *const examples[][2] = {
        {"", "invalid_json"},
        {"[]", "invalid_json"},
        {"{\"model\":\"a\",\"model\":\"b\",\"input\":\"x\"}", "invalid_json"},
        {"{\"model\":\"a\",\"input\":\"\\u0000\"}", "invalid_json"},
        {"{\"input\":\"x\"}", "missing_parameter"},
        {"{\"model\":\"tiny\"}", "missing_parameter"},
        {"{\"model\":7,\"input\":\"x\"}", "invalid_parameter"},
        {"{\"model\":\"tiny\",\"input\":[]}", "invalid_parameter"},
        {"{\"model\":\"tiny\",\"input\":[1,2]}", "invalid_parameter"},
        {"{\"model\":\"tiny\",\"input\":null}", "missing_parameter"},
        {"{\"model\":\"tiny\",\"input\":{\"text_pair\":\"x\"}}", "invalid_parameter"},
        {"{\"model\":\"tiny\",\"input\":{\"text\":\"x\",\"pair\":\"y\"}}", "invalid_parameter"},
        {"{\"model\":\"tiny\",\"input\":{\"text\":\"x\",\"text_pair\":null,\"pair\":null}}",
         "invalid_parameter"},
        {"{\"model\":\"tiny\",\"input\":\"x\",\"temperature\":1}", "unknown_parameter"},
        {"{\"model\":\"tiny\",\"input\":\"x\"}", "model_not_fine_tuned"},
        {"{\"model\":\"nope\",\"input\":\"x\"}", "model_not_found"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_call_fails(state, (const char *[]){"POST", CLASSIFY, examples[i][0]}, 400,
                          examples[i][1]);
}

static void
all_faults_of_a_body_are_told_at_once(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, "POST", CLASSIFY, "{\"modle\":\"tiny\",\"inputs\":\"x\"}", &reply);
    json_t *root = http_json(&reply);
    assert_int_equal(json_array_size(json_object_get(root, "errors")), 4);
    json_decref(root);
    http_reply_fini(&reply);
}

static void
too_many_inputs_are_refused(void **state)
{
    struct buf body = {0};
    buf_append_string(&body, "{\"model\":\"tiny\",\"input\":[\"\"");
    for (size_t i = 0; i < CLASSIFY_MAX_INPUTS; i++)
        buf_append_string(&body, ",\"\"");
    buf_append_string(&body, "]}");
    assert_call_fails(state, (const char *[]){"POST", CLASSIFY, buf_string(&body)}, 400,
                      "invalid_parameter");
    buf_fini(&body);
}

static void
health_follows_the_service(void **state)
{
    const struct server_fixture *fixture = *state;
    static const char *const paths[] = {"/readyz", "/healthz"};
    struct http_reply reply;
    json_t *root = call_json(state, "GET", "/livez", NULL);
    assert_string_equal(json_text_at(root, "status"), "ok");
    json_decref(root);
    for (size_t i = 0; i < 2; i++) {
        fake_service_set_ready(fixture->service, true);
        root = call_json(state, "GET", paths[i], NULL);
        assert_string_equal(json_text_at(root, "status"), "ready");
        assert_string_equal(json_text_at(json_object_get(root, "checks"), "database"), "ok");
        json_decref(root);
        fake_service_set_ready(fixture->service, false);
        http_call(fixture->port, "GET", paths[i], NULL, &reply);
        assert_int_equal(reply.status, 503);
        root = http_json(&reply);
        assert_string_equal(json_text_at(root, "status"), "not_ready");
        json_decref(root);
        http_reply_fini(&reply);
    }
    http_call(fixture->port, "GET", "/readyz?verbose", NULL, &reply);
    assert_string_equal(buf_string(&reply.body),
                        "[+]database ok\n[-]worker not running\nreadyz check failed\n");
    http_reply_fini(&reply);
}

static void
version_names_its_numbers(void **state)
{
    static const char *const keys[] = {"version", "commit",   "api",     "schema",
                                       "format",  "numerics", "engines", "cpu"};
    json_t *root = call_json(state, "GET", "/version", NULL);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_non_null(json_object_get(root, keys[i]));
    assert_string_equal(json_text_at(root, "api"), "v1");
    json_decref(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(models_carry_openais_and_mistrals_keys, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(model_is_found_by_its_raw_and_its_encoded_id, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(only_fine_tuned_models_are_deleted, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(files_of_a_model_are_listed_and_sent, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(unchanged_file_is_not_sent_again, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(classification_has_mistrals_shape, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(texts_and_pairs_may_be_mixed, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(faulty_classifications_are_refused, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(all_faults_of_a_body_are_told_at_once, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(too_many_inputs_are_refused, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(health_follows_the_service, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(version_names_its_numbers, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
