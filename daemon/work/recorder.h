/*
 * The recorder: what a running job reports, on its way into the database.
 *
 * Points and events are gathered in memory and written together with the progress in one short
 * transaction, at most once a second, so that training does not wait for the disk and pollers do
 * not wait for training. When the database refuses, the gathered things are kept and tried again;
 * only after RECORDER_PATIENCE_MS without success is the job given up. A full disk has all the time
 * there is (room.h makes the job wait). When the job is no longer this worker's (cancelled), the
 * recorder is lost and writes nothing any more.
 *
 * Everything belongs to the thread that called recorder_init, except recorder_is_broken.
 */
#ifndef DAEMON_WORK_RECORDER_H
#define DAEMON_WORK_RECORDER_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/train/trainer.h"
#include "daemon/store/jobs.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORDER_INTERVAL_MS = 1000,
    RECORDER_PATIENCE_MS = 60 * 1000,
    RECORDER_MAX_PENDING = 200000 /* points and events that may wait while the disk refuses */
};

struct recorder {
    struct db *db;
    struct job_lease lease;
    const char *job_id;
    struct train_progress progress; /* the latest */
    struct train_point *points;     /* not written yet */
    size_t point_count, point_capacity;
    struct arena *event_arena; /* owns the texts of the events */
    struct event_new *events;  /* not written yet */
    size_t event_count, event_capacity;
    int64_t tried_at_ms;      /* of the monotonic clock */
    int64_t refused_since_ms; /* 0: the last write succeeded */
    bool full;                /* the last write was refused because the disk is full */
    bool lost;                /* the job is somebody else's now */
    struct err failure;       /* why it is broken, when it is not lost */
    atomic_bool broken;       /* lost or given up: the run must end */
};

void recorder_init(struct recorder *recorder, struct db *db, struct job_lease lease,
                   const char *job_id);
void recorder_fini(struct recorder *recorder);

void recorder_add_point(struct recorder *recorder, const struct train_point *point);

/* Written at once, with all that waits. */
void recorder_add_event(struct recorder *recorder, const struct event_new *event);

/* Write what waits when the interval is over; cheap otherwise. */
void recorder_tick(struct recorder *recorder);

/* Write everything now. ERR_CONFLICT when the job is lost. */
int recorder_flush(struct recorder *recorder, struct err *err);

/* From any thread: has the recorder lost the job or given up? */
bool recorder_is_broken(const struct recorder *recorder);

/* The progress as the store wants it, with the peak memory of now. */
struct job_progress_row recorder_progress(const struct recorder *recorder);

#endif
