/* The readers of JSON Lines and of JSON arrays. Private to core/data. */
#ifndef CORE_DATA_JSONL_H
#define CORE_DATA_JSONL_H

#include "core/base/err.h"
#include "core/data/reader.h"

#include <stddef.h>

/* Read length bytes (after a byte order mark) into the reader's data set, one row a line;
 * ERR_MEMORY, ERR_STOPPED. */
int jsonl_read(struct reader *reader, const char *bytes, size_t length, struct err *err);

/* The same of one array of rows; what is wrong with the array itself is a fault, and ends it. */
int jsonl_read_array(struct reader *reader, const char *bytes, size_t length, struct err *err);

#endif
