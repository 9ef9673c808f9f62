/* The command line; see options.h. */
#include "daemon/options.h"

#include "daemon/suggest.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX_ROWS = 64, HELP_COLUMNS = 79, DOC_COLUMN = 28 };

static const struct option_row *
find_long(const struct option_table *table, const char *name, size_t length)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strlen(table->rows[i].name) == length && memcmp(table->rows[i].name, name, length) == 0)
            return &table->rows[i];
    }
    return NULL;
}

static const struct option_row *
find_letter(const struct option_table *table, char letter)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].letter == letter)
            return &table->rows[i];
    }
    return NULL;
}

static int
refuse_unknown(const struct option_table *table, const char *argument, size_t length,
               struct arena *arena, struct err *err)
{
    const char *names[OPTIONS_MAX_ROWS] = {NULL};
    size_t count = table->count < OPTIONS_MAX_ROWS ? table->count : OPTIONS_MAX_ROWS;
    for (size_t i = 0; i < count; i++)
        names[i] = table->rows[i].name;
    size_t dashes = strspn(argument, "-");
    const char *name = arena_copy_bytes(arena, argument + dashes, length - dashes);
    const char *nearest = suggest_nearest(name, names, count);
    if (nearest != NULL)
        return err_set(err, ERR_INVALID, "unknown option '%.*s'; did you mean '--%s'?", (int)length,
                       argument, nearest);
    return err_set(err, ERR_INVALID, "unknown option '%.*s'; --help lists all", (int)length,
                   argument);
}

/* One option at arguments[*at]; *at moves on to its value when that stands apart. */
static int
take_option(const struct option_table *table, int count, char *const *arguments, int *at,
            struct arena *arena, struct option_given *out, struct err *err)
{
    const char *argument = arguments[*at];
    bool is_long = argument[1] == '-';
    const char *equals = is_long ? strchr(argument, '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    const struct option_row *row = NULL;
    if (is_long)
        row = find_long(table, argument + 2, length - 2);
    else if (length == 2)
        row = find_letter(table, argument[1]);
    if (row == NULL)
        return refuse_unknown(table, argument, length, arena, err);
    *out = (struct option_given){.name = row->name};
    if (row->value == NULL && equals != NULL)
        return err_set(err, ERR_INVALID, "option '--%s' takes no value", row->name);
    if (row->value == NULL || (row->value[0] == '[' && equals == NULL))
        return 0;
    if (equals == NULL && *at + 1 == count)
        return err_set(err, ERR_INVALID, "option '--%s' needs a value: --%s %s", row->name,
                       row->name, row->value);
    out->value = equals != NULL ? equals + 1 : arguments[++*at];
    return 0;
}

int
options_parse(const struct option_table *table, int count, char *const *arguments,
              struct arena *arena, struct options *out, struct err *err)
{
    size_t room = count > 0 ? (size_t)count : 1;
    *out = (struct options){.given = arena_array(arena, room, sizeof *out->given),
                            .operands = arena_array(arena, room, sizeof *out->operands)};
    bool only_operands = false;
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i];
        if (!only_operands && strcmp(argument, "--") == 0) {
            only_operands = true;
        } else if (only_operands || argument[0] != '-' || argument[1] == '\0') {
            out->operands[out->operand_count++] = argument;
        } else {
            struct option_given *slot = &out->given[out->count];
            if (take_option(table, count, arguments, &i, arena, slot, err) != 0)
                return err->code;
            out->count++;
        }
    }
    return 0;
}

bool
options_has(const struct options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(options->given[i].name, name) == 0)
            return true;
    }
    return false;
}

const char *
options_value(const struct options *options, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(options->given[i].name, name) == 0)
            value = options->given[i].value;
    }
    return value;
}

int
options_number(const struct options *options, const char *name, int64_t min, int64_t max,
               int64_t *out, struct err *err)
{
    const char *text = options_value(options, name);
    if (text == NULL)
        return 0;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max)
        return err_set(err, ERR_INVALID,
                       "--%s is \"%s\"; it must be a whole number from %lld to %lld", name, text,
                       (long long)min, (long long)max);
    *out = number;
    return 0;
}

void
options_print_wrapped(const char *text, size_t column, size_t indent, FILE *file)
{
    bool first = true;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (!first && column + 1 + word > HELP_COLUMNS) {
            fprintf(file, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        fprintf(file, "%s%.*s", first ? "" : " ", (int)word, text);
        column += word + (first ? 0 : 1);
        first = false;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', file);
}

/* "auto|one|two": a list that is too long for the line goes on below, behind a bar. Returns the
 * column behind it. */
static size_t
print_value(const char *value, size_t column, FILE *file)
{
    size_t indent = column;
    while (*value != '\0') {
        size_t choice = strcspn(value, "|");
        choice += value[choice] == '|';
        if (column > indent && column + choice > HELP_COLUMNS) {
            fprintf(file, "\n%*s", (int)indent, "");
            column = indent;
        }
        fprintf(file, "%.*s", (int)choice, value);
        column += choice;
        value += choice;
    }
    return column;
}

void
options_print_help(const struct option_table *table, FILE *file)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option_row *row = &table->rows[i];
        char letter[] = {'-', row->letter, ',', ' ', '\0'};
        int used = fprintf(file, "  %s--%s%s", row->letter != 0 ? letter : "    ", row->name,
                           row->value != NULL ? " " : "");
        size_t column = used > 0 ? (size_t)used : 0;
        if (row->value != NULL)
            column = print_value(row->value, column, file);
        if (column + 2 > DOC_COLUMN) {
            fputc('\n', file);
            column = 0;
        }
        fprintf(file, "%*s", (int)(DOC_COLUMN - column), "");
        options_print_wrapped(row->doc, DOC_COLUMN, DOC_COLUMN, file);
    }
}
