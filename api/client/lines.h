/*
 * An object as "name  value" lines within the screen's width, and short notices about what was
 * done.
 */
#ifndef API_CLIENT_LINES_H
#define API_CLIENT_LINES_H

#include "core/base/buf.h"
#include "core/base/err.h"

#include <jansson.h>
#include <stddef.h>

/* A line whose writer appends nothing is left out. */
struct line {
    const char *name;
    void (*write)(const json_t *object, struct buf *out);
};

/* Print one line; the value is made safe and wrapped. */
void lines_print_one(const char *name, const char *value);

void lines_print(const struct line *lines, size_t count, const json_t *object);

/* ", name value" (or without the comma at the start); nothing when value is NULL. */
void lines_append_part(struct buf *out, const char *name, const char *value);

/* A line of its own, made safe. */
void lines_say(const char *format, ...) ERR_PRINTF(1, 2);

#endif
