/*
 * Named numbers and lists of strings as the JSON text that the tables hold. Private to this folder.
 */
#ifndef DAEMON_STORE_JSON_COLUMNS_H
#define DAEMON_STORE_JSON_COLUMNS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/rows.h"

#include <stddef.h>

/* A set of measures that grows; of a name given twice the later value holds. */
struct measure_set {
    struct measure *items;
    size_t count, capacity;
};

/* Add those that are finite (JSON has no others). Names are not copied. */
void json_columns_merge(struct measure_set *set, struct arena *arena,
                        const struct measure *measures, size_t count);

/* {"train_loss":0.5,…} with digits that read back as the same double; finite ones only. */
const char *json_columns_measures_text(struct arena *arena, const struct measure *measures,
                                       size_t count);

/* Back again. names NULL: all; else only those. ERR_INVALID when the text is not what we wrote. */
int json_columns_measures_parse(const char *text, const char *const *names, size_t name_count,
                                struct arena *arena, const struct measure **out, size_t *count,
                                struct err *err);

/* ["a","b"] */
const char *json_columns_strings_text(struct arena *arena, const char *const *strings,
                                      size_t count);

#endif
