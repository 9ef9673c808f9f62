/*
 * Memory: checked sizes, and arenas for things that die together.
 *
 * Two rules. Sizes that a user controls (tensors, files, workspaces) go through mem_array, which
 * returns NULL when they overflow or do not fit, and the caller reports ERR_MEMORY. Small things
 * (strings, nodes of a list) come from arenas, whose functions never return NULL: when even those
 * few bytes cannot be had the process aborts, and everything durable is crash-safe by design.
 * An arena belongs to one thread at a time.
 */
#ifndef CORE_BASE_MEM_H
#define CORE_BASE_MEM_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* *out = a * b; false (and *out untouched) when the product does not fit a size_t. */
bool mem_multiply(size_t a, size_t b, size_t *out);

/* *out = a + b; false (and *out untouched) when the sum does not fit a size_t. */
bool mem_add(size_t a, size_t b, size_t *out);

/* count * size zeroed bytes, aligned to 64, or NULL; released with free(). */
void *mem_array(size_t count, size_t size);

/* size bytes, or abort: for small allocations outside an arena; released with free(). */
void *mem_small(size_t size);

/* Reallocate as mem_small does: pointer (or NULL) to count * size bytes, or abort. */
void *mem_resize(void *pointer, size_t count, size_t size);

/* Reallocate *pointer, a pointer of any type, to count * size bytes; false, and it is as it was,
 * when they do not fit. */
bool mem_try_resize(void *pointer, size_t count, size_t size);

struct arena;

struct arena *arena_new(void);

/* Release the arena and everything that came from it; NULL is fine. */
void arena_free(struct arena *arena);

/* size zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* A zeroed array of count elements; aborts when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A NUL-terminated copy; arena_copy_string(NULL) is NULL. */
char *arena_copy_string(struct arena *arena, const char *string);

/* A copy of length bytes with a NUL behind them. */
char *arena_copy_bytes(struct arena *arena, const char *bytes, size_t length);

char *arena_printf(struct arena *arena, const char *format, ...) ERR_PRINTF(2, 3);

#endif
