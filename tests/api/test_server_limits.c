/* Bodies over the limit that clients can see refused, and clients that take too long. */
#include "tests/api/server_fixture.h"

#include <unistd.h>

#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"
#define FORM "Content-Type: multipart/form-data; boundary=X\r\n"

enum { MUCH = 16 * 1024 * 1024 };

static void
too_large_body_is_refused_before_it_is_sent(void **state)
{
    static const struct {
        const char *head, *param;
    } cases[] = {
        {"POST /v1/classifications HTTP/1.1\r\n" HOST JSON "Content-Length: 99999999999\r\n\r\n",
         "\"param\":null"},
        {"POST /v1/fine_tuning/jobs HTTP/1.1\r\n" HOST JSON "Content-Length: 20001\r\n\r\n",
         "\"param\":null"},
        {"POST /v1/files HTTP/1.1\r\n" HOST FORM "Content-Length: 400000\r\n\r\n",
         "\"param\":\"file\""},
        {"POST /v1/uploads/upload_1/parts HTTP/1.1\r\n" HOST FORM "Content-Length: 400000\r\n\r\n",
         "\"param\":\"data\""},
        {"DELETE /v1/files/file-one HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n",
         "\"param\":null"},
        {"POST /v1/classifications HTTP/1.1\r\n" HOST JSON
         "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
         "\"param\":null"},
    };
    const struct server_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_reply reply;
        int fd = http_connect(fixture->port);
        http_send_text(fd, cases[i].head);
        http_read_reply(fd, false, &reply);
        assert_error(&reply, 413, "body_too_large");
        assert_non_null(strstr(buf_string(&reply.body), cases[i].param));
        assert_string_equal(http_header(&reply, "Connection"), "close");
        http_reply_fini(&reply);
        close(fd);
    }
}

/* The client reads only after it has sent everything, as many do. */
static void
client_that_is_still_sending_sees_the_413(void **state)
{
    const struct server_fixture *fixture = *state;
    char *much = calloc(1, MUCH);
    for (size_t i = 0; i < 5; i++) {
        struct http_reply reply;
        char head[256];
        int fd = http_connect(fixture->port);
        snprintf(head, sizeof head,
                 "POST /v1/classifications HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n\r\n",
                 MUCH);
        http_send_text(fd, head);
        assert_true(http_send(fd, much, MUCH));
        http_read_reply(fd, false, &reply);
        assert_error(&reply, 413, "body_too_large");
        http_reply_fini(&reply);
        assert_true(http_is_closed(fd));
        close(fd);
    }
    free(much);
}

static void
chunked_body_is_refused_when_it_crosses_the_limit(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    char *chunk = calloc(1, 65536 + 16);
    int fd = http_connect(fixture->port);
    http_send_text(fd, "POST /v1/classifications HTTP/1.1\r\n" HOST JSON
                       "Transfer-Encoding: chunked\r\n\r\n");
    int head = snprintf(chunk, 16, "10000\r\n");
    memcpy(chunk + head + 65536, "\r\n", 2);
    for (size_t i = 0; i < 64; i++)
        assert_true(http_send(fd, chunk, (size_t)head + 65536 + 2));
    http_read_reply(fd, false, &reply);
    assert_error(&reply, 413, "body_too_large");
    http_reply_fini(&reply);
    http_send_text(fd, "0\r\n\r\n");
    assert_true(http_is_closed(fd));
    close(fd);
    free(chunk);
}

static void
file_over_the_limit_is_refused_and_dropped(void **state)
{
    static const char head[] = "--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    struct buf text = {0};
    size_t body = sizeof head - 1 + FIXTURE_MAX_UPLOAD + 1000;
    int fd = http_connect(fixture->port);
    buf_printf(&text,
               "POST /v1/files HTTP/1.1\r\n" HOST "Content-Type: multipart/form-data; boundary=X"
               "\r\nContent-Length: %zu\r\n\r\n%s",
               body, head);
    while (text.length < body)
        buf_append_string(&text, "0123456789");
    http_send(fd, text.data, text.length);
    http_read_reply(fd, false, &reply);
    assert_error(&reply, 413, "body_too_large");
    http_reply_fini(&reply);
    close(fd);
    buf_fini(&text);
    fake_service_wait_no_uploads(fixture->service);
}

static void
body_of_exactly_the_limit_is_taken(void **state)
{
    struct buf body = {0};
    buf_append_string(&body, "{\"model\":\"" FAKE_MODEL "\",\"input\":\"");
    while (body.length < FIXTURE_MAX_BODY - 2)
        buf_append(&body, "x", 1);
    buf_append_string(&body, "\"}");
    json_decref(call_json(state, "POST", "/v1/classifications", buf_string(&body)));
    buf_append(&body, " ", 1);
    assert_call_fails(state, (const char *[]){"POST", "/v1/classifications", buf_string(&body)},
                      413, "body_too_large");
    buf_fini(&body);
}

static void
client_that_waits_is_told_to_continue(void **state)
{
    static const char body[] = "{\"model\":\"" FAKE_MODEL "\",\"input\":\"x\"}";
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    char head[256];
    int fd = http_connect(fixture->port);
    snprintf(head, sizeof head,
             "POST /v1/classifications HTTP/1.1\r\n" HOST JSON
             "Content-Length: %zu\r\nExpect: 100-continue\r\n\r\n",
             sizeof body - 1);
    http_send_text(fd, head);
    http_read_reply(fd, true, &reply);
    assert_int_equal(reply.status, 100);
    http_reply_fini(&reply);
    http_send_text(fd, body);
    http_read_reply(fd, false, &reply);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    close(fd);
}

static int
open_impatient(void **state)
{
    struct api_server_options options = {.header_timeout_ms = 50, .body_grace_ms = 50};
    return fixture_open_with(state, &options);
}

/* The library's own timeout is 75 seconds: what ends sooner is ended by us. */
static void
late_clients_are_cut_off(void **state)
{
    static const char *const beginnings[] = {
        "",
        "GET /livez HT",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        "POST /v1/classifications HTTP/1.1\r\n" HOST JSON "Content-Length: 5000\r\n\r\n{",
        "POST /v1/classifications HTTP/1.1\r\n" HOST JSON
        "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        "POST /v1/files HTTP/1.1\r\n" HOST "Content-Type: multipart/form-data; boundary=X\r\n"
        "Content-Length: 5000\r\n\r\n"
        "--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx",
    };
    const struct server_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        int fd = http_connect(fixture->port);
        http_send_text(fd, beginnings[i]);
        assert_true(http_is_closed(fd));
        close(fd);
    }
    fake_service_wait_no_uploads(fixture->service);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(too_large_body_is_refused_before_it_is_sent, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(client_that_is_still_sending_sees_the_413, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(chunked_body_is_refused_when_it_crosses_the_limit,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(file_over_the_limit_is_refused_and_dropped, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(body_of_exactly_the_limit_is_taken, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(client_that_waits_is_told_to_continue, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(late_clients_are_cut_off, open_impatient, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
