/*
 * Bringing a model folder in from outside: copied out of a folder or out of a tar archive into a
 * folder in tmp/, then judged. Putting it in place is the caller's.
 *
 * Only the files of a model that we read are taken (config, vocabulary, tokenizer, and the form of
 * weights that wins, model_weights.h); others are left out and named in the report. Nothing of an
 * archive can lead out of the folder that is written: links, devices, absolute names and ".." are
 * refused whatever they point to.
 */
#ifndef DAEMON_WORK_MODEL_IMPORT_H
#define DAEMON_WORK_MODEL_IMPORT_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stddef.h>
#include <stdint.h>

enum { IMPORT_LEFT_OUT_MAX = 100, IMPORT_ENTRIES_MAX = 10000 };

struct model_import {
    const char *folder_name; /* of the folder the files stood in, "" when there was none */
    const char *left_out[IMPORT_LEFT_OUT_MAX];
    size_t left_out_count; /* also those beyond IMPORT_LEFT_OUT_MAX */
};

/* Folders from whose inside models may be taken. */
struct import_places {
    const char *const *folders;
    size_t count;
};

/*
 * All take a target folder that does not exist yet, and create it; after an error the caller
 * removes it. ERR_INVALID and ERR_UNSUPPORTED are about the model, ERR_NOT_FOUND about the path.
 * Strings in the arena.
 */

/* path: absolute, or below one of the places; links are resolved before it is held against them. */
int model_import_folder(const char *path, const struct import_places *places, const char *target,
                        struct arena *arena, struct model_import *out, struct err *err);

/* The archive's files at its top, or in one folder. */
int model_import_tar(const char *archive, const char *target, struct arena *arena,
                     struct model_import *out, struct err *err);

/* Would the folder serve: config, tensors and tokenizer as a job or a prediction opens them, and
 * weights whose sums are right? */
int model_import_check(const char *folder, struct err *err);

#endif
