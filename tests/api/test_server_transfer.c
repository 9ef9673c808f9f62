/* Models in and out over HTTP: imports, archives; and paths that are not offered. */
#include "tests/api/server_fixture.h"

#include <unistd.h>

#define ARCHIVE "/v1/models/tiny/archive"

static void
send_import(void **state, const char *target, const char *type, const char *body,
            struct http_reply *reply)
{
    const struct server_fixture *fixture = *state;
    struct buf text = {0};
    buf_printf(&text,
               "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: "
               "%zu\r\n\r\n%s",
               target, type, strlen(body), body);
    http_exchange(fixture->port, buf_string(&text), reply);
    buf_fini(&text);
}

static void
assert_imported(void **state, const char *target, const char *type, const char *body,
                const char *id)
{
    struct http_reply reply;
    send_import(state, target, type, body, &reply);
    if (reply.status != 201)
        print_error("%s%s\n", buf_string(&reply.head), buf_string(&reply.body));
    assert_int_equal(reply.status, 201);
    json_t *root = http_json(&reply);
    assert_string_equal(json_text_at(root, "id"), id);
    assert_string_equal(json_text_at(root, "object"), "model");
    assert_string_equal(json_text_at(root, "owned_by"), "user");
    assert_int_equal(json_array_size(json_object_get(root, "left_out")), 1);
    char location[128];
    snprintf(location, sizeof location, "/v1/models/%s", id);
    assert_string_equal(http_header(&reply, "Location"), location);
    json_decref(root);
    http_reply_fini(&reply);
    fake_service_wait_no_uploads(((struct server_fixture *)*state)->service);
}

static void
folder_and_archive_can_be_imported(void **state)
{
    assert_imported(state, "/v1/models/import", "application/json",
                    "{\"path\":\"x\",\"id\":\"mine\"}", "mine");
    assert_imported(state, "/v1/models/import?id=other", "application/json", "{\"path\":\"x\"}",
                    "other");
    assert_imported(state, "/v1/models/import?id=third", "application/x-tar", "bytes", "third");
    assert_imported(state, "/v1/models/import", "application/x-tar; charset=binary", "bytes",
                    "imported");
}

static void
faulty_imports_are_refused(void **state)
{
    static const struct {
        const char *type, *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"application/json", "{}", 400, "missing_parameter"},
        {"application/json", "{\"path\":7}", 400, "invalid_parameter"},
        {"application/json", "{\"path\":\"x\",\"name\":\"y\"}", 400, "unknown_parameter"},
        {"application/json", "{\"path\":\"bad\"}", 400, "invalid_model"},
        {"application/json", "nonsense", 400, "invalid_json"},
        {"application/x-tar", "", 400, "invalid_model"},
        {"application/gzip", "bytes", 415, "unsupported_media_type"},
        {"multipart/form-data; boundary=XX", "--XX--\r\n", 415, "unsupported_media_type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_reply reply;
        send_import(state, "/v1/models/import", cases[i].type, cases[i].body, &reply);
        assert_error(&reply, cases[i].status, cases[i].code);
        http_reply_fini(&reply);
    }
    fake_service_wait_no_uploads(((struct server_fixture *)*state)->service);
}

static void
archive_beyond_the_limit_is_refused_and_dropped(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    int fd = http_connect(fixture->port);
    http_send_text(fd, "POST /v1/models/import?id=x HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/x-tar\r\nContent-Length: 999999999\r\n\r\n");
    http_read_reply(fd, false, &reply);
    assert_error(&reply, 413, "body_too_large");
    http_reply_fini(&reply);
    close(fd);
    fake_service_wait_no_uploads(fixture->service);
}

static void
client_that_goes_away_leaves_no_upload(void **state)
{
    const struct server_fixture *fixture = *state;
    int fd = http_connect(fixture->port);
    http_send_text(fd, "POST /v1/models/import?id=x HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/x-tar\r\nContent-Length: 1000\r\n\r\npart");
    close(fd);
    fake_service_wait_no_uploads(fixture->service);
}

/* ---- archives ------------------------------------------------------------------------------- */

static void
get_archive(void **state, const char *method, const char *headers, struct http_reply *reply)
{
    const struct server_fixture *fixture = *state;
    struct buf text = {0};
    buf_printf(&text, "%s " ARCHIVE " HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, headers);
    int fd = http_connect(fixture->port);
    http_send(fd, text.data, text.length);
    http_read_reply(fd, strcmp(method, "HEAD") == 0, reply);
    close(fd);
    buf_fini(&text);
}

static void
assert_alphabet(const struct http_reply *reply, size_t offset, size_t length)
{
    assert_int_equal(reply->body.length, length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(reply->body.data[i], 'a' + (char)((offset + i) % 26));
}

static void
archive_is_sent_whole_with_its_length(void **state)
{
    struct http_reply reply;
    get_archive(state, "GET", "", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Type"), "application/x-tar");
    assert_string_equal(http_header(&reply, "Content-Length"), "100000");
    assert_string_equal(http_header(&reply, "ETag"), "\"0123abcd\"");
    assert_non_null(strstr(http_header(&reply, "Content-Disposition"), "tiny.tar"));
    assert_alphabet(&reply, 0, FAKE_ARCHIVE_BYTES);
    http_reply_fini(&reply);
    fake_service_wait_no_archives(((struct server_fixture *)*state)->service);
}

static void
head_and_304_send_nothing_and_close_the_archive(void **state)
{
    struct http_reply reply;
    get_archive(state, "HEAD", "", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Length"), "100000");
    http_reply_fini(&reply);
    get_archive(state, "HEAD", "Range: bytes=0-1\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Length"), "100000");
    http_reply_fini(&reply);
    get_archive(state, "GET", "If-None-Match: \"0123abcd\"\r\n", &reply);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body.length, 0);
    http_reply_fini(&reply);
    fake_service_wait_no_archives(((struct server_fixture *)*state)->service);
}

static void
ranges_of_an_archive_are_answered(void **state)
{
    struct http_reply reply;
    get_archive(state, "GET", "Range: bytes=99990-\r\n", &reply);
    assert_int_equal(reply.status, 206);
    assert_string_equal(http_header(&reply, "Content-Range"), "bytes 99990-99999/100000");
    assert_alphabet(&reply, 99990, 10);
    http_reply_fini(&reply);
    get_archive(state, "GET", "Range: bytes=5-70004\r\nIf-Range: \"0123abcd\"\r\n", &reply);
    assert_int_equal(reply.status, 206);
    assert_alphabet(&reply, 5, 70000);
    http_reply_fini(&reply);
    get_archive(state, "GET", "Range: bytes=100000-\r\n", &reply);
    assert_int_equal(reply.status, 416);
    http_reply_fini(&reply);
    get_archive(state, "GET", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_alphabet(&reply, 0, FAKE_ARCHIVE_BYTES);
    http_reply_fini(&reply);
    fake_service_wait_no_archives(((struct server_fixture *)*state)->service);
}

static void
client_that_hangs_up_closes_the_archive(void **state)
{
    const struct server_fixture *fixture = *state;
    int fd = http_connect(fixture->port);
    http_send_text(fd, "GET " ARCHIVE " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    close(fd);
    fake_service_wait_no_archives(fixture->service);
    const char *absent[] = {"GET", "/v1/models/nowhere/archive", NULL};
    assert_call_fails(state, absent, 404, "model_not_found");
}

/* ---- not offered ---------------------------------------------------------------------------- */

static void
what_has_no_meaning_here_is_not_found_and_says_why(void **state)
{
    static const struct {
        const char *method, *path, *words;
    } cases[] = {
        {"GET", "/v1/fine_tuning/checkpoints/ft:a:b/permissions", "Permissions"},
        {"POST", "/v1/fine_tuning/checkpoints/ft:a:b/permissions", "Permissions"},
        {"DELETE", "/v1/fine_tuning/checkpoints/ft:a:b/permissions/cp_1", "Permissions"},
        {"POST", "/v1/fine_tuning/alpha/graders/run", "Graders"},
        {"POST", "/v1/fine_tuning/alpha/graders/validate", "Graders"},
        {"GET", "/v1/fine_tuning/checkpoints/ft:a:b", "Nothing is served"},
        {"GET", "/v1/fine_tuning/alpha", "Nothing is served"},
    };
    const struct server_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_reply reply;
        char message[512];
        http_call(fixture->port, cases[i].method, cases[i].path,
                  strcmp(cases[i].method, "POST") == 0 ? "{}" : NULL, &reply);
        assert_error(&reply, 404, "not_found");
        reply_string(&reply, "error", "message", message);
        if (strstr(message, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].path, message);
        http_reply_fini(&reply);
    }
}

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(folder_and_archive_can_be_imported),
        SERVER_TEST(faulty_imports_are_refused),
        SERVER_TEST(archive_beyond_the_limit_is_refused_and_dropped),
        SERVER_TEST(client_that_goes_away_leaves_no_upload),
        SERVER_TEST(archive_is_sent_whole_with_its_length),
        SERVER_TEST(head_and_304_send_nothing_and_close_the_archive),
        SERVER_TEST(ranges_of_an_archive_are_answered),
        SERVER_TEST(client_that_hangs_up_closes_the_archive),
        SERVER_TEST(what_has_no_meaning_here_is_not_found_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
