/*
 * Those who wait for news of a job: suspended requests and streams, without a thread each.
 *
 * A waiter is registered once and then looks, sleeps, looks again. What happens between looking and
 * sleeping is not lost: waiters_look marks the moment before it looks, and waiters_sleep wakes it
 * at once when something was told since. It is woken by a change of what it waits for, when its
 * time has come, when its client has closed the connection (the library does not notice that while
 * a connection is suspended), and when the server stops. Nothing here knows the HTTP library.
 */
#ifndef API_WAITERS_H
#define API_WAITERS_H

#include "daemon/service.h"

#include <stdbool.h>
#include <stdint.h>

struct waiter {
    /* set by its owner before waiters_add */
    int64_t key;                         /* of the job */
    bool queue;                          /* does its place in the queue matter, too? */
    int fd;                              /* of its connection */
    void (*wake)(struct waiter *waiter); /* called with the registry's lock held, once a sleep */

    /* the registry's own */
    struct waiter *previous, *next;
    int64_t due_ms;
    bool told, asleep;
};

struct waiters;

struct waiters *waiters_new(void);

/* None may be left; NULL is fine. */
void waiters_free(struct waiters *waiters);

void waiters_add(struct waiters *waiters, struct waiter *waiter);
void waiters_remove(struct waiters *waiters, struct waiter *waiter);

/* From now on changes count: call it before reading what it waits for. */
void waiters_look(struct waiters *waiters, struct waiter *waiter);

/* Sleep until woken, at due_ms (of conns_now_ms) at the latest: wake may be called before this
 * returns. */
void waiters_sleep(struct waiters *waiters, struct waiter *waiter, int64_t due_ms);

/* A listener of service_on_change; context is the registry. */
void waiters_tell(void *context, const struct service_change *change);

/* Wake those whose time has come or whose client has gone; called a few times a second. */
void waiters_tick(struct waiters *waiters, int64_t now_ms);

/* Wake all; from now on nobody sleeps. */
void waiters_stop(struct waiters *waiters);
bool waiters_are_stopping(struct waiters *waiters);

/* Has the client closed its end? */
bool waiters_client_has_gone(const struct waiter *waiter);

#endif
