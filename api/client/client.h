/*
 * finetunectl: what its commands share.
 *
 * Use: main.c fills a struct client, finds the command's row (commands.h), reads the command line
 * by the row's options and calls its run function. A run function returns an exit code; when it is
 * not CLIENT_OK it has said why with client_problem, and main prints that once. Commands never
 * print errors themselves.
 */
#ifndef API_CLIENT_CLIENT_H
#define API_CLIENT_CLIENT_H

#include "api/client/job_flags.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "daemon/options.h"

#include <stdbool.h>
#include <stddef.h>

/* Part of the program's contract: documented in --help and the README, never renumbered. */
enum client_exit {
    CLIENT_OK = 0,
    CLIENT_JOB_FAILED = 1,  /* the job that was watched failed or was cancelled */
    CLIENT_USAGE = 2,       /* the command line, or a local file, is not right */
    CLIENT_REFUSED = 3,     /* the daemon answered with an error */
    CLIENT_UNREACHABLE = 4, /* no daemon answered */
};

struct http;
struct call;

struct client {
    struct arena *arena; /* lives as long as the program */
    struct http *http;
    bool json;          /* --json: output for programs */
    struct buf problem; /* why the command failed; the text of a server may be in it */
};

/* A row of the command table. */
struct command {
    const char *name;      /* "ls", "files upload" */
    const char *arguments; /* for the usage line */
    const char *doc;       /* a sentence or two */
    const char *example;   /* the command with arguments, without the program's name */
    const struct option_row *options;
    size_t option_count;
    size_t fewest, most;   /* operands */
    bool takes_parameters; /* those of a job are options, too (job_flags.h) */
    bool is_local;         /* no daemon is asked */
    int (*run)(struct client *client, const struct call *call);
};

/* A command as it was given. */
struct call {
    const struct command *command;
    struct options given;
    struct job_flags flags; /* empty unless the command takes parameters */
};

/* Replace the problem by a sentence and return code: return client_problem(client, ...). */
int client_problem(struct client *client, enum client_exit code, const char *format, ...)
    ERR_PRINTF(3, 4);

/* Print the command's usage line as the problem, after a sentence; returns CLIENT_USAGE. */
int client_usage(struct client *client, const struct command *command, const char *format, ...)
    ERR_PRINTF(3, 4);

int command_completion(struct client *client, const struct call *call);
int command_download(struct client *client, const struct call *call);
int command_evaluate(struct client *client, const struct call *call);
int command_evaluation(struct client *client, const struct call *call);
int command_file_report(struct client *client, const struct call *call);
int command_file_show(struct client *client, const struct call *call);
int command_file_upload(struct client *client, const struct call *call);
int command_files_ls(struct client *client, const struct call *call);
int command_files_rm(struct client *client, const struct call *call);
int command_job_change(struct client *client, const struct call *call);
int command_job_update(struct client *client, const struct call *call);
int command_logs(struct client *client, const struct call *call);
int command_ls(struct client *client, const struct call *call);
int command_model_show(struct client *client, const struct call *call);
int command_models_ls(struct client *client, const struct call *call);
int command_models_rm(struct client *client, const struct call *call);
int command_model_import(struct client *client, const struct call *call);
int command_predict(struct client *client, const struct call *call);
int command_queue(struct client *client, const struct call *call);
int command_show(struct client *client, const struct call *call);
int command_submit(struct client *client, const struct call *call);
int command_system(struct client *client, const struct call *call);
int command_version(struct client *client, const struct call *call);
int command_watch(struct client *client, const struct call *call);

#endif
