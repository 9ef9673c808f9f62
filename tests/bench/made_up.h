/*
 * Models and rows that are made up, so that a benchmark needs no download.
 */
#ifndef TESTS_BENCH_MADE_UP_H
#define TESTS_BENCH_MADE_UP_H

#include "core/base/err.h"

#include <stddef.h>

/*
 * Write a model folder without weights: config.json of a shape ("tiny", "minilm", "base") and
 * vocab.txt, a copy of `vocab` or, when that is NULL, of made-up words. ERR_INVALID for another
 * name.
 */
int made_up_model(const char *folder, const char *shape, const char *vocab, struct err *err);

/*
 * Write rows as JSON lines, with up to 77 labels in turn. A row is length - 2 words drawn from the
 * whole words of the model's vocab.txt (letters and digits where it has none), so `length` tokens.
 */
int made_up_rows(const char *path, const char *model, size_t rows, size_t length, struct err *err);

#endif
