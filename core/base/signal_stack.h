/*
 * A stack of its own for a thread's signal handlers, so that one of them can still run when the
 * thread's stack has overflowed. Handlers have to be installed with SA_ONSTACK.
 *
 * Every thread that may overflow calls signal_stack_enter first and signal_stack_leave last; a
 * thread without one handles signals on its own stack.
 */
#ifndef CORE_BASE_SIGNAL_STACK_H
#define CORE_BASE_SIGNAL_STACK_H

/* Memory for one, to be used or given to free; NULL when there is none. */
void *signal_stack_new(void);

/* This thread's handlers run on it from now on; NULL is fine. */
void signal_stack_use(void *stack);

/* Both. The stack, or NULL when there is no memory for one: then nothing has changed. */
void *signal_stack_enter(void);

/* On the same thread; NULL is fine. */
void signal_stack_leave(void *stack);

#endif
