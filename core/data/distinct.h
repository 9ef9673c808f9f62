/*
 * Which things are equal to an earlier one: a hash table over items that lie elsewhere. Private to
 * core/data.
 *
 * The hash is keyed at random, so that no file can be made to be slow; which items are found equal
 * depends on the items alone.
 */
#ifndef CORE_DATA_DISTINCT_H
#define CORE_DATA_DISTINCT_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISTINCT_KEY_BYTES = 16 };

/* Are the items of these numbers equal? */
typedef bool distinct_same(const void *context, size_t item, size_t other);

struct distinct_slot {
    uint64_t hash;
    size_t item; /* DISTINCT_NONE: free */
};

#define DISTINCT_NONE SIZE_MAX

struct distinct {
    struct distinct_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    unsigned char key[DISTINCT_KEY_BYTES];
    distinct_same *same;
    const void *context; /* handed to same */
};

void distinct_init(struct distinct *table, distinct_same *same, const void *context);
void distinct_fini(struct distinct *table);

uint64_t distinct_hash(const struct distinct *table, const char *bytes, size_t length);

/* *first = the earliest item that was equal to this one; the item itself when there was none, and
 * then it is remembered. ERR_MEMORY. */
int distinct_add(struct distinct *table, size_t item, uint64_t hash, size_t *first,
                 struct err *err);

#endif
