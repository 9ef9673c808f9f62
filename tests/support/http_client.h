/*
 * A bare HTTP client for tests: bytes out as they are, replies in, nothing corrected on the way.
 *
 * Reads give up after half a minute, so that a server that hangs fails the test instead of the run.
 */
#ifndef TESTS_SUPPORT_HTTP_CLIENT_H
#define TESTS_SUPPORT_HTTP_CLIENT_H

#include "core/base/buf.h"
#include "core/base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct http_reply {
    unsigned status; /* 0: the connection ended or fell silent without one */
    struct buf head; /* status line and headers */
    struct buf body;
    char header[1024]; /* what http_header found last */
};

/* -1: nobody listens there. The two others abort then. */
int http_try_connect(unsigned port);
int http_connect(unsigned port);
int http_connect_unix(const char *path);

/* false when the peer has gone. */
bool http_send(int fd, const void *bytes, size_t length);
bool http_send_text(int fd, const char *text);

/* Read one reply; without_body for the answer to a HEAD request. */
void http_read_reply(int fd, bool without_body, struct http_reply *out);
void http_reply_fini(struct http_reply *reply);

/* The value of a header, "" when it is absent; valid until the next call for this reply. */
const char *http_header(struct http_reply *reply, const char *name);

/* The body as JSON, to be released by the caller; NULL when it is none. */
json_t *http_json(const struct http_reply *reply);

/* Has the server closed the connection, without another byte? Waits for it. */
bool http_is_closed(int fd);

/* One request on a connection of its own; text is the whole request. */
void http_exchange(unsigned port, const char *text, struct http_reply *out);

/* As http_exchange, from method, path and JSON body (NULL: none). */
void http_call(unsigned port, const char *method, const char *path, const char *json,
               struct http_reply *out);

#endif
