/*
 * The predictor thread: many callers, each gets what a predictor alone would give him.
 */
#include "daemon/work/predictor_thread.h"

#include "core/predict.h"
#include "tests/support/classifier_folder.h"
#include "tests/support/close.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXTS = 600, MODELS = 3 };

static const double neighbours = 1e-6;

struct fixture {
    struct scratch scratch;
    struct gemm_engine *engine;
    struct predictor_thread *thread;
    const char *folders[MODELS]; /* the last takes no pairs */
    struct text texts[TEXTS];
    float expected[MODELS][TEXTS][CLASSIFIER_LABELS];
    uint32_t lengths[TEXTS];
    atomic_bool shared;
    atomic_size_t asked;
    struct err err;
};

static bool
is_shared(void *context)
{
    struct fixture *f = context;
    atomic_fetch_add(&f->asked, 1);
    return atomic_load(&f->shared);
}

/* What each model says of each text, by itself. */
static void
expect(struct fixture *f, size_t model)
{
    struct predictor *predictor = NULL;
    struct pool *pool = pool_new(1, &f->err);
    assert_non_null(pool);
    const struct predictor_call call = {.texts = f->texts,
                                        .count = TEXTS,
                                        .values = f->expected[model][0],
                                        .lengths = f->lengths};
    if (predictor_open(f->folders[model], f->engine, &predictor, &f->err) != 0 ||
        predictor_run(predictor, pool, &call, &f->err) != 0)
        fail_msg("%s", f->err.message);
    predictor_free(predictor);
    pool_free(pool);
}

static int
open_fixture(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    scratch_open(&f.scratch);
    assert_int_equal(gemm_engine_open(NULL, &f.engine, &f.err), 0);
    for (size_t i = 0; i < TEXTS; i++)
        f.texts[i] = classifier_text(&f.scratch, i % 31, i);
    for (size_t m = 0; m < MODELS; m++) {
        const char *name = arena_printf(f.scratch.arena, "model%zu", m);
        f.folders[m] = classifier_folder_write(&f.scratch, name, m + 1 < MODELS ? 2 : 1, m);
        expect(&f, m);
    }
    struct predictor_options options = {
        .engine = f.engine, .threads = 2, .is_shared = is_shared, .context = &f};
    assert_int_equal(predictor_thread_start(&options, &f.thread, &f.err), 0);
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    predictor_thread_free(f->thread);
    gemm_engine_close(f->engine);
    scratch_close(&f->scratch);
    return 0;
}

/* ---- callers --------------------------------------------------------------------------------- */

/* Calls `times` times for `count` texts, from another text and of another model each time. */
struct caller {
    pthread_t thread;
    struct fixture *f;
    size_t model, models; /* the first one, and how many are used in turn */
    size_t times, count, from;
    size_t right; /* answers as expected */
    int code;     /* of the last call that failed */
};

static bool
is_expected(const struct caller *caller, size_t model, size_t from, const struct prediction *answer)
{
    const struct fixture *f = caller->f;
    size_t tokens = 0;
    if (answer->label_count != CLASSIFIER_LABELS || strcmp(answer->labels[2], "c") != 0)
        return false;
    for (size_t i = 0; i < caller->count * CLASSIFIER_LABELS; i++) {
        double difference =
            (double)answer->values[i] -
            (double)f->expected[model][from + i / CLASSIFIER_LABELS][i % CLASSIFIER_LABELS];
        if (difference > neighbours || difference < -neighbours)
            return false;
    }
    for (size_t i = 0; i < caller->count; i++)
        tokens += f->lengths[from + i];
    return tokens == answer->tokens;
}

static void *
call(void *context)
{
    struct caller *caller = context;
    struct fixture *f = caller->f;
    for (size_t i = 0; i < caller->times; i++) {
        struct arena *arena = arena_new();
        struct prediction answer = {0};
        struct err err;
        size_t model = (caller->model + i % caller->models) % MODELS;
        size_t from = (caller->from + i * 13) % (TEXTS - caller->count + 1);
        struct predictor_job job = {
            .folder = f->folders[model], .texts = f->texts + from, .count = caller->count};
        int code = predictor_thread_run(f->thread, &job, arena, &answer, &err);
        if (code != 0)
            caller->code = code;
        else
            caller->right += is_expected(caller, model, from, &answer);
        arena_free(arena);
    }
    return NULL;
}

static void
start(struct caller *callers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
}

static void
join(struct caller *callers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
}

/* Single texts and thousands, of one model and of more than stay loaded, all at once. */
static void
everybody_gets_the_part_that_is_his(void **state)
{
    struct fixture *f = *state;
    enum { CALLERS = 8 };
    struct caller callers[CALLERS];
    for (size_t i = 0; i < CALLERS; i++)
        callers[i] = (struct caller){.f = f,
                                     .model = i % MODELS,
                                     .models = i < 6 ? 1 : MODELS,
                                     .times = i % 3 == 0 ? 3 : 40,
                                     .count = i % 3 == 0 ? TEXTS : 1 + i % 4,
                                     .from = i * 17};
    start(callers, CALLERS);
    join(callers, CALLERS);
    for (size_t i = 0; i < CALLERS; i++) {
        assert_int_equal(callers[i].code, 0);
        assert_int_equal(callers[i].right, callers[i].times);
    }
}

static void
job_that_comes_and_goes_changes_no_answer(void **state)
{
    struct fixture *f = *state;
    struct caller caller = {.f = f, .models = 1, .times = 5, .count = TEXTS};
    start(&caller, 1);
    for (size_t i = 0; i < 1000; i++) {
        atomic_store(&f->shared, i % 2 == 0);
        sched_yield();
    }
    join(&caller, 1);
    assert_int_equal(caller.right, 5);
    assert_true(atomic_load(&f->asked) >= 5 * TEXTS / 256); /* before each pass */
}

/* A request that the model does not take fails alone, though it shares passes with others. */
static void
wrong_request_fails_alone(void **state)
{
    struct fixture *f = *state;
    struct caller callers[4];
    struct text pairs[2] = {f->texts[1], f->texts[2]};
    pairs[1].second = "good";
    pairs[1].second_length = 4;
    for (size_t i = 0; i < 4; i++)
        callers[i] =
            (struct caller){.f = f, .model = 2, .models = 1, .times = 30, .count = 1 + i * 40};
    start(callers, 4);
    for (size_t i = 0; i < 30; i++) {
        struct arena *arena = arena_new();
        struct prediction answer;
        struct predictor_job job = {.folder = f->folders[2], .texts = pairs, .count = 2};
        assert_int_equal(predictor_thread_run(f->thread, &job, arena, &answer, &f->err),
                         ERR_INVALID);
        assert_non_null(strstr(f->err.message, "input 1"));
        arena_free(arena);
    }
    join(callers, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(callers[i].right, 30);
}

static void
folder_that_does_not_load_fails_and_the_others_go_on(void **state)
{
    struct fixture *f = *state;
    struct prediction answer;
    struct predictor_job job = {
        .folder = scratch_path(&f->scratch, "absent"), .texts = f->texts, .count = 1};
    assert_int_not_equal(
        predictor_thread_run(f->thread, &job, f->scratch.arena, &answer, &f->err), 0);
    struct caller caller = {.f = f, .models = MODELS, .times = 6, .count = 2};
    call(&caller);
    assert_int_equal(caller.right, 6);
}

/* The folder's model is read again when it is asked for again. */
static void
forgotten_folder_is_not_answered_from_memory(void **state)
{
    struct fixture *f = *state;
    struct prediction answer;
    struct caller caller = {.f = f, .models = 1, .times = 2, .count = 2};
    call(&caller);
    assert_int_equal(caller.right, 2);
    assert_int_equal(unlink(scratch_path(&f->scratch, "model0/model.safetensors")), 0);
    call(&caller);
    assert_int_equal(caller.right, 4); /* it is loaded */
    predictor_thread_forget(f->thread, f->folders[0]);
    struct predictor_job job = {.folder = f->folders[0], .texts = f->texts, .count = 1};
    assert_int_equal(predictor_thread_run(f->thread, &job, f->scratch.arena, &answer, &f->err),
                     ERR_UNSUPPORTED);
}

/* As a job's folder goes with the checkpoints in it. */
static void
forgetting_a_folder_forgets_what_lies_in_it(void **state)
{
    struct fixture *f = *state;
    struct prediction answer;
    struct caller caller = {.f = f, .models = 1, .times = 1, .count = 2};
    call(&caller);
    assert_int_equal(caller.right, 1);
    assert_int_equal(unlink(scratch_path(&f->scratch, "model0/model.safetensors")), 0);
    char *above = arena_copy_string(f->scratch.arena, f->folders[0]);
    *strrchr(above, '/') = '\0';
    predictor_thread_forget(f->thread, above);
    struct predictor_job job = {.folder = f->folders[0], .texts = f->texts, .count = 1};
    assert_int_equal(predictor_thread_run(f->thread, &job, f->scratch.arena, &answer, &f->err),
                     ERR_UNSUPPORTED);
}

/* A job that went back makes checkpoints of the same names again. */
static void
weights_that_were_replaced_are_loaded_anew(void **state)
{
    struct fixture *f = *state;
    struct prediction answer = {0};
    struct caller caller = {.f = f, .models = 1, .times = 1, .count = 2};
    call(&caller);
    assert_int_equal(caller.right, 1);
    assert_int_equal(rename(scratch_path(&f->scratch, "model1/model.safetensors"),
                            scratch_path(&f->scratch, "model0/model.safetensors")),
                     0);
    struct predictor_job job = {.folder = f->folders[0], .texts = f->texts, .count = 2};
    assert_int_equal(predictor_thread_run(f->thread, &job, f->scratch.arena, &answer, &f->err), 0);
    assert_true(is_expected(&caller, 1, 0, &answer));
    assert_false(is_expected(&caller, 0, 0, &answer));
}

/* Whoever waits is answered; whoever comes later, too. */
static void
stop_answers_everybody(void **state)
{
    struct fixture *f = *state;
    enum { CALLERS = 6 };
    struct caller callers[CALLERS];
    for (size_t i = 0; i < CALLERS; i++)
        callers[i] =
            (struct caller){.f = f, .models = 1, .times = 3, .count = i % 2 == 0 ? TEXTS : 1};
    start(callers, CALLERS);
    predictor_thread_stop(f->thread);
    join(callers, CALLERS);
    for (size_t i = 0; i < CALLERS; i++)
        assert_true(callers[i].right == 3 || callers[i].code == ERR_STOPPED);
    struct caller late = {.f = f, .models = 1, .times = 1, .count = 1};
    call(&late);
    assert_int_equal(late.code, ERR_STOPPED);
    predictor_thread_stop(f->thread);
}

static void
impossible_number_of_threads_is_refused(void **state)
{
    struct fixture *f = *state;
    struct predictor_thread *thread = NULL;
    struct predictor_options options = {.engine = f->engine, .threads = 0};
    assert_int_equal(predictor_thread_start(&options, &thread, &f->err), ERR_INVALID);
    assert_null(thread);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(everybody_gets_the_part_that_is_his),
        CASE(job_that_comes_and_goes_changes_no_answer),
        CASE(wrong_request_fails_alone),
        CASE(folder_that_does_not_load_fails_and_the_others_go_on),
        CASE(forgotten_folder_is_not_answered_from_memory),
        CASE(forgetting_a_folder_forgets_what_lies_in_it),
        CASE(weights_that_were_replaced_are_loaded_anew),
        CASE(stop_answers_everybody),
        CASE(impossible_number_of_threads_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
