/*
 * A training step allocates nothing: memory is planned before the first one.
 *
 * The linker sends every call of malloc and its kin that stands in core (and in this file) to the
 * counters below (tests/CMakeLists.txt). They count from the end of the second step to the end of
 * the tenth: an end of an epoch, with its validation and shuffle, lies between.
 */
#include "core/train/trainer.h"

#include "core/base/mem.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

enum { ROWS = 40, BATCH = 6, FIRST_COUNTED = 3, LAST_COUNTED = 10, STEPS = 12 };

static atomic_size_t calls;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__real_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);

void *
__wrap_malloc(size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __real_calloc(count, size);
}

void *
__wrap_realloc(void *pointer, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __real_realloc(pointer, size);
}

void *
__wrap_aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __real_aligned_alloc(alignment, size);
}

int
__wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    atomic_fetch_add(&calls, 1);
    return __real_posix_memalign(out, alignment, size);
}

void *
__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    atomic_fetch_add(&calls, 1);
    return __real_mmap(at, length, protection, flags, fd, offset);
}

/* What the observer sees; it allocates nothing itself. */
struct watch {
    size_t points;
    size_t at_open;  /* calls when the first point came */
    size_t at_start; /* ... when step FIRST_COUNTED - 1 was over */
    size_t at_end;   /* ... when step LAST_COUNTED was over */
    size_t models;
};

static void
on_point(void *context, const struct train_point *point)
{
    struct watch *watch = context;
    watch->points++;
    if (point->progress.step == 1)
        watch->at_open = atomic_load(&calls);
    if (point->progress.step == FIRST_COUNTED - 1)
        watch->at_start = atomic_load(&calls);
    if (point->progress.step == LAST_COUNTED)
        watch->at_end = atomic_load(&calls);
}

static int
on_model(void *context, const struct train_snapshot *snapshot, struct err *err)
{
    struct watch *watch = context;
    (void)snapshot;
    (void)err;
    watch->models++;
    return 0;
}

static bool
never(void *context)
{
    (void)context;
    return false;
}

static const char config_text[] =
    "{\"model_type\":\"bert\",\"vocab_size\":12,\"hidden_size\":32,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":2,\"intermediate_size\":64,\"max_position_embeddings\":40,"
    "\"type_vocab_size\":2}";
static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\n##f\n.\n";

/* Rows of 1 to 30 words, so that batches differ in size and rows in length. */
static const char *
write_rows(struct scratch *scratch)
{
    char *text = arena_alloc(scratch->arena, ROWS * 160);
    for (size_t row = 0; row < ROWS; row++) {
        size_t used = strlen(text);
        used += (size_t)sprintf(text + used, "{\"text\":\"");
        for (size_t word = 0; word <= row * 11 % 30; word++)
            used += (size_t)sprintf(text + used, "%c ", "abcde"[(row + word * 3) % 5]);
        sprintf(text + used, "\",\"label\":\"%s\"}\n", row % 3 == 0 ? "yes" : "no");
    }
    return scratch_write_text(scratch, "train.jsonl", text);
}

/* Run STEPS steps and watch. */
static void
train(struct scratch *scratch, const struct gemm_engine *engine, struct pool *pool,
      const struct train_params *params, struct watch *watch)
{
    struct err err = {0};
    struct train_fault fault;
    struct train_plan plan;
    struct arena *arena = arena_new();
    const struct train_request request = {.base_folder = scratch->folder,
                                          .base_name = "tiny",
                                          .training = {write_rows(scratch), "train.jsonl"},
                                          .task = TASK_CLASSIFICATION,
                                          .params = *params,
                                          .has_bf16 = gemm_engine_has_bf16(engine)};
    const struct train_observer observer = {
        .context = watch, .on_point = on_point, .on_model = on_model, .should_stop = never};
    if (train_plan_make(&request, arena, &plan, &fault, &err) != 0 ||
        train_run(&plan, &request, engine, pool, &observer, NULL, &err) != 0)
        fail_msg("%s", err.message);
    train_plan_fini(&plan);
    arena_free(arena);
}

/* Twelve steps by one combination of what may choose another path through a step. */
static void
check(struct scratch *scratch, const struct gemm_engine *engine, size_t threads,
      enum gemm_precision precision, double weight_decay)
{
    struct err err = {0};
    struct watch watch = {0};
    struct train_params params = train_params_auto();
    struct pool *pool = pool_new(threads, &err);
    assert_non_null(pool);
    params.seed = 1;
    params.max_steps = STEPS;
    params.batch_size = BATCH;
    params.precision = precision;
    params.weight_decay = weight_decay;
    params.validation_split = 0.2;
    atomic_store(&calls, 0);
    train(scratch, engine, pool, &params, &watch);
    pool_free(pool);
    assert_int_equal(watch.points, STEPS);
    assert_int_equal(watch.models, 3); /* two ends of an epoch, and the last */
    assert_true(watch.at_open > 20);   /* the counters do count */
    assert_int_equal(watch.at_end - watch.at_start, 0);
}

static void
steps_ask_nothing_of_the_allocator(void **state)
{
    (void)state;
    struct err err = {0};
    struct scratch scratch;
    struct gemm_engine *engine = NULL;
    scratch_open(&scratch);
    scratch_write_text(&scratch, "config.json", config_text);
    scratch_write_text(&scratch, "vocab.txt", vocabulary);
    assert_int_equal(gemm_engine_open(NULL, &engine, &err), 0);
    for (size_t threads = 1; threads <= 3; threads++) {
        check(&scratch, engine, threads, GEMM_FP32, 0.0);
        check(&scratch, engine, threads, GEMM_FP32, 0.01);
        if (gemm_engine_has_bf16(engine))
            check(&scratch, engine, threads, GEMM_BF16, 0.0);
    }
    gemm_engine_close(engine);
    scratch_close(&scratch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_ask_nothing_of_the_allocator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
