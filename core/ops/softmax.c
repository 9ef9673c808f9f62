/*
 * Softmax of a row, shifted by its maximum; and of one head of attention, with the scores' factor
 * before and dropout behind, and its backward dx = p (dp - sum(p dp)).
 *
 * Rows of attention are short and of any length: a sentence has some 15 tokens. A head is therefore
 * worked on in sweeps, each over many rows: what a row has in common (its maximum, its sum) is
 * found row by row, but applied over the flat array, where whole vectors need not end with a row.
 */
#include "core/base/fmath.h"
#include "core/ops/drop.h"

/* Elements of one sweep: as many whole rows as fit, so that all of it stays in the first cache. */
enum { SWEEP = 4096 };

static inline float
row_maximum(size_t n, const float *x)
{
    float lanes[OPS_LANES];
    size_t whole = before_last(n);
    int32_t count = (int32_t)(n - whole);
    const float *last = x + whole;
    for (int32_t j = 0; j < OPS_LANES; j++)
        lanes[j] = j < count ? last[j] : -INFINITY;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    return lanes_maximum(lanes);
}

static inline float
row_sum(size_t n, const float *x)
{
    float lanes[OPS_LANES];
    size_t whole = before_last(n);
    int32_t count = (int32_t)(n - whole);
    const float *last = x + whole;
    for (int32_t j = 0; j < OPS_LANES; j++)
        lanes[j] = j < count ? last[j] : 0.0f;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += x[i + j];
    return lanes_sum(lanes);
}

static inline float
row_dot(size_t n, const float *x, const float *y)
{
    float lanes[OPS_LANES];
    size_t whole = before_last(n);
    int32_t count = (int32_t)(n - whole);
    const float *x_last = x + whole;
    const float *y_last = y + whole;
    for (int32_t j = 0; j < OPS_LANES; j++)
        lanes[j] = j < count ? x_last[j] * y_last[j] : 0.0f;
    for (size_t i = 0; i < whole; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            lanes[j] += x[i + j] * y[i + j];
    return lanes_sum(lanes);
}

static inline void
softmax_row(size_t n, float scale, float *x)
{
    float best = row_maximum(n, x);
    for (size_t i = 0; i < n; i++)
        x[i] = fmath_exp_small((x[i] - best) * scale);
    float factor = 1.0f / row_sum(n, x);
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

static inline void
softmax_backward_row(size_t n, float scale, const float *p, float *dp)
{
    float dot = row_dot(n, p, dp);
    for (size_t i = 0; i < n; i++)
        dp[i] = p[i] * scale * (dp[i] - dot);
}

void
OPS(softmax)(size_t n, float *x)
{
    softmax_row(n, 1.0f, x);
}

/* ---- one head of attention ------------------------------------------------------------------- */

/* spread[0..s) = value, and up to 15 more, which the next row overwrites. */
static inline void
spread_value(float *spread, size_t s, float value)
{
    for (size_t i = 0; i < s; i += OPS_LANES)
        for (size_t j = 0; j < OPS_LANES; j++)
            spread[i + j] = value;
}

/* softmax_row of n / s rows, n <= SWEEP */
static inline void
softmax_sweep(size_t n, size_t s, float scale, float *z)
{
    float spread[SWEEP + OPS_LANES];
    for (size_t at = 0; at < n; at += s)
        spread_value(spread + at, s, row_maximum(s, z + at));
    for (size_t i = 0; i < n; i++)
        z[i] = fmath_exp_small((z[i] - spread[i]) * scale);
    for (size_t at = 0; at < n; at += s)
        spread_value(spread + at, s, 1.0f / row_sum(s, z + at));
    for (size_t i = 0; i < n; i++)
        z[i] *= spread[i];
}

static inline void
softmax_backward_sweep(size_t n, size_t s, float scale, const float *p, float *dp)
{
    float spread[SWEEP + OPS_LANES];
    for (size_t at = 0; at < n; at += s)
        spread_value(spread + at, s, row_dot(s, p + at, dp + at));
    for (size_t i = 0; i < n; i++)
        dp[i] = p[i] * scale * (dp[i] - spread[i]);
}

/* Elements of the next sweep over what is left of a head. */
static inline size_t
sweep_of(size_t left, size_t s)
{
    size_t most = SWEEP - SWEEP % s;
    return left < most ? left : most;
}

void
OPS(softmax_dropout)(const struct dropout *site, uint64_t group, size_t rows, size_t s, float scale,
                     float *z, float *dropped)
{
    size_t n = rows * s;
    for (size_t at = 0; at < n && s > SWEEP; at += s)
        softmax_row(s, scale, z + at);
    for (size_t at = 0; at < n && s <= SWEEP; at += sweep_of(n - at, s))
        softmax_sweep(sweep_of(n - at, s), s, scale, z + at);
    if (dropped == NULL)
        OPS(dropout)(site, group, n, z);
    else
        drop_into(site, group, n, z, dropped);
}

void
OPS(softmax_dropout_backward)(const struct dropout *site, uint64_t group, size_t rows, size_t s,
                              float scale, const float *p, float *dp)
{
    size_t n = rows * s;
    OPS(dropout)(site, group, n, dp);
    for (size_t at = 0; at < n && s > SWEEP; at += s)
        softmax_backward_row(s, scale, p + at, dp + at);
    for (size_t at = 0; at < n && s <= SWEEP; at += sweep_of(n - at, s))
        softmax_backward_sweep(sweep_of(n - at, s), s, scale, p + at, dp + at);
}
