/*
 * Events of jobs: few, for people, never lost, never changed.
 *
 * An event that goes with a change of state is written in the same transaction (jobs.h takes it as
 * an argument); others are appended here.
 */
#ifndef DAEMON_STORE_EVENTS_H
#define DAEMON_STORE_EVENTS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/db.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What kind of event it is, for programs: the names (events.c) are part of the API and never
 * change, while sentences may. Each kind is produced by some test (tests/e2e/test_event_kinds.sh).
 */
enum event_kind {
    EVENT_UNNAMED, /* of a program before kinds had names */

    /* of a job that waits */
    EVENT_CREATED,
    EVENT_CHOICES, /* what was chosen for the user */
    EVENT_WAITS,   /* why it does not start */
    EVENT_PRIORITY_CHANGED,

    /* of states */
    EVENT_STARTED,
    EVENT_PAUSING,
    EVENT_PAUSED,
    EVENT_RESUMED,
    EVENT_RETRIED,
    EVENT_STOPPED,     /* and back in the queue: with the daemon, mostly */
    EVENT_INTERRUPTED, /* by the daemon's end */
    EVENT_CRASHED,     /* the daemon, while it worked on the job */
    EVENT_SUCCEEDED,
    EVENT_FAILED,
    EVENT_CANCELLED,

    /* of a job that runs */
    EVENT_CONTINUES, /* from a saved state */
    EVENT_RESTARTS,  /* from its beginning, though not for the first time */
    EVENT_CHECKPOINT,
    EVENT_NOTE, /* of training */
    EVENT_WARNING,
    EVENT_RATE_HALVED,
    EVENT_DISK_FULL, /* it waits for room */
    EVENT_STATE_NOT_SAVED,
    EVENT_STATE_DAMAGED,
    EVENT_KIND_COUNT
};

enum event_level { EVENT_INFO, EVENT_WARN, EVENT_ERROR, EVENT_LEVEL_COUNT };
enum event_type { EVENT_MESSAGE, EVENT_METRICS, EVENT_TYPE_COUNT };

struct event_new {
    enum event_kind kind;
    enum event_level level;
    enum event_type type;
    const char *message;
    const char *data_json; /* an object, or NULL */
};

struct event_row {
    int64_t seq;
    const char *id; /* "ftevent-…" */
    int64_t created_at;
    const char *level; /* "info", "warn", "error" */
    const char *message;
    const char *type; /* "message", "metrics" */
    const char *data_json;
    const char *code; /* the name of its kind; NULL: unnamed */
};

struct event_rows {
    struct event_row *items;
    size_t count;
    bool has_more;
};

int events_append(struct db *db, int64_t job_seq, const struct event_new *event, struct err *err);

/* ERR_NOT_FOUND when query->after names no event of this job. An unknown job has no events. */
int events_page(struct db *db, int64_t job_seq, const struct list_query *query, struct arena *arena,
                struct event_rows *out, struct err *err);

/* Those with a greater seq, oldest first. */
int events_after(struct db *db, const struct rows_after *after, struct arena *arena,
                 struct event_rows *out, struct err *err);

#endif
