/*
 * Where the rows of a JSON file lie: lines, or the elements of one array. Private to core/data.
 *
 * Nothing is parsed and nothing copied: a walk looks for line ends, or for brackets and quotation
 * marks, and gives out ranges of the file.
 */
#ifndef CORE_DATA_SPANS_H
#define CORE_DATA_SPANS_H

#include <stdbool.h>
#include <stddef.h>

struct span {
    size_t line; /* 1-based, of its first byte */
    const char *bytes;
    size_t length;
};

struct span_walk {
    const char *at, *end;
    size_t line; /* of at; begins as 1 (0 before the first line of a walk over lines) */
    bool begun;  /* of an array: its bracket is behind us */
};

enum span_step {
    SPAN_ROW,
    SPAN_END,
    SPAN_BROKEN /* of an array: what follows cannot be told apart; walk->line says where */
};

struct span_walk span_walk_lines(const char *bytes, size_t length);
struct span_walk span_walk_array(const char *bytes, size_t length);

/* The next line that is not blank: SPAN_ROW or SPAN_END. */
enum span_step span_next_line(struct span_walk *walk, struct span *out);

/* The next element; *complaint says what is wrong when SPAN_BROKEN. An element's own brackets need
 * not match: its parser will say so. */
enum span_step span_next_element(struct span_walk *walk, struct span *out, const char **complaint);

#endif
