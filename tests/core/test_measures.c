/*
 * Measures against scikit-learn, scipy, seqeval and statsmodels
 * (tests/fixtures/golden_measures.py): 200 random sets of each kind, ties, empty classes and single
 * rows among them.
 */
#include "core/eval/bootstrap.h"
#include "core/eval/calibration.h"
#include "core/eval/classification.h"
#include "core/eval/entities.h"
#include "core/eval/multi_label.h"
#include "core/eval/regression.h"
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
    golden_measures_load(&golden, FIXTURES "/measures/measures.json.gz");
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
assert_member(double found, const json_t *one, const char *key, size_t number)
{
    const json_t *wanted = json_object_get(one, key);
    assert_non_null(wanted);
    golden_measures_close(found, wanted, key, number);
}

static void
assert_averages(const struct class_averages *found, const json_t *one, const char *key,
                size_t number)
{
    const json_t *wanted = json_object_get(one, key);
    assert_int_equal(json_array_size(wanted), 3);
    golden_measures_close(found->precision, json_array_get(wanted, 0), key, number);
    golden_measures_close(found->recall, json_array_get(wanted, 1), key, number);
    golden_measures_close(found->f1, json_array_get(wanted, 2), key, number);
}

static uint32_t *
read_ids(struct golden_measures *golden, const json_t *list, size_t *count)
{
    uint32_t *out = arena_array(golden->arena, json_array_size(list) + 1, sizeof *out);
    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++)
        out[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    return out;
}

/* Outcomes that know truth and prediction alone. */
static struct class_outcome *
outcomes_of(struct golden_measures *golden, const uint32_t *truth, const uint32_t *predicted,
            size_t rows)
{
    struct class_outcome *out = arena_array(golden->arena, rows + 1, sizeof *out);
    for (size_t row = 0; row < rows; row++)
        out[row] = (struct class_outcome){.truth = truth[row], .predicted = predicted[row]};
    return out;
}

static struct class_predictions
judge(struct golden_measures *golden, const float *probabilities, const uint32_t *truth,
      size_t rows, size_t classes)
{
    struct class_outcome *outcomes = arena_array(golden->arena, rows + 1, sizeof *outcomes);
    for (size_t row = 0; row < rows; row++)
        outcomes[row] = class_outcome_of(probabilities + row * classes, classes, truth[row]);
    return (struct class_predictions){rows, classes, outcomes, probabilities};
}

static struct class_predictions
read_predictions(struct golden_measures *golden, const json_t *one)
{
    size_t rows;
    uint32_t *truth = read_ids(golden, json_object_get(one, "truth"), &rows);
    return judge(golden, golden_measures_floats(golden, one, "counts", 1.0 / 64), truth, rows,
                 (size_t)json_integer_value(json_object_get(one, "classes")));
}

static void
assert_table(const struct classification_measures *found, const json_t *one, size_t classes,
             size_t number)
{
    const json_t *confusion = json_object_get(one, "confusion");
    for (size_t c = 0; c < classes; c++) {
        const struct class_scores *scores = &found->per_class[c];
        golden_measures_close(scores->precision,
                              json_array_get(json_object_get(one, "precision"), c), "precision",
                              number);
        golden_measures_close(scores->recall, json_array_get(json_object_get(one, "recall"), c),
                              "recall", number);
        golden_measures_close(scores->f1, json_array_get(json_object_get(one, "f1"), c), "f1",
                              number);
        golden_measures_close((double)scores->support,
                              json_array_get(json_object_get(one, "support"), c), "support",
                              number);
    }
    for (size_t i = 0; i < classes * classes; i++)
        assert_int_equal(found->confusion[i], json_integer_value(json_array_get(confusion, i)));
}

static void
classification_is_scikit_learns(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "classification"), number, one) {
        struct class_predictions in = read_predictions(golden, one);
        struct classification_measures found;
        struct calibration calibration;
        struct err err;
        assert_int_equal(classification_measure(&in, golden->arena, &found, &err), 0);
        assert_int_equal(calibration_measure(&in, &calibration, &err), 0);
        assert_member(found.accuracy, one, "accuracy", number);
        assert_averages(&found.macro, one, "macro", number);
        assert_averages(&found.weighted, one, "weighted", number);
        assert_member(found.mcc, one, "mcc", number);
        assert_member(found.kappa, one, "kappa", number);
        assert_member(found.log_loss, one, "log_loss", number);
        assert_member(found.roc_auc, one, "roc_auc", number);
        assert_member(found.average_precision, one, "average_precision", number);
        assert_member(found.top_3, one, "top_3", number);
        assert_member(found.top_5, one, "top_5", number);
        assert_member(calibration.ece, one, "ece", number);
        assert_member(calibration.brier, one, "brier", number);
        assert_table(&found, one, in.classes, number);
    }
    assert_int_equal(number, 200);
}

static void
multi_label_is_scikit_learns(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "multi_label"), number, one) {
        struct multi_label_predictions in = {0};
        struct multi_label_measures found;
        struct err err;
        float thresholds[8] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, tuned[8];
        in.labels = (size_t)json_integer_value(json_object_get(one, "labels"));
        in.probabilities = golden_measures_floats(golden, one, "counts", 1.0 / 64);
        in.thresholds = thresholds;
        size_t cells;
        uint32_t *truth = read_ids(golden, json_object_get(one, "truth"), &cells);
        uint8_t *bits = arena_array(golden->arena, cells, 1);
        for (size_t i = 0; i < cells; i++)
            bits[i] = (uint8_t)truth[i];
        in.truth = bits;
        in.rows = cells / in.labels;
        assert_int_equal(multi_label_measure(&in, golden->arena, &found, &err), 0);
        assert_member(found.subset_accuracy, one, "subset_accuracy", number);
        assert_member(found.hamming_loss, one, "hamming_loss", number);
        assert_averages(&found.macro, one, "macro", number);
        assert_averages(&found.micro, one, "micro", number);
        assert_averages(&found.weighted, one, "weighted", number);
        assert_member(found.roc_auc, one, "roc_auc", number);
        assert_member(found.average_precision, one, "average_precision", number);
        assert_member(found.log_loss, one, "log_loss", number);
        /* With the tuned thresholds every label reaches the best F1 that any threshold gives. */
        assert_int_equal(multi_label_tune(&in, tuned, &err), 0);
        in.thresholds = tuned;
        assert_int_equal(multi_label_measure(&in, golden->arena, &found, &err), 0);
        for (size_t k = 0; k < in.labels; k++)
            golden_measures_close(found.per_label[k].f1,
                                  json_array_get(json_object_get(one, "best_f1"), k), "best_f1",
                                  number);
    }
    assert_int_equal(number, 200);
}

/* New rows have other scores than those that tuned it. */
static void
tuned_threshold_lies_between_scores(void **state)
{
    static const struct {
        float scores[4];
        uint8_t truth[4];
        float threshold;
    } cases[] = {
        {{0.9f, 0.8f, 0.4f, 0.1f}, {1, 1, 0, 0}, 0.5f},         /* in the gap */
        {{0.9f, 0.875f, 0.625f, 0.1f}, {1, 1, 0, 0}, 0.75f},    /* above it */
        {{0.25f, 0.125f, 0.0625f, 0}, {1, 0, 0, 0}, 0.1875f},   /* below it */
        {{0.25f, 0.25f, 0.25f, 0.25f}, {1, 1, 0, 1}, 0.25f},    /* nothing is lower */
        {{0.75f, 0.75f, 0.75f, 0.75f}, {1, 1, 0, 1}, 0.5f},     /* nothing is lower */
        {{0.25f, 0.125f, 0.0625f, 0}, {0, 0, 0, 0}, 0.5f},      /* nothing to find */
        {{0x1p-2f, 0x1.fffffep-3f, 0, 0}, {1, 0, 0, 0}, 0.25f}, /* neighbours among floats */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct multi_label_predictions in = {
            .rows = 4, .labels = 1, .probabilities = cases[i].scores, .truth = cases[i].truth};
        float tuned = -1;
        struct err err;
        assert_int_equal(multi_label_tune(&in, &tuned, &err), 0);
        assert_true(tuned == cases[i].threshold);
    }
}

static void
regression_is_scikit_learns_and_scipys(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "regression"), number, one) {
        struct regression_measures found;
        struct err err;
        assert_int_equal(regression_measure(golden_measures_floats(golden, one, "predicted", 0.125),
                                            golden_measures_floats(golden, one, "truth", 0.125),
                                            json_array_size(json_object_get(one, "truth")), &found,
                                            &err),
                         0);
        assert_member(found.mse, one, "mse", number);
        assert_member(found.mae, one, "mae", number);
        assert_member(found.r2, one, "r2", number);
        assert_member(found.pearson, one, "pearson", number);
        assert_member(found.spearman, one, "spearman", number);
    }
    assert_int_equal(number, 200);
}

/* Sequences end to end. */
static struct entity_predictions
read_sequences(struct golden_measures *golden, const json_t *one)
{
    const json_t *truth = json_object_get(one, "truth"), *found = json_object_get(one, "predicted");
    size_t sequences = json_array_size(truth), tokens = 0;
    size_t *offsets = arena_array(golden->arena, sequences + 1, sizeof *offsets);
    for (size_t s = 0; s < sequences; s++)
        tokens += json_array_size(json_array_get(truth, s));
    uint32_t *a = arena_array(golden->arena, tokens, sizeof *a);
    uint32_t *b = arena_array(golden->arena, tokens, sizeof *b);
    offsets[0] = 0;
    for (size_t s = 0; s < sequences; s++) {
        size_t length = json_array_size(json_array_get(truth, s));
        offsets[s + 1] = offsets[s] + length;
        for (size_t i = 0; i < length; i++) {
            a[offsets[s] + i] =
                (uint32_t)json_integer_value(json_array_get(json_array_get(truth, s), i));
            b[offsets[s] + i] =
                (uint32_t)json_integer_value(json_array_get(json_array_get(found, s), i));
        }
    }
    return (struct entity_predictions){offsets, sequences, a, b};
}

static void
entities_are_seqevals(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "entities"), number, one) {
        const json_t *names = json_object_get(one, "names");
        const char *labels[16];
        struct entity_scheme scheme;
        struct entity_measures found;
        struct err err;
        struct entity_predictions in = read_sequences(golden, one);
        for (size_t i = 0; i < json_array_size(names); i++)
            labels[i] = json_string_value(json_array_get(names, i));
        assert_int_equal(
            entity_scheme_make(labels, json_array_size(names), golden->arena, &scheme, &err), 0);
        assert_int_equal(entity_measure(&scheme, ENTITY_DEFAULT, &in, golden->arena, &found, &err),
                         0);
        assert_member(found.accuracy, one, "accuracy", number);
        assert_averages(&found.micro, one, "default_micro", number);
        assert_averages(&found.macro, one, "default_macro", number);
        assert_averages(&found.weighted, one, "default_weighted", number);
        enum entity_mode strict = number % 2 != 0 ? ENTITY_IOB2 : ENTITY_IOBES;
        assert_int_equal(entity_measure(&scheme, strict, &in, golden->arena, &found, &err), 0);
        assert_averages(&found.micro, one, "strict_micro", number);
        assert_averages(&found.macro, one, "strict_macro", number);
        assert_averages(&found.weighted, one, "strict_weighted", number);
    }
    assert_int_equal(number, 200);
}

static void
labels_that_are_no_tags_are_named(void **state)
{
    struct golden_measures *golden = *state;
    static const char *const wrong[] = {"PER", "X-PER", "B-", "", "b-PER", "BPER"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *labels[] = {"O", wrong[i]};
        struct entity_scheme scheme;
        struct err err;
        assert_int_equal(entity_scheme_make(labels, 2, golden->arena, &scheme, &err), ERR_INVALID);
        assert_non_null(strstr(err.message, wrong[i]));
    }
}

static void
bilou_is_iobes_by_other_letters(void **state)
{
    struct golden_measures *golden = *state;
    static const char *const labels[] = {"O", "B-X", "I-X", "L-X", "U-X"};
    static const uint32_t ids[] = {1, 2, 3, 4, 0, 1, 3, 2}; /* BIL U O BL, and a lost I */
    struct entity_scheme scheme;
    struct entity found[8];
    struct err err;
    assert_int_equal(entity_scheme_make(labels, 5, golden->arena, &scheme, &err), 0);
    assert_memory_equal(scheme.prefixes, "OBIES", 5);
    assert_int_equal(scheme.types, 1);
    assert_int_equal(entity_find(&scheme, ENTITY_IOBES, ids, 8, found), 3);
    assert_int_equal(found[0].first, 0);
    assert_int_equal(found[0].last, 2);
    assert_int_equal(found[1].first, 3);
    assert_int_equal(found[2].last, 6);
    assert_int_equal(entity_find(&scheme, ENTITY_DEFAULT, ids, 8, found), 4);
    const char *const bare[] = {"O", "L"};
    assert_int_equal(entity_scheme_make(bare, 2, golden->arena, &scheme, &err), ERR_INVALID);
}

static double
loss_at(const float *logits, const uint32_t *truth, size_t rows, size_t classes, double temperature)
{
    double sum = 0;
    for (size_t row = 0; row < rows; row++) {
        double total = 0;
        for (size_t c = 0; c < classes; c++)
            total += exp(
                ((double)logits[row * classes + c] - (double)logits[row * classes + truth[row]]) /
                temperature);
        sum += log(total);
    }
    return sum / (double)rows;
}

/* scipy stops at the smallest loss that a double can tell apart: the loss is what must agree. */
static void
the_temperature_makes_the_loss_least(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "temperature"), number, one) {
        size_t rows, classes = (size_t)json_integer_value(json_object_get(one, "classes"));
        uint32_t *truth = read_ids(golden, json_object_get(one, "truth"), &rows);
        float *logits = golden_measures_floats(golden, one, "sixteenths", 1.0 / 16);
        struct class_predictions in = {rows, classes, outcomes_of(golden, truth, truth, rows),
                                       NULL};
        double found = calibration_fit_temperature(&in, logits);
        assert_true(found >= 1.0 / 20 - 1e-9 && found <= 20 + 1e-9);
        assert_member(loss_at(logits, truth, rows, classes, found), one, "loss", number);
        double wanted = json_number_value(json_object_get(one, "temperature"));
        assert_true(fabs(found - wanted) < 1e-4 * wanted);
    }
    assert_int_equal(number, 200);
    const struct class_predictions none = {.classes = 3};
    assert_true(calibration_fit_temperature(&none, NULL) == 1.0);
}

static void
mcnemar_is_statsmodels(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "paired"), number, one) {
        size_t rows;
        uint32_t *truth = read_ids(golden, json_object_get(one, "truth"), &rows);
        uint32_t *first = read_ids(golden, json_object_get(one, "first"), &rows);
        uint32_t *second = read_ids(golden, json_object_get(one, "second"), &rows);
        struct mcnemar found = mcnemar_test(outcomes_of(golden, truth, first, rows),
                                            outcomes_of(golden, truth, second, rows), rows);
        assert_member(found.p_value, one, "p_value", number);
    }
    assert_int_equal(number, 200);
}

/* Other random numbers than numpy's: within five deviations of what twenty numpy seeds gave. */
static void
bootstrap_intervals_are_numpys_within_chance(void **state)
{
    struct golden_measures *golden = *state;
    size_t number;
    json_t *one;
    json_array_foreach (json_object_get(golden->all, "intervals"), number, one) {
        size_t rows;
        uint32_t *truth = read_ids(golden, json_object_get(one, "truth"), &rows);
        uint32_t *predicted = read_ids(golden, json_object_get(one, "predicted"), &rows);
        struct class_predictions in = {rows, 3, outcomes_of(golden, truth, predicted, rows), NULL};
        struct bootstrap_intervals found, again;
        struct err err;
        assert_int_equal(bootstrap_classification(&in, 7, &found, &err), 0);
        assert_int_equal(bootstrap_classification(&in, 7, &again, &err), 0);
        assert_memory_equal(&found, &again, sizeof found);
        const double values[] = {found.accuracy.low, found.accuracy.high, found.macro_f1.low,
                                 found.macro_f1.high};
        for (size_t i = 0; i < 4; i++) {
            double mean = json_number_value(json_array_get(json_object_get(one, "means"), i));
            double deviation =
                json_number_value(json_array_get(json_object_get(one, "deviations"), i));
            assert_true(fabs(values[i] - mean) < 5 * deviation + 0.004);
        }
    }
    assert_int_equal(number, 3);
}

static void
the_most_confident_errors_come_first(void **state)
{
    struct golden_measures *golden = *state;
    const float p[] = {0.9f, 0.1f, 0.2f, 0.8f, 0.6f, 0.4f, 0.8f, 0.2f, 0.3f, 0.7f};
    const uint32_t truth[] = {1, 0, 0, 1, 0};
    struct class_predictions in = judge(golden, p, truth, 5, 2);
    struct class_error worst[3];
    assert_int_equal(classification_worst(&in, 3, worst), 3);
    assert_int_equal(worst[0].row, 0);
    assert_int_equal(worst[1].row, 1);
    assert_int_equal(worst[2].row, 3);
    assert_int_equal(worst[0].predicted, 0);
    assert_int_equal(worst[0].truth, 1);
    assert_int_equal(classification_worst(&in, 0, worst), 0);
    assert_int_equal(classification_worst(&in, 2, worst), 2);
    assert_int_equal(worst[1].row, 1);
}

/* Without the scores, or with too many classes for a table, the rest is measured all the same. */
static void
what_does_not_fit_is_left_out(void **state)
{
    enum { CLASSES = CLASSIFICATION_MAX_CONFUSION + 1, ROWS = 3 };
    struct golden_measures *golden = *state;
    const uint32_t truth[ROWS] = {7, CLASSES - 1, 0}, predicted[ROWS] = {7, 3, 0};
    struct class_predictions in = {ROWS, CLASSES, outcomes_of(golden, truth, predicted, ROWS),
                                   NULL};
    struct classification_measures found;
    struct err err;
    assert_int_equal(classification_measure(&in, golden->arena, &found, &err), 0);
    assert_null(found.confusion);
    assert_true(isnan(found.roc_auc) && isnan(found.average_precision));
    assert_true(fabs(found.accuracy - 2.0 / 3) < 1e-12 && fabs(found.macro.f1 - 0.5) < 1e-12);
    assert_int_equal(found.per_class[CLASSES - 1].support, 1);
}

static void
no_rows_are_refused(void **state)
{
    struct golden_measures *golden = *state;
    struct class_predictions none = {.classes = 2};
    struct classification_measures measures;
    struct calibration calibration;
    struct regression_measures regression;
    struct err err;
    assert_int_equal(classification_measure(&none, golden->arena, &measures, &err), ERR_INVALID);
    assert_int_equal(calibration_measure(&none, &calibration, &err), ERR_INVALID);
    assert_int_equal(regression_measure(NULL, NULL, 0, &regression, &err), ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classification_is_scikit_learns),
        cmocka_unit_test(multi_label_is_scikit_learns),
        cmocka_unit_test(tuned_threshold_lies_between_scores),
        cmocka_unit_test(regression_is_scikit_learns_and_scipys),
        cmocka_unit_test(entities_are_seqevals),
        cmocka_unit_test(labels_that_are_no_tags_are_named),
        cmocka_unit_test(bilou_is_iobes_by_other_letters),
        cmocka_unit_test(the_temperature_makes_the_loss_least),
        cmocka_unit_test(mcnemar_is_statsmodels),
        cmocka_unit_test(bootstrap_intervals_are_numpys_within_chance),
        cmocka_unit_test(the_most_confident_errors_come_first),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(no_rows_are_refused),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
