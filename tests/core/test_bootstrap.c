/*
 * Bootstrap intervals, calibration of labels and paired tests against scikit-learn, scipy, seqeval
 * and statsmodels (tests/fixtures/golden_intervals.py), which measure the same drawn rows.
 */
#include "core/eval/bootstrap.h"

#include "core/eval/calibration.h"
#include "core/eval/entities.h"
#include "core/eval/significance.h"
#include "tests/support/golden_measures.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int
load(void **state)
{
    static struct golden_measures golden;
    golden_measures_load(&golden, FIXTURES "/intervals/intervals.json");
    *state = &golden;
    return 0;
}

static int
unload(void **state)
{
    golden_measures_unload(*state);
    return 0;
}

static void
assert_interval(struct interval found, const json_t *one, const char *name, size_t number)
{
    const json_t *wanted = json_object_get(one, name);
    assert_int_equal(json_array_size(wanted), 2);
    golden_measures_close(found.low, json_array_get(wanted, 0), name, number);
    golden_measures_close(found.high, json_array_get(wanted, 1), name, number);
}

static size_t
size_of(const json_t *one, const char *key)
{
    return json_array_size(json_object_get(one, key));
}

static size_t
count_of(const json_t *one, const char *key)
{
    return (size_t)json_integer_value(json_object_get(one, key));
}

static double *
read_numbers(struct golden_measures *golden, const json_t *one, const char *key, double scale)
{
    double *out = arena_array(golden->arena, size_of(one, key) + 1, sizeof *out);
    for (size_t i = 0; i < size_of(one, key); i++)
        out[i] = json_number_value(json_array_get(json_object_get(one, key), i)) * scale;
    return out;
}

static uint8_t *
read_bits(struct golden_measures *golden, const json_t *one, const char *key)
{
    const double *values = read_numbers(golden, one, key, 1);
    uint8_t *out = arena_array(golden->arena, size_of(one, key) + 1, 1);
    for (size_t i = 0; i < size_of(one, key); i++)
        out[i] = values[i] > 0;
    return out;
}

/* ---- intervals ------------------------------------------------------------------------------- */

static void
intervals_of_classes_are_scikit_learns(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "classification"), number, one) {
        struct bootstrap_intervals found;
        struct err err;
        size_t rows = size_of(one, "truth");
        const double *truth = read_numbers(golden, one, "truth", 1);
        const double *predicted = read_numbers(golden, one, "predicted", 1);
        struct class_outcome *outcomes = arena_array(golden->arena, rows, sizeof *outcomes);
        for (size_t row = 0; row < rows; row++)
            outcomes[row] = (struct class_outcome){.truth = (uint32_t)truth[row],
                                                   .predicted = (uint32_t)predicted[row]};
        const struct class_predictions in = {rows, count_of(one, "classes"), outcomes, NULL};
        assert_int_equal(bootstrap_classification(&in, 0, &found, &err), 0);
        assert_interval(found.accuracy, one, "accuracy", number);
        assert_interval(found.macro_f1, one, "macro_f1", number);
    }
    assert_int_equal(number, 1);
}

static struct multi_label_predictions
read_labels(struct golden_measures *golden, const json_t *one)
{
    size_t labels = count_of(one, "labels");
    return (struct multi_label_predictions){
        .rows = size_of(one, "truth") / labels,
        .labels = labels,
        .probabilities = golden_measures_floats(golden, one, "counts", 1.0 / 64),
        .truth = read_bits(golden, one, "truth"),
        .thresholds = golden_measures_floats(golden, one, "thresholds", 1.0 / 64)};
}

static void
intervals_of_labels_are_scikit_learns(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "multi_label"), number, one) {
        struct multi_label_predictions in = read_labels(golden, one);
        struct bootstrap_label_intervals found;
        struct err err;
        assert_int_equal(bootstrap_multi_label(&in, 0, &found, &err), 0);
        assert_interval(found.accuracy, one, "accuracy", number);
        assert_interval(found.micro_f1, one, "micro_f1", number);
        assert_interval(found.macro_f1, one, "macro_f1", number);
    }
    assert_int_equal(number, 2);
}

/* The last of five rows: some rounds draw one row alone, which has no variance. */
static void
intervals_of_numbers_are_scikit_learns_and_scipys(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "regression"), number, one) {
        struct bootstrap_number_intervals found;
        struct err err;
        size_t targets = count_of(one, "targets");
        const struct bootstrap_numbers in = {
            size_of(one, "truth") / targets, targets,
            golden_measures_floats(golden, one, "predicted", 0.125),
            golden_measures_floats(golden, one, "truth", 0.125)};
        assert_int_equal(bootstrap_regression(&in, 0, &found, &err), 0);
        assert_interval(found.mse, one, "mse", number);
        assert_interval(found.mae, one, "mae", number);
        assert_interval(found.r2, one, "r2", number);
        assert_interval(found.pearson, one, "pearson", number);
        assert_interval(found.spearman, one, "spearman", number);
    }
    assert_int_equal(number, 3);
}

/* Sentences end to end, and how many of their words are right. */
struct sentences {
    struct entity_predictions in;
    uint32_t *words, *right;
};

static struct sentences
read_sentences(struct golden_measures *golden, const json_t *one)
{
    enum { MOST = 400 };
    size_t rows = size_of(one, "truth"), place = 0;
    size_t *offsets = arena_array(golden->arena, rows + 1, sizeof *offsets);
    uint32_t *truth = arena_array(golden->arena, MOST, sizeof *truth);
    uint32_t *predicted = arena_array(golden->arena, MOST, sizeof *predicted);
    struct sentences out = {{offsets, rows, truth, predicted},
                            arena_array(golden->arena, rows, sizeof *out.words),
                            arena_array(golden->arena, rows, sizeof *out.right)};
    for (size_t row = 0; row < rows; row++) {
        const json_t *a = json_array_get(json_object_get(one, "truth"), row);
        const json_t *b = json_array_get(json_object_get(one, "predicted"), row);
        offsets[row] = place;
        out.words[row] = (uint32_t)json_array_size(a);
        out.right[row] = 0;
        for (size_t i = 0; i < json_array_size(a) && place < MOST; i++, place++) {
            truth[place] = (uint32_t)json_integer_value(json_array_get(a, i));
            predicted[place] = (uint32_t)json_integer_value(json_array_get(b, i));
            out.right[row] += truth[place] == predicted[place];
        }
    }
    offsets[rows] = place;
    return out;
}

static void
intervals_of_entities_are_seqevals(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "tokens"), number, one) {
        struct bootstrap_token_intervals found;
        struct entity_scheme scheme;
        struct err err;
        const char *names[16];
        struct sentences read = read_sentences(golden, one);
        size_t rows = read.in.sequences, labels = size_of(one, "names");
        for (size_t i = 0; i < labels; i++)
            names[i] = json_string_value(json_array_get(json_object_get(one, "names"), i));
        struct class_count *lenient = arena_array(golden->arena, rows, sizeof *lenient);
        struct class_count *strict = arena_array(golden->arena, rows, sizeof *strict);
        assert_int_equal(entity_scheme_make(names, labels, golden->arena, &scheme, &err), 0);
        assert_int_equal(entity_count_each(&scheme, ENTITY_DEFAULT, &read.in, lenient, &err), 0);
        assert_int_equal(entity_count_each(&scheme, number == 0 ? ENTITY_IOB2 : ENTITY_IOBES,
                                           &read.in, strict, &err),
                         0);
        struct bootstrap_sentences in = {rows, read.words, read.right, lenient, strict};
        assert_int_equal(bootstrap_tokens(&in, 0, &found, &err), 0);
        assert_interval(found.accuracy, one, "accuracy", number);
        assert_interval(found.entity_f1, one, "entity_f1", number);
        assert_interval(found.strict_f1, one, "strict_f1", number);
        in.lenient = in.strict = NULL; /* labels that mark no entities */
        assert_int_equal(bootstrap_tokens(&in, 0, &found, &err), 0);
        assert_interval(found.accuracy, one, "accuracy", number);
        assert_true(isnan(found.entity_f1.low) && isnan(found.strict_f1.high));
    }
    assert_int_equal(number, 2);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void
more_than_the_cells_have_no_interval(void **state)
{
    enum { LABELS = 4096, ROWS = BOOTSTRAP_MAX_CELLS / LABELS + 1 };
    struct golden_measures *golden = *state;
    struct bootstrap_label_intervals found;
    struct bootstrap_number_intervals numbers;
    struct err err;
    float *scores = arena_array(golden->arena, (size_t)ROWS * LABELS, sizeof *scores);
    float *thresholds = arena_array(golden->arena, LABELS, sizeof *thresholds);
    uint8_t *truth = arena_array(golden->arena, (size_t)ROWS * LABELS, 1);
    memset(truth, 1, (size_t)ROWS * LABELS);
    memset(scores, 0, (size_t)ROWS * LABELS * sizeof *scores);
    memset(thresholds, 0, LABELS * sizeof *thresholds);
    const struct multi_label_predictions in = {ROWS, LABELS, scores, truth, thresholds};
    assert_int_equal(bootstrap_multi_label(&in, 0, &found, &err), 0);
    assert_true(found.micro_f1.low == 1 && found.accuracy.high == 1);
    assert_true(isnan(found.macro_f1.low) && isnan(found.macro_f1.high));
    const struct bootstrap_numbers many = {ROWS, LABELS, scores, scores};
    assert_int_equal(bootstrap_regression(&many, 0, &numbers, &err), 0);
    assert_true(isnan(numbers.mse.low) && isnan(numbers.spearman.high));
}

static void
no_rows_are_refused(void **state)
{
    (void)state;
    const struct class_predictions classes = {.classes = 2};
    const struct multi_label_predictions labels = {.labels = 2};
    const struct bootstrap_sentences sentences = {0};
    const struct bootstrap_numbers numbers = {.targets = 1};
    struct bootstrap_intervals a;
    struct bootstrap_label_intervals b;
    struct bootstrap_token_intervals c;
    struct bootstrap_number_intervals d;
    struct calibration calibration;
    struct err err;
    assert_int_equal(bootstrap_classification(&classes, 0, &a, &err), ERR_INVALID);
    assert_int_equal(bootstrap_multi_label(&labels, 0, &b, &err), ERR_INVALID);
    assert_int_equal(bootstrap_tokens(&sentences, 0, &c, &err), ERR_INVALID);
    assert_int_equal(bootstrap_regression(&numbers, 0, &d, &err), ERR_INVALID);
    assert_int_equal(calibration_measure_labels(NULL, NULL, 0, &calibration, &err), ERR_INVALID);
}

/* ---- calibration ----------------------------------------------------------------------------- */

static void
calibration_of_labels_is_numpys(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "multi_label"), number, one) {
        struct multi_label_predictions in = read_labels(golden, one);
        const json_t *bins = json_object_get(one, "bins");
        struct calibration found;
        struct err err;
        assert_int_equal(calibration_measure_labels(in.probabilities, in.truth, in.rows * in.labels,
                                                    &found, &err),
                         0);
        golden_measures_close(found.ece, json_object_get(one, "ece"), "ece", number);
        golden_measures_close(found.brier, json_object_get(one, "brier"), "brier", number);
        assert_int_equal(json_array_size(bins), CALIBRATION_BINS);
        for (size_t b = 0; b < CALIBRATION_BINS; b++) {
            const json_t *bin = json_array_get(bins, b);
            assert_int_equal(found.bins[b].rows, json_integer_value(json_array_get(bin, 0)));
            golden_measures_close(found.bins[b].confidence, json_array_get(bin, 1), "confidence",
                                  number);
            golden_measures_close(found.bins[b].accuracy, json_array_get(bin, 2), "accuracy",
                                  number);
        }
    }
}

/* ---- paired tests ---------------------------------------------------------------------------- */

static void
wilcoxon_is_scipys(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "wilcoxon"), number, one) {
        struct wilcoxon found, other;
        struct err err;
        size_t rows = size_of(one, "first");
        const double *first = read_numbers(golden, one, "first", 0.125);
        const double *second = read_numbers(golden, one, "second", 0.125);
        assert_int_equal(wilcoxon_test(first, second, rows, &found, &err), 0);
        assert_int_equal(found.first_nearer, count_of(one, "first_nearer"));
        assert_int_equal(found.second_nearer, count_of(one, "second_nearer"));
        golden_measures_close(found.p_value, json_object_get(one, "p_value"), "p_value", number);
        assert_int_equal(wilcoxon_test(second, first, rows, &other, &err), 0);
        assert_true(other.p_value == found.p_value);
    }
    assert_int_equal(number, 60);
}

static void
models_that_never_differ_are_equal(void **state)
{
    (void)state;
    static const double distances[] = {0.5, 1, 2};
    struct wilcoxon found;
    struct err err;
    assert_int_equal(wilcoxon_test(distances, distances, 3, &found, &err), 0);
    assert_true(found.p_value == 1 && found.first_nearer == 0 && found.second_nearer == 0);
    assert_int_equal(wilcoxon_test(NULL, NULL, 0, &found, &err), 0);
    assert_true(found.p_value == 1);
}

static void
mcnemar_of_rows_is_statsmodels(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "paired_rows"), number, one) {
        size_t rows = size_of(one, "first");
        const uint8_t *a = read_bits(golden, one, "first"), *b = read_bits(golden, one, "second");
        bool *first = arena_array(golden->arena, rows, sizeof *first);
        bool *second = arena_array(golden->arena, rows, sizeof *second);
        for (size_t row = 0; row < rows; row++) {
            first[row] = a[row] != 0;
            second[row] = b[row] != 0;
        }
        struct mcnemar found = mcnemar_test_rows(first, second, rows);
        assert_int_equal(found.only_first_right, count_of(one, "only_first"));
        assert_int_equal(found.only_second_right, count_of(one, "only_second"));
        golden_measures_close(found.p_value, json_object_get(one, "p_value"), "p_value", number);
    }
    assert_int_equal(number, 20);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_of_classes_are_scikit_learns),
        cmocka_unit_test(intervals_of_labels_are_scikit_learns),
        cmocka_unit_test(intervals_of_numbers_are_scikit_learns_and_scipys),
        cmocka_unit_test(intervals_of_entities_are_seqevals),
        cmocka_unit_test(more_than_the_cells_have_no_interval),
        cmocka_unit_test(no_rows_are_refused),
        cmocka_unit_test(calibration_of_labels_is_numpys),
        cmocka_unit_test(wilcoxon_is_scipys),
        cmocka_unit_test(models_that_never_differ_are_equal),
        cmocka_unit_test(mcnemar_of_rows_is_statsmodels),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
