/*
 * Dropout by counter: the mask is a function of (seed, step, layer, site, element), computed where
 * it is used, forward and backward, and never stored. See struct dropout in ops.h.
 */
#include "core/ops/drop.h"

void
OPS(dropout)(const struct dropout *site, uint64_t group, size_t n, float *x)
{
    if (site->threshold == 0)
        return;
    for (size_t i = 0; i < n; i += DROPOUT_GROUP, group++) {
        float factors[DROPOUT_GROUP];
        drop_factors(site, group, factors);
        size_t count = n - i < DROPOUT_GROUP ? n - i : DROPOUT_GROUP;
        for (size_t j = 0; j < count; j++)
            x[i + j] *= factors[j];
    }
}
