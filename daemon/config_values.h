/* Texts of configuration keys into values. Private to config. */
#ifndef DAEMON_CONFIG_VALUES_H
#define DAEMON_CONFIG_VALUES_H

#include "daemon/config.h"

enum { CONFIG_MAX_VALUES = 256 };

/* Everything one source (the strongest that spoke) said about a key. */
struct config_given {
    const char *texts[CONFIG_MAX_VALUES];
    const char *origins[CONFIG_MAX_VALUES]; /* "finetuned.conf, line 7", "--threads" */
    size_t count;
    int rank; /* of the source; higher beats lower */
};

/* Store what was given for a row; ERR_INVALID names the origin. */
int config_values_set(const struct config_row *row, const struct config_given *given,
                      struct arena *arena, struct config *out, struct err *err);

#endif
