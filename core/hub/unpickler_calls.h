/*
 * The values of an unpickler, and what its pickle may call. Private to the unpickler.
 */
#ifndef CORE_HUB_UNPICKLER_CALLS_H
#define CORE_HUB_UNPICKLER_CALLS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/hub/unpickler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
    VALUE_MARK,  /* on the stack only */
    VALUE_OTHER, /* None, truth values, reals, bytes: nothing here depends on them */
    VALUE_INTEGER,
    VALUE_TEXT,
    VALUE_TUPLE,
    VALUE_LIST, /* its members are forgotten */
    VALUE_DICT,
    VALUE_CALL,
    VALUE_STORAGE,
    VALUE_TENSOR
};

struct call;

struct value_pair {
    const struct value *key, *value;
    struct value_pair *next;
};

/* Values never change, but for dictionaries, and may be shared; nothing here recurses into them. */
struct value {
    enum value_kind kind;
    union {
        int64_t integer;
        struct {
            const char *bytes; /* UTF-8, with a NUL behind */
            size_t length;
        } text;
        struct {
            const struct value *const *items;
            size_t count;
        } tuple;
        struct {
            struct value_pair *first, *last;
        } dict;
        const struct call *call;
        const struct pickled_storage *storage;
        const struct pickled_tensor *tensor; /* without a name */
    } as;
};

struct value *value_new(struct arena *arena, enum value_kind kind);

/* What "module name" stands for; ERR_UNSUPPORTED when it is not in the table. */
int call_find(const struct value *module, const struct value *name, const struct call **out,
              struct err *err);

/* Call it with a tuple. */
int call_make(const struct call *call, const struct value *arguments, struct arena *arena,
              const struct value **out, struct err *err);

/* The storage that a persistent id means: ('storage', class, key, location, count). */
int call_storage(const struct value *id, struct arena *arena, const struct value **out,
                 struct err *err);

#endif
