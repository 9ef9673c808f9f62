/*
 * A queue, a thread, and a few loaded models in order of their last use.
 *
 * Requests live on the stacks of their callers, who sleep until `done`. The loaded models belong to
 * the thread alone; what others want of them (forget a folder) goes through the list of forgotten
 * names under the lock.
 */
#include "daemon/work/predictor_thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/pool.h"
#include "core/predict.h"

struct request {
    struct request *next;
    const char *folder;
    const struct text *texts;
    size_t count;
    struct arena *arena;
    struct prediction *out;
    struct err *err;
    int code;
    bool done; /* under lock */
};

struct forgotten {
    struct forgotten *next;
    char folder[];
};

/* A loaded model; predictor NULL: a free place. */
struct resident {
    char *folder;
    struct predictor *predictor;
};

struct predictor_thread {
    const struct gemm_engine *engine;
    struct pool *pool;
    pthread_t thread;
    bool joined;                                       /* of whoever stops */
    struct resident residents[PREDICTOR_RESIDENT_MAX]; /* of the thread; the last used first */
    atomic_bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t arrived;  /* a request, a forgotten folder or the stop */
    pthread_cond_t answered; /* some request is done */
    struct request *first;   /* under lock, as all below */
    struct request **last;
    size_t waiting;
    struct forgotten *forgotten;
};

static void
unload(struct resident *resident)
{
    predictor_free(resident->predictor);
    free(resident->folder);
    *resident = (struct resident){0};
}

/* Move place `index` to the front. */
static void
touch(struct predictor_thread *thread, size_t index)
{
    struct resident used = thread->residents[index];
    memmove(&thread->residents[1], &thread->residents[0], index * sizeof used);
    thread->residents[0] = used;
}

static char *
copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(mem_small(size), text, size);
}

/* The model of a folder, loaded when it is not yet; the one used longest ago makes room first. */
static int
load(struct predictor_thread *thread, const char *folder, struct predictor **out, struct err *err)
{
    for (size_t i = 0; i < PREDICTOR_RESIDENT_MAX; i++) {
        const struct resident *resident = &thread->residents[i];
        if (resident->predictor != NULL && strcmp(resident->folder, folder) == 0) {
            touch(thread, i);
            *out = thread->residents[0].predictor;
            return 0;
        }
    }
    struct resident *oldest = &thread->residents[PREDICTOR_RESIDENT_MAX - 1];
    unload(oldest);
    if (predictor_open(folder, thread->engine, &oldest->predictor, err) != 0) {
        oldest->predictor = NULL;
        return err->code;
    }
    oldest->folder = copy_text(folder);
    touch(thread, PREDICTOR_RESIDENT_MAX - 1);
    *out = thread->residents[0].predictor;
    return 0;
}

static const char *const *
copy_labels(const struct model_config *config, struct arena *arena)
{
    const char **labels = arena_array(arena, config->label_count, sizeof *labels);
    for (size_t i = 0; i < config->label_count; i++)
        labels[i] = arena_copy_string(arena, config->labels[i]);
    return labels;
}

/* Compute a request in slices. */
static int
answer(struct predictor_thread *thread, struct request *request, struct err *err)
{
    struct predictor *predictor = NULL;
    if (load(thread, request->folder, &predictor, err) != 0)
        return err->code;
    const struct model_config *config = predictor_config(predictor);
    size_t labels = config->label_count;
    float *rows = arena_array(request->arena, request->count, labels * sizeof *rows);
    struct prediction *out = request->out;
    *out = (struct prediction){
        .labels = copy_labels(config, request->arena),
        .label_count = labels,
        .probabilities = rows,
    };
    for (size_t i = 0; i < request->count; i += PREDICTOR_SLICE) {
        size_t left = request->count - i;
        size_t tokens = 0;
        if (atomic_load(&thread->stopping))
            return err_set(err, ERR_STOPPED, "the daemon is stopping");
        if (predictor_run(predictor, thread->pool, request->texts + i,
                          left < PREDICTOR_SLICE ? left : PREDICTOR_SLICE, rows + i * labels,
                          &tokens, err) != 0)
            return err->code;
        out->tokens += tokens;
    }
    return 0;
}

static void
drop_forgotten(struct predictor_thread *thread, struct forgotten *list)
{
    for (struct forgotten *item = list, *next; item != NULL; item = next) {
        next = item->next;
        for (size_t i = 0; i < PREDICTOR_RESIDENT_MAX; i++) {
            struct resident *resident = &thread->residents[i];
            if (resident->predictor != NULL && strcmp(resident->folder, item->folder) == 0)
                unload(resident);
        }
        free(item);
    }
}

/* Wait for something to do; what there is comes out of the lists. */
static void
take(struct predictor_thread *thread, struct request **request, struct forgotten **forgotten)
{
    pthread_mutex_lock(&thread->lock);
    while (thread->first == NULL && thread->forgotten == NULL && !atomic_load(&thread->stopping))
        pthread_cond_wait(&thread->arrived, &thread->lock);
    *forgotten = thread->forgotten;
    thread->forgotten = NULL;
    *request = thread->first;
    if (*request != NULL) {
        thread->first = (*request)->next;
        if (thread->first == NULL)
            thread->last = &thread->first;
        thread->waiting--;
    }
    pthread_mutex_unlock(&thread->lock);
}

/* After this the request's memory is its caller's again. */
static void
give_back(struct predictor_thread *thread, struct request *request, int code)
{
    pthread_mutex_lock(&thread->lock);
    request->code = code;
    request->done = true;
    pthread_cond_broadcast(&thread->answered);
    pthread_mutex_unlock(&thread->lock);
}

static void *
serve(void *context)
{
    struct predictor_thread *thread = context;
    for (;;) {
        struct request *request;
        struct forgotten *forgotten;
        take(thread, &request, &forgotten);
        drop_forgotten(thread, forgotten);
        if (request != NULL)
            give_back(thread, request, answer(thread, request, request->err));
        else if (atomic_load(&thread->stopping))
            break;
    }
    for (size_t i = 0; i < PREDICTOR_RESIDENT_MAX; i++)
        unload(&thread->residents[i]);
    return NULL;
}

static void
destroy(struct predictor_thread *thread)
{
    pthread_cond_destroy(&thread->answered);
    pthread_cond_destroy(&thread->arrived);
    pthread_mutex_destroy(&thread->lock);
    pool_free(thread->pool);
    free(thread);
}

int
predictor_thread_start(const struct gemm_engine *engine, struct predictor_thread **out,
                       struct err *err)
{
    struct pool *pool = pool_new(1, err);
    if (pool == NULL)
        return err->code;
    struct predictor_thread *thread = mem_small(sizeof *thread);
    *thread = (struct predictor_thread){.engine = engine, .pool = pool};
    thread->last = &thread->first;
    atomic_init(&thread->stopping, false);
    if (pthread_mutex_init(&thread->lock, NULL) != 0 ||
        pthread_cond_init(&thread->arrived, NULL) != 0 ||
        pthread_cond_init(&thread->answered, NULL) != 0)
        abort(); /* out of memory for a few bytes, as in mem.h */
    if (pthread_create(&thread->thread, NULL, serve, thread) != 0) {
        destroy(thread);
        return err_set(err, ERR_MEMORY, "the predictor thread could not be started");
    }
    *out = thread;
    return 0;
}

/* Put the request into the queue and sleep until it is answered. */
static int
queue_and_wait(struct predictor_thread *thread, struct request *request, struct err *err)
{
    int code = 0;
    pthread_mutex_lock(&thread->lock);
    if (atomic_load(&thread->stopping)) {
        code = err_set(err, ERR_STOPPED, "the daemon is stopping");
    } else if (thread->waiting == PREDICTOR_QUEUE_MAX) {
        code = err_set(err, ERR_CONFLICT, "%d requests are waiting already", PREDICTOR_QUEUE_MAX);
    } else {
        *thread->last = request;
        thread->last = &request->next;
        thread->waiting++;
        pthread_cond_signal(&thread->arrived);
        while (!request->done)
            pthread_cond_wait(&thread->answered, &thread->lock);
        code = request->code;
    }
    pthread_mutex_unlock(&thread->lock);
    return code;
}

int
predictor_thread_run(struct predictor_thread *thread, const char *folder, const struct text *texts,
                     size_t count, struct arena *arena, struct prediction *out, struct err *err)
{
    struct request request = {
        .folder = folder,
        .texts = texts,
        .count = count,
        .arena = arena,
        .out = out,
        .err = err,
    };
    return queue_and_wait(thread, &request, err);
}

void
predictor_thread_forget(struct predictor_thread *thread, const char *folder)
{
    size_t size = strlen(folder) + 1;
    struct forgotten *item = mem_small(sizeof *item + size);
    memcpy(item->folder, folder, size);
    pthread_mutex_lock(&thread->lock);
    item->next = thread->forgotten;
    thread->forgotten = item;
    pthread_cond_signal(&thread->arrived);
    pthread_mutex_unlock(&thread->lock);
}

void
predictor_thread_stop(struct predictor_thread *thread)
{
    if (thread->joined)
        return;
    pthread_mutex_lock(&thread->lock);
    atomic_store(&thread->stopping, true);
    pthread_cond_signal(&thread->arrived);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->thread, NULL);
    thread->joined = true;
}

void
predictor_thread_free(struct predictor_thread *thread)
{
    if (thread == NULL)
        return;
    predictor_thread_stop(thread);
    for (struct forgotten *item = thread->forgotten, *next; item != NULL; item = next) {
        next = item->next;
        free(item);
    }
    destroy(thread);
}
