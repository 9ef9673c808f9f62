/*
 * The stack machine of a pickle between two instructions. Private to the unpickler.
 */
#ifndef CORE_HUB_UNPICKLER_MACHINE_H
#define CORE_HUB_UNPICKLER_MACHINE_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/hub/unpickler_calls.h"

#include <stddef.h>

/* Begin with bytes, length, arena and err; stack and memo are released with free(). */
struct machine {
    const unsigned char *bytes;
    size_t length, at;
    struct arena *arena;
    const struct value **stack; /* (depth of room) */
    size_t depth, room;
    const struct value **memo; /* (memo_room); NULL: nothing was put there */
    size_t memo_room, memo_next;
    const struct value *result; /* once it has stopped */
    struct err *err;
};

/* Carry out the instruction at m->at. ERR_INVALID; ERR_UNSUPPORTED: not in plain weights. */
int machine_step(struct machine *m);

#endif
