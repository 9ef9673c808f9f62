/* Checked sizes and a block arena; see mem.h. */
#include "core/base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 16 * 1024, CACHE_LINE_BYTES = 64 };

struct block {
    struct block *next;
    size_t used;
    size_t capacity;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
};

bool
mem_multiply(size_t a, size_t b, size_t *out)
{
    if (a != 0 && b > SIZE_MAX / a)
        return false;
    *out = a * b;
    return true;
}

bool
mem_add(size_t a, size_t b, size_t *out)
{
    if (b > SIZE_MAX - a)
        return false;
    *out = a + b;
    return true;
}

void *
mem_array(size_t count, size_t size)
{
    size_t bytes = 0;
    if (!mem_multiply(count, size, &bytes) || !mem_add(bytes, CACHE_LINE_BYTES, &bytes))
        return NULL;
    bytes -= bytes % CACHE_LINE_BYTES;
    void *memory = aligned_alloc(CACHE_LINE_BYTES, bytes);
    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

static _Noreturn void
exhausted(void)
{
    fputs("out of memory\n", stderr);
    abort();
}

void *
mem_small(size_t size)
{
    return mem_resize(NULL, size, 1);
}

void *
mem_resize(void *pointer, size_t count, size_t size)
{
    size_t bytes = 0;
    if (!mem_multiply(count, size, &bytes))
        exhausted();
    void *memory = realloc(pointer, bytes > 0 ? bytes : 1);
    if (memory == NULL)
        exhausted();
    return memory;
}

bool
mem_try_resize(void *pointer, size_t count, size_t size)
{
    size_t bytes = 0;
    void *old = NULL;
    memcpy(&old, pointer, sizeof old); /* *pointer is a pointer of some type */
    void *fresh = mem_multiply(count, size, &bytes) ? realloc(old, bytes) : NULL;
    if (fresh != NULL)
        memcpy(pointer, &fresh, sizeof fresh);
    return fresh != NULL;
}

struct arena *
arena_new(void)
{
    struct arena *arena = mem_small(sizeof *arena);
    arena->newest = NULL;
    return arena;
}

void
arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    for (struct block *block = arena->newest, *next = NULL; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

/* Bytes that hold anything. */
static void *
take(struct arena *arena, size_t size)
{
    size_t step = alignof(max_align_t);
    if (size > PTRDIFF_MAX / 2)
        exhausted();
    size_t padded = (size + step - 1) / step * step;
    struct block *block = arena->newest;
    if (block == NULL || block->capacity - block->used < padded) {
        size_t capacity = padded > ARENA_BLOCK_BYTES ? padded : ARENA_BLOCK_BYTES;
        block = mem_small(sizeof *block + capacity);
        *block = (struct block){.next = arena->newest, .capacity = capacity};
        arena->newest = block;
    }
    void *memory = block->bytes + block->used;
    block->used += padded;
    return memory;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size);
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (!mem_multiply(count, size, &bytes))
        exhausted();
    return arena_alloc(arena, bytes);
}

char *
arena_copy_bytes(struct arena *arena, const char *bytes, size_t length)
{
    char *copy = take(arena, length + 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

char *
arena_copy_string(struct arena *arena, const char *string)
{
    return string == NULL ? NULL : arena_copy_bytes(arena, string, strlen(string));
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t bytes = length < 0 ? 1 : (size_t)length + 1;
    char *text = arena_alloc(arena, bytes);
    va_start(args, format);
    vsnprintf(text, bytes, format, args);
    va_end(args);
    return text;
}
