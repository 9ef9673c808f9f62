/*
 * Text for people's terminals: made harmless, cut to a width, and numbers as one reads them.
 *
 * Whatever came from the network passes through here before it reaches a terminal, so that a label
 * or message cannot move the cursor, change colours or reverse the reading direction.
 */
#ifndef API_CLIENT_TEXT_H
#define API_CLIENT_TEXT_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* COLUMNS when it is set, else those of the terminal behind a stream, else TEXT_COLUMNS; at least
 * 40. */
enum { TEXT_COLUMNS = 80 };
size_t text_columns(FILE *file);

/*
 * Append text to out: control characters (tabs and line ends among them), direction marks and bytes
 * that are not UTF-8 become '?'.
 */
void text_append_safe(struct buf *out, const char *text);

/* As text_append_safe, but lines stay lines: each but the first is indented. */
void text_append_safe_lines(struct buf *out, const char *text, size_t indent);

/* Columns that text takes on a terminal; wide characters take two, combining ones none. */
size_t text_width(const char *text);

/* Append text, made safe, in exactly width columns: padded, or cut with "..." at its end. */
void text_append_cell(struct buf *out, const char *text, size_t width, bool right);

/* Append words broken at `columns`, lines after the first indented; the cursor stands at indent. */
void text_append_wrapped(struct buf *out, const char *text, size_t indent, size_t columns);

/* "42 s", "3 min 5 s", "2 h 10 min", "4 d 3 h" */
void text_append_duration(struct buf *out, double seconds);

/* "512 B", "22.9 kB", "90.9 MB" */
void text_append_bytes(struct buf *out, double bytes);

/* "2026-01-31 14:05:09", local time */
void text_append_time(struct buf *out, int64_t unix_seconds);

#endif
