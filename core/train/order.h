/*
 * The order in which an epoch visits its rows; batches are cut off it one behind the other.
 *
 * A function of seed, epoch and the rows' lengths alone: an interrupted job finds its place again,
 * and a plan can foretell the largest batch. Every epoch visits every row once, or rows of rare
 * classes more often where they are oversampled.
 */
#ifndef CORE_TRAIN_ORDER_H
#define CORE_TRAIN_ORDER_H

#include "core/data/oversample.h"
#include "core/train/params.h"

#include <stddef.h>
#include <stdint.h>

/* Batches that are sorted together by BATCHING_GROUPED: enough for batches of like lengths, few
 * enough that chance decides which rows meet. */
enum { ORDER_GROUPED_BATCHES = 50 };

struct order {
    uint64_t seed;
    enum batching batching; /* resolved */
    size_t batch_size;
    size_t rows;             /* of an epoch */
    const uint32_t *lengths; /* of each row, in tokens; BATCHING_SHUFFLE does not read it */
    const struct oversample *oversample; /* NULL: no row is repeated; else rows is its count */
};

/*
 * order[0..rows) = the rows in the order of an epoch. BATCHING_SHUFFLE: a seeded permutation of the
 * rows and of those that are repeated.
 * BATCHING_GROUPED: that permutation, its first 50 batches sorted by length (longest first, equals
 * as they came), the next 50 likewise and so on, then the whole batches in a seeded order; the rows
 * that fill no batch stay last and unsorted. Allocates nothing.
 */
void order_epoch(const struct order *rule, size_t epoch, uint32_t *order);

/*
 * Tokens of the largest among the first `steps` batches, found by going through them; spare has
 * room for the rows. lengths is read with either batching.
 */
size_t order_largest_batch(const struct order *rule, size_t steps, uint32_t *spare);

#endif
