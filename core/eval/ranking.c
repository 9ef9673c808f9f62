/* Measures of a ranking; see ranking.h. */
#include "core/eval/ranking.h"

#include <math.h>
#include <stdlib.h>

static int
by_falling_score(const void *a, const void *b)
{
    float x = ((const struct ranked *)a)->score, y = ((const struct ranked *)b)->score;
    return (x < y) - (x > y);
}

/* Rows down to the end of the group of equal scores that begins at `from`; sorted. */
static size_t
end_of_group(const struct ranked *rows, size_t count, size_t from, size_t *positives)
{
    size_t end = from;
    while (end < count && !(rows[end].score < rows[from].score))
        *positives += rows[end++].positive;
    return end;
}

struct ranking_measures
ranking_measure(struct ranked *rows, size_t count)
{
    qsort(rows, count, sizeof *rows, by_falling_score);
    double above = 0;  /* pairs (positive, negative) in the right order, ties half */
    double summed = 0; /* precision where recall grows */
    size_t positives = 0;
    for (size_t from = 0, end; from < count; from = end) {
        size_t before = positives;
        end = end_of_group(rows, count, from, &positives);
        double found = (double)(positives - before);
        double negatives = (double)(end - from) - found;
        above += negatives * ((double)before + 0.5 * found);
        summed += found * (double)positives / (double)end;
    }
    double p = (double)positives, n = (double)(count - positives);
    return (struct ranking_measures){
        .roc_auc = p > 0 && n > 0 ? above / (p * n) : NAN,
        .average_precision = p > 0 ? summed / p : NAN,
    };
}

/* What divides a score from the next lower one, as new rows have other scores than these: 0.5 where
 * that does, else the middle. */
static float
divide(float lower, float score)
{
    float middle = lower + (score - lower) / 2;
    if (lower < 0.5f && score >= 0.5f)
        return 0.5f;
    return middle > lower && middle < score ? middle : score;
}

float
ranking_best_threshold(struct ranked *rows, size_t count, double *f1)
{
    qsort(rows, count, sizeof *rows, by_falling_score);
    size_t all = 0, positives = 0;
    float best = NAN;
    *f1 = 0;
    for (size_t i = 0; i < count; i++)
        all += rows[i].positive;
    for (size_t from = 0, end; from < count; from = end) {
        end = end_of_group(rows, count, from, &positives);
        double here = 2.0 * (double)positives / (double)(end + all);
        if (here > *f1) {
            *f1 = here;
            best = divide(end < count ? rows[end].score : -INFINITY, rows[from].score);
        }
    }
    return best;
}
