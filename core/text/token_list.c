/* Arrays that grow together; see token_list.h. */
#include "core/text/token_list.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void
token_list_fini(struct token_list *list)
{
    free(list->ids);
    free(list->types);
    free(list->words);
    free(list->starts);
    free(list->ends);
    *list = (struct token_list){0};
}

void
token_list_grow(struct token_list *list)
{
    size_t capacity = list->capacity > 0 ? list->capacity : FIRST_CAPACITY / 2;
    if (!mem_multiply(capacity, 2, &capacity))
        capacity = SIZE_MAX;
    list->ids = mem_resize(list->ids, capacity, sizeof *list->ids);
    list->types = mem_resize(list->types, capacity, sizeof *list->types);
    if (list->with_places) {
        list->words = mem_resize(list->words, capacity, sizeof *list->words);
        list->starts = mem_resize(list->starts, capacity, sizeof *list->starts);
        list->ends = mem_resize(list->ends, capacity, sizeof *list->ends);
    }
    list->capacity = capacity;
}

void
token_list_append_from(struct token_list *list, const struct token_list *other, size_t from)
{
    for (size_t i = from; i < other->count; i++) {
        token_list_push(list, other->ids[i], other->types[i]);
        if (list->with_places) {
            list->words[list->count - 1] = other->words[i];
            list->starts[list->count - 1] = other->starts[i];
            list->ends[list->count - 1] = other->ends[i];
        }
    }
}

void
token_list_append(struct token_list *list, const struct token_list *other)
{
    token_list_append_from(list, other, 0);
}

void
token_list_remove(struct token_list *list, size_t from, size_t count)
{
    size_t after = from + count;
    size_t moved = list->count - after;
    list->count -= count;
    if (moved == 0)
        return;
    memmove(list->ids + from, list->ids + after, moved * sizeof *list->ids);
    memmove(list->types + from, list->types + after, moved * sizeof *list->types);
    if (!list->with_places)
        return;
    memmove(list->words + from, list->words + after, moved * sizeof *list->words);
    memmove(list->starts + from, list->starts + after, moved * sizeof *list->starts);
    memmove(list->ends + from, list->ends + after, moved * sizeof *list->ends);
}
