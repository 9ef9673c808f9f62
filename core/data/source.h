/*
 * The bytes of a data file, ready to be read: mapped, unpacked, without a byte order mark, and of a
 * known format. Private to core/data.
 */
#ifndef CORE_DATA_SOURCE_H
#define CORE_DATA_SOURCE_H

#include "core/base/err.h"
#include "core/base/fileio.h"
#include "core/data/dataset.h"

#include <stdbool.h>
#include <stddef.h>

struct source {
    const char *bytes;
    size_t length;
    enum data_format format;
    bool compressed;
    struct data_fault fault; /* why nothing of it can be read; code NULL without */
    /* what lies below */
    struct file_map map;
    char *unpacked;
};

/* Open a file; ERR_IO, ERR_MEMORY, ERR_STOPPED. To be closed in any case. */
int source_open(const struct data_source *wanted, struct source *out, struct err *err);
void source_close(struct source *source);

/* Does whoever reads want to stop? Then err says so. */
bool source_is_stopped(const struct data_source *wanted, struct err *err);

#endif
