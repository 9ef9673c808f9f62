/* /v1/uploads, expires_after, reports and rows of files, over HTTP. */
#include "tests/api/server_fixture.h"

#include <unistd.h>

#define DATA(content)                                                                              \
    "--XX\r\nContent-Disposition: form-data; name=\"data\"; filename=\"upload\"\r\n\r\n" content   \
    "\r\n--XX--\r\n"
#define FIELD(name, value)                                                                         \
    "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART                                                                                  \
    "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n"

static const char begin_body[] = "{\"filename\":\"a.jsonl\",\"purpose\":\"fine-tune\",\"bytes\":6,"
                                 "\"mime_type\":\"text/jsonl\"}";

static void
post_form(void **state, const char *path, const char *form, struct http_reply *reply)
{
    const struct server_fixture *fixture = *state;
    struct buf text = {0};
    buf_printf(&text,
               "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
               "boundary=XX\r\nContent-Length: %zu\r\n\r\n%s",
               path, strlen(form), form);
    http_exchange(fixture->port, buf_string(&text), reply);
    buf_fini(&text);
}

static json_t *
post_form_well(void **state, const char *path, const char *form)
{
    struct http_reply reply;
    post_form(state, path, form, &reply);
    if (reply.status != 200)
        print_error("%s%s\n", buf_string(&reply.head), buf_string(&reply.body));
    assert_int_equal(reply.status, 200);
    json_t *root = http_json(&reply);
    http_reply_fini(&reply);
    return root;
}

static void
assert_form_fails(void **state, const char *path, const char *form, unsigned status,
                  const char *code)
{
    struct http_reply reply;
    post_form(state, path, form, &reply);
    assert_error(&reply, status, code);
    http_reply_fini(&reply);
    fake_service_wait_no_uploads(((struct server_fixture *)*state)->service);
}

static void
upload_goes_from_pending_to_a_file(void **state)
{
    json_t *root = call_json(state, "POST", "/v1/uploads", begin_body);
    assert_string_equal(json_text_at(root, "object"), "upload");
    assert_string_equal(json_text_at(root, "status"), "pending");
    assert_int_equal(json_integer_at(root, "bytes"), 6);
    assert_int_equal(json_integer_at(root, "expires_at") - json_integer_at(root, "created_at"),
                     3600);
    assert_true(json_is_null(json_object_get(root, "file")));
    json_decref(root);
    root = post_form_well(state, "/v1/uploads/upload-0/parts", DATA("def"));
    assert_string_equal(json_text_at(root, "object"), "upload.part");
    assert_string_equal(json_text_at(root, "upload_id"), "upload-0");
    assert_string_equal(json_text_at(root, "id"), "part-0");
    json_decref(root);
    json_decref(post_form_well(state, "/v1/uploads/upload-0/parts", DATA("abc")));
    root = call_json(state, "POST", "/v1/uploads/upload-0/complete",
                     "{\"part_ids\":[\"part-1\",\"part-0\"],\"md5\":null}");
    assert_string_equal(json_text_at(root, "status"), "completed");
    const json_t *file = json_object_get(root, "file");
    assert_string_equal(json_text_at(file, "object"), "file");
    assert_string_equal(json_text_at(file, "filename"), "a.jsonl");
    assert_int_equal(json_integer_at(file, "bytes"), 6);
    json_decref(root);
}

static void
upload_can_be_cancelled_once(void **state)
{
    const char *again[] = {"POST", "/v1/uploads/upload-0/cancel", NULL};
    json_decref(call_json(state, "POST", "/v1/uploads", begin_body));
    json_t *root = call_json(state, "POST", "/v1/uploads/upload-0/cancel", "");
    assert_string_equal(json_text_at(root, "status"), "cancelled");
    json_decref(root);
    assert_call_fails(state, again, 409, "conflict");
    assert_form_fails(state, "/v1/uploads/upload-0/parts", DATA("x"), 409, "conflict");
}

static void
faulty_uploads_are_refused(void **state)
{
    static const struct {
        const char *path, *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"/v1/uploads", "{\"filename\":\"a\",\"purpose\":\"fine-tune\"}", 400, "missing_parameter"},
        {"/v1/uploads", "{\"filename\":\"a\",\"purpose\":\"fine-tune\",\"bytes\":\"6\"}", 400,
         "invalid_parameter"},
        {"/v1/uploads", "{\"filename\":\"a\",\"purpose\":\"vision\",\"bytes\":6}", 400,
         "invalid_parameter"},
        {"/v1/uploads", "{\"filename\":\"a\",\"purpose\":\"fine-tune\",\"bytes\":8589934593}", 400,
         "invalid_parameter"},
        {"/v1/uploads", "{\"filename\":\"a\",\"purpose\":\"fine-tune\",\"bytes\":6,\"parts\":2}",
         400, "unknown_parameter"},
        {"/v1/uploads",
         "{\"filename\":\"a\",\"purpose\":\"fine-tune\",\"bytes\":6,\"expires_after\":{\"anchor\":"
         "\"now\",\"seconds\":3600}}",
         400, "invalid_parameter"},
        {"/v1/uploads", "[]", 400, "invalid_json"},
        {"/v1/uploads/upload-9/complete", "{\"part_ids\":[\"part-0\"]}", 404, "upload_not_found"},
        {"/v1/uploads/upload-9/complete", "{\"part_ids\":[]}", 400, "invalid_parameter"},
        {"/v1/uploads/upload-9/complete", "{\"part_ids\":[1]}", 400, "invalid_parameter"},
        {"/v1/uploads/upload-9/complete", "{\"part_ids\":[\"part-0\"],\"md5\":\"abc\"}", 400,
         "invalid_parameter"},
        {"/v1/uploads/upload-9/cancel", NULL, 404, "upload_not_found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *call[] = {"POST", cases[i].path, cases[i].body};
        assert_call_fails(state, call, cases[i].status, cases[i].code);
    }
}

static void
faulty_parts_are_refused_and_leave_nothing(void **state)
{
    static const char path[] = "/v1/uploads/upload-0/parts";
    json_decref(call_json(state, "POST", "/v1/uploads", begin_body));
    assert_form_fails(state, path, FIELD("purpose", "fine-tune") DATA("x"), 400,
                      "unknown_parameter");
    assert_form_fails(state, path, FILE_PART "--XX--\r\n", 400, "unknown_parameter");
    assert_form_fails(state, path, "--XX--\r\n", 400, "missing_parameter");
    assert_form_fails(state, path,
                      "--XX\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\nx\r\n", 400,
                      "bad_request");
    assert_form_fails(state, "/v1/uploads/upload-9/parts", DATA("x"), 404, "upload_not_found");
    const char *json[] = {"POST", path, "{}"};
    assert_call_fails(state, json, 415, "unsupported_media_type");
}

static void
file_gets_its_end_by_two_fields(void **state)
{
    json_t *root =
        post_form_well(state, "/v1/files",
                       FIELD("purpose", "fine-tune") FIELD("expires_after[anchor]", "created_at")
                           FILE_PART FIELD("expires_after[seconds]", "3600") "--XX--\r\n");
    assert_int_equal(json_integer_at(root, "expires_at") - json_integer_at(root, "created_at"),
                     3600);
    json_decref(root);
    root = post_form_well(state, "/v1/files", FIELD("purpose", "fine-tune") FILE_PART "--XX--\r\n");
    assert_true(json_is_null(json_object_get(root, "expires_at")));
    json_decref(root);
}

static void
half_or_wrong_ends_are_refused(void **state)
{
    static const struct {
        const char *fields, *code;
    } cases[] = {
        {FIELD("expires_after[anchor]", "created_at"), "missing_parameter"},
        {FIELD("expires_after[seconds]", "3600"), "missing_parameter"},
        {FIELD("expires_after[anchor]", "now") FIELD("expires_after[seconds]", "3600"),
         "invalid_parameter"},
        {FIELD("expires_after[anchor]", "created_at") FIELD("expires_after[seconds]", "1h"),
         "invalid_parameter"},
        {FIELD("expires_after[anchor]", "created_at") FIELD("expires_after[seconds]", "0"),
         "invalid_parameter"},
        {FIELD("expires_after[anchor]", "created_at") FIELD("expires_after[seconds]", ""),
         "invalid_parameter"},
        {FIELD("expires_after", "3600"), "unknown_parameter"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf form = {0};
        buf_printf(&form, "%s%s%s--XX--\r\n", FIELD("purpose", "fine-tune"), FILE_PART,
                   cases[i].fields);
        assert_form_fails(state, "/v1/files", buf_string(&form), 400, cases[i].code);
        buf_fini(&form);
    }
}

static void
report_has_its_parts(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/files/file-one/report", NULL);
    assert_string_equal(json_text_at(root, "object"), "file.report");
    assert_string_equal(json_text_at(root, "file"), "file-one");
    assert_int_equal(json_integer_at(root, "rows"), 10);
    assert_int_equal(json_array_size(json_object_get(root, "labels")), 2);
    assert_int_equal(json_integer_at(json_array_get(json_object_get(root, "faults"), 0), "line"),
                     3);
    assert_string_equal(json_text_at(json_object_get(root, "columns"), "text"), "text");
    assert_int_equal(json_integer_at(json_object_get(root, "text_length"), "p95"), 3);
    assert_true(json_is_null(json_object_get(root, "tokens")));
    json_decref(root);
    root = call_json(state, "GET", "/v1/files/file-one/report?model=tiny&max_seq_length=7", NULL);
    const json_t *tokens = json_object_get(root, "tokens");
    assert_string_equal(json_text_at(tokens, "model"), "tiny");
    assert_int_equal(json_integer_at(tokens, "max_seq_length"), 7);
    json_decref(root);
}

static void
rows_come_in_pages(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/files/file-one/rows?offset=2&limit=2", NULL);
    const json_t *data = json_object_get(root, "data");
    assert_int_equal(json_integer_at(root, "total"), 10);
    assert_true(json_is_true(json_object_get(root, "has_more")));
    assert_int_equal(json_array_size(data), 2);
    assert_true(json_is_null(json_object_get(json_array_get(data, 0), "row")));
    assert_string_equal(json_text_at(json_object_get(json_array_get(data, 0), "fault"), "code"),
                        "missing_label");
    assert_string_equal(json_text_at(json_object_get(json_array_get(data, 1), "row"), "label"),
                        "yes");
    json_decref(root);
}

static void
looks_that_are_wrong_are_refused(void **state)
{
    static const struct {
        const char *path;
        unsigned status;
        const char *code;
    } cases[] = {
        {"/v1/files/file-x/report", 404, "file_not_found"},
        {"/v1/files/file-one/report?model=nowhere", 404, "model_not_found"},
        {"/v1/files/file-one/report?max_seq_length=8", 400, "missing_parameter"},
        {"/v1/files/file-one/report?model=tiny&max_seq_length=x", 400, "invalid_parameter"},
        {"/v1/files/file-one/rows?limit=0", 400, "invalid_parameter"},
        {"/v1/files/file-one/rows?limit=1001", 400, "invalid_parameter"},
        {"/v1/files/file-one/rows?offset=-1", 400, "invalid_parameter"},
        {"/v1/files/file-x/rows", 404, "file_not_found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *call[] = {"GET", cases[i].path, NULL};
        assert_call_fails(state, call, cases[i].status, cases[i].code);
    }
}

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(upload_goes_from_pending_to_a_file),
        SERVER_TEST(upload_can_be_cancelled_once),
        SERVER_TEST(faulty_uploads_are_refused),
        SERVER_TEST(faulty_parts_are_refused_and_leave_nothing),
        SERVER_TEST(file_gets_its_end_by_two_fields),
        SERVER_TEST(half_or_wrong_ends_are_refused),
        SERVER_TEST(report_has_its_parts),
        SERVER_TEST(rows_come_in_pages),
        SERVER_TEST(looks_that_are_wrong_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
