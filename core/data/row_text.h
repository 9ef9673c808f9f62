/* The texts of a row, both of a pair, as one thing. Private to core/data. */
#ifndef CORE_DATA_ROW_TEXT_H
#define CORE_DATA_ROW_TEXT_H

#include "core/data/dataset.h"
#include "core/data/distinct.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To the byte. A pair is never the same as a single text. */
bool row_text_same(const struct data_row *a, const struct data_row *b);
uint64_t row_text_hash(const struct distinct *table, const struct data_row *row);

/* Code points. */
size_t row_text_characters(const struct data_row *row);

/* Is there nothing but ASCII blanks? */
bool row_text_is_blank(const struct data_row *row);

#endif
