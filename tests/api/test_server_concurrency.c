/* Many clients at once, on connections that stay open: for the thread sanitizer above all. */
#include "tests/api/server_fixture.h"

#include <pthread.h>
#include <unistd.h>

enum { CLIENTS = 8, ROUNDS = 25 };

static const struct {
    const char *line;
    const char *type; /* of the body; "" when there is none */
    const char *body;
} requests[] = {
    {"GET /v1/files?limit=50", "", ""},
    {"POST /v1/classifications", "application/json",
     "{\"model\":\"" FAKE_MODEL "\",\"input\":\"x\"}"},
    {"GET /v1/fine_tuning/jobs/ftjob-running", "", ""},
    {"GET /v1/fine_tuning/jobs/ftjob-done/metrics?limit=20", "", ""},
    {"GET /v1/models/tiny/files/model.safetensors", "", ""},
    {"POST /v1/files", "multipart/form-data; boundary=X",
     "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n"
     "--X\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n--X--\r\n"},
};

enum { REQUESTS = sizeof requests / sizeof requests[0] };

struct client {
    pthread_t thread;
    unsigned port;
    size_t failures;
};

static void
send_request(int fd, size_t i)
{
    struct buf text = {0};
    buf_printf(&text, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n", requests[i].line,
               strlen(requests[i].body));
    if (*requests[i].type != '\0')
        buf_printf(&text, "Content-Type: %s\r\n", requests[i].type);
    buf_printf(&text, "\r\n%s", requests[i].body);
    http_send(fd, text.data, text.length);
    buf_fini(&text);
}

static void *
run_client(void *context)
{
    struct client *client = context;
    int fd = http_connect(client->port);
    for (size_t i = 0; i < (size_t)ROUNDS * REQUESTS; i++) {
        struct http_reply reply;
        send_request(fd, i % REQUESTS);
        http_read_reply(fd, false, &reply);
        client->failures += reply.status == 200 ? 0 : 1;
        http_reply_fini(&reply);
    }
    close(fd);
    return NULL;
}

static void
clients_do_not_disturb_each_other(void **state)
{
    const struct server_fixture *fixture = *state;
    struct client clients[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.port = fixture->port};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].failures, 0);
    }
    fake_service_wait_no_uploads(fixture->service);
    assert_int_equal(fake_service_uploads_begun(fixture->service), CLIENTS * ROUNDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
