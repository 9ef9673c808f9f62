/*
 * Bootstrap intervals of regression; see bootstrap.h.
 *
 * A round measures the drawn rows in full, two passes about their means as regression.c does. Ranks
 * need no sorting: the order of all values is sorted once, and a walk along it, with the number of
 * times that each row was drawn, gives the ranks within the round. Ties have the mean of theirs.
 */
#include "core/eval/bootstrap.h"

#include "core/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { MEASURES = 5 }; /* in the order of struct bootstrap_number_intervals */

struct sums {
    double xx, yy, xy; /* about the means */
};

/* x and y of the drawn rows. Equal values have a mean that is exactly theirs, so no variance. */
static struct sums
sums_about_means(const double *x, const double *y, const uint32_t *drawn, size_t rows)
{
    double mean_x = 0, mean_y = 0;
    struct sums sums = {0};
    for (size_t i = 0; i < rows; i++) {
        mean_x += drawn[i] * x[i];
        mean_y += drawn[i] * y[i];
    }
    mean_x /= (double)rows;
    mean_y /= (double)rows;
    for (size_t i = 0; i < rows; i++) {
        sums.xx += drawn[i] * ((x[i] - mean_x) * (x[i] - mean_x));
        sums.yy += drawn[i] * ((y[i] - mean_y) * (y[i] - mean_y));
        sums.xy += drawn[i] * ((x[i] - mean_x) * (y[i] - mean_y));
    }
    return sums;
}

static double
correlation(struct sums sums)
{
    double scale = sqrt(sums.xx) * sqrt(sums.yy);
    return scale > 0 ? sums.xy / scale : NAN;
}

/* ---- ranks ----------------------------------------------------------------------------------- */

struct placed {
    double value;
    uint32_t row;
};

static int
by_value(const void *a, const void *b)
{
    double x = ((const struct placed *)a)->value, y = ((const struct placed *)b)->value;
    return (x > y) - (x < y);
}

/* The ranks of the drawn rows among themselves, from 1; those of others are of no use. */
static void
rank(const struct placed *order, const uint32_t *drawn, size_t rows, double *ranks)
{
    uint64_t before = 0;
    for (size_t from = 0, end; from < rows; from = end) {
        uint64_t equal = 0;
        for (end = from; end < rows && !(order[end].value > order[from].value); end++)
            equal += drawn[order[end].row];
        for (size_t i = from; i < end; i++)
            ranks[order[i].row] = (double)before + 0.5 * (double)(equal + 1);
        before += equal;
    }
}

/* ---- rounds ---------------------------------------------------------------------------------- */

struct numbers {
    size_t rows, targets;
    double *predicted, *truth;                    /* (K, N) */
    struct placed *predicted_order, *truth_order; /* (K, N): ascending */
    double *predicted_ranks, *truth_ranks;        /* (N): of one target in one round */
};

static void
add_target(const struct numbers *numbers, size_t target, const uint32_t *drawn, double *out)
{
    size_t rows = numbers->rows, first = target * rows;
    const double *x = numbers->predicted + first, *y = numbers->truth + first;
    double n = (double)rows, k = (double)numbers->targets, squares = 0, distances = 0;
    for (size_t i = 0; i < rows; i++) {
        squares += drawn[i] * ((x[i] - y[i]) * (x[i] - y[i]));
        distances += drawn[i] * fabs(x[i] - y[i]);
    }
    struct sums sums = sums_about_means(x, y, drawn, rows);
    rank(numbers->predicted_order + first, drawn, rows, numbers->predicted_ranks);
    rank(numbers->truth_order + first, drawn, rows, numbers->truth_ranks);
    struct sums of_ranks =
        sums_about_means(numbers->predicted_ranks, numbers->truth_ranks, drawn, rows);
    out[0] += squares / n / k;
    out[1] += distances / n / k;
    out[2] += (sums.yy > 0 ? 1.0 - squares / sums.yy : NAN) / k;
    out[3] += correlation(sums) / k;
    out[4] += correlation(of_ranks) / k;
}

static void
measure(void *context, const uint32_t *drawn, double *out)
{
    const struct numbers *numbers = context;
    for (size_t m = 0; m < MEASURES; m++)
        out[m] = 0;
    for (size_t target = 0; target < numbers->targets; target++)
        add_target(numbers, target, drawn, out);
}

/* ---- the numbers ----------------------------------------------------------------------------- */

static void
fill(const float *from, size_t rows, double *values, struct placed *order)
{
    for (size_t i = 0; i < rows; i++) {
        values[i] = (double)from[i];
        order[i] = (struct placed){values[i], (uint32_t)i};
    }
    qsort(order, rows, sizeof *order, by_value);
}

static void
close_numbers(struct numbers *numbers)
{
    free(numbers->predicted);
    free(numbers->truth);
    free(numbers->predicted_order);
    free(numbers->truth_order);
    free(numbers->predicted_ranks);
    free(numbers->truth_ranks);
}

static int
open_numbers(const struct bootstrap_numbers *in, struct numbers *numbers, struct err *err)
{
    size_t cells = in->rows * in->targets;
    *numbers = (struct numbers){
        .rows = in->rows,
        .targets = in->targets,
        .predicted = mem_array(cells, sizeof(double)),
        .truth = mem_array(cells, sizeof(double)),
        .predicted_order = mem_array(cells, sizeof(struct placed)),
        .truth_order = mem_array(cells, sizeof(struct placed)),
        .predicted_ranks = mem_array(in->rows, sizeof(double)),
        .truth_ranks = mem_array(in->rows, sizeof(double)),
    };
    if (numbers->predicted == NULL || numbers->truth == NULL || numbers->predicted_order == NULL ||
        numbers->truth_order == NULL || numbers->predicted_ranks == NULL ||
        numbers->truth_ranks == NULL) {
        close_numbers(numbers);
        return err_set(err, ERR_MEMORY, "%zu numbers do not fit into memory", cells);
    }
    for (size_t first = 0; first < cells; first += in->rows) {
        fill(in->predicted + first, in->rows, numbers->predicted + first,
             numbers->predicted_order + first);
        fill(in->truth + first, in->rows, numbers->truth + first, numbers->truth_order + first);
    }
    return 0;
}

int
bootstrap_regression(const struct bootstrap_numbers *in, uint64_t seed,
                     struct bootstrap_number_intervals *out, struct err *err)
{
    const struct interval none = {NAN, NAN};
    struct interval found[MEASURES];
    struct numbers numbers;
    *out = (struct bootstrap_number_intervals){none, none, none, none, none};
    if (in->rows == 0 || in->targets == 0)
        return err_set(err, ERR_INVALID, "there are no rows to measure");
    if (in->rows > BOOTSTRAP_MAX_CELLS / in->targets)
        return 0;
    if (open_numbers(in, &numbers, err) != 0)
        return err->code;
    const struct bootstrap bootstrap = {in->rows, MEASURES, measure, &numbers};
    int code = bootstrap_run(&bootstrap, seed, found, err);
    if (code == 0)
        *out =
            (struct bootstrap_number_intervals){found[0], found[1], found[2], found[3], found[4]};
    close_numbers(&numbers);
    return code;
}
