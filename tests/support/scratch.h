/*
 * A test's own folder: made at the start, removed with all it holds at the end.
 */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct scratch {
    struct arena *arena; /* for whatever lives as long as the test */
    const char *folder;
};

void scratch_open(struct scratch *scratch);
void scratch_close(struct scratch *scratch);

/* A path within the folder. */
const char *scratch_path(struct scratch *scratch, const char *name);

/* Write a file (name may hold a folder that exists) and return its path. */
const char *scratch_write(struct scratch *scratch, const char *name, const void *bytes,
                          size_t length);
const char *scratch_write_text(struct scratch *scratch, const char *name, const char *text);

/* Make a folder and return its path. */
const char *scratch_folder(struct scratch *scratch, const char *name);

/* Is this file of the shared material there? When not, says loudly that the test is skipped. */
bool shared_is_there(const char *path);

#endif
