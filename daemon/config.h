/*
 * The daemon's configuration: flag beats environment beats file beats default.
 *
 * Keys are rows of config_keys.h. The file is INI: "key = value" lines, '#' comments, lists by
 * repeating the key; in the environment the members of a list are separated by commas. A key that
 * is not known is refused with the line and the nearest spelling.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/service_run.h"

#include <stddef.h>
#include <stdint.h>

struct config_list {
    const char *const *items;
    size_t count;
};

struct config_aliases {
    const struct model_alias *items;
    size_t count;
};

/* All strings live in the arena given to config_load, or in the environment. */
struct config {
    struct config_list listen;
    const char *data_dir; /* never "" */
    struct config_list models_dir;
    struct config_list import_dir;
    struct config_aliases model_alias;
    int64_t threads;
    int64_t workers;
    int64_t resume_interval;
    int64_t min_free_bytes;
    int64_t keep_jobs_days;
    int64_t keep_events_days;
    int64_t keep_metrics_days;
    int64_t keep_resume_days;
    int64_t keep_checkpoints;
    int64_t keep_files_days;
    int64_t keep_models_days;
    int64_t keep_evaluations_days;
    const char *engine;
    int64_t max_file_bytes;
    int64_t max_connections;
    int64_t max_streams;
    enum log_level log_level;
    enum log_format log_format;
    const char *port_file; /* "" for none */
};

enum config_type {
    CONFIG_TEXT, /* min and max of texts are bytes, of lists and aliases members */
    CONFIG_LIST,
    CONFIG_ALIASES,
    CONFIG_INTEGER,
    CONFIG_BYTES,
    CONFIG_LEVEL,
    CONFIG_FORMAT
};

struct config_row {
    const char *name;
    enum config_type type;
    const char *default_text;
    const char *placeholder;
    int64_t min, max;
    size_t offset; /* in struct config */
    const char *doc;
};

const struct config_row *config_rows(size_t *count);

/* The flag of a key without its dashes: "data-dir". */
const char *config_flag(const struct config_row *row, struct arena *arena);

/* The environment variable of a key: "FINETUNED_DATA_DIR". */
const char *config_variable(const struct config_row *row, struct arena *arena);

/* The daemon's command line: its own options and one for each key. */
struct option_table config_option_table(struct arena *arena);

/*
 * Read all sources. The file is the one named by --config or FINETUNED_CONFIG; none is read
 * unasked. ERR_INVALID names the source (file and line, variable or flag) and what is possible
 * there.
 */
int config_load(const struct options *flags, struct arena *arena, struct config *out,
                struct err *err);

/* What can be judged without opening anything: every models_dir and import_dir is a folder. */
int config_check(const struct config *config, struct err *err);

#endif
