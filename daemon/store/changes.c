/* One listener under a lock; see changes.h. */
#include "daemon/store/changes.h"

#include "core/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct changes {
    pthread_mutex_t lock;
    changes_listener *listener;
    void *context;
};

struct changes *
changes_new(void)
{
    struct changes *changes = mem_small(sizeof *changes);
    *changes = (struct changes){.listener = NULL};
    pthread_mutex_init(&changes->lock, NULL);
    return changes;
}

void
changes_free(struct changes *changes)
{
    if (changes == NULL)
        return;
    pthread_mutex_destroy(&changes->lock);
    free(changes);
}

void
changes_listen(struct changes *changes, changes_listener *listener, void *context)
{
    pthread_mutex_lock(&changes->lock);
    changes->listener = listener;
    changes->context = context;
    pthread_mutex_unlock(&changes->lock);
}

void
changes_tell(struct changes *changes, const struct change *items, size_t count)
{
    pthread_mutex_lock(&changes->lock);
    for (size_t i = 0; i < count && changes->listener != NULL; i++)
        changes->listener(changes->context, &items[i]);
    pthread_mutex_unlock(&changes->lock);
}
