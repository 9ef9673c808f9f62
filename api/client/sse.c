/* Server-sent events; see sse.h. A line ends with CR, LF or both, an event with an empty line. */
#include "api/client/sse.h"

#include <string.h>

static void
dispatch(struct sse *sse)
{
    if (sse->data.length > 0) {
        sse->data.data[--sse->data.length] = '\0'; /* the line end that was added last */
        const char *name = sse->name.length > 0 ? buf_string(&sse->name) : "message";
        sse->handler(sse->context, name, buf_string(&sse->data), buf_string(&sse->id));
    }
    buf_clear(&sse->name);
    buf_clear(&sse->data);
}

static bool
is_name(const char *line, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(line, name, length) == 0;
}

/* "name: value", ": a comment", or nothing. */
static void
take_line(struct sse *sse)
{
    const char *line = buf_string(&sse->line);
    size_t name = strcspn(line, ":");
    const char *value = line + name + (line[name] == ':' ? 1 : 0);
    value += *value == ' ' ? 1 : 0;
    if (sse->line.length == 0) {
        dispatch(sse);
    } else if (is_name(line, name, "event")) {
        buf_clear(&sse->name);
        buf_append_string(&sse->name, value);
    } else if (is_name(line, name, "id")) {
        buf_clear(&sse->id);
        buf_append_string(&sse->id, value);
    } else if (is_name(line, name, "data")) {
        buf_printf(&sse->data, "%s\n", value);
    }
    buf_clear(&sse->line);
}

bool
sse_feed(struct sse *sse, const char *bytes, size_t length)
{
    while (length > 0) {
        if (sse->after_return && *bytes == '\n') {
            bytes++;
            length--;
        }
        sse->after_return = false;
        size_t run = 0;
        while (run < length && bytes[run] != '\n' && bytes[run] != '\r')
            run++;
        if (sse->line.length + sse->data.length + run > SSE_MAX_BYTES)
            return false;
        buf_append(&sse->line, bytes, run);
        if (run < length) {
            sse->after_return = bytes[run] == '\r';
            take_line(sse);
            run++;
        }
        bytes += run;
        length -= run;
    }
    return true;
}

void
sse_restart(struct sse *sse)
{
    buf_clear(&sse->line);
    buf_clear(&sse->name);
    buf_clear(&sse->data);
    sse->after_return = false;
}

void
sse_fini(struct sse *sse)
{
    buf_fini(&sse->line);
    buf_fini(&sse->name);
    buf_fini(&sse->data);
    buf_fini(&sse->id);
}
