/* Starting, stopping, and connections that are suspended meanwhile. */
#include "tests/api/server_fixture.h"
#include "tests/support/scratch.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const char slow_body[] = "{\"model\":\"" FAKE_MODEL "\",\"input\":\"x\"}";

/* Send a request that waits at the gate, without reading its reply. */
static int
send_slow(const struct server_fixture *fixture)
{
    char text[512];
    int fd = http_connect(fixture->port);
    snprintf(text, sizeof text,
             "POST /v1/classifications HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n"
             "%s",
             sizeof slow_body - 1, slow_body);
    http_send_text(fd, text);
    return fd;
}

static void
client_may_leave_while_its_request_is_worked_on(void **state)
{
    const struct server_fixture *fixture = *state;
    fake_service_close_gate(fixture->service);
    int gone = send_slow(fixture);
    int stays = send_slow(fixture);
    fake_service_wait_at_gate(fixture->service, 2);
    close(gone);
    json_decref(call_json(state, "GET", "/livez", NULL)); /* others are served meanwhile */
    fake_service_open_gate(fixture->service);
    struct http_reply reply;
    http_read_reply(stays, false, &reply);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    close(stays);
}

static void
slow_requests_do_not_wait_for_models(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    fake_service_close_gate(fixture->service);
    int asked[2] = {send_slow(fixture), send_slow(fixture)};
    fake_service_wait_at_gate(fixture->service, 1); /* all threads for models are taken */
    json_decref(call_json(state, "GET", "/v1/files", NULL));
    fake_service_open_gate(fixture->service);
    for (size_t i = 0; i < 2; i++) {
        http_read_reply(asked[i], false, &reply);
        assert_int_equal(reply.status, 200);
        http_reply_fini(&reply);
        close(asked[i]);
    }
}

static void *
stop(void *context)
{
    struct server_fixture *fixture = context;
    api_server_stop(fixture->server);
    fixture->server = NULL;
    return NULL;
}

/* Ask on an open connection until the server says that it is stopping. */
static void
wait_until_stopping(int fd)
{
    for (;;) {
        struct http_reply reply;
        http_send_text(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        http_read_reply(fd, false, &reply);
        unsigned status = reply.status;
        if (status == 503)
            assert_error(&reply, 503, "not_ready");
        http_reply_fini(&reply);
        if (status == 503)
            return;
        assert_int_equal(status, 200);
    }
}

static int
open_with_one_thread(void **state)
{
    struct api_server_options options = {.offload_threads = 1, .model_threads = 1};
    return fixture_open_with(state, &options);
}

static void
stop_answers_what_is_worked_on_and_refuses_the_rest(void **state)
{
    struct server_fixture *fixture = *state;
    pthread_t stopper;
    struct http_reply reply;
    int open = http_connect(fixture->port);
    fake_service_close_gate(fixture->service);
    int worked_on = send_slow(fixture);
    fake_service_wait_at_gate(fixture->service, 1);
    int queued = send_slow(fixture);
    assert_int_equal(pthread_create(&stopper, NULL, stop, fixture), 0);
    wait_until_stopping(open);
    assert_true(http_is_closed(open));
    fake_service_open_gate(fixture->service);
    http_read_reply(worked_on, false, &reply);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    /* it may not even have been accepted */
    http_read_reply(queued, false, &reply);
    assert_true(reply.status == 503 || reply.status == 0);
    http_reply_fini(&reply);
    pthread_join(stopper, NULL);
    close(open);
    close(worked_on);
    close(queued);
}

static void
stop_cuts_off_clients_that_do_not_finish(void **state)
{
    struct server_fixture *fixture = *state;
    struct err err;
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct api_server_options options = {
        .listen = addresses, .listen_count = 1, .stop_grace_ms = 1, .service = fixture->service};
    struct api_server *server = NULL;
    assert_int_equal(api_server_start(&options, &server, &err), 0);
    int fd = http_connect(api_server_port(server, 0));
    http_send_text(fd, "POST /v1/classifications HTTP/1.1\r\nHost: localhost\r\n"
                       "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n");
    struct http_reply reply;
    http_read_reply(fd, true, &reply);
    assert_int_equal(reply.status, 100);
    http_reply_fini(&reply);
    api_server_stop(server);
    assert_true(http_is_closed(fd));
    close(fd);
}

enum { RESTARTS = 100 };

/* Connect anew for every request, until nobody listens. */
static void *
call_until_refused(void *context)
{
    unsigned port = *(const unsigned *)context;
    int fd = -1;
    while ((fd = http_try_connect(port)) >= 0) {
        struct http_reply reply;
        http_send_text(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        http_read_reply(fd, false, &reply);
        assert_true(reply.status == 200 || reply.status == 503 || reply.status == 0);
        http_reply_fini(&reply);
        close(fd);
    }
    return NULL;
}

static void
stops_while_clients_keep_coming(void **state)
{
    struct server_fixture *fixture = *state;
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct api_server_options options = {
        .listen = addresses, .listen_count = 1, .service = fixture->service};
    for (size_t i = 0; i < RESTARTS; i++) {
        struct err err;
        struct api_server *server = NULL;
        struct http_reply reply;
        pthread_t clients[2];
        assert_int_equal(api_server_start(&options, &server, &err), 0);
        unsigned port = api_server_port(server, 0);
        for (size_t c = 0; c < 2; c++)
            assert_int_equal(pthread_create(&clients[c], NULL, call_until_refused, &port), 0);
        http_call(port, "GET", "/livez", NULL, &reply);
        http_reply_fini(&reply);
        api_server_stop(server);
        for (size_t c = 0; c < 2; c++)
            pthread_join(clients[c], NULL);
    }
}

static void
several_listeners_serve_side_by_side(void **state)
{
    struct server_fixture *fixture = *state;
    struct scratch scratch;
    struct stat status;
    struct err err;
    scratch_open(&scratch);
    const char *path = scratch_path(&scratch, "socket");
    const char *const addresses[] = {"127.0.0.1:0", arena_printf(scratch.arena, "unix:%s", path)};
    struct api_server_options options = {
        .listen = addresses, .listen_count = 2, .service = fixture->service};
    struct api_server *server = NULL;
    assert_int_equal(api_server_start(&options, &server, &err), 0);
    assert_string_equal(api_server_address(server, 1), addresses[1]);
    assert_null(api_server_address(server, 2));
    assert_int_equal(api_server_port(server, 1), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    int fd = http_connect_unix(path);
    struct http_reply reply;
    http_send_text(fd, "GET /v1/models HTTP/1.1\r\nHost: whatever\r\n\r\n");
    http_read_reply(fd, false, &reply);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    close(fd);
    http_call(api_server_port(server, 0), "GET", "/livez", NULL, &reply);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    api_server_stop(server);
    assert_int_not_equal(stat(path, &status), 0);
    scratch_close(&scratch);
}

static void
start_fails_without_leaving_anything(void **state)
{
    struct server_fixture *fixture = *state;
    const char *const taken = api_server_address(fixture->server, 0);
    const char *const lists[][2] = {{"127.0.0.1:0", "0.0.0.0:0"}, {"127.0.0.1:0", taken}};
    static const int codes[] = {ERR_INVALID, ERR_CONFLICT};
    for (size_t i = 0; i < 2; i++) {
        struct err err;
        struct api_server *server = NULL;
        struct api_server_options options = {
            .listen = lists[i], .listen_count = 2, .service = fixture->service};
        assert_int_equal(api_server_start(&options, &server, &err), codes[i]);
        assert_null(server);
        assert_non_null(strstr(err.message, lists[i][1]));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(client_may_leave_while_its_request_is_worked_on,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(slow_requests_do_not_wait_for_models, open_with_one_thread,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(stop_answers_what_is_worked_on_and_refuses_the_rest,
                                        open_with_one_thread, fixture_close),
        cmocka_unit_test_setup_teardown(stop_cuts_off_clients_that_do_not_finish, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(stops_while_clients_keep_coming, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(several_listeners_serve_side_by_side, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(start_fails_without_leaving_anything, fixture_open,
                                        fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
