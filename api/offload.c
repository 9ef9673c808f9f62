/* Threads beside the HTTP threads; see offload.h. */
#include "api/offload.h"

#include "core/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct offload {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* a task was queued, or the threads shall end */
    pthread_cond_t done; /* the last reserved task has run */
    struct offload_task *first;
    struct offload_task **end; /* where the next task is linked */
    size_t reserved;           /* reserved, queued or running */
    bool draining;
    bool ending;
    pthread_t *threads;
    size_t thread_count;
};

/* The next task, taken from the queue; NULL when the threads shall end. Called with the mutex held.
 */
static struct offload_task *
wait_for_task(struct offload *offload)
{
    while (offload->first == NULL && !offload->ending)
        pthread_cond_wait(&offload->work, &offload->mutex);
    struct offload_task *task = offload->first;
    if (task == NULL)
        return NULL;
    offload->first = task->next;
    if (offload->first == NULL)
        offload->end = &offload->first;
    return task;
}

static void *
work(void *context)
{
    struct offload *offload = context;
    pthread_mutex_lock(&offload->mutex);
    for (struct offload_task *task = NULL; (task = wait_for_task(offload)) != NULL;) {
        pthread_mutex_unlock(&offload->mutex);
        task->run(task);
        pthread_mutex_lock(&offload->mutex);
        if (--offload->reserved == 0)
            pthread_cond_broadcast(&offload->done);
    }
    pthread_mutex_unlock(&offload->mutex);
    return NULL;
}

struct offload *
offload_new(size_t threads, struct err *err)
{
    struct offload *offload = mem_small(sizeof *offload);
    *offload = (struct offload){.end = NULL};
    offload->end = &offload->first;
    offload->threads = mem_resize(NULL, threads, sizeof *offload->threads);
    pthread_mutex_init(&offload->mutex, NULL);
    pthread_cond_init(&offload->work, NULL);
    pthread_cond_init(&offload->done, NULL);
    while (offload->thread_count < threads) {
        errno = pthread_create(&offload->threads[offload->thread_count], NULL, work, offload);
        if (errno != 0) {
            err_set_errno(err, "start a thread for slow requests");
            offload_free(offload);
            return NULL;
        }
        offload->thread_count++;
    }
    return offload;
}

bool
offload_reserve(struct offload *offload)
{
    pthread_mutex_lock(&offload->mutex);
    bool open = !offload->draining;
    if (open)
        offload->reserved++;
    pthread_mutex_unlock(&offload->mutex);
    return open;
}

void
offload_submit(struct offload *offload, struct offload_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&offload->mutex);
    *offload->end = task;
    offload->end = &task->next;
    pthread_cond_signal(&offload->work);
    pthread_mutex_unlock(&offload->mutex);
}

void
offload_drain(struct offload *offload)
{
    pthread_mutex_lock(&offload->mutex);
    offload->draining = true;
    while (offload->reserved > 0)
        pthread_cond_wait(&offload->done, &offload->mutex);
    pthread_mutex_unlock(&offload->mutex);
}

void
offload_free(struct offload *offload)
{
    if (offload == NULL)
        return;
    pthread_mutex_lock(&offload->mutex);
    offload->ending = true;
    pthread_cond_broadcast(&offload->work);
    pthread_mutex_unlock(&offload->mutex);
    for (size_t i = 0; i < offload->thread_count; i++)
        pthread_join(offload->threads[i], NULL);
    pthread_cond_destroy(&offload->done);
    pthread_cond_destroy(&offload->work);
    pthread_mutex_destroy(&offload->mutex);
    free(offload->threads);
    free(offload);
}
