/* The document of single-label classification; see evaluation.h. */
#include "core/eval/evaluation_parts.h"

#include "core/base/mem.h"
#include "core/ops/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One document on its way. */
struct writer {
    json_t *document;
    const struct evaluation_subject *subject;
    struct class_predictions predictions;
    struct classification_measures measures;
    struct arena *arena;
    struct err *err;
};

static json_t *
label_of(const struct writer *w, size_t label)
{
    const char *text = w->subject->labels[label];
    return evaluation_text(text, strlen(text));
}

static json_t *
count_of(uint64_t count)
{
    return json_integer((json_int_t)count);
}

/* ---- measures -------------------------------------------------------------------------------- */

static json_t *
measures_object(const struct classification_measures *m)
{
    json_t *object = json_object();
    json_object_set_new(object, "accuracy", evaluation_real(m->accuracy));
    evaluation_add_averages(object, "macro", &m->macro);
    evaluation_add_averages(object, "micro", &m->micro);
    evaluation_add_averages(object, "weighted", &m->weighted);
    const struct {
        const char *name;
        double value;
    } members[] = {
        {"mcc", m->mcc},
        {"kappa", m->kappa},
        {"log_loss", m->log_loss},
        {"roc_auc", m->roc_auc},
        {"average_precision", m->average_precision},
        {"top_3", m->top_3},
        {"top_5", m->top_5},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        json_object_set_new(object, members[i].name, evaluation_real(members[i].value));
    return object;
}

/* The same seed always: the same rows and model give the same document. */
static int
add_intervals(struct writer *w)
{
    struct bootstrap_intervals intervals;
    json_t *object = json_object();
    json_object_set_new(w->document, "intervals", object);
    if (bootstrap_classification(&w->predictions, 0, &intervals, w->err) != 0)
        return w->err->code;
    evaluation_add_interval(object, "accuracy", intervals.accuracy);
    evaluation_add_interval(object, "macro_f1", intervals.macro_f1);
    return 0;
}

/* ---- classes --------------------------------------------------------------------------------- */

/* A number of rows, and whose they are: sorted by number, then as they stand. */
struct frequent {
    uint64_t rows;
    size_t place;
};

static int
by_rows(const void *a, const void *b)
{
    const struct frequent *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

static int
by_place(const void *a, const void *b)
{
    const struct frequent *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static int
say_memory(struct writer *w)
{
    return err_set(w->err, ERR_MEMORY, "%zu classes do not fit into memory",
                   w->predictions.classes);
}

/* In the order of ids; when there are too many, those with the most rows. */
static int
add_classes(struct writer *w)
{
    size_t classes = w->predictions.classes;
    size_t shown = classes < EVALUATION_MAX_CLASSES ? classes : EVALUATION_MAX_CLASSES;
    struct frequent *order = mem_array(classes, sizeof *order);
    json_t *list = json_array();
    json_object_set_new(w->document, "per_class", list);
    if (order == NULL)
        return say_memory(w);
    for (size_t c = 0; c < classes; c++)
        order[c] = (struct frequent){w->measures.per_class[c].support, c};
    qsort(order, classes, sizeof *order, by_rows);
    qsort(order, shown, sizeof *order, by_place);
    for (size_t i = 0; i < shown; i++)
        json_array_append_new(list, evaluation_class(w->subject->labels[order[i].place],
                                                     &w->measures.per_class[order[i].place]));
    free(order);
    return 0;
}

/* ---- confusions ------------------------------------------------------------------------------ */

static void
add_matrix(const struct writer *w, json_t *object)
{
    size_t classes = w->predictions.classes;
    if (classes > EVALUATION_MAX_CONFUSION) {
        json_object_set_new(object, "labels", json_null());
        json_object_set_new(object, "matrix", json_null());
        return;
    }
    json_t *labels = json_array(), *matrix = json_array();
    for (size_t truth = 0; truth < classes; truth++) {
        json_t *row = json_array();
        for (size_t p = 0; p < classes; p++)
            json_array_append_new(row, count_of(w->measures.confusion[truth * classes + p]));
        json_array_append_new(labels, label_of(w, truth));
        json_array_append_new(matrix, row);
    }
    json_object_set_new(object, "labels", labels);
    json_object_set_new(object, "matrix", matrix);
}

static int
by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Pairs truth * K + prediction, sorted, become frequencies at the front. Returns how many. */
static size_t
count_pairs(const uint64_t *pairs, size_t count, struct frequent *out)
{
    size_t kinds = 0;
    for (size_t i = 0; i < count; i++) {
        if (kinds == 0 || out[kinds - 1].place != pairs[i])
            out[kinds++] = (struct frequent){0, (size_t)pairs[i]};
        out[kinds - 1].rows++;
    }
    return kinds;
}

/* The classes that are taken for others most often. */
static int
add_pairs(struct writer *w, json_t *object)
{
    const struct class_predictions *in = &w->predictions;
    uint64_t *pairs = mem_array(in->rows, sizeof *pairs);
    struct frequent *kinds = mem_array(in->rows, sizeof *kinds);
    json_t *list = json_array();
    size_t wrong = 0, count = 0;
    json_object_set_new(object, "pairs", list);
    if (pairs != NULL && kinds != NULL) {
        for (size_t row = 0; row < in->rows; row++)
            if (in->outcomes[row].truth != in->outcomes[row].predicted)
                pairs[wrong++] =
                    (uint64_t)in->outcomes[row].truth * in->classes + in->outcomes[row].predicted;
        qsort(pairs, wrong, sizeof *pairs, by_number);
        count = count_pairs(pairs, wrong, kinds);
        qsort(kinds, count, sizeof *kinds, by_rows);
    }
    for (size_t i = 0; i < count && i < EVALUATION_MAX_PAIRS; i++) {
        json_t *pair = json_object();
        json_object_set_new(pair, "label", label_of(w, kinds[i].place / in->classes));
        json_object_set_new(pair, "predicted", label_of(w, kinds[i].place % in->classes));
        json_object_set_new(pair, "rows", count_of(kinds[i].rows));
        json_array_append_new(list, pair);
    }
    json_object_set_new(w->document, "error_count", count_of(wrong));
    bool fits = pairs != NULL && kinds != NULL;
    free(pairs);
    free(kinds);
    return fits ? 0 : say_memory(w);
}

static int
add_confusion(struct writer *w)
{
    json_t *object = json_object();
    json_object_set_new(w->document, "confusion", object);
    add_matrix(w, object);
    return add_pairs(w, object);
}

/* ---- calibration ----------------------------------------------------------------------------- */

static double
mean_loss(const struct class_predictions *in)
{
    double sum = 0;
    for (size_t row = 0; row < in->rows; row++)
        sum += in->outcomes[row].log_loss;
    return sum / (double)in->rows;
}

/* The same rows when their logits are divided by the model's temperature. */
static int
add_scaled(struct writer *w, json_t *object)
{
    const struct evaluation_outputs *outputs = w->subject->outputs;
    struct class_predictions scaled = w->predictions;
    struct calibration calibration;
    if (outputs->scores == NULL || !(w->subject->temperature > 0)) {
        json_object_set_new(object, "scaled", json_null());
        return 0;
    }
    struct class_outcome *outcomes = mem_array(scaled.rows, sizeof *outcomes);
    if (outcomes == NULL)
        return say_memory(w);
    for (size_t row = 0; row < scaled.rows; row++) {
        const float *logits = outputs->scores + row * scaled.classes;
        for (size_t c = 0; c < scaled.classes; c++)
            outputs->row[c] = (float)((double)logits[c] / w->subject->temperature);
        outputs->ops->softmax(scaled.classes, outputs->row);
        outcomes[row] =
            class_outcome_of(outputs->row, scaled.classes, outputs->outcomes[row].truth);
    }
    scaled.outcomes = outcomes;
    int code = calibration_measure(&scaled, &calibration, w->err);
    json_t *member = json_object();
    json_object_set_new(object, "scaled", member);
    json_object_set_new(member, "ece", evaluation_real(calibration.ece));
    json_object_set_new(member, "brier", evaluation_real(calibration.brier));
    json_object_set_new(member, "log_loss", evaluation_real(mean_loss(&scaled)));
    free(outcomes);
    return code;
}

static int
add_calibration(struct writer *w)
{
    struct calibration calibration;
    double temperature = w->subject->temperature;
    json_t *object = json_object();
    json_object_set_new(w->document, "calibration", object);
    if (calibration_measure(&w->predictions, &calibration, w->err) != 0)
        return w->err->code;
    json_object_set_new(object, "ece", evaluation_real(calibration.ece));
    json_object_set_new(object, "brier", evaluation_real(calibration.brier));
    json_object_set_new(object, "temperature",
                        temperature > 0 ? json_real(temperature) : json_null());
    json_object_set_new(object, "bins", evaluation_bins(&calibration));
    return add_scaled(w, object);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static int
add_errors(struct writer *w)
{
    struct class_error worst[EVALUATION_MAX_ERRORS];
    size_t count = classification_worst(&w->predictions, EVALUATION_MAX_ERRORS, worst);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = evaluation_shown_row(w->subject, worst[i].row);
        json_object_set_new(object, "label", label_of(w, worst[i].truth));
        json_object_set_new(object, "predicted", label_of(w, worst[i].predicted));
        json_object_set_new(object, "probability", evaluation_real((double)worst[i].probability));
        json_array_append_new(list, object);
    }
    json_object_set_new(w->document, "errors", list);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* From here on the scores are probabilities. */
static void
take_probabilities(struct writer *w)
{
    struct evaluation_outputs *outputs = w->subject->outputs;
    for (size_t row = 0; outputs->scores != NULL && row < outputs->rows; row++)
        outputs->ops->softmax(outputs->classes, outputs->scores + row * outputs->classes);
    w->predictions.probabilities = outputs->scores;
}

static int
measure(struct writer *w)
{
    take_probabilities(w);
    if (classification_measure(&w->predictions, w->arena, &w->measures, w->err) != 0)
        return w->err->code;
    json_object_set_new(w->document, "measures", measures_object(&w->measures));
    return 0;
}

int
evaluation_add_classes(json_t *document, const struct evaluation_subject *subject, struct err *err)
{
    static int (*const parts[])(struct writer * w) = {add_calibration, measure,       add_intervals,
                                                      add_classes,     add_confusion, add_errors};
    static const char *const order[] = {"measures",    "intervals",   "per_class", "confusion",
                                        "calibration", "error_count", "errors"};
    const struct evaluation_outputs *outputs = subject->outputs;
    struct writer w = {
        .document = document,
        .subject = subject,
        .predictions = {outputs->rows, outputs->classes, outputs->outcomes, NULL},
        .arena = arena_new(),
        .err = err,
    };
    int code = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) /* a member keeps its place */
        json_object_set_new(document, order[i], json_null());
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && code == 0; i++)
        code = parts[i](&w);
    arena_free(w.arena);
    return code;
}
