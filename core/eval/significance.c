/* Intervals and tests; see significance.h. */
#include "core/eval/significance.h"

#include "core/base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- bootstrap ------------------------------------------------------------------------------- */

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* numpy's default: linear between the two values around place q (count - 1). Sorted. */
static double
quantile(const double *values, size_t count, double q)
{
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + (place - (double)below) * (values[below + 1] - values[below]);
}

static struct interval
interval_of(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return (struct interval){quantile(values, count, 0.025), quantile(values, count, 0.975)};
}

/* The counts of as many rows, drawn with replacement. */
static void
resample(const struct class_predictions *in, const struct rng_stream *stream,
         struct class_count *counts)
{
    memset(counts, 0, in->classes * sizeof *counts);
    for (size_t drawn = 0; drawn < in->rows; drawn += 4) {
        uint32_t numbers[4];
        rng_block(stream, drawn / 4, numbers);
        for (size_t i = 0; i < 4 && drawn + i < in->rows; i++) {
            const struct class_outcome *outcome =
                &in->outcomes[(size_t)(((uint64_t)numbers[i] * in->rows) >> 32)];
            counts[outcome->truth].support++;
            counts[outcome->predicted].predicted++;
            counts[outcome->truth].hits += outcome->truth == outcome->predicted;
        }
    }
}

int
bootstrap_classification(const struct class_predictions *in, uint64_t seed,
                         struct bootstrap_intervals *out, struct err *err)
{
    if (in->rows == 0)
        return err_set(err, ERR_INVALID, "there are no rows to measure");
    double accuracy[BOOTSTRAP_ROUNDS], macro_f1[BOOTSTRAP_ROUNDS];
    struct class_count *counts = mem_array(in->classes, sizeof *counts);
    struct class_scores *per_class = mem_array(in->classes, sizeof *per_class);
    int code = 0;
    if (counts == NULL || per_class == NULL) {
        code = err_set(err, ERR_MEMORY, "%zu classes do not fit into memory", in->classes);
    } else {
        for (uint32_t round = 0; round < BOOTSTRAP_ROUNDS; round++) {
            struct rng_stream stream = rng_stream(seed, RNG_BOOTSTRAP, 0, round);
            struct classification_measures measures;
            resample(in, &stream, counts);
            classification_of_counts(counts, in->classes, per_class, &measures);
            accuracy[round] = measures.accuracy;
            macro_f1[round] = measures.macro.f1;
        }
        out->accuracy = interval_of(accuracy, BOOTSTRAP_ROUNDS);
        out->macro_f1 = interval_of(macro_f1, BOOTSTRAP_ROUNDS);
    }
    free(counts);
    free(per_class);
    return code;
}

/* ---- McNemar --------------------------------------------------------------------------------- */

/* P(X <= k) of n fair coins, by the logarithms of the terms. */
static double
fair_coins_at_most(uint64_t k, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i <= k; i++)
        sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) -
                   (double)n * log(2.0));
    return sum;
}

struct mcnemar
mcnemar_test(const struct class_outcome *first, const struct class_outcome *second, size_t rows)
{
    struct mcnemar result = {0};
    for (size_t row = 0; row < rows; row++) {
        bool first_right = first[row].predicted == first[row].truth;
        bool second_right = second[row].predicted == second[row].truth;
        result.only_first_right += first_right && !second_right;
        result.only_second_right += second_right && !first_right;
    }
    uint64_t n = result.only_first_right + result.only_second_right;
    uint64_t less = result.only_first_right < result.only_second_right ? result.only_first_right
                                                                       : result.only_second_right;
    double p = 2.0 * fair_coins_at_most(less, n);
    result.p_value = p < 1.0 ? p : 1.0;
    return result;
}
