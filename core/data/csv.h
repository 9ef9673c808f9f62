/* The reader of CSV and TSV: RFC 4180 with a header. Private to core/data. */
#ifndef CORE_DATA_CSV_H
#define CORE_DATA_CSV_H

#include "core/base/err.h"
#include "core/data/reader.h"

#include <stddef.h>

/* Read length bytes (after a byte order mark) into the reader's data set; ERR_MEMORY. */
int csv_read(struct reader *reader, const char *bytes, size_t length, char delimiter,
             struct err *err);

#endif
