/* Rows of a JSON file as ranges of bytes; see spans.h. */
#include "core/data/spans.h"

#include <string.h>

struct span_walk
span_walk_lines(const char *bytes, size_t length)
{
    return (struct span_walk){.at = bytes, .end = bytes + length};
}

struct span_walk
span_walk_array(const char *bytes, size_t length)
{
    return (struct span_walk){.at = bytes, .end = bytes + length, .line = 1};
}

static bool
is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
            return false;
    return true;
}

enum span_step
span_next_line(struct span_walk *walk, struct span *out)
{
    while (walk->at < walk->end) {
        const char *start = walk->at;
        const char *newline = memchr(start, '\n', (size_t)(walk->end - start));
        const char *stop = newline == NULL ? walk->end : newline;
        walk->at = newline == NULL ? walk->end : newline + 1;
        walk->line++;
        if (is_blank(start, (size_t)(stop - start)))
            continue;
        *out = (struct span){walk->line, start, (size_t)(stop - start)};
        return SPAN_ROW;
    }
    return SPAN_END;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static void
skip_blanks(struct span_walk *walk)
{
    for (; walk->at < walk->end; walk->at++) {
        if (*walk->at == '\n')
            walk->line++;
        else if (*walk->at != ' ' && *walk->at != '\t' && *walk->at != '\r')
            return;
    }
}

/* Step over a string whose first quotation mark is at `at`; false when none closes it. */
static bool
skip_string(struct span_walk *walk)
{
    for (walk->at++; walk->at < walk->end; walk->at++) {
        if (*walk->at == '"') {
            walk->at++;
            return true;
        }
        if (*walk->at == '\\' && walk->at + 1 < walk->end)
            walk->at++;
        if (*walk->at == '\n')
            walk->line++;
    }
    return false;
}

/* Step over an object or a list; false when it is not closed. */
static bool
skip_nested(struct span_walk *walk)
{
    size_t depth = 0;
    while (walk->at < walk->end) {
        char c = *walk->at;
        if (c == '"') {
            if (!skip_string(walk))
                return false;
            continue;
        }
        walk->at++;
        if (c == '\n')
            walk->line++;
        else if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return true;
    }
    return false;
}

/* Step over a number or a word. */
static void
skip_word(struct span_walk *walk)
{
    while (walk->at < walk->end && memchr(",]} \t\r\n", *walk->at, 7) == NULL)
        walk->at++;
}

static bool
skip_value(struct span_walk *walk)
{
    char c = *walk->at;
    if (c == '{' || c == '[')
        return skip_nested(walk);
    if (c == '"')
        return skip_string(walk);
    skip_word(walk);
    return true;
}

/* What stands at the end of an array. */
static enum span_step
end_array(struct span_walk *walk, const char **complaint)
{
    walk->at++;
    skip_blanks(walk);
    if (walk->at == walk->end)
        return SPAN_END;
    *complaint = "text follows the end of the array; put all rows into one array, or write one "
                 "object a line";
    return SPAN_BROKEN;
}

static enum span_step
take_element(struct span_walk *walk, struct span *out, const char **complaint)
{
    const char *start = walk->at;
    size_t line = walk->line;
    if (start == walk->end) {
        *complaint = "the array is not closed: the file ends before its \"]\"; is it cut off?";
        return SPAN_BROKEN;
    }
    if (!skip_value(walk)) {
        walk->line = line;
        *complaint = "the element that begins here is not closed before the file ends; a "
                     "quotation mark or a bracket is missing, or the file is cut off";
        return SPAN_BROKEN;
    }
    if (walk->at == start) {
        *complaint = "an element is missing here; remove the comma too many";
        return SPAN_BROKEN;
    }
    *out = (struct span){line, start, (size_t)(walk->at - start)};
    return SPAN_ROW;
}

enum span_step
span_next_element(struct span_walk *walk, struct span *out, const char **complaint)
{
    bool first = !walk->begun;
    skip_blanks(walk);
    if (first && walk->at < walk->end) {
        walk->begun = true;
        walk->at++; /* the bracket, by which the format was told */
        skip_blanks(walk);
    }
    if (walk->at < walk->end && *walk->at == ']')
        return end_array(walk, complaint);
    if (first || walk->at == walk->end)
        return take_element(walk, out, complaint);
    if (*walk->at != ',') {
        *complaint = "a comma is missing between two elements of the array";
        return SPAN_BROKEN;
    }
    walk->at++;
    skip_blanks(walk);
    return take_element(walk, out, complaint);
}
