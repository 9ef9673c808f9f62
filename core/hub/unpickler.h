/*
 * The pickle inside a PyTorch weights file, read without running any of it.
 *
 * A pickle is a program for a small stack machine that may call whatever it names. This reader runs
 * the instructions that build plain data, and knows the handful of names that a state dictionary
 * needs (unpickler_calls.c has THE table); what they would do is written out here. Any other name
 * is refused with that name, any other instruction too. Memory, stack, memo and the number of
 * instructions are bounded by the limits below. (Source: Python's pickletools.py.)
 *
 * It knows no archive: where the numbers of a tensor are is left to torch_zip.h.
 */
#ifndef CORE_HUB_UNPICKLER_H
#define CORE_HUB_UNPICKLER_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/hub/stored_tensor.h"

#include <stddef.h>
#include <stdint.h>

enum {
    PICKLE_MAX_BYTES = 16 * 1024 * 1024,
    PICKLE_MAX_STEPS = 1000 * 1000, /* instructions; a large BERT has 30,000 */
    PICKLE_MAX_MEMO = 1000 * 1000,
    PICKLE_MAX_TENSORS = 20 * 1000
};

/* A run of numbers that tensors are cut out of. */
struct pickled_storage {
    const char *key; /* what the archive calls it */
    enum stored_type type;
    const char *type_name; /* "F32" */
    size_t size;           /* bytes of a number */
    uint64_t count;        /* numbers; times size is addressable */
};

/* All of a tensor's numbers lie in its storage. */
struct pickled_tensor {
    const char *name;
    const struct pickled_storage *storage;
    uint64_t offset; /* numbers in front of it */
    size_t rank;
    uint64_t shape[STORED_MAX_RANK];
    uint64_t strides[STORED_MAX_RANK];
    size_t length; /* bytes: product of the shape times size */
};

struct pickled_weights {
    struct pickled_tensor *tensors; /* (count), in the file's order; names may repeat */
    size_t count;
};

/*
 * Read a dictionary of name -> tensor; members that are no tensors are passed over. Everything
 * lives in arena. ERR_INVALID ("at byte 40: …") for what is no such pickle or a damaged one,
 * ERR_UNSUPPORTED when it wants to call something else.
 */
int unpickler_read(const unsigned char *bytes, size_t length, struct arena *arena,
                   struct pickled_weights *out, struct err *err);

#endif
