/*
 * The scheduler wakes sleepers: workers that wait for something to do.
 *
 * It holds no queue. The jobs table is the truth; a wake-up says no more than "look again". A
 * worker notes the generation, looks, and sleeps only while the generation is still the one that it
 * noted, so a job that arrives between the look and the sleep is never missed.
 */
#ifndef DAEMON_WORK_SCHEDULER_H
#define DAEMON_WORK_SCHEDULER_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct scheduler;

int scheduler_new(struct scheduler **out, struct err *err);

/* Nobody may wait any longer; NULL is fine. */
void scheduler_free(struct scheduler *scheduler);

/* To be noted before looking for work. */
uint64_t scheduler_generation(struct scheduler *scheduler);

/* Something changed: every sleeper looks again. */
void scheduler_wake(struct scheduler *scheduler);

/* Sleep until the generation differs from the one noted; false at once and for ever after
 * scheduler_stop. */
bool scheduler_wait(struct scheduler *scheduler, uint64_t generation);

/* The same, but no longer than so many milliseconds. */
bool scheduler_wait_for(struct scheduler *scheduler, uint64_t generation, int64_t milliseconds);

/* Sleep for a while before trying again what failed; false at once and for ever after
 * scheduler_stop. */
bool scheduler_pause(struct scheduler *scheduler, int64_t milliseconds);

/* No sleep any more: waiting and future calls of scheduler_wait and scheduler_pause return false.
 */
void scheduler_stop(struct scheduler *scheduler);

/* Has scheduler_stop been called? */
bool scheduler_is_stopped(struct scheduler *scheduler);

#endif
