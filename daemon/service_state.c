/*
 * Helpers of the service: connections, pages, faults.
 */
#include "daemon/service_state.h"

struct db *
service_acquire(struct service *service, struct fault_list *faults)
{
    struct err err;
    struct db *db = db_pool_acquire(service->store.pool, &err);
    if (db == NULL)
        fault_add_err(faults, &err);
    return db;
}

void
service_release(struct service *service, struct db *db)
{
    db_pool_release(service->store.pool, db);
}

struct list_query
service_list_query(const struct page *page)
{
    size_t limit = page->limit < 1                ? 1
                   : page->limit > LIST_LIMIT_MAX ? LIST_LIMIT_MAX
                                                  : page->limit;
    return (struct list_query){.after = page->after, .limit = limit, .ascending = page->ascending};
}

int
service_fault_page(struct fault_list *faults, const struct page *page, const struct err *err)
{
    if (err->code == ERR_NOT_FOUND && page->after != NULL)
        return fault_add(faults, FAULT_INVALID_CURSOR, "after",
                         "\"after\" names nothing in this list: '%.100s'. Use the id of the last "
                         "item of the page before, or leave it out to start from the beginning.",
                         page->after);
    return fault_add_err(faults, err);
}

int
service_fault_at(struct fault_list *faults, enum fault_code code, const char *param, size_t line,
                 const char *message)
{
    size_t before = faults->count;
    fault_add(faults, code, param, "%s", message);
    if (faults->count > before)
        faults->items[before].line = line;
    return -1;
}

const struct named_value *
service_named_values(const struct measure *measures, size_t count, struct arena *arena)
{
    struct named_value *values = arena_array(arena, count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (struct named_value){measures[i].name, measures[i].value};
    return values;
}
