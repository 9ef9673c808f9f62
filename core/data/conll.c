/* CoNLL columns; see conll.h. */
#include "core/data/conll.h"

#include "core/base/utf8.h"

#include <string.h>

static const char document_start[] = "-DOCSTART-";

/* A line without its end, and what is looked for in it. */
struct line {
    size_t number;
    const char *bytes;
    size_t length;
    const char *token, *tag;
    size_t token_length, tag_length;
    size_t columns;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Step over the next line; its blanks at the end are left off. */
static void
next_line(struct conll *conll, struct line *line)
{
    const char *newline = memchr(conll->at, '\n', (size_t)(conll->end - conll->at));
    const char *end = newline != NULL ? newline : conll->end;
    *line = (struct line){.number = conll->line++, .bytes = conll->at};
    line->length = (size_t)(end - conll->at);
    while (line->length > 0 && is_blank(line->bytes[line->length - 1]))
        line->length--;
    conll->at = newline != NULL ? newline + 1 : conll->end;
}

/* Does the line belong to no sentence? */
static bool
is_divider(const struct line *line)
{
    size_t start = sizeof document_start - 1;
    return line->length == 0 ||
           (line->length >= start && memcmp(line->bytes, document_start, start) == 0 &&
            (line->length == start || is_blank(line->bytes[start])));
}

bool
conll_next(struct conll *conll, struct span *sentence)
{
    struct line line;
    *sentence = (struct span){0};
    while (conll->at < conll->end) {
        next_line(conll, &line);
        if (!is_divider(&line)) {
            if (sentence->bytes == NULL)
                *sentence = (struct span){.line = line.number, .bytes = line.bytes};
            sentence->length = (size_t)(line.bytes + line.length - sentence->bytes);
        } else if (sentence->bytes != NULL) {
            return true;
        }
    }
    return sentence->bytes != NULL;
}

/* ---- columns --------------------------------------------------------------------------------- */

static void
trim(const char **text, size_t *length)
{
    while (*length > 0 && is_blank(**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && is_blank((*text)[*length - 1]))
        (*length)--;
}

/* Columns that a tab ends each. */
static void
cut_at_tabs(struct line *line)
{
    const char *end = line->bytes + line->length;
    const char *first = memchr(line->bytes, '\t', line->length);
    const char *last = first;
    line->columns = 2;
    for (const char *c = first + 1; c < end; c++)
        if (*c == '\t') {
            last = c;
            line->columns++;
        }
    line->token = line->bytes;
    line->token_length = (size_t)(first - line->bytes);
    line->tag = last + 1;
    line->tag_length = (size_t)(end - last) - 1;
    trim(&line->token, &line->token_length);
    trim(&line->tag, &line->tag_length);
}

/* Columns with any number of blanks between them. */
static void
cut_at_blanks(struct line *line)
{
    const char *at = line->bytes;
    const char *end = line->bytes + line->length;
    while (at < end) {
        while (at < end && is_blank(*at))
            at++;
        const char *start = at;
        while (at < end && !is_blank(*at))
            at++;
        if (line->columns++ == 0) {
            line->token = start;
            line->token_length = (size_t)(at - start);
        }
        line->tag = start;
        line->tag_length = (size_t)(at - start);
    }
}

/* Is the line a token and a tag, like the others? Notes the fault when not. */
static bool
check_line(struct conll *conll, const struct line *line)
{
    struct reader *reader = conll->reader;
    if (line->columns == 1 || line->tag_length == 0)
        reader_fault(reader, line->number, "missing_label",
                     "the line has no tag behind its token; write the token first and its tag last "
                     "(\"O\" for none), with a tab or a blank between them");
    else if (line->token_length == 0)
        reader_fault(reader, line->number, "invalid_tokens",
                     "the line has no token before its tag; remove it");
    else if (conll->columns != line->columns)
        reader_fault(reader, line->number, "ragged_row",
                     "the line has %zu columns, the first line has %zu; write a token and its "
                     "columns in each line, and nothing else",
                     line->columns, conll->columns);
    else if (memchr(line->tag, ' ', line->tag_length) != NULL)
        reader_fault(reader, line->number, "invalid_label",
                     "the tag has a blank in it; divide columns by tabs or by blanks, not by both");
    else
        return reader_check_label(reader, line->number, line->tag, line->tag_length);
    return false;
}

static bool
take_line(struct conll *conll, struct line *line, struct err *err)
{
    struct reader *reader = conll->reader;
    size_t valid = utf8_valid_length(line->bytes, line->length);
    if (valid < line->length) {
        reader_fault(reader, line->number, "invalid_utf8",
                     "byte %zu of the line is not valid UTF-8; save the file as UTF-8", valid + 1);
        return false;
    }
    if (memchr(line->bytes, '\t', line->length) != NULL)
        cut_at_tabs(line);
    else
        cut_at_blanks(line);
    if (conll->columns == 0)
        conll->columns = line->columns;
    if (!check_line(conll, line))
        return false;
    const struct list_name tag = {line->tag, line->tag_length};
    row_lists_add_word(&reader->lists, line->token, line->token_length);
    return row_lists_add_label(&reader->lists, &tag, SPELLING_TEXT, reader->dataset->arena, err) ==
           0;
}

bool
conll_gather(struct conll *conll, const struct span *sentence, struct err *err)
{
    struct reader *reader = conll->reader;
    struct conll lines = {
        .at = sentence->bytes, .end = sentence->bytes + sentence->length, .line = sentence->line};
    err->code = ERR_NONE;
    row_lists_clear(&reader->lists);
    if (sentence->length > DATA_MAX_LINE_BYTES) {
        reader_fault(reader, sentence->line, "line_too_long",
                     "the sentence has %zu bytes, more than the %d that are possible; end "
                     "sentences with a blank line",
                     sentence->length, DATA_MAX_LINE_BYTES);
        return false;
    }
    while (lines.at < lines.end) {
        struct line line;
        next_line(&lines, &line);
        if (!take_line(conll, &line, err))
            return false;
    }
    return true;
}

int
conll_read(struct reader *reader, const char *bytes, size_t length, struct err *err)
{
    static const struct picked nameless = {.form = ROWS_PLAIN};
    struct conll conll = {.reader = reader, .at = bytes, .end = bytes + length, .line = 1};
    struct span sentence;
    while (conll_next(&conll, &sentence)) {
        if (reader_is_full(reader, sentence.line))
            return 0;
        if (reader_is_stopped(reader, err))
            return err->code;
        if (!conll_gather(&conll, &sentence, err)) {
            if (err->code != ERR_NONE)
                return err->code;
            continue;
        }
        const struct raw_row raw = {
            .line = sentence.line,
            .picked = &nameless,
            .text = buf_string(&reader->lists.text),
            .text_length = reader->lists.text.length,
            .has_words = true,
            .has_list = true,
        };
        if (reader_add(reader, &raw, err) != 0)
            return err->code;
    }
    return 0;
}
