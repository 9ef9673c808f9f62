/* Waiting in short pieces, each of which ends when the run shall; see room.h. */
#include "daemon/work/room.h"

#include "core/base/machine.h"
#include "daemon/log.h"
#include "daemon/work/trainer.h"

#include <stdint.h>

enum {
    ROOM_LOOK_MS = 250,
    ROOM_FIRST_MS = 1000, /* the least between two tries */
    ROOM_RETRY_MS = 10000 /* the most */
};

static const char sentence_full[] =
    "The disk is full: the job waits and goes on by itself when there is room.";
static const char sentence_read_only[] =
    "The disk cannot be written: the job waits and goes on by itself when it can.";

static struct machine_disk
look(const struct room *room)
{
    struct err noted;
    struct machine_disk disk = {0};
    machine_disk(room->folder, &disk, &noted); /* a disk that cannot be asked has no room */
    return disk;
}

static bool
shall_end(const struct room *room)
{
    return atomic_load(room->stop) != TRAINER_GO_ON || recorder_is_broken(room->recorder) ||
           scheduler_is_stopped(room->scheduler);
}

static void
say_that_it_waits(struct room *room, const struct err *why)
{
    struct event_new event = {
        .kind = EVENT_DISK_FULL,
        .level = EVENT_WARN,
        .message = look(room).read_only ? sentence_read_only : sentence_full,
    };
    if (room->waiting)
        return;
    room->waiting = true;
    log_warn("wait job=%s reason=disk_full error=\"%s\"", room->recorder->job_id, why->message);
    recorder_add_event(room->recorder, &event);
}

bool
room_wait(struct room *room, const struct err *why)
{
    int64_t before = look(room).free_bytes;
    if (shall_end(room))
        return false;
    say_that_it_waits(room, why);
    for (int64_t waited = 0; waited < ROOM_RETRY_MS; waited += ROOM_LOOK_MS) {
        if (waited >= ROOM_FIRST_MS && look(room).free_bytes > before)
            return true;
        recorder_tick(room->recorder); /* the event may still wait, too */
        if (shall_end(room) || !scheduler_pause(room->scheduler, ROOM_LOOK_MS))
            return false;
    }
    return !shall_end(room);
}

void
room_found(struct room *room)
{
    if (room->waiting)
        log_info("go_on job=%s reason=room", room->recorder->job_id);
    room->waiting = false;
}

int
room_try(struct room *room, room_function *function, void *context, struct err *err)
{
    int code;
    while ((code = function(context, err)) == ERR_FULL)
        if (!room_wait(room, err))
            return err_set(err, ERR_STOPPED, "the run was stopped while it waited for room");
    if (code == 0)
        room_found(room);
    return code;
}
