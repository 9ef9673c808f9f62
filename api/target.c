/* The request target; see target.h. Decoding happens once, in one function, for path and query. */
#include "api/target.h"

#include "core/base/utf8.h"

#include <string.h>
#include <strings.h>

static const char http_scheme[] = "http://";

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decode length raw bytes; NULL when an escape is broken, or a NUL or invalid UTF-8 comes out. */
static char *
decode(const char *raw, size_t length, bool plus_is_space, struct arena *arena)
{
    char *text = arena_alloc(arena, length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (raw[i] != '%') {
            text[used++] = plus_is_space && raw[i] == '+' ? ' ' : raw[i];
            continue;
        }
        int high = i + 1 < length ? hex_value(raw[i + 1]) : -1;
        int low = i + 2 < length ? hex_value(raw[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return NULL;
        text[used++] = (char)(high * 16 + low);
        i += 2;
    }
    return utf8_valid_length(text, used) == used ? text : NULL;
}

static bool
has_control_or_slash(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '/')
            return true;
    }
    return false;
}

static int
parse_path(const char *path, size_t length, struct arena *arena, struct target *out,
           struct fault_list *faults)
{
    if (length > 1 && path[length - 1] == '/')
        length--;
    size_t start = 1;
    while (length > 1 && start <= length) {
        const char *slash = memchr(path + start, '/', length - start);
        size_t end = slash == NULL ? length : (size_t)(slash - path);
        char *segment = decode(path + start, end - start, false, arena);
        if (segment == NULL || has_control_or_slash(segment))
            return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                             "The path has a broken percent escape, or an encoded '/', control "
                             "byte or invalid UTF-8 in one of its segments.");
        if (out->segment_count == TARGET_MAX_SEGMENTS) {
            out->too_deep = true;
            return 0;
        }
        out->segments[out->segment_count++] = segment;
        start = end + 1;
    }
    return 0;
}

static int
parse_query(const char *query, struct arena *arena, struct target *out, struct fault_list *faults)
{
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        size_t key_length = equals == NULL ? length : (size_t)(equals - query);
        size_t value_start = equals == NULL ? length : key_length + 1;
        const char *key = decode(query, key_length, true, arena);
        const char *value = decode(query + value_start, length - value_start, true, arena);
        if (key == NULL || value == NULL)
            return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                             "The query has a broken percent escape, an encoded NUL or invalid "
                             "UTF-8.");
        if (length > 0 && out->query_count == TARGET_MAX_QUERY)
            return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                             "The query has more than %d parameters.", TARGET_MAX_QUERY);
        if (length > 0)
            out->query[out->query_count++] = (struct query_pair){.key = key, .value = value};
        query += length + (query[length] == '&' ? 1 : 0);
    }
    return 0;
}

/* Bytes that no target may hold raw: controls, spaces, a fragment. */
static bool
has_illegal_byte(const char *raw)
{
    for (const char *c = raw; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f || *c == '#')
            return true;
    }
    return false;
}

int
target_parse(const char *raw, struct arena *arena, struct target *out, struct fault_list *faults)
{
    memset(out, 0, sizeof *out);
    if (strcmp(raw, "*") == 0) {
        out->asterisk = true;
        return 0;
    }
    if (strncasecmp(raw, http_scheme, sizeof http_scheme - 1) == 0) {
        raw += sizeof http_scheme - 1;
        size_t length = strcspn(raw, "/?");
        out->authority = arena_copy_bytes(arena, raw, length);
        raw += length;
        if (*raw == '\0')
            raw = "/";
    }
    if (*raw != '/' || has_illegal_byte(raw))
        return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                         "The request target must be a path that begins with '/', without spaces, "
                         "control bytes or '#'.");
    size_t length = strcspn(raw, "?");
    if (parse_path(raw, length, arena, out, faults) != 0)
        return -1;
    return raw[length] == '?' ? parse_query(raw + length + 1, arena, out, faults) : 0;
}

const char *
target_query(const struct target *target, const char *key)
{
    for (size_t i = target->query_count; i > 0; i--) {
        if (strcmp(target->query[i - 1].key, key) == 0)
            return target->query[i - 1].value;
    }
    return NULL;
}
