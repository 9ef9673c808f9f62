/* Labels of a row; see row_label.h. */
#include "core/data/row_label.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

static int
by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static const char **
sorted(const struct data_row *row)
{
    const char **labels = mem_resize(NULL, row->label_count, sizeof *labels);
    memcpy(labels, row->labels, row->label_count * sizeof *labels);
    qsort(labels, row->label_count, sizeof *labels, by_text);
    return labels;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

static bool
same_number(const char *a, const char *b)
{
    return a == b || strtod(a, NULL) == strtod(b, NULL);
}

static bool
same_lists(const char *const *a, const char *const *b, size_t count,
           bool (*same)(const char *a, const char *b))
{
    for (size_t i = 0; i < count; i++)
        if (!same(a[i], b[i]))
            return false;
    return true;
}

/* None is in a list twice. */
static bool
same_sets(const struct data_row *a, const struct data_row *b)
{
    if (same_lists(a->labels, b->labels, a->label_count, same_text))
        return true;
    const char **first = sorted(a);
    const char **second = sorted(b);
    bool same = same_lists(first, second, a->label_count, same_text);
    free(first);
    free(second);
    return same;
}

bool
row_label_same(enum label_form form, const struct data_row *a, const struct data_row *b)
{
    if (a->label_count != b->label_count)
        return false;
    switch (form) {
    case LABELS_NONE:
        return true;
    case LABELS_TEXT:
    case LABELS_INTEGER:
        return same_text(a->label, b->label);
    case LABELS_FRACTION:
        return same_number(a->label, b->label);
    case LABELS_LISTS:
        return same_sets(a, b);
    case LABELS_TOKENS:
        return same_lists(a->labels, b->labels, a->label_count, same_text);
    case LABELS_NUMBER_LISTS:
        return same_lists(a->labels, b->labels, a->label_count, same_number);
    }
    return true;
}

static uint64_t
hash_text(const struct distinct *table, const char *text)
{
    return distinct_hash(table, text, strlen(text));
}

static uint64_t
hash_number(const struct distinct *table, const char *text)
{
    double value = strtod(text, NULL) + 0.0; /* -0 is 0 */
    return distinct_hash(table, (const char *)&value, sizeof value);
}

/* In their order, or, when factor is 1, in any. */
static uint64_t
hash_list(const struct distinct *table, const struct data_row *row, uint64_t factor,
          uint64_t (*hash)(const struct distinct *table, const char *text))
{
    uint64_t sum = row->label_count;
    for (size_t i = 0; i < row->label_count; i++)
        sum = sum * factor + hash(table, row->labels[i]);
    return sum;
}

uint64_t
row_label_hash(enum label_form form, const struct distinct *table, const struct data_row *row)
{
    switch (form) {
    case LABELS_NONE:
        return 0;
    case LABELS_TEXT:
    case LABELS_INTEGER:
        return hash_text(table, row->label);
    case LABELS_FRACTION:
        return hash_number(table, row->label);
    case LABELS_LISTS:
        return hash_list(table, row, 1, hash_text);
    case LABELS_TOKENS:
        return hash_list(table, row, 3, hash_text);
    case LABELS_NUMBER_LISTS:
        return hash_list(table, row, 3, hash_number);
    }
    return 0;
}
