/*
 * finetunectl: what its commands share.
 *
 * Use: main.c fills a struct client, finds the command's row and calls its run function with the
 * command's own arguments. A run function returns an exit code; when it is not CLIENT_OK it has
 * said why with client_problem, and main prints that once. Commands never print errors themselves.
 */
#ifndef API_CLIENT_CLIENT_H
#define API_CLIENT_CLIENT_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"

#include <stdbool.h>

/* Part of the program's contract: documented in --help and the README, never renumbered. */
enum client_exit {
    CLIENT_OK = 0,
    CLIENT_JOB_FAILED = 1,  /* the job that was watched failed or was cancelled */
    CLIENT_USAGE = 2,       /* the command line, or a local file, is not right */
    CLIENT_REFUSED = 3,     /* the daemon answered with an error */
    CLIENT_UNREACHABLE = 4, /* no daemon answered */
};

struct http;
struct command;

struct client {
    struct arena *arena; /* lives as long as the program */
    struct http *http;
    bool json;          /* --json: output for programs */
    struct buf problem; /* why the command failed; the text of a server may be in it */
};

/* Replace the problem by a sentence and return code: return client_problem(client, ...). */
int client_problem(struct client *client, enum client_exit code, const char *format, ...)
    ERR_PRINTF(3, 4);

/* Print the command's usage line as the problem, after a sentence; returns CLIENT_USAGE. */
int client_usage(struct client *client, const struct command *command, const char *format, ...)
    ERR_PRINTF(3, 4);

struct command {
    const char *name;
    const char *arguments; /* for the usage line */
    const char *doc;       /* a line or two for the help */
    int (*run)(struct client *client, const struct command *command, int argc, char **argv);
};

int command_submit(struct client *client, const struct command *command, int argc, char **argv);
int command_ls(struct client *client, const struct command *command, int argc, char **argv);
int command_show(struct client *client, const struct command *command, int argc, char **argv);
int command_watch(struct client *client, const struct command *command, int argc, char **argv);
int command_predict(struct client *client, const struct command *command, int argc, char **argv);
int command_version(struct client *client, const struct command *command, int argc, char **argv);

#endif
