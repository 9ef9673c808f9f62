/*
 * What every page of a list does alike: check the limit, find the cursor, read one row more than
 * asked. Private to this folder.
 */
#ifndef DAEMON_STORE_LIST_H
#define DAEMON_STORE_LIST_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/store/columns.h"
#include "daemon/store/query.h"
#include "daemon/store/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows gathered in an arena without knowing how many will come. */
struct row_list {
    void *items;
    size_t count, capacity;
    size_t size; /* of one row, set by the user */
};

/* A new zeroed row at the end; rows move when the list grows. */
void *list_add(struct row_list *list, struct arena *arena);

/* The limit is 1..LIST_LIMIT_MAX, or ERR_INVALID. */
int list_check_limit(size_t limit, struct err *err);

/*
 * Check the limit and find where the page starts: the list's end when query->after is NULL (lookup
 * is not run then), or the seq that lookup, begun and bound by the caller, finds. ERR_NOT_FOUND
 * when it finds none: "no <thing>
 * '<after>' in this list". Ends lookup.
 */
int list_find_cursor(const struct list_query *query, struct query *lookup, const char *thing,
                     int64_t *cursor, struct err *err);

/* Which columns a row has. */
struct row_shape {
    const struct column *columns;
    size_t count;
    size_t size; /* of the struct */
};

/*
 * Read up to limit rows from select, to which :limit is bound here; has_more tells whether there
 * are further ones. Ends select.
 */
int list_read(struct query *select, const struct row_shape *shape, size_t limit,
              struct arena *arena, struct row_list *out, bool *has_more, struct err *err);

/* Read the one row of select, or ERR_NOT_FOUND: "no <thing> '<id>'". Ends select. */
int list_read_one(struct query *select, const struct row_shape *shape, const char *thing,
                  const char *id, struct arena *arena, void *row, struct err *err);

#endif
