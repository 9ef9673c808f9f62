/*
 * What forward and backward both ask of a pass: its five dropout sites, where each token's numbers
 * begin, and whether to go on. Private to core/model. In an inference workspace nothing is dropped.
 */
#ifndef CORE_MODEL_PASS_H
#define CORE_MODEL_PASS_H

#include "core/model/encoder.h"

static inline struct dropout
site_of(const struct pass *pass, double probability, enum rng_site site, size_t layer)
{
    double p = pass->workspace->training ? probability : 0.0;
    return dropout_site(p, pass->seed, site, layer, pass->step);
}

static inline bool
pass_stopped(const struct pass *pass)
{
    return pass->should_stop != NULL && pass->should_stop(pass->context);
}

/* First dropout group of a token (or of a row, for the classifier's site) of H elements each. */
static inline uint64_t
site_group(const struct pass *pass, size_t index)
{
    return (uint64_t)index * dropout_groups(pass->network->config->hidden_size);
}

#endif
