/* The document of multi-label classification; see evaluation.h. */
#include "core/eval/evaluation_parts.h"

#include "core/base/fmath.h"
#include "core/base/mem.h"
#include "core/eval/multi_label.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows as multi_label.h wants them. */
struct labelled_rows {
    struct multi_label_predictions predictions;
    float *probabilities; /* (N, K) */
    uint8_t *truth;       /* (N, K) */
    float *half;          /* (K): 0.5 each */
};

static void
fill_truth(const struct targets *targets, size_t k, uint8_t *truth)
{
    memset(truth, 0, targets->rows * k);
    for (size_t row = 0; row < targets->rows; row++) {
        struct target target = targets_row(targets, row);
        for (size_t i = 0; i < target.count; i++)
            truth[row * k + target.ids[i]] = 1;
    }
}

static void
close_rows(struct labelled_rows *rows)
{
    free(rows->probabilities);
    free(rows->truth);
    free(rows->half);
}

static int
open_rows(const struct evaluation_outputs *outputs, struct labelled_rows *rows, struct err *err)
{
    size_t k = outputs->classes, cells = outputs->rows * k;
    *rows = (struct labelled_rows){
        .probabilities = mem_array(cells, sizeof(float)),
        .truth = mem_array(cells, 1),
        .half = mem_array(k, sizeof(float)),
    };
    if (rows->probabilities == NULL || rows->truth == NULL || rows->half == NULL) {
        close_rows(rows);
        return err_set(err, ERR_MEMORY, "%zu scores do not fit into memory", cells);
    }
    for (size_t cell = 0; cell < cells; cell++)
        rows->probabilities[cell] = fmath_sigmoid(outputs->scores[cell]);
    for (size_t i = 0; i < k; i++)
        rows->half[i] = 0.5f;
    fill_truth(outputs->targets, k, rows->truth);
    rows->predictions = (struct multi_label_predictions){outputs->rows, k, rows->probabilities,
                                                         rows->truth, rows->half};
    return 0;
}

int
evaluation_tune(struct evaluation_outputs *outputs, struct err *err)
{
    struct labelled_rows rows;
    if (open_rows(outputs, &rows, err) != 0)
        return err->code;
    float *thresholds = mem_array(outputs->classes, sizeof *thresholds);
    int code = thresholds != NULL ? multi_label_tune(&rows.predictions, thresholds, err)
                                  : err_set(err, ERR_MEMORY, "%zu labels do not fit into memory",
                                            outputs->classes);
    free(outputs->thresholds);
    outputs->thresholds = code == 0 ? thresholds : NULL;
    if (code != 0)
        free(thresholds);
    close_rows(&rows);
    return code;
}

int
evaluation_sum_labels(const struct evaluation_outputs *outputs, struct evaluation_summary *out,
                      struct err *err)
{
    struct labelled_rows rows;
    struct multi_label_measures measures;
    if (outputs->scores == NULL)
        return 0;
    if (open_rows(outputs, &rows, err) != 0)
        return err->code;
    struct arena *arena = arena_new();
    int code = multi_label_measure(&rows.predictions, arena, &measures, err);
    if (code == 0) {
        out->accuracy = measures.subset_accuracy;
        out->macro_f1 = measures.macro.f1;
        out->micro_f1 = measures.micro.f1;
        out->weighted_f1 = measures.weighted.f1;
    }
    arena_free(arena);
    close_rows(&rows);
    return code;
}

/* ---- the document ---------------------------------------------------------------------------- */

static void
add_measures(json_t *object, const struct multi_label_measures *m)
{
    json_object_set_new(object, "accuracy", evaluation_real(m->subset_accuracy));
    json_object_set_new(object, "hamming_loss", evaluation_real(m->hamming_loss));
    evaluation_add_averages(object, "macro", &m->macro);
    evaluation_add_averages(object, "micro", &m->micro);
    evaluation_add_averages(object, "weighted", &m->weighted);
}

/* With the model's thresholds, and beside that with 0.5 for each label. */
static int
add_both(json_t *document, const struct evaluation_subject *subject, struct labelled_rows *rows,
         struct arena *arena, struct err *err)
{
    struct multi_label_measures tuned, half;
    json_t *object = json_object(), *beside = json_object(), *list = json_array();
    json_object_set_new(document, "measures", object);
    json_object_set_new(document, "per_class", list);
    if (multi_label_measure(&rows->predictions, arena, &half, err) != 0 ||
        (rows->predictions.thresholds =
             subject->thresholds != NULL ? subject->thresholds : rows->half,
         multi_label_measure(&rows->predictions, arena, &tuned, err)) != 0) {
        json_decref(beside);
        return err->code;
    }
    add_measures(object, &tuned);
    json_object_set_new(object, "log_loss", evaluation_real(tuned.log_loss));
    json_object_set_new(object, "roc_auc", evaluation_real(tuned.roc_auc));
    json_object_set_new(object, "average_precision", evaluation_real(tuned.average_precision));
    add_measures(beside, &half);
    json_object_set_new(document, "measures_at_half", beside);
    for (size_t i = 0; i < rows->predictions.labels && i < EVALUATION_MAX_CLASSES; i++) {
        json_t *one = evaluation_class(subject->labels[i], &tuned.per_label[i]);
        json_object_set_new(one, "threshold", json_real((double)rows->predictions.thresholds[i]));
        json_array_append_new(list, one);
    }
    return 0;
}

static int
add_intervals(json_t *document, const struct labelled_rows *rows, struct err *err)
{
    struct bootstrap_label_intervals intervals;
    json_t *object = json_object();
    json_object_set_new(document, "intervals", object);
    if (bootstrap_multi_label(&rows->predictions, 0, &intervals, err) != 0)
        return err->code;
    evaluation_add_interval(object, "accuracy", intervals.accuracy);
    evaluation_add_interval(object, "micro_f1", intervals.micro_f1);
    evaluation_add_interval(object, "macro_f1", intervals.macro_f1);
    return 0;
}

/* No temperature: it would have to hold for rare and frequent labels alike, and thresholds are
 * tuned for probabilities as they are. */
static int
add_calibration(json_t *document, const struct labelled_rows *rows, struct err *err)
{
    const struct multi_label_predictions *in = &rows->predictions;
    struct calibration calibration;
    json_t *object = json_object();
    json_object_set_new(document, "calibration", object);
    if (calibration_measure_labels(in->probabilities, in->truth, in->rows * in->labels,
                                   &calibration, err) != 0)
        return err->code;
    json_object_set_new(object, "ece", evaluation_real(calibration.ece));
    json_object_set_new(object, "brier", evaluation_real(calibration.brier));
    json_object_set_new(object, "temperature", json_null());
    json_object_set_new(object, "bins", evaluation_bins(&calibration));
    json_object_set_new(object, "scaled", json_null());
    return 0;
}

/* Names of a row's labels: the true ones, or those at least at their thresholds. */
static json_t *
names_of(const struct evaluation_subject *subject, const struct labelled_rows *rows, size_t row,
         bool true_ones)
{
    const struct multi_label_predictions *in = &rows->predictions;
    json_t *names = json_array();
    for (size_t i = 0; i < in->labels; i++) {
        size_t cell = row * in->labels + i;
        bool has = true_ones ? in->truth[cell] != 0 : in->probabilities[cell] >= in->thresholds[i];
        if (has && json_array_size(names) < EVALUATION_MAX_CONFUSION)
            json_array_append_new(names,
                                  evaluation_text(subject->labels[i], strlen(subject->labels[i])));
    }
    return names;
}

/* How far the worst wrong label of a row is off; below 0: all are right. */
static double
worst_of(const struct multi_label_predictions *in, size_t row)
{
    double worst = -1;
    for (size_t i = 0; i < in->labels; i++) {
        size_t cell = row * in->labels + i;
        bool truth = in->truth[cell] != 0;
        double p = (double)in->probabilities[cell];
        double off = truth ? 1 - p : p;
        if (truth != (in->probabilities[cell] >= in->thresholds[i]) && off > worst)
            worst = off;
    }
    return worst;
}

static void
add_errors(json_t *document, const struct evaluation_subject *subject,
           const struct labelled_rows *rows)
{
    struct evaluation_error errors[EVALUATION_MAX_ERRORS];
    size_t count = 0, wrong = 0;
    json_t *list = json_array();
    for (size_t row = 0; row < rows->predictions.rows; row++) {
        struct evaluation_error error = {row, worst_of(&rows->predictions, row)};
        subject->outputs->right[row] = error.weight < 0;
        if (error.weight < 0)
            continue;
        wrong++;
        evaluation_note_error(errors, &count, error);
    }
    for (size_t i = 0; i < count; i++) {
        json_t *object = evaluation_shown_row(subject, errors[i].index);
        json_object_set_new(object, "label", names_of(subject, rows, errors[i].index, true));
        json_object_set_new(object, "predicted", names_of(subject, rows, errors[i].index, false));
        json_object_set_new(object, "probability", evaluation_real(errors[i].weight));
        json_array_append_new(list, object);
    }
    json_object_set_new(document, "error_count", json_integer((json_int_t)wrong));
    json_object_set_new(document, "errors", list);
}

int
evaluation_add_labels(json_t *document, const struct evaluation_subject *subject, struct err *err)
{
    struct labelled_rows rows;
    if (open_rows(subject->outputs, &rows, err) != 0)
        return err->code;
    struct arena *arena = arena_new();
    int code = evaluation_judge_rows(subject->outputs, err);
    if (code == 0)
        code = add_both(document, subject, &rows, arena, err);
    if (code == 0)
        code = add_intervals(document, &rows, err);
    if (code == 0)
        code = add_calibration(document, &rows, err);
    if (code == 0)
        add_errors(document, subject, &rows);
    arena_free(arena);
    close_rows(&rows);
    return code;
}
