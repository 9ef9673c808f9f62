/*
 * What the label of a row says, whatever its form: lists of several labels are sets, numbers are
 * compared by value. Private to core/data.
 */
#ifndef CORE_DATA_ROW_LABEL_H
#define CORE_DATA_ROW_LABEL_H

#include "core/data/dataset.h"
#include "core/data/distinct.h"

#include <stdbool.h>
#include <stdint.h>

/* Do two rows, of one data set or of two of this form, say the same? */
bool row_label_same(enum label_form form, const struct data_row *a, const struct data_row *b);

/* Rows that say the same have the same. */
uint64_t row_label_hash(enum label_form form, const struct distinct *table,
                        const struct data_row *row);

#endif
