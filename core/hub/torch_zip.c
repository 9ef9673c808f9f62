/* From a zip archive and its pickle to tensors; see torch_zip.h. */
#include "core/hub/torch_zip.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/hub/unpickler.h"
#include "core/hub/zip_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED_NAME_BYTES = 128, TAR_MAGIC_PLACE = 257 };

#define SAVE_AGAIN "load it in transformers and save it with save_pretrained(folder)"

struct torch_zip {
    struct stored_file file;
    struct zip_reader *zip;
    struct arena *arena;
    const char *folder;            /* of the archive, in which everything stands */
    struct stored_tensor *tensors; /* (count), ascending by name */
    size_t count;
};

/* ---- what it is no file of ------------------------------------------------------------------- */

static bool
begins_with(const struct stored_file *file, size_t place, const char *bytes, size_t length)
{
    return file->length >= place + length && memcmp(file->bytes + place, bytes, length) == 0;
}

static int
check_form(const struct stored_file *file, struct err *err)
{
    if (begins_with(file, 0, "PK", 2))
        return 0;
    if (begins_with(file, 0, "\x80", 1) || begins_with(file, TAR_MAGIC_PLACE, "ustar", 5))
        return err_set(err, ERR_UNSUPPORTED,
                       "this is a pickle in PyTorch's format from before version 1.6, which is not "
                       "read here: " SAVE_AGAIN);
    return err_set(err, ERR_INVALID,
                   "this is no weights file of PyTorch: it does not begin like a zip archive");
}

/* ---- the archive's parts --------------------------------------------------------------------- */

static struct zip_entry *
find_part(const struct torch_zip *file, const char *name)
{
    return zip_reader_find(file->zip, arena_printf(file->arena, "%s/%s", file->folder, name));
}

/* The one folder that has a data.pkl directly inside. */
static int
find_folder(struct torch_zip *file, struct err *err)
{
    static const char ending[] = "/data.pkl";
    for (size_t i = 0; i < zip_reader_count(file->zip); i++) {
        const char *name = zip_reader_at(file->zip, i)->name;
        const char *slash = strchr(name, '/');
        if (slash == NULL || strcmp(slash, ending) != 0)
            continue;
        if (file->folder != NULL)
            return err_set(err, ERR_INVALID, "the zip archive has two files data.pkl");
        file->folder = arena_copy_bytes(file->arena, name, (size_t)(slash - name));
    }
    if (file->folder == NULL)
        return err_set(err, ERR_INVALID,
                       "the zip archive has no data.pkl: it was not written by torch.save");
    return 0;
}

static int
check_order(const struct torch_zip *file, struct err *err)
{
    static const char little[] = "little";
    struct zip_entry *order = find_part(file, "byteorder");
    if (order == NULL) /* before PyTorch 2.1 */
        return 0;
    if (zip_reader_check(order, err) != 0)
        return err->code;
    if (order->length == sizeof little - 1 && memcmp(order->bytes, little, order->length) == 0)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "its numbers are big-endian, which is not read here: " SAVE_AGAIN
                   " on a little-endian machine");
}

static int
read_pickle(struct torch_zip *file, struct pickled_weights *out, struct err *err)
{
    if (find_folder(file, err) != 0)
        return err->code;
    if (find_part(file, "constants.pkl") != NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "this is a TorchScript program, not a plain weights file: save the model "
                       "that it was made of with save_pretrained(folder)");
    struct zip_entry *pickle = find_part(file, "data.pkl");
    if (check_order(file, err) != 0 || zip_reader_check(pickle, err) != 0)
        return err->code;
    if (unpickler_read(pickle->bytes, pickle->length, file->arena, out, err) != 0)
        return err_prefix(err, "data.pkl");
    return 0;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Refuse a tensor by name; reason is a clause. */
static int
refuse(const char *name, const char *reason, struct err *err)
{
    return err_set(err, ERR_INVALID, "tensor '%.*s' %s",
                   (int)utf8_clip(name, strlen(name), QUOTED_NAME_BYTES), name, reason);
}

/* Does it lie row after row without gaps? Strides of dimensions with one place do not matter. */
static bool
is_contiguous(const struct pickled_tensor *tensor)
{
    uint64_t expected = 1;
    for (size_t i = tensor->rank; i-- > 0;) {
        if (tensor->shape[i] != 1 && tensor->strides[i] != expected)
            return false;
        expected *= tensor->shape[i];
    }
    return true;
}

static int
find_numbers(const struct torch_zip *file, const struct pickled_tensor *from,
             struct stored_tensor *out, struct err *err)
{
    const struct pickled_storage *storage = from->storage;
    char name[ZIP_NAME_MAX + 1];
    int length = snprintf(name, sizeof name, "%s/data/%s", file->folder, storage->key);
    struct zip_entry *part = NULL;
    if (length > 0 && (size_t)length < sizeof name)
        part = zip_reader_find(file->zip, name);
    if (part == NULL)
        return refuse(from->name, "has numbers that are not in the archive", err);
    if (part->compressed)
        return zip_reader_check(part, err);
    if (part->length != storage->count * storage->size)
        return refuse(from->name, "has a storage of another size than the archive's", err);
    *out = (struct stored_tensor){
        .name = from->name,
        .type = storage->type,
        .type_name = storage->type_name,
        .rank = from->rank,
        .strides = from->length == 0 || is_contiguous(from) ? NULL : from->strides,
        .bytes = part->bytes + from->offset * storage->size,
        .length = from->length,
        .file = &file->file,
        .part = part,
    };
    memcpy(out->shape, from->shape, sizeof out->shape);
    return 0;
}

static int
by_name(const void *left, const void *right)
{
    const struct stored_tensor *a = left;
    const struct stored_tensor *b = right;
    return strcmp(a->name, b->name);
}

static int
read_tensors(struct torch_zip *file, struct err *err)
{
    struct pickled_weights weights;
    if (read_pickle(file, &weights, err) != 0)
        return err->code;
    file->tensors = arena_array(file->arena, weights.count, sizeof *file->tensors);
    for (; file->count < weights.count; file->count++)
        if (find_numbers(file, &weights.tensors[file->count], &file->tensors[file->count], err) !=
            0)
            return err->code;
    qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < file->count; i++)
        if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
            return refuse(file->tensors[i].name, "is there twice", err);
    return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

int
torch_zip_open(const char *path, struct torch_zip **out, struct err *err)
{
    struct torch_zip *file = mem_small(sizeof *file);
    *file = (struct torch_zip){.file = {.fd = -1}, .arena = arena_new()};
    *out = NULL;
    int rc = stored_file_open(arena_copy_string(file->arena, path), &file->file, err);
    if (rc == 0 && (check_form(&file->file, err) != 0 ||
                    zip_reader_open(file->file.bytes, file->file.length, &file->zip, err) != 0 ||
                    read_tensors(file, err) != 0))
        rc = err_prefix(err, "%s", path);
    if (rc == 0)
        *out = file;
    else
        torch_zip_close(file);
    return rc;
}

void
torch_zip_close(struct torch_zip *file)
{
    if (file == NULL)
        return;
    zip_reader_close(file->zip);
    stored_file_close(&file->file);
    arena_free(file->arena);
    free(file);
}

size_t
torch_zip_count(const struct torch_zip *file)
{
    return file->count;
}

const struct stored_tensor *
torch_zip_at(const struct torch_zip *file, size_t index)
{
    return index < file->count ? &file->tensors[index] : NULL;
}
