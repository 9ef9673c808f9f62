/* Entity tags, conditions, and long polls. */
#include "tests/api/server_fixture.h"

#include <pthread.h>
#include <unistd.h>

#define JOB "/v1/fine_tuning/jobs/ftjob-queued"

/* Send a request with one more header line, without reading its reply. */
static int
send_with(unsigned port, const char *method, const char *path, const char *header)
{
    struct buf text = {0};
    int fd = http_connect(port);
    buf_printf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", method, path, header);
    http_send_text(fd, buf_string(&text));
    buf_fini(&text);
    return fd;
}

static void
call_with(unsigned port, const char *method, const char *path, const char *header,
          struct http_reply *out)
{
    int fd = send_with(port, method, path, header);
    http_read_reply(fd, strcmp(method, "HEAD") == 0, out);
    close(fd);
}

/* "Header: " and the tag of a GET. */
static void
header_of(unsigned port, const char *path, const char *name, char out[128])
{
    struct http_reply reply;
    http_call(port, "GET", path, NULL, &reply);
    assert_int_equal(reply.status, 200);
    const char *etag = http_header(&reply, "ETag");
    assert_int_equal(strlen(etag), 34);
    snprintf(out, 128, "%s: %s", name, etag);
    http_reply_fini(&reply);
}

static unsigned
status_with(unsigned port, const char *method, const char *path, const char *header)
{
    struct http_reply reply;
    call_with(port, method, path, header, &reply);
    unsigned status = reply.status;
    if (status == 304 || status == 200)
        assert_true(strlen(http_header(&reply, "ETag")) == 34 || strcmp(method, "POST") == 0);
    if (status == 304)
        assert_int_equal(reply.body.length, 0);
    http_reply_fini(&reply);
    return status;
}

static void
what_the_client_has_is_not_sent_again(void **state)
{
    const struct server_fixture *fixture = *state;
    static const char *const paths[] = {JOB,           "/v1/fine_tuning/jobs",
                                        JOB "/events", JOB "/metrics?after_step=2400",
                                        "/v1/models",  "/v1/files/file-one"};
    char header[128];
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        header_of(fixture->port, paths[i], "If-None-Match", header);
        assert_int_equal(status_with(fixture->port, "GET", paths[i], header), 304);
        assert_int_equal(status_with(fixture->port, "HEAD", paths[i], header), 304);
    }
    assert_int_equal(status_with(fixture->port, "GET", JOB, "If-None-Match: \"x\""), 200);
    assert_int_equal(status_with(fixture->port, "GET", JOB, "If-None-Match: *"), 304);
    assert_int_equal(status_with(fixture->port, "GET", "/v1/none", "If-None-Match: *"), 404);
}

static void
change_needs_the_tag_of_what_is_there(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    char header[128];
    call_with(fixture->port, "POST", JOB "/cancel", "If-Match: \"0123\"", &reply);
    assert_error(&reply, 412, "precondition_failed");
    http_reply_fini(&reply);
    header_of(fixture->port, JOB, "If-Match: \"other\", W/\"weak\",", header);
    char *tag = strrchr(header, ':');
    memcpy(tag, " ", 1);
    assert_int_equal(status_with(fixture->port, "POST", JOB "/cancel", header), 200);
    assert_int_equal(status_with(fixture->port, "POST", JOB "/cancel", header), 412);
    assert_int_equal(status_with(fixture->port, "POST", JOB "/cancel", "If-Match: *"), 409);
    assert_int_equal(status_with(fixture->port, "DELETE", JOB, "If-Match: \"old\""), 412);
    assert_int_equal(
        status_with(fixture->port, "DELETE", "/v1/files/file-one", "If-Match: \"old\""), 412);
    assert_int_equal(
        status_with(fixture->port, "POST", "/v1/fine_tuning/jobs/none/cancel", "If-Match: *"), 404);
}

#define RUNNING "/v1/fine_tuning/jobs/ftjob-running"

/* The running fake's estimate moves with the clock; a finished or queued job's answer does not. */
static void
long_poll_is_answered_when_the_answer_differs(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    char header[128];
    header_of(fixture->port, RUNNING "/events?limit=1", "If-None-Match", header);
    int fd = send_with(fixture->port, "GET", RUNNING "/events?limit=1&wait=30", header);
    fake_service_tell(fixture->service); /* of nothing: it goes on waiting */
    json_decref(call_json(state, "GET", "/livez", NULL));
    fake_service_rename_event(fixture->service, "Something else happened.");
    http_read_reply(fd, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(buf_string(&reply.body), "Something else"));
    assert_string_not_equal(http_header(&reply, "ETag"), strchr(header, ':') + 2);
    http_reply_fini(&reply);
    close(fd);
}

static void
long_poll_ends_with_its_time(void **state)
{
    const struct server_fixture *fixture = *state;
    char header[128];
    header_of(fixture->port, JOB, "If-None-Match", header);
    assert_int_equal(status_with(fixture->port, "GET", JOB "?wait=1", header), 304);
}

static void
long_poll_without_a_reason_is_answered_at_once(void **state)
{
    const struct server_fixture *fixture = *state;
    char header[128];
    assert_int_equal(status_with(fixture->port, "GET", JOB "?wait=30", "X-None: 1"), 200);
    assert_int_equal(status_with(fixture->port, "GET", JOB "?wait=30", "If-None-Match: \"x\""),
                     200);
    header_of(fixture->port, "/v1/fine_tuning/jobs/ftjob-done", "If-None-Match", header);
    assert_int_equal(
        status_with(fixture->port, "GET", "/v1/fine_tuning/jobs/ftjob-done?wait=30", header), 304);
    header_of(fixture->port, "/v1/fine_tuning/jobs/ftjob-done/metrics", "If-None-Match", header);
    assert_int_equal(status_with(fixture->port, "GET",
                                 "/v1/fine_tuning/jobs/ftjob-done/metrics?wait=30", header),
                     304);
    header_of(fixture->port, JOB, "If-None-Match", header);
    assert_int_equal(status_with(fixture->port, "GET", JOB "?wait=0", header), 304);
}

static void
wrong_times_are_refused(void **state)
{
    static const char *const wrong[] = {"x", "-1", "", "1.5", "1000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, JOB "?wait=%s", wrong[i]);
        assert_call_fails(state, (const char *[3]){"GET", path, NULL}, 400, "invalid_parameter");
        snprintf(path, sizeof path, JOB "/events?wait=%s", wrong[i]);
        assert_call_fails(state, (const char *[3]){"GET", path, NULL}, 400, "invalid_parameter");
        snprintf(path, sizeof path, JOB "/metrics?wait=%s", wrong[i]);
        assert_call_fails(state, (const char *[3]){"GET", path, NULL}, 400, "invalid_parameter");
    }
}

/* A client that leaves while it waits, again and again, loses nothing: each poll starts from what
 * it has. */
static void
interrupted_long_polls_lose_nothing(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    char header[128];
    for (int i = 0; i < 100; i++) {
        char message[64];
        header_of(fixture->port, RUNNING "/events?limit=1", "If-None-Match", header);
        int fd = send_with(fixture->port, "GET", RUNNING "/events?limit=1&wait=30", header);
        if (i % 2 == 0)
            close(fd);
        snprintf(message, sizeof message, "Message %d.", i);
        fake_service_rename_event(fixture->service, message);
        if (i % 2 == 0) /* it comes again and is told what it missed */
            fd = send_with(fixture->port, "GET", RUNNING "/events?limit=1&wait=30", header);
        http_read_reply(fd, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_non_null(strstr(buf_string(&reply.body), message));
        http_reply_fini(&reply);
        close(fd);
    }
}

static void
stop_answers_those_who_wait(void **state)
{
    struct server_fixture *fixture = *state;
    struct http_reply reply;
    char header[128];
    int waiting[10];
    header_of(fixture->port, JOB, "If-None-Match", header);
    for (size_t i = 0; i < 10; i++)
        waiting[i] = send_with(fixture->port, "GET", JOB "?wait=30", header);
    /* answered on the same threads after those were heard, or at the stop: both are right */
    json_decref(call_json(state, "GET", "/livez", NULL));
    api_server_stop(fixture->server);
    fixture->server = NULL;
    for (size_t i = 0; i < 10; i++) {
        http_read_reply(waiting[i], false, &reply);
        assert_true(reply.status == 304 || reply.status == 503 || reply.status == 0);
        http_reply_fini(&reply);
        close(waiting[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_client_has_is_not_sent_again, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(change_needs_the_tag_of_what_is_there, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(long_poll_is_answered_when_the_answer_differs, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(long_poll_ends_with_its_time, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(long_poll_without_a_reason_is_answered_at_once,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(wrong_times_are_refused, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(interrupted_long_polls_lose_nothing, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(stop_answers_those_who_wait, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
