/*
 * What the readers of the data formats share: rows, faults, and the choice of columns. Private to
 * core/data.
 *
 * A reader of a format walks over the bytes and hands each row to reader_add, each fault to
 * reader_fault. What can only be judged with the whole file in view (a row without the label that
 * others have, pairs beside single texts) is reader_finish's.
 */
#ifndef CORE_DATA_READER_H
#define CORE_DATA_READER_H

#include "core/base/err.h"
#include "core/base/fileio.h"
#include "core/data/dataset.h"
#include "core/data/spelling.h"

#include <stdbool.h>
#include <stddef.h>

struct reader {
    struct dataset *dataset;
    const struct data_columns *columns; /* the user's; never NULL */
    size_t capacity;                    /* of dataset->rows */
    bool seen[3];                       /* by enum spelling: labels that the file has */
    enum label_form unsupported;        /* LABELS_LISTS or LABELS_TOKENS once a row had them */
};

/* A row as it stands in the file; reader_add copies what it keeps. */
struct raw_row {
    size_t line;
    const char *text;
    size_t text_length;
    const char *pair; /* NULL without */
    size_t pair_length;
    const char *label; /* NULL without; an empty one counts as absent */
    size_t label_length;
    enum spelling spelling; /* of the label */
};

/* Note a fault; the hundred with the lowest lines are kept, in order. */
void reader_fault(struct reader *reader, size_t line, const char *code, const char *format, ...)
    ERR_PRINTF(4, 5);

/* Keep a row, or note what is wrong with its label. ERR_MEMORY. */
int reader_add(struct reader *reader, const struct raw_row *row, struct err *err);

/* No more rows fit (DATA_MAX_ROWS); notes the fault when they do not. */
bool reader_is_full(struct reader *reader, size_t line);

/* Judge the file as a whole. */
void reader_finish(struct reader *reader);

/* Does a row (or a header) have a column of this name? */
typedef bool reader_has(const void *context, const char *name);

/*
 * Which columns hold what: the user's names, else the first of the usual ones that are there.
 * picked->text is NULL when there is no text, picked->text_pair and ->label when there are none.
 */
void reader_pick(const struct reader *reader, reader_has *has, const void *context,
                 struct data_columns *picked);

/* The names that a text may have, for messages: the user's, or the usual ones. */
const char *reader_expected_text(const struct reader *reader);

/* How many bytes of a column's name a message shows, for printf's "%.*s". */
int reader_shown(const char *name);

/* Append a column's name, quoted, to the list of those found; a long list is cut with an ellipsis.
 */
enum { READER_FOUND_BYTES = 80 };
void reader_list(char found[READER_FOUND_BYTES], const char *name, size_t length);

#endif
