/*
 * The predictor thread: classifies texts for whoever waits, one request after the other.
 *
 * Callers put a request into a queue of at most PREDICTOR_QUEUE_MAX and sleep until it is answered.
 * The models used last stay loaded, at most PREDICTOR_RESIDENT_MAX of them. Requests are computed
 * in slices, so that a stop need not wait for a long one. The thread has its own pool of one
 * thread: it runs beside a training job and must not take its cores.
 */
#ifndef DAEMON_WORK_PREDICTOR_THREAD_H
#define DAEMON_WORK_PREDICTOR_THREAD_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/gemm/gemm.h"
#include "core/text/tokenizer.h"

#include <stddef.h>

enum {
    PREDICTOR_RESIDENT_MAX = 2,
    PREDICTOR_QUEUE_MAX = 64,
    PREDICTOR_SLICE = 32 /* texts computed between two looks at the stop flag */
};

struct predictor_thread;

struct prediction {
    const char *const *labels; /* id order */
    size_t label_count;
    const float *probabilities; /* (texts, labels) */
    size_t tokens;
};

int predictor_thread_start(const struct gemm_engine *engine, struct predictor_thread **out,
                           struct err *err);

/*
 * Classify texts (valid UTF-8) with the model in folder; blocks until done. Results live in arena,
 * which the thread uses while the caller waits. ERR_UNSUPPORTED when the folder is a base model;
 * ERR_CONFLICT when the queue is full; ERR_STOPPED when the thread stops; ERR_NOT_FOUND, ERR_IO,
 * ERR_INVALID when the folder does not load.
 */
int predictor_thread_run(struct predictor_thread *thread, const char *folder,
                         const struct text *texts, size_t count, struct arena *arena,
                         struct prediction *out, struct err *err);

/* The folder is about to go: do not keep its model loaded. Does not wait. */
void predictor_thread_forget(struct predictor_thread *thread, const char *folder);

/*
 * Answer what waits with ERR_STOPPED and end the thread; later callers are answered so at once.
 * Returns when the thread is joined. Again: nothing. One caller at a time.
 */
void predictor_thread_stop(struct predictor_thread *thread);

/* predictor_thread_stop and release: nobody may call any more. NULL is fine. */
void predictor_thread_free(struct predictor_thread *thread);

#endif
