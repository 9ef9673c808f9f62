/*
 * Buckets of metric points: what a long series is thinned with.
 *
 * A bucket of level L holds the extremes of BUCKET_STEPS * BUCKET_FACTOR^L steps; there are
 * BUCKET_LEVELS levels. They are kept in the transaction that writes points or cuts them off, one
 * row read and written for each bucket that a batch of points touches. Private to this folder.
 */
#ifndef DAEMON_STORE_METRIC_BUCKETS_H
#define DAEMON_STORE_METRIC_BUCKETS_H

#include "daemon/store/extremes.h"

enum { BUCKET_STEPS = 8, BUCKET_FACTOR = 4, BUCKET_LEVELS = 9 };

/* Steps in a bucket of this level, 0 and up. */
int64_t metric_buckets_width(int level);

/* Part of a write transaction: points that were inserted, ascending by step. */
int metric_buckets_add(struct db *db, int64_t job_seq, const struct point_row *points, size_t count,
                       struct err *err);

/* Part of a write transaction: the points behind this step are gone. */
int metric_buckets_cut(struct db *db, int64_t job_seq, int64_t step, struct err *err);

/* Some buckets of one level, or steps. */
struct bucket_range {
    int64_t job_seq;
    int level;
    int64_t first, last; /* inclusive */
};

/* Called for each in order; first_step is where the bucket begins. The set lives in the arena. */
typedef void bucket_visitor(void *context, int64_t first_step, const struct extremes *set);

int metric_buckets_visit(struct db *db, const struct bucket_range *range, struct arena *arena,
                         bucket_visitor *visit, void *context, struct err *err);

#endif
