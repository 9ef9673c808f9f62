/*
 * The command line: a table of options in, what was given out, and the help text from the same
 * rows.
 *
 * "--name value", "--name=value", "-x", and "--" before operands that begin with '-'. An unknown
 * option is refused with the nearest legal spelling.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct option_row {
    const char *name;  /* without "--" */
    char letter;       /* short form, or 0 */
    const char *value; /* what stands behind it, for the help; NULL for a switch; in [brackets] when
                        * it may be left out: it is then given as --name=value only */
    const char *doc;   /* one sentence */
};

struct option_table {
    const struct option_row *rows;
    size_t count;
};

struct option_given {
    const char *name;
    const char *value; /* NULL for a switch */
};

struct options {
    struct option_given *given; /* in the order of the command line */
    size_t count;
    const char **operands;
    size_t operand_count;
};

/* Read arguments[0..count); strings are not copied. ERR_INVALID with a sentence. */
int options_parse(const struct option_table *table, int count, char *const *arguments,
                  struct arena *arena, struct options *out, struct err *err);

bool options_has(const struct options *options, const char *name);

/* The last value given for a name, or NULL. */
const char *options_value(const struct options *options, const char *name);

/* A whole number from min to max behind --name; *out is left alone when it was not given. */
int options_number(const struct options *options, const char *name, int64_t min, int64_t max,
                   int64_t *out, struct err *err);

/* The rows as an aligned list within 80 columns. */
void options_print_help(const struct option_table *table, FILE *file);

/* A paragraph at the given indent, broken at 80 columns; `column` is where the cursor stands. */
void options_print_wrapped(const char *text, size_t column, size_t indent, FILE *file);

#endif
