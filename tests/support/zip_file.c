/* Building zip archives for tests; see zip_file.h. */
#include "tests/support/zip_file.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

enum {
    MOST_PARTS = 200,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    METHOD_STORED = 0,
    UTF8_NAMES = 0x800
};

static void
put(struct buf *out, size_t size, uint64_t value)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    buf_append(out, bytes, size);
}

static uint32_t
sum_of(const struct zip_part *part)
{
    return part->length == 0 ? 0 : (uint32_t)crc32_z(0, part->bytes, part->length);
}

/* What local and central headers have in common, from the flags to the length of the extra field.
 */
static void
put_common(struct buf *out, const struct zip_part *part, bool wide)
{
    put(out, 2, UTF8_NAMES);
    put(out, 2, METHOD_STORED);
    put(out, 4, 0);
    put(out, 4, sum_of(part));
    put(out, 4, wide ? UINT32_MAX : part->length);
    put(out, 4, wide ? UINT32_MAX : part->length);
    put(out, 2, strlen(part->name));
    put(out, 2, wide ? 28 : 0);
}

static void
put_wide_extra(struct buf *out, const struct zip_part *part, size_t start)
{
    put(out, 2, 1);
    put(out, 2, 24);
    put(out, 8, part->length);
    put(out, 8, part->length);
    put(out, 8, start);
}

static void
put_part(struct buf *out, const struct zip_part *part, bool wide)
{
    size_t start = out->length;
    put(out, 4, 0x04034b50);
    put(out, 2, 0);
    put_common(out, part, wide);
    buf_append_string(out, part->name);
    if (wide)
        put_wide_extra(out, part, start);
    buf_append(out, part->bytes, part->length);
}

static void
put_header(struct buf *out, const struct zip_part *part, size_t start, bool wide)
{
    put(out, 4, 0x02014b50);
    put(out, 2, 0);
    put(out, 2, 0);
    put_common(out, part, wide);
    put(out, 2, 0); /* comment */
    put(out, 2, 0); /* disk */
    put(out, 2, 0);
    put(out, 4, 0);
    put(out, 4, wide ? UINT32_MAX : start);
    buf_append_string(out, part->name);
    if (wide)
        put_wide_extra(out, part, start);
}

static void
put_wide_end(struct buf *out, size_t count, size_t start, size_t end)
{
    put(out, 4, 0x06064b50);
    put(out, 8, 44);
    put(out, 2, 0);
    put(out, 2, 0);
    put(out, 4, 0);
    put(out, 4, 0);
    put(out, 8, count);
    put(out, 8, count);
    put(out, 8, end - start);
    put(out, 8, start);
    put(out, 4, 0x07064b50);
    put(out, 4, 0);
    put(out, 8, end);
    put(out, 4, 1);
}

void
zip_file_build(struct buf *out, const struct zip_part *parts, size_t count, bool wide)
{
    struct buf archive = {0};
    size_t starts[MOST_PARTS];
    for (size_t i = 0; i < count; i++) {
        starts[i] = archive.length;
        put_part(&archive, &parts[i], wide);
    }
    size_t start = archive.length;
    for (size_t i = 0; i < count; i++)
        put_header(&archive, &parts[i], starts[i], wide);
    size_t end = archive.length;
    if (wide)
        put_wide_end(&archive, count, start, end);
    put(&archive, 4, 0x06054b50);
    put(&archive, 4, 0);
    put(&archive, 2, wide ? UINT16_MAX : count);
    put(&archive, 2, wide ? UINT16_MAX : count);
    put(&archive, 4, wide ? UINT32_MAX : end - start);
    put(&archive, 4, wide ? UINT32_MAX : start);
    put(&archive, 2, 0);
    buf_append(out, archive.data, archive.length);
    buf_fini(&archive);
}

static size_t
number(const struct buf *archive, size_t at, size_t size)
{
    size_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (size_t)(unsigned char)archive->data[at + i] << (8 * i);
    return value;
}

size_t
zip_file_end(const struct buf *archive)
{
    return archive->length - END_BYTES;
}

size_t
zip_file_header(const struct buf *archive, size_t index)
{
    size_t at = number(archive, zip_file_end(archive) + 16, 4);
    while (index-- > 0)
        at += CENTRAL_BYTES + number(archive, at + 28, 2);
    return at;
}

void
zip_file_patch(struct buf *archive, size_t at, size_t size, unsigned long long value)
{
    for (size_t i = 0; i < size; i++)
        archive->data[at + i] = (char)(value >> (8 * i));
}
