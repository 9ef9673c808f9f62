/* The daemon's options: a few of its own, and one for each configuration key; see config.h. */
#include "daemon/config.h"

#include <string.h>

static const struct option_row own_rows[] = {
    {"config", 0, "FILE", "Read the configuration from FILE; also FINETUNED_CONFIG."},
    {"check", 'n', NULL, "Check the configuration, say what is wrong, and exit (0 or 1)."},
    {"help", 'h', NULL, "This text."},
    {"help-parameters", 0, NULL, "Everything that a fine-tuning job can say."},
    {"version", 'V', NULL, "The version."},
};

enum { OWN_ROWS = sizeof own_rows / sizeof own_rows[0] };

struct option_table
config_option_table(struct arena *arena)
{
    size_t keys = 0;
    const struct config_row *rows = config_rows(&keys);
    struct option_row *options = arena_array(arena, OWN_ROWS + keys, sizeof *options);
    memcpy(options, own_rows, sizeof own_rows);
    for (size_t i = 0; i < keys; i++) {
        const char *doc = rows[i].doc;
        if (rows[i].default_text[0] != '\0')
            doc = arena_printf(arena, "%s Default: %s.", doc, rows[i].default_text);
        options[OWN_ROWS + i] = (struct option_row){
            .name = config_flag(&rows[i], arena), .value = rows[i].placeholder, .doc = doc};
    }
    return (struct option_table){options, OWN_ROWS + keys};
}
