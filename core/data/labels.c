/* A label set; see labels.h. Sorting decides everything: O(n log n) in the number of rows. */
#include "core/data/labels.h"

#include "core/data/spelling.h"
#include "core/model/config.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_NAMES = 64 * 1024 };

static int
by_bytes(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int
by_value(const void *left, const void *right)
{
    return spelling_compare_integers(*(const char *const *)left, *(const char *const *)right);
}

struct named_id {
    const char *name;
    uint32_t id;
};

static int
by_named_id(const void *left, const void *right)
{
    const struct named_id *a = left;
    const struct named_id *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : a->id < b->id ? -1 : a->id > b->id;
}

void
label_set_from_names(char *const *names, size_t count, struct arena *arena, struct label_set *out)
{
    *out = (struct label_set){
        .names = arena_array(arena, count, sizeof *out->names),
        .count = count,
        .by_name = arena_array(arena, count, sizeof *out->by_name),
    };
    struct named_id *order = mem_resize(NULL, count, sizeof *order);
    for (size_t i = 0; i < count; i++) {
        out->names[i] = arena_copy_string(arena, names[i]);
        order[i] = (struct named_id){out->names[i], (uint32_t)i};
    }
    if (count > 0)
        qsort(order, count, sizeof *order, by_named_id);
    for (size_t i = 0; i < count; i++)
        out->by_name[i] = order[i].id;
    free(order);
}

/* names[0..return) = the distinct ones of names[0..count), in byte order. */
static size_t
sort_distinct(char **names, size_t count)
{
    size_t distinct = 0;
    if (count > 0)
        qsort(names, count, sizeof *names, by_bytes);
    for (size_t i = 0; i < count; i++)
        if (distinct == 0 || strcmp(names[distinct - 1], names[i]) != 0)
            names[distinct++] = names[i];
    return distinct;
}

/* Names on their way; made distinct whenever they have become many. */
struct collection {
    char **names; /* (capacity) */
    size_t count, capacity;
};

static bool
collect(struct collection *c, const char *name)
{
    if (c->count == c->capacity) {
        c->count = sort_distinct(c->names, c->count);
        size_t more = c->count > c->capacity / 2 ? c->capacity * 2 : c->capacity;
        if (!mem_try_resize(&c->names, more, sizeof *c->names))
            return false;
        c->capacity = more;
    }
    c->names[c->count++] = (char *)(uintptr_t)name;
    return true;
}

static bool
collect_row(struct collection *c, const struct data_row *row)
{
    bool fits = row->label == NULL || collect(c, row->label);
    for (size_t i = 0; i < row->label_count && fits; i++)
        fits = collect(c, row->labels[i]);
    return fits;
}

/* A single label that is a text is none, whatever it looks like. */
bool
label_is_numeric(enum label_form form, const char *name)
{
    if (form == LABELS_LISTS || form == LABELS_TOKENS)
        return spelling_of(name, strlen(name)) == SPELLING_INTEGER;
    return form == LABELS_INTEGER;
}

static bool
are_numeric(enum label_form form, const struct collection *c)
{
    bool numeric = true;
    for (size_t i = 0; i < c->count && numeric; i++)
        numeric = label_is_numeric(form, c->names[i]);
    return numeric;
}

int
label_set_build(const struct dataset *dataset, struct arena *arena, struct label_set *out,
                struct err *err)
{
    *out = (struct label_set){0};
    struct collection c = {.capacity = FIRST_NAMES};
    c.names = mem_array(c.capacity, sizeof *c.names);
    bool fits = c.names != NULL;
    int rc = 0;
    for (size_t i = 0; i < dataset->count && fits; i++)
        fits = collect_row(&c, &dataset->rows[i]);
    if (!fits) {
        rc = err_set(err, ERR_MEMORY, "the labels of %zu rows do not fit into memory",
                     dataset->count);
        goto out;
    }
    c.count = sort_distinct(c.names, c.count);
    if (c.count > CONFIG_MAX_LABELS) {
        rc = err_set(err, ERR_INVALID,
                     "the file has %zu different labels, more than the %d that "
                     "are possible: is this the right label column?",
                     c.count, CONFIG_MAX_LABELS);
        goto out;
    }
    if (c.count > 0 && are_numeric(dataset->label_form, &c))
        qsort(c.names, c.count, sizeof *c.names, by_value);
    label_set_from_names(c.names, c.count, arena, out);
out:
    free(c.names);
    return rc;
}

uint32_t
label_set_find(const struct label_set *labels, const char *name)
{
    size_t low = 0;
    size_t high = labels->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t id = labels->by_name[middle];
        int order = strcmp(labels->names[id], name);
        if (order == 0)
            return id;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return LABEL_NONE;
}
