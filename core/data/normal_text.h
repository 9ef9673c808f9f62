/*
 * A row's text as duplicates are told by: each run of ASCII blanks is one blank, none stands at the
 * ends, and of a pair the second text follows behind a line end. Private to core/data.
 */
#ifndef CORE_DATA_NORMAL_TEXT_H
#define CORE_DATA_NORMAL_TEXT_H

#include "core/base/buf.h"
#include "core/data/dataset.h"

#include <stdbool.h>

/* Write it into out, in place of what is there. */
void normal_text_write(const struct data_row *row, struct buf *out);

/* Would the same be written for both? */
bool normal_text_same(const struct data_row *a, const struct data_row *b);

#endif
