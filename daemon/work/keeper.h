/*
 * The keeper: a thread that takes away what is over. Files and uploads that have expired, and what
 * retention says is too old.
 *
 * It makes a round at the start and then every so often; each is a few index searches (and one for
 * every job that is old, by rules for what hangs on jobs) when there is nothing to do, and short
 * transactions otherwise. What it removed stands in the log.
 */
#ifndef DAEMON_WORK_KEEPER_H
#define DAEMON_WORK_KEEPER_H

#include "core/base/err.h"
#include "daemon/store/retention.h"
#include "daemon/store/store.h"

#include <stdint.h>

enum { KEEPER_INTERVAL_MS = 10 * 60 * 1000 };

struct keeper_options {
    const struct store *store;
    struct retention_rules rules;
    int64_t interval_ms;  /* between rounds */
    int64_t (*now)(void); /* unix seconds; NULL: the clock's */
    /* As in struct retention; may be NULL. */
    void (*forget_model)(void *context, const char *folder);
    void *context;
};

struct keeper;

int keeper_start(const struct keeper_options *options, struct keeper **out, struct err *err);

/* Wait until so many rounds were made: for tests. Not together with keeper_stop. */
void keeper_wait_rounds(struct keeper *keeper, uint64_t rounds);

/* Other rules from the next round on. */
void keeper_set_rules(struct keeper *keeper, const struct retention_rules *rules);

/* End soon: not in the midst of a transaction, but between two. Does not wait. */
void keeper_stop(struct keeper *keeper);

/* Stop and wait for the thread; NULL is fine. */
void keeper_free(struct keeper *keeper);

#endif
