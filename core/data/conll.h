/*
 * The reader of CoNLL columns: a token a line, its tag in the last column, a blank line behind each
 * sentence. Private to core/data.
 *
 * Columns are divided by tabs where a line has one, else by blanks; what stands between the first
 * and the last is not used. Lines of "-DOCSTART-" are skipped and end a sentence as blank lines do.
 * A row is a sentence; its line is that of its first token.
 */
#ifndef CORE_DATA_CONLL_H
#define CORE_DATA_CONLL_H

#include "core/base/err.h"
#include "core/data/reader.h"
#include "core/data/spans.h"

#include <stdbool.h>
#include <stddef.h>

struct conll {
    struct reader *reader;
    const char *at, *end;
    size_t line;    /* of at; begins as 1 */
    size_t columns; /* of the first line that was gathered; 0 before */
};

/* The lines of the next sentence; false at the end. */
bool conll_next(struct conll *conll, struct span *sentence);

/*
 * Put a sentence's words and tags into the reader's lists. false when it is at fault, which is then
 * noted, or when memory is out: then err says so, and its code is otherwise 0.
 */
bool conll_gather(struct conll *conll, const struct span *sentence, struct err *err);

/* Read length bytes (after a byte order mark) into the reader's data set; ERR_MEMORY, ERR_STOPPED.
 */
int conll_read(struct reader *reader, const char *bytes, size_t length, struct err *err);

#endif
