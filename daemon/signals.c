/*
 * Signals; see signals.h. The handler of signals that stop sets a flag and nothing else; that of
 * fatal ones calls whoever leaves a mark and sends the signal on.
 */
#include "daemon/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static _Atomic int caught;

static const int stop_signals[] = {SIGTERM, SIGINT};
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

enum {
    STOP_SIGNALS = sizeof stop_signals / sizeof stop_signals[0],
    CRASH_SIGNALS = sizeof crash_signals / sizeof crash_signals[0]
};

static struct {
    signals_mark *mark;
    void *context;
    struct sigaction before[CRASH_SIGNALS];
} crash;

static sigset_t
stop_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        sigaddset(&set, stop_signals[i]);
    return set;
}

/* Those that the daemon's main thread waits for. */
static sigset_t
waited_set(void)
{
    sigset_t set = stop_set();
    sigaddset(&set, SIGHUP);
    return set;
}

void
signals_block(void)
{
    sigset_t set = waited_set();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int
signals_wait(void)
{
    sigset_t set = waited_set();
    int received = 0;
    while (sigwait(&set, &received) != 0)
        ;
    set = stop_set();
    if (received != SIGHUP)
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return received;
}

static void
remember(int received)
{
    atomic_store(&caught, received);
}

void
signals_catch(void)
{
    struct sigaction action = {.sa_handler = remember, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        sigaction(stop_signals[i], &action, NULL);
}

int
signals_caught(void)
{
    return atomic_load(&caught);
}

/* Back to what was there, so that the signal, sent again, ends the process: by core dump or report.
 */
static void
restore_crash_signals(void)
{
    for (size_t i = 0; i < CRASH_SIGNALS; i++)
        sigaction(crash_signals[i], &crash.before[i], NULL);
}

static void
leave_mark(int received, siginfo_t *info, void *ignored)
{
    (void)ignored;
    restore_crash_signals();
    crash.mark(crash.context, info->si_code == SI_USER && info->si_pid != getpid());
    raise(received);
}

void
signals_catch_crashes(signals_mark *mark, void *context)
{
    struct sigaction action = {.sa_sigaction = leave_mark, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (crash.mark != NULL)
        restore_crash_signals();
    crash.mark = mark;
    crash.context = context;
    for (size_t i = 0; i < CRASH_SIGNALS && mark != NULL; i++)
        sigaction(crash_signals[i], &action, &crash.before[i]);
}
