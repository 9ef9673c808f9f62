/*
 * Reading server-sent events (the HTML standard's text/event-stream) from bytes as they come.
 */
#ifndef API_CLIENT_SSE_H
#define API_CLIENT_SSE_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* A longer event than this is no daemon's. */
enum { SSE_MAX_BYTES = 64 * 1024 * 1024 };

/* id: the last one that came, "" for none. */
typedef void sse_handler(void *context, const char *name, const char *data, const char *id);

/* All zeros but handler and context at the start. */
struct sse {
    sse_handler *handler;
    void *context;
    struct buf line, name, data, id; /* id lives on from event to event, and over reconnects */
    bool after_return;               /* a line feed that comes now belongs to the end before */
};

/* Take bytes and call the handler for every event that they complete; false: it is too long. */
bool sse_feed(struct sse *sse, const char *bytes, size_t length);

/* Forget an event that broke off, for a new connection; the id stays. */
void sse_restart(struct sse *sse);

void sse_fini(struct sse *sse);

#endif
