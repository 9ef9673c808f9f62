/* Pieces of JSON text; see json_append.h. */
#include "daemon/json_append.h"

#include <math.h>
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
