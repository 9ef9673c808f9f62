/* Equal things; see distinct.h. Open addressing with steps of one, at most half full. */
#include "core/data/distinct.h"

#include "core/base/mem.h"

#include <sodium.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 1024 };

_Static_assert(DISTINCT_KEY_BYTES == crypto_shorthash_KEYBYTES, "a key of SipHash");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "a hash of SipHash");

void
distinct_init(struct distinct *table, distinct_same *same, const void *context)
{
    *table = (struct distinct){.same = same, .context = context};
    randombytes_buf(table->key, sizeof table->key);
}

void
distinct_fini(struct distinct *table)
{
    free(table->slots);
    *table = (struct distinct){0};
}

uint64_t
distinct_hash(const struct distinct *table, const char *bytes, size_t length)
{
    uint64_t hash = 0;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)bytes, length, table->key);
    return hash;
}

/* The first free slot for a hash in a table that has one. */
static struct distinct_slot *
free_slot(struct distinct_slot *slots, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (slots[at].item != DISTINCT_NONE)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static int
grow(struct distinct *table, struct err *err)
{
    if (table->capacity > 0 && table->count < table->capacity / 2)
        return 0;
    size_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    struct distinct_slot *slots = mem_array(capacity, sizeof *slots);
    if (slots == NULL)
        return err_set(err, ERR_MEMORY, "a table of %zu rows does not fit into memory", capacity);
    for (size_t i = 0; i < capacity; i++)
        slots[i].item = DISTINCT_NONE;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].item != DISTINCT_NONE)
            *free_slot(slots, capacity, table->slots[i].hash) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return 0;
}

int
distinct_add(struct distinct *table, size_t item, uint64_t hash, size_t *first, struct err *err)
{
    if (grow(table, err) != 0)
        return err->code;
    size_t mask = table->capacity - 1;
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        struct distinct_slot *slot = &table->slots[at];
        if (slot->item == DISTINCT_NONE) {
            *slot = (struct distinct_slot){hash, item};
            table->count++;
            *first = item;
            return 0;
        }
        if (slot->hash == hash && table->same(table->context, slot->item, item)) {
            *first = slot->item;
            return 0;
        }
    }
}
