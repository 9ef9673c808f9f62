/*
 * What a call of oneDNN needs for itself alone: a stream and scratch memory, kept from call to
 * call.
 *
 * Private to core/gemm.
 */
#ifndef CORE_GEMM_ONEDNN_LANE_H
#define CORE_GEMM_ONEDNN_LANE_H

#include "core/gemm/onednn_api.h"

enum { ONEDNN_ALIGNMENT = 64 };

struct onednn_lane {
    struct onednn_lane *next; /* idle */
    void *stream;             /* NULL when the library had no memory for it */
    void *memory;             /* ONEDNN_ALIGNMENT more than bytes */
    size_t bytes;
};

struct onednn_lanes;

/* The library outlives the lanes. */
struct onednn_lanes *onednn_lanes_new(const struct onednn_api *api);

/* Every lane has been given back. */
void onednn_lanes_free(struct onednn_lanes *lanes);

/* A lane that is idle, or a new one: there are as many as calls have ever run at a time. */
struct onednn_lane *onednn_lanes_take(struct onednn_lanes *lanes);
void onednn_lanes_give(struct onednn_lanes *lanes, struct onednn_lane *lane);

/* At least so many bytes of the lane's memory, aligned; what it held is lost. */
char *onednn_lane_memory(struct onednn_lane *lane, size_t bytes);

#endif
