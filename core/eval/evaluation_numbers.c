/* The document of regression, in the data's units; see evaluation.h. */
#include "core/eval/evaluation_parts.h"

#include "core/base/mem.h"
#include "core/eval/regression.h"

#include <math.h>
#include <stdlib.h>

/* The numbers of one target. */
struct numbers {
    float *predicted, *truth; /* (N) each */
};

static float
in_units(const struct evaluation_outputs *outputs, size_t target, float value)
{
    if (outputs->scale == NULL)
        return value;
    return value * outputs->scale[target] + outputs->shift[target];
}

static float
predicted_number(const struct evaluation_outputs *outputs, size_t row, size_t target)
{
    return in_units(outputs, target, outputs->scores[row * outputs->classes + target]);
}

static float
true_number(const struct evaluation_outputs *outputs, size_t row, size_t target)
{
    return in_units(outputs, target, outputs->targets->values[row * outputs->classes + target]);
}

static int
measure_target(const struct evaluation_outputs *outputs, size_t target, struct numbers *numbers,
               struct regression_measures *out, struct err *err)
{
    for (size_t row = 0; row < outputs->rows; row++) {
        numbers->predicted[row] = predicted_number(outputs, row, target);
        numbers->truth[row] = true_number(outputs, row, target);
    }
    return regression_measure(numbers->predicted, numbers->truth, outputs->rows, out, err);
}

static void
add_measures(json_t *object, const struct regression_measures *m)
{
    json_object_set_new(object, "mse", evaluation_real(m->mse));
    json_object_set_new(object, "mae", evaluation_real(m->mae));
    json_object_set_new(object, "r2", evaluation_real(m->r2));
    json_object_set_new(object, "pearson", evaluation_real(m->pearson));
    json_object_set_new(object, "spearman", evaluation_real(m->spearman));
}

/* The means over the targets: not defined where one is not. list: NULL, or gets each target. */
static int
measure_all(const struct evaluation_outputs *outputs, const char *const *labels, json_t *list,
            struct regression_measures *mean, struct err *err)
{
    double k = (double)outputs->classes;
    int code = 0;
    struct numbers numbers = {mem_array(outputs->rows, sizeof(float)),
                              mem_array(outputs->rows, sizeof(float))};
    *mean = (struct regression_measures){0};
    if (numbers.predicted == NULL || numbers.truth == NULL)
        code = err_set(err, ERR_MEMORY, "%zu numbers do not fit into memory", outputs->rows);
    for (size_t target = 0; code == 0 && target < outputs->classes; target++) {
        struct regression_measures one;
        code = measure_target(outputs, target, &numbers, &one, err);
        if (code != 0)
            break;
        mean->mse += one.mse / k;
        mean->mae += one.mae / k;
        mean->r2 += one.r2 / k;
        mean->pearson += one.pearson / k;
        mean->spearman += one.spearman / k;
        if (list == NULL || target >= EVALUATION_MAX_CLASSES)
            continue;
        json_t *object = json_object();
        json_object_set_new(object, "label", json_string(labels[target]));
        add_measures(object, &one);
        json_array_append_new(list, object);
    }
    free(numbers.predicted);
    free(numbers.truth);
    return code;
}

int
evaluation_sum_numbers(const struct evaluation_outputs *outputs, struct evaluation_summary *out,
                       struct err *err)
{
    struct regression_measures mean;
    if (outputs->scores == NULL)
        return 0;
    if (measure_all(outputs, NULL, NULL, &mean, err) != 0)
        return err->code;
    out->mse = mean.mse;
    out->mae = mean.mae;
    out->r2 = mean.r2;
    out->pearson = mean.pearson;
    out->spearman = mean.spearman;
    return 0;
}

/* ---- intervals ------------------------------------------------------------------------------- */

static void
gather(const struct evaluation_outputs *outputs, float *predicted, float *truth)
{
    for (size_t target = 0; target < outputs->classes; target++)
        for (size_t row = 0; row < outputs->rows; row++) {
            predicted[target * outputs->rows + row] = predicted_number(outputs, row, target);
            truth[target * outputs->rows + row] = true_number(outputs, row, target);
        }
}

static int
add_intervals(json_t *document, const struct evaluation_outputs *outputs, struct err *err)
{
    struct bootstrap_number_intervals intervals;
    size_t cells = outputs->rows * outputs->classes;
    int code = 0;
    float *predicted = mem_array(cells, sizeof(float)), *truth = mem_array(cells, sizeof(float));
    if (predicted == NULL || truth == NULL) {
        code = err_set(err, ERR_MEMORY, "%zu numbers do not fit into memory", cells);
    } else {
        gather(outputs, predicted, truth);
        const struct bootstrap_numbers numbers = {outputs->rows, outputs->classes, predicted,
                                                  truth};
        code = bootstrap_regression(&numbers, 0, &intervals, err);
    }
    free(predicted);
    free(truth);
    if (code != 0)
        return code;
    json_t *object = json_object();
    json_object_set_new(document, "intervals", object);
    evaluation_add_interval(object, "mse", intervals.mse);
    evaluation_add_interval(object, "mae", intervals.mae);
    evaluation_add_interval(object, "r2", intervals.r2);
    evaluation_add_interval(object, "pearson", intervals.pearson);
    evaluation_add_interval(object, "spearman", intervals.spearman);
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int
judge_rows(struct evaluation_outputs *outputs, struct err *err)
{
    if (evaluation_judge_rows(outputs, err) != 0)
        return err->code;
    for (size_t row = 0; row < outputs->rows; row++)
        for (size_t target = 0; target < outputs->classes; target++)
            outputs->distances[row] += fabs((double)predicted_number(outputs, row, target) -
                                            (double)true_number(outputs, row, target)) /
                                       (double)outputs->classes;
    return 0;
}

/* The target of a row that is farthest off, and by how much. */
static size_t
worst_target(const struct evaluation_outputs *outputs, size_t row, double *distance)
{
    size_t worst = 0;
    *distance = -1;
    for (size_t target = 0; target < outputs->classes; target++) {
        double off = fabs((double)predicted_number(outputs, row, target) -
                          (double)true_number(outputs, row, target));
        if (off > *distance) {
            worst = target;
            *distance = off;
        }
    }
    return worst;
}

/* The greatest distances, of each row that of its worst number. */
static void
add_errors(json_t *document, const struct evaluation_subject *subject)
{
    const struct evaluation_outputs *outputs = subject->outputs;
    struct evaluation_error errors[EVALUATION_MAX_ERRORS];
    size_t count = 0;
    json_t *list = json_array();
    for (size_t row = 0; row < outputs->rows; row++) {
        struct evaluation_error error = {.index = row};
        worst_target(outputs, row, &error.weight);
        evaluation_note_error(errors, &count, error);
    }
    for (size_t i = 0; i < count; i++) {
        double distance;
        size_t row = errors[i].index, target = worst_target(outputs, row, &distance);
        json_t *object = evaluation_shown_row(subject, row);
        if (outputs->classes > 1)
            json_object_set_new(object, "target", json_string(subject->labels[target]));
        json_object_set_new(object, "label",
                            evaluation_real((double)true_number(outputs, row, target)));
        json_object_set_new(object, "predicted",
                            evaluation_real((double)predicted_number(outputs, row, target)));
        json_array_append_new(list, object);
    }
    json_object_set_new(document, "errors", list);
}

int
evaluation_add_numbers(json_t *document, const struct evaluation_subject *subject, struct err *err)
{
    struct regression_measures mean;
    json_t *measures = json_object(), *list = json_array();
    json_object_set_new(document, "measures", measures);
    json_object_set_new(document, "per_class", list);
    if (measure_all(subject->outputs, subject->labels, list, &mean, err) != 0 ||
        add_intervals(document, subject->outputs, err) != 0 ||
        judge_rows(subject->outputs, err) != 0)
        return err->code;
    add_measures(measures, &mean);
    add_errors(document, subject);
    return 0;
}
