/*
 * The safetensors writer; see safetensors.h.
 *
 * Tensors follow one another in the order given, so the bytes depend on them alone. The header is
 * padded with blanks so that the data begin at a multiple of 64, which keeps them aligned
 * when mapped. The data go to the file piece by piece: a model is never held twice. The host is
 * little-endian.
 */
#include "core/hub/safetensors.h"

#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, DATA_ALIGNMENT = 64, WINDOW_BYTES = 256 * 1024 };

/* What one call writes. */
struct writing {
    const struct safetensors_source *tensors;
    size_t count;
};

/* The header's text, padded; released with free(). NULL when the offsets do not fit. */
static char *
header_text(const struct safetensors_source *tensors, size_t count, size_t *length)
{
    json_t *root = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    size_t begin = 0;
    bool fits = true;
    for (size_t i = 0; i < count && fits; i++) {
        const struct safetensors_source *t = &tensors[i];
        size_t bytes = 0;
        size_t end = 0;
        fits = mem_multiply(t->rows, t->columns, &bytes) &&
               mem_multiply(bytes, sizeof(float), &bytes) && mem_add(begin, bytes, &end);
        json_t *shape = t->vector ? json_pack("[I]", (json_int_t)t->columns)
                                  : json_pack("[I,I]", (json_int_t)t->rows, (json_int_t)t->columns);
        json_object_set_new(root, t->name,
                            json_pack("{s:s,s:o,s:[I,I]}", "dtype",
                                      t->integers != NULL ? "U32" : "F32", "shape", shape,
                                      "data_offsets", (json_int_t)begin, (json_int_t)end));
        begin = end;
    }
    char *text = json_text(root);
    json_decref(root);
    size_t used = strlen(text);
    size_t data = (LENGTH_BYTES + used + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
    *length = data - LENGTH_BYTES;
    char *padded = mem_resize(text, *length + 1, 1);
    memset(padded + used, ' ', *length - used);
    if (!fits) {
        free(padded);
        return NULL;
    }
    return padded;
}

/* Rows first..first+count-1 into window: picked ones, or those of a file where they rest, changed
 * ones from memory. */
static int
gather_rows(const struct safetensors_source *t, size_t first, size_t count, char *window,
            struct err *err)
{
    const struct safetensors_rest *rest = t->rest;
    size_t row_bytes = t->columns * sizeof *t->values;
    size_t changed = 0;
    for (size_t i = 0; i < count && t->picked != NULL; i++)
        memcpy(window + i * row_bytes, t->values + (size_t)t->picked[first + i] * t->columns,
               row_bytes);
    if (t->picked != NULL)
        return 0;
    for (size_t i = 0; i < count; i++)
        changed += rest->changed[first + i];
    if (changed < count &&
        fileio_get(rest->fd, rest->offset + first * row_bytes, window, count * row_bytes, err) != 0)
        return err_prefix(err, "tensor '%s' of the base model", t->name);
    for (size_t i = 0; i < count; i++)
        if (rest->changed[first + i])
            memcpy(window + i * row_bytes, t->values + (first + i) * t->columns, row_bytes);
    return 0;
}

static int
write_rows(int fd, const struct safetensors_source *t, struct err *err)
{
    size_t row_bytes = t->columns * sizeof *t->values;
    size_t step = row_bytes > 0 && row_bytes < WINDOW_BYTES ? WINDOW_BYTES / row_bytes : 1;
    char *window = mem_array(step, row_bytes);
    if (window == NULL)
        return err_set(err, ERR_MEMORY, "a row of tensor '%s' does not fit into memory", t->name);
    int rc = 0;
    for (size_t first = 0; first < t->rows && rc == 0; first += step) {
        size_t count = t->rows - first < step ? t->rows - first : step;
        rc = gather_rows(t, first, count, window, err);
        if (rc == 0)
            rc = fileio_put(fd, window, count * row_bytes, err);
    }
    free(window);
    return rc;
}

static int
write_tensors(void *context, int fd, struct err *err)
{
    const struct writing *writing = context;
    size_t length = 0;
    char *header = header_text(writing->tensors, writing->count, &length);
    if (header == NULL)
        return err_set(err, ERR_MEMORY, "the tensors are too large to address");
    uint64_t prefix = length;
    int rc = fileio_put(fd, &prefix, LENGTH_BYTES, err);
    if (rc == 0)
        rc = fileio_put(fd, header, length, err);
    free(header);
    for (size_t i = 0; i < writing->count && rc == 0; i++) {
        const struct safetensors_source *t = &writing->tensors[i];
        const void *whole = t->integers != NULL ? (const void *)t->integers : t->values;
        rc = t->rest != NULL || t->picked != NULL
                 ? write_rows(fd, t, err)
                 : fileio_put(fd, whole, t->rows * t->columns * sizeof(float), err);
    }
    return rc;
}

int
safetensors_write(const char *path, const struct safetensors_source *tensors, size_t count,
                  struct err *err)
{
    struct writing writing = {tensors, count};
    return fileio_write_by(path, write_tensors, &writing, err);
}
