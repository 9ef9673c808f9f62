/*
 * A server over the fake service on a free port, for the tests of this folder. As cmocka's setup
 * and teardown; *state is the fixture.
 */
#ifndef TESTS_API_SERVER_FIXTURE_H
#define TESTS_API_SERVER_FIXTURE_H

#include "api/server.h"
#include "daemon/log.h"
#include "tests/support/fake_service.h"
#include "tests/support/http_client.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct server_fixture {
    struct service *service;
    struct api_server *server;
    unsigned port;
};

/* Small limits, so that tests can cross them; deadlines so long that no slow machine meets them. */
enum { FIXTURE_MAX_BODY = 20000, FIXTURE_MAX_UPLOAD = 300000 };

static inline int
fixture_open_with(void **state, const struct api_server_options *wanted)
{
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct err err;
    struct server_fixture *fixture = calloc(1, sizeof *fixture);
    struct api_server_options options = *wanted;
    log_set_level(LOG_ERROR);
    fixture->service = fake_service_new();
    options.service = fixture->service;
    options.listen = addresses;
    options.listen_count = 1;
    if (api_server_start(&options, &fixture->server, &err) != 0)
        fail_msg("start: %s", err.message);
    fixture->port = api_server_port(fixture->server, 0);
    *state = fixture;
    return 0;
}

static inline int
fixture_open(void **state)
{
    struct api_server_options options = {.max_body_bytes = FIXTURE_MAX_BODY,
                                         .max_upload_bytes = FIXTURE_MAX_UPLOAD,
                                         .header_timeout_ms = 100000,
                                         .body_grace_ms = 100000};
    return fixture_open_with(state, &options);
}

static inline int
fixture_close(void **state)
{
    struct server_fixture *fixture = *state;
    api_server_stop(fixture->server);
    fake_service_free(fixture->service);
    free(fixture);
    return 0;
}

/* The string at a path of members in a reply's JSON body, copied; "(none)" when it is not there. */
static inline void
reply_string(const struct http_reply *reply, const char *outer, const char *inner, char out[512])
{
    json_t *root = http_json(reply);
    const json_t *value = outer == NULL ? root : json_object_get(root, outer);
    value = inner == NULL ? value : json_object_get(value, inner);
    const char *text = json_is_string(value) ? json_string_value(value) : "(none)";
    strncpy(out, text, 511);
    out[511] = '\0';
    json_decref(root);
}

/* The reply is an error in both shapes, with this status and code. */
static inline void
assert_error(struct http_reply *reply, unsigned status, const char *code)
{
    char text[512];
    json_t *root = http_json(reply);
    if (reply->status != status)
        print_error("%s%s\n", buf_string(&reply->head), buf_string(&reply->body));
    assert_int_equal(reply->status, status);
    assert_string_equal(http_header(reply, "Content-Type"), "application/problem+json");
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "status")), status);
    assert_true(json_array_size(json_object_get(root, "errors")) > 0);
    json_decref(root);
    reply_string(reply, "error", "code", text);
    assert_string_equal(text, code);
    reply_string(reply, "error", "message", text);
    assert_true(strlen(text) > 10);
    assert_int_equal(strncmp(http_header(reply, "X-Request-Id"), "req_", 4), 0);
}

/* One call that must fail. */
static inline void
assert_call_fails(void **state, const char *call[3], unsigned status, const char *code)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, call[0], call[1], call[2], &reply);
    assert_error(&reply, status, code);
    http_reply_fini(&reply);
}

/* One call that must succeed; the JSON body is the caller's. */
static inline json_t *
call_json(void **state, const char *method, const char *path, const char *json)
{
    const struct server_fixture *fixture = *state;
    struct http_reply reply;
    http_call(fixture->port, method, path, json, &reply);
    if (reply.status != 200)
        print_error("%s %s: %s%s\n", method, path, buf_string(&reply.head),
                    buf_string(&reply.body));
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Type"), "application/json");
    assert_int_equal(strncmp(http_header(&reply, "X-Request-Id"), "req_", 4), 0);
    json_t *root = http_json(&reply);
    assert_non_null(root);
    http_reply_fini(&reply);
    return root;
}

static inline const char *
json_text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "(none)" : text;
}

static inline int64_t
json_integer_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : INT64_MIN;
}

#endif
