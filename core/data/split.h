/*
 * A seeded, stratified split: which rows of the training file are held out for validation.
 */
#ifndef CORE_DATA_SPLIT_H
#define CORE_DATA_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Mark held[i] for round(fraction * n_c) rows of each label c, chosen by rng.h's RNG_SPLIT stream
 * of that label; a label with rows keeps at least one for training. labels[i] < label_count. The
 * file's order and the seed decide, nothing else. Returns how many rows are held out.
 */
size_t split_stratified(const uint32_t *labels, size_t rows, size_t label_count, double fraction,
                        uint64_t seed, bool *held);

#endif
