/*
 * Random numbers without state: every number is a function of where it is used.
 *
 * The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). The key is the job's seed; the counter is (index, step, site and layer). Shuffle,
 * split, initialisation and dropout are all defined here and nowhere else, so an interrupted job
 * draws the same numbers when it goes on, on any number of threads.
 */
#ifndef CORE_BASE_RNG_H
#define CORE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Where a number is used. Values are part of the numerics: append, never renumber. */
enum rng_site {
    RNG_EMBEDDING_DROPOUT = 1,
    RNG_ATTENTION_DROPOUT = 2,
    RNG_ATTENTION_OUTPUT_DROPOUT = 3,
    RNG_FFN_OUTPUT_DROPOUT = 4,
    RNG_CLASSIFIER_DROPOUT = 5,
    RNG_INITIALISATION = 6, /* layer = tensor's index in the layout */
    RNG_SHUFFLE = 7,        /* step = epoch */
    RNG_SPLIT = 8,          /* layer = label */
    RNG_BOOTSTRAP = 9,      /* step = round */
    RNG_OVERSAMPLE = 10     /* layer = label, step = epoch */
};

/* One stream: everything of a counter but the index. */
struct rng_stream {
    uint32_t key[2];
    uint32_t step;
    uint32_t place; /* site << 24 | layer */
};

struct rng_stream rng_stream(uint64_t seed, enum rng_site site, uint32_t layer, uint32_t step);

/* The raw block function, for known-answer tests. */
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Block number index of a stream: 128 random bits. */
void rng_block(const struct rng_stream *stream, uint64_t index, uint32_t out[4]);

/* A standard normal deviate for element index (polar method, own logarithm). */
double rng_normal(const struct rng_stream *stream, uint64_t index);

/* order[0..n) = a uniformly random permutation of 0..n-1 (Fisher-Yates, no modulo bias). */
void rng_shuffle(const struct rng_stream *stream, uint32_t *order, size_t n);

/* The same permutation of what stands in values: rng_shuffle is this of 0..n-1. */
void rng_permute(const struct rng_stream *stream, uint32_t *values, size_t n);

#endif
