/*
 * Waiting for room: what a running job does while the disk is full.
 *
 * Whatever the job has to write goes through room_try. When the disk has no room (or has become
 * read-only) the job computes nothing, says so in one event, and tries again when there is more
 * room than there was, and every few seconds anyway: a quota cannot be seen in advance. It stays
 * `running`, so that a client can cancel or pause it; that and the daemon's end also end the
 * waiting, and the job then goes on from its newest resume state. Belongs to the thread of the job.
 */
#ifndef DAEMON_WORK_ROOM_H
#define DAEMON_WORK_ROOM_H

#include "core/base/err.h"
#include "daemon/work/recorder.h"
#include "daemon/work/scheduler.h"

#include <stdatomic.h>
#include <stdbool.h>

/* All borrowed. */
struct room {
    const char *folder; /* of the data */
    struct recorder *recorder;
    struct scheduler *scheduler;
    const atomic_int *stop; /* enum trainer_stop */
    bool waiting;           /* and has said so */
};

/* What is tried; it must leave nothing behind when it fails, for it is called again. */
typedef int room_function(void *context, struct err *err);

/*
 * Do it until the answer is another than ERR_FULL, and return that; ERR_STOPPED when the run shall
 * end before there is room.
 */
int room_try(struct room *room, room_function *function, void *context, struct err *err);

/* One wait after an ERR_FULL, `why`. true: try again; false: the run shall end. */
bool room_wait(struct room *room, const struct err *why);

/* It could be written; the next full disk is a new event. */
void room_found(struct room *room);

#endif
