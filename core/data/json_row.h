/* One row of a JSON file, a line or an element of an array. Private to core/data. */
#ifndef CORE_DATA_JSON_ROW_H
#define CORE_DATA_JSON_ROW_H

#include "core/base/err.h"
#include "core/data/reader.h"
#include "core/data/spans.h"

#include <jansson.h>
#include <stdbool.h>

/* Read a row into the reader's data set, or note what is wrong with it; ERR_MEMORY. */
int json_row_read(struct reader *reader, const struct span *span, struct err *err);

/* Has the row a legal length, and is it UTF-8? Notes the fault when not. */
bool json_row_check(struct reader *reader, const struct span *span);

/* The object in it, a new reference; NULL when it holds none, which is then noted. */
json_t *json_row_parse(struct reader *reader, const struct span *span);

#endif
