/* Unpacking gzip; see gunzip.h. */
#include "core/data/gunzip.h"

#include "core/base/mem.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { FIRST_BYTES = 64 * 1024, STEP_BYTES = 4 * 1024 * 1024, GZIP_WINDOW = 15 + 16 };

/* What is unpacked so far. */
struct unpacking {
    const char *bytes;
    size_t length;
    char *out;
    size_t used, capacity;
    z_stream stream;
};

bool
gunzip_is_packed(const char *bytes, size_t length)
{
    return length >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0;
}

/* The most that so many packed bytes may come to. */
static size_t
limit_of(size_t length)
{
    size_t limit = 0;
    if (!mem_multiply(length, GUNZIP_MAX_RATIO, &limit) ||
        !mem_add(limit, GUNZIP_FREE_BYTES, &limit) || limit > GUNZIP_MAX_BYTES)
        return GUNZIP_MAX_BYTES;
    return limit;
}

/* Make room behind what is there; at most one byte more than may be used. */
static int
grow(struct unpacking *u, struct err *err)
{
    size_t limit = limit_of(u->length);
    if (u->used > limit)
        return err_set(err, ERR_UNSUPPORTED,
                       "%zu packed bytes unpack to more than %zu: split the file, or upload it "
                       "unpacked",
                       u->length, limit);
    if (u->used < u->capacity)
        return 0;
    size_t capacity = u->capacity == 0 ? FIRST_BYTES : u->capacity * 2;
    if (capacity > limit + 1)
        capacity = limit + 1;
    char *out = realloc(u->out, capacity);
    if (out == NULL)
        return err_set(err, ERR_MEMORY, "%zu unpacked bytes do not fit into memory", capacity);
    u->out = out;
    u->capacity = capacity;
    return 0;
}

/* One call of the library. *done: a member has ended. */
static int
step(struct unpacking *u, bool *done, struct err *err)
{
    z_stream *stream = &u->stream;
    if (grow(u, err) != 0)
        return err->code;
    size_t left = u->length - (size_t)((const char *)stream->next_in - u->bytes);
    size_t room = u->capacity - u->used;
    stream->avail_in = left < STEP_BYTES ? (uInt)left : STEP_BYTES;
    stream->avail_out = room < STEP_BYTES ? (uInt)room : STEP_BYTES;
    stream->next_out = (Bytef *)u->out + u->used;
    bool starved = stream->avail_in == 0;
    int rc = inflate(stream, Z_NO_FLUSH);
    size_t made = (size_t)((char *)stream->next_out - u->out) - u->used;
    u->used += made;
    *done = rc == Z_STREAM_END;
    if (rc == Z_STREAM_END || (rc == Z_OK && !(starved && made == 0)))
        return 0;
    if (rc == Z_OK || rc == Z_BUF_ERROR)
        return err_set(err, ERR_INVALID,
                       "the gzip file is cut off: pack it again, and see that all of it is sent");
    if (rc == Z_MEM_ERROR)
        return err_set(err, ERR_MEMORY, "unpacking does not fit into memory");
    return err_set(err, ERR_INVALID, "the gzip file is damaged (%s): pack it again",
                   stream->msg != NULL ? stream->msg : "no valid data");
}

/* Unpack member after member. */
static int
unpack(struct unpacking *u, const struct gunzip_stop *stop, struct err *err)
{
    bool done = false;
    for (;;) {
        if (stop->should_stop != NULL && stop->should_stop(stop->context))
            return err_set(err, ERR_STOPPED, "stopped");
        if (step(u, &done, err) != 0)
            return err->code;
        size_t at = (size_t)((const char *)u->stream.next_in - u->bytes);
        if (!done)
            continue;
        if (at == u->length)
            return u->used > limit_of(u->length) ? grow(u, err) : 0;
        if (!gunzip_is_packed(u->bytes + at, u->length - at))
            return err_set(err, ERR_INVALID,
                           "%zu bytes follow the end of the gzip file: remove them, or pack the "
                           "file again",
                           u->length - at);
        inflateReset(&u->stream);
    }
}

int
gunzip_unpack(const char *bytes, size_t length, const struct gunzip_stop *stop, char **out,
              size_t *out_length, struct err *err)
{
    struct unpacking u = {.bytes = bytes, .length = length};
    *out = NULL;
    *out_length = 0;
    u.stream.next_in = (z_const Bytef *)(uintptr_t)bytes;
    if (inflateInit2(&u.stream, GZIP_WINDOW) != Z_OK)
        return err_set(err, ERR_MEMORY, "unpacking does not fit into memory");
    int rc = unpack(&u, stop, err);
    inflateEnd(&u.stream);
    if (rc != 0) {
        free(u.out);
        return rc;
    }
    *out = u.out;
    *out_length = u.used;
    return 0;
}
