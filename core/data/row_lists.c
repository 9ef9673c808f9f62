/* Lists of a row; see row_lists.h. A row has a limit of bytes, so its lists may abort as small
 * memory does. */
#include "core/data/row_lists.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64, FEW_LABELS = 16 };

/* Room for one more item. */
static void *
grow(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    return mem_resize(items, *capacity, size);
}

static bool
same_name(const void *context, size_t item, size_t other)
{
    const struct row_lists *lists = context;
    const struct list_name *a = &lists->known[item];
    const struct list_name *b = &lists->known[other];
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

void
row_lists_clear(struct row_lists *lists)
{
    buf_clear(&lists->text);
    lists->word_count = lists->label_count = 0;
    memset(lists->seen, 0, sizeof lists->seen);
}

void
row_lists_fini(struct row_lists *lists)
{
    buf_fini(&lists->text);
    free(lists->words);
    free(lists->labels);
    free(lists->known);
    if (lists->is_ready)
        distinct_fini(&lists->names);
    *lists = (struct row_lists){0};
}

void
row_lists_add_word(struct row_lists *lists, const char *bytes, size_t length)
{
    lists->words =
        grow(lists->words, &lists->word_capacity, lists->word_count, sizeof *lists->words);
    if (lists->word_count > 0)
        buf_append_string(&lists->text, " ");
    lists->words[lists->word_count++] = (struct data_word){lists->text.length, length};
    buf_append(&lists->text, bytes, length);
}

/* *out = the label's text as it is kept. */
static int
keep_name(struct row_lists *lists, const struct list_name *label, struct arena *arena,
          const char **out, struct err *err)
{
    size_t item = lists->known_count;
    size_t first = item;
    if (!lists->is_ready)
        distinct_init(&lists->names, same_name, lists);
    lists->is_ready = true;
    lists->known = grow(lists->known, &lists->known_capacity, item, sizeof *lists->known);
    lists->known[item] = *label;
    uint64_t hash = distinct_hash(&lists->names, label->bytes, label->length);
    if (distinct_add(&lists->names, item, hash, &first, err) != 0)
        return err->code;
    if (first == item) {
        lists->known[item].bytes = arena_copy_bytes(arena, label->bytes, label->length);
        lists->known_count++;
    }
    *out = lists->known[first].bytes;
    return 0;
}

int
row_lists_add_label(struct row_lists *lists, const struct list_name *label, enum spelling spelling,
                    struct arena *arena, struct err *err)
{
    lists->labels =
        grow(lists->labels, &lists->label_capacity, lists->label_count, sizeof *lists->labels);
    if (keep_name(lists, label, arena, &lists->labels[lists->label_count], err) != 0)
        return err->code;
    lists->label_count++;
    lists->seen[spelling] = true;
    return 0;
}

/* ---- repeats --------------------------------------------------------------------------------- */

struct placed {
    const char *label;
    size_t place;
};

static int
by_label(const void *left, const void *right)
{
    const struct placed *a = left;
    const struct placed *b = right;
    if (a->label != b->label)
        return (uintptr_t)a->label < (uintptr_t)b->label ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Mark repeats among many with NULL. */
static void
mark_repeats(const char **labels, size_t count)
{
    struct placed *order = mem_resize(NULL, count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = (struct placed){labels[i], i};
    qsort(order, count, sizeof *order, by_label);
    for (size_t i = 1; i < count; i++)
        if (order[i].label == order[i - 1].label)
            labels[order[i].place] = NULL;
    free(order);
}

static bool
is_among(const char *const *labels, size_t count, const char *label)
{
    for (size_t i = 0; i < count; i++)
        if (labels[i] == label)
            return true;
    return false;
}

size_t
row_lists_remove_repeats(const char **labels, size_t count)
{
    size_t kept = 0;
    bool few = count <= FEW_LABELS;
    if (!few)
        mark_repeats(labels, count);
    for (size_t i = 0; i < count; i++)
        if (few ? !is_among(labels, kept, labels[i]) : labels[i] != NULL)
            labels[kept++] = labels[i];
    return kept;
}
