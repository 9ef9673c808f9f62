/* Comparing and taking over configurations; see reload.h. */
#include "daemon/reload.h"

#include "core/base/buf.h"

#include <inttypes.h>
#include <string.h>

/*
 * The others are read when threads, listeners or folders are set up. Paths that
 * a client can make use of (import_dir) change with a restart only, so that
 * nothing opens behind an operator's back.
 */
static const char *const live_keys[] = {
    "keep_checkpoints", "keep_evaluations_days", "keep_events_days",
    "keep_files_days",  "keep_jobs_days",        "keep_metrics_days",
    "keep_models_days", "keep_resume_days",      "log_format",
    "log_level",        "max_file_bytes",        "max_streams",
    "min_free_bytes",   "model_alias",           "models_dir",
};

bool
reload_is_live(const struct config_row *row)
{
    for (size_t i = 0; i < sizeof live_keys / sizeof live_keys[0]; i++) {
        if (strcmp(live_keys[i], row->name) == 0)
            return true;
    }
    return false;
}

static const void *
member(const struct config *config, const struct config_row *row)
{
    return (const char *)config + row->offset;
}

static void
append_list(struct buf *out, const struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i > 0 ? "," : "", list->items[i]);
}

static void
append_aliases(struct buf *out, const struct config_aliases *aliases)
{
    for (size_t i = 0; i < aliases->count; i++)
        buf_printf(out, "%s%s=%s", i > 0 ? "," : "", aliases->items[i].name,
                   aliases->items[i].model);
}

static void
append_value(struct buf *out, const struct config *config, const struct config_row *row)
{
    static const char *const levels[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    static const char *const formats[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json"};
    const void *value = member(config, row);
    switch (row->type) {
    case CONFIG_TEXT:
        buf_append_string(out, *(const char *const *)value);
        break;
    case CONFIG_LIST:
        append_list(out, value);
        break;
    case CONFIG_ALIASES:
        append_aliases(out, value);
        break;
    case CONFIG_INTEGER:
    case CONFIG_BYTES:
        buf_printf(out, "%" PRId64, *(const int64_t *)value);
        break;
    case CONFIG_LEVEL:
        buf_append_string(out, levels[*(const enum log_level *)value]);
        break;
    case CONFIG_FORMAT:
        buf_append_string(out, formats[*(const enum log_format *)value]);
        break;
    }
}

static const char *
value_text(const struct config *config, const struct config_row *row, struct arena *arena)
{
    struct buf text = {0};
    append_value(&text, config, row);
    const char *copy = arena_copy_string(arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}

void
reload_compare(const struct config *before, const struct config *after, struct arena *arena,
               struct reload_changes *out)
{
    size_t count = 0;
    const struct config_row *rows = config_rows(&count);
    *out = (struct reload_changes){.items = arena_array(arena, count, sizeof *out->items)};
    for (size_t i = 0; i < count; i++) {
        const char *old = value_text(before, &rows[i], arena);
        const char *new = value_text(after, &rows[i], arena);
        if (strcmp(old, new) != 0)
            out->items[out->count++] = (struct reload_change){
                .row = &rows[i], .before = old, .after = new, .is_live = reload_is_live(&rows[i])};
    }
}

static size_t
size_of_value(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT:
        return sizeof(const char *);
    case CONFIG_LIST:
        return sizeof(struct config_list);
    case CONFIG_ALIASES:
        return sizeof(struct config_aliases);
    case CONFIG_INTEGER:
    case CONFIG_BYTES:
        return sizeof(int64_t);
    case CONFIG_LEVEL:
        return sizeof(enum log_level);
    case CONFIG_FORMAT:
        return sizeof(enum log_format);
    }
    return 0;
}

void
reload_take(const struct config *from, struct config *to)
{
    size_t count = 0;
    const struct config_row *rows = config_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (reload_is_live(&rows[i]))
            memcpy((char *)to + rows[i].offset, member(from, &rows[i]),
                   size_of_value(rows[i].type));
    }
}
