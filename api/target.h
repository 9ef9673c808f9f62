/*
 * The request target, from its raw bytes: path segments and query parameters.
 *
 * The order is what keeps it safe: the path is split at '/' first, then each segment is decoded, so
 * that an encoded slash can never move a segment. What a segment must not hold after decoding (NUL,
 * '/', control bytes, invalid UTF-8) is refused. One slash at the end of the path is ignored.
 */
#ifndef API_TARGET_H
#define API_TARGET_H

#include "core/base/mem.h"
#include "daemon/fault.h"

#include <stdbool.h>
#include <stddef.h>

enum { TARGET_MAX_SEGMENTS = 16, TARGET_MAX_QUERY = 128 };

struct query_pair {
    const char *key;
    const char *value; /* "" when there was no '=' */
};

struct target {
    const char *authority; /* of an absolute target (http://authority/path), else NULL */
    bool asterisk;         /* "*": the server itself, with OPTIONS only */
    const char *segments[TARGET_MAX_SEGMENTS];
    size_t segment_count;
    bool too_deep; /* more segments than any route has: not found */
    struct query_pair query[TARGET_MAX_QUERY];
    size_t query_count;
};

/* Strings go into the arena. -1 with BAD_REQUEST when the target is malformed. */
int target_parse(const char *raw, struct arena *arena, struct target *out,
                 struct fault_list *faults);

/* The last value of a query parameter, NULL when it is absent. */
const char *target_query(const struct target *target, const char *key);

#endif
