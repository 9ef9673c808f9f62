/* Lines of plain strings; see jsonl_flat.h. */
#include "core/data/jsonl_flat.h"

#include <string.h>

/* What is left of a line. */
struct scan {
    const char *at;
    const char *end;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Step over blanks, then over this character; false when another one stands there. */
static bool
take(struct scan *scan, char wanted)
{
    while (scan->at < scan->end && is_blank(*scan->at))
        scan->at++;
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static bool
take_string(struct scan *scan, const char **text, size_t *length)
{
    if (!take(scan, '"'))
        return false;
    const char *quote = memchr(scan->at, '"', (size_t)(scan->end - scan->at));
    if (quote == NULL)
        return false;
    for (const char *c = scan->at; c < quote; c++)
        if (*c == '\\' || (unsigned char)*c < 0x20)
            return false;
    *text = scan->at;
    *length = (size_t)(quote - scan->at);
    scan->at = quote + 1;
    return true;
}

static bool
has_key(const struct flat_object *object, const char *key, size_t length)
{
    for (size_t i = 0; i < object->count; i++)
        if (object->members[i].key_length == length &&
            memcmp(object->members[i].key, key, length) == 0)
            return true;
    return false;
}

bool
jsonl_flat_read(const char *line, size_t length, struct flat_object *out)
{
    struct scan scan = {line, line + length};
    out->count = 0;
    if (!take(&scan, '{'))
        return false;
    do {
        struct flat_member *member = &out->members[out->count];
        if (out->count == JSONL_FLAT_MEMBERS ||
            !take_string(&scan, &member->key, &member->key_length) || !take(&scan, ':') ||
            !take_string(&scan, &member->value, &member->value_length) ||
            has_key(out, member->key, member->key_length))
            return false;
        out->count++;
    } while (take(&scan, ','));
    if (!take(&scan, '}'))
        return false;
    while (scan.at < scan.end && is_blank(*scan.at))
        scan.at++;
    return scan.at == scan.end;
}

const struct flat_member *
jsonl_flat_find(const struct flat_object *object, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < object->count; i++)
        if (object->members[i].key_length == length &&
            memcmp(object->members[i].key, name, length) == 0)
            return &object->members[i];
    return NULL;
}
