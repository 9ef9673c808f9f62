/*
 * Evaluation: every row once, in whatever batches.
 */
#include "core/train/evaluate.h"

#include "core/data/labels.h"
#include "tests/support/close.h"
#include "tests/support/small_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Sums of floats in another order. */
static const double tolerance = 1e-6;

enum { LONGEST = 24, ROWS = 700, LABELS = 5 };

static const struct model_config shape = {
    .hidden_size = 16,
    .layers = 2,
    .heads = 2,
    .intermediate_size = 32,
    .vocab_size = 40,
    .max_positions = LONGEST,
    .type_vocab_size = 2,
    .activation = ACTIVATION_GELU,
    .layer_norm_eps = 1e-12,
    .label_count = LABELS,
};

struct fixture {
    struct small_model model;
    struct token_store store;
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    small_model_random(&f.model, &shape, 3);
    small_rows_random(&f.store, ROWS, LONGEST, &f.model.config, 5);
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    token_store_fini(&f->store);
    small_model_free(&f->model);
    return 0;
}

static struct pool *
new_pool(size_t threads)
{
    struct err err;
    struct pool *pool = pool_new(threads, &err);
    assert_non_null(pool);
    return pool;
}

/* ---- visits ---------------------------------------------------------------------------------- */

struct visits {
    const struct token_store *store;
    size_t seen[ROWS]; /* of each row */
    float logits[ROWS][LABELS];
    size_t batches;
    size_t last_length;
    size_t stop_after; /* batches; 0: never */
    atomic_size_t asked;
};

static void
visit(void *context, const struct batch *batch, const struct workspace *workspace)
{
    struct visits *visits = context;
    size_t longest = 0;
    assert_true(batch->rows <= EVALUATE_ROWS);
    assert_true(batch->tokens <= EVALUATE_TOKENS);
    for (size_t row = 0; row < batch->rows; row++) {
        size_t source = batch->sources[row];
        size_t length = visits->store->offsets[source + 1] - visits->store->offsets[source];
        longest = length > longest ? length : longest;
        visits->seen[source]++;
        memcpy(visits->logits[source], workspace->logits + row * LABELS,
               sizeof visits->logits[source]);
    }
    assert_true(visits->batches == 0 || longest <= visits->last_length);
    visits->last_length = longest;
    visits->batches++;
}

static bool
stop(void *context)
{
    struct visits *visits = context;
    atomic_fetch_add(&visits->asked, 1);
    return visits->stop_after > 0 && visits->batches == visits->stop_after;
}

static bool
run(struct fixture *f, struct evaluator *evaluator, size_t threads, struct visits *visits)
{
    struct pool *pool = new_pool(threads);
    struct evaluator_visitor visitor = {.visit = visit, .should_stop = stop, .context = visits};
    bool whole = evaluator_run(evaluator, &f->model.network, pool, &visitor);
    pool_free(pool);
    return whole;
}

static void
every_row_is_visited_once_and_the_longest_come_first(void **state)
{
    struct fixture *f = *state;
    struct evaluator evaluator;
    struct err err;
    struct visits *visits = calloc(1, sizeof *visits);
    visits->store = &f->store;
    assert_int_equal(evaluator_init(&evaluator, &f->store, &f->model.config, 2, &err), 0);
    assert_true(run(f, &evaluator, 2, visits));
    for (size_t row = 0; row < ROWS; row++)
        assert_int_equal(visits->seen[row], 1);
    assert_true(visits->batches > 3); /* both limits were reached */
    evaluator_fini(&evaluator);
    free(visits);
}

static void
stopped_evaluation_visits_no_more_batches(void **state)
{
    struct fixture *f = *state;
    struct evaluator evaluator;
    struct err err;
    struct visits *visits = calloc(1, sizeof *visits);
    visits->store = &f->store;
    visits->stop_after = 2;
    assert_int_equal(evaluator_init(&evaluator, &f->store, &f->model.config, 2, &err), 0);
    assert_false(run(f, &evaluator, 2, visits));
    assert_int_equal(visits->batches, 2);
    /* and it was asked within the batches, not only between them */
    assert_true(atomic_load(&visits->asked) > 3 * shape.layers);
    evaluator_fini(&evaluator);
    free(visits);
}

/* Logits in the memory of a workspace with `reserve` bytes at least are those in memory of its own.
 */
static void
check_guest(struct fixture *f, size_t reserve, bool fits, const struct visits *want)
{
    struct evaluator evaluator;
    struct workspace host;
    struct err err;
    struct visits *visits = calloc(1, sizeof *visits);
    struct workspace_shape small = {
        .training = true, .rows = 1, .tokens = 2, .longest = 2, .threads = 2, .reserve = reserve};
    visits->store = &f->store;
    assert_int_equal(workspace_init(&host, &f->model.config, &small, &err), 0);
    assert_int_equal(evaluator_init_in(&evaluator, &f->store, &f->model.config, &host, &err), 0);
    assert_true((evaluator.workspace.pages.memory == NULL) == fits);
    assert_true(run(f, &evaluator, 2, visits));
    assert_memory_equal(visits->logits, want->logits, sizeof want->logits);
    evaluator_fini(&evaluator);
    workspace_fini(&host);
    free(visits);
}

static void
an_evaluator_lies_in_an_idle_workspace_that_is_large_enough(void **state)
{
    struct fixture *f = *state;
    struct evaluator evaluator;
    struct err err;
    struct visits *visits = calloc(1, sizeof *visits);
    size_t bytes = evaluator_bytes(&f->store, &f->model.config, 2);
    visits->store = &f->store;
    assert_int_equal(evaluator_bytes(&(struct token_store){0}, &f->model.config, 2), 0);
    assert_int_equal(evaluator_init(&evaluator, &f->store, &f->model.config, 2, &err), 0);
    assert_int_equal(evaluator.workspace.pages.bytes, bytes);
    assert_true(run(f, &evaluator, 2, visits));
    evaluator_fini(&evaluator);
    check_guest(f, bytes, true, visits);
    check_guest(f, bytes - 1, false, visits);
    free(visits);
}

/* One workspace for stores that come and go, larger and smaller, and for single rows. */
static void
evaluator_turns_from_store_to_store(void **state)
{
    struct fixture *f = *state;
    struct evaluator evaluator;
    struct err err;
    struct visits *all = calloc(1, sizeof *all);
    struct visits *one = calloc(1, sizeof *one);
    all->store = &f->store;
    assert_int_equal(evaluator_reserve(&evaluator, &f->model.config, LONGEST, 2, &err), 0);
    for (size_t round = 0; round < 2; round++) {
        assert_int_equal(evaluator_use(&evaluator, &f->store, &err), 0);
        assert_true(run(f, &evaluator, 1 + round, all));
        for (size_t row = round; row < 40; row += 7) {
            struct token_store single = {0};
            uint32_t ids[LONGEST];
            uint8_t types[LONGEST];
            size_t from = f->store.offsets[row];
            size_t length = f->store.offsets[row + 1] - from;
            token_store_copy(&f->store, from, length, ids, types);
            small_rows_append(&single, ids, types, length, LABEL_NONE);
            *one = (struct visits){.store = &single};
            assert_int_equal(evaluator_use(&evaluator, &single, &err), 0);
            assert_true(run(f, &evaluator, 1, one));
            close_assert(close_worst(one->logits[0], all->logits[row], LABELS), tolerance,
                         "a row alone");
            token_store_fini(&single);
        }
        all->batches = 0;
    }
    evaluator_fini(&evaluator);
    free(all);
    free(one);
}

/* ---- measures -------------------------------------------------------------------------------- */

static struct evaluation
evaluate_on(struct fixture *f, size_t threads)
{
    struct evaluator evaluator;
    struct evaluation result;
    struct err err;
    struct pool *pool = new_pool(threads);
    assert_int_equal(evaluator_init(&evaluator, &f->store, &f->model.config, threads, &err), 0);
    const struct evaluate_call call = {
        .evaluator = &evaluator, .network = &f->model.network, .pool = pool};
    assert_true(evaluate(&call, &result));
    evaluator_fini(&evaluator);
    pool_free(pool);
    return result;
}

static void
loss_and_accuracy_are_those_of_the_logits(void **state)
{
    struct fixture *f = *state;
    struct evaluator evaluator;
    struct err err;
    struct visits *visits = calloc(1, sizeof *visits);
    double loss = 0;
    size_t correct = 0;
    visits->store = &f->store;
    assert_int_equal(evaluator_init(&evaluator, &f->store, &f->model.config, 1, &err), 0);
    assert_true(run(f, &evaluator, 1, visits));
    for (size_t row = 0; row < ROWS; row++) {
        const float *logits = visits->logits[row];
        double sum = 0;
        size_t best = 0;
        for (size_t k = 0; k < LABELS; k++) {
            sum += exp((double)logits[k]);
            best = logits[k] > logits[best] ? k : best;
        }
        loss += log(sum) - (double)logits[f->store.targets.classes[row]];
        correct += best == f->store.targets.classes[row];
    }
    struct evaluation result = evaluate_on(f, 1);
    assert_true(fabs(result.loss - loss / ROWS) < tolerance);
    assert_true(fabs(result.accuracy - (double)correct / ROWS) < 1e-12);
    evaluator_fini(&evaluator);
    free(visits);
}

static void
number_of_threads_changes_no_bit(void **state)
{
    struct fixture *f = *state;
    struct evaluation one = evaluate_on(f, 1);
    for (size_t threads = 2; threads <= 4; threads++) {
        struct evaluation many = evaluate_on(f, threads);
        assert_memory_equal(&one, &many, sizeof one);
    }
}

static bool
always(void *context)
{
    (void)context;
    return true;
}

static void
evaluation_can_be_stopped(void **state)
{
    struct fixture *f = *state;
    struct evaluator evaluator;
    struct evaluation result;
    struct err err;
    struct pool *pool = new_pool(2);
    assert_int_equal(evaluator_init(&evaluator, &f->store, &f->model.config, 2, &err), 0);
    const struct evaluate_call call = {.evaluator = &evaluator,
                                       .network = &f->model.network,
                                       .pool = pool,
                                       .should_stop = always};
    assert_false(evaluate(&call, &result));
    evaluator_fini(&evaluator);
    pool_free(pool);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_row_is_visited_once_and_the_longest_come_first),
        CASE(stopped_evaluation_visits_no_more_batches),
        CASE(an_evaluator_lies_in_an_idle_workspace_that_is_large_enough),
        CASE(evaluator_turns_from_store_to_store),
        CASE(loss_and_accuracy_are_those_of_the_logits),
        CASE(number_of_threads_changes_no_bit),
        CASE(evaluation_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
