/*
 * The programs within the program: `finetuned run`, `tokenize`, `predict`; `backup`, `restore`,
 * `doctor`.
 *
 * Each takes the arguments behind its name and returns the process's exit code. The first three use
 * the core without HTTP and SQLite, the others the data directory without HTTP. Results go to
 * standard output and complaints to standard error.
 */
#ifndef DAEMON_COMMAND_H
#define DAEMON_COMMAND_H

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,       /* it was tried and went wrong */
    EXIT_WRONG_USE = 2,    /* command line, configuration or job is wrong: nothing was tried */
    EXIT_SIGNAL_BASE = 128 /* plus the signal that stopped it: 130 for Ctrl-C, 143 for SIGTERM */
};

int command_run(int count, char *const *arguments);
int command_tokenize(int count, char *const *arguments);
int command_predict(int count, char *const *arguments);
int command_backup(int count, char *const *arguments);
int command_restore(int count, char *const *arguments);
int command_doctor(int count, char *const *arguments);

#endif
