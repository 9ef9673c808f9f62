/* /v1/files over HTTP: upload in every shape, list, get, content, delete. */
#include "tests/api/server_fixture.h"

#include <unistd.h>

#define FIELD_PURPOSE                                                                              \
    "--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n"
#define FIELD_FILE(content)                                                                        \
    "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n"              \
    "Content-Type: application/octet-stream\r\n\r\n" content "\r\n"
#define END "--XX--\r\n"

/* The head of an upload; length < 0 for chunks. */
static void
start_upload(int fd, int64_t length)
{
    struct buf head = {0};
    buf_append_string(&head, "POST /v1/files HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Type: multipart/form-data; boundary=XX\r\n");
    if (length < 0)
        buf_append_string(&head, "Transfer-Encoding: chunked\r\n\r\n");
    else
        buf_printf(&head, "Content-Length: %lld\r\n\r\n", (long long)length);
    http_send(fd, head.data, head.length);
    buf_fini(&head);
}

static void
upload(void **state, const char *form, struct http_reply *reply)
{
    const struct server_fixture *fixture = *state;
    int fd = http_connect(fixture->port);
    start_upload(fd, (int64_t)strlen(form));
    http_send_text(fd, form);
    http_read_reply(fd, false, reply);
    close(fd);
}

static void
assert_upload_fails(void **state, const char *form, unsigned status, const char *code)
{
    struct http_reply reply;
    upload(state, form, &reply);
    assert_error(&reply, status, code);
    http_reply_fini(&reply);
    fake_service_wait_no_uploads(((struct server_fixture *)*state)->service);
}

/* The file object is complete and the bytes are those that were sent. */
static void
assert_uploaded(void **state, const struct http_reply *reply, const char *bytes)
{
    const struct server_fixture *fixture = *state;
    size_t length = 0;
    if (reply->status != 200)
        print_error("%s%s\n", buf_string(&reply->head), buf_string(&reply->body));
    assert_int_equal(reply->status, 200);
    json_t *root = http_json(reply);
    assert_string_equal(json_text_at(root, "object"), "file");
    assert_string_equal(json_text_at(root, "purpose"), "fine-tune");
    assert_string_equal(json_text_at(root, "status"), "processed");
    assert_string_equal(json_text_at(root, "filename"), "a.jsonl");
    assert_int_equal(json_integer_at(root, "bytes"), strlen(bytes));
    json_decref(root);
    const char *stored = fake_service_last_upload(fixture->service, &length);
    assert_int_equal(length, strlen(bytes));
    assert_memory_equal(stored, bytes, length);
}

static void
fields_may_come_in_any_order(void **state)
{
    struct http_reply reply;
    upload(state, FIELD_PURPOSE FIELD_FILE("one\n") END, &reply);
    assert_uploaded(state, &reply, "one\n");
    http_reply_fini(&reply);
    upload(state, FIELD_FILE("two\n") FIELD_PURPOSE END, &reply);
    assert_uploaded(state, &reply, "two\n");
    http_reply_fini(&reply);
}

static void
every_split_of_a_form_gives_the_same_file(void **state)
{
    static const char form[] = FIELD_FILE("a\r\n--X\r\nb") FIELD_PURPOSE END;
    const struct server_fixture *fixture = *state;
    for (size_t cut = 1; cut < sizeof form - 1; cut++) {
        struct buf chunks = {0};
        struct http_reply reply;
        int fd = http_connect(fixture->port);
        start_upload(fd, -1);
        buf_printf(&chunks, "%zx\r\n", cut);
        buf_append(&chunks, form, cut);
        buf_printf(&chunks, "\r\n%zx\r\n", sizeof form - 1 - cut);
        buf_append(&chunks, form + cut, sizeof form - 1 - cut);
        buf_append_string(&chunks, "\r\n0\r\n\r\n");
        http_send(fd, chunks.data, chunks.length);
        http_read_reply(fd, false, &reply);
        assert_uploaded(state, &reply, "a\r\n--X\r\nb");
        http_reply_fini(&reply);
        buf_fini(&chunks);
        close(fd);
    }
}

static void
form_that_drips_byte_by_byte_is_taken(void **state)
{
    static const char form[] = FIELD_PURPOSE FIELD_FILE("drip\n") END;
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    int fd = http_connect(fixture->port);
    start_upload(fd, sizeof form - 1);
    for (size_t i = 0; i < sizeof form - 1; i++)
        assert_true(http_send(fd, form + i, 1));
    http_read_reply(fd, false, &reply);
    assert_uploaded(state, &reply, "drip\n");
    http_reply_fini(&reply);
    close(fd);
}

static void
file_without_a_name_is_called_upload(void **state)
{
    struct http_reply reply;
    char name[512];
    upload(state,
           "--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n" FIELD_PURPOSE END,
           &reply);
    reply_string(&reply, "filename", NULL, name);
    assert_string_equal(name, "upload");
    http_reply_fini(&reply);
}

static void
faulty_forms_are_refused_and_leave_nothing(void **state)
{
    const struct server_fixture *fixture = *state;
    size_t begun = fake_service_uploads_begun(fixture->service);
    assert_upload_fails(state, FIELD_PURPOSE FIELD_FILE("x"), 400, "bad_request");
    assert_upload_fails(state, FIELD_FILE("x") FIELD_FILE("y") FIELD_PURPOSE END, 400,
                        "invalid_parameter");
    assert_upload_fails(state, FIELD_FILE("x") END, 400, "missing_parameter");
    assert_upload_fails(state, FIELD_PURPOSE END, 400, "missing_parameter");
    assert_upload_fails(state, FIELD_PURPOSE FIELD_PURPOSE FIELD_FILE("x") END, 400,
                        "invalid_parameter");
    assert_upload_fails(state, FIELD_PURPOSE FIELD_FILE("") END, 400, "invalid_parameter");
    assert_upload_fails(
        state,
        "--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nvision\r\n" FIELD_FILE("x")
            END,
        400, "invalid_parameter");
    assert_upload_fails(
        state, "--XX\r\nContent-Disposition: form-data; name=\"colour\"\r\n\r\nred\r\n" END, 400,
        "unknown_parameter");
    assert_upload_fails(
        state,
        "--XX\r\nContent-Disposition: form-data; name=\"expires_after[seconds]\"\r\n\r\n1\r\n" END,
        400, "missing_parameter");
    assert_upload_fails(state, "--YY--\r\n", 400, "bad_request");
    assert_int_equal(fake_service_uploads_begun(fixture->service), begun + 5);
}

static void
only_forms_are_taken(void **state)
{
    assert_call_fails(state, (const char *[]){"POST", "/v1/files", "{}"}, 415,
                      "unsupported_media_type");
    assert_call_fails(state, (const char *[]){"POST", "/v1/files", NULL}, 411, "length_required");
}

static void
failing_disk_is_told(void **state)
{
    const struct server_fixture *fixture = *state;
    fake_service_fail_next(fixture->service, FAULT_DISK_FULL, NULL, 0);
    struct http_reply reply;
    upload(state, FIELD_FILE("x") FIELD_PURPOSE END, &reply);
    assert_error(&reply, 507, "disk_full");
    assert_string_equal(http_header(&reply, "x-should-retry"), "false");
    http_reply_fini(&reply);
}

static void
list_pages_and_filters(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/files?order=asc&limit=1", NULL);
    assert_string_equal(json_text_at(root, "object"), "list");
    assert_string_equal(json_text_at(root, "first_id"), "file-one");
    assert_string_equal(json_text_at(root, "last_id"), "file-one");
    assert_true(json_is_true(json_object_get(root, "has_more")));
    json_decref(root);
    root = call_json(state, "GET", "/v1/files?purpose=evals", NULL);
    assert_int_equal(json_array_size(json_object_get(root, "data")), 0);
    assert_true(json_is_null(json_object_get(root, "first_id")));
    assert_int_equal(json_integer_at(root, "total"), 0);
    json_decref(root);
    assert_call_fails(state, (const char *[]){"GET", "/v1/files?limit=10001", NULL}, 400,
                      "invalid_parameter");
    assert_call_fails(state, (const char *[]){"GET", "/v1/files?after=nope", NULL}, 400,
                      "invalid_cursor");
}

static void
file_that_is_faulty_says_so(void **state)
{
    json_t *root = call_json(state, "GET", "/v1/files/file-bad", NULL);
    assert_string_equal(json_text_at(root, "status"), "error");
    assert_string_equal(json_text_at(root, "status_details"), "Line 1 is not JSON.");
    assert_string_equal(json_text_at(root, "filename"), "b\xef\xbf\xbd.jsonl");
    json_decref(root);
    assert_call_fails(state, (const char *[]){"GET", "/v1/files/file-none", NULL}, 404,
                      "file_not_found");
}

static void
content_is_sent_as_it_was_stored(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, "GET", "/v1/files/file-one/content", NULL, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(buf_string(&reply.body), "{\"text\":\"one\",\"label\":\"good\"}\n");
    assert_string_equal(http_header(&reply, "Content-Type"), "application/octet-stream");
    assert_string_equal(http_header(&reply, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(http_header(&reply, "Content-Disposition"),
                        "attachment; filename=\"train__1_.jsonl\"; "
                        "filename*=UTF-8''train%20%221%22.jsonl");
    http_reply_fini(&reply);
    http_exchange(fixture->port,
                  "GET /v1/files/file-one/content HTTP/1.1\r\nHost: localhost\r\n"
                  "Range: bytes=2-5\r\n\r\n",
                  &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(buf_string(&reply.body), "text");
    http_reply_fini(&reply);
    http_call(fixture->port, "HEAD", "/v1/files/file-one/content", NULL, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Length"), "30");
    http_reply_fini(&reply);
}

static void
deleted_file_is_gone(void **state)
{
    struct http_reply reply;
    char id[512];
    char path[600];
    upload(state, FIELD_FILE("x") FIELD_PURPOSE END, &reply);
    reply_string(&reply, "id", NULL, id);
    http_reply_fini(&reply);
    snprintf(path, sizeof path, "/v1/files/%s", id);
    json_t *root = call_json(state, "DELETE", path, NULL);
    assert_string_equal(json_text_at(root, "id"), id);
    assert_string_equal(json_text_at(root, "object"), "file");
    assert_true(json_is_true(json_object_get(root, "deleted")));
    json_decref(root);
    assert_call_fails(state, (const char *[]){"DELETE", path, NULL}, 404, "file_not_found");
    fake_service_fail_next(((struct server_fixture *)*state)->service, FAULT_IN_USE, NULL, 0);
    assert_call_fails(state, (const char *[]){"DELETE", "/v1/files/file-one", NULL}, 409, "in_use");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_may_come_in_any_order),
        cmocka_unit_test(every_split_of_a_form_gives_the_same_file),
        cmocka_unit_test(form_that_drips_byte_by_byte_is_taken),
        cmocka_unit_test(file_without_a_name_is_called_upload),
        cmocka_unit_test(faulty_forms_are_refused_and_leave_nothing),
        cmocka_unit_test(only_forms_are_taken),
        cmocka_unit_test(failing_disk_is_told),
        cmocka_unit_test(list_pages_and_filters),
        cmocka_unit_test(file_that_is_faulty_says_so),
        cmocka_unit_test(content_is_sent_as_it_was_stored),
        cmocka_unit_test(deleted_file_is_gone),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
