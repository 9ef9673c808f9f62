/*
 * A job of 30 steps on a tiny network, and a log of all that a run of it reports but times: two
 * runs are the same when their logs are. Word rows come into use little by little, epochs end in
 * between, and there are checkpoints that are no ends of epochs.
 */
#ifndef TESTS_CORE_RESUME_FIXTURE_H
#define TESTS_CORE_RESUME_FIXTURE_H

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/hub/model_dir.h"
#include "core/train/trainer.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { RESUME_ROWS = 44, RESUME_STEPS = 30, RESUME_WORDS = 90, RESUME_MAX_LINES = 128 };

struct resume_fixture {
    struct scratch scratch;
    struct gemm_engine *engine;
    struct train_request request; /* with the parameters to be run */
    const char *base_sha256;
};

/* What came of a run, and what it shall do with the states that it offers. */
struct watch {
    struct resume_fixture *fixture;
    struct buf log;
    size_t line_count;
    size_t line_steps[RESUME_MAX_LINES]; /* which step a line is about */
    size_t line_starts[RESUME_MAX_LINES];
    size_t states;          /* offered */
    bool every;             /* keep one after each step; else the one of a stop alone */
    const char *folder;     /* for them; NULL: kept nowhere */
    const char *newest;     /* its path */
    atomic_long stop_after; /* answers of should_stop that are no; negative: always no */
    const char *models;     /* folder for the best model, where that becomes the final one */
    size_t warnings;
    double first_rate; /* the learning rate of the first point */
};

static const char resume_config[] =
    "{\"model_type\":\"bert\",\"vocab_size\":95,\"hidden_size\":32,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":2,\"intermediate_size\":48,\"max_position_embeddings\":24,"
    "\"type_vocab_size\":2}";

/* Rows of 1 to 12 words; later rows use words that earlier ones do not. */
static inline struct train_file
resume_rows(struct resume_fixture *f, const char *name, size_t rows, size_t shift)
{
    struct buf text = {0};
    for (size_t row = 0; row < rows; row++) {
        buf_append_string(&text, "{\"text\":\"");
        for (size_t word = 0; word <= row * 7 % 12; word++)
            buf_printf(&text, "w%zu ", (row * 2 + word * 5 + shift) % RESUME_WORDS);
        buf_printf(&text, "\",\"label\":\"%s\"}\n", row % 3 == 0 ? "yes" : "no");
    }
    const char *path = scratch_write_text(&f->scratch, name, buf_string(&text));
    buf_fini(&text);
    return (struct train_file){path, name};
}

static inline int
resume_setup(void **state)
{
    struct err err = {0};
    struct buf words = {0};
    struct resume_fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    const char *folder = scratch_folder(&f->scratch, "model");
    scratch_write_text(&f->scratch, "model/config.json", resume_config);
    buf_append_string(&words, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (size_t i = 0; i < RESUME_WORDS; i++)
        buf_printf(&words, "w%zu\n", i);
    scratch_write_text(&f->scratch, "model/vocab.txt", buf_string(&words));
    buf_fini(&words);
    if (gemm_engine_open(NULL, &f->engine, &err) != 0)
        fail_msg("%s", err.message);
    f->request = (struct train_request){
        .base_folder = folder,
        .base_name = "tiny",
        .training = resume_rows(f, "train.jsonl", RESUME_ROWS, 0),
        .test = resume_rows(f, "test.jsonl", 9, 40),
        .task = TASK_CLASSIFICATION,
        .params = train_params_auto(),
        .has_bf16 = gemm_engine_has_bf16(f->engine),
    };
    struct train_params *params = &f->request.params;
    params->seed = 5;
    params->max_steps = RESUME_STEPS;
    params->batch_size = 6;
    params->save_steps = 4;
    params->validation_split = 0.2;
    params->precision = GEMM_FP32;
    params->learning_rate = 2e-3;
    *state = f;
    return 0;
}

static inline int
resume_teardown(void **state)
{
    struct resume_fixture *f = *state;
    gemm_engine_close(f->engine);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

/* ---- the observer ---------------------------------------------------------------------------- */

static inline bool
resume_is_time(enum metric metric)
{
    return metric == METRIC_ROWS_PER_SECOND || metric == METRIC_TOKENS_PER_SECOND;
}

static inline void
resume_begin_line(struct watch *watch, size_t step)
{
    assert_true(watch->line_count < RESUME_MAX_LINES);
    watch->line_steps[watch->line_count] = step;
    watch->line_starts[watch->line_count++] = watch->log.length;
}

static inline void
resume_log_values(struct watch *watch, const struct train_progress *progress,
                  const double values[METRIC_COUNT])
{
    buf_printf(&watch->log, " %zu/%zu %a %lld", progress->step, progress->total_steps,
               progress->epoch, (long long)progress->trained_tokens);
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (!resume_is_time((enum metric)i))
            buf_printf(&watch->log, " %a", values[i]);
    buf_append_string(&watch->log, "\n");
}

static inline void
resume_on_point(void *context, const struct train_point *point)
{
    struct watch *watch = context;
    if (watch->line_count == 0)
        watch->first_rate = point->values[METRIC_LEARNING_RATE];
    resume_begin_line(watch, point->progress.step);
    buf_append_string(&watch->log, "point");
    resume_log_values(watch, &point->progress, point->values);
}

static inline const char *
resume_model_path(const struct watch *watch, size_t step)
{
    return arena_printf(watch->fixture->scratch.arena, "%s/%zu", watch->models, step);
}

/* Keep a model that is the best so far, and no other one. */
static inline void
resume_keep_best(struct watch *watch, const struct train_snapshot *snapshot)
{
    struct err err;
    if (watch->models == NULL || snapshot->final || snapshot->best_step != snapshot->progress.step)
        return;
    if (fileio_remove_tree(watch->models, &err) != 0 ||
        fileio_make_folder(watch->models, &err) != 0 ||
        model_dir_save(&snapshot->save, resume_model_path(watch, snapshot->best_step), &err) != 0)
        fail_msg("%s", err.message);
}

static inline const char *
resume_find_checkpoint(void *context, size_t step)
{
    struct stat status;
    const struct watch *watch = context;
    const char *path = resume_model_path(watch, step);
    return stat(path, &status) == 0 ? path : NULL;
}

/* Models are told by their bytes in memory, evaluations by their documents. */
static inline int
resume_on_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct watch *watch = context;
    struct buf bytes = {0};
    char sum[65];
    (void)err;
    resume_keep_best(watch, snapshot);
    const struct tensor_layout *layout = snapshot->save.layout;
    for (size_t i = 0; i < layout->count; i++)
        buf_append(&bytes, snapshot->save.parameters + layout->tensors[i].offset,
                   layout->tensors[i].rows * layout->tensors[i].columns * sizeof(float));
    fileio_sha256_bytes(bytes.data, bytes.length, sum);
    buf_fini(&bytes);
    /* The final model belongs behind all steps, also when it is made again. */
    resume_begin_line(watch, snapshot->progress.step + snapshot->final);
    buf_printf(&watch->log, "%s %s", snapshot->final ? "final" : "checkpoint", sum);
    resume_log_values(watch, &snapshot->progress, snapshot->latest);
    const json_t *documents[] = {snapshot->validation, snapshot->test};
    for (size_t i = 0; i < 2 && documents[i] != NULL; i++) {
        char *text = json_text(documents[i]);
        buf_printf(&watch->log, "%s\n", text);
        free(text);
    }
    return 0;
}

static inline bool
resume_should_stop(void *context)
{
    struct watch *watch = context;
    return atomic_load(&watch->stop_after) >= 0 && atomic_fetch_sub(&watch->stop_after, 1) <= 0;
}

static inline const char *
resume_state_path(struct resume_fixture *f, const char *folder, size_t step, bool pending)
{
    return arena_printf(f->scratch.arena, "%s/%zu%s", folder, step, pending ? "-pending" : "");
}

static inline int
resume_on_state(void *context, const struct resume_state *state, struct err *err)
{
    struct watch *watch = context;
    watch->states++;
    if (watch->folder == NULL || (!watch->every && !state->stopping))
        return 1;
    const char *path =
        resume_state_path(watch->fixture, watch->folder, state->facts.step, state->facts.pending);
    if (fileio_remove_tree(path, err) != 0 || resume_state_write(state, path, err) != 0)
        return err->code;
    watch->newest = path;
    return 0;
}

static inline void
resume_on_event(void *context, enum train_level level, const char *message)
{
    struct watch *watch = context;
    watch->warnings += level == TRAIN_WARN && strstr(message, "numerics") != NULL;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* Run the fixture's job on so many threads, from a state (NULL: the beginning). */
static inline int
resume_run(struct resume_fixture *f, size_t threads, const struct train_resume *resume,
           struct watch *watch, struct err *err)
{
    struct train_fault fault = {0};
    struct train_plan plan;
    struct arena *arena = arena_new();
    struct pool *pool = pool_new(threads, err);
    struct train_request request = f->request;
    const struct train_observer observer = {.context = watch,
                                            .on_event = resume_on_event,
                                            .on_point = resume_on_point,
                                            .on_model = resume_on_model,
                                            .should_stop = resume_should_stop,
                                            .on_resume_state = resume_on_state,
                                            .find_checkpoint = resume_find_checkpoint};
    watch->fixture = f;
    request.resume = resume;
    if (train_plan_make(&request, arena, &plan, &fault, err) != 0)
        fail_msg("%s", err->message);
    int rc = train_run(&plan, &request, f->engine, pool, &observer, f->base_sha256, err);
    train_plan_fini(&plan);
    pool_free(pool);
    arena_free(arena);
    return rc;
}

/* Lines about what a state does not hold will come again. */
static inline void
resume_forget_lines(struct watch *watch, const struct resume_facts *facts)
{
    while (watch->line_count > 0) {
        size_t last = watch->line_count - 1;
        if (watch->line_steps[last] + facts->pending <= facts->step)
            return;
        watch->log.length = watch->line_starts[last];
        watch->line_count--;
    }
}

/* Go on from the state at path. */
static inline int
resume_go_on(struct resume_fixture *f, size_t threads, const char *path, struct watch *watch,
             struct err *err)
{
    struct train_resume resume = {.interval = -1};
    struct resume_file *file = NULL;
    if (resume_state_open(path, &file, err) != 0)
        fail_msg("%s: %s", path, err->message);
    resume.state = file;
    resume_forget_lines(watch, resume_state_facts(file));
    int rc = resume_run(f, threads, &resume, watch, err);
    resume_state_close(file);
    return rc;
}

/* An undisturbed run that keeps a state after each step in folder (NULL: nowhere). */
static inline void
resume_run_whole(struct resume_fixture *f, size_t threads, const char *folder, struct watch *watch)
{
    struct err err;
    const struct train_resume each = {.interval = -1};
    *watch = (struct watch){.stop_after = -1, .every = true, .folder = folder};
    if (resume_run(f, threads, &each, watch, &err) != 0)
        fail_msg("%s", err.message);
}

/* The same, where the best model is kept in a folder. */
static inline void
resume_run_best(struct resume_fixture *f, size_t threads, const char *folder, const char *models,
                struct watch *watch)
{
    struct err err;
    const struct train_resume each = {.interval = -1};
    *watch = (struct watch){.stop_after = -1, .every = true, .folder = folder, .models = models};
    if (resume_run(f, threads, &each, watch, &err) != 0)
        fail_msg("%s", err.message);
}

/* The part of a log that is about `step` and what comes after it. */
static inline const char *
resume_log_from(const struct watch *watch, size_t step)
{
    for (size_t i = 0; i < watch->line_count; i++)
        if (watch->line_steps[i] >= step)
            return watch->log.data + watch->line_starts[i];
    return "";
}

#endif
