/*
 * Which files of a model folder hold its weights, and what identifies them.
 *
 * THE table (model_weights.c) has the forms in the order in which they win, which is that of
 * transformers: model.safetensors; its index over several files; pytorch_model.bin; its index. The
 * folder's other weights are not looked at. A folder that has only TensorFlow's or Flax's is
 * refused; one that has none at all is a model without weights.
 */
#ifndef CORE_HUB_MODEL_WEIGHTS_H
#define CORE_HUB_MODEL_WEIGHTS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/hub/weights_index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_weights {
    const char *head; /* name of the file that decides: the only one, or the index; NULL:
                       * no weights */
    bool pickled;     /* the files are PyTorch's (torch_zip.h), not safetensors */
    bool indexed;     /* head is an index, and this is it: */
    struct weights_index index;
    const char *const *files; /* (count), names of the files with numbers, ascending */
    size_t count;
};

/*
 * Find them; all in arena. Of an index every file must be there. ERR_INVALID names the index and
 * what is missing, ERR_UNSUPPORTED the form that is not read, with what to do.
 */
int model_weights_find(const char *folder, struct arena *arena, struct model_weights *out,
                       struct err *err);

/* Path of the file that decides, without reading it; NULL when the folder has no weights that are
 * read here. It is written anew whenever a model is saved. */
const char *model_weights_head(const char *folder, struct arena *arena);

/*
 * For those who gather a folder's files: which form a file of this name belongs to, 0 wins over 1
 * and so on; *decides: it is such a form's head. Files of several are known by the names that
 * transformers gives them ("model-00001-of-00003.safetensors"). -1: no weights that are read here.
 */
int model_weights_form(const char *name, bool *decides);

/* Weights of another program that are refused when there are no others? */
bool model_weights_is_foreign(const char *name);

/* Bytes of all files with numbers. */
int model_weights_bytes(const char *folder, const struct model_weights *weights, int64_t *out,
                        struct err *err);

/* Hex SHA-256 of a file: fileio_sha256 with a context, or from a memory of hashes. */
typedef int model_weights_hasher(void *context, const char *path, char hex[65], struct err *err);

/*
 * What identifies the weights: one file's SHA-256, or for several the SHA-256 of what sha256sum
 * prints of them in order of names ("<hash>  <name>\n" each): sha256sum model-*.safetensors |
 * sha256sum. The index adds nothing, since it must agree with the files. hasher NULL: fileio's.
 */
int model_weights_hash(const char *folder, const struct model_weights *weights,
                       model_weights_hasher *hasher, void *context, char hex[65], struct err *err);

#endif
