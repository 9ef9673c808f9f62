/* Idle lanes on a list behind a lock; see onednn_lane.h. */
#include "core/gemm/onednn_lane.h"

#include "core/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct onednn_lanes {
    const struct onednn_api *api;
    pthread_mutex_t lock;
    struct onednn_lane *idle;
};

struct onednn_lanes *
onednn_lanes_new(const struct onednn_api *api)
{
    struct onednn_lanes *lanes = mem_small(sizeof *lanes);
    *lanes = (struct onednn_lanes){.api = api};
    pthread_mutex_init(&lanes->lock, NULL);
    return lanes;
}

void
onednn_lanes_free(struct onednn_lanes *lanes)
{
    while (lanes->idle != NULL) {
        struct onednn_lane *lane = lanes->idle;
        lanes->idle = lane->next;
        if (lane->stream != NULL)
            lanes->api->stream_destroy(lane->stream);
        free(lane->memory);
        free(lane);
    }
    pthread_mutex_destroy(&lanes->lock);
    free(lanes);
}

struct onednn_lane *
onednn_lanes_take(struct onednn_lanes *lanes)
{
    pthread_mutex_lock(&lanes->lock);
    struct onednn_lane *lane = lanes->idle;
    if (lane != NULL)
        lanes->idle = lane->next;
    pthread_mutex_unlock(&lanes->lock);
    if (lane != NULL)
        return lane;
    lane = mem_small(sizeof *lane);
    *lane = (struct onednn_lane){.stream = onednn_api_stream(lanes->api)};
    return lane;
}

void
onednn_lanes_give(struct onednn_lanes *lanes, struct onednn_lane *lane)
{
    pthread_mutex_lock(&lanes->lock);
    lane->next = lanes->idle;
    lanes->idle = lane;
    pthread_mutex_unlock(&lanes->lock);
}

char *
onednn_lane_memory(struct onednn_lane *lane, size_t bytes)
{
    if (bytes > lane->bytes || lane->memory == NULL) {
        free(lane->memory);
        lane->memory = mem_small(bytes + ONEDNN_ALIGNMENT);
        lane->bytes = bytes;
    }
    uintptr_t address = (uintptr_t)lane->memory;
    return (char *)lane->memory +
           (ONEDNN_ALIGNMENT - address % ONEDNN_ALIGNMENT) % ONEDNN_ALIGNMENT;
}
