/*
 * An evaluation: the outputs of one pass over labelled rows, and all measures of them as one
 * document. The same for a job's validation and test, for a model that is measured on a file, and
 * for `finetuned run`.
 *
 *     evaluation_outputs_init(&outputs, &targets, width, &err)
 *     for every output   evaluation_outputs_take(&outputs, index, logits)
 *     outputs of validation rows: evaluation_fit(&outputs, &err)
 *     json_t *document = evaluation_document(&subject, &err)
 *
 * An output is a row's or, of token classification, a token's, in the order of the targets. The
 * document's size is bounded whatever the number of rows and classes; each limit has a name below
 * and cuts where that is told. A measure that is not defined on the rows is null. N = rows, O =
 * outputs, K = classes, labels or numbers. Knows no network and no store of tokens.
 */
#ifndef CORE_EVAL_EVALUATION_H
#define CORE_EVAL_EVALUATION_H

#include "core/base/err.h"
#include "core/data/dataset.h"
#include "core/data/targets.h"
#include "core/eval/classification.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Scores (O K) that are kept. With more of them what needs all at once is null in a
     * classification: ROC-AUC, average precision, temperature; other tasks have no document. */
    EVALUATION_MAX_SCORES = 16 * 1024 * 1024,
    EVALUATION_MAX_CLASSES = 1000,  /* with a row of their own: those with the most rows */
    EVALUATION_MAX_CONFUSION = 100, /* classes of a whole matrix; null with more */
    EVALUATION_MAX_PAIRS = 100,     /* confusions listed one by one, the most frequent */
    EVALUATION_MAX_ERRORS = 50,     /* shown with their text, the most confident */
    EVALUATION_TEXT_BYTES = 500     /* of a text or label that is shown; longer ones end in "…" */
};

struct evaluation_outputs {
    enum task task;
    const struct ops *ops;         /* the processor's: asked for once, which takes a while */
    const struct targets *targets; /* borrowed */
    size_t rows;                   /* O: rows, or tokens with and without a class */
    size_t classes;                /* K */
    float *scores; /* (O, K): logits, later probabilities, or numbers in the data's units; NULL:
                      of tokens, or more than EVALUATION_MAX_SCORES */
    float *row;    /* (K): the probabilities of one output */
    struct class_outcome *outcomes; /* (O); of classes alone; undefined where a token has none */
    /* regression: (K) each, borrowed: outputs and targets are (number - shift) / scale; NULL: they
     * are the numbers. To be set before the first output. */
    const float *scale, *shift;
    struct class_count *counts;     /* (K): room for sums over classes */
    struct class_scores *per_class; /* (K): the same */
    double temperature; /* what evaluation_fit found for classification; 0: not fitted */
    float *thresholds;  /* (K), the same for multi_label; NULL: not fitted */
    /* What the document found of each row of the targets, for evaluation_compare. */
    size_t judged;     /* rows; 0 before */
    bool *right;       /* multi_label, token_classification: all labels, all words right */
    double *distances; /* regression: mean distance of its numbers, in the data's units */
};

/* Bytes that evaluation_outputs_init takes for rows of a task: for estimates. */
size_t evaluation_outputs_bytes(enum task task, size_t outputs, size_t classes);

/* Targets have at least one row. ERR_MEMORY. Fini after a failure, too, or of zeroes. */
int evaluation_outputs_init(struct evaluation_outputs *outputs, const struct targets *targets,
                            size_t classes, struct err *err);
void evaluation_outputs_fini(struct evaluation_outputs *outputs);

/* Take the logits (K) of an output, in any order; one may be taken again. */
void evaluation_outputs_take(struct evaluation_outputs *outputs, size_t index, const float *logits);

/* What a training run shows of its epochs; NaN where the task has no such measure. Several labels
 * are predicted at 0.5; figures of several numbers are their means. */
struct evaluation_summary {
    double accuracy; /* of multi_label: of rows with all labels right; NaN for other tasks */
    double macro_f1, micro_f1, weighted_f1, mcc, entity_f1;
    double mse, mae, r2, pearson, spearman;
};

/* labels (K). Of all outputs. ERR_MEMORY. */
int evaluation_summarize(const struct evaluation_outputs *outputs, const char *const *labels,
                         struct evaluation_summary *out, struct err *err);

/*
 * What is fitted on rows that no step has learned from, before evaluation_document: the temperature
 * of calibration.h, with six digits, which any file keeps, or the thresholds of multi_label.h. None
 * where the scores are not kept. ERR_MEMORY.
 */
int evaluation_fit(struct evaluation_outputs *outputs, struct err *err);

/* Where the rows' texts stand: row i of the outputs is the i-th row of the file, or of those marked
 * in `only` (rows of the file). */
struct evaluation_rows {
    const struct dataset *dataset;
    const bool *only; /* NULL: every row */
};

struct evaluation_subject {
    struct evaluation_outputs *outputs; /* the scores become probabilities: one document each */
    const char *const *labels;          /* (K) */
    struct evaluation_rows rows;
    double temperature;      /* of the model; 0: it has none */
    const float *thresholds; /* (K), of a multi_label model; NULL: 0.5 each */
};

/*
 * A new object {task, rows, measures, intervals, per_class, confusion, calibration, error_count,
 * errors} with those of them that the task has, or NULL. ERR_UNSUPPORTED for more than
 * EVALUATION_MAX_SCORES scores where that is told; ERR_MEMORY.
 */
json_t *evaluation_document(const struct evaluation_subject *subject, struct err *err);

/*
 * Two models on the same rows, when their documents are made: a new object {only_this_right,
 * only_other_right, p_value, test, unit} of McNemar's test, where a row of several labels or a
 * sentence is right when all of it is; {this_nearer, other_nearer, …} of Wilcoxon's for regression;
 * {test: null} for different tasks. NULL: ERR_MEMORY.
 */
json_t *evaluation_compare(const struct evaluation_outputs *one,
                           const struct evaluation_outputs *other, struct err *err);

#endif
