/*
 * Linear models against scikit-learn's optima (tests/fixtures/golden_probe.py), and the same bits
 * on any number of threads.
 */
#include "core/probe/linear.h"

#include "core/base/mem.h"
#include "tests/support/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Products are in float: objective and weights are off by about 1e-7 of their terms, and where the
 * objective is flat a weight moves by the root of that. The promise is 1e-6 and 1e-3.
 */
#define OBJECTIVE_TOLERANCE 1e-6
#define WEIGHT_TOLERANCE    1e-3
#define TIGHT               1e-7

enum { PROBES = 40 };

struct world {
    struct golden *golden;
    struct gemm_engine *engine;
};

static int
open_world(void **state)
{
    static struct world world;
    struct err err;
    world.golden = golden_open(FIXTURES "/probe/linear.safetensors");
    assert_int_equal(gemm_engine_open("native", &world.engine, &err), 0);
    *state = &world;
    return 0;
}

static int
close_world(void **state)
{
    struct world *world = *state;
    golden_close(world->golden);
    gemm_engine_close(world->engine);
    return 0;
}

static const struct linear_options options = {.tolerance = TIGHT, .max_iterations = 2000};

/* A golden case as a problem; targets are the test's to free. */
struct instance {
    struct linear_problem problem;
    uint32_t *ids;
    size_t *starts;
    size_t biases; /* as scikit-learn counts them: one for two classes */
    float *weights, *own_biases;
    struct linear_result result;
};

static void
read_classes(const struct world *world, const char *name, struct instance *it)
{
    size_t rows = it->problem.rows;
    const float *classes = golden_values(world->golden, rows, "%s.classes", name);
    it->ids = mem_array(rows, sizeof *it->ids);
    for (size_t i = 0; i < rows; i++)
        it->ids[i] = (uint32_t)classes[i];
    it->problem.classes = it->ids;
}

static void
read_members(const struct world *world, const char *name, struct instance *it)
{
    size_t rows = it->problem.rows;
    size_t k = it->problem.outputs;
    const float *members = golden_values(world->golden, rows * k, "%s.members", name);
    size_t count = 0;
    it->ids = mem_array(rows * k, sizeof *it->ids);
    it->starts = mem_array(rows + 1, sizeof *it->starts);
    for (size_t row = 0; row < rows; row++) {
        for (size_t label = 0; label < k; label++)
            if (members[row * k + label] > 0)
                it->ids[count++] = (uint32_t)label;
        it->starts[row + 1] = count;
    }
    it->problem.members = it->ids;
    it->problem.starts = it->starts;
}

static struct instance
read_instance(const struct world *world, const char *name, enum linear_loss loss)
{
    struct instance it = {.problem = {.loss = loss}};
    size_t weights = golden_count(world->golden, "%s.weights", name);
    it.biases = golden_count(world->golden, "%s.biases", name);
    it.problem.columns = weights / it.biases;
    it.problem.outputs = loss == LINEAR_SOFTMAX && it.biases == 1 ? 2 : it.biases;
    size_t features = golden_count(world->golden, "%s.features", name);
    it.problem.rows = features / it.problem.columns;
    it.problem.features = golden_values(world->golden, features, "%s.features", name);
    it.problem.c = (double)golden_values(world->golden, 1, "%s.c", name)[0];
    if (loss == LINEAR_SOFTMAX)
        read_classes(world, name, &it);
    else if (loss == LINEAR_SIGMOID)
        read_members(world, name, &it);
    else
        it.problem.values =
            golden_values(world->golden, it.problem.rows * it.biases, "%s.values", name);
    it.weights = mem_array(it.problem.outputs * it.problem.columns, sizeof(float));
    it.own_biases = mem_array(it.problem.outputs, sizeof(float));
    return it;
}

static void
drop_instance(struct instance *it)
{
    free(it->ids);
    free(it->starts);
    free(it->weights);
    free(it->own_biases);
}

static void
fit(const struct world *world, size_t threads, double tolerance, struct instance *it)
{
    struct err err;
    struct pool *pool = pool_new(threads, &err);
    struct linear_options chosen = options;
    const struct linear_machine machine = {world->engine, ops_best(), pool};
    chosen.tolerance = tolerance;
    int rc =
        linear_fit(&it->problem, &chosen, &machine, it->weights, it->own_biases, &it->result, &err);
    if (rc != 0)
        fail_msg("%s", err.message);
    pool_free(pool);
}

static void
assert_near(double found, double wanted, double scale, const char *what, size_t i)
{
    if (!(fabs(found - wanted) <= WEIGHT_TOLERANCE * scale))
        fail_msg("%s %zu is %.9g, not %.9g", what, i, found, wanted);
}

/* Weights and biases, one row being the difference of two where scikit-learn has one. */
static void
compare_weights(const struct world *world, const char *name, const struct instance *it)
{
    size_t d = it->problem.columns;
    const float *weights = golden_values(world->golden, it->biases * d, "%s.weights", name);
    const float *biases = golden_values(world->golden, it->biases, "%s.biases", name);
    bool two = it->problem.outputs == 2 && it->biases == 1;
    size_t features = it->problem.rows * d;
    double most = 1;
    double farthest = 1; /* a bias stands against weights times features */
    for (size_t i = 0; i < it->biases * d; i++)
        most = fmax(most, fabs((double)weights[i]));
    for (size_t i = 0; i < features; i++)
        farthest = fmax(farthest, fabs((double)it->problem.features[i]));
    for (size_t i = 0; i < it->biases * d; i++)
        assert_near((double)it->weights[two ? d + i : i] - (two ? (double)it->weights[i] : 0),
                    (double)weights[i], most, name, i);
    /* Of softmax the mean bias is free: differences count. */
    bool free_mean = it->problem.loss == LINEAR_SOFTMAX && !two;
    for (size_t i = 0; i < it->biases; i++)
        assert_near(two         ? (double)it->own_biases[1] - (double)it->own_biases[0]
                    : free_mean ? (double)it->own_biases[i] - (double)it->own_biases[0]
                                : (double)it->own_biases[i],
                    (double)biases[i] - (free_mean ? (double)biases[0] : 0), most * farthest, name,
                    i);
}

static void
to_probabilities(enum linear_loss loss, size_t k, float *scores)
{
    if (loss == LINEAR_SOFTMAX)
        ops_best()->softmax(k, scores);
    for (size_t i = 0; i < k && loss == LINEAR_SIGMOID; i++)
        scores[i] = 1 / (1 + expf(-scores[i]));
}

static void
compare_answers(const struct world *world, const char *name, const struct instance *it)
{
    size_t k = it->problem.outputs;
    struct err err;
    struct pool *pool = pool_new(1, &err);
    const struct linear_machine machine = {world->engine, ops_best(), pool};
    struct linear_problem probes = it->problem;
    probes.rows = PROBES;
    probes.features = golden_values(world->golden, PROBES * it->problem.columns, "%s.probes", name);
    const float *wanted = golden_values(world->golden, PROBES * k, "%s.probabilities", name);
    float *scores = mem_array(PROBES * k, sizeof *scores);
    linear_scores(&probes, &machine, it->weights, it->own_biases, scores);
    for (size_t row = 0; row < PROBES; row++) {
        size_t best = 0;
        to_probabilities(it->problem.loss, k, scores + row * k);
        for (size_t i = 0; i < k; i++) {
            assert_near((double)scores[row * k + i], (double)wanted[row * k + i], 1, name, row);
            best = scores[row * k + i] > scores[row * k + best] ? i : best;
        }
        if (it->problem.loss == LINEAR_SOFTMAX)
            assert_int_equal(
                best, (size_t)golden_values(world->golden, PROBES, "%s.predicted", name)[row]);
    }
    free(scores);
    pool_free(pool);
}

static void
compare_case(const struct world *world, const char *name, enum linear_loss loss)
{
    struct instance it = read_instance(world, name, loss);
    double wanted = (double)golden_values(world->golden, 1, "%s.objective", name)[0];
    fit(world, 2, TIGHT, &it);
    if (!(fabs(it.result.objective - wanted) <= OBJECTIVE_TOLERANCE * fabs(wanted)))
        fail_msg("%s: the objective is %.9g, not %.9g", name, it.result.objective, wanted);
    compare_weights(world, name, &it);
    compare_answers(world, name, &it);
    drop_instance(&it);
}

static void
classes_are_told_apart_as_scikit_learn_does(void **state)
{
    static const char *const names[] = {"two",       "many",          "single",
                                        "separable", "separable_two", "constant"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        compare_case(*state, names[i], LINEAR_SOFTMAX);
}

static void
labels_are_found_as_one_against_the_rest_does(void **state)
{
    compare_case(*state, "labels", LINEAR_SIGMOID);
}

static void
numbers_are_foretold_as_ridge_does(void **state)
{
    compare_case(*state, "numbers", LINEAR_SQUARED);
    compare_case(*state, "number", LINEAR_SQUARED);
}

/* Several groups of blocks and tiles: more rows, features and classes than any golden case. */
static struct instance
large_instance(void)
{
    enum { ROWS = 5000, COLUMNS = 150, CLASSES = 101 };
    struct instance it = {
        .problem = {
            .loss = LINEAR_SOFTMAX, .rows = ROWS, .columns = COLUMNS, .outputs = CLASSES, .c = 3}};
    float *features = mem_array((size_t)ROWS * COLUMNS, sizeof *features);
    uint32_t noise = 1;
    it.ids = mem_array(ROWS, sizeof *it.ids);
    for (size_t row = 0; row < ROWS; row++) {
        it.ids[row] = (uint32_t)(row * row % CLASSES);
        for (size_t i = 0; i < COLUMNS; i++) {
            noise = noise * 1664525u + 1013904223u;
            features[row * COLUMNS + i] = (float)(noise >> 16) / 65536.0f - 0.5f +
                                          ((it.ids[row] * 7 + i) % 11 == 0 ? 1.0f : 0.0f);
        }
    }
    it.problem.features = features;
    it.problem.classes = it.ids;
    it.weights = mem_array((size_t)CLASSES * COLUMNS, sizeof(float));
    it.own_biases = mem_array(CLASSES, sizeof(float));
    return it;
}

static void
threads_do_not_change_a_bit(void **state)
{
    struct instance one = large_instance();
    struct instance three = large_instance();
    size_t bytes = one.problem.outputs * one.problem.columns * sizeof(float);
    fit(*state, 1, 1e-4, &one);
    fit(*state, 3, 1e-4, &three);
    assert_memory_equal(one.weights, three.weights, bytes);
    assert_memory_equal(one.own_biases, three.own_biases, one.problem.outputs * sizeof(float));
    assert_int_equal(one.result.evaluations, three.result.evaluations);
    assert_true(one.result.end != LBFGS_ITERATIONS);
    free((void *)(uintptr_t)one.problem.features);
    free((void *)(uintptr_t)three.problem.features);
    drop_instance(&one);
    drop_instance(&three);
}

static bool
at_once(void *context)
{
    size_t *asked = context;
    return ++*asked > 3;
}

static void
a_fit_is_stopped_when_asked(void **state)
{
    const struct world *world = *state;
    struct instance it = read_instance(world, "many", LINEAR_SOFTMAX);
    size_t asked = 0;
    struct linear_options stopping = options;
    struct err err;
    struct pool *pool = pool_new(1, &err);
    const struct linear_machine machine = {world->engine, ops_best(), pool};
    stopping.should_stop = at_once;
    stopping.context = &asked;
    assert_int_equal(
        linear_fit(&it.problem, &stopping, &machine, it.weights, it.own_biases, &it.result, &err),
        ERR_STOPPED);
    pool_free(pool);
    drop_instance(&it);
}

static void
too_many_weights_are_refused(void **state)
{
    (void)state;
    assert_true(linear_fit_bytes(768, 77) < (size_t)64 << 20);
    assert_true(linear_fit_bytes(LINEAR_MAX_WEIGHTS, 2) == SIZE_MAX);
    assert_true(linear_fit_bytes(SIZE_MAX, 2) == SIZE_MAX);
}

static void
features_that_are_no_numbers_are_refused(void **state)
{
    const struct world *world = *state;
    struct instance it = read_instance(world, "two", LINEAR_SOFTMAX);
    size_t count = it.problem.rows * it.problem.columns;
    float *features = mem_array(count, sizeof *features);
    struct err err;
    struct pool *pool = pool_new(1, &err);
    const struct linear_machine machine = {world->engine, ops_best(), pool};
    memcpy(features, it.problem.features, count * sizeof *features);
    features[5] = NAN;
    it.problem.features = features;
    assert_int_equal(
        linear_fit(&it.problem, &options, &machine, it.weights, it.own_biases, &it.result, &err),
        ERR_DIVERGED);
    pool_free(pool);
    free(features);
    drop_instance(&it);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_told_apart_as_scikit_learn_does),
        cmocka_unit_test(labels_are_found_as_one_against_the_rest_does),
        cmocka_unit_test(numbers_are_foretold_as_ridge_does),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(a_fit_is_stopped_when_asked),
        cmocka_unit_test(too_many_weights_are_refused),
        cmocka_unit_test(features_that_are_no_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
