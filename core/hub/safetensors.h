/*
 * The safetensors format, read as hostile and written for transformers.
 *
 * Layout: u64 little-endian header length; a JSON object name -> {dtype, shape, data_offsets}, with
 * an optional "__metadata__" of strings; the raw little-endian bytes. The header is at most 100 MB,
 * names are unique, ranges lie inside the file, do not overlap, leave no hole, and equal shape
 * times size of dtype. (Source: the format's own README, github.com/huggingface/safetensors.)
 */
#ifndef CORE_HUB_SAFETENSORS_H
#define CORE_HUB_SAFETENSORS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAFETENSORS_MAX_RANK = 8 };

enum safetensors_type { SAFETENSORS_F32, SAFETENSORS_F16, SAFETENSORS_BF16, SAFETENSORS_OTHER };

struct safetensors_entry {
    const char *name;
    enum safetensors_type type;
    const char *type_name; /* as the file says it: "F32", "I64" */
    size_t rank;
    uint64_t shape[SAFETENSORS_MAX_RANK];
    const unsigned char *bytes;
    size_t length;
};

struct safetensors;

/* Map a file and check all of its header; entries live as long as the handle. */
int safetensors_open(const char *path, struct safetensors **out, struct err *err);
void safetensors_close(struct safetensors *file);

/* The open file behind the handle, which owns it, and where in it an entry begins. */
int safetensors_descriptor(const struct safetensors *file);
size_t safetensors_place(const struct safetensors *file, const struct safetensors_entry *entry);

size_t safetensors_count(const struct safetensors *file);
const struct safetensors_entry *safetensors_at(const struct safetensors *file, size_t index);

/* NULL when the file has no tensor of that name. */
const struct safetensors_entry *safetensors_find(const struct safetensors *file, const char *name);

/* Convert an F32, F16 or BF16 entry into length/size floats at out. */
void safetensors_to_float(const struct safetensors_entry *entry, float *out);

/* Where the rows of a tensor that nobody has changed still stand as F32, in an open file. */
struct safetensors_rest {
    int fd;
    size_t offset;       /* of the tensor's first byte */
    const bool *changed; /* (rows) */
};

/* A tensor to be written: F32 (or U32), rank 1 (columns) or 2. */
struct safetensors_source {
    const char *name;
    bool vector;
    size_t rows, columns;
    const float *values;
    /* NULL, or unchanged rows are read from there instead of from values: so that saving does not
     * bring rows into memory that a mapping of that file has left out. */
    const struct safetensors_rest *rest;
    const uint32_t *picked;   /* NULL, or (rows): row i is row picked[i] of values; without rest */
    const uint32_t *integers; /* NULL, or written as U32 instead of values */
};

/*
 * Write a file durably (fileio_write_by) with __metadata__ {"format": "pt"}; the same tensors give
 * the same bytes. The data begin at a multiple of 64, so that mapped they are aligned for vectors.
 */
int safetensors_write(const char *path, const struct safetensors_source *tensors, size_t count,
                      struct err *err);

#endif
