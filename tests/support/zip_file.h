/*
 * zip archives made in memory, as torch.save makes them: entries stored, sums right.
 */
#ifndef TESTS_SUPPORT_ZIP_FILE_H
#define TESTS_SUPPORT_ZIP_FILE_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct zip_part {
    const char *name;
    const void *bytes;
    size_t length;
};

/* Append an archive of these parts; wide: with 64-bit sizes and end record. */
void zip_file_build(struct buf *out, const struct zip_part *parts, size_t count, bool wide);

/* Where things are in a narrow archive of parts: the i-th header of the directory, and the end. */
size_t zip_file_header(const struct buf *archive, size_t index);
size_t zip_file_end(const struct buf *archive);

/* Overwrite size bytes of an archive by a little-endian number. */
void zip_file_patch(struct buf *archive, size_t at, size_t size, unsigned long long value);

#endif
