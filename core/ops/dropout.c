/*
 * Dropout by counter: the mask is a function of (seed, step, layer, site, element), computed where
 * it is used, forward and backward, and never stored. See struct dropout in ops.h.
 */
#include "core/ops/drop.h"

void
OPS(dropout)(const struct dropout *site, uint64_t group, size_t n, float *x)
{
    if (site->threshold != 0)
        drop_into(site, group, n, x, x);
}
