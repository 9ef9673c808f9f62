/* Golden files; see golden.h. */
#include "tests/support/golden.h"

#include "core/base/mem.h"
#include "core/hub/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct golden {
    struct safetensors *file;
    struct arena *arena;
    const char *path;
};

enum { NAME_BYTES = 160 };

struct golden *
golden_open(const char *path)
{
    struct err err;
    struct safetensors *file = NULL;
    if (safetensors_open(path, &file, &err) != 0)
        fail_msg("%s", err.message);
    struct arena *arena = arena_new();
    struct golden *golden = arena_alloc(arena, sizeof *golden);
    *golden = (struct golden){file, arena, arena_copy_string(arena, path)};
    return golden;
}

void
golden_close(struct golden *golden)
{
    if (golden == NULL)
        return;
    safetensors_close(golden->file);
    arena_free(golden->arena);
}

static const struct stored_tensor *
find(const struct golden *golden, const char *name, va_list args)
{
    char text[NAME_BYTES];
    vsnprintf(text, sizeof text, name, args);
    const struct stored_tensor *entry = safetensors_find(golden->file, text);
    if (entry == NULL || entry->type != STORED_F32)
        fail_msg("%s has no F32 tensor '%s'", golden->path, text);
    return entry;
}

size_t
golden_count(struct golden *golden, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    const struct stored_tensor *entry = find(golden, name, args);
    va_end(args);
    return entry->length / sizeof(float);
}

const float *
golden_values(struct golden *golden, size_t count, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    const struct stored_tensor *entry = find(golden, name, args);
    va_end(args);
    if (entry->length != count * sizeof(float))
        fail_msg("%s: tensor '%s' has %zu values, the test wants %zu", golden->path, entry->name,
                 entry->length / sizeof(float), count);
    float *values = arena_array(golden->arena, count, sizeof *values);
    stored_tensor_to_float(entry, values);
    return values;
}
