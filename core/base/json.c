/* JSON behind limits; see json.h. */
#include "core/base/json.h"

#include "core/base/fileio.h"
#include "core/base/mem.h"

#include <stdlib.h>

/* The greatest nesting of brackets outside strings; good enough for text that may be broken. */
static size_t
nesting(const char *bytes, size_t length)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            if (depth > deepest)
                deepest = depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

/* huge: where an integer does not fit 64 bits, all numbers become reals. */
static json_t *
parse(const char *bytes, size_t length, size_t more_flags, bool huge, struct err *err)
{
    if (nesting(bytes, length) > JSON_MAX_DEPTH) {
        err_set(err, ERR_INVALID, "JSON nests deeper than %d levels", JSON_MAX_DEPTH);
        return NULL;
    }
    json_error_t error;
    size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | more_flags;
    json_t *value = json_loadb(bytes, length, flags, &error);
    if (value == NULL && huge && json_error_code(&error) == json_error_numeric_overflow)
        value = json_loadb(bytes, length, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (value == NULL)
        err_set(err, ERR_INVALID, "not valid JSON at line %d, column %d: %s", error.line,
                error.column, error.text);
    return value;
}

static json_t *
parse_file(const char *path, size_t limit_bytes, bool huge, struct err *err)
{
    struct buf text = {0};
    json_t *value = NULL;
    if (fileio_read(path, limit_bytes, &text, err) == 0) {
        value = parse(buf_string(&text), text.length, 0, huge, err);
        if (value == NULL)
            err_prefix(err, "%s", path);
    }
    buf_fini(&text);
    return value;
}

json_t *
json_parse(const char *bytes, size_t length, bool allow_nul, struct err *err)
{
    return parse(bytes, length, allow_nul ? JSON_ALLOW_NUL : 0, false, err);
}

json_t *
json_parse_file(const char *path, size_t limit_bytes, struct err *err)
{
    return parse_file(path, limit_bytes, false, err);
}

json_t *
json_parse_file_huge(const char *path, size_t limit_bytes, struct err *err)
{
    return parse_file(path, limit_bytes, true, err);
}

char *
json_text(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        abort();
    return text;
}
