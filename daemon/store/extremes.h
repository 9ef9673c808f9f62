/*
 * The least and the greatest value of each metric over some steps, and where they are. Of equal
 * values the earliest step counts. Private to this folder.
 */
#ifndef DAEMON_STORE_EXTREMES_H
#define DAEMON_STORE_EXTREMES_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/metrics.h"

#include <stddef.h>
#include <stdint.h>

struct extreme {
    const char *name;
    int64_t low_step, high_step;
    double low, high;
};

/* All zeros is the empty set; its items live in the arena that is passed. */
struct extremes {
    struct extreme *items;
    size_t count, capacity;
};

/* Add the measures of a point that are finite. Names are not copied. */
void extremes_add_point(struct extremes *set, struct arena *arena, const struct point_row *point);

/* Add all of another set. */
void extremes_merge(struct extremes *set, struct arena *arena, const struct extremes *other);

/* {"train_loss":[40,0.25,1,0.7],…} and back. ERR_INVALID when it is not what we wrote. */
const char *extremes_text(const struct extremes *set, struct arena *arena);
int extremes_parse(const char *text, struct arena *arena, struct extremes *out, struct err *err);

#endif
