/*
 * The parts of a training step, and which function belongs to which: THE table.
 */
#ifndef TESTS_BENCH_PARTS_H
#define TESTS_BENCH_PARTS_H

#include <stdbool.h>

enum part {
    PART_DENSE,             /* matrix products of dense layers */
    PART_ATTENTION_PRODUCT, /* those within attention */
    PART_SOFTMAX,
    PART_NORM,
    PART_ACTIVATION,
    PART_EMBEDDING,
    PART_HEAD,
    PART_BIAS,
    PART_OPTIMIZER,
    PART_COPY,
    PART_WAIT,
    PART_OTHER,
    PART_COUNT
};

/* In words, for people. */
const char *part_name(enum part part);

/*
 * The part that a function belongs to, when no product is under way: by the longest prefix that the
 * table knows. Others' code is copying (libc) or PART_OTHER.
 */
enum part part_of_function(const char *name, bool ours);

#endif
