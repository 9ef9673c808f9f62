/*
 * What waits for the predictor thread, and how a pass over a model is composed of it.
 *
 * A pass takes rows of everybody who wants the same of the same model: each request gives its share
 * of PREDICTOR_PASS_TOKENS first, then those with more rows fill up what is left. So a single text
 * that comes while thousands are computed waits for one pass, and texts that come together are
 * computed together. Requests with rows left go to the end of the queue, so models take turns.
 *
 * Not thread-safe: the owner's lock guards a queue and the linking of its requests.
 */
#ifndef DAEMON_WORK_PREDICTOR_QUEUE_H
#define DAEMON_WORK_PREDICTOR_QUEUE_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/predict.h"
#include "core/text/tokenizer.h"
#include "daemon/work/predictor_thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    PREDICTOR_PASS_TOKENS = 512, /* about: lengths are guessed from bytes */
    PREDICTOR_PASS_ROWS = 256
};

/* Lives on the stack of its caller, who sleeps until `done`. */
struct prediction_request {
    struct prediction_request *next;
    const char *folder;
    enum predict_output output;
    const struct text *texts;
    const struct text_words *given; /* NULL, or (count) */
    size_t count;
    size_t taken; /* texts that passes have computed or are computing */
    struct arena *arena;
    struct prediction *out;
    bool begun;                    /* a pass has: what follows is in arena */
    float *values;                 /* (count, width) */
    struct predicted_words *words; /* (count), or NULL */
    struct err *err;
    int code;             /* not 0: failed, and what its next passes would compute is not wanted */
    bool done;            /* under the owner's lock */
    pthread_cond_t ended; /* done has become true */
};

struct predictor_queue {
    struct prediction_request *first;
    struct prediction_request **last;
};

/* Texts from..from+count of a request. */
struct pass_part {
    struct prediction_request *request;
    size_t from, count;
    size_t tokens; /* guessed */
};

/* Rows of one model that are computed together. */
struct prediction_pass {
    const char *folder;
    enum predict_output output;
    struct pass_part parts[PREDICTOR_QUEUE_MAX];
    size_t part_count;
    size_t rows;
    size_t tokens; /* guessed */
};

void predictor_queue_init(struct predictor_queue *queue);

/* Append. At most PREDICTOR_QUEUE_MAX may be in the queue and in a pass together. */
void predictor_queue_add(struct predictor_queue *queue, struct prediction_request *request);

/*
 * Compose a pass for the model of the first request; false when nobody waits. Requests with rows in
 * it leave the queue, these rows counted as taken: add back those that are not complete afterwards.
 */
bool predictor_queue_take(struct predictor_queue *queue, struct prediction_pass *pass);

#endif
