/* A test's own folder; see scratch.h. A test that cannot have one ends here. */
#include "tests/support/scratch.h"

#include "core/base/fileio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
give_up(const char *what, const char *path)
{
    fprintf(stderr, "cannot %s %s\n", what, path);
    abort();
}

void
scratch_open(struct scratch *scratch)
{
    const char *base = getenv("TMPDIR");
    scratch->arena = arena_new();
    char *folder = arena_printf(scratch->arena, "%s/finetuned-test-XXXXXX",
                                base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(folder) == NULL)
        give_up("make folder", folder);
    scratch->folder = folder;
}

void
scratch_close(struct scratch *scratch)
{
    struct err err;
    if (fileio_remove_tree(scratch->folder, &err) != 0)
        give_up("remove", scratch->folder);
    arena_free(scratch->arena);
}

const char *
scratch_path(struct scratch *scratch, const char *name)
{
    return arena_printf(scratch->arena, "%s/%s", scratch->folder, name);
}

const char *
scratch_write(struct scratch *scratch, const char *name, const void *bytes, size_t length)
{
    const char *path = scratch_path(scratch, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || (length > 0 && fwrite(bytes, 1, length, file) != length) ||
        fclose(file) != 0)
        give_up("write", path);
    return path;
}

const char *
scratch_write_text(struct scratch *scratch, const char *name, const char *text)
{
    return scratch_write(scratch, name, text, strlen(text));
}

const char *
scratch_folder(struct scratch *scratch, const char *name)
{
    const char *path = scratch_path(scratch, name);
    if (mkdir(path, 0700) != 0)
        give_up("make folder", path);
    return path;
}

bool
shared_is_there(const char *path)
{
    if (access(path, R_OK) == 0)
        return true;
    fprintf(stderr, "SKIPPED: ../shared is absent: %s\n", path);
    return false;
}
