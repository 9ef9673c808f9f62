/*
 * What several tables share: a page of a list, named numbers, the size of a model.
 *
 * Every list is ordered by a sequence number that the database gives, never by a clock. A cursor is
 * the id of the last item that the reader has seen. All strings of rows live in the caller's arena.
 * The structs of this folder end in _row so that they stand beside those of daemon/service.h.
 */
#ifndef DAEMON_STORE_ROWS_H
#define DAEMON_STORE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIST_LIMIT_MAX = 10000 };

/* Up to limit (1..LIST_LIMIT_MAX) items behind the one named by `after`. */
struct list_query {
    const char *after; /* an id, or NULL: from the start */
    size_t limit;
    bool ascending; /* oldest first; newest first otherwise */
};

/* What a follower of one job has not seen yet: items behind a sequence number or a step. */
struct rows_after {
    int64_t job_seq;
    int64_t after;
    size_t limit; /* 1..LIST_LIMIT_MAX */
};

/* One named number; the name is one of core/train/metrics.h. Values that are not finite are left
 * out. */
struct measure {
    const char *name;
    double value;
};

struct model_shape {
    int64_t hidden_size, layers, parameters, max_seq_length;
    int64_t stride; /* tokens that the windows of a longer text share; < 0: it is cut */
};

#endif
