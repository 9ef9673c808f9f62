/* Collecting outputs, and what all tasks' documents share; see evaluation.h. */
#include "core/eval/evaluation.h"

#include "core/base/mem.h"
#include "core/eval/evaluation_parts.h"
#include "core/ops/ops.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- outputs --------------------------------------------------------------------------------- */

static bool
keeps_scores(enum task task, size_t outputs, size_t classes)
{
    return task != TASK_TOKEN_CLASSIFICATION && outputs <= EVALUATION_MAX_SCORES / classes;
}

static bool
has_classes(enum task task)
{
    return task == TASK_CLASSIFICATION || task == TASK_TOKEN_CLASSIFICATION;
}

size_t
evaluation_outputs_bytes(enum task task, size_t outputs, size_t classes)
{
    if (outputs == 0 || classes == 0)
        return 0;
    size_t scores = keeps_scores(task, outputs, classes) ? outputs * classes : 0;
    return scores * sizeof(float) +
           classes * (sizeof(float) + sizeof(struct class_count) + sizeof(struct class_scores)) +
           (has_classes(task) ? outputs * sizeof(struct class_outcome) : 0);
}

int
evaluation_outputs_init(struct evaluation_outputs *outputs, const struct targets *targets,
                        size_t classes, struct err *err)
{
    enum task task = targets->task == TASK_AUTO ? TASK_CLASSIFICATION : targets->task;
    size_t count =
        task == TASK_TOKEN_CLASSIFICATION ? targets->starts[targets->rows] : targets->rows;
    bool scores = keeps_scores(task, count, classes);
    assert(count > 0 && classes > 0);
    *outputs = (struct evaluation_outputs){
        .task = task, .ops = ops_best(), .targets = targets, .rows = count, .classes = classes};
    outputs->row = mem_array(classes, sizeof *outputs->row);
    outputs->counts = mem_array(classes, sizeof *outputs->counts);
    outputs->per_class = mem_array(classes, sizeof *outputs->per_class);
    if (has_classes(task))
        outputs->outcomes = mem_array(count, sizeof *outputs->outcomes);
    if (scores)
        outputs->scores = mem_array(count * classes, sizeof *outputs->scores);
    if (outputs->row != NULL && outputs->counts != NULL && outputs->per_class != NULL &&
        (outputs->outcomes != NULL || !has_classes(task)) && (outputs->scores != NULL || !scores))
        return 0;
    evaluation_outputs_fini(outputs);
    return err_set(err, ERR_MEMORY, "the outputs of %zu rows do not fit into memory",
                   targets->rows);
}

void
evaluation_outputs_fini(struct evaluation_outputs *outputs)
{
    free(outputs->scores);
    free(outputs->row);
    free(outputs->outcomes);
    free(outputs->counts);
    free(outputs->per_class);
    free(outputs->thresholds);
    free(outputs->right);
    free(outputs->distances);
    *outputs = (struct evaluation_outputs){0};
}

static uint32_t
class_of(const struct evaluation_outputs *outputs, size_t index)
{
    const struct targets *targets = outputs->targets;
    return outputs->task == TASK_CLASSIFICATION ? targets->classes[index] : targets->ids[index];
}

void
evaluation_outputs_take(struct evaluation_outputs *outputs, size_t index, const float *logits)
{
    size_t k = outputs->classes;
    uint32_t truth = has_classes(outputs->task) ? class_of(outputs, index) : LABEL_NONE;
    outputs->temperature = 0;
    if (outputs->scores != NULL)
        memcpy(outputs->scores + index * k, logits, k * sizeof *logits);
    if (truth == LABEL_NONE)
        return;
    memcpy(outputs->row, logits, k * sizeof *logits);
    outputs->ops->softmax(k, outputs->row);
    outputs->outcomes[index] = class_outcome_of(outputs->row, k, truth);
}

static void
sum_classes(const struct evaluation_outputs *outputs, struct evaluation_summary *out)
{
    const struct class_predictions predictions = {outputs->rows, outputs->classes,
                                                  outputs->outcomes, NULL};
    struct classification_measures measures;
    class_counts_fill(&predictions, outputs->counts);
    classification_of_counts(outputs->counts, outputs->classes, outputs->per_class, &measures);
    out->macro_f1 = measures.macro.f1;
    out->weighted_f1 = measures.weighted.f1;
    out->mcc = measures.mcc;
}

int
evaluation_summarize(const struct evaluation_outputs *outputs, const char *const *labels,
                     struct evaluation_summary *out, struct err *err)
{
    *out = (struct evaluation_summary){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    switch (outputs->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        sum_classes(outputs, out);
        return 0;
    case TASK_MULTI_LABEL:
        return evaluation_sum_labels(outputs, out, err);
    case TASK_REGRESSION:
        return evaluation_sum_numbers(outputs, out, err);
    case TASK_TOKEN_CLASSIFICATION:
        break;
    }
    return evaluation_sum_tokens(outputs, labels, out, err);
}

int
evaluation_fit(struct evaluation_outputs *outputs, struct err *err)
{
    const struct class_predictions predictions = {outputs->rows, outputs->classes,
                                                  outputs->outcomes, NULL};
    char digits[32];
    if (outputs->scores == NULL || outputs->task == TASK_REGRESSION)
        return 0;
    if (outputs->task == TASK_MULTI_LABEL)
        return evaluation_tune(outputs, err);
    snprintf(digits, sizeof digits, "%.6g",
             calibration_fit_temperature(&predictions, outputs->scores));
    outputs->temperature = strtod(digits, NULL);
    return 0;
}

/* ---- parts of documents ---------------------------------------------------------------------- */

json_t *
evaluation_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void
evaluation_add_interval(json_t *intervals, const char *measure, struct interval interval)
{
    json_t *pair = json_array();
    json_array_append_new(pair, evaluation_real(interval.low));
    json_array_append_new(pair, evaluation_real(interval.high));
    json_object_set_new(intervals, measure, pair);
}

json_t *
evaluation_bins(const struct calibration *calibration)
{
    json_t *bins = json_array();
    for (size_t b = 0; b < CALIBRATION_BINS; b++) {
        const struct calibration_bin *bin = &calibration->bins[b];
        json_t *object = json_object();
        json_object_set_new(object, "low", evaluation_real(bin->low));
        json_object_set_new(object, "high", evaluation_real(bin->high));
        json_object_set_new(object, "rows", json_integer((json_int_t)bin->rows));
        json_object_set_new(object, "confidence", evaluation_real(bin->confidence));
        json_object_set_new(object, "accuracy", evaluation_real(bin->accuracy));
        json_array_append_new(bins, object);
    }
    return bins;
}

int
evaluation_judge_rows(struct evaluation_outputs *outputs, struct err *err)
{
    size_t rows = outputs->targets->rows;
    bool numbers = outputs->task == TASK_REGRESSION;
    free(outputs->right);
    free(outputs->distances);
    outputs->right = numbers ? NULL : mem_array(rows, sizeof *outputs->right);
    outputs->distances = numbers ? mem_array(rows, sizeof *outputs->distances) : NULL;
    outputs->judged = outputs->right != NULL || outputs->distances != NULL ? rows : 0;
    if (outputs->judged == rows)
        return 0;
    return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", rows);
}

json_t *
evaluation_text(const char *text, size_t length)
{
    static const char more[] = "\xe2\x80\xa6";
    if (length <= EVALUATION_TEXT_BYTES)
        return json_stringn(text, length);
    char cut[EVALUATION_TEXT_BYTES + sizeof more];
    size_t kept = EVALUATION_TEXT_BYTES;
    while (kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    memcpy(cut, text, kept);
    memcpy(cut + kept, more, sizeof more);
    return json_stringn(cut, kept + sizeof more - 1);
}

const struct data_row *
evaluation_row(const struct evaluation_rows *rows, size_t index)
{
    size_t place = 0;
    if (rows->only == NULL)
        return &rows->dataset->rows[index];
    for (size_t passed = 0;; place++) {
        assert(place < rows->dataset->count);
        if (rows->only[place] && passed++ == index)
            return &rows->dataset->rows[place];
    }
}

void
evaluation_add_averages(json_t *object, const char *kind, const struct class_averages *averages)
{
    const struct {
        const char *name;
        double value;
    } members[] = {
        {"precision", averages->precision}, {"recall", averages->recall}, {"f1", averages->f1}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char name[48];
        snprintf(name, sizeof name, "%s%s%s", kind != NULL ? kind : "", kind != NULL ? "_" : "",
                 members[i].name);
        json_object_set_new(object, name, evaluation_real(members[i].value));
    }
}

json_t *
evaluation_class(const char *label, const struct class_scores *scores)
{
    json_t *object = json_object();
    const struct class_averages averages = {scores->precision, scores->recall, scores->f1};
    json_object_set_new(object, "label", evaluation_text(label, strlen(label)));
    evaluation_add_averages(object, NULL, &averages);
    json_object_set_new(object, "support", json_integer((json_int_t)scores->support));
    json_object_set_new(object, "predicted", json_integer((json_int_t)scores->predicted));
    return object;
}

void
evaluation_note_error(struct evaluation_error *errors, size_t *count, struct evaluation_error error)
{
    size_t place = *count;
    while (place > 0 && errors[place - 1].weight < error.weight)
        place--;
    if (place == EVALUATION_MAX_ERRORS)
        return;
    size_t kept = *count < EVALUATION_MAX_ERRORS ? *count : EVALUATION_MAX_ERRORS - 1;
    memmove(errors + place + 1, errors + place, (kept - place) * sizeof *errors);
    errors[place] = error;
    *count = kept + 1;
}

json_t *
evaluation_shown_row(const struct evaluation_subject *subject, size_t index)
{
    const struct data_row *row = evaluation_row(&subject->rows, index);
    json_t *object = json_object();
    json_object_set_new(object, "line", json_integer((json_int_t)row->line));
    json_object_set_new(object, "text", evaluation_text(row->text, row->text_length));
    if (row->pair != NULL)
        json_object_set_new(object, "text_pair", evaluation_text(row->pair, row->pair_length));
    return object;
}

static int
add_members(json_t *document, const struct evaluation_subject *subject, struct err *err)
{
    const struct evaluation_outputs *outputs = subject->outputs;
    switch (outputs->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        return evaluation_add_classes(document, subject, err);
    case TASK_TOKEN_CLASSIFICATION:
        return evaluation_add_tokens(document, subject, err);
    case TASK_MULTI_LABEL:
    case TASK_REGRESSION:
        break;
    }
    if (outputs->scores == NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "%zu rows with %zu scores each are more than the %d scores that are kept; "
                       "give fewer rows",
                       outputs->rows, outputs->classes, EVALUATION_MAX_SCORES);
    return outputs->task == TASK_MULTI_LABEL ? evaluation_add_labels(document, subject, err)
                                             : evaluation_add_numbers(document, subject, err);
}

json_t *
evaluation_document(const struct evaluation_subject *subject, struct err *err)
{
    json_t *document = json_object();
    size_t rows = subject->outputs->targets->rows;
    json_object_set_new(document, "task", json_string(task_name(subject->outputs->task)));
    json_object_set_new(document, "rows", json_integer((json_int_t)rows));
    if (add_members(document, subject, err) == 0)
        return document;
    json_decref(document);
    return NULL;
}
