/* Sets of least and greatest values; see extremes.h. */
#include "daemon/store/extremes.h"

#include "core/base/json.h"
#include "daemon/store/flat_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8, PARTS = 4 };

/* The item of this name, or a new one that is where `first` is. */
static struct extreme *
find(struct extremes *set, struct arena *arena, const struct extreme *first)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].name, first->name) == 0)
            return &set->items[i];
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? FIRST_CAPACITY : 2 * set->capacity;
        struct extreme *items = arena_array(arena, capacity, sizeof *items);
        if (set->count > 0)
            memcpy(items, set->items, set->count * sizeof *items);
        set->items = items;
        set->capacity = capacity;
    }
    set->items[set->count] = *first;
    return &set->items[set->count++];
}

static bool
comes_before(double value, int64_t step, double other, int64_t other_step)
{
    return value < other || (value <= other && step < other_step);
}

static void
merge(struct extremes *set, struct arena *arena, const struct extreme *item)
{
    struct extreme *mine = find(set, arena, item);
    if (comes_before(item->low, item->low_step, mine->low, mine->low_step)) {
        mine->low = item->low;
        mine->low_step = item->low_step;
    }
    if (comes_before(-item->high, item->high_step, -mine->high, mine->high_step)) {
        mine->high = item->high;
        mine->high_step = item->high_step;
    }
}

void
extremes_add_point(struct extremes *set, struct arena *arena, const struct point_row *point)
{
    for (size_t i = 0; i < point->measure_count; i++) {
        const struct measure *measure = &point->measures[i];
        const struct extreme item = {measure->name, point->step, point->step, measure->value,
                                     measure->value};
        if (isfinite(measure->value))
            merge(set, arena, &item);
    }
}

void
extremes_merge(struct extremes *set, struct arena *arena, const struct extremes *other)
{
    for (size_t i = 0; i < other->count; i++)
        merge(set, arena, &other->items[i]);
}

const char *
extremes_text(const struct extremes *set, struct arena *arena)
{
    json_t *object = json_object();
    for (size_t i = 0; i < set->count; i++) {
        const struct extreme *item = &set->items[i];
        json_t *parts = json_array();
        json_array_append_new(parts, json_integer(item->low_step));
        json_array_append_new(parts, json_real(item->low));
        json_array_append_new(parts, json_integer(item->high_step));
        json_array_append_new(parts, json_real(item->high));
        json_object_set_new(object, item->name, parts);
    }
    char *text = json_text(object);
    json_decref(object);
    const char *copy = arena_copy_string(arena, text);
    free(text);
    return copy;
}

static void
read_item(struct flat_json *json, struct extreme *out)
{
    double parts[PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        flat_json_expect(json, i == 0 ? '[' : ',');
        parts[i] = flat_json_number(json);
    }
    flat_json_expect(json, ']');
    out->low_step = (int64_t)parts[0]; /* exact: steps are far below 2^53 */
    out->low = parts[1];
    out->high_step = (int64_t)parts[2];
    out->high = parts[3];
}

int
extremes_parse(const char *text, struct arena *arena, struct extremes *out, struct err *err)
{
    struct flat_json json = flat_json_open(text);
    const char *name = NULL;
    size_t length = 0;
    *out = (struct extremes){0};
    while (flat_json_name(&json, &name, &length)) {
        struct extreme item = {.name = arena_copy_bytes(arena, name, length)};
        read_item(&json, &item);
        merge(out, arena, &item);
    }
    if (!flat_json_is_done(&json))
        return err_set(err, ERR_INVALID,
                       "the database holds a value that is not what was stored there: restore a "
                       "backup");
    return 0;
}
