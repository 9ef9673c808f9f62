/*
 * A label set: the classes of a classifier in id order.
 *
 * Order: numeric when every label is an integer (as LABELS_INTEGER says, or by the spelling of
 * labels in lists and of tokens), otherwise by code point (for
 * UTF-8 that is byte order). Integers that differ only in spelling ("1", "01") are different
 * labels.
 */
#ifndef CORE_DATA_LABELS_H
#define CORE_DATA_LABELS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/targets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct label_set {
    char **names; /* id order, in the arena that was passed */
    size_t count;
    uint32_t *by_name; /* (count): ids in byte order of their names, for label_set_find */
};

/* Does this label leave the order numeric? It is when every label does. */
bool label_is_numeric(enum label_form form, const char *name);

/* Collect the distinct labels of a file; ERR_INVALID when there are more than CONFIG_MAX_LABELS. */
int label_set_build(const struct dataset *dataset, struct arena *arena, struct label_set *out,
                    struct err *err);

/* The labels of a model, whose ids are given: names in id order, copied into arena. */
void label_set_from_names(char *const *names, size_t count, struct arena *arena,
                          struct label_set *out);

/* Id of a name, or LABEL_NONE; O(log n). */
uint32_t label_set_find(const struct label_set *labels, const char *name);

#endif
