/*
 * THE route table: method, path, what the body is, whether it is slow, who answers, and what it
 * says of itself (operation.h).
 *
 * A route is a row. The router, the limits of bodies, 405 with its Allow header, the log's route
 * names, the checks of queries and /openapi.json come from the rows. Of two paths that match, the
 * one with fewer braces is meant.
 */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "api/reply.h"
#include "api/target.h"

#include <stdbool.h>
#include <stddef.h>

struct operation;
struct request;

enum body_kind {
    BODY_NONE, /* whatever comes is read and ignored, within a small limit */
    BODY_JSON, /* gathered in memory, within the limit of JSON bodies */
    BODY_FORM, /* multipart with a file, streamed to the service */
    BODY_PART, /* multipart with a part of a file, the same */
    BODY_MODEL /* JSON, or a tar archive that is streamed to the service */
};

enum { ROUTE_MAX_CAPTURES = 2 };

struct route {
    const char *method; /* GET answers HEAD too */
    const char *path;   /* a segment in braces matches any one that is not empty */
    enum body_kind body;
    bool slow; /* reads or deletes files, computes, or prints much: not on an HTTP thread */
    struct reply (*handle)(struct request *request);
    const struct operation *operation; /* what the route says of itself */
};

/* What the target of a request came to. */
struct route_match {
    const struct route *route; /* NULL: no such path, or not with this method */
    bool path_exists;
    const char *captures[ROUTE_MAX_CAPTURES];
    const char *allow; /* methods of the path, for Allow; NULL when it does not exist */
};

/* Strings point into the target or the arena. */
void routes_match(const char *method, const struct target *target, struct arena *arena,
                  struct route_match *out);

/* Row i, NULL behind the last one: for tests and documentation. */
const struct route *routes_row(size_t i);

#endif
