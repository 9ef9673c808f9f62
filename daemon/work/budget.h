/*
 * The budget: threads of a job, and which job fits into the memory and onto the disk.
 *
 * A job is judged twice by the same figures: when it is created (one that could never fit is
 * refused) and when it is its turn (one that does not fit now waits). What runs is counted by its
 * estimate, not by what it holds at the moment, because it has not yet reached its peak.
 *
 * No starvation. Jobs stand in line by priority and age. One that does not fit may be overtaken by
 * jobs behind it (which have the same or a lower priority) BUDGET_OVERTAKEN_MAX times; then nothing
 * behind it starts until it has started. It holds the others back only where that helps: while jobs
 * run whose end will make room for it. A job that does not fit even alone (other programs have
 * taken the memory) waits without being in anybody's way.
 */
#ifndef DAEMON_WORK_BUDGET_H
#define DAEMON_WORK_BUDGET_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/jobs_claim.h"

#include <stddef.h>
#include <stdint.h>

enum { BUDGET_OVERTAKEN_MAX = 8 };

struct budget {
    const char *folder;             /* of the data */
    _Atomic int64_t min_free_bytes; /* of the disk, below which nothing is started; may change */
    int64_t process_bytes;          /* of this process before any job: part of every estimate */
};

/* What there is, measured now. */
struct budget_room {
    int64_t memory_total, memory_free; /* free: for this process as a whole */
    int64_t disk_total, disk_free;
};

/* Threads of a job that does not say: its share of `threads` (0: all of the machine), at least 1.
 */
size_t budget_threads(size_t threads, size_t workers);

/* ERR_IO when the disk cannot be asked. */
int budget_measure(const struct budget *budget, struct budget_room *out, struct err *err);

/*
 * Could a job of these estimates ever run here, alone? NULL, or a sentence with the figures. < 0
 * means not known, and fits.
 */
const char *budget_refusal(const struct budget *budget, const struct budget_room *room,
                           const struct claim_candidate *candidate, struct arena *arena);

/* Is the disk so full that nothing may be started or stored? */
bool budget_is_disk_low(const struct budget *budget, const struct budget_room *room);

struct budget_look {
    const struct budget *budget;
    struct budget_room room;
};

/* A claim_judge; context is a struct budget_look. */
enum claim_verdict budget_judge(void *context, const struct claim_load *load,
                                const struct claim_candidate *candidate, struct arena *arena,
                                struct claim_wait *wait);

/* "1.5 GB": bytes for people. */
const char *budget_size(int64_t bytes, struct arena *arena);

#endif
