/* A growing byte buffer; see buf.h. */
#include "core/base/buf.h"

#include "core/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_BYTES = 256 };

static void
grow(struct buf *buf, size_t more)
{
    size_t needed = 0;
    if (!mem_add(buf->length, more, &needed) || !mem_add(needed, 1, &needed))
        needed = SIZE_MAX;
    size_t capacity = buf->capacity > 0 ? buf->capacity : BUF_FIRST_BYTES;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
    buf->data = mem_resize(buf->data, capacity, 1);
    buf->capacity = capacity;
}

/* Room for that many and a NUL; the length is below the capacity whenever there is one. */
static inline void
reserve(struct buf *buf, size_t more)
{
    if (more >= buf->capacity - buf->length)
        grow(buf, more);
}

void
buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void
buf_clear(struct buf *buf)
{
    buf->length = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

char *
buf_extend(struct buf *buf, size_t length)
{
    reserve(buf, length);
    char *place = buf->data + buf->length;
    buf->length += length;
    buf->data[buf->length] = '\0';
    return place;
}

void
buf_append(struct buf *buf, const void *bytes, size_t length)
{
    char *place = buf_extend(buf, length);
    if (length > 0)
        memcpy(place, bytes, length);
}

void
buf_append_string(struct buf *buf, const char *string)
{
    buf_append(buf, string, strlen(string));
}

void
buf_vprintf(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        return;
    reserve(buf, (size_t)length);
    vsnprintf(buf->data + buf->length, (size_t)length + 1, format, arguments);
    buf->length += (size_t)length;
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(buf, format, arguments);
    va_end(arguments);
}

const char *
buf_string(const struct buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}
