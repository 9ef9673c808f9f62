/*
 * A validation or test set held against the training set: texts that stand in both, labels that one
 * of them lacks, and distributions that lie far apart. All figures are exact.
 *
 * Labels (names, or tags other than O) are compared by the total variation distance of their
 * shares: half the sum of the absolute differences d. Two samples of one distribution differ too,
 * the more the more labels there are. For a label with the share p of both, d has about the
 * standard deviation s = sqrt(p (1 - p) (1/n + 1/m)), so that chance brings about
 *
 *     chance = 1/2 sum of s sqrt(2 / pi)
 *
 * with a standard deviation of about sqrt(1/2 (1 - 2 / pi) sum of s^2) at most, which it has with
 * two labels. A warning needs chance and four of these, and at least chance and 0.1: pairs of
 * samples of one distribution gave it twice in a thousand times at most (2 to 500 labels, 5 to
 * 1,000 rows against 9,000).
 *
 * Lengths (in characters) and numbers are compared by the Kolmogorov-Smirnov statistic, the largest
 * difference of their cumulative distributions. A warning needs 0.2 and 1.95 sqrt(1/n + 1/m), which
 * is exceeded by chance once in a thousand times.
 */
#ifndef CORE_DATA_COMPARE_H
#define CORE_DATA_COMPARE_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/report.h"

#include <stdbool.h>
#include <stddef.h>

enum { COMPARE_MAX_WARNINGS = 8 };

/* The rows of one side: of a file all, or those of which chosen says what is wanted. */
struct compare_side {
    const char *name; /* for sentences: "valid.jsonl", "the rows held out of train.jsonl" */
    const struct dataset *dataset;
    const bool *chosen; /* (rows of the data set), or NULL */
    bool wanted;
    enum task task; /* of the training side: what it is read for; TASK_AUTO: as its labels say */
};

struct data_comparison {
    size_t rows;             /* of the other side */
    size_t leaked;           /* rows of it whose texts the training side has, to the byte, */
    size_t leaked_conflicts; /* those of them with another label than there */
    size_t unseen;           /* labels of it that the training side has not */
    size_t untested;         /* labels of the training side that it has not */
    double label_distance, label_chance; /* total variation, and what chance brings */
    double number_distance;              /* the largest of the targets */
    double length_distance;
    size_t lengths[2]; /* medians: training, other */
    struct report_warning warnings[COMPARE_MAX_WARNINGS];
    size_t warning_count;
};

/*
 * Compare; sentences live in arena. For a regression the labels of both are compared as numbers,
 * where they are numbers and equally many, otherwise by their names. ERR_MEMORY.
 */
int data_compare(const struct compare_side *training, const struct compare_side *other,
                 struct arena *arena, struct data_comparison *out, struct err *err);

/* The Kolmogorov-Smirnov statistic of two samples, which are sorted in place; 0 when one is empty.
 */
double compare_distance(double *a, size_t a_count, double *b, size_t b_count);

#endif
