/* Carrying out evaluations; see evaluation_thread.h. */
#include "daemon/work/evaluation_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/measure.h"
#include "daemon/fault.h"
#include "daemon/json_append.h"
#include "daemon/log.h"
#include "daemon/store/evaluations.h"
#include "daemon/store/files.h"
#include "daemon/store/ids.h"
#include "daemon/work/worker.h"

enum { RETRY_MS = 2000 };

struct evaluation_thread {
    struct evaluation_thread_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    char running[IDS_SIZE]; /* "": none; under the lock */
    atomic_bool dropped;    /* the running one was deleted */
    atomic_bool stopping;
    bool joined; /* of whoever ends the thread */
};

/* ---- one evaluation -------------------------------------------------------------------------- */

struct evaluation_task {
    struct evaluation_thread *thread;
    struct db *db;
    struct arena *arena;
    struct evaluation_row row;
    const char *file_name;
    struct dataset *dataset;
    struct evaluation_end end; /* what will be written */
};

static bool
should_stop(void *context)
{
    struct evaluation_thread *thread = context;
    return atomic_load(&thread->stopping) || atomic_load(&thread->dropped);
}

/* Note why it fails; returns the error's code. */
static int
fail(struct evaluation_task *task, const char *code, const char *param, const struct err *err)
{
    task->end.error_code = code;
    task->end.error_param = param;
    task->end.error_message = arena_copy_string(task->arena, err->message);
    return err->code;
}

/* What the failures of computing are called. */
static const char *
code_of(const struct err *err, const char *invalid)
{
    if (err->code == ERR_MEMORY)
        return "out_of_memory";
    if (err->code == ERR_UNSUPPORTED)
        return fault_code_name(FAULT_NOT_SUPPORTED_YET);
    return err->code == ERR_INVALID ? invalid : fault_code_name(FAULT_INTERNAL);
}

static int
read_file(struct evaluation_task *task)
{
    struct err err;
    struct file_row file;
    const struct store *store = task->thread->options.store;
    int code = files_get(task->db, task->row.file, task->arena, &file, &err);
    if (code != 0)
        return fail(task,
                    fault_code_name(code == ERR_NOT_FOUND ? FAULT_FILE_NOT_FOUND : FAULT_INTERNAL),
                    "file", &err);
    task->file_name = file.filename;
    const struct data_source source = {
        .path = data_dir_file_path(store->dir, file.id, task->arena),
        .name = file.filename,
        .should_stop = should_stop,
        .context = task->thread,
    };
    if (measure_read(&source, &task->dataset, &err) == 0)
        return 0;
    return fail(task, code_of(&err, "invalid_file"), "file", &err);
}

static struct pool *
make_pool(const struct evaluation_thread *thread, struct err *err)
{
    const struct evaluation_thread_options *options = &thread->options;
    bool is_shared = options->is_shared != NULL && options->is_shared(options->context);
    return pool_new(is_shared ? 1 : options->threads, err);
}

/* Rows that do not fit are the file's fault; a folder that does not load is the model's. */
static const char *
blamed_code(const struct evaluation_task *task, const struct err *err, const char **param)
{
    bool names_file = strncmp(err->message, task->file_name, strlen(task->file_name)) == 0;
    if (err->code == ERR_INVALID && names_file)
        *param = "file";
    return code_of(err, names_file ? "invalid_file" : "invalid_model");
}

static int
measure(struct evaluation_task *task, const char *model, const char *param,
        struct evaluation_outputs *outputs, json_t **document)
{
    struct err err;
    struct catalog_model found;
    const struct evaluation_thread_options *options = &task->thread->options;
    int code = catalog_find(options->catalog, task->db, model, task->arena, &found, &err);
    if (code != 0)
        return fail(task,
                    fault_code_name(code == ERR_NOT_FOUND ? FAULT_MODEL_NOT_FOUND : FAULT_INTERNAL),
                    param, &err);
    struct pool *pool = make_pool(task->thread, &err);
    if (pool == NULL)
        return fail(task, code_of(&err, NULL), NULL, &err);
    const struct measure_call call = {.dataset = task->dataset,
                                      .name = task->file_name,
                                      .engine = options->engine,
                                      .pool = pool,
                                      .should_stop = should_stop,
                                      .context = task->thread};
    code = measure_model(&call, found.folder, outputs, document, &err);
    pool_free(pool);
    if (code == 0)
        return 0;
    const char *name = blamed_code(task, &err, &param);
    if (strcmp(param, "file") != 0)
        err_prefix(&err, "model %.200s", model);
    return fail(task, name, param, &err);
}

/* What the other model comes to, and a test between the two. */
static int
compare(struct evaluation_task *task, const struct evaluation_outputs *first, json_t *document)
{
    struct evaluation_outputs second = {0};
    json_t *other = NULL;
    if (task->row.compare_to == NULL)
        return 0;
    int code = measure(task, task->row.compare_to, "compare_to", &second, &other);
    if (code == 0) {
        struct err err;
        json_t *comparison = evaluation_compare(first, &second, &err);
        if (comparison == NULL) {
            code = fail(task, code_of(&err, NULL), NULL, &err);
        } else {
            json_object_set_new(comparison, "model", json_string(task->row.compare_to));
            json_object_set(comparison, "measures", json_object_get(other, "measures"));
            json_object_set_new(document, "comparison", comparison);
        }
    }
    json_decref(other);
    evaluation_outputs_fini(&second);
    return code;
}

static int
compute(struct evaluation_task *task)
{
    struct evaluation_outputs outputs = {0};
    json_t *document = NULL;
    int code = read_file(task);
    if (code == 0)
        code = measure(task, task->row.model, "model", &outputs, &document);
    if (code == 0)
        code = compare(task, &outputs, document);
    if (code == 0) {
        struct buf text = {0};
        json_append_value(&text, document);
        task->end.document_json = arena_copy_string(task->arena, buf_string(&text));
        buf_fini(&text);
    }
    json_decref(document);
    evaluation_outputs_fini(&outputs);
    dataset_free(task->dataset);
    return code;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Wait until woken, or RETRY_MS when something went wrong. */
static void
wait_for_work(struct evaluation_thread *thread, bool went_wrong)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += RETRY_MS / 1000;
    int status = 0;
    pthread_mutex_lock(&thread->lock);
    while (!thread->woken && !atomic_load(&thread->stopping) && status != ETIMEDOUT)
        status = went_wrong ? pthread_cond_timedwait(&thread->changed, &thread->lock, &end)
                            : pthread_cond_wait(&thread->changed, &thread->lock);
    thread->woken = false;
    pthread_mutex_unlock(&thread->lock);
}

static void
set_running(struct evaluation_thread *thread, const char *id)
{
    pthread_mutex_lock(&thread->lock);
    snprintf(thread->running, sizeof thread->running, "%s", id);
    atomic_store(&thread->dropped, false);
    pthread_mutex_unlock(&thread->lock);
}

/* The end of an evaluation, until it is written or nobody wants it. */
static void
write_end(struct evaluation_task *task, bool stopped)
{
    struct err err;
    int code;
    do {
        code = stopped ? evaluations_give_back(task->db, task->row.id, task->row.attempt, &err)
                       : evaluations_finish(task->db, &task->end, &err);
        if (code == 0 || code == ERR_CONFLICT)
            return;
        log_error("write end of evaluation=%s error=\"%s\"", task->row.id, err.message);
        wait_for_work(task->thread, true);
    } while (!atomic_load(&task->thread->stopping));
}

static void
carry_out(struct evaluation_task *task)
{
    struct evaluation_thread *thread = task->thread;
    task->end = (struct evaluation_end){.id = task->row.id, .attempt = task->row.attempt};
    set_running(thread, task->row.id);
    log_info("start evaluation=%s attempt=%lld model=%s file=%s", task->row.id,
             (long long)task->row.attempt, task->row.model, task->row.file);
    int code = compute(task);
    bool stopped = code == ERR_STOPPED && atomic_load(&thread->stopping);
    write_end(task, stopped);
    set_running(thread, "");
    if (code == 0 || code == ERR_STOPPED)
        log_info("end evaluation=%s outcome=%s", task->row.id, code == 0 ? "succeeded" : "stopped");
    else
        log_warn("end evaluation=%s outcome=failed code=%s error=\"%s\"", task->row.id,
                 task->end.error_code, task->end.error_message);
}

/* One that waits: 1 when it was carried out, 0 when there was none, negative when the database
 * refused. */
static int
run_next(struct evaluation_thread *thread)
{
    struct err err;
    struct evaluation_task task = {.thread = thread, .arena = arena_new()};
    int found = -1;
    task.db = db_pool_acquire(thread->options.store->pool, &err);
    if (task.db != NULL)
        found = evaluations_claim(task.db, task.arena, &task.row, &err);
    if (found > 0)
        carry_out(&task);
    if (found < 0)
        log_error("claim evaluation error=\"%s\" retry_ms=%d", err.message, RETRY_MS);
    db_pool_release(thread->options.store->pool, task.db);
    arena_free(task.arena);
    return found;
}

static void *
work(void *context)
{
    struct evaluation_thread *thread = context;
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), WORKER_NICE) != 0)
        log_warn("set nice=%d reason=\"the system refused\"", WORKER_NICE);
    while (!atomic_load(&thread->stopping)) {
        int found = run_next(thread);
        if (found <= 0)
            wait_for_work(thread, found < 0);
    }
    return NULL;
}

/* ---- the thread ------------------------------------------------------------------------------ */

int
evaluation_thread_start(const struct evaluation_thread_options *options,
                        struct evaluation_thread **out, struct err *err)
{
    struct evaluation_thread *thread = mem_small(sizeof *thread);
    *thread = (struct evaluation_thread){.options = *options};
    atomic_init(&thread->stopping, false);
    atomic_init(&thread->dropped, false);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&thread->lock, NULL);
    *out = thread;
    int status = pthread_create(&thread->thread, NULL, work, thread);
    if (status == 0)
        return 0;
    pthread_mutex_destroy(&thread->lock);
    pthread_cond_destroy(&thread->changed);
    free(thread);
    *out = NULL;
    return err_set(err, ERR_IO, "start the evaluation thread: %s", strerror(status));
}

void
evaluation_thread_wake(struct evaluation_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    thread->woken = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

void
evaluation_thread_drop(struct evaluation_thread *thread, const char *id)
{
    pthread_mutex_lock(&thread->lock);
    if (strcmp(thread->running, id) == 0)
        atomic_store(&thread->dropped, true);
    pthread_mutex_unlock(&thread->lock);
}

void
evaluation_thread_stop(struct evaluation_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    atomic_store(&thread->stopping, true);
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

void
evaluation_thread_end(struct evaluation_thread *thread)
{
    evaluation_thread_stop(thread);
    if (!thread->joined)
        pthread_join(thread->thread, NULL);
    thread->joined = true;
}

void
evaluation_thread_free(struct evaluation_thread *thread)
{
    if (thread == NULL)
        return;
    evaluation_thread_end(thread);
    pthread_mutex_destroy(&thread->lock);
    pthread_cond_destroy(&thread->changed);
    free(thread);
}
