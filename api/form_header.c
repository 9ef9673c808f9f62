/* The header block of one part; see form_header.h. */
#include "api/form_header.h"

#include "core/base/utf8.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const char white[] = " \t";

/* A quoted string at *cursor (behind the opening quote); moves behind the closing one. */
static const char *
read_quoted(const char **cursor, struct arena *arena)
{
    const char *c = *cursor;
    char *text = arena_alloc(arena, strlen(c) + 1);
    size_t used = 0;
    for (; *c != '"'; c++) {
        if (*c == '\0')
            return NULL;
        if (*c == '\\' && (c[1] == '"' || c[1] == '\\'))
            c++;
        text[used++] = *c;
    }
    *cursor = c + 1;
    return text;
}

static const char *
read_value(const char **cursor, struct arena *arena)
{
    if (**cursor == '"') {
        *cursor += 1;
        return read_quoted(cursor, arena);
    }
    size_t length = strcspn(*cursor, "; \t");
    const char *text = arena_copy_bytes(arena, *cursor, length);
    *cursor += length;
    return text;
}

const char *
form_parameter(const char *value, const char *name, struct arena *arena)
{
    const char *c = value + strcspn(value, ";");
    size_t name_length = strlen(name);
    while (*c == ';') {
        c++;
        c += strspn(c, white);
        size_t length = strcspn(c, "=; \t");
        bool wanted = length == name_length && strncasecmp(c, name, length) == 0;
        c += length;
        if (*c != '=')
            return NULL;
        c++;
        const char *text = read_value(&c, arena);
        if (text == NULL || wanted)
            return text;
        c += strspn(c, white);
    }
    return NULL;
}

/* "%22" is a quote; then only what stands behind the last '/' is a name. */
static const char *
clean_filename(const char *raw, struct arena *arena)
{
    char *text = arena_copy_string(arena, raw);
    for (char *escape = strstr(text, "%22"); escape != NULL; escape = strstr(escape, "%22")) {
        *escape++ = '"';
        memmove(escape, escape + 2, strlen(escape + 2) + 1);
    }
    char *slash = strrchr(text, '/');
    return slash == NULL ? text : slash + 1;
}

static bool
is_clean_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    }
    return utf8_valid_length(text, strlen(text)) == strlen(text);
}

static int
take_disposition(const char *value, struct arena *arena, struct form_header *out,
                 struct fault_list *faults)
{
    static const char form_data[] = "form-data";
    if (strncasecmp(value, form_data, sizeof form_data - 1) != 0)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                         "A part's Content-Disposition must be form-data.");
    out->name = form_parameter(value, "name", arena);
    const char *filename = form_parameter(value, "filename", arena);
    if (filename != NULL)
        out->filename = clean_filename(filename, arena);
    if (out->name != NULL && is_clean_text(out->name) &&
        (out->filename == NULL || is_clean_text(out->filename)))
        return 0;
    return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                     "A part's name is missing, or its name or filename is not valid UTF-8 "
                     "without control characters.");
}

static int
take_line(const char *line, struct arena *arena, struct form_header *out, struct fault_list *faults)
{
    size_t name_length = strcspn(line, ":");
    if (line[name_length] != ':')
        return fault_add(faults, FAULT_BAD_REQUEST, NULL, "A header line of a part has no colon.");
    const char *value = line + name_length + 1;
    value += strspn(value, white);
    if (name_length == 19 && strncasecmp(line, "Content-Disposition", name_length) == 0)
        return take_disposition(value, arena, out, faults);
    if (name_length == 25 && strncasecmp(line, "Content-Transfer-Encoding", name_length) == 0 &&
        strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
        strcasecmp(value, "7bit") != 0)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                         "Parts must be sent as they are, without Content-Transfer-Encoding.");
    return 0;
}

int
form_header_parse(const char *block, size_t length, struct arena *arena, struct form_header *out,
                  struct fault_list *faults)
{
    *out = (struct form_header){0};
    if (memchr(block, '\0', length) != NULL)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL, "A part's headers hold a NUL byte.");
    for (size_t start = 0; start < length;) {
        const char *end = memmem(block + start, length - start, "\r\n", 2);
        size_t line_length = end == NULL ? length - start : (size_t)(end - (block + start));
        const char *line = arena_copy_bytes(arena, block + start, line_length);
        if (take_line(line, arena, out, faults) != 0)
            return -1;
        start += line_length + 2;
    }
    if (out->name == NULL)
        return fault_add(faults, FAULT_BAD_REQUEST, NULL,
                         "A part of the form has no Content-Disposition.");
    return 0;
}
