/* Objects as lines; see lines.h. */
#include "api/client/lines.h"

#include "api/client/text.h"

#include <stdarg.h>
#include <stdio.h>

enum { NAME_WIDTH = 12 };

void
lines_print_one(const char *name, const char *value)
{
    struct buf out = {0};
    buf_printf(&out, "%-*s", NAME_WIDTH, name);
    text_append_wrapped(&out, value, NAME_WIDTH, text_columns(stdout));
    printf("%s\n", buf_string(&out));
    buf_fini(&out);
}

void
lines_print(const struct line *lines, size_t count, const json_t *object)
{
    for (size_t i = 0; i < count; i++) {
        struct buf value = {0};
        lines[i].write(object, &value);
        if (value.length > 0)
            lines_print_one(lines[i].name, buf_string(&value));
        buf_fini(&value);
    }
}

void
lines_append_part(struct buf *out, const char *name, const char *value)
{
    if (value != NULL)
        buf_printf(out, "%s%s%s", out->length > 0 ? ", " : "", name, value);
}

void
lines_say(const char *format, ...)
{
    struct buf text = {0}, safe = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    text_append_safe(&safe, buf_string(&text));
    printf("%s\n", buf_string(&safe));
    buf_fini(&safe);
    buf_fini(&text);
}
