/* Texts of configuration keys into values; see config_values.h. */
#include "daemon/config_values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void
store(struct config *out, const struct config_row *row, const void *value, size_t size)
{
    memcpy((char *)out + row->offset, value, size);
}

/* The last text of a key that takes one value, and where it came from. */
static const char *
last_text(const struct config_given *given)
{
    return given->texts[given->count - 1];
}

static int
refuse(const struct config_row *row, const struct config_given *given, const char *expected,
       struct err *err)
{
    return err_set(err, ERR_INVALID, "%s: %s is \"%s\"; it must be %s",
                   given->origins[given->count - 1], row->name, last_text(given), expected);
}

static int
set_text(const struct config_row *row, const struct config_given *given, struct arena *arena,
         struct config *out, struct err *err)
{
    const char *text = last_text(given);
    int64_t length = (int64_t)strlen(text);
    if (length < row->min || length > row->max)
        return refuse(
            row, given,
            arena_printf(arena, "a text of %" PRId64 " to %" PRId64 " bytes", row->min, row->max),
            err);
    store(out, row, &text, sizeof text);
    return 0;
}

static int
set_list(const struct config_row *row, const struct config_given *given, struct arena *arena,
         struct config *out, struct err *err)
{
    const char **items = arena_array(arena, given->count + 1, sizeof *items);
    struct config_list list = {.items = items};
    for (size_t i = 0; i < given->count; i++) {
        if (given->texts[i][0] == '\0')
            return err_set(err, ERR_INVALID, "%s: %s is empty", given->origins[i], row->name);
        items[list.count++] = given->texts[i];
    }
    if ((int64_t)list.count < row->min || (int64_t)list.count > row->max)
        return err_set(err, ERR_INVALID,
                       "%s: %s is given %zu times; %" PRId64 " to %" PRId64 " are possible",
                       given->origins[0], row->name, list.count, row->min, row->max);
    store(out, row, &list, sizeof list);
    return 0;
}

/* "name = model" with blanks around; the model's name has no '=', so the last one divides. */
static int
split_alias(const char *text, const char *origin, struct arena *arena, struct model_alias *out,
            struct err *err)
{
    static const char blanks[] = " \t";
    const char *equals = strrchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : 0;
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    const char *model = equals != NULL ? equals + 1 + strspn(equals + 1, blanks) : "";
    if (length == 0 || model[0] == '\0')
        return err_set(err, ERR_INVALID,
                       "%s: model_alias is \"%s\"; it must be NAME=MODEL, for example "
                       "gpt-4o-mini-2024-07-18=all-minilm-l6-v2",
                       origin, text);
    *out = (struct model_alias){.name = arena_copy_bytes(arena, text, length), .model = model};
    return 0;
}

static int
set_aliases(const struct config_row *row, const struct config_given *given, struct arena *arena,
            struct config *out, struct err *err)
{
    struct model_alias *items = arena_array(arena, given->count + 1, sizeof *items);
    struct config_aliases aliases = {.items = items};
    for (size_t i = 0; i < given->count; i++) {
        if (split_alias(given->texts[i], given->origins[i], arena, &items[i], err) != 0)
            return err->code;
        for (size_t k = 0; k < i; k++) {
            if (strcmp(items[k].name, items[i].name) == 0)
                return err_set(err, ERR_INVALID, "%s: the alias \"%s\" is given twice",
                               given->origins[i], items[i].name);
        }
        aliases.count++;
    }
    store(out, row, &aliases, sizeof aliases);
    return 0;
}

/* A whole number, with K, M or G behind it where the row counts bytes. */
static int
set_number(const struct config_row *row, const struct config_given *given, struct arena *arena,
           struct config *out, struct err *err)
{
    static const struct {
        char letter;
        int64_t factor;
    } units[] = {{'K', 1024}, {'M', 1024 * 1024}, {'G', 1024 * 1024 * 1024}};
    const char *text = last_text(given);
    char *end = NULL;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    bool wrong = errno != 0 || end == text;
    int64_t factor = 1;
    for (size_t i = 0; row->type == CONFIG_BYTES && i < sizeof units / sizeof units[0]; i++) {
        if (*end == units[i].letter) {
            factor = units[i].factor;
            end++;
            break;
        }
    }
    if (wrong || *end != '\0' || number < 0 || number > row->max / factor ||
        number * factor < row->min)
        return refuse(
            row, given,
            arena_printf(arena, "a whole number from %" PRId64 " to %" PRId64 "%s", row->min,
                         row->max,
                         row->type == CONFIG_BYTES ? " (K, M, G are powers of 1024)" : ""),
            err);
    number *= factor;
    store(out, row, &number, sizeof number);
    return 0;
}

static int
set_level(const struct config_row *row, const struct config_given *given, struct config *out,
          struct err *err)
{
    enum log_level level = LOG_INFO;
    if (!log_level_from_name(last_text(given), &level))
        return refuse(row, given, "debug, info, warn or error", err);
    store(out, row, &level, sizeof level);
    return 0;
}

static int
set_format(const struct config_row *row, const struct config_given *given, struct config *out,
           struct err *err)
{
    enum log_format format = LOG_TEXT;
    if (!log_format_from_name(last_text(given), &format))
        return refuse(row, given, "text or json", err);
    store(out, row, &format, sizeof format);
    return 0;
}

int
config_values_set(const struct config_row *row, const struct config_given *given,
                  struct arena *arena, struct config *out, struct err *err)
{
    switch (row->type) {
    case CONFIG_TEXT:
        return set_text(row, given, arena, out, err);
    case CONFIG_LIST:
        return set_list(row, given, arena, out, err);
    case CONFIG_ALIASES:
        return set_aliases(row, given, arena, out, err);
    case CONFIG_INTEGER:
    case CONFIG_BYTES:
        return set_number(row, given, arena, out, err);
    case CONFIG_LEVEL:
        return set_level(row, given, out, err);
    case CONFIG_FORMAT:
        return set_format(row, given, out, err);
    }
    return err_set(err, ERR_INTERNAL, "configuration key %s has no type", row->name);
}
