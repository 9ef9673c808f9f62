/* Formats by name and content; see format.h. */
#include "core/data/format.h"

#include <string.h>
#include <strings.h>

static const char *const names[] = {
    [DATA_JSONL] = "jsonl", [DATA_JSON] = "json",   [DATA_CSV] = "csv",
    [DATA_TSV] = "tsv",     [DATA_CONLL] = "conll",
};

/* Whatever is not here is told by its bytes. */
static const struct {
    const char *extension;
    enum data_format format;
} extensions[] = {
    {".csv", DATA_CSV},   {".tsv", DATA_TSV},   {".conll", DATA_CONLL}, {".conllu", DATA_CONLL},
    {".bio", DATA_CONLL}, {".iob", DATA_CONLL}, {".iob2", DATA_CONLL},
};

enum { CONLL_LINES = 5 }; /* that are looked at */

static const char document_start[] = "-DOCSTART-";

const char *
data_format_name(enum data_format format)
{
    return names[format];
}

/* Does the name, whose length this is, end so? */
static bool
ends_with(const char *name, size_t length, const char *extension)
{
    size_t end = strlen(extension);
    return length > end && strncasecmp(name + length - end, extension, end) == 0;
}

enum data_format
data_format_from_name(const char *name)
{
    size_t length = strlen(name);
    if (ends_with(name, length, ".gz"))
        length -= strlen(".gz");
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (ends_with(name, length, extensions[i].extension))
            return extensions[i].format;
    return DATA_JSONL;
}

bool
data_format_is_treebank(const char *name)
{
    size_t length = strlen(name);
    if (ends_with(name, length, ".gz"))
        length -= strlen(".gz");
    return ends_with(name, length, ".conllu");
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A tag of a token: O, or B-, I-, … and a kind. */
static bool
is_tag(const char *bytes, size_t length)
{
    if (length == 1)
        return *bytes == 'O';
    return length > 2 && bytes[1] == '-' && memchr("BIESLU", bytes[0], 6) != NULL;
}

/* Is this a token and, as its last column, a tag? */
static bool
is_tagged_line(const char *line, size_t length)
{
    while (length > 0 && is_space(line[length - 1]))
        length--;
    size_t at = length;
    while (at > 0 && !is_space(line[at - 1]))
        at--;
    if (at == 0) /* as some write it, alone */
        return length == sizeof document_start - 1 && memcmp(line, document_start, length) == 0;
    return at > 1 && is_tag(line + at, length - at);
}

/* Are the first lines that are not blank tokens with tags? */
static bool
is_conll(const char *bytes, size_t length)
{
    size_t seen = 0;
    for (size_t at = 0; at < length && seen < CONLL_LINES;) {
        const char *newline = memchr(bytes + at, '\n', length - at);
        size_t end = newline == NULL ? length : (size_t)(newline - bytes);
        size_t start = at;
        while (start < end && is_space(bytes[start]))
            start++;
        if (start < end && !is_tagged_line(bytes + start, end - start))
            return false;
        seen += start < end;
        at = end + 1;
    }
    return seen > 0;
}

enum data_format
data_format_detect(const char *name, const char *bytes, size_t length)
{
    enum data_format format = data_format_from_name(name);
    size_t at = 0;
    if (format != DATA_JSONL)
        return format;
    while (at < length && is_space(bytes[at]))
        at++;
    if (at == length || bytes[at] == '{')
        return DATA_JSONL;
    if (bytes[at] == '[')
        return DATA_JSON;
    return is_conll(bytes, length) ? DATA_CONLL : DATA_JSONL;
}
