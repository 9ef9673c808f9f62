/* tar headers, written and read; see tar.h. */
#include "core/hub/tar.h"

#include "core/base/fileio.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fields of a header, as POSIX lays them out. */
struct header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char owner[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char rest[12];
};

_Static_assert(sizeof(struct header) == TAR_BLOCK_BYTES, "a header is a block");
_Static_assert(sizeof((struct header *)0)->name == TAR_NAME_MAX &&
                   sizeof((struct header *)0)->prefix == TAR_FOLDER_MAX,
               "names fit their fields");

enum {
    WRITTEN_TIME = 946684800,     /* the year 2000: no tar warns of it */
    EXTENDED_MAX_BYTES = 1 << 20, /* of a pax header or a GNU long name */
    ENTRIES_MAX_EXTENDED = 16,    /* such headers in front of one entry */
    OCTAL_MAX_DIGITS = 21         /* of what an int64_t holds */
};

/* The largest size that eleven octal digits hold. */
#define OCTAL_SIZE_MAX ((INT64_C(1) << 33) - 1)

/* ---- writing -------------------------------------------------------------------------------- */

/* Octal digits with zeros in front, and a NUL. */
static void
put_octal(char *field, size_t size, uint64_t value)
{
    field[size - 1] = '\0';
    for (size_t i = size - 1; i-- > 0; value >>= 3)
        field[i] = (char)('0' + (value & 7));
}

/* A size beyond octal is binary, as GNU tar writes it: the first bit set, the number at the end. */
static void
put_size(char *field, size_t size, int64_t bytes)
{
    if (bytes <= OCTAL_SIZE_MAX) {
        put_octal(field, size, (uint64_t)bytes);
        return;
    }
    uint64_t value = (uint64_t)bytes;
    memset(field, 0, size);
    for (size_t i = size; i-- > size - 8; value >>= 8)
        field[i] = (char)(value & 0xff);
    field[0] = (char)0x80;
}

/* The sum of all bytes, with the checksum's own field taken for blanks. */
static uint64_t
checksum(const struct header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    const size_t from = offsetof(struct header, checksum);
    uint64_t sum = 0;
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
        sum += i >= from && i < from + sizeof header->checksum ? (unsigned char)' ' : bytes[i];
    return sum;
}

void
tar_header(const char *folder, const char *name, int64_t bytes,
           unsigned char block[TAR_BLOCK_BYTES])
{
    struct header header = {0};
    size_t folder_length = strlen(folder);
    size_t name_length = strlen(name);
    assert(folder_length > 0 && folder_length <= TAR_FOLDER_MAX);
    assert(name_length > 0 && name_length <= TAR_NAME_MAX && bytes >= 0);
    memcpy(header.name, name, name_length);
    memcpy(header.prefix, folder, folder_length);
    put_octal(header.mode, sizeof header.mode, 0644);
    put_octal(header.uid, sizeof header.uid, 0);
    put_octal(header.gid, sizeof header.gid, 0);
    put_size(header.size, sizeof header.size, bytes);
    put_octal(header.mtime, sizeof header.mtime, WRITTEN_TIME);
    header.type = '0';
    memcpy(header.magic, "ustar", 6);
    memcpy(header.version, "00", 2);
    put_octal(header.major, sizeof header.major, 0);
    put_octal(header.minor, sizeof header.minor, 0);
    put_octal(header.checksum, sizeof header.checksum - 1, checksum(&header));
    header.checksum[sizeof header.checksum - 1] = ' ';
    memcpy(block, &header, sizeof header);
}

int64_t
tar_padded(int64_t bytes)
{
    return (bytes + TAR_BLOCK_BYTES - 1) / TAR_BLOCK_BYTES * TAR_BLOCK_BYTES;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Octal digits, blanks around them; false when something else stands there. */
static bool
read_octal(const char *field, size_t size, int64_t *out)
{
    size_t i = 0;
    int64_t value = 0;
    size_t digits = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
        if (++digits > OCTAL_MAX_DIGITS - 1)
            return false;
        value = value * 8 + (field[i] - '0');
    }
    while (i < size && (field[i] == ' ' || field[i] == '\0'))
        i++;
    *out = value;
    return i == size;
}

/* Octal, or binary behind a set first bit; a negative or greater number than int64_t is refused. */
static bool
read_size(const char *field, size_t size, int64_t *out)
{
    const unsigned char *bytes = (const unsigned char *)field;
    if (bytes[0] != 0x80)
        return read_octal(field, size, out);
    uint64_t value = 0;
    for (size_t i = 1; i < size; i++) {
        if (value >> 55 != 0)
            return false;
        value = value << 8 | bytes[i];
    }
    *out = (int64_t)value;
    return true;
}

static int
refuse(const struct tar_reader *reader, const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "at byte %" PRId64 ": %s", reader->at, what);
}

static bool
is_zero(const struct header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* "prefix/name", neither with a NUL behind it when it is full. Only ustar has a prefix: in older
 * headers those bytes mean nothing, in GNU's something else. */
static void
join_path(const struct header *header, char out[TAR_PATH_MAX + 1])
{
    bool has_prefix = memcmp(header->magic, "ustar\0", 6) == 0 && header->prefix[0] != '\0';
    snprintf(out, TAR_PATH_MAX + 1, "%.*s%s%.*s", has_prefix ? (int)sizeof header->prefix : 0,
             header->prefix, has_prefix ? "/" : "", (int)sizeof header->name, header->name);
}

/* What extended headers say about the entry behind them. */
struct extension {
    char path[TAR_PATH_MAX + 1];
    bool has_path, has_size;
    int64_t size;
};

/* One header block, checked; 0 at the end of the archive. */
static int
read_header(struct tar_reader *reader, struct header *header, int64_t *bytes, struct err *err)
{
    int64_t sum = 0;
    if (reader->length - reader->at < TAR_BLOCK_BYTES)
        return reader->length == reader->at && reader->at > 0
                   ? 0
                   : refuse(reader, "the archive is cut off", err);
    if (fileio_get(reader->fd, (size_t)reader->at, header, sizeof *header, err) != 0)
        return err->code;
    if (is_zero(header))
        return 0;
    if (!read_octal(header->checksum, sizeof header->checksum, &sum) ||
        sum != (int64_t)checksum(header))
        return refuse(reader,
                      reader->at == 0 ? "this is no tar archive (a compressed one must be "
                                        "decompressed first)"
                                      : "a header is damaged",
                      err);
    if (!read_size(header->size, sizeof header->size, bytes) || *bytes < 0)
        return refuse(reader, "an entry's size is no number", err);
    return 1;
}

/* The bytes behind a header lie inside the archive; moves behind them. */
static int
skip_bytes(struct tar_reader *reader, int64_t bytes, struct err *err)
{
    int64_t left = reader->length - reader->at;
    if (bytes > left)
        return refuse(reader, "an entry is larger than what follows: the archive is cut off", err);
    int64_t padded = tar_padded(bytes);
    reader->at += padded > left ? left : padded;
    return 0;
}

static int
set_path(const struct tar_reader *reader, const char *text, size_t length,
         struct extension *extension, struct err *err)
{
    if (length == 0 || length > TAR_PATH_MAX || memchr(text, '\0', length) != NULL)
        return refuse(reader, "a name is empty, too long or no text", err);
    memcpy(extension->path, text, length);
    extension->path[length] = '\0';
    extension->has_path = true;
    return 0;
}

static int
set_size(const struct tar_reader *reader, const char *text, size_t length,
         struct extension *extension, struct err *err)
{
    char digits[24];
    if (length == 0 || length > 18 || strspn(text, "0123456789") < length)
        return refuse(reader, "an entry's size is no number", err);
    memcpy(digits, text, length);
    digits[length] = '\0';
    extension->size = strtoll(digits, NULL, 10);
    extension->has_size = true;
    return 0;
}

/* Records of a pax header: "length key=value\n", the length in decimal and of the whole record. */
static int
read_pax(const struct tar_reader *reader, const char *text, size_t length,
         struct extension *extension, struct err *err)
{
    for (size_t at = 0; at < length;) {
        char *end = NULL;
        unsigned long record =
            text[at] >= '1' && text[at] <= '9' ? strtoul(text + at, &end, 10) : 0;
        if (record == 0 || record > length - at || *end != ' ' || text[at + record - 1] != '\n' ||
            end >= text + at + record)
            return refuse(reader, "a pax header is damaged", err);
        const char *key = end + 1;
        size_t left = (size_t)(text + at + record - 1 - key);
        const char *equals = memchr(key, '=', left);
        if (equals == NULL)
            return refuse(reader, "a pax header is damaged", err);
        size_t value_length = left - (size_t)(equals + 1 - key);
        int code = 0;
        if (equals - key == 4 && memcmp(key, "path", 4) == 0)
            code = set_path(reader, equals + 1, value_length, extension, err);
        else if (equals - key == 4 && memcmp(key, "size", 4) == 0)
            code = set_size(reader, equals + 1, value_length, extension, err);
        if (code != 0)
            return code;
        at += record;
    }
    return 0;
}

/* A pax header ('x') or a long name of GNU tar ('L'); others only pass by. */
static int
read_extension(const struct tar_reader *reader, const struct header *header, int64_t bytes,
               struct extension *extension, struct err *err)
{
    if (header->type != 'x' && header->type != 'L')
        return 0;
    if (bytes > EXTENDED_MAX_BYTES || bytes > reader->length - reader->at)
        return refuse(reader, "an extended header is too large", err);
    struct buf text = {0};
    char piece[TAR_BLOCK_BYTES];
    int code = 0;
    for (int64_t done = 0; done < bytes && code == 0; done += (int64_t)sizeof piece) {
        size_t length =
            bytes - done < (int64_t)sizeof piece ? (size_t)(bytes - done) : sizeof piece;
        code = fileio_get(reader->fd, (size_t)(reader->at + done), piece, length, err);
        if (code == 0)
            buf_append(&text, piece, length);
    }
    const char *contents = buf_string(&text);
    if (code == 0 && header->type == 'x')
        code = read_pax(reader, contents, text.length, extension, err);
    else if (code == 0)
        code = set_path(reader, contents, strlen(contents), extension, err);
    buf_fini(&text);
    return code;
}

static enum tar_kind
kind_of(const struct header *header, const char *path)
{
    size_t length = strlen(path);
    switch (header->type) {
    case '5':
        return TAR_FOLDER;
    case '\0': /* before POSIX a folder was a file whose name ends so */
        return length > 0 && path[length - 1] == '/' ? TAR_FOLDER : TAR_FILE;
    case '0':
    case '7':
        return TAR_FILE;
    default:
        return TAR_OTHER;
    }
}

static int
take_entry(struct tar_reader *reader, const struct header *header, int64_t bytes,
           const struct extension *extension, struct tar_entry *out, struct err *err)
{
    if (extension->has_path)
        memcpy(out->path, extension->path, sizeof out->path);
    else
        join_path(header, out->path);
    out->kind = kind_of(header, out->path);
    out->type = header->type == '\0' ? '0' : header->type;
    out->offset = reader->at;
    out->bytes = extension->has_size ? extension->size : bytes;
    return skip_bytes(reader, out->bytes, err) == 0 ? 1 : err->code;
}

static bool
is_extended(char type)
{
    return type == 'x' || type == 'g' || type == 'L' || type == 'K';
}

int
tar_next(struct tar_reader *reader, struct tar_entry *out, struct err *err)
{
    struct extension extension = {0};
    for (int extended = 0;; extended++) {
        struct header header;
        int64_t bytes = 0;
        int found = read_header(reader, &header, &bytes, err);
        if (found == 0 && extended > 0)
            return refuse(reader, "an extended header stands alone", err);
        if (found <= 0)
            return found;
        reader->at += TAR_BLOCK_BYTES;
        if (!is_extended(header.type))
            return take_entry(reader, &header, bytes, &extension, out, err);
        if (extended == ENTRIES_MAX_EXTENDED)
            return refuse(reader, "too many extended headers in a row", err);
        if (read_extension(reader, &header, bytes, &extension, err) != 0 ||
            skip_bytes(reader, bytes, err) != 0)
            return err->code;
    }
}
