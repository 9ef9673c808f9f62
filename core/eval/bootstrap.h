/*
 * How far a figure can be trusted: bootstrap intervals.
 *
 * As many rows as there are are drawn with replacement, BOOTSTRAP_ROUNDS times, and measured each
 * time; the interval holds 95 % of these figures (Efron 1979; percentiles, numpy's linear
 * quantiles). A row is what was drawn on its own: a text, or a sentence with all of its words. Rows
 * are drawn by Philox from a seed: the same rows give the same interval.
 *
 * What a row comes to is counted once, and a round sums these counts with the number of times that
 * each row was drawn; so a round costs a pass over the rows and what they hold. Where they hold
 * more than BOOTSTRAP_MAX_CELLS, the measures that need it all have no interval. A measure that is
 * not defined in some round has none either: the rows are too few to say how far it varies. No
 * interval is NaN twice. N = rows, K = classes, labels or numbers.
 */
#ifndef CORE_EVAL_BOOTSTRAP_H
#define CORE_EVAL_BOOTSTRAP_H

#include "core/eval/classification.h"
#include "core/eval/multi_label.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BOOTSTRAP_ROUNDS = 1000,
    BOOTSTRAP_MAX_CELLS = 1 << 20, /* true or predicted labels of all rows; numbers (N K) */
    BOOTSTRAP_MAX_MEASURES = 5
};

struct interval {
    double low, high;
};

/* What is measured in each round. */
struct bootstrap {
    size_t rows;
    size_t measures; /* at most BOOTSTRAP_MAX_MEASURES */
    /* drawn (N): how often each row is in this round, N together. out (measures); NaN: undefined */
    void (*measure)(void *context, const uint32_t *drawn, double *out);
    void *context;
};

/* out (measures). ERR_INVALID without rows; ERR_MEMORY. */
int bootstrap_run(const struct bootstrap *bootstrap, uint64_t seed, struct interval *out,
                  struct err *err);

struct bootstrap_intervals {
    struct interval accuracy, macro_f1;
};

/* ERR_INVALID without rows; ERR_MEMORY; of the others, too. */
int bootstrap_classification(const struct class_predictions *predictions, uint64_t seed,
                             struct bootstrap_intervals *out, struct err *err);

struct bootstrap_label_intervals {
    struct interval accuracy; /* of rows with all labels right */
    struct interval micro_f1;
    struct interval macro_f1; /* NaN for more than BOOTSTRAP_MAX_CELLS true or predicted labels */
};

int bootstrap_multi_label(const struct multi_label_predictions *predictions, uint64_t seed,
                          struct bootstrap_label_intervals *out, struct err *err);

/* Sentences by what they hold. */
struct bootstrap_sentences {
    size_t rows;
    const uint32_t *words, *right;     /* (N): words with a label, those that are right */
    const struct class_count *lenient; /* (N): of entities (entity_count_each); NULL: none */
    const struct class_count *strict;  /* (N): the same, strictly; not NULL if lenient is not */
};

struct bootstrap_token_intervals {
    struct interval accuracy;             /* of words */
    struct interval entity_f1, strict_f1; /* micro averages; NaN without entities */
};

int bootstrap_tokens(const struct bootstrap_sentences *sentences, uint64_t seed,
                     struct bootstrap_token_intervals *out, struct err *err);

/* Numbers in their units: predicted and truth (K, N), one target behind the other. */
struct bootstrap_numbers {
    size_t rows, targets;
    const float *predicted, *truth;
};

/* Of the means over the targets. */
struct bootstrap_number_intervals {
    struct interval mse, mae, r2, pearson, spearman;
};

/* All are NaN for more than BOOTSTRAP_MAX_CELLS numbers. */
int bootstrap_regression(const struct bootstrap_numbers *numbers, uint64_t seed,
                         struct bootstrap_number_intervals *out, struct err *err);

#endif
