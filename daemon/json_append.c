/* Pieces of JSON text; see json_append.h. */
#include "daemon/json_append.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEWEST_DIGITS = 6, DIGITS_ALWAYS_ENOUGH = 17 };

void
json_append_real(struct buf *out, double value)
{
    char digits[32] = "null";
    if (!isfinite(value)) {
        buf_append_string(out, digits);
        return;
    }
    for (int precision = FEWEST_DIGITS; precision <= DIGITS_ALWAYS_ENOUGH; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        double back = strtod(digits, NULL);
        if (back <= value && back >= value)
            break;
    }
    buf_append_string(out, digits);
}

void
json_append_string(struct buf *out, const char *text)
{
    if (text == NULL) {
        buf_append_string(out, "null");
        return;
    }
    buf_append_string(out, "\"");
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\')
            buf_printf(out, "\\%c", byte);
        else if (byte == '\n')
            buf_append_string(out, "\\n");
        else if (byte < 0x20 || byte == 0x7f)
            buf_printf(out, "\\u%04x", byte);
        else
            buf_append(out, c, 1);
    }
    buf_append_string(out, "\"");
}

static void
append_object(struct buf *out, json_t *object)
{
    const char *separator = "{";
    void *member = json_object_iter(object);
    for (; member != NULL; member = json_object_iter_next(object, member)) {
        buf_append_string(out, separator);
        json_append_string(out, json_object_iter_key(member));
        buf_append_string(out, ":");
        json_append_value(out, json_object_iter_value(member));
        separator = ",";
    }
    buf_append_string(out, separator[0] == '{' ? "{}" : "}");
}

static void
append_array(struct buf *out, const json_t *array)
{
    buf_append_string(out, "[");
    for (size_t i = 0; i < json_array_size(array); i++) {
        buf_append_string(out, i > 0 ? "," : "");
        json_append_value(out, json_array_get(array, i));
    }
    buf_append_string(out, "]");
}

void
json_append_value(struct buf *out, const json_t *value)
{
    if (json_is_object(value)) {
        append_object(out, (json_t *)(uintptr_t)value);
    } else if (json_is_array(value)) {
        append_array(out, value);
    } else if (json_is_real(value)) {
        json_append_real(out, json_real_value(value));
    } else {
        char *text = json_text(value);
        buf_append_string(out, text);
        free(text);
    }
}

const char *
json_append_copy(const json_t *value, struct arena *arena)
{
    if (value == NULL)
        return NULL;
    struct buf text = {0};
    json_append_value(&text, value);
    const char *copy = arena_copy_string(arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}
