/*
 * Words and lists of labels of the row that is being read. Private to core/data.
 *
 * A row is gathered here before it is known to be whole; what is kept of it is copied. A label is
 * stored once for the file, however often it occurs: rows of tokens repeat few names many times.
 */
#ifndef CORE_DATA_ROW_LISTS_H
#define CORE_DATA_ROW_LISTS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"
#include "core/data/distinct.h"
#include "core/data/spelling.h"

#include <stdbool.h>
#include <stddef.h>

struct row_lists {
    struct buf text; /* the words, joined by one blank each */
    struct data_word *words;
    size_t word_count, word_capacity;
    const char **labels;
    size_t label_count, label_capacity;
    bool seen[3]; /* by enum spelling: labels of the row */
    /* what outlasts the row */
    bool is_ready;         /* the table of names is */
    struct distinct names; /* items are places in known */
    struct list_name {
        const char *bytes;
        size_t length;
    } * known;
    size_t known_count, known_capacity;
};

/* Begin a row. */
void row_lists_clear(struct row_lists *lists);

/* Release everything but the labels, which are the arena's. */
void row_lists_fini(struct row_lists *lists);

void row_lists_add_word(struct row_lists *lists, const char *bytes, size_t length);

/* Add a label, whose text is copied into arena unless it is there already; ERR_MEMORY. */
int row_lists_add_label(struct row_lists *lists, const struct list_name *label,
                        enum spelling spelling, struct arena *arena, struct err *err);

/* Remove labels that repeat an earlier one of labels[0..count), which came from
 * row_lists_add_label: equal ones are one pointer. Returns how many are left, in their order. */
size_t row_lists_remove_repeats(const char **labels, size_t count);

#endif
