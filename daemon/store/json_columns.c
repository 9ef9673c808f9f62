/* JSON columns; see json_columns.h. */
#include "daemon/store/json_columns.h"

#include "core/base/json.h"
#include "daemon/store/flat_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8 };

static struct measure *
find(const struct measure_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return &set->items[i];
    return NULL;
}

static struct measure *
add(struct measure_set *set, struct arena *arena)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? FIRST_CAPACITY : set->capacity * 2;
        struct measure *items = arena_array(arena, capacity, sizeof *items);
        if (set->count > 0)
            memcpy(items, set->items, set->count * sizeof *items);
        set->items = items;
        set->capacity = capacity;
    }
    return &set->items[set->count++];
}

void
json_columns_merge(struct measure_set *set, struct arena *arena, const struct measure *measures,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(measures[i].value))
            continue;
        struct measure *place = find(set, measures[i].name);
        if (place == NULL)
            place = add(set, arena);
        *place = measures[i];
    }
}

/* The text of value in the arena; value is released. */
static const char *
take_text(struct arena *arena, json_t *value)
{
    char *text = json_text(value);
    json_decref(value);
    const char *copy = arena_copy_string(arena, text);
    free(text);
    return copy;
}

const char *
json_columns_measures_text(struct arena *arena, const struct measure *measures, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++)
        if (isfinite(measures[i].value))
            json_object_set_new(object, measures[i].name, json_real(measures[i].value));
    return take_text(arena, object);
}

/* Which measures a reader wants; names NULL: all. */
struct wanted {
    const char *const *names;
    size_t count;
};

static bool
is_wanted(const struct wanted *wanted, const char *name, size_t length)
{
    if (wanted->names == NULL)
        return true;
    for (size_t i = 0; i < wanted->count; i++)
        if (strlen(wanted->names[i]) == length && memcmp(wanted->names[i], name, length) == 0)
            return true;
    return false;
}

/* As our own writer leaves it; false for anything else. */
static bool
parse_flat(const char *text, const struct wanted *wanted, struct arena *arena,
           struct measure_set *set)
{
    struct flat_json json = flat_json_open(text);
    const char *name = NULL;
    size_t length = 0;
    while (flat_json_name(&json, &name, &length)) {
        double value = flat_json_number(&json);
        if (is_wanted(wanted, name, length))
            *add(set, arena) = (struct measure){arena_copy_bytes(arena, name, length), value};
    }
    return flat_json_is_done(&json);
}

/* The column's JSON object, or NULL. */
static json_t *
parse(const char *text, struct err *err)
{
    json_t *value = text == NULL ? NULL : json_parse(text, strlen(text), false, err);
    if (json_is_object(value))
        return value;
    json_decref(value);
    err_set(err, ERR_INVALID,
            "the database holds a value that is not what was stored there: "
            "restore a backup");
    return NULL;
}

int
json_columns_measures_parse(const char *text, const char *const *names, size_t name_count,
                            struct arena *arena, const struct measure **out, size_t *count,
                            struct err *err)
{
    const struct wanted wanted = {names, name_count};
    struct measure_set set = {0};
    if (parse_flat(text, &wanted, arena, &set)) {
        *out = set.items;
        *count = set.count;
        return 0;
    }
    json_t *object = parse(text, err);
    if (object == NULL)
        return err->code;
    struct measure *measures = arena_array(arena, json_object_size(object), sizeof *measures);
    *count = 0;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (object, name, value) {
        if (!json_is_number(value) || !is_wanted(&wanted, name, strlen(name)))
            continue;
        measures[(*count)++] = (struct measure){.name = arena_copy_string(arena, name),
                                                .value = json_number_value(value)};
    }
    json_decref(object);
    *out = measures;
    return 0;
}

const char *
json_columns_strings_text(struct arena *arena, const char *const *strings, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(strings[i]));
    return take_text(arena, array);
}
