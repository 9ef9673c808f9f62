/* Paired tests; see significance.h. */
#include "core/eval/significance.h"

#include "core/base/mem.h"

#include <math.h>
#include <stdlib.h>

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

static void
count_row(struct mcnemar *result, bool first_right, bool second_right)
{
    result->only_first_right += first_right && !second_right;
    result->only_second_right += second_right && !first_right;
}

static void
judge(struct mcnemar *result)
{
    uint64_t n = result->only_first_right + result->only_second_right;
    uint64_t less = result->only_first_right < result->only_second_right
                        ? result->only_first_right
                        : result->only_second_right;
    double p = 2.0 * fair_coins_at_most(less, n);
    result->p_value = p < 1.0 ? p : 1.0;
}

struct mcnemar
mcnemar_test(const struct class_outcome *first, const struct class_outcome *second, size_t rows)
{
    struct mcnemar result = {0};
    for (size_t row = 0; row < rows; row++)
        count_row(&result, first[row].predicted == first[row].truth,
                  second[row].predicted == second[row].truth);
    judge(&result);
    return result;
}

struct mcnemar
mcnemar_test_rows(const bool *first, const bool *second, size_t rows)
{
    struct mcnemar result = {0};
    for (size_t row = 0; row < rows; row++)
        count_row(&result, first[row], second[row]);
    judge(&result);
    return result;
}

/* ---- Wilcoxon -------------------------------------------------------------------------------- */

/* How far apart two distances are, and whether the first is the longer one. */
struct difference {
    double size;
    bool positive;
};

static int
by_size(const void *a, const void *b)
{
    double x = ((const struct difference *)a)->size, y = ((const struct difference *)b)->size;
    return (x > y) - (x < y);
}

struct signed_ranks {
    size_t count;
    uint32_t twice[WILCOXON_MAX_EXACT]; /* of few: twice each rank, which is whole with ties, too */
    double plus, all;                   /* sums of ranks */
    double ties;                        /* sum of t^3 - t over groups of t equal ones */
};

/* Sorted differences, none of them 0. */
static void
sum_ranks(const struct difference *sorted, size_t count, struct signed_ranks *out)
{
    *out = (struct signed_ranks){.count = count};
    for (size_t from = 0, end; from < count; from = end) {
        for (end = from + 1; end < count && !(sorted[end].size > sorted[from].size); end++)
            ;
        double rank = 0.5 * (double)(from + 1 + end), equal = (double)(end - from);
        out->ties += equal * equal * equal - equal;
        for (size_t i = from; i < end; i++) {
            out->plus += sorted[i].positive ? rank : 0;
            out->all += rank;
            if (count <= WILCOXON_MAX_EXACT)
                out->twice[i] = (uint32_t)(from + 1 + end);
        }
    }
}

/* Of all ways to give the ranks signs, the share whose positive ones add up to so little. Numbers
 * of ways are at most 2^50, exact in a double. */
static double
share_at_most(const struct signed_ranks *ranks, double sum)
{
    enum { MOST = WILCOXON_MAX_EXACT * (WILCOXON_MAX_EXACT + 1) };
    double ways[MOST + 1] = {1};
    size_t top = 0, limit = (size_t)(2 * sum + 0.5);
    double found = 0;
    for (size_t i = 0; i < ranks->count; i++) {
        top += ranks->twice[i];
        for (size_t s = top; s >= ranks->twice[i]; s--)
            ways[s] += ways[s - ranks->twice[i]];
    }
    for (size_t s = 0; s <= limit; s++)
        found += ways[s];
    return ldexp(found, -(int)ranks->count);
}

static double
p_value(const struct signed_ranks *ranks)
{
    double n = (double)ranks->count;
    double less = ranks->plus < ranks->all - ranks->plus ? ranks->plus : ranks->all - ranks->plus;
    double p;
    if (ranks->count <= WILCOXON_MAX_EXACT) {
        p = 2 * share_at_most(ranks, less);
    } else {
        double variance = (n * (n + 1) * (2 * n + 1) - 0.5 * ranks->ties) / 24;
        p = erfc((0.5 * ranks->all - less) / sqrt(2 * variance));
    }
    return p < 1 ? p : 1;
}

int
wilcoxon_test(const double *first, const double *second, size_t rows, struct wilcoxon *out,
              struct err *err)
{
    struct signed_ranks ranks;
    size_t count = 0;
    *out = (struct wilcoxon){0};
    struct difference *differences = mem_array(rows, sizeof *differences);
    if (differences == NULL)
        return err_set(err, ERR_MEMORY, "the distances of %zu rows do not fit into memory", rows);
    for (size_t row = 0; row < rows; row++) {
        double difference = first[row] - second[row];
        out->first_nearer += difference < 0;
        out->second_nearer += difference > 0;
        if (difference < 0 || difference > 0)
            differences[count++] = (struct difference){fabs(difference), difference > 0};
    }
    qsort(differences, count, sizeof *differences, by_size);
    sum_ranks(differences, count, &ranks);
    out->p_value = p_value(&ranks);
    free(differences);
    return 0;
}
