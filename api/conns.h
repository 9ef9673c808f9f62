/*
 * The open connections and their deadlines.
 *
 * The library only knows inactivity: a client that sends one header a second would stay for ever.
 * So every connection is recorded with what it is doing and since when, and a watcher shuts down
 * the sockets of those that are late; the library then sees the end of the stream and cleans up.
 * While we work for a connection it has no deadline.
 */
#ifndef API_CONNS_H
#define API_CONNS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONNS_MIN_BYTES_PER_SECOND = 1024, CONNS_DISCARD_MS = 5000 };

enum conn_phase {
    CONN_IDLE,      /* between requests: idle and header timeout together */
    CONN_HEADERS,   /* a request line came, or a new connection: header timeout */
    CONN_BODY,      /* a minimum rate, after a grace */
    CONN_WORKING,   /* our turn: no deadline */
    CONN_REPLYING,  /* idle timeout, and time by the minimum rate */
    CONN_STREAMING, /* no deadline but the library's, which knows when nothing goes out */
    CONN_DISCARDING /* answered before it was done sending: CONNS_DISCARD_MS */
};

struct conns_limits {
    int64_t header_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t body_grace_ms;
    /* Called a few times a second while there are connections, NULL: nobody. */
    void (*tick)(void *context, int64_t now_ms);
    void *tick_context;
};

struct conns;
struct conn;

/* Starts the watcher. NULL with ERR_IO. */
struct conns *conns_new(const struct conns_limits *limits, struct err *err);

/* No connection may be left; NULL is fine. */
void conns_free(struct conns *conns);

/* A new connection, in CONN_HEADERS. The socket must stay open until conns_remove. */
struct conn *conns_add(struct conns *conns, int fd);
void conns_remove(struct conns *conns, struct conn *conn);

int conns_socket(const struct conn *conn);

/* Enter a phase; reply_bytes matters for CONN_REPLYING only. */
void conns_enter(struct conns *conns, struct conn *conn, enum conn_phase phase,
                 int64_t reply_bytes);

/* Bytes of a body came. */
void conns_received(struct conns *conns, struct conn *conn, int64_t bytes);

/*
 * Wait until no request is under way on any connection; false after timeout_ms. Connections that
 * come meanwhile do not count: clients that try again and again would never let it end.
 */
bool conns_wait_quiet(struct conns *conns, int64_t timeout_ms);

/* Milliseconds of a clock that never jumps. */
int64_t conns_now_ms(void);

#endif
