/* Checking a zip archive before its entries are used; see zip_reader.h. */
#include "core/hub/zip_reader.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    WIDE_END_SIGNATURE = 0x06064b50,
    LOCATOR_SIGNATURE = 0x07064b50,
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    WIDE_END_BYTES = 56,
    LOCATOR_BYTES = 20,
    COMMENT_MAX_BYTES = 0xffff,
    WIDE_EXTRA = 1, /* the id of the extra field with 64-bit sizes */
    FLAG_ENCRYPTED = 1,
    FLAG_SIZES_BEHIND = 8, /* the local header has none */
    METHOD_STORED = 0
};

#define IN_WIDE UINT32_MAX /* a field whose value stands in its 64-bit form */

struct zip_reader {
    struct arena *arena; /* names */
    const unsigned char *bytes;
    size_t length;
    struct zip_entry *entries; /* (count), ascending by name */
    size_t count;
};

/* Where the central directory is, and where it must have ended. */
struct directory {
    uint64_t start, length, count;
    size_t limit;
};

/* One header of the central directory. */
struct header {
    uint64_t packed, length, start; /* bytes in the archive, bytes unpacked, local header */
    uint32_t sum, flags, method;
    size_t name_length;
    const unsigned char *name;
};

static uint32_t
get16(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t
get32(const unsigned char *at)
{
    return get16(at) | get16(at + 2) << 16;
}

static uint64_t
get64(const unsigned char *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static int
refuse(const char *reason, struct err *err)
{
    return err_set(err, ERR_INVALID, "the zip archive is damaged: %s", reason);
}

static int
refuse_entry(const char *name, const char *reason, struct err *err)
{
    return err_set(err, ERR_INVALID, "entry '%s' of the zip archive %s", name, reason);
}

/* ---- where the directory is ------------------------------------------------------------------ */

/* The end record: the last place where one fits exactly in front of its comment. */
static const unsigned char *
find_end(const struct zip_reader *zip)
{
    if (zip->length < END_BYTES)
        return NULL;
    size_t last = zip->length - END_BYTES;
    size_t first = last > COMMENT_MAX_BYTES ? last - COMMENT_MAX_BYTES : 0;
    for (size_t at = last + 1; at-- > first;) {
        const unsigned char *end = zip->bytes + at;
        if (get32(end) == END_SIGNATURE && get16(end + 20) == last - at)
            return end;
    }
    return NULL;
}

/* The 64-bit form of the end record that a locator points to. */
static int
read_wide_end(const struct zip_reader *zip, const unsigned char *locator, struct directory *out,
              struct err *err)
{
    uint64_t at = get64(locator + 8);
    size_t limit = (size_t)(locator - zip->bytes);
    if (get32(locator + 4) != 0 || get32(locator + 16) > 1)
        return refuse("it has several disks", err);
    if (limit < WIDE_END_BYTES || at > limit - WIDE_END_BYTES)
        return refuse("its 64-bit end record lies outside", err);
    const unsigned char *end = zip->bytes + at;
    if (get32(end) != WIDE_END_SIGNATURE || get32(end + 16) != 0 || get32(end + 20) != 0)
        return refuse("its 64-bit end record is none", err);
    *out = (struct directory){get64(end + 48), get64(end + 40), get64(end + 32), (size_t)at};
    if (get64(end + 24) != out->count)
        return refuse("its 64-bit end record is none", err);
    return 0;
}

static int
find_directory(const struct zip_reader *zip, struct directory *out, struct err *err)
{
    const unsigned char *end = find_end(zip);
    if (end == NULL)
        return err_set(err, ERR_INVALID, "there is no zip archive's end: is the file cut short?");
    size_t limit = (size_t)(end - zip->bytes);
    if (limit >= LOCATOR_BYTES && get32(end - LOCATOR_BYTES) == LOCATOR_SIGNATURE) {
        if (read_wide_end(zip, end - LOCATOR_BYTES, out, err) != 0)
            return err->code;
    } else {
        *out = (struct directory){get32(end + 16), get32(end + 12), get16(end + 10), limit};
        if (get16(end + 4) != 0 || get16(end + 6) != 0 || get16(end + 8) != out->count)
            return refuse("it has several disks", err);
    }
    if (out->start > out->limit || out->length > out->limit - out->start)
        return refuse("its directory lies outside", err);
    if (out->count > ZIP_ENTRIES_MAX)
        return err_set(err, ERR_INVALID, "the zip archive has more than %d entries",
                       ZIP_ENTRIES_MAX);
    if (out->count > out->length / CENTRAL_BYTES)
        return refuse("its directory is too short for its entries", err);
    return 0;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* Take the 64-bit values of those fields that say so; they come in this order. */
static bool
read_wide_sizes(const unsigned char *field, size_t length, struct header *header)
{
    uint64_t *const values[] = {&header->length, &header->packed, &header->start};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (*values[i] != IN_WIDE)
            continue;
        if (length < 8)
            return false;
        *values[i] = get64(field);
        field += 8;
        length -= 8;
    }
    return true;
}

static bool
read_extra(const unsigned char *extra, size_t length, struct header *header)
{
    while (length >= 4) {
        size_t size = get16(extra + 2);
        if (size > length - 4)
            return false;
        if (get16(extra) == WIDE_EXTRA && !read_wide_sizes(extra + 4, size, header))
            return false;
        extra += 4 + size;
        length -= 4 + size;
    }
    return true;
}

/* Read the header at *at and move behind it. */
static int
read_header(const unsigned char **at, const unsigned char *end, struct header *out, struct err *err)
{
    const unsigned char *fixed = *at;
    size_t left = (size_t)(end - fixed);
    if (left < CENTRAL_BYTES || get32(fixed) != CENTRAL_SIGNATURE)
        return refuse("its directory ends too early", err);
    *out = (struct header){
        .packed = get32(fixed + 20),
        .length = get32(fixed + 24),
        .start = get32(fixed + 42),
        .sum = get32(fixed + 16),
        .flags = get16(fixed + 8),
        .method = get16(fixed + 10),
        .name_length = get16(fixed + 28),
        .name = fixed + CENTRAL_BYTES,
    };
    size_t extra = get16(fixed + 30);
    size_t size = CENTRAL_BYTES + out->name_length + extra + get16(fixed + 32);
    if (size > left)
        return refuse("its directory ends too early", err);
    if (get16(fixed + 34) != 0)
        return refuse("it has several disks", err);
    if (!read_extra(out->name + out->name_length, extra, out))
        return refuse("an extra field of its directory is", err);
    *at = fixed + size;
    return 0;
}

static int
read_name(struct zip_reader *zip, const struct header *header, struct zip_entry *entry,
          struct err *err)
{
    const char *name = (const char *)header->name;
    size_t length = header->name_length;
    if (length == 0 || length > ZIP_NAME_MAX || memchr(name, '\0', length) != NULL ||
        utf8_valid_length(name, length) != length)
        return refuse("the name of an entry is none", err);
    entry->name = arena_copy_bytes(zip->arena, name, length);
    return 0;
}

/* Is it one that could be read, as its header in the directory says? */
static int
check_header(const struct header *header, const char *name, struct err *err)
{
    if ((header->flags & FLAG_ENCRYPTED) != 0)
        return refuse_entry(name, "is encrypted", err);
    if (header->method == METHOD_STORED && header->packed != header->length)
        return refuse_entry(name, "has two sizes", err);
    return 0;
}

/* Find the bytes behind the local header, which must agree; limit: where the directory begins. */
static int
find_bytes(const struct zip_reader *zip, const struct header *header, size_t limit,
           struct zip_entry *entry, struct err *err)
{
    if (limit < LOCAL_BYTES || header->start > limit - LOCAL_BYTES)
        return refuse_entry(entry->name, "lies outside", err);
    const unsigned char *local = zip->bytes + header->start;
    size_t name_length = get16(local + 26);
    size_t room = limit - (size_t)header->start - LOCAL_BYTES;
    size_t before = name_length + get16(local + 28);
    if (get32(local) != LOCAL_SIGNATURE || name_length != header->name_length || before > room ||
        memcmp(local + LOCAL_BYTES, header->name, name_length) != 0 ||
        get16(local + 6) != header->flags || get16(local + 8) != header->method)
        return refuse_entry(entry->name, "is another one than its directory says", err);
    if (header->packed > room - before)
        return refuse_entry(entry->name, "lies outside", err);
    uint32_t size = get32(local + 18);
    if ((header->flags & FLAG_SIZES_BEHIND) == 0 && size != IN_WIDE && size != header->packed)
        return refuse_entry(entry->name, "has two sizes", err);
    entry->start = (size_t)header->start;
    entry->bytes = local + LOCAL_BYTES + before;
    entry->length = (size_t)header->packed;
    entry->compressed = header->method != METHOD_STORED;
    entry->sum = header->sum;
    return 0;
}

static int
by_start(const void *left, const void *right)
{
    const struct zip_entry *a = left;
    const struct zip_entry *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

static int
by_name(const void *left, const void *right)
{
    const struct zip_entry *a = left;
    const struct zip_entry *b = right;
    return strcmp(a->name, b->name);
}

/* No entry may overlap another or have its name; leaves them ascending by name. */
static int
check_entries(struct zip_reader *zip, struct err *err)
{
    const unsigned char *reached = zip->bytes;
    if (zip->count == 0)
        return 0;
    qsort(zip->entries, zip->count, sizeof *zip->entries, by_start);
    for (size_t i = 0; i < zip->count; i++) {
        if (zip->bytes + zip->entries[i].start < reached)
            return refuse_entry(zip->entries[i].name, "overlaps another one", err);
        reached = zip->entries[i].bytes + zip->entries[i].length;
    }
    qsort(zip->entries, zip->count, sizeof *zip->entries, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (strcmp(zip->entries[i - 1].name, zip->entries[i].name) == 0)
            return refuse_entry(zip->entries[i].name, "is there twice", err);
    return 0;
}

static int
read_entries(struct zip_reader *zip, const struct directory *directory, struct err *err)
{
    const unsigned char *at = zip->bytes + directory->start;
    const unsigned char *end = at + directory->length;
    zip->entries = mem_array((size_t)directory->count, sizeof *zip->entries);
    if (zip->entries == NULL)
        return err_set(err, ERR_MEMORY, "the zip archive's directory does not fit into memory");
    while (zip->count < directory->count) {
        struct header header = {0};
        struct zip_entry *entry = &zip->entries[zip->count++];
        if (read_header(&at, end, &header, err) != 0 || read_name(zip, &header, entry, err) != 0 ||
            check_header(&header, entry->name, err) != 0 ||
            find_bytes(zip, &header, (size_t)directory->start, entry, err) != 0)
            return err->code;
    }
    if (at != end)
        return refuse("its directory has more than its entries", err);
    return check_entries(zip, err);
}

/* ---- the reader ------------------------------------------------------------------------------ */

int
zip_reader_open(const unsigned char *bytes, size_t length, struct zip_reader **out, struct err *err)
{
    struct zip_reader *zip = mem_small(sizeof *zip);
    struct directory directory = {0};
    *zip = (struct zip_reader){.arena = arena_new(), .bytes = bytes, .length = length};
    *out = NULL;
    if (find_directory(zip, &directory, err) != 0 || read_entries(zip, &directory, err) != 0) {
        zip_reader_close(zip);
        return err->code;
    }
    *out = zip;
    return 0;
}

void
zip_reader_close(struct zip_reader *zip)
{
    if (zip == NULL)
        return;
    free(zip->entries);
    arena_free(zip->arena);
    free(zip);
}

size_t
zip_reader_count(const struct zip_reader *zip)
{
    return zip->count;
}

struct zip_entry *
zip_reader_at(const struct zip_reader *zip, size_t index)
{
    return &zip->entries[index];
}

struct zip_entry *
zip_reader_find(const struct zip_reader *zip, const char *name)
{
    struct zip_entry wanted = {.name = name};
    if (zip->count == 0)
        return NULL;
    return bsearch(&wanted, zip->entries, zip->count, sizeof wanted, by_name);
}

int
zip_reader_check(struct zip_entry *entry, struct err *err)
{
    if (entry->checked)
        return 0;
    if (entry->compressed)
        return err_set(err, ERR_UNSUPPORTED,
                       "entry '%s' of the zip archive is compressed, which torch.save never does: "
                       "unpack it and pack it again without compression (zip -0 -r), or load it in "
                       "transformers and save it with save_pretrained(folder)",
                       entry->name);
    if (crc32_z(crc32_z(0, NULL, 0), entry->bytes, entry->length) != entry->sum)
        return refuse_entry(entry->name, "has another check sum than its bytes: it is damaged",
                            err);
    entry->checked = true;
    return 0;
}
