/*
 * Unpacking gzip (RFC 1952) into memory, behind limits. Private to core/data.
 *
 * Several members end to end are one file, as gzip has it. A few bytes can unpack to a thousand
 * times as many: beyond GUNZIP_FREE_BYTES a file may grow by GUNZIP_MAX_RATIO, which no real text
 * does, and never above GUNZIP_MAX_BYTES.
 */
#ifndef CORE_DATA_GUNZIP_H
#define CORE_DATA_GUNZIP_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    GUNZIP_MAX_BYTES = 1024 * 1024 * 1024,
    GUNZIP_FREE_BYTES = 16 * 1024 * 1024,
    GUNZIP_MAX_RATIO = 200
};

/* Do the bytes begin as gzip does? */
bool gunzip_is_packed(const char *bytes, size_t length);

struct gunzip_stop {
    bool (*should_stop)(void *context); /* NULL, or asked now and then */
    void *context;
};

/*
 * *out receives the bytes, *out_length their number; released with free(), NULL after a failure.
 * ERR_INVALID for what is damaged, cut off or followed by other bytes; ERR_UNSUPPORTED beyond the
 * limits; ERR_MEMORY; ERR_STOPPED.
 */
int gunzip_unpack(const char *bytes, size_t length, const struct gunzip_stop *stop, char **out,
                  size_t *out_length, struct err *err);

#endif
