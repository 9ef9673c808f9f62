/*
 * Taking jobs from the queue: in order, as far as they fit, unless the queue is paused.
 *
 * The order is priority first, then age. Whether a job fits is daemon/work/budget's to judge; this
 * module asks it for one job after the other, inside the transaction that gives one of them away,
 * and keeps what is remembered of those that were passed over: by how many they were overtaken, and
 * what they were told to wait for, so that each reason becomes one event and not one a second.
 */
#ifndef DAEMON_STORE_JOBS_CLAIM_H
#define DAEMON_STORE_JOBS_CLAIM_H

#include "daemon/store/jobs.h"

/* How many jobs of the queue are asked about in one look. */
enum { JOBS_CLAIM_WINDOW = 64 };

/* What the jobs that run now were estimated to need at their peaks, added up. */
struct claim_load {
    int64_t jobs;
    int64_t memory_bytes, disk_bytes;
};

struct claim_candidate {
    const char *id;
    int64_t memory_bytes, disk_bytes; /* < 0: not known */
    int64_t overtaken;                /* by how many jobs that stood behind it */
};

/* Why a job is not taken now. */
struct claim_wait {
    const char *reason;  /* one word for each kind, static: told once; NULL: nothing to tell */
    const char *message; /* of the event; in the arena */
};

enum claim_verdict {
    CLAIM_TAKE,
    CLAIM_PASS, /* it waits; others may go first */
    CLAIM_HOLD  /* it waits, and all behind it with it */
};

/* Must not touch the database; may fill *wait unless the verdict is CLAIM_TAKE. */
typedef enum claim_verdict claim_judge(void *context, const struct claim_load *load,
                                       const struct claim_candidate *candidate, struct arena *arena,
                                       struct claim_wait *wait);

struct job_claim {
    claim_judge *judge; /* NULL: every job fits */
    void *context;
    /* the answer */
    bool claimed;
    bool waits;         /* some job was passed over: look again, even if nothing happens */
    struct job_row job; /* when claimed; lease = {job.seq, job.attempt} */
};

/*
 * Take the first job that fits. It becomes RUNNING, attempt + 1, with an event. Nothing is claimed
 * while the queue is paused or empty. Any number of connections may try at once; a job is given to
 * one of them.
 */
int jobs_claim_next(struct db *db, struct arena *arena, struct job_claim *claim, struct err *err);

/* The queue itself. */
struct queue_row {
    int64_t paused_at; /* 0: it is not paused */
    int64_t queued, running, pausing, paused_jobs;
};

int queue_get(struct db *db, struct queue_row *out, struct err *err);

/* Pause or resume; again: nothing. Holds over restarts. */
int queue_set_paused(struct db *db, bool paused, struct err *err);

#endif
