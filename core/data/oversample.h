/*
 * Oversampling: rows of rare classes that an epoch repeats, so that it meets the classes more
 * evenly.
 *
 * Every row is there once. A class that has rows, but fewer than `share` times those of the largest
 * class, gets rows until it has that many: its rows as often as they fit whole, and for the rest
 * different ones, drawn anew each epoch by rng.h's RNG_OVERSAMPLE stream of the class. With share 1
 * that is what imbalanced-learn's RandomOverSampler does ("not majority"), but that no row is drawn
 * twice as often as another of its class before all of them were.
 */
#ifndef CORE_DATA_OVERSAMPLE_H
#define CORE_DATA_OVERSAMPLE_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* The class of each row. A row of LABEL_NONE (targets.h) is there once. */
struct oversample_of {
    const uint32_t *labels; /* (rows), below label_count or LABEL_NONE */
    size_t rows;
    size_t label_count;
    double share; /* 0 to 1 */
};

/* Rows by class, ready to fill epochs; each filling uses the room, so from one thread at a time. */
struct oversample {
    size_t rows;    /* that are there once */
    size_t count;   /* of an epoch, repeats included: the same for all */
    size_t classes; /* 0 in one that was not made: it repeats nothing */
    size_t target;  /* rows that a rare class comes to */
    size_t *starts; /* (classes + 1): where the rows of a class begin in members */
    uint32_t *members;
    uint32_t *room; /* for the order of one class */
};

/* Rows of an epoch, before anything is made. */
size_t oversample_count(const struct oversample_of *of);

/* Labels are read and not kept. ERR_MEMORY, and nothing needs releasing. */
int oversample_init(struct oversample *oversample, const struct oversample_of *of, struct err *err);
void oversample_fini(struct oversample *oversample);

/* out (count) = the rows of an epoch: all in their order, then those that are repeated, by class.
 * The order of the rows and the seed decide, nothing else. Allocates nothing. */
void oversample_fill(const struct oversample *oversample, uint64_t seed, uint32_t epoch,
                     uint32_t *out);

/* Rows of a class. */
static inline size_t
oversample_rows(const struct oversample *oversample, size_t class_)
{
    return oversample->starts[class_ + 1] - oversample->starts[class_];
}

/* How often an epoch meets a row of a class, in the mean: 1 or more. */
double oversample_times(const struct oversample *oversample, size_t class_);

#endif
