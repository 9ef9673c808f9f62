/*
 * A list of the daemon's as a table: one row an item, the columns being rows of a table themselves.
 */
#ifndef API_CLIENT_TABLE_H
#define API_CLIENT_TABLE_H

#include "core/base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct column {
    const char *title;
    size_t width; /* of the last one: at least; it takes what the screen has left */
    bool right;
    void (*write)(const json_t *item, struct buf *out);
};

struct table {
    const struct column *columns;
    size_t count;
    const char *none; /* what is said of an empty list */
};

/* Print a list object ({"data": [...], "has_more": …}) within the screen's width. */
void table_print(const struct table *table, const json_t *list);

#endif
