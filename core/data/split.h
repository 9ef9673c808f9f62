/*
 * A seeded, stratified split: which rows of the training file are held out for validation.
 *
 * The order of the rows and the seed decide, nothing else; the numbers drawn are rng.h's RNG_SPLIT.
 */
#ifndef CORE_DATA_SPLIT_H
#define CORE_DATA_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Mark held[i] for round(fraction * n_c) rows of each label c, chosen by rng.h's RNG_SPLIT stream
 * of that label; a label with rows keeps at least one for training. labels[i] < label_count.
 * Returns how many rows are held out.
 */
size_t split_stratified(const uint32_t *labels, size_t rows, size_t label_count, double fraction,
                        uint64_t seed, bool *held);

/* Rows with any number of labels each: row i has ids[starts[i]] .. ids[starts[i + 1]], below
 * label_count; one that a row has more than once (as words' tags) counts once. */
struct split_lists {
    const size_t *starts; /* (rows + 1) */
    const uint32_t *ids;
    size_t rows;
    size_t label_count;
};

/*
 * Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011) in two parts: again and again
 * the label with the fewest rows that are not placed yet is taken (of equal ones the lowest), and
 * its rows, in drawn order, go where that label lacks most rows, then where rows as a whole are
 * lacking most, then into training. A row is not held out when one of its labels would have none
 * left to train on. Rows without a label come last, in drawn order, to where rows are lacking.
 * Returns how many rows are held out, about fraction * rows.
 */
size_t split_lists(const struct split_lists *lists, double fraction, uint64_t seed, bool *held);

/*
 * Rows with numbers: values (rows, width), of several the sum decides. Of n rows w = round(fraction
 * * n) are held out, at most n - 1: the rows in order of their values are cut into w runs of nearly
 * equal length, and one row of each is drawn. Returns w.
 */
size_t split_numbers(const float *values, size_t rows, size_t width, double fraction, uint64_t seed,
                     bool *held);

#endif
