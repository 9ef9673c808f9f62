/*
 * What `finetuned backup` and `finetuned restore` share: progress on a terminal, a stop by signal,
 * sizes for people.
 */
#ifndef DAEMON_COMMAND_BACKUP_H
#define DAEMON_COMMAND_BACKUP_H

#include "core/base/mem.h"
#include "daemon/options.h"

#include <stdbool.h>
#include <stdint.h>

struct backup_show {
    const char *verb; /* "backing up" */
    bool on_terminal; /* standard error is one */
    int percent;      /* shown last */
};

struct backup_show backup_show_new(const char *verb);

/* A backup_listener; context is a struct backup_show. */
bool backup_show_progress(void *context, int64_t done, int64_t total);

/* Wipe what is shown. */
void backup_show_end(const struct backup_show *show);

/* The exit code of an error: 128 + the signal that stopped it, EXIT_WRONG_USE when the command line
 * names what cannot be, EXIT_FAILED otherwise. */
int backup_exit_code(int code);

#endif
