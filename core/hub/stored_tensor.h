/*
 * A tensor as it stands in a weights file, whatever the file's format: where its numbers are, of
 * which kind, in which order. What the readers (safetensors.h, torch_zip.h) give out.
 *
 * A reader has checked that every number lies inside its file, so values may be read without
 * further thought. No alignment is promised: values are copied out rather than pointed at.
 */
#ifndef CORE_HUB_STORED_TENSOR_H
#define CORE_HUB_STORED_TENSOR_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORED_MAX_RANK = 8 };

/* The first four can be converted to float. */
enum stored_type { STORED_F32, STORED_F16, STORED_BF16, STORED_F64, STORED_OTHER };

/* A weights file, open and mapped read-only. */
struct stored_file {
    const char *name; /* without its folder */
    const unsigned char *bytes;
    size_t length;
    int fd; /* -1: not open */
};

struct zip_entry;

struct stored_tensor {
    const char *name;
    enum stored_type type;
    const char *type_name; /* as safetensors says it: "F32", "I64" */
    size_t rank;
    uint64_t shape[STORED_MAX_RANK];
    const uint64_t *strides;    /* (rank), in numbers; NULL: row after row without gaps */
    const unsigned char *bytes; /* of the first number */
    size_t length;              /* of all numbers, in bytes */
    const struct stored_file *file;
    struct zip_entry *part; /* whose check sum covers the numbers; NULL: the format has none */
};

/*
 * Open and map a file; its name lives as long as the path. ERR_INVALID when it is a Git LFS pointer
 * that stands where the weights should be. Close it also after a failure.
 */
int stored_file_open(const char *path, struct stored_file *out, struct err *err);

/* An all-zero struct is not open: begin with fd = -1. */
void stored_file_close(struct stored_file *file);

/* Where in its file a tensor begins. */
size_t stored_tensor_place(const struct stored_tensor *tensor);

/* Do the numbers stand in the file as a float array in memory does, but for alignment? */
bool stored_tensor_is_plain(const struct stored_tensor *tensor);

/*
 * Convert into floats at out, row after row: F16 and BF16 exactly, F64 rounded to the nearest. Room
 * for the product of the shape is the caller's, who has compared the shape with what it wants.
 */
void stored_tensor_to_float(const struct stored_tensor *tensor, float *out);

#endif
