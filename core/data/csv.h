/*
 * The reader of CSV and TSV: RFC 4180 with a header (fields: csv_scan.h). Private to core/data.
 */
#ifndef CORE_DATA_CSV_H
#define CORE_DATA_CSV_H

#include "core/base/err.h"
#include "core/data/csv_scan.h"
#include "core/data/reader.h"

#include <stdbool.h>
#include <stddef.h>

/* Read length bytes (after a byte order mark) into the reader's data set; ERR_MEMORY, ERR_STOPPED.
 */
int csv_read(struct reader *reader, const char *bytes, size_t length, char delimiter,
             struct err *err);

/* Is the row as a whole legal? Notes the fault when not, as the two below do. */
bool csv_check_row(struct reader *reader, const struct csv_scan *scan, enum csv_row state);

/* Can the row name columns? Its fields are written out, without doubled marks. */
bool csv_check_names(struct reader *reader, struct csv_scan *scan);

/* Has the row as many fields as the header? */
bool csv_check_count(struct reader *reader, const struct csv_scan *scan, size_t columns);

#endif
