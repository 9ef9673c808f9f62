/* Hostile and unusual requests by raw socket: framing, targets, hosts, methods, limits. */
#include "tests/api/server_fixture.h"

#include <unistd.h>

#define HOST "Host: localhost\r\n"

/* A whole request that must be answered with an error; does the server close the connection? */
struct attack {
    const char *text;
    unsigned status;
    const char *code;
    bool closes;
};

static const struct attack attacks[] = {
    {"POST /v1/fine_tuning/jobs HTTP/1.1\r\n" HOST
     "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
     400, "bad_request", true},
    {"POST /v1/fine_tuning/jobs HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 43\r\n\r\n"
     "GET /v1/files HTTP/1.1\r\nHost: localhost\r\n\r\n",
     400, "bad_request", true},
    {"POST /v1/fine_tuning/jobs HTTP/1.1\r\n" HOST
     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "bad_request", true},
    {"POST /v1/fine_tuning/jobs HTTP/1.1\r\n" HOST
     "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     400, "bad_request", true},
    {"POST /v1/fine_tuning/jobs HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\n{}", 400,
     "bad_request", true},
    {"GET /v1/files HTTP/1.1\r\n\r\n", 400, "bad_request", true},
    {"GET /v1/files HTTP/1.0\r\n\r\n", 400, "bad_request", true},
    {"GET /v1/files HTTP/1.1\r\n" HOST HOST "\r\n", 400, "bad_request", true},
    {"GET /v1/files/a%00b HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request", true},
    {"GET /v1/files/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request", true},
    {"GET /v1/files/%zz HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request", true},
    {"GET /v1/files/%ff HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request", true},
    {"GET /v1/files/%0d%0aX HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request", true},
    {"GET /v1/files?after=%00 HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request", true},
    {"GET v1/files HTTP/1.1\r\n" HOST "\r\n", 400, "bad_request", true},
    {"GET /v1/files HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "host_not_allowed", true},
    {"GET http://evil.example/v1/files HTTP/1.1\r\n" HOST "\r\n", 403, "host_not_allowed", true},
    {"POST /v1/fine_tuning/jobs/ftjob-queued/cancel HTTP/1.1\r\n" HOST
     "Origin: https://evil.example\r\n\r\n",
     403, "host_not_allowed", true},
    {"GET /v1/files HTTP/1.1\r\n" HOST "X-Forwarded-For: 1.2.3.4\r\n\r\n", 403, "proxy_without_key",
     true},
    {"GET /v1/files HTTP/1.1\r\n" HOST "Forwarded: for=1.2.3.4\r\n\r\n", 403, "proxy_without_key",
     true},
    {"GET / HTTP/1.1\r\n" HOST "\r\n", 404, "not_found", false},
    {"GET /v1/files/../models HTTP/1.1\r\n" HOST "\r\n", 404, "not_found", false},
    {"GET /v1//files HTTP/1.1\r\n" HOST "\r\n", 404, "not_found", false},
    {"GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18 HTTP/1.1\r\n" HOST "\r\n", 404, "not_found",
     false},
    {"GET /v1/files/whatever-this-is HTTP/1.1\r\n" HOST "\r\n", 404, "file_not_found", false},
    {"BREW /v1/nothing HTTP/1.1\r\n" HOST "\r\n", 404, "not_found", false},
    {"BREW /v1/files HTTP/1.1\r\n" HOST "\r\n", 405, "method_not_allowed", false},
    {"DELETE /v1/files HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 405, "method_not_allowed",
     false},
};

/*
 * Newer versions of the library refuse some broken framing themselves, with a page of their own;
 * what matters then is that it is refused and that the connection ends.
 */
static bool
library_answered(struct http_reply *reply, const struct attack *attack)
{
    return strcmp(attack->code, "bad_request") == 0 && attack->closes && reply->status >= 400 &&
           reply->status < 500 &&
           strcmp(http_header(reply, "Content-Type"), "application/problem+json") != 0;
}

static void
hostile_requests_are_refused(void **state)
{
    const struct server_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        struct http_reply reply;
        int fd = http_connect(fixture->port);
        print_message("attack %zu\n", i);
        http_send_text(fd, attacks[i].text);
        http_read_reply(fd, false, &reply);
        if (!library_answered(&reply, &attacks[i]))
            assert_error(&reply, attacks[i].status, attacks[i].code);
        http_reply_fini(&reply);
        if (attacks[i].closes)
            assert_true(http_is_closed(fd));
        close(fd);
    }
}

static void
what_the_library_refuses_is_refused(void **state)
{
    static const char *const texts[] = {
        "GET /v1/files\r\n\r\n",
        "nonsense\r\n\r\n",
        "POST /v1/files HTTP/1.1\r\n" HOST "Content-Length: abc\r\n\r\n",
        "POST /v1/files HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n",
        "POST /v1/files HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello",
        "POST /v1/files HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
    };
    const struct server_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct http_reply reply;
        http_exchange(fixture->port, texts[i], &reply);
        /* or closes without a word */
        assert_true(reply.status == 0 || (reply.status >= 400 && reply.status < 500));
        http_reply_fini(&reply);
    }
}

static void
huge_headers_and_targets_are_refused(void **state)
{
    const struct server_fixture *fixture = *state;
    for (size_t i = 0; i < 2; i++) {
        struct buf text = {0};
        struct http_reply reply;
        buf_append_string(&text, i == 0 ? "GET /v1/files HTTP/1.1\r\n" HOST "X: " : "GET /");
        for (size_t k = 0; k < 200000; k++)
            buf_append(&text, "x", 1);
        buf_append_string(&text, i == 0 ? "\r\n\r\n" : " HTTP/1.1\r\n" HOST "\r\n");
        int fd = http_connect(fixture->port);
        http_send(fd, text.data, text.length); /* may be cut short by the refusal */
        http_read_reply(fd, false, &reply);
        assert_true(reply.status == 0 || (reply.status >= 400 && reply.status < 500));
        http_reply_fini(&reply);
        close(fd);
        buf_fini(&text);
    }
    json_decref(call_json(state, "GET", "/livez", NULL));
}

/*
 * libmicrohttpd 0.9 ends the target at a raw NUL, 1.x refuses it or closes the connection (status
 * 0): what is left is served or refused, never more.
 */
static void
raw_nul_in_the_target_does_no_harm(void **state)
{
    static const char text[] = "GET /v1/files/file-one\0/content HTTP/1.1\r\n" HOST "\r\n";
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    int fd = http_connect(fixture->port);
    http_send(fd, text, sizeof text - 1);
    http_read_reply(fd, false, &reply);
    assert_true(reply.status == 0 || reply.status == 200 || reply.status == 400);
    if (reply.status == 200)
        assert_string_equal(http_header(&reply, "Content-Type"), "application/json");
    http_reply_fini(&reply);
    close(fd);
}

static void
head_options_and_405_name_the_methods(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, "HEAD", "/v1/models", NULL, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(strtol(http_header(&reply, "Content-Length"), NULL, 10) > 100);
    http_reply_fini(&reply);
    http_call(fixture->port, "OPTIONS", "/v1/files/x", NULL, &reply);
    assert_int_equal(reply.status, 204);
    assert_string_equal(http_header(&reply, "Allow"), "GET, HEAD, DELETE, OPTIONS");
    assert_string_equal(http_header(&reply, "Access-Control-Allow-Origin"), "");
    http_reply_fini(&reply);
    http_call(fixture->port, "OPTIONS", "*", NULL, &reply);
    assert_int_equal(reply.status, 204);
    http_reply_fini(&reply);
    http_call(fixture->port, "PUT", "/v1/models", NULL, &reply);
    assert_int_equal(reply.status, 405);
    assert_string_equal(http_header(&reply, "Allow"), "GET, HEAD, OPTIONS");
    http_reply_fini(&reply);
}

static void
keys_and_sdk_headers_are_ignored(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_exchange(fixture->port,
                  "GET /v1/files/ HTTP/1.1\r\nHost: [::1]:9\r\nAuthorization: Bearer sk-x\r\n"
                  "OpenAI-Organization: o\r\nX-Stainless-Retry-Count: 0\r\n\r\n",
                  &reply);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
}

static void
requests_sent_in_one_go_are_answered_in_order(void **state)
{
    const struct server_fixture *fixture = *state;
    int fd = http_connect(fixture->port);
    http_send_text(fd, "GET /livez HTTP/1.1\r\n" HOST "\r\n"
                       "POST /v1/nothing HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                       "GET /v1/models/tiny/files HTTP/1.1\r\n" HOST "\r\n"
                       "GET /version HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    static const unsigned statuses[] = {200, 404, 200, 200};
    for (size_t i = 0; i < 4; i++) {
        struct http_reply reply;
        http_read_reply(fd, false, &reply);
        assert_int_equal(reply.status, statuses[i]);
        http_reply_fini(&reply);
    }
    assert_true(http_is_closed(fd));
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_requests_are_refused),
        cmocka_unit_test(what_the_library_refuses_is_refused),
        cmocka_unit_test(huge_headers_and_targets_are_refused),
        cmocka_unit_test(raw_nul_in_the_target_does_no_harm),
        cmocka_unit_test(head_options_and_405_name_the_methods),
        cmocka_unit_test(keys_and_sdk_headers_are_ignored),
        cmocka_unit_test(requests_sent_in_one_go_are_answered_in_order),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
