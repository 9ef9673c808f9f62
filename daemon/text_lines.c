/* Texts as JSON lines; see text_lines.h. Lines are limited as in data files. */
#include "daemon/text_lines.h"

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/data/chat.h"
#include "core/data/dataset.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
text_lines_init(struct text_lines *lines, int fd)
{
    *lines = (struct text_lines){.fd = fd, .first_line = 1};
}

static void
release_batch(struct text_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        json_decref(lines->owners[i]);
    lines->first_line += lines->count;
    lines->count = 0;
}

void
text_lines_fini(struct text_lines *lines)
{
    release_batch(lines);
    buf_fini(&lines->bytes);
}

/* Forget what was consumed, then read once more. */
static int
read_more(struct text_lines *lines, struct err *err)
{
    char chunk[TEXT_LINES_READ_BYTES];
    size_t left = lines->bytes.length - lines->at;
    if (lines->at > 0) {
        memmove(lines->bytes.data, lines->bytes.data + lines->at, left);
        lines->bytes.length = left;
        lines->searched -= lines->at;
        lines->at = 0;
    }
    ssize_t got = 0;
    do
        got = read(lines->fd, chunk, sizeof chunk);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set_errno(err, "standard input");
    lines->ended = got == 0;
    buf_append(&lines->bytes, chunk, (size_t)got);
    return 0;
}

/*
 * The next line without its end: 1, 0 when there is none (yet), or a negative code. With wait it
 * reads until there is one; a last line may lack its newline.
 */
static int
next_line(struct text_lines *lines, bool wait, const char **bytes, size_t *length, struct err *err)
{
    for (;;) {
        size_t end = lines->bytes.length;
        const char *newline = NULL;
        if (end > lines->searched)
            newline = memchr(lines->bytes.data + lines->searched, '\n', end - lines->searched);
        lines->searched = newline != NULL ? (size_t)(newline - lines->bytes.data) : end;
        if (lines->searched - lines->at > DATA_MAX_LINE_BYTES)
            return err_set(err, ERR_INVALID, "longer than %d bytes", DATA_MAX_LINE_BYTES);
        if (newline != NULL || (lines->ended && end > lines->at)) {
            *bytes = lines->bytes.data + lines->at;
            *length = lines->searched - lines->at;
            lines->at = lines->searched = lines->searched + (newline != NULL);
            return 1;
        }
        if (!wait || lines->ended)
            return 0;
        if (read_more(lines, err) != 0)
            return err->code;
    }
}

static int
wrong_shape(struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "neither a string, nor a pair of strings [\"...\", \"...\"], nor an object with "
                   "\"text\", \"prompt\" or \"messages\"");
}

/* The texts inside a line's value; their bytes belong to the value. */
static int
text_from_json(const json_t *json, struct text *out, struct err *err)
{
    const json_t *first = json;
    const json_t *second = NULL;
    if (json_is_array(json)) {
        if (json_array_size(json) != 2)
            return wrong_shape(err);
        first = json_array_get(json, 0);
        second = json_array_get(json, 1);
        if (!json_is_string(second))
            return wrong_shape(err);
    } else if (json_is_object(json)) {
        first = json_object_get(json, "text");
        second = json_object_get(json, "text_pair");
        if (first == NULL && second == NULL)
            first = json_object_get(json, "prompt");
    }
    if (!json_is_string(first) ||
        (second != NULL && !json_is_null(second) && !json_is_string(second)))
        return wrong_shape(err);
    *out =
        (struct text){.first = json_string_value(first), .first_length = json_string_length(first)};
    if (json_is_string(second)) {
        out->second = json_string_value(second);
        out->second_length = json_string_length(second);
    }
    return 0;
}

/* A conversation becomes the text that it asks about. */
static int
read_chat(json_t **json, struct err *err)
{
    struct buf text = {0};
    const json_t *messages = json_object_get(*json, "messages");
    if (messages == NULL || json_object_get(*json, "text") != NULL)
        return 0;
    int rc = chat_text(messages, &text, err);
    if (rc == 0) {
        json_decref(*json);
        *json = json_stringn_nocheck(buf_string(&text), text.length);
    }
    buf_fini(&text);
    return rc;
}

static int
take_line(struct text_lines *lines, const char *bytes, size_t length, struct err *err)
{
    if (length == 0)
        return err_set(err, ERR_INVALID, "empty; every line is one JSON value");
    json_t *json = json_parse(bytes, length, true, err);
    if (json == NULL)
        return err->code;
    if (read_chat(&json, err) != 0 || text_from_json(json, &lines->texts[lines->count], err) != 0) {
        json_decref(json);
        return err->code;
    }
    lines->owners[lines->count++] = json;
    return 0;
}

int
text_lines_next(struct text_lines *lines, size_t most, struct err *err)
{
    release_batch(lines);
    if (most > TEXT_LINES_MAX_BATCH)
        most = TEXT_LINES_MAX_BATCH;
    while (lines->count < most) {
        const char *bytes = NULL;
        size_t length = 0;
        int got = next_line(lines, lines->count == 0, &bytes, &length, err);
        if (got == 0)
            break;
        if (got < 0 || take_line(lines, bytes, length, err) != 0)
            return err_prefix(err, "line %zu", lines->first_line + lines->count);
    }
    return 0;
}
