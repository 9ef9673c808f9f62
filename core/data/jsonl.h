/* The reader of JSON Lines: one object a line. Private to core/data. */
#ifndef CORE_DATA_JSONL_H
#define CORE_DATA_JSONL_H

#include "core/base/err.h"
#include "core/data/reader.h"

#include <stddef.h>

/* Read length bytes (after a byte order mark) into the reader's data set; ERR_MEMORY. */
int jsonl_read(struct reader *reader, const char *bytes, size_t length, struct err *err);

#endif
