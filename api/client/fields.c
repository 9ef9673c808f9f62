/* Reading the daemon's JSON; see fields.h. */
#include "api/client/fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const json_t *
field(const json_t *object, const char *path)
{
    while (object != NULL && *path != '\0') {
        size_t length = strcspn(path, ".");
        object = json_object_getn(object, path, length);
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return json_is_null(object) ? NULL : object;
}

const char *
field_text(const json_t *object, const char *path, const char *fallback)
{
    const char *text = json_string_value(field(object, path));
    return text != NULL ? text : fallback;
}

double
field_number(const json_t *object, const char *path)
{
    const json_t *value = field(object, path);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

int64_t
field_integer(const json_t *object, const char *path, int64_t fallback)
{
    double number = field_number(object, path);
    bool fits = number >= -9e15 && number <= 9e15;
    return fits ? (int64_t)number : fallback;
}

void
field_print(const json_t *value, FILE *file)
{
    char *text = json_text(value);
    fprintf(file, "%s\n", text);
    free(text);
}

void
field_append_pairs(const json_t *object, struct buf *out)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)object, name, value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        buf_printf(out, "%s%s=%s", out->length > 0 ? " " : "", name, text != NULL ? text : "?");
        free(text);
    }
}
