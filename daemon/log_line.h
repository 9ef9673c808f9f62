/*
 * One line of the log as fields: what a format and its arguments say, before it is text or JSON.
 *
 * A format reads "verb object key=value key=\"value\"": words first, then pairs parted by single
 * spaces. Where a pair ends follows from the format alone, never from what an argument holds, so
 * text of a user cannot add a pair, end a quotation or begin a line.
 */
#ifndef DAEMON_LOG_LINE_H
#define DAEMON_LOG_LINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum { LOG_LINE_FIELDS = 24, LOG_LINE_TEXT_BYTES = 3072 };

struct log_field {
    const char *key; /* NULL for a word */
    const char *value;
    bool is_number; /* one numeric conversion and nothing else */
    bool is_quoted; /* by the format */
};

struct log_line {
    struct log_field fields[LOG_LINE_FIELDS];
    size_t count; /* fields beyond the last place are dropped */
    char text[LOG_LINE_TEXT_BYTES];
    size_t used; /* what does not fit is cut */
};

/* Conversions d i u x, with l, ll, z or j, and f g s c: all that our formats use. */
void log_line_read(struct log_line *line, const char *format, va_list arguments);

/*
 * Print into out (at least 256 bytes), newline included, no NUL; returns the length. What does not
 * fit is cut so that the line stays whole. Control bytes and broken UTF-8 are escaped. Text: a
 * value with a space, a quote or '=' in it is quoted, in quotations '"' and '\' are escaped. JSON:
 * an object with the members level, message (the words) and one for each pair, numbers as numbers,
 * and time (RFC 3339, UTC, given as text) first.
 */
size_t log_line_text(const struct log_line *line, const char *level, char *out, size_t size);
size_t log_line_json(const struct log_line *line, const char *level, const char *time, char *out,
                     size_t size);

#endif
