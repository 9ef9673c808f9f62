/*
 * Who is told when something of a job changed.
 *
 * Every connection of a pool notes, while it writes, which jobs it touches (db_note_change, and
 * whatever changes a row of jobs), and tells when the transaction is committed: what a listener
 * then reads is there. It only wakes those who wait; the tables are the truth. Thread-safe.
 */
#ifndef DAEMON_STORE_CHANGES_H
#define DAEMON_STORE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct change {
    int64_t job_seq; /* 0: of any job */
    bool queue;      /* places in the queue may have moved */
};

/* Called on the thread that committed, which waits: it must be quick and write nothing. */
typedef void changes_listener(void *context, const struct change *change);

struct changes;

struct changes *changes_new(void);
void changes_free(struct changes *changes);

/* From now on tell this one, NULL: nobody. When it returns the former listener is not called any
 * more. */
void changes_listen(struct changes *changes, changes_listener *listener, void *context);

void changes_tell(struct changes *changes, const struct change *items, size_t count);

#endif
