/*
 * Reading the configuration again while the daemon runs.
 *
 * A key either may change while it runs or is read at the start only; which is
 * which is a table in reload.c. Everything is judged first: a mistake anywhere,
 * and nothing changes.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "daemon/config.h"

#include <stdbool.h>
#include <stddef.h>

/* A key whose value is another one now. */
struct reload_change {
    const struct config_row *row;
    const char *before, *after; /* as texts */
    bool is_live;               /* it may change while the daemon runs */
};

struct reload_changes {
    struct reload_change *items;
    size_t count;
};

/* Does this key take effect without a restart? */
bool reload_is_live(const struct config_row *row);

/* Which keys differ, in the order of the table; in the arena. */
void reload_compare(const struct config *before, const struct config *after, struct arena *arena,
                    struct reload_changes *out);

/* Copy the live keys of `from`, whose strings must then outlive `to`; the
 * others stay. */
void reload_take(const struct config *from, struct config *to);

#endif
