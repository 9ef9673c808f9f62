/*
 * A fork-join pool: run a function for items 0..n-1 on a fixed set of threads and wait.
 *
 * Items are claimed one by one, so who runs an item is chance; what an item computes must depend on
 * the item alone. That is how the number of threads never changes a bit of a result.
 */
#ifndef CORE_BASE_POOL_H
#define CORE_BASE_POOL_H

#include "core/base/err.h"

#include <stddef.h>

struct pool;

/* One item; thread is 0..pool_threads-1 and picks the caller's private scratch. */
typedef void pool_function(void *context, size_t item, size_t thread);

/*
 * A pool of `threads` threads, the caller of pool_run counted. The helpers take over the nice value
 * of the creating thread. NULL with ERR_MEMORY or ERR_IO when threads cannot be started.
 */
struct pool *pool_new(size_t threads, struct err *err);

/* Stop and join the helpers; NULL is fine. */
void pool_free(struct pool *pool);

size_t pool_threads(const struct pool *pool);

/* Run function(context, i, thread) for every i < items; returns when all are done. One caller at a
 * time. */
void pool_run(struct pool *pool, pool_function *function, void *context, size_t items);

#endif
