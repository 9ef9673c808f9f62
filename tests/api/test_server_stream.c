/* Event streams: everything once, in order, however often the connection breaks. */
#include "tests/api/server_fixture.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM "/v1/fine_tuning/jobs/ftjob-running/stream"

/* A client of an event stream, which takes the chunks apart. */
struct client {
    int fd;
    struct buf text; /* of the body, not read yet */
    char id[128];    /* the last that came */
    char name[32], data[8192];
    bool ended; /* the connection or the body */
};

static void
client_open(struct client *client, unsigned port, const char *path, const char *headers)
{
    struct buf request = {0};
    struct http_reply reply;
    buf_printf(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s", path, headers);
    if (client->id[0] != '\0')
        buf_printf(&request, "Last-Event-ID: %s\r\n", client->id);
    buf_append_string(&request, "\r\n");
    client->fd = http_connect(port);
    client->ended = false;
    http_send_text(client->fd, buf_string(&request));
    buf_fini(&request);
    http_read_reply(client->fd, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Type"), "text/event-stream");
    assert_string_equal(http_header(&reply, "Transfer-Encoding"), "chunked");
    http_reply_fini(&reply);
    buf_clear(&client->text);
}

static void
client_close(struct client *client)
{
    close(client->fd);
    buf_fini(&client->text);
}

static bool
read_bytes(int fd, char *bytes, size_t length)
{
    for (size_t got = 0; got < length;) {
        ssize_t n = recv(fd, bytes + got, length - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* One chunk of the body; the last one, or the end of the connection, is the end. */
static void
read_chunk(struct client *client)
{
    char line[32] = {0};
    for (size_t i = 0; i == 0 || line[i - 1] != '\n'; i++)
        if (i + 1 == sizeof line || !read_bytes(client->fd, &line[i], 1)) {
            client->ended = true;
            return;
        }
    size_t length = strtoul(line, NULL, 16);
    char *bytes = malloc(length + 2);
    client->ended = length == 0 || !read_bytes(client->fd, bytes, length + 2);
    if (!client->ended)
        buf_append(&client->text, bytes, length);
    free(bytes);
}

/* The text up to an empty line, which is taken away; false at the end of the stream. */
static bool
read_block(struct client *client, char block[16384])
{
    const char *end = NULL;
    while ((end = strstr(buf_string(&client->text), "\n\n")) == NULL && !client->ended)
        read_chunk(client);
    if (end == NULL)
        return false;
    size_t length = (size_t)(end - client->text.data);
    assert_true(length < 16384);
    memcpy(block, client->text.data, length);
    block[length] = '\0';
    memmove(client->text.data, end + 2, client->text.length - length - 1);
    client->text.length -= length + 2;
    return true;
}

static void
take_line(struct client *client, const char *line)
{
    if (strncmp(line, "event: ", 7) == 0)
        snprintf(client->name, sizeof client->name, "%s", line + 7);
    else if (strncmp(line, "id: ", 4) == 0)
        snprintf(client->id, sizeof client->id, "%s", line + 4);
    else if (strncmp(line, "data: ", 6) == 0)
        snprintf(client->data, sizeof client->data, "%s", line + 6);
    else if (line[0] != ':')
        assert_string_equal(line, "retry: 3000");
}

/* The next event, comments and the like passed over; false at the end. */
static bool
next_event(struct client *client)
{
    char block[16384];
    client->name[0] = '\0';
    while (client->name[0] == '\0') {
        char *rest = NULL;
        if (!read_block(client, block))
            return false;
        for (char *line = strtok_r(block, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest))
            take_line(client, line);
    }
    return true;
}

static void
expect_event(struct client *client, const char *name)
{
    assert_true(next_event(client));
    assert_string_equal(client->name, name);
}

static json_t *
event_json(const struct client *client)
{
    struct err err;
    json_t *root = json_parse(client->data, strlen(client->data), true, &err);
    assert_non_null(root);
    return root;
}

static void
stream_tells_all_that_happens_and_ends_with_the_job(void **state)
{
    const struct server_fixture *fixture = *state;
    struct client client = {0};
    fake_service_add_progress(fixture->service, 1, 2);
    client_open(&client, fixture->port, STREAM, "");
    expect_event(&client, "state");
    json_t *job = event_json(&client);
    assert_string_equal(json_text_at(job, "status"), "running");
    json_decref(job);
    expect_event(&client, "event");
    json_t *event = event_json(&client);
    assert_string_equal(json_text_at(event, "message"), "Something\nhappened.");
    json_decref(event);
    for (int64_t step = 1; step <= 2; step++) {
        expect_event(&client, "metrics");
        json_t *point = event_json(&client);
        assert_int_equal(json_integer_at(point, "step"), step);
        json_decref(point);
    }
    assert_string_equal(client.id, "1.2.-");
    fake_service_tell(fixture->service); /* nothing new: nothing comes */
    fake_service_add_progress(fixture->service, 0, 1);
    expect_event(&client, "metrics");
    fake_service_add_checkpoint(fixture->service);
    expect_event(&client, "checkpoint");
    assert_string_equal(client.id, "1.3.3");
    fake_service_end_job(fixture->service);
    expect_event(&client, "state");
    expect_event(&client, "end");
    job = event_json(&client);
    assert_string_equal(json_text_at(job, "status"), "succeeded");
    json_decref(job);
    assert_false(next_event(&client));
    client_close(&client);
}

/* What one connection brings: every series goes on where the one before broke off. */
static void
take_event(const struct client *client, int64_t *events, int64_t *step)
{
    json_t *json = event_json(client);
    if (strcmp(client->name, "metrics") == 0) {
        assert_int_equal(json_integer_at(json, "step"), *step + 1);
        *step += 1;
    } else if (strcmp(client->name, "event") == 0) {
        char id[32];
        snprintf(id, sizeof id, "ftevent-%d", (int)(*events + 1));
        assert_string_equal(json_text_at(json, "id"), id);
        *events += 1;
    }
    json_decref(json);
}

static void
client_that_drops_a_hundred_times_rebuilds_the_series(void **state)
{
    const struct server_fixture *fixture = *state;
    struct client client = {0};
    int64_t events = 0;
    int64_t step = 0;
    enum { DROPS = 100, EVENTS = 3, POINTS = 37 };
    for (int i = 0; i < DROPS; i++) {
        client_open(&client, fixture->port, STREAM, "");
        fake_service_add_progress(fixture->service, EVENTS, POINTS);
        for (int taken = 0; taken < 1 + i % 41;
             taken++) { /* fewer or more than came: both happen */
            bool all = events == (i + 1) * EVENTS && step == (i + 1) * POINTS;
            if (all)
                break;
            assert_true(next_event(&client));
            take_event(&client, &events, &step);
        }
        client_close(&client);
    }
    fake_service_end_job(fixture->service);
    client_open(&client, fixture->port, STREAM, "");
    while (next_event(&client))
        take_event(&client, &events, &step);
    assert_string_equal(client.name, "");
    assert_int_equal(events, DROPS * EVENTS);
    assert_int_equal(step, DROPS * POINTS);
    client_close(&client);
    json_decref(call_json(state, "GET", "/livez", NULL));
}

static void
stream_begins_behind_what_after_says(void **state)
{
    const struct server_fixture *fixture = *state;
    struct client client = {0};
    fake_service_add_progress(fixture->service, 5, 10);
    fake_service_end_job(fixture->service);
    client_open(&client, fixture->port, STREAM "?after=4.9.-", "");
    expect_event(&client, "state");
    expect_event(&client, "event");
    expect_event(&client, "metrics");
    assert_string_equal(client.id, "5.10.-");
    expect_event(&client, "end");
    client_close(&client);
    /* what the client itself has seen counts more than an address written long ago */
    client_open(&client, fixture->port, STREAM "?after=-.-.-", "");
    expect_event(&client, "state");
    expect_event(&client, "end");
    client_close(&client);
}

static void
wrong_places_and_jobs_are_refused(void **state)
{
    static const char *const wrong[] = {"x", "1", "1.2", "1.2.", "1.2.3.4", "-1.2.3", "1.2.3%20"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, STREAM "?after=%s", wrong[i]);
        assert_call_fails(state, (const char *[3]){"GET", path, NULL}, 400, "invalid_cursor");
    }
    assert_call_fails(state, (const char *[3]){"GET", "/v1/fine_tuning/jobs/none/stream", NULL},
                      404, "job_not_found");
}

static int
open_with_two_streams(void **state)
{
    struct api_server_options options = {.max_streams = 2};
    return fixture_open_with(state, &options);
}

static void
streams_beyond_the_limit_are_told_to_come_later(void **state)
{
    const struct server_fixture *fixture = *state;
    struct client clients[2] = {0};
    struct http_reply reply;
    for (size_t i = 0; i < 2; i++) {
        client_open(&clients[i], fixture->port, STREAM, "");
        expect_event(&clients[i], "state");
    }
    http_call(fixture->port, "GET", STREAM, NULL, &reply);
    assert_error(&reply, 503, "too_many_streams");
    assert_true(strlen(http_header(&reply, "Retry-After")) > 0);
    http_reply_fini(&reply);
    fake_service_end_job(fixture->service);
    for (size_t i = 0; i < 2; i++) {
        while (next_event(&clients[i]))
            continue;
        client_close(&clients[i]);
    }
    clients[0] = (struct client){0};
    client_open(&clients[0], fixture->port, STREAM, "");
    client_close(&clients[0]);
}

static void
place_of_a_client_that_left_is_given_to_another(void **state)
{
    const struct server_fixture *fixture = *state;
    struct client gone[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        client_open(&gone[i], fixture->port, STREAM, "");
        expect_event(&gone[i], "state");
        client_close(&gone[i]);
    }
    for (;;) { /* asks until the server has noticed */
        struct http_reply reply;
        int fd = http_connect(fixture->port);
        http_send_text(fd, "GET " STREAM " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        http_read_reply(fd, true, &reply);
        unsigned status = reply.status;
        http_reply_fini(&reply);
        close(fd);
        if (status == 200)
            break;
        assert_int_equal(status, 503);
        fake_service_tell(fixture->service);
    }
}

static void
head_of_a_stream_has_no_body(void **state)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_exchange(fixture->port, "HEAD " STREAM " HTTP/1.1\r\nHost: localhost\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Type"), "text/event-stream");
    http_reply_fini(&reply);
}

static void
stop_ends_streams_with_a_last_word(void **state)
{
    struct server_fixture *fixture = *state;
    struct client clients[20];
    char block[16384];
    memset(clients, 0, sizeof clients);
    for (size_t i = 0; i < 20; i++) {
        client_open(&clients[i], fixture->port, STREAM, "");
        expect_event(&clients[i], "state");
    }
    api_server_stop(fixture->server);
    fixture->server = NULL;
    for (size_t i = 0; i < 20; i++) {
        assert_true(read_block(&clients[i], block));
        assert_int_equal(strncmp(block, ": the daemon stops", 18), 0);
        assert_false(read_block(&clients[i], block));
        client_close(&clients[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stream_tells_all_that_happens_and_ends_with_the_job,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(client_that_drops_a_hundred_times_rebuilds_the_series,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(stream_begins_behind_what_after_says, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(wrong_places_and_jobs_are_refused, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(streams_beyond_the_limit_are_told_to_come_later,
                                        open_with_two_streams, fixture_close),
        cmocka_unit_test_setup_teardown(place_of_a_client_that_left_is_given_to_another,
                                        open_with_two_streams, fixture_close),
        cmocka_unit_test_setup_teardown(head_of_a_stream_has_no_body, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(stop_ends_streams_with_a_last_word, fixture_open,
                                        fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
