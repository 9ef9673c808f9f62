/*
 * A growing byte buffer: what one does not know the length of beforehand.
 *
 * The bytes are always followed by a NUL that is not counted, so a buffer of text is a C string.
 * Growth aborts when memory is exhausted (see mem.h); callers limit what they append.
 */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include "core/base/err.h"

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL until the first append */
    size_t length;
    size_t capacity;
};

/* Release the bytes; a buffer that is all zeros is empty and valid. */
void buf_fini(struct buf *buf);

/* Forget the contents, keep the memory. */
void buf_clear(struct buf *buf);

/* Make it longer, and get the place of the new bytes: they are the caller's to fill, all of them.
 * The place is good until the buffer grows again. */
char *buf_extend(struct buf *buf, size_t length);

void buf_append(struct buf *buf, const void *bytes, size_t length);
void buf_append_string(struct buf *buf, const char *string);
void buf_printf(struct buf *buf, const char *format, ...) ERR_PRINTF(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list arguments) ERR_PRINTF(2, 0);

/* The contents as a C string, "" when empty. */
const char *buf_string(const struct buf *buf);

#endif
