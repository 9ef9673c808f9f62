/* Pages of lists; see list.h. */
#include "daemon/store/list.h"

#include <string.h>

enum { FIRST_CAPACITY = 16, GROWTH = 4 };

void *
list_add(struct row_list *list, struct arena *arena)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? FIRST_CAPACITY : list->capacity * GROWTH;
        void *items = arena_array(arena, capacity, list->size);
        if (list->count > 0)
            memcpy(items, list->items, list->count * list->size);
        list->items = items;
        list->capacity = capacity;
    }
    return (unsigned char *)list->items + list->size * list->count++;
}

int
list_check_limit(size_t limit, struct err *err)
{
    if (limit < 1 || limit > LIST_LIMIT_MAX)
        return err_set(err, ERR_INVALID, "limit must be between 1 and %d", LIST_LIMIT_MAX);
    return 0;
}

int
list_find_cursor(const struct list_query *query, struct query *lookup, const char *thing,
                 int64_t *cursor, struct err *err)
{
    *cursor = query->ascending ? 0 : INT64_MAX;
    int checked = list_check_limit(query->limit, err);
    if (checked != 0 || query->after == NULL) {
        query_end(lookup);
        return checked;
    }
    int found = query_run_integer(lookup, cursor, err);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no %s '%.64s' in this list", thing, query->after);
    return found < 0 ? found : 0;
}

int
list_read(struct query *select, const struct row_shape *shape, size_t limit, struct arena *arena,
          struct row_list *out, bool *has_more, struct err *err)
{
    *out = (struct row_list){.size = shape->size};
    *has_more = false;
    query_bind_integer(select, ":limit", (int64_t)limit + 1);
    int result = query_step(select, err);
    while (result > 0 && out->count < limit) {
        query_take_row(select, shape->columns, shape->count, arena, list_add(out, arena));
        result = query_step(select, err);
    }
    *has_more = result > 0;
    query_end(select);
    return result < 0 ? result : 0;
}

int
list_read_one(struct query *select, const struct row_shape *shape, const char *thing,
              const char *id, struct arena *arena, void *row, struct err *err)
{
    int found = query_step(select, err);
    if (found > 0)
        query_take_row(select, shape->columns, shape->count, arena, row);
    query_end(select);
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND, "no %s '%.64s'", thing, id);
    return found < 0 ? found : 0;
}
