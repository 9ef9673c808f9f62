/*
 * Golden files of measures: JSON, packed or not, of named lists of cases; and how a figure is held
 * against one of theirs.
 */
#ifndef TESTS_SUPPORT_GOLDEN_MEASURES_H
#define TESTS_SUPPORT_GOLDEN_MEASURES_H

#include "core/base/mem.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct golden_measures {
    json_t *all;
    struct arena *arena;
};

/* Read the file, 8 MiB unpacked at most; fails the test when it cannot be read. */
void golden_measures_load(struct golden_measures *golden, const char *path);
void golden_measures_unload(struct golden_measures *golden);

/* Fails unless `found` is theirs but for the order of sums, far below 1e-5; null is NaN. */
void golden_measures_close(double found, const json_t *wanted, const char *what, size_t number);

/* The list of numbers `key` of a case, each times scale; room for one even when it is empty. */
float *golden_measures_floats(const struct golden_measures *golden, const json_t *one,
                              const char *key, double scale);

#endif
