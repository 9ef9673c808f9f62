/* Signals; see signals.h. The handler sets a flag and nothing else. */
#include "daemon/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic int caught;

static const int stop_signals[] = {SIGTERM, SIGINT};

enum { STOP_SIGNALS = sizeof stop_signals / sizeof stop_signals[0] };

static sigset_t
stop_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        sigaddset(&set, stop_signals[i]);
    return set;
}

void
signals_block(void)
{
    sigset_t set = stop_set();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int
signals_wait(void)
{
    sigset_t set = stop_set();
    int received = 0;
    while (sigwait(&set, &received) != 0)
        ;
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
