/* Stacks of signal handlers; see signal_stack.h. */
#include "core/base/signal_stack.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* For the handler itself; what the system saves of the registers is beside it. */
enum { HANDLER_BYTES = 32 * 1024 };

static size_t
stack_bytes(void)
{
    long saved = sysconf(_SC_MINSIGSTKSZ); /* with AVX-512 or AMX more than the old constant */
    return HANDLER_BYTES + (size_t)(saved > 0 ? saved : 0);
}

void *
signal_stack_new(void)
{
    return malloc(stack_bytes());
}

void
signal_stack_use(void *stack)
{
    const stack_t given = {.ss_sp = stack, .ss_size = stack_bytes()};
    if (stack != NULL)
        (void)sigaltstack(&given, NULL);
}

void *
signal_stack_enter(void)
{
    void *stack = signal_stack_new();
    signal_stack_use(stack);
    return stack;
}

void
signal_stack_leave(void *stack)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    if (stack != NULL && sigaltstack(&none, NULL) == 0)
        free(stack);
}
