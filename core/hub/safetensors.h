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
#include "core/hub/stored_tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct safetensors;

/* Map a file and check all of its header; tensors live as long as the handle. */
int safetensors_open(const char *path, struct safetensors **out, struct err *err);
void safetensors_close(struct safetensors *file);

size_t safetensors_count(const struct safetensors *file);

/* Ascending by name; NULL behind the last. */
const struct stored_tensor *safetensors_at(const struct safetensors *file, size_t index);

/* NULL when the file has no tensor of that name. */
const struct stored_tensor *safetensors_find(const struct safetensors *file, const char *name);

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
