/*
 * The files of a model folder, as they are offered for download: name, size, SHA-256.
 *
 * Only plain files at the top of the folder whose names are made of [A-Za-z0-9._-] and do not begin
 * with a dot are offered; links are followed, since the hub's cache is made of them. The list of a
 * fine-tuned model is made once and kept with its row as JSON; that of a base model, whose folder
 * is the user's, is made when asked for.
 */
#ifndef DAEMON_WORK_FOLDER_FILES_H
#define DAEMON_WORK_FOLDER_FILES_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stddef.h>
#include <stdint.h>

enum {
    FOLDER_FILES_MAX = 1000,
    FOLDER_FILE_NAME_MAX = 100 /* what the header of an archive holds */
};

struct folder_file {
    const char *name;
    int64_t bytes;
    const char *sha256; /* hex; NULL before it was computed */
};

struct folder_files {
    struct folder_file *items; /* by name */
    size_t count;
};

/* List a folder without hashes. ERR_NOT_FOUND when it is absent. */
int folder_files_list(const char *folder, struct arena *arena, struct folder_files *out,
                      struct err *err);

/* The file of that name, or NULL. */
struct folder_file *folder_files_find(const struct folder_files *files, const char *name);

/* List and hash: SLOW. */
int folder_files_describe(const char *folder, struct arena *arena, struct folder_files *out,
                          struct err *err);

/* [{"name", "bytes", "sha256"}] as it stands in the rows of models and checkpoints, and back. */
const char *folder_files_print(const struct folder_files *files, struct arena *arena);
int folder_files_parse(const char *json, struct arena *arena, struct folder_files *out,
                       struct err *err);

#endif
