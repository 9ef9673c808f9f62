/*
 * What a subcommand found out, as lines for people or one JSON object for programs.
 */
#ifndef TESTS_BENCH_FIGURES_H
#define TESTS_BENCH_FIGURES_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <jansson.h>
#include <stdbool.h>

struct figures {
    json_t *object; /* member: number or string */
    bool as_json;   /* printed at the end, instead of line by line */
};

void figures_init(struct figures *figures, bool as_json);

/* Note a number with its unit ("" for none) and, for people, a remark (may be NULL). */
void figures_number(struct figures *figures, const char *name, double value, const char *unit,
                    const char *remark);
void figures_text(struct figures *figures, const char *name, const char *value);

/* Print what is still to be printed, and release. */
void figures_end(struct figures *figures);

#endif
