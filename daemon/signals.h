/*
 * Signals: asking the process to stop, or the daemon to read its configuration again.
 *
 * Two ways, one for each kind of program. The daemon blocks the signals in every thread and waits
 * for them in main; `finetuned run` computes in main and looks at a flag. In both the first signal
 * asks politely and the second one ends the process at once.
 *
 * And fatal signals: the process dies of them as it would, but somebody may leave a mark first.
 */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include <stdbool.h>

/* Daemon: block SIGTERM, SIGINT and SIGHUP and ignore SIGPIPE. Call before any thread exists. */
void signals_block(void);

/*
 * Daemon, main thread: wait for one of them and return it. After SIGTERM or SIGINT the next one of
 * these kills the process; SIGHUP asks to read the configuration again, and stays blocked.
 */
int signals_wait(void);

/* Foreground: let SIGTERM and SIGINT set the flag that signals_caught reads. */
void signals_catch(void);

/* The signal that came, or 0. Any thread. */
int signals_caught(void);

/* Runs in a signal handler; from_outside: another process sent the signal. */
typedef void signals_mark(void *context, bool from_outside);

/*
 * On SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT call mark on the thread that has failed, then die
 * of the signal (or let a sanitizer's handler have it). mark NULL: as it was before. Call when no
 * other thread can fail.
 */
void signals_catch_crashes(signals_mark *mark, void *context);

#endif
