/*
 * Data files of a test: written into its folder, read, and their rows and faults expected.
 */
#ifndef TESTS_SUPPORT_DATA_FILE_H
#define TESTS_SUPPORT_DATA_FILE_H

#include "core/data/dataset.h"
#include "tests/support/scratch.h"

#include <stddef.h>

/* A file that has exactly one fault: its code, its line, and a word of its message. */
struct fault_case {
    const char *text;
    const char *code;
    size_t line;
    const char *word;
};

/* Read bytes as a file of this name; columns may be NULL. */
struct dataset *data_file_read(struct scratch *scratch, const char *name, const char *bytes,
                               size_t length, const struct data_columns *columns);
struct dataset *data_file_read_text(struct scratch *scratch, const char *name, const char *text);

/* The data set has this fault and no other. */
void data_file_expect_fault(const struct dataset *dataset, const struct fault_case *expected);

/* Each text, as a file of this name, has its fault. */
void data_file_expect_faults(struct scratch *scratch, const char *name,
                             const struct fault_case *cases, size_t count);

/* Row number index; pair and label may be NULL: absent. */
void data_file_expect_row(const struct dataset *dataset, size_t index, size_t line,
                          const char *text, const char *pair, const char *label);

#endif
