/* A pickle is run to its end, and its dictionary's tensors are listed; see unpickler.h. */
#include "core/hub/unpickler.h"

#include "core/hub/unpickler_machine.h"

#include <stdlib.h>
#include <string.h>

static int
run(struct machine *m)
{
    if (m->length > PICKLE_MAX_BYTES)
        return err_set(m->err, ERR_INVALID, "a pickle of %zu bytes is no plain weights file's",
                       m->length);
    for (size_t count = 0; m->result == NULL; count++) {
        size_t at = m->at;
        if (count == PICKLE_MAX_STEPS)
            return err_set(m->err, ERR_INVALID,
                           "a pickle of more than %d instructions is no plain weights file's",
                           PICKLE_MAX_STEPS);
        if (machine_step(m) != 0)
            return err_prefix(m->err, "at byte %zu", at);
    }
    return 0;
}

/* ---- the dictionary -------------------------------------------------------------------------- */

static int
refuse_result(struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "the file holds no dictionary of tensors (a whole model, or a training's "
                   "checkpoint?): load it where it was made and save it with "
                   "save_pretrained(folder)");
}

static int
list_tensors(const struct value *dict, struct arena *arena, struct pickled_weights *out,
             struct err *err)
{
    size_t count = 0;
    if (dict->kind != VALUE_DICT)
        return refuse_result(err);
    for (const struct value_pair *pair = dict->as.dict.first; pair != NULL; pair = pair->next)
        count += pair->value->kind == VALUE_TENSOR;
    if (count == 0)
        return refuse_result(err);
    if (count > PICKLE_MAX_TENSORS)
        return err_set(err, ERR_INVALID, "the file has more than %d tensors", PICKLE_MAX_TENSORS);
    out->tensors = arena_array(arena, count, sizeof *out->tensors);
    for (const struct value_pair *pair = dict->as.dict.first; pair != NULL; pair = pair->next) {
        const struct value *key = pair->key;
        if (pair->value->kind != VALUE_TENSOR)
            continue;
        if (key->kind != VALUE_TEXT || strlen(key->as.text.bytes) != key->as.text.length)
            return err_set(err, ERR_INVALID, "a tensor has a name that is no text");
        out->tensors[out->count] = *pair->value->as.tensor;
        out->tensors[out->count++].name = key->as.text.bytes;
    }
    return 0;
}

int
unpickler_read(const unsigned char *bytes, size_t length, struct arena *arena,
               struct pickled_weights *out, struct err *err)
{
    struct machine m = {.bytes = bytes, .length = length, .arena = arena, .err = err};
    *out = (struct pickled_weights){0};
    int rc = run(&m);
    if (rc == 0)
        rc = list_tensors(m.result, arena, out, err);
    free(m.stack);
    free(m.memo);
    return rc;
}
