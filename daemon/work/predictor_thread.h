/*
 * The predictor thread: uses models on texts for whoever waits, those that wait together in one
 * pass.
 *
 * Callers put a request into a queue of at most PREDICTOR_QUEUE_MAX and sleep until it is answered.
 * The models used last stay loaded. A pass takes rows of all requests that want the same of one
 * model, and is small: between two passes the thread looks at what has come and at the stop
 * (predictor_queue.h).
 *
 * A pass uses a pool of compute threads, unless a job wants the processors, too. The threads keep
 * the nice value of whoever starts them.
 */
#ifndef DAEMON_WORK_PREDICTOR_THREAD_H
#define DAEMON_WORK_PREDICTOR_THREAD_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/gemm/gemm.h"
#include "core/predict.h"
#include "core/text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

enum { PREDICTOR_QUEUE_MAX = 64 };

struct predictor_thread;

struct predictor_options {
    const struct gemm_engine *engine;
    size_t threads; /* most that compute a pass, the predictor thread counted; at least 1 */
    /* NULL, or asked before each pass: does a job compute now? Then the thread computes alone. */
    bool (*is_shared)(void *context);
    void *context;
};

/* What to use, and on what. */
struct predictor_job {
    const char *folder;
    enum predict_output output;
    const struct text *texts;       /* of valid UTF-8 */
    size_t count;                   /* at least 1 */
    const struct text_words *given; /* as predictor_call has it; NULL: none are given */
};

struct prediction {
    enum task task;            /* TASK_AUTO of a base model */
    const char *target;        /* what the labels are of */
    const char *const *labels; /* id order; none of a base model */
    size_t label_count;
    const float *thresholds; /* (labels): from which on a label of multi_label counts; else NULL */
    const float *values;     /* (texts, width) */
    size_t width;
    const struct predicted_words *words; /* (texts) with PREDICT_WORDS */
    size_t tokens;                       /* that the model saw of all texts */
};

/* ERR_INVALID for a wrong number of threads, ERR_IO or ERR_MEMORY when they cannot be started. */
int predictor_thread_start(const struct predictor_options *options, struct predictor_thread **out,
                           struct err *err);

/*
 * Use a model on texts; blocks until done. Results live in arena, which the thread uses while the
 * caller waits. ERR_UNSUPPORTED when the folder is a base model and scores are wanted, or has no
 * weights; ERR_INVALID when the model's head is of another kind; ERR_CONFLICT when the queue is
 * full; ERR_STOPPED when the thread stops; ERR_NOT_FOUND, ERR_IO, ERR_INVALID when the folder does
 * not load; ERR_INVALID ("input 3: ...") when the model does not take such a text.
 */
int predictor_thread_run(struct predictor_thread *thread, const struct predictor_job *job,
                         struct arena *arena, struct prediction *out, struct err *err);

/* The folder is about to go: do not keep its model loaded, nor those of folders in it. Does not
 * wait. */
void predictor_thread_forget(struct predictor_thread *thread, const char *folder);

/*
 * Answer what waits with ERR_STOPPED and end the thread; later callers are answered so at once.
 * Returns when the thread is joined. Again: nothing. One caller at a time.
 */
void predictor_thread_stop(struct predictor_thread *thread);

/* predictor_thread_stop and release: nobody may call any more. NULL is fine. */
void predictor_thread_free(struct predictor_thread *thread);

#endif
