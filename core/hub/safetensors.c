/*
 * The safetensors reader; see safetensors.h for the layout of a file.
 *
 * Everything in the header is a claim to be checked before anybody uses an entry: the length, the
 * JSON, each dtype, shape and range, and that the ranges together are the data, without overlap or
 * hole. After that an entry's bytes may be read without further thought.
 */
#include "core/hub/safetensors.h"

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER_BYTES = 100 * 1000 * 1000,
    QUOTED_NAME_BYTES = 128,
    QUOTED_TYPE_BYTES = 16
};

struct safetensors {
    struct stored_file file;
    struct arena *arena;           /* names */
    struct stored_tensor *entries; /* (count), ascending by name */
    size_t count;
};

static const struct {
    const char *name;
    size_t size;
    enum stored_type type;
} types[] = {
    {"F32", 4, STORED_F32},       {"F16", 2, STORED_F16},   {"BF16", 2, STORED_BF16},
    {"F64", 8, STORED_F64},       {"I64", 8, STORED_OTHER}, {"I32", 4, STORED_OTHER},
    {"I16", 2, STORED_OTHER},     {"I8", 1, STORED_OTHER},  {"U64", 8, STORED_OTHER},
    {"U32", 4, STORED_OTHER},     {"U16", 2, STORED_OTHER}, {"U8", 1, STORED_OTHER},
    {"BOOL", 1, STORED_OTHER},    {"C64", 8, STORED_OTHER}, {"F8_E5M2", 1, STORED_OTHER},
    {"F8_E4M3", 1, STORED_OTHER},
};

/* Refuse a tensor by name; reason is a clause. */
static int
refuse(const char *name, const char *reason, struct err *err)
{
    return err_set(err, ERR_INVALID, "tensor '%.*s' %s",
                   (int)utf8_clip(name, strlen(name), QUOTED_NAME_BYTES), name, reason);
}

/* A whole number from 0 up to what 63 bits hold. */
static bool
read_size(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

/* Find the dtype; *size = bytes of one element. */
static int
read_type(const json_t *value, size_t *size, struct stored_tensor *entry, struct err *err)
{
    if (!json_is_string(value))
        return refuse(entry->name, "has no dtype", err);
    const char *name = json_string_value(value);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(name, types[i].name) == 0) {
            entry->type = types[i].type;
            entry->type_name = types[i].name;
            *size = types[i].size;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID,
                   "tensor '%.*s' has dtype '%.*s', which the format does not know",
                   (int)utf8_clip(entry->name, strlen(entry->name), QUOTED_NAME_BYTES), entry->name,
                   (int)utf8_clip(name, strlen(name), QUOTED_TYPE_BYTES), name);
}

/* Read the shape; *bytes = its product times the size of an element. */
static int
read_shape(const json_t *value, size_t element, uint64_t *bytes, struct stored_tensor *entry,
           struct err *err)
{
    if (!json_is_array(value))
        return refuse(entry->name, "has no shape", err);
    entry->rank = json_array_size(value);
    if (entry->rank > STORED_MAX_RANK)
        return refuse(entry->name, "has more than 8 dimensions", err);
    size_t product = element;
    for (size_t i = 0; i < entry->rank; i++) {
        if (!read_size(json_array_get(value, i), &entry->shape[i]))
            return refuse(entry->name, "has a dimension that is no whole number", err);
        if (entry->shape[i] > SIZE_MAX || !mem_multiply(product, entry->shape[i], &product))
            return refuse(entry->name, "has a shape too large to address", err);
    }
    *bytes = product;
    return 0;
}

static int
read_range(const json_t *value, uint64_t expected, const unsigned char *data, size_t data_length,
           struct stored_tensor *entry, struct err *err)
{
    uint64_t begin = 0;
    uint64_t end = 0;
    if (json_array_size(value) != 2 || !read_size(json_array_get(value, 0), &begin) ||
        !read_size(json_array_get(value, 1), &end))
        return refuse(entry->name, "has no data_offsets of two whole numbers", err);
    if (begin > end || end > data_length)
        return refuse(entry->name, "lies outside the file: is it cut short?", err);
    if (end - begin != expected)
        return refuse(entry->name, "has data_offsets that do not match its shape and dtype", err);
    entry->bytes = data + begin;
    entry->length = (size_t)(end - begin);
    return 0;
}

static int
read_entry(const json_t *value, const unsigned char *data, size_t data_length,
           struct stored_tensor *entry, struct err *err)
{
    size_t element = 0;
    uint64_t bytes = 0;
    if (!json_is_object(value))
        return refuse(entry->name, "is not described by an object", err);
    if (read_type(json_object_get(value, "dtype"), &element, entry, err) != 0 ||
        read_shape(json_object_get(value, "shape"), element, &bytes, entry, err) != 0)
        return err->code;
    return read_range(json_object_get(value, "data_offsets"), bytes, data, data_length, entry, err);
}

static int
check_metadata(json_t *value, struct err *err)
{
    if (value == NULL)
        return 0;
    if (!json_is_object(value))
        return err_set(err, ERR_INVALID, "__metadata__ is not an object");
    const char *key = NULL;
    json_t *text = NULL;
    json_object_foreach (value, key, text) {
        if (!json_is_string(text))
            return err_set(err, ERR_INVALID, "__metadata__ holds something that is no string");
    }
    return 0;
}

static int
by_place(const void *left, const void *right)
{
    const struct stored_tensor *a = left;
    const struct stored_tensor *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return a->length < b->length ? -1 : a->length > b->length;
}

static int
by_name(const void *left, const void *right)
{
    const struct stored_tensor *a = left;
    const struct stored_tensor *b = right;
    return strcmp(a->name, b->name);
}

/* The ranges, in order, must be the data from its first byte to its last. */
static int
check_cover(struct safetensors *file, const unsigned char *data, size_t data_length,
            struct err *err)
{
    const unsigned char *reached = data;
    if (file->count > 0)
        qsort(file->entries, file->count, sizeof *file->entries, by_place);
    for (size_t i = 0; i < file->count; i++) {
        const struct stored_tensor *entry = &file->entries[i];
        if (entry->bytes < reached)
            return refuse(entry->name, "overlaps another one", err);
        if (entry->bytes > reached)
            return refuse(entry->name, "comes after a hole in the data", err);
        reached = entry->bytes + entry->length;
    }
    if ((size_t)(reached - data) != data_length)
        return err_set(err, ERR_INVALID, "%zu bytes at the end belong to no tensor",
                       data_length - (size_t)(reached - data));
    return 0;
}

/* Turn the header's object into checked entries. */
static int
read_entries(json_t *root, const unsigned char *data, size_t data_length, struct safetensors *file,
             struct err *err)
{
    if (check_metadata(json_object_get(root, "__metadata__"), err) != 0)
        return err->code;
    file->entries = mem_array(json_object_size(root), sizeof *file->entries);
    if (file->entries == NULL)
        return err_set(err, ERR_MEMORY, "the list of tensors does not fit into memory");
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (root, name, value) {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        struct stored_tensor *entry = &file->entries[file->count++];
        entry->name = arena_copy_string(file->arena, name);
        entry->file = &file->file;
        if (read_entry(value, data, data_length, entry, err) != 0)
            return err->code;
    }
    if (check_cover(file, data, data_length, err) != 0)
        return err->code;
    if (file->count > 0)
        qsort(file->entries, file->count, sizeof *file->entries, by_name);
    return 0;
}

static int
read_header(struct safetensors *file, struct err *err)
{
    uint64_t length = 0;
    if (file->file.length < LENGTH_BYTES)
        return err_set(err, ERR_INVALID, "%zu bytes are too few for a safetensors file",
                       file->file.length);
    memcpy(&length, file->file.bytes, LENGTH_BYTES);
    if (length > MAX_HEADER_BYTES)
        return err_set(err, ERR_INVALID,
                       "the header claims %llu bytes, more than the format's %d: "
                       "is this a safetensors file?",
                       (unsigned long long)length, MAX_HEADER_BYTES);
    if (length > file->file.length - LENGTH_BYTES)
        return err_set(err, ERR_INVALID,
                       "the header claims %llu bytes, but the file has %zu: is "
                       "it cut short?",
                       (unsigned long long)length, file->file.length);
    const char *header = (const char *)file->file.bytes + LENGTH_BYTES;
    if (length == 0 || header[0] != '{')
        return err_set(err, ERR_INVALID, "the header does not begin with '{'");
    json_t *root = json_parse(header, (size_t)length, false, err);
    if (root == NULL)
        return err_prefix(err, "header");
    int rc = read_entries(root, file->file.bytes + LENGTH_BYTES + length,
                          file->file.length - LENGTH_BYTES - (size_t)length, file, err);
    json_decref(root);
    return rc;
}

int
safetensors_open(const char *path, struct safetensors **out, struct err *err)
{
    struct safetensors *file = mem_small(sizeof *file);
    *file = (struct safetensors){.file = {.fd = -1}, .arena = arena_new()};
    *out = NULL;
    int rc = stored_file_open(arena_copy_string(file->arena, path), &file->file, err);
    if (rc == 0 && read_header(file, err) != 0)
        rc = err_prefix(err, "%s", path);
    if (rc == 0)
        *out = file;
    else
        safetensors_close(file);
    return rc;
}

void
safetensors_close(struct safetensors *file)
{
    if (file == NULL)
        return;
    stored_file_close(&file->file);
    free(file->entries);
    arena_free(file->arena);
    free(file);
}

size_t
safetensors_count(const struct safetensors *file)
{
    return file->count;
}

const struct stored_tensor *
safetensors_at(const struct safetensors *file, size_t index)
{
    return index < file->count ? &file->entries[index] : NULL;
}

const struct stored_tensor *
safetensors_find(const struct safetensors *file, const char *name)
{
    struct stored_tensor wanted = {.name = name};
    if (file->count == 0)
        return NULL;
    return bsearch(&wanted, file->entries, file->count, sizeof wanted, by_name);
}
