/*
 * Texts as JSON lines on a descriptor, as fast as they come: for `tokenize` and `predict`.
 *
 * A line is a string, a pair ["first", "second"], or an object: with "text" and perhaps
 * "text_pair", with "prompt", or with a conversation's "messages", of which the last user message
 * is the text as in training. Other members are not looked at, so a data file can be read as it is.
 * Whoever sends a line and waits gets its answer: a batch ends where no further whole line has
 * arrived yet.
 */
#ifndef DAEMON_TEXT_LINES_H
#define DAEMON_TEXT_LINES_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/text/tokenizer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { TEXT_LINES_MAX_BATCH = 1024, TEXT_LINES_READ_BYTES = 64 * 1024 };

struct text_lines {
    int fd;
    struct buf bytes; /* read and not yet consumed, from `at` on */
    size_t at;
    size_t searched; /* no newline between at and here */
    bool ended;
    /* the batch */
    struct text texts[TEXT_LINES_MAX_BATCH];
    json_t *owners[TEXT_LINES_MAX_BATCH]; /* of the texts' bytes */
    size_t count;
    size_t first_line; /* number of the batch's first line, from 1 */
};

void text_lines_init(struct text_lines *lines, int fd);
void text_lines_fini(struct text_lines *lines);

/*
 * The next batch of at most `most` texts (at most TEXT_LINES_MAX_BATCH); count 0 at the end. On a
 * bad line the batch holds the good ones before it, and err names the line.
 */
int text_lines_next(struct text_lines *lines, size_t most, struct err *err);

#endif
