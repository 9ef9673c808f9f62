/*
 * Reading the configuration from its sources; see config.h.
 *
 * Each source adds texts with their origin; a stronger source replaces what a weaker one said about
 * a key. Values are made of the texts at the end, so that a wrong value which nobody uses (because
 * a flag beats it) does not hinder the start.
 */
#include "daemon/config.h"

#include "core/base/fileio.h"
#include "daemon/config_keys.h"
#include "daemon/config_values.h"
#include "daemon/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* inih reads lines into 200 bytes, of which three are the end of the line. */
enum { FILE_MAX_BYTES = 1024 * 1024, LINE_MAX_BYTES = 196 };

enum { RANK_DEFAULT, RANK_FILE, RANK_ENVIRONMENT, RANK_FLAG };

#define CONFIG_ROW(name_, type_, default_, placeholder_, min_, max_, doc_)                         \
    {.name = #name_,                                                                               \
     .type = type_,                                                                                \
     .default_text = default_,                                                                     \
     .placeholder = placeholder_,                                                                  \
     .min = min_,                                                                                  \
     .max = max_,                                                                                  \
     .offset = offsetof(struct config, name_),                                                     \
     .doc = doc_},

static const struct config_row rows[] = {CONFIG_KEYS(CONFIG_ROW)};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

struct loader {
    struct arena *arena;
    struct config_given *given; /* by row */
    struct err *err;
    /* the file being read */
    const char *path;
    const char *text; /* what is left of it */
    size_t line;
};

const struct config_row *
config_rows(size_t *count)
{
    *count = ROW_COUNT;
    return rows;
}

const char *
config_flag(const struct config_row *row, struct arena *arena)
{
    char *flag = arena_copy_string(arena, row->name);
    for (char *c = flag; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    return flag;
}

const char *
config_variable(const struct config_row *row, struct arena *arena)
{
    char *variable = arena_printf(arena, "FINETUNED_%s", row->name);
    for (char *c = variable; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return variable;
}

static bool
takes_many(const struct config_row *row)
{
    return row->type == CONFIG_LIST || row->type == CONFIG_ALIASES;
}

static int
add(struct loader *loader, size_t row, const char *text, const char *origin, int rank)
{
    struct config_given *given = &loader->given[row];
    if (rank > given->rank) {
        given->rank = rank;
        given->count = 0;
    }
    if (rank == RANK_FILE && given->count > 0 && !takes_many(&rows[row]))
        return err_set(loader->err, ERR_INVALID, "%s: %s is given twice", origin, rows[row].name);
    if (given->count == CONFIG_MAX_VALUES)
        return err_set(loader->err, ERR_INVALID, "%s: %s is given more than %d times", origin,
                       rows[row].name, CONFIG_MAX_VALUES);
    given->texts[given->count] = text;
    given->origins[given->count] = origin;
    given->count++;
    return 0;
}

static size_t
find_row(const char *name)
{
    size_t i = 0;
    while (i < ROW_COUNT && strcmp(rows[i].name, name) != 0)
        i++;
    return i;
}

static int
refuse_key(struct loader *loader, const char *name)
{
    const char *names[ROW_COUNT];
    for (size_t i = 0; i < ROW_COUNT; i++)
        names[i] = rows[i].name;
    const char *nearest = suggest_nearest(name, names, ROW_COUNT);
    return err_set(loader->err, ERR_INVALID, "%s, line %zu: unknown key '%s'%s%s%s", loader->path,
                   loader->line, name, nearest != NULL ? "; did you mean '" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

/* inih's handler: 0 stops the file being taken seriously, 1 goes on. */
static int
take_line(void *context, const char *section, const char *name, const char *value)
{
    struct loader *loader = context;
    if (loader->err->code != ERR_NONE)
        return 0;
    const char *origin = arena_printf(loader->arena, "%s, line %zu", loader->path, loader->line);
    if (strcmp(section, "model_alias") == 0) {
        const char *text = arena_printf(loader->arena, "%s=%s", name, value);
        return add(loader, find_row(section), text, origin, RANK_FILE) == 0;
    }
    if (section[0] != '\0') {
        err_set(loader->err, ERR_INVALID,
                "%s: unknown section [%s]; keys stand without a section, only [model_alias] is one",
                origin, section);
        return 0;
    }
    size_t row = find_row(name);
    if (row == ROW_COUNT) {
        refuse_key(loader, name);
        return 0;
    }
    return add(loader, row, arena_copy_string(loader->arena, value), origin, RANK_FILE) == 0;
}

/* inih's reader: like fgets, from memory, counting lines and refusing those it would cut. */
static char *
next_line(char *out, int size, void *context)
{
    struct loader *loader = context;
    if (*loader->text == '\0' || loader->err->code != ERR_NONE)
        return NULL;
    size_t length = strcspn(loader->text, "\n");
    loader->line++;
    if (length > LINE_MAX_BYTES || length + 2 > (size_t)size) {
        err_set(loader->err, ERR_INVALID,
                "%s, line %zu: longer than %d bytes; give so long a value by flag or environment",
                loader->path, loader->line, LINE_MAX_BYTES);
        return NULL;
    }
    if (loader->text[length] == '\n')
        length++;
    memcpy(out, loader->text, length);
    out[length] = '\0';
    loader->text += length;
    return out;
}

static int
load_file(struct loader *loader, const char *path)
{
    struct buf text = {0};
    *loader->err = (struct err){0};
    if (fileio_read(path, FILE_MAX_BYTES, &text, loader->err) != 0)
        return loader->err->code;
    loader->path = path;
    loader->text = buf_string(&text);
    int status = 0;
    if (strlen(loader->text) != text.length)
        status = err_set(loader->err, ERR_INVALID, "%s: holds a NUL byte", path);
    else
        status = ini_parse_stream(next_line, loader, take_line, loader);
    if (status != 0 && loader->err->code == ERR_NONE)
        err_set(loader->err, ERR_INVALID,
                "%s, line %d: neither \"key = value\" nor a comment nor a section", path, status);
    buf_fini(&text);
    return loader->err->code;
}

/* Lists in the environment are separated by commas. */
static int
load_environment(struct loader *loader)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *origin = config_variable(&rows[i], loader->arena);
        const char *text = getenv(origin);
        while (text != NULL && text[0] != '\0') {
            size_t length = takes_many(&rows[i]) ? strcspn(text, ",") : strlen(text);
            const char *one = arena_copy_bytes(loader->arena, text, length);
            if (add(loader, i, one, origin, RANK_ENVIRONMENT) != 0)
                return loader->err->code;
            text += length;
            text += *text == ',';
        }
    }
    return 0;
}

static int
load_flags(struct loader *loader, const struct options *flags)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *flag = config_flag(&rows[i], loader->arena);
        const char *origin = arena_printf(loader->arena, "--%s", flag);
        for (size_t k = 0; k < flags->count; k++) {
            if (strcmp(flags->given[k].name, flag) == 0 &&
                add(loader, i, flags->given[k].value, origin, RANK_FLAG) != 0)
                return loader->err->code;
        }
    }
    return 0;
}

/* systemd gives a list in STATE_DIRECTORY when the unit names several; the first is ours. */
static int
default_data_dir(struct arena *arena, struct config *out, struct err *err)
{
    const char *state = getenv("STATE_DIRECTORY");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state != NULL && state[0] == '/')
        out->data_dir = arena_copy_bytes(arena, state, strcspn(state, ":"));
    else if (xdg != NULL && xdg[0] == '/')
        out->data_dir = arena_printf(arena, "%s/finetuned", xdg);
    else if (home != NULL && home[0] == '/')
        out->data_dir = arena_printf(arena, "%s/.local/state/finetuned", home);
    else
        return err_set(err, ERR_INVALID,
                       "no data directory: there is neither $STATE_DIRECTORY nor $XDG_STATE_HOME "
                       "nor $HOME; give --data-dir");
    return 0;
}

static int
set_values(struct loader *loader, struct config *out)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct config_given *given = &loader->given[i];
        bool absent = given->count == 0;
        if (absent && rows[i].default_text[0] == '\0')
            continue; /* lists stay empty, data_dir is settled below */
        if (absent)
            add(loader, i, rows[i].default_text, "default", RANK_DEFAULT);
        if (config_values_set(&rows[i], given, loader->arena, out, loader->err) != 0)
            return loader->err->code;
    }
    return out->data_dir[0] != '\0' ? 0 : default_data_dir(loader->arena, out, loader->err);
}

int
config_load(const struct options *flags, struct arena *arena, struct config *out, struct err *err)
{
    struct loader loader = {.arena = arena, .err = err};
    loader.given = arena_array(arena, ROW_COUNT, sizeof *loader.given);
    *out = (struct config){.data_dir = "", .engine = "", .port_file = ""};
    const char *path = options_value(flags, "config");
    if (path == NULL)
        path = getenv("FINETUNED_CONFIG");
    if (path != NULL && path[0] != '\0' && load_file(&loader, path) != 0)
        return err->code;
    if (load_environment(&loader) != 0 || load_flags(&loader, flags) != 0)
        return err->code;
    return set_values(&loader, out);
}

static int
check_folders(const char *key, const struct config_list *list, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        struct stat info;
        if (stat(list->items[i], &info) != 0)
            return err_set_errno(err, "%s %s", key, list->items[i]);
        if (!S_ISDIR(info.st_mode))
            return err_set(err, ERR_INVALID, "%s %s: not a folder", key, list->items[i]);
    }
    return 0;
}

int
config_check(const struct config *config, struct err *err)
{
    if (check_folders("models_dir", &config->models_dir, err) != 0)
        return err->code;
    return check_folders("import_dir", &config->import_dir, err);
}
