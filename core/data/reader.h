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
#include "core/data/chat.h"
#include "core/data/dataset.h"
#include "core/data/row_lists.h"
#include "core/data/spelling.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Answers of chat rows and completions: how many are distinct tells labels from generated text. */
struct answers {
    uint64_t *hashes;
    size_t count, capacity;
    struct long_answer {
        size_t line, length;
    } * too_long; /* for a label: faults, unless this is no classification set at all */
    size_t too_long_count, too_long_capacity;
};

struct reader {
    struct dataset *dataset;
    const struct data_source *source;
    const struct data_columns *columns; /* the user's; never NULL */
    const char *unit;                   /* what a row of a JSON file is: "line", "element" */
    size_t capacity;                    /* of dataset->rows */
    size_t asked;                       /* times that reader_is_stopped was */
    struct chat chat;                   /* the row that is read */
    struct answers answers;
    struct row_lists lists; /* of the row that is read */
    bool seen[3];           /* by enum spelling: single labels that the file has */
    bool seen_in_lists[3];  /* by enum spelling: labels in lists, words' aside */
};

/* Which columns hold what; members NULL where there is none. */
struct picked {
    const char *text;
    const char *text_pair;
    const char *label;
    enum row_form form;
};

/* A row as it stands in the file; reader_add copies what it keeps. */
struct raw_row {
    size_t line;
    const struct picked *picked;
    const char *text;
    size_t text_length;
    const char *pair; /* NULL without */
    size_t pair_length;
    const char *label; /* NULL without; an empty one counts as absent */
    size_t label_length;
    enum spelling spelling; /* of the label */
    bool is_answer;         /* the label is an assistant's message */
    bool has_words;         /* the reader's lists have the words, and the text */
    bool has_list;          /* the reader's lists have the labels, in place of the one */
};

/* Note a fault; the hundred with the lowest lines are kept, in order. */
void reader_fault(struct reader *reader, size_t line, const char *code, const char *format, ...)
    ERR_PRINTF(4, 5);

/* May this be a label? Notes the fault when not. */
bool reader_check_label(struct reader *reader, size_t line, const char *label, size_t length);

/* Keep a row, or note what is wrong with its label or lists. ERR_MEMORY. */
int reader_add(struct reader *reader, const struct raw_row *row, struct err *err);

/* No more rows fit (DATA_MAX_ROWS); notes the fault when they do not. */
bool reader_is_full(struct reader *reader, size_t line);

/* Does whoever asked for the data want to stop? Asks once in a while; then err says so. */
bool reader_is_stopped(struct reader *reader, struct err *err);

/* Judge the file as a whole. */
void reader_finish(struct reader *reader);

/* Release what a reader needs while it reads; the data set is not its own. */
void reader_fini(struct reader *reader);

/* Does a row (or a header) have a column of this name? */
typedef bool reader_has(const void *context, const char *name);

/*
 * Which columns hold what: the user's names, else the first of the usual ones that are there; and
 * whether the row is plain or of "prompt" and "completion". Chat rows have no text for it.
 */
void reader_pick(const struct reader *reader, reader_has *has, const void *context,
                 struct picked *picked);

/* The names that a text may have, for messages: the user's, or the usual ones. */
const char *reader_expected_text(const struct reader *reader);

/* How many bytes of a column's name a message shows, for printf's "%.*s". */
int reader_shown(const char *name);

/* Append a column's name, quoted, to the list of those found; a long list is cut with an ellipsis.
 */
enum { READER_FOUND_BYTES = 80 };
void reader_list(char found[READER_FOUND_BYTES], const char *name, size_t length);

/* Is this the header, or the first row, and is none of its columns one of labels? Then messages
 * will name its columns. */
bool reader_wants_columns(const struct reader *reader, const struct picked *picked);
void reader_note_columns(struct reader *reader, const char found[READER_FOUND_BYTES]);

#endif
