/*
 * The five dropout sites of a pass, and where each token's numbers begin. Private to core/model.
 * In an inference workspace nothing is dropped.
 */
#ifndef CORE_MODEL_SITES_H
#define CORE_MODEL_SITES_H

#include "core/model/encoder.h"

static inline struct dropout
site_of(const struct pass *pass, double probability, enum rng_site site, size_t layer)
{
    double p = pass->workspace->training ? probability : 0.0;
    return dropout_site(p, pass->seed, site, layer, pass->step);
}

/* First dropout group of a token (or of a row, for the classifier's site) of H elements each. */
static inline uint64_t
site_group(const struct pass *pass, size_t index)
{
    return (uint64_t)index * dropout_groups(pass->network->config->hidden_size);
}

#endif
