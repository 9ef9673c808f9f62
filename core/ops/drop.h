/* The factors of one dropout group, in registers and cache only; private to core/ops. */
#ifndef CORE_OPS_DROP_H
#define CORE_OPS_DROP_H

#include "core/ops/philox.h"

#include <string.h>

/*
 * factors[i] = 0 or site->scale for element i of a group: low halves of the 64 words, then high.
 * All are 1, and no number is drawn, where nothing is dropped.
 */
static inline void
drop_factors(const struct dropout *site, uint64_t group, float factors[DROPOUT_GROUP])
{
    uint32_t words[PHILOX_WORDS];
    int32_t threshold = (int32_t)site->threshold;
    float scale = site->scale;
    if (threshold == 0) {
        for (size_t i = 0; i < DROPOUT_GROUP; i++)
            factors[i] = 1.0f;
        return;
    }
    philox_words(&site->stream, group * PHILOX_COUNTERS, words);
    for (size_t i = 0; i < PHILOX_WORDS; i++) {
        int32_t low = (int32_t)(words[i] & 0xffffu);
        int32_t high = (int32_t)(words[i] >> 16);
        factors[i] = low < threshold ? 0.0f : scale;
        factors[PHILOX_WORDS + i] = high < threshold ? 0.0f : scale;
    }
}

/* y = dropped x (N), from group `group` of the site on; y may be x. */
static inline void
drop_into(const struct dropout *site, uint64_t group, size_t n, const float *x, float *y)
{
    float factors[DROPOUT_GROUP];
    if (site->threshold == 0) {
        memmove(y, x, n * sizeof *y);
        return;
    }
    for (size_t i = 0; i < n; i += DROPOUT_GROUP, group++) {
        size_t count = n - i < DROPOUT_GROUP ? n - i : DROPOUT_GROUP;
        drop_factors(site, group, factors);
        for (size_t j = 0; j < count; j++)
            y[i + j] = x[i + j] * factors[j];
    }
}

#endif
