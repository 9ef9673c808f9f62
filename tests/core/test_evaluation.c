/*
 * An evaluation's document against scikit-learn, numpy and scipy
 * (tests/fixtures/golden_evaluation.py), and the limits of its size.
 */
#include "core/eval/evaluation.h"

#include "core/base/buf.h"
#include "core/base/json.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_CLASSES = 1200, MAX_FILE = 1 << 20 };

/* Probabilities are floats here and doubles there: far below the promised 1e-5. */
static const double tolerance = 2e-6;

struct fixture {
    struct scratch scratch;
    struct dataset *dataset;
    struct targets targets;
    char names[MAX_CLASSES][16];
    const char *labels[MAX_CLASSES];
};

static int
open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    for (size_t c = 0; c < MAX_CLASSES; c++) {
        snprintf(f->names[c], sizeof f->names[c], "c%zu", c);
        f->labels[c] = f->names[c];
    }
    *state = f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    dataset_free(f->dataset);
    targets_fini(&f->targets);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

/* A file of rows that all have this text (as JSON), behind an empty line. */
static void
read_rows(struct fixture *f, size_t rows, const char *text)
{
    struct err err;
    struct buf lines = {0};
    buf_append_string(&lines, "\n");
    for (size_t row = 0; row < rows; row++)
        buf_printf(&lines, "{\"text\":\"%s\",\"label\":\"c0\"}\n", text);
    const char *path = scratch_write_text(&f->scratch, "rows.jsonl", buf_string(&lines));
    buf_fini(&lines);
    if (dataset_read(path, "rows.jsonl", NULL, &f->dataset, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(f->dataset->count, rows);
}

static json_t *
document_of(struct fixture *f, struct evaluation_outputs *outputs, const bool *only)
{
    struct err err;
    const struct evaluation_subject subject = {.outputs = outputs,
                                               .labels = f->labels,
                                               .rows = {f->dataset, only},
                                               .temperature = outputs->temperature,
                                               .thresholds = outputs->thresholds};
    json_t *document = evaluation_document(&subject, &err);
    if (document == NULL)
        fail_msg("%s", err.message);
    return document;
}

static void
assert_number(const json_t *found, const json_t *wanted, const char *what)
{
    if (json_is_null(wanted)) {
        assert_true(json_is_null(found));
        return;
    }
    double a = json_number_value(found), b = json_number_value(wanted);
    if (!json_is_number(found) || fabs(a - b) > tolerance * (1 + fabs(b)))
        fail_msg("%s is %.12g, not %.12g", what, a, b);
}

static void
assert_members(const json_t *found, const json_t *wanted)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)wanted, name, value)
        if (!json_is_array(value))
            assert_number(json_object_get(found, name), value, name);
}

/* ---- the golden one -------------------------------------------------------------------------- */

static void
add_target(struct targets *targets, const struct target *target)
{
    struct err err;
    assert_int_equal(targets_add(targets, target, &err), 0);
}

static void
add_class(struct targets *targets, uint32_t label)
{
    const struct target target = {.label = label};
    add_target(targets, &target);
}

static struct evaluation_outputs
take_golden(struct fixture *f, const json_t *golden)
{
    struct err err;
    struct evaluation_outputs outputs;
    const json_t *logits = json_object_get(golden, "sixteenths");
    const json_t *truth = json_object_get(golden, "truth");
    size_t rows = json_array_size(logits), classes = json_array_size(json_array_get(logits, 0));
    for (size_t i = 0; i < rows; i++)
        add_class(&f->targets, (uint32_t)json_integer_value(json_array_get(truth, i)));
    assert_int_equal(evaluation_outputs_init(&outputs, &f->targets, classes, &err), 0);
    for (size_t i = rows; i-- > 0;) { /* in any order */
        float row[16];
        for (size_t c = 0; c < classes; c++)
            row[c] = (float)json_number_value(json_array_get(json_array_get(logits, i), c)) / 16;
        evaluation_outputs_take(&outputs, i, row);
    }
    return outputs;
}

static void
check_classes(const json_t *document, const json_t *golden)
{
    static const char *const names[] = {"precision", "recall", "f1", "support"};
    const json_t *found = json_object_get(document, "per_class");
    const json_t *wanted = json_object_get(golden, "per_class");
    assert_int_equal(json_array_size(found), json_array_size(wanted));
    for (size_t c = 0; c < json_array_size(wanted); c++)
        for (size_t i = 0; i < 4; i++)
            assert_number(json_object_get(json_array_get(found, c), names[i]),
                          json_array_get(json_array_get(wanted, c), i), names[i]);
    const json_t *confusion = json_object_get(document, "confusion");
    assert_true(
        json_equal(json_object_get(confusion, "matrix"), json_object_get(golden, "confusion")));
}

static void
check_calibration(const json_t *document, const json_t *golden)
{
    static const char *const names[] = {"rows", "confidence", "accuracy"};
    const json_t *found = json_object_get(document, "calibration");
    const json_t *wanted = json_object_get(golden, "calibration");
    assert_number(json_object_get(found, "ece"), json_object_get(wanted, "ece"), "ece");
    assert_number(json_object_get(found, "brier"), json_object_get(wanted, "brier"), "brier");
    const json_t *bins = json_object_get(found, "bins");
    for (size_t b = 0; b < json_array_size(bins); b++)
        for (size_t i = 0; i < 3; i++)
            assert_number(json_object_get(json_array_get(bins, b), names[i]),
                          json_array_get(json_array_get(json_object_get(wanted, "bins"), b), i),
                          names[i]);
    assert_int_equal(json_array_size(bins), json_array_size(json_object_get(wanted, "bins")));
}

/* The temperature has six digits: what follows from it is the same to five. */
static void
check_scaled(const json_t *document, const json_t *golden)
{
    const json_t *found = json_object_get(document, "calibration");
    const json_t *scaled = json_object_get(found, "scaled");
    const json_t *wanted = json_object_get(golden, "scaled");
    double temperature = json_number_value(json_object_get(golden, "temperature"));
    assert_true(fabs(json_number_value(json_object_get(found, "temperature")) - temperature) <
                1e-5 * temperature);
    static const char *const names[] = {"ece", "brier", "log_loss"};
    for (size_t i = 0; i < 3; i++) {
        double a = json_number_value(json_object_get(scaled, names[i]));
        double b = json_number_value(json_object_get(wanted, names[i]));
        assert_true(fabs(a - b) < 1e-5 * b);
    }
}

static void
check_errors(const json_t *document, const json_t *golden, const struct fixture *f)
{
    const json_t *found = json_object_get(document, "errors");
    const json_t *wanted = json_object_get(golden, "wrong");
    assert_int_equal(json_integer_value(json_object_get(document, "error_count")),
                     json_array_size(wanted));
    assert_int_equal(json_array_size(found), json_array_size(wanted));
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        size_t row = (size_t)json_integer_value(json_array_get(wanted, i));
        const json_t *error = json_array_get(found, i);
        assert_int_equal(json_integer_value(json_object_get(error, "line")),
                         f->dataset->rows[row].line);
        assert_string_equal(json_string_value(json_object_get(error, "text")), "some words");
    }
}

static void
document_is_scikit_learns(void **state)
{
    struct fixture *f = *state;
    struct err err;
    json_t *golden = json_parse_file(FIXTURES "/evaluation/evaluation.json", MAX_FILE, &err);
    assert_non_null(golden);
    struct evaluation_outputs outputs = take_golden(f, golden);
    read_rows(f, outputs.rows, "some words");
    struct evaluation_summary summary;
    assert_int_equal(evaluation_summarize(&outputs, f->labels, &summary, &err), 0);
    assert_int_equal(evaluation_fit(&outputs, &err), 0);
    json_t *document = document_of(f, &outputs, NULL);
    assert_string_equal(json_string_value(json_object_get(document, "task")), "classification");
    assert_int_equal(json_integer_value(json_object_get(document, "rows")), outputs.rows);
    const json_t *measures = json_object_get(document, "measures");
    assert_members(measures, json_object_get(golden, "measures"));
    assert_int_equal(json_object_size(measures),
                     json_object_size(json_object_get(golden, "measures")));
    assert_true(summary.macro_f1 == json_number_value(json_object_get(measures, "macro_f1")));
    assert_true(summary.mcc == json_number_value(json_object_get(measures, "mcc")));
    check_classes(document, golden);
    check_calibration(document, golden);
    check_scaled(document, golden);
    check_errors(document, golden, f);
    const json_t *interval = json_object_get(json_object_get(document, "intervals"), "accuracy");
    double accuracy = json_number_value(json_object_get(measures, "accuracy"));
    assert_true(json_number_value(json_array_get(interval, 0)) < accuracy);
    assert_true(json_number_value(json_array_get(interval, 1)) > accuracy);
    json_decref(document);
    evaluation_outputs_fini(&outputs);
    json_decref(golden);
}

/* ---- rows and texts -------------------------------------------------------------------------- */

/* Outputs of so many rows, of which all but the first are of class 0 and predicted as 1. */
static struct evaluation_outputs
take_wrong(struct fixture *f, size_t rows, size_t classes)
{
    struct err err;
    struct evaluation_outputs outputs;
    float *logits = calloc(classes, sizeof *logits);
    for (size_t row = 0; row < rows; row++)
        add_class(&f->targets, row == 0);
    assert_int_equal(evaluation_outputs_init(&outputs, &f->targets, classes, &err), 0);
    logits[1] = 2;
    for (size_t row = 0; row < rows; row++)
        evaluation_outputs_take(&outputs, row, logits);
    free(logits);
    return outputs;
}

static void
held_out_rows_are_shown_with_their_own_lines(void **state)
{
    struct fixture *f = *state;
    read_rows(f, 6, "some words");
    const bool only[] = {true, false, false, true, false, true};
    struct evaluation_outputs outputs = take_wrong(f, 3, 2);
    json_t *document = document_of(f, &outputs, only);
    const json_t *errors = json_object_get(document, "errors");
    assert_int_equal(json_array_size(errors), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 0), "line")), 5);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(errors, 1), "line")), 7);
    json_decref(document);
    evaluation_outputs_fini(&outputs);
}

static void
long_texts_are_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    struct buf text = {0};
    buf_append_string(&text, "x");
    for (size_t i = 0; i < EVALUATION_TEXT_BYTES; i++)
        buf_append_string(&text, "\xc3\xa9");
    read_rows(f, 2, buf_string(&text));
    struct evaluation_outputs outputs = take_wrong(f, 2, 2);
    json_t *document = document_of(f, &outputs, NULL);
    const json_t *error = json_array_get(json_object_get(document, "errors"), 0);
    const json_t *shown = json_object_get(error, "text");
    assert_int_equal(json_string_length(shown), EVALUATION_TEXT_BYTES - 1 + 3);
    assert_int_equal(memcmp(json_string_value(shown), text.data, EVALUATION_TEXT_BYTES - 1), 0);
    assert_string_equal(json_string_value(shown) + EVALUATION_TEXT_BYTES - 1, "\xe2\x80\xa6");
    json_decref(document);
    evaluation_outputs_fini(&outputs);
    buf_fini(&text);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void
many_classes_and_errors_are_cut(void **state)
{
    struct fixture *f = *state;
    read_rows(f, EVALUATION_MAX_ERRORS + 9, "some words");
    struct evaluation_outputs outputs = take_wrong(f, EVALUATION_MAX_ERRORS + 9, MAX_CLASSES);
    json_t *document = document_of(f, &outputs, NULL);
    assert_int_equal(json_array_size(json_object_get(document, "errors")), EVALUATION_MAX_ERRORS);
    assert_int_equal(json_integer_value(json_object_get(document, "error_count")),
                     EVALUATION_MAX_ERRORS + 8);
    assert_int_equal(json_array_size(json_object_get(document, "per_class")),
                     EVALUATION_MAX_CLASSES);
    const json_t *confusion = json_object_get(document, "confusion");
    assert_true(json_is_null(json_object_get(confusion, "matrix")));
    const json_t *pair = json_array_get(json_object_get(confusion, "pairs"), 0);
    assert_string_equal(json_string_value(json_object_get(pair, "label")), "c0");
    assert_string_equal(json_string_value(json_object_get(pair, "predicted")), "c1");
    assert_int_equal(json_integer_value(json_object_get(pair, "rows")), EVALUATION_MAX_ERRORS + 8);
    json_decref(document);
    evaluation_outputs_fini(&outputs);
}

static void
too_many_scores_are_not_kept_and_the_rest_is_measured(void **state)
{
    enum { CLASSES = 1000, ROWS = EVALUATION_MAX_SCORES / CLASSES + 1 };
    struct fixture *f = *state;
    read_rows(f, ROWS, "x");
    assert_true(evaluation_outputs_bytes(TASK_CLASSIFICATION, ROWS, CLASSES) <
                (size_t)4 * 1024 * 1024);
    struct evaluation_outputs outputs = take_wrong(f, ROWS, CLASSES);
    assert_null(outputs.scores);
    struct err err;
    assert_int_equal(evaluation_fit(&outputs, &err), 0);
    json_t *document = document_of(f, &outputs, NULL);
    const json_t *measures = json_object_get(document, "measures");
    assert_true(json_is_null(json_object_get(measures, "roc_auc")));
    assert_true(json_is_null(json_object_get(measures, "average_precision")));
    assert_true(json_is_number(json_object_get(measures, "log_loss")));
    assert_true(fabs(json_number_value(json_object_get(measures, "accuracy")) - 1.0 / ROWS) < 1e-9);
    const json_t *calibration = json_object_get(document, "calibration");
    assert_true(json_is_null(json_object_get(calibration, "temperature")));
    assert_true(json_is_null(json_object_get(calibration, "scaled")));
    json_decref(document);
    evaluation_outputs_fini(&outputs);
}

/* ---- other tasks ----------------------------------------------------------------------------- */

static double
number_at(const json_t *document, const char *object, const char *name)
{
    const json_t *value = json_object_get(json_object_get(document, object), name);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* [low, high] of a measure holds its value. */
static void
assert_interval_about(const json_t *document, const char *measure, double value)
{
    const json_t *pair = json_object_get(json_object_get(document, "intervals"), measure);
    assert_int_equal(json_array_size(pair), 2);
    double low = json_number_value(json_array_get(pair, 0));
    double high = json_number_value(json_array_get(pair, 1));
    assert_true(json_is_number(json_array_get(pair, 0)) && low < high);
    assert_true(low <= value + 1e-12 && value <= high + 1e-12);
}

/* Of four rows the second label is over its tuned threshold where it is not over 0.5. */
static void
several_labels_are_measured_with_tuned_thresholds_and_at_half(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct evaluation_outputs outputs;
    static const float logits[4][2] = {{3, -1}, {3, -3}, {-3, -1}, {3, -3}};
    static const uint32_t ids[4][2] = {{0, 1}, {0}, {1}, {0}};
    static const size_t counts[4] = {2, 1, 1, 0};
    read_rows(f, 4, "some words");
    f->targets.task = TASK_MULTI_LABEL;
    for (size_t row = 0; row < 4; row++)
        add_target(&f->targets, &(struct target){.ids = ids[row], .count = counts[row]});
    assert_int_equal(evaluation_outputs_init(&outputs, &f->targets, 2, &err), 0);
    for (size_t row = 0; row < 4; row++)
        evaluation_outputs_take(&outputs, row, logits[row]);
    struct evaluation_summary summary;
    assert_int_equal(evaluation_summarize(&outputs, f->labels, &summary, &err), 0);
    assert_true(fabs(summary.accuracy - 0.25) < 1e-12 && isnan(summary.mcc));
    assert_true(fabs(summary.micro_f1 - 4.0 / 7) < 1e-12);
    assert_int_equal(evaluation_fit(&outputs, &err), 0);
    assert_true(outputs.thresholds[1] < 0.3f);
    json_t *document = document_of(f, &outputs, NULL);
    assert_true(fabs(number_at(document, "measures", "accuracy") - 0.75) < 1e-12);
    assert_true(fabs(number_at(document, "measures_at_half", "accuracy") - 0.25) < 1e-12);
    assert_int_equal(json_integer_value(json_object_get(document, "error_count")), 1);
    const json_t *error = json_array_get(json_object_get(document, "errors"), 0);
    assert_int_equal(json_array_size(json_object_get(error, "label")), 0);
    assert_int_equal(json_array_size(json_object_get(error, "predicted")), 1);
    assert_interval_about(document, "accuracy", 0.75);
    assert_interval_about(document, "micro_f1", number_at(document, "measures", "micro_f1"));
    assert_interval_about(document, "macro_f1", number_at(document, "measures", "macro_f1"));
    const json_t *calibration = json_object_get(document, "calibration");
    const json_t *bins = json_object_get(calibration, "bins");
    assert_int_equal(json_array_size(bins), 15);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(bins, 14), "rows")), 3);
    assert_true(json_is_null(json_object_get(calibration, "temperature")));
    assert_true(number_at(document, "calibration", "ece") > 0);
    const json_t *label = json_array_get(json_object_get(document, "per_class"), 1);
    assert_true(json_number_value(json_object_get(label, "threshold")) ==
                (double)outputs.thresholds[1]);
    json_decref(document);
    evaluation_outputs_fini(&outputs);
}

static void
numbers_are_measured_in_their_own_units(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct evaluation_outputs outputs;
    const float scale[] = {10, 2}, shift[] = {100, 0};
    static const float truth[3][2] = {{0, 0}, {1, 1}, {2, 0}};
    static const float found[3][2] = {{0, 0}, {1, 1}, {2.5f, 0}};
    read_rows(f, 3, "some words");
    f->targets = (struct targets){.task = TASK_REGRESSION, .width = 2};
    for (size_t row = 0; row < 3; row++)
        add_target(&f->targets, &(struct target){.values = truth[row]});
    assert_int_equal(evaluation_outputs_init(&outputs, &f->targets, 2, &err), 0);
    outputs.scale = scale;
    outputs.shift = shift;
    for (size_t row = 0; row < 3; row++)
        evaluation_outputs_take(&outputs, row, found[row]);
    struct evaluation_summary summary;
    assert_int_equal(evaluation_summarize(&outputs, f->labels, &summary, &err), 0);
    json_t *document = document_of(f, &outputs, NULL);
    assert_true(fabs(number_at(document, "measures", "mae") - 5.0 / 3 / 2) < 1e-6);
    assert_true(fabs(summary.mae - number_at(document, "measures", "mae")) < 1e-12);
    assert_interval_about(document, "mae", summary.mae);
    assert_interval_about(document, "mse", summary.mse);
    /* A sample of one row three times has no variance. */
    const json_t *none = json_object_get(json_object_get(document, "intervals"), "pearson");
    assert_int_equal(json_array_size(none), 2);
    assert_true(json_is_null(json_array_get(none, 0)) && json_is_null(json_array_get(none, 1)));
    const json_t *error = json_array_get(json_object_get(document, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(error, "target")), "c0");
    assert_true(fabs(json_number_value(json_object_get(error, "label")) - 120) < 1e-6);
    assert_true(fabs(json_number_value(json_object_get(error, "predicted")) - 125) < 1e-6);
    json_decref(document);
    evaluation_outputs_fini(&outputs);
}

/* Rows of tokens without a class at both ends, as special tokens are. */
static void
words_and_entities_are_measured_without_special_tokens(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct evaluation_outputs outputs;
    static const char text[] =
        "{\"tokens\":[\"Ann\",\"Lee\",\"left\"],\"labels\":[\"B-P\",\"I-P\",\"O\"]}\n"
        "{\"tokens\":[\"Bo\"],\"labels\":[\"B-P\"]}\n";
    static const uint32_t ids[2][5] = {{LABEL_NONE, 0, 1, 2, LABEL_NONE},
                                       {LABEL_NONE, 0, LABEL_NONE}};
    static const size_t lengths[2] = {5, 3}, found[8] = {9, 0, 1, 2, 9, 9, 2, 9};
    const char *path = scratch_write_text(&f->scratch, "tokens.jsonl", text);
    assert_int_equal(dataset_read(path, "tokens.jsonl", NULL, &f->dataset, &err), 0);
    assert_int_equal(f->dataset->count, 2);
    f->labels[0] = "B-P";
    f->labels[1] = "I-P";
    f->labels[2] = "O";
    f->targets.task = TASK_TOKEN_CLASSIFICATION;
    for (size_t row = 0; row < 2; row++)
        add_target(&f->targets, &(struct target){.ids = ids[row], .count = lengths[row]});
    assert_int_equal(evaluation_outputs_init(&outputs, &f->targets, 3, &err), 0);
    for (size_t t = 0; t < 8; t++) {
        float logits[3] = {0};
        if (found[t] < 3)
            logits[found[t]] = 4;
        evaluation_outputs_take(&outputs, t, logits);
    }
    struct evaluation_summary summary;
    assert_int_equal(evaluation_summarize(&outputs, f->labels, &summary, &err), 0);
    assert_true(fabs(summary.entity_f1 - 2.0 / 3) < 1e-12);
    json_t *document = document_of(f, &outputs, NULL);
    assert_int_equal(json_integer_value(json_object_get(document, "rows")), 2);
    assert_true(fabs(number_at(document, "measures", "accuracy") - 0.75) < 1e-12);
    assert_true(fabs(number_at(document, "measures", "entity_f1") - 2.0 / 3) < 1e-12);
    assert_true(fabs(number_at(document, "measures", "strict_f1") - 2.0 / 3) < 1e-12);
    assert_interval_about(document, "accuracy", 0.75);
    assert_interval_about(document, "entity_f1", 2.0 / 3);
    assert_interval_about(document, "strict_f1", 2.0 / 3);
    const json_t *error = json_array_get(json_object_get(document, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(error, "token")), "Bo");
    assert_string_equal(json_string_value(json_object_get(error, "label")), "B-P");
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 2);
    json_decref(document);
    evaluation_outputs_fini(&outputs);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(document_is_scikit_learns),
        CASE(held_out_rows_are_shown_with_their_own_lines),
        CASE(long_texts_are_cut_between_characters),
        CASE(many_classes_and_errors_are_cut),
        CASE(too_many_scores_are_not_kept_and_the_rest_is_measured),
        CASE(several_labels_are_measured_with_tuned_thresholds_and_at_half),
        CASE(numbers_are_measured_in_their_own_units),
        CASE(words_and_entities_are_measured_without_special_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
