/* Measures of regression; see regression.h. Sums are in double, about the means. */
#include "core/eval/regression.h"

#include "core/base/mem.h"

#include <math.h>
#include <stdlib.h>

struct sums {
    double xx, yy, xy; /* about the means */
};

static struct sums
sums_about_means(const double *x, const double *y, size_t rows)
{
    double mean_x = 0, mean_y = 0;
    struct sums sums = {0};
    for (size_t i = 0; i < rows; i++) {
        mean_x += x[i];
        mean_y += y[i];
    }
    mean_x /= (double)rows; /* sums of floats are exact here, so equal values have no variance */
    mean_y /= (double)rows;
    for (size_t i = 0; i < rows; i++) {
        sums.xx += (x[i] - mean_x) * (x[i] - mean_x);
        sums.yy += (y[i] - mean_y) * (y[i] - mean_y);
        sums.xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    return sums;
}

static double
correlation(const double *x, const double *y, size_t rows)
{
    struct sums sums = sums_about_means(x, y, rows);
    double scale = sqrt(sums.xx) * sqrt(sums.yy);
    return scale > 0 ? sums.xy / scale : NAN;
}

struct placed {
    double value;
    size_t row;
};

static int
by_value(const void *a, const void *b)
{
    double x = ((const struct placed *)a)->value, y = ((const struct placed *)b)->value;
    return (x > y) - (x < y);
}

/* Values become their ranks from 1, equal ones the mean of theirs. */
static void
rank(double *values, struct placed *order, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        order[i] = (struct placed){values[i], i};
    qsort(order, rows, sizeof *order, by_value);
    for (size_t from = 0, end; from < rows; from = end) {
        for (end = from + 1; end < rows && !(order[end].value > order[from].value); end++)
            ;
        for (size_t i = from; i < end; i++)
            values[order[i].row] = 0.5 * (double)(from + 1 + end);
    }
}

int
regression_measure(const float *predicted, const float *truth, size_t rows,
                   struct regression_measures *out, struct err *err)
{
    *out = (struct regression_measures){0};
    if (rows == 0)
        return err_set(err, ERR_INVALID, "there are no rows to measure");
    double *x = mem_array(rows, sizeof *x), *y = mem_array(rows, sizeof *y);
    struct placed *order = mem_array(rows, sizeof *order);
    if (x == NULL || y == NULL || order == NULL) {
        err_set(err, ERR_MEMORY, "%zu values do not fit into memory", rows);
    } else {
        for (size_t i = 0; i < rows; i++) {
            x[i] = (double)predicted[i];
            y[i] = (double)truth[i];
            out->mse += (x[i] - y[i]) * (x[i] - y[i]) / (double)rows;
            out->mae += fabs(x[i] - y[i]) / (double)rows;
        }
        double variance = sums_about_means(x, y, rows).yy;
        out->r2 = variance > 0 ? 1.0 - out->mse * (double)rows / variance : NAN;
        out->pearson = correlation(x, y, rows);
        rank(x, order, rows);
        rank(y, order, rows);
        out->spearman = correlation(x, y, rows);
        err->code = ERR_NONE;
    }
    free(x);
    free(y);
    free(order);
    return err->code;
}
