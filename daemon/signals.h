/*
 * Signals: asking the process to stop.
 *
 * Two ways, one for each kind of program. The daemon blocks the signals in every thread and waits
 * for them in main; `finetuned run` computes in main and looks at a flag. In both the first signal
 * asks politely and the second one ends the process at once.
 */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

/* Daemon: block SIGTERM and SIGINT and ignore SIGPIPE. Call before any thread exists. */
void signals_block(void);

/* Daemon, main thread: wait for one of the two and return it; the next one kills the process. */
int signals_wait(void);

/* Foreground: let SIGTERM and SIGINT set the flag that signals_caught reads. */
void signals_catch(void);

/* The signal that came, or 0. Any thread. */
int signals_caught(void);

#endif
