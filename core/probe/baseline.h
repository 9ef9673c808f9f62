/*
 * The baseline of a job: what simple models say of the rows that its model was measured on.
 *
 * Two of them: the answer that is most frequent in the training rows (their mean, for numbers), and
 * a linear probe on the untouched base model (probe.h), which is trained and measured as a job of
 * that method is. A fine-tuned model that is no better than these has learned little, and its
 * owner should know. Measured when the job's own memory has been released, so that neither its
 * first step nor its peak pay for it.
 */
#ifndef CORE_PROBE_BASELINE_H
#define CORE_PROBE_BASELINE_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/gemm/gemm.h"
#include "core/train/metrics.h"
#include "core/train/plan.h"
#include "core/train/trainer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The most rows that the probe of a baseline learns from: more of them move its figure little and
 * would take minutes. They are spread evenly over the training rows. */
enum { BASELINE_ROWS = 20000, BASELINE_TEXT_BYTES = 640 };

struct baseline {
    enum metric metric;  /* that is compared: of the test rows or, without, of validation */
    double majority;     /* NaN: it has none; of a regression, that of the training rows' mean */
    double linear_probe; /* NaN: it could not be fitted */
    double model;        /* what the job's model has */
    bool rises;          /* more of the metric is better */
    bool is_regression;
    size_t rows, all_rows; /* of training: those that the probe learned from, and all */
};

struct baseline_call {
    const struct train_plan *plan;
    const struct train_request *request;
    const struct gemm_engine *engine;
    struct pool *pool;
    const double *latest; /* (METRIC_COUNT): measures of the job's model, NaN where it has none */
    bool (*should_stop)(void *context); /* NULL, or asked by any thread; once true it stays so */
    void (*on_event)(void *context, enum train_level level, const char *message); /* of report */
    void *context;
};

/*
 * Measure, and tell by events: the figures, a warning when the model is below them, why there is no
 * baseline. *document is a new object, or NULL when there is none. 0, or ERR_STOPPED: nothing has
 * been told.
 */
int baseline_report(const struct baseline_call *call, json_t **document, struct err *err);

/* Is there something to compare: rows that were measured, and a measure of them? */
bool baseline_has_metric(const struct baseline_call *call);

/*
 * Measure where baseline_has_metric. ERR_STOPPED; ERR_MEMORY and others as train_run: majority and
 * model are known all the same, linear_probe is NaN.
 */
int baseline_measure(const struct baseline_call *call, struct baseline *out, struct err *err);

/* Is the model worse than one of them? */
bool baseline_is_missed(const struct baseline *baseline);

/* One sentence with the figures; where the model is worse, that and what to do. */
void baseline_say(const struct baseline *baseline, char text[BASELINE_TEXT_BYTES]);

/* A new object {metric, majority, linear_probe, model}; what is not known is null. */
json_t *baseline_document(const struct baseline *baseline);

#endif
