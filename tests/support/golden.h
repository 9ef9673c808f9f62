/*
 * Reading golden files: safetensors files below tests/fixtures, made by tests/fixtures/generate.py.
 *
 * Whatever is missing or misshapen fails the running test and says which tensor of which file.
 * Values live as long as the handle.
 */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include "core/base/err.h"

#include <stddef.h>

struct golden;

/* Open a file by its path; fails the test when it cannot. */
struct golden *golden_open(const char *path);

/* NULL is fine. */
void golden_close(struct golden *golden);

/* The count values of a tensor, whose name is formatted. */
const float *golden_values(struct golden *golden, size_t count, const char *name, ...)
    ERR_PRINTF(3, 4);

/* How many values a tensor has. */
size_t golden_count(struct golden *golden, const char *name, ...) ERR_PRINTF(2, 3);

#endif
