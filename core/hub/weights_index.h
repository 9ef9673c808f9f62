/*
 * The index of weights in several files: which tensor stands in which of them.
 *
 * Layout: a JSON object {"metadata": {…}, "weight_map": {tensor: file}}. A file's name is one
 * within the index's own folder: it may hold no '/', nor begin with a dot.
 */
#ifndef CORE_HUB_WEIGHTS_INDEX_H
#define CORE_HUB_WEIGHTS_INDEX_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stddef.h>

enum { WEIGHTS_FILES_MAX = 256, WEIGHTS_FILE_NAME_MAX = 255 };

struct weights_index_row {
    const char *tensor;
    size_t file; /* index into files */
};

struct weights_index {
    const char *const *files; /* (file_count), ascending, each once */
    size_t file_count;
    const struct weights_index_row *rows; /* (count), ascending by tensor */
    size_t count;
};

/*
 * Read an index whose files' names must end in `ending` (".safetensors"); all in arena. Messages
 * begin with the index's path. Whether the files are there is not looked at.
 */
int weights_index_read(const char *path, const char *ending, struct arena *arena,
                       struct weights_index *out, struct err *err);

/* NULL when it does not name the tensor. */
const struct weights_index_row *weights_index_find(const struct weights_index *index,
                                                   const char *tensor);

#endif
