/*
 * Metric points of jobs: many numbers, one point a step, kept until the job is deleted.
 *
 * They are written by jobs_flush together with the job's progress. A new attempt that starts at an
 * earlier step removes what the former one wrote beyond it (jobs_rewind). Both keep the buckets
 * (metric_buckets.h) from which metrics_thin picks the points of a long series.
 */
#ifndef DAEMON_STORE_METRICS_H
#define DAEMON_STORE_METRICS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct point_row {
    int64_t step;
    double epoch;       /* completed, with fraction */
    int64_t created_at; /* given by the store on insertion */
    const struct measure *measures;
    size_t measure_count;
};

struct point_query {
    int64_t after_step;       /* points with a greater step; -1: all */
    size_t limit;             /* 1..LIST_LIMIT_MAX */
    const char *const *names; /* only these measures, and only points that have one; NULL: all */
    size_t name_count;
};

struct point_rows {
    struct point_row *items; /* ascending by step */
    size_t count;
    bool has_more;
    int64_t last_step; /* of the whole series, -1 when it is empty */
};

/* Insert points in one transaction; a step that is there already gets the measures added. */
int metrics_insert(struct db *db, int64_t job_seq, const struct point_row *points, size_t count,
                   struct err *err);

/* Steps of a job, both ends included. */
struct step_range {
    int64_t job_seq, first, last;
};

/* All points of at most LIST_LIMIT_MAX steps; last_step is not set. */
int metrics_between(struct db *db, const struct step_range *range, struct arena *arena,
                    struct point_rows *out, struct err *err);

/*
 * As metrics_query, but the whole series in at most query->limit points: the first and the last
 * one, and of each run of equally many steps the points with the least and the greatest value of
 * every measure that is asked for (NULL: of every measure of the job). When it has no more steps
 * than that, all of them. When even one run holds more points than the limit some are left out.
 */
int metrics_thin(struct db *db, int64_t job_seq, const struct point_query *query,
                 struct arena *arena, struct point_rows *out, struct err *err);

/* An unknown job has no points. */
int metrics_query(struct db *db, int64_t job_seq, const struct point_query *query,
                  struct arena *arena, struct point_rows *out, struct err *err);

/* Delete the points with a greater step. */
int metrics_delete_after(struct db *db, int64_t job_seq, int64_t step, struct err *err);

#endif
