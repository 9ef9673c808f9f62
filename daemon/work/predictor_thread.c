/*
 * A queue, a thread, and a few loaded models; see predictor_thread.h.
 *
 * Requests live on the stacks of their callers, who sleep until `done`. The loaded models belong to
 * the thread alone; what others want of them (forget a folder) goes through the list of forgotten
 * names under the lock.
 */
#include "daemon/work/predictor_thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/pool.h"
#include "core/predict.h"
#include "daemon/work/predictor_queue.h"
#include "daemon/work/resident_models.h"

struct forgotten {
    struct forgotten *next;
    char folder[];
};

/* The texts of a pass and their results, side by side; of the thread. */
struct pass_rows {
    struct text texts[PREDICTOR_PASS_ROWS];
    struct text_words given[PREDICTOR_PASS_ROWS];
    uint32_t lengths[PREDICTOR_PASS_ROWS];
    struct predicted_words words[PREDICTOR_PASS_ROWS];
    float *values; /* (capacity) */
    size_t capacity;
};

struct predictor_thread {
    struct predictor_options options;
    struct pool *alone, *together; /* pools of one thread and of options.threads */
    pthread_t thread;
    bool joined;                   /* of whoever stops */
    struct resident_models models; /* of the thread, as are the next two */
    struct prediction_pass pass;
    struct pass_rows rows;
    atomic_bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t arrived;       /* a request, a forgotten folder or the stop */
    struct predictor_queue queue; /* under lock, as all below */
    size_t unanswered;            /* requests in the queue and in the pass */
    struct forgotten *forgotten;
};

/* ---- a pass ---------------------------------------------------------------------------------- */

static const char *const *
copy_labels(const struct model_config *config, struct arena *arena)
{
    const char **labels = arena_array(arena, config->label_count, sizeof *labels);
    for (size_t i = 0; i < config->label_count; i++)
        labels[i] = arena_copy_string(arena, config->labels[i]);
    return labels;
}

/* NULL where there are no labels that stand alone. */
static const float *
copy_thresholds(const struct model_config *config, struct arena *arena)
{
    if (config->task != TASK_MULTI_LABEL)
        return NULL;
    float *thresholds = arena_array(arena, config->label_count, sizeof *thresholds);
    for (size_t i = 0; i < config->label_count; i++)
        thresholds[i] = model_config_threshold(config, i);
    return thresholds;
}

/* What a request needs before its first rows are computed. */
static int
begin(const struct predictor *predictor, struct prediction_request *request)
{
    const struct model_config *config = predictor_config(predictor);
    const struct predictor_call call = {
        .output = request->output, .texts = request->texts, .count = request->count};
    if (request->begun)
        return 0;
    if (predictor_check(predictor, &call, request->err) != 0)
        return request->err->code;
    size_t width = predictor_width(predictor, request->output);
    request->begun = true;
    request->values = arena_array(request->arena, request->count, width * sizeof(float));
    if (request->output == PREDICT_WORDS)
        request->words = arena_array(request->arena, request->count, sizeof *request->words);
    *request->out = (struct prediction){
        .task = config->task,
        .target = arena_copy_string(request->arena, predictor_target(predictor)),
        .labels = copy_labels(config, request->arena),
        .label_count = config->label_count,
        .thresholds = copy_thresholds(config, request->arena),
        .values = request->values,
        .width = width,
        .words = request->words,
    };
    return 0;
}

/* Words that the caller of a request knows, beside its texts. */
static void
lay_out_given(const struct pass_part *part, struct text_words *out)
{
    for (size_t i = 0; i < part->count; i++)
        out[i] = part->request->given == NULL ? (struct text_words){0}
                                              : part->request->given[part->from + i];
}

/* Put the texts of the pass side by side, without those of requests that fail at once. */
static size_t
lay_out(struct predictor_thread *thread, const struct predictor *predictor)
{
    struct pass_rows *rows = &thread->rows;
    size_t count = 0;
    for (size_t i = 0; i < thread->pass.part_count; i++) {
        struct pass_part *part = &thread->pass.parts[i];
        part->request->code = begin(predictor, part->request);
        if (part->request->code != 0)
            continue;
        memcpy(&rows->texts[count], part->request->texts + part->from,
               part->count * sizeof *rows->texts);
        lay_out_given(part, &rows->given[count]);
        count += part->count;
    }
    return count;
}

static int
make_room(struct pass_rows *rows, size_t count, size_t width, struct err *err)
{
    size_t floats = count * width;
    if (floats <= rows->capacity)
        return 0;
    free(rows->values);
    rows->capacity = 0;
    rows->values = mem_array(floats, sizeof *rows->values);
    if (rows->values == NULL)
        return err_set(err, ERR_MEMORY, "%zu results do not fit into memory", floats);
    rows->capacity = floats;
    return 0;
}

/* A row's words, in the arena of the request. */
static struct predicted_words
copy_words(const struct predicted_words *words, struct arena *arena)
{
    struct predicted_words copy = {.count = words->count};
    copy.items = arena_array(arena, words->count, sizeof *copy.items);
    if (words->count > 0)
        memcpy(copy.items, words->items, words->count * sizeof *copy.items);
    return copy;
}

/* Give each request its results, in the order of lay_out. */
static void
hand_out(struct predictor_thread *thread, size_t width)
{
    const struct pass_rows *rows = &thread->rows;
    size_t row = 0;
    for (size_t i = 0; i < thread->pass.part_count; i++) {
        const struct pass_part *part = &thread->pass.parts[i];
        struct prediction_request *request = part->request;
        if (request->code != 0)
            continue;
        if (width > 0)
            memcpy(request->values + part->from * width, rows->values + row * width,
                   part->count * width * sizeof *rows->values);
        for (size_t r = 0; request->words != NULL && r < part->count; r++)
            request->words[part->from + r] = copy_words(&rows->words[row + r], request->arena);
        for (size_t end = row + part->count; row < end; row++)
            request->out->tokens += rows->lengths[row];
    }
}

/* What fails for all rows alike fails every request of the pass. */
static void
fail_pass(struct prediction_pass *pass, const struct err *err)
{
    for (size_t i = 0; i < pass->part_count; i++) {
        struct prediction_request *request = pass->parts[i].request;
        if (request->code == 0)
            *request->err = *err;
        request->code = request->err->code;
    }
}

static struct pool *
choose_pool(const struct predictor_thread *thread)
{
    const struct predictor_options *options = &thread->options;
    bool shared = options->is_shared != NULL && options->is_shared(options->context);
    return shared ? thread->alone : thread->together;
}

static int
compute(struct predictor_thread *thread, struct err *err)
{
    struct pass_rows *rows = &thread->rows;
    struct predictor *predictor = NULL;
    if (atomic_load(&thread->stopping))
        return err_set(err, ERR_STOPPED, "the daemon is stopping");
    if (resident_models_get(&thread->models, thread->pass.folder, &predictor, err) != 0)
        return err->code;
    size_t width = predictor_width(predictor, thread->pass.output);
    size_t count = lay_out(thread, predictor);
    if (count == 0)
        return 0;
    if (make_room(rows, count, width, err) != 0)
        return err->code;
    const struct predictor_call call = {.output = thread->pass.output,
                                        .texts = rows->texts,
                                        .count = count,
                                        .values = rows->values,
                                        .lengths = rows->lengths,
                                        .words = rows->words,
                                        .arena = arena_new(),
                                        .given = rows->given};
    int rc = predictor_run(predictor, choose_pool(thread), &call, err);
    if (rc == 0)
        hand_out(thread, width);
    arena_free(call.arena);
    return rc;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void
drop_forgotten(struct predictor_thread *thread, struct forgotten *list)
{
    for (struct forgotten *item = list, *next; item != NULL; item = next) {
        next = item->next;
        resident_models_drop(&thread->models, item->folder);
        free(item);
    }
}

/* Wait for something to do. True: there is a pass. */
static bool
take(struct predictor_thread *thread, struct forgotten **forgotten)
{
    pthread_mutex_lock(&thread->lock);
    while (thread->queue.first == NULL && thread->forgotten == NULL &&
           !atomic_load(&thread->stopping))
        pthread_cond_wait(&thread->arrived, &thread->lock);
    *forgotten = thread->forgotten;
    thread->forgotten = NULL;
    bool found = predictor_queue_take(&thread->queue, &thread->pass);
    pthread_mutex_unlock(&thread->lock);
    return found;
}

/* Requests that failed or are complete are their callers' again; the others go on waiting. */
static void
give_back(struct predictor_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    for (size_t i = 0; i < thread->pass.part_count; i++) {
        struct prediction_request *request = thread->pass.parts[i].request;
        if (request->code == 0 && request->taken < request->count) {
            predictor_queue_add(&thread->queue, request);
            continue;
        }
        thread->unanswered--;
        request->done = true;
        pthread_cond_signal(&request->ended);
    }
    pthread_mutex_unlock(&thread->lock);
}

static void *
serve(void *context)
{
    struct predictor_thread *thread = context;
    struct err err;
    for (;;) {
        struct forgotten *forgotten;
        bool found = take(thread, &forgotten);
        drop_forgotten(thread, forgotten);
        if (found) {
            if (compute(thread, &err) != 0)
                fail_pass(&thread->pass, &err);
            give_back(thread);
        } else if (atomic_load(&thread->stopping)) {
            break;
        }
    }
    resident_models_fini(&thread->models);
    return NULL;
}

static void
destroy(struct predictor_thread *thread)
{
    pthread_cond_destroy(&thread->arrived);
    pthread_mutex_destroy(&thread->lock);
    pool_free(thread->together);
    pool_free(thread->alone);
    free(thread->rows.values);
    free(thread);
}

int
predictor_thread_start(const struct predictor_options *options, struct predictor_thread **out,
                       struct err *err)
{
    struct predictor_thread *thread = mem_small(sizeof *thread);
    memset(thread, 0, sizeof *thread);
    thread->options = *options;
    thread->models.engine = options->engine;
    predictor_queue_init(&thread->queue);
    atomic_init(&thread->stopping, false);
    if (pthread_mutex_init(&thread->lock, NULL) != 0 ||
        pthread_cond_init(&thread->arrived, NULL) != 0)
        abort(); /* out of memory for a few bytes, as in mem.h */
    thread->alone = pool_new(1, err);
    thread->together = thread->alone == NULL ? NULL : pool_new(options->threads, err);
    if (thread->together == NULL) {
        destroy(thread);
        return err->code;
    }
    if (pthread_create(&thread->thread, NULL, serve, thread) != 0) {
        destroy(thread);
        return err_set(err, ERR_MEMORY, "the predictor thread could not be started");
    }
    *out = thread;
    return 0;
}

/* ---- callers --------------------------------------------------------------------------------- */

/* Put the request into the queue and sleep until it is answered. */
static int
queue_and_wait(struct predictor_thread *thread, struct prediction_request *request)
{
    int code = 0;
    pthread_mutex_lock(&thread->lock);
    if (atomic_load(&thread->stopping)) {
        code = err_set(request->err, ERR_STOPPED, "the daemon is stopping");
    } else if (thread->unanswered == PREDICTOR_QUEUE_MAX) {
        code = err_set(request->err, ERR_CONFLICT, "%d requests are waiting already",
                       PREDICTOR_QUEUE_MAX);
    } else {
        predictor_queue_add(&thread->queue, request);
        thread->unanswered++;
        pthread_cond_signal(&thread->arrived);
        while (!request->done)
            pthread_cond_wait(&request->ended, &thread->lock);
        code = request->code;
    }
    pthread_mutex_unlock(&thread->lock);
    return code;
}

int
predictor_thread_run(struct predictor_thread *thread, const struct predictor_job *job,
                     struct arena *arena, struct prediction *out, struct err *err)
{
    struct prediction_request request = {
        .folder = job->folder,
        .output = job->output,
        .texts = job->texts,
        .given = job->given,
        .count = job->count,
        .arena = arena,
        .out = out,
        .err = err,
    };
    if (pthread_cond_init(&request.ended, NULL) != 0)
        abort(); /* as in predictor_thread_start */
    int code = queue_and_wait(thread, &request);
    pthread_cond_destroy(&request.ended);
    return code;
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
