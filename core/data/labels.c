/* A label set; see labels.h. Sorting decides everything: O(n log n) in the number of rows. */
#include "core/data/labels.h"

#include "core/data/spelling.h"
#include "core/model/config.h"

#include <stdlib.h>
#include <string.h>

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

int
label_set_build(const struct dataset *dataset, struct arena *arena, struct label_set *out,
                struct err *err)
{
    *out = (struct label_set){0};
    char **names = mem_array(dataset->count, sizeof *names);
    if (names == NULL)
        return err_set(err, ERR_MEMORY, "the labels of %zu rows do not fit into memory",
                       dataset->count);
    int rc = 0;
    size_t count = 0;
    for (size_t i = 0; i < dataset->count; i++)
        if (dataset->rows[i].label != NULL)
            names[count++] = (char *)(uintptr_t)dataset->rows[i].label;
    count = sort_distinct(names, count);
    if (count > CONFIG_MAX_LABELS) {
        rc = err_set(err, ERR_INVALID,
                     "the file has %zu different labels, more than the %d that "
                     "are possible: is this the right label column?",
                     count, CONFIG_MAX_LABELS);
        goto out;
    }
    if (dataset->label_form == LABELS_INTEGER && count > 0)
        qsort(names, count, sizeof *names, by_value);
    label_set_from_names(names, count, arena, out);
out:
    free(names);
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
