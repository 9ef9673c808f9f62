/*
 * Measures of single-label classification, as scikit-learn defines them.
 *
 * A prediction is the class with the greatest probability, the lower id where several are equal.
 * Averages over classes are over those that occur among truth or predictions; a quotient 0 / 0
 * (precision of a class that is never predicted) counts as 0. Measures that are not defined on the
 * rows at hand are NaN. N = rows, K = classes.
 */
#ifndef CORE_EVAL_CLASSIFICATION_H
#define CORE_EVAL_CLASSIFICATION_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stddef.h>
#include <stdint.h>

/* What one row's probabilities come to: all that most measures need of it. */
struct class_outcome {
    uint32_t truth, predicted;
    uint32_t before;  /* classes that are guessed before the true one */
    float confidence; /* probability of the prediction */
    double log_loss;  /* natural; the probability clipped at float's epsilon */
    double brier;     /* squared distance of the probabilities to the true one-hot vector */
};

/* Judge K finite probabilities; truth is below K. */
struct class_outcome class_outcome_of(const float *probabilities, size_t classes, uint32_t truth);

struct class_predictions {
    size_t rows, classes;
    const struct class_outcome *outcomes; /* (N) */
    const float *probabilities;           /* (N, K); NULL: not kept, so no measure of ranking */
};

/* Precision TP / (TP + FP), recall TP / (TP + FN), F1 their harmonic mean; support: rows. */
struct class_scores {
    double precision, recall, f1;
    uint64_t support, predicted;
};

struct class_averages {
    double precision, recall, f1;
};

struct classification_measures {
    double accuracy;
    struct class_averages macro;    /* plain mean over classes */
    struct class_averages weighted; /* by support */
    struct class_averages micro;    /* of the summed counts; all three equal accuracy */
    double mcc;                     /* Matthews' correlation, Gorodkin's R_K; 0 when undefined */
    double kappa;                   /* Cohen's */
    double log_loss;                /* mean of the outcomes' */
    double roc_auc;                 /* K = 2: of class 1; else mean of one against the rest */
    double average_precision;       /* the same */
    double top_3, top_5;            /* accuracy with three, five guesses */
    struct class_scores *per_class; /* (K) */
    uint64_t *confusion;            /* (K, K): row truth, column prediction; NULL for more than
                                       CLASSIFICATION_MAX_CONFUSION classes */
};

/* Of counts; 0 / 0 is 0. For all kinds of measures that count hits. */
struct class_scores class_scores_make(uint64_t hits, uint64_t predicted, uint64_t support);

/* sum += weight * scores */
void class_averages_add(struct class_averages *sum, const struct class_scores *scores,
                        double weight);

enum { CLASSIFICATION_MAX_CONFUSION = 1000 };

/* Arrays of out live in arena. ERR_INVALID without rows; ERR_MEMORY. */
int classification_measure(const struct class_predictions *predictions, struct arena *arena,
                           struct classification_measures *out, struct err *err);

/* The predicted class of one row of K probabilities. */
uint32_t classification_argmax(const float *probabilities, size_t classes);

/* Of one class: rows that are of it, rows predicted as it, rows that are both. */
struct class_count {
    uint64_t support, predicted, hits;
};

/* counts (K) = of these rows. */
void class_counts_fill(const struct class_predictions *predictions, struct class_count *counts);

/* Measures that follow from counts alone; per_class (K) is filled. At least one row. */
void classification_of_counts(const struct class_count *counts, size_t classes,
                              struct class_scores *per_class, struct classification_measures *out);

/* A row that was predicted wrongly, and how sure the model was. */
struct class_error {
    size_t row;
    uint32_t truth, predicted;
    float probability; /* of the prediction */
};

/* The most confident errors first, at most `most`; equals in the order of rows. Returns how many.
 */
size_t classification_worst(const struct class_predictions *predictions, size_t most,
                            struct class_error *out);

#endif
