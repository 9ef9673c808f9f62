/*
 * What forward and backward both ask of a pass: a chunk's share of the batch, the five dropout
 * sites, where each token's numbers begin, and whether to go on. Private to core/model.
 */
#ifndef CORE_MODEL_PASS_H
#define CORE_MODEL_PASS_H

#include "core/model/encoder.h"

/* A chunk on its way: tokens from..to, rows first..last of the batch. */
struct chunk {
    const struct pass *pass;
    size_t from, to;
    size_t first, last;
    float *scores;   /* the thread's: for attention forward or backward */
    float *scratch;  /* the thread's: with bf16 */
    float *partials; /* the chunk's, in training */
};

static inline struct chunk
chunk_of(const struct pass *pass, size_t item, size_t thread)
{
    const struct batch *batch = pass->batch;
    const struct workspace *w = pass->workspace;
    struct chunk chunk = {
        .pass = pass, .first = batch->chunk_rows[item], .last = batch->chunk_rows[item + 1]};
    chunk.from = batch->offsets[chunk.first];
    chunk.to = batch->offsets[chunk.last];
    chunk.scores = w->scores + thread * w->scores_size;
    chunk.scratch = w->scratch + thread * w->scratch_size;
    chunk.partials = w->shape.training ? w->partials + item * w->partial_size : NULL;
    return chunk;
}

/* In an inference workspace nothing is dropped. */
static inline struct dropout
site_of(const struct pass *pass, double probability, enum rng_site site, size_t layer)
{
    double p = pass->workspace->shape.training ? probability : 0.0;
    return dropout_site(p, pass->seed, site, layer, pass->step);
}

static inline bool
pass_stopped(const struct pass *pass)
{
    return pass->should_stop != NULL && pass->should_stop(pass->context);
}

/* First dropout group of element `index` of a site of H numbers each. */
static inline uint64_t
site_group(const struct pass *pass, size_t index)
{
    return (uint64_t)index * dropout_groups(pass->network->config->hidden_size);
}

/* The same of a token of this pass, and of a row. */
static inline uint64_t
token_group(const struct pass *pass, size_t token)
{
    return site_group(pass, pass->before.tokens + token);
}

static inline uint64_t
row_group(const struct pass *pass, size_t row)
{
    return site_group(pass, pass->before.rows + row);
}

#endif
