/*
 * Oversampling: rows that an epoch repeats so that all classes are met equally often.
 *
 * Every row is there once; of each class with rows, rows are added until it has as many as the
 * largest. Those are the class's rows as often as they fit whole, and for the rest different ones,
 * drawn anew each epoch by rng.h's RNG_OVERSAMPLE stream of the class.
 */
#ifndef CORE_DATA_OVERSAMPLE_H
#define CORE_DATA_OVERSAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* The class of each row. A row of LABEL_NONE (targets.h) is there once. */
struct oversample {
    const uint32_t *labels; /* (rows), below label_count or LABEL_NONE */
    size_t rows;
    size_t label_count;
};

/* Rows of an epoch: the same for all. */
size_t oversample_count(const struct oversample *of);

/* out (oversample_count) = the rows of an epoch: all in their order, then those that are repeated,
 * by class. The order of the rows and the seed decide, nothing else. */
void oversample_fill(const struct oversample *of, uint64_t seed, uint32_t epoch, uint32_t *out);

#endif
