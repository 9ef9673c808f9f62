/* The registry of those who wait; see waiters.h. */
#include "api/waiters.h"

#include "core/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

/* How often closed connections are looked for. */
enum { GONE_INTERVAL_MS = 1000 };

struct waiters {
    pthread_mutex_t lock;
    struct waiter *first;
    int64_t looked_ms; /* when closed connections were looked for */
    bool stopping;
};

struct waiters *
waiters_new(void)
{
    struct waiters *waiters = mem_small(sizeof *waiters);
    *waiters = (struct waiters){.first = NULL};
    pthread_mutex_init(&waiters->lock, NULL);
    return waiters;
}

void
waiters_free(struct waiters *waiters)
{
    if (waiters == NULL)
        return;
    pthread_mutex_destroy(&waiters->lock);
    free(waiters);
}

void
waiters_add(struct waiters *waiters, struct waiter *waiter)
{
    waiter->asleep = false;
    waiter->told = false;
    waiter->previous = NULL;
    pthread_mutex_lock(&waiters->lock);
    waiter->next = waiters->first;
    if (waiters->first != NULL)
        waiters->first->previous = waiter;
    waiters->first = waiter;
    pthread_mutex_unlock(&waiters->lock);
}

void
waiters_remove(struct waiters *waiters, struct waiter *waiter)
{
    pthread_mutex_lock(&waiters->lock);
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        waiters->first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    pthread_mutex_unlock(&waiters->lock);
}

void
waiters_look(struct waiters *waiters, struct waiter *waiter)
{
    pthread_mutex_lock(&waiters->lock);
    waiter->told = false;
    pthread_mutex_unlock(&waiters->lock);
}

/* Called with the lock held. */
static void
tell(struct waiter *waiter)
{
    waiter->told = true;
    if (!waiter->asleep)
        return;
    waiter->asleep = false;
    waiter->wake(waiter);
}

void
waiters_sleep(struct waiters *waiters, struct waiter *waiter, int64_t due_ms)
{
    pthread_mutex_lock(&waiters->lock);
    waiter->due_ms = due_ms;
    waiter->asleep = true;
    if (waiter->told || waiters->stopping)
        tell(waiter);
    pthread_mutex_unlock(&waiters->lock);
}

void
waiters_tell(void *context, const struct service_change *change)
{
    struct waiters *waiters = context;
    pthread_mutex_lock(&waiters->lock);
    for (struct waiter *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
        if (change->key == 0 || change->key == waiter->key || (change->queue && waiter->queue))
            tell(waiter);
    pthread_mutex_unlock(&waiters->lock);
}

bool
waiters_client_has_gone(const struct waiter *waiter)
{
    char ignored;
    return recv(waiter->fd, &ignored, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void
waiters_tick(struct waiters *waiters, int64_t now_ms)
{
    pthread_mutex_lock(&waiters->lock);
    bool look = now_ms - waiters->looked_ms >= GONE_INTERVAL_MS;
    if (look)
        waiters->looked_ms = now_ms;
    for (struct waiter *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
        if (waiter->asleep &&
            (now_ms >= waiter->due_ms || (look && waiters_client_has_gone(waiter))))
            tell(waiter);
    pthread_mutex_unlock(&waiters->lock);
}

void
waiters_stop(struct waiters *waiters)
{
    pthread_mutex_lock(&waiters->lock);
    waiters->stopping = true;
    for (struct waiter *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
        tell(waiter);
    pthread_mutex_unlock(&waiters->lock);
}

bool
waiters_are_stopping(struct waiters *waiters)
{
    pthread_mutex_lock(&waiters->lock);
    bool stopping = waiters->stopping;
    pthread_mutex_unlock(&waiters->lock);
    return stopping;
}
